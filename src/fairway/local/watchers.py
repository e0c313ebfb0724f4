"""How many files one more Envoy may watch: Linux allows each user few watchers, and without one Envoy aborts."""

import ctypes
import os
import sys

from fairway.core.errors import FairwayError


def require(count: int) -> None:
    """Refuse where fewer than so many watchers are left."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None, use_errno=True)
    found: list[int] = []
    try:
        while len(found) < count:
            number = library.inotify_init1(os.O_CLOEXEC)
            if number < 0:
                raise FairwayError(
                    f"Envoy: {count} watchers of files are needed, and this machine lets a user have {len(found)} more."
                    " End another system, or allow more: sysctl fs.inotify.max_user_instances=1024"
                )
            found.append(number)
    finally:
        for number in found:
            os.close(number)

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
                    f"Envoy: this machine lets a user have too few watchers of files, and {count} more are needed."
                    " Allow more: sysctl fs.inotify.max_user_instances=1024"
                )
            found.append(number)
    finally:
        for number in found:
            os.close(number)

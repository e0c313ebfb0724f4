"""How Fairway was started, for lines that a person pastes into the same shell."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def fairway() -> str:
    """Write the words that start Fairway as it was started now: by its name alone where the shell finds it by that."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m fairway"
    found = shutil.which(started.name)
    if found is not None and started.exists() and Path(found).samefile(started):
        return started.name
    return shlex.quote(sys.argv[0])


def system(folder: Path) -> str:
    """Write where a system is, seen from here; from a folder that is not above it, in full."""
    below = os.path.relpath(folder)
    if below.startswith(".."):
        below = str(folder)
    return shlex.quote(below if "/" in below or below == "." else f"./{below}")  # never to be taken for a service

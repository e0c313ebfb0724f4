"""What the commands about a running system share: where it is, and whether it is well."""

from pathlib import Path

from fairway.core.errors import FairwayError
from fairway.local.control import Status
from fairway.local.run_folder import RunFolder
from fairway.local.supervisor import View


def place(facts: Path) -> RunFolder:
    """Find the folder of a system by its file or folder, without reading the facts: they may be wrong by now."""
    folder = facts if facts.is_dir() else facts.parent
    if not (folder / "fairway.yaml").is_file() and not facts.is_file():
        raise FairwayError(f"{folder}: holds no fairway.yaml. Name the folder of a system.")
    return RunFolder(folder, visits=True)


def troubled(status: Status) -> list[View]:
    """Give the processes that are not as they should be, or not yet."""
    return [view for view in status.processes if view.state not in {"ready", "done"}]

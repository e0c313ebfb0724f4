"""A service with flags, and the file that defines them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from fairway_sdk import Service
from fairway_sdk.testing.placing import placed

Running: TypeAlias = Callable[..., AbstractAsyncContextManager[Service]]

ON_OFF = {"state": "ENABLED", "variants": {"on": True, "off": False}}


class FlagFile:
    """The definitions as Kubernetes mounts them: a new folder each time, swapped in by renaming a link."""

    def __init__(self, folder: Path) -> None:
        """Have no file yet."""
        self.folder = folder
        self.path = folder / "flags.json"
        self._versions = 0

    def write(self, flags: dict[str, Any] | str) -> None:
        """Replace the definitions; a text is written as it is."""
        self._versions += 1
        version = self.folder / f"..{self._versions}"
        version.mkdir()
        text = flags if isinstance(flags, str) else json.dumps({"flags": flags})
        (version / "flags.json").write_text(text)
        link = self.folder / "..new"
        link.symlink_to(version.name)
        link.rename(self.folder / "..data")
        if not self.path.is_symlink():
            self.path.symlink_to("..data/flags.json")


def flag(default: str = "off", targeting: dict[str, Any] | None = None, **further: Any) -> dict[str, Any]:  # noqa: ANN401 - of flagd
    """Define a flag that is on or off."""
    return ON_OFF | {"defaultVariant": default, "targeting": targeting or {}} | further


@pytest.fixture
def file(tmp_path: Path) -> FlagFile:
    """Give a file that is not there yet."""
    folder = tmp_path / "flags"
    folder.mkdir()
    return FlagFile(folder)


@pytest.fixture
def running(tmp_path: Path, file: FlagFile) -> Running:
    """Give a context manager that runs the flags of a service; further arguments are the binding's."""

    @asynccontextmanager
    async def run(name: str = "shop", **bound: object) -> AsyncIterator[Service]:
        known: dict[str, Any] = {"flags": {"gift-wrapping": False, "new-basket": True}, "flags_file": str(file.path)}
        service = placed(Service(name), tmp_path, **(known | bound))
        await service.flags.start()
        try:
            yield service
        finally:
            await service.flags.stop()

    return run

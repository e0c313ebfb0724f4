"""The sockets of a replica's runs: each run has its own, and a link by which everybody else finds the one that answers.

So a new run can be made ready while the old one still answers, and takes over in one step.
"""

import os
import socket
from pathlib import Path
from typing import Final

import msgspec

from fairway.local.processes import answers
from fairway.local.run_folder import RunFolder
from fairway.local.services import place
from fairway_sdk.contract import LIVE_PATH, READY_PATH
from fairway_sdk.contract.binding import Binding, Listen

SIDES: Final = ("rest", "grpc", "admin")
UNIX: Final = "unix:"


class Turns:
    """The runs of one replica, one after the other."""

    def __init__(self, run: RunFolder, name: str, bound: Binding) -> None:
        """Take what the replica is told; it listens on Unix sockets, whose paths are the links'."""
        self._run = run
        self._name = name
        self._bound = bound
        self._number = 0
        self.folder = place(run, name, bound)

    async def prepare(self) -> None:
        """Place the next run, and lead to it at once where nobody answers."""
        self._number += 1
        listen = Listen(**{side: f"{UNIX}{self._socket(side)}" for side in SIDES})
        place(self._run, self._name, msgspec.structs.replace(self._bound, listen=listen))
        if not _answers(self._link("admin")):
            await self.settle()

    async def settle(self) -> None:
        """Lead to the run that is ready now."""
        for side in SIDES:
            link, draft = self._link(side), self._run.socket(f"{self._name}.{side}.next")
            draft.unlink(missing_ok=True)
            draft.symlink_to(self._socket(side).name)
            draft.rename(link)

    async def ready(self) -> str | None:
        """Give the reason why the newest run is not ready, or none."""
        return await answers(f"{UNIX}{self._socket('admin')}", READY_PATH)()

    async def live(self) -> str | None:
        """Give the reason why the newest run is not well, or none."""
        return await answers(f"{UNIX}{self._socket('admin')}", LIVE_PATH)()

    def _socket(self, side: str) -> Path:
        return self._run.socket(f"{self._name}.{side}.{self._number}")

    def _link(self, side: str) -> Path:
        return Path(getattr(self._bound.listen, side).removeprefix(UNIX))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(os.fspath(path)) == 0

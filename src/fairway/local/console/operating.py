"""What a person can do from the page: start a process anew, and the SDK's commands for dead letters and sagas."""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.control import Request, ask
from fairway.local.run_folder import RunFolder
from fairway.local.telemetry.settings import Operated

TAKES_AT_MOST: Final = 60.0  # seconds: a command starts Python and opens the service's store
AT_ONCE: Final = 2
MOST_IDS: Final = 200  # in one command
LISTED: Final = 500  # letters or sagas
ENDED_LISTED: Final = 5000  # the oldest come first, and the newest are wanted
LARGEST: Final = 8 << 20  # bytes of an answer
ENDED: Final = ("completed", "compensated", "abandoned")
SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.:=+/@][A-Za-z0-9_.:=+/@-]{0,255}")  # never looks like an option

Part = Literal["dead-letters", "saga"]
PARTS: Final[tuple[Part, ...]] = ("dead-letters", "saga")
READINGS: Final = frozenset({"list", "show"})
ACTIONS: Final[Mapping[Part, frozenset[str]]] = {
    "dead-letters": frozenset({"redrive", "drop"}),
    "saga": frozenset({"resume", "abandon"}),
}


class Operators:
    """The commands of one running system."""

    def __init__(self, run: RunFolder, operated: Mapping[str, Operated]) -> None:
        """Take the system's folder, and how commands run in each service's place."""
        self._run = run
        self._operated = operated
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def restart(self, name: str) -> list[str]:
        """Start a service or a process anew; give the names of those that do."""
        answer = await asyncio.to_thread(ask, self._run, Request("restart", name))
        if answer.fault:
            raise FairwayError(answer.fault)
        return answer.names

    async def command(
        self, part: Part, verb: str, service: str, ids: Sequence[str] = (), *, ended: bool = False
    ) -> Any:  # noqa: ANN401 - its JSON
        """Run a command of the SDK in a service's place, and give what it tells; *ended* lists sagas that have."""
        place = self._operated.get(service)
        if place is None:
            raise FairwayError(f"{service}: has no such commands: it does not use the SDK.")
        if verb not in READINGS | ACTIONS[part]:
            raise FairwayError(f"{verb}: there is no such command.")
        if verb != "list" and not 1 <= len(ids) <= MOST_IDS:
            raise FairwayError(f"Name 1 to {MOST_IDS} of them.")
        if wrong := [one for one in ids if not SAFE_ID.fullmatch(one)]:
            raise FairwayError(f"{wrong[0][:80]!r}: is no id.")
        words = [*place.command, part, place.module, verb, "--format", "json"]
        if part == "dead-letters" or verb == "list":
            words += ["--limit", str(ENDED_LISTED if ended else LISTED)]
        words += [word for state in ENDED for word in ("--state", state)] if ended else []
        async with self._turns:
            return await self._output([*words, *ids], place)

    async def _output(self, words: Sequence[str], place: Operated) -> Any:  # noqa: ANN401
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=place.cwd,
            env=os.environ | place.variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(TAKES_AT_MOST):
                said, complained = await process.communicate()
        except TimeoutError:
            raise FairwayError(f"The command gave no answer within {TAKES_AT_MOST:g} s. Is its store up?") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = complained[-4096:].decode(errors="replace").strip().splitlines()
        if len(said) > LARGEST:
            raise FairwayError("The answer is too long to be shown. Use the command itself.")
        try:
            found = msgspec.json.decode(said)
        except msgspec.DecodeError:
            reason = lines[-1] if lines else f"it ended with code {process.returncode}"
            raise FairwayError(f"The command failed: {reason}") from None
        if process.returncode and not found and lines:
            raise FairwayError(lines[-1])  # it did nothing, and says why
        return found

"""One run of a process follows another: the old one answers until the new one is ready, and starts are tried again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from fairway.core.errors import Exit, FairwayError
from fairway.local.processes import ProcessSpec
from fairway.local.run_folder import RunFolder
from fairway.local.state import Register
from fairway.local.supervisor import Supervisor


class MissingError(FairwayError):
    """Something is not on this machine."""

    exit = Exit.TOOL_MISSING


@pytest_asyncio.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    """Look after processes until the test ends."""
    run = RunFolder(tmp_path)
    with Register(run) as register:
        made = Supervisor(register)
        yield made
        await made.stop()
    run.sockets.rmdir()


async def until(holds: Callable[[], object]) -> None:
    """Wait for something."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs."""
    return Path(f"/proc/{pid}").exists()


async def test_the_old_run_goes_on_until_the_new_one_is_ready_and_for_a_while(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """Whoever depends on it always finds one that answers."""
    unready: set[str] = set()

    async def ready() -> str | None:
        return "not yet" if unready else None

    spec = ProcessSpec(
        name="a",
        command=("sleep", "60"),
        cwd=tmp_path,
        log=tmp_path / "a.log",
        ready=ready,
        overlaps=True,
        handover=0.5,
    )
    supervisor.start([spec])
    process = supervisor.processes["a"]
    await until(lambda: process.state == "ready")
    first = process.pid
    unready.add("a")
    supervisor.restart(["a"])
    await until(lambda: process.pid not in {0, first})
    assert process.state == "starting"
    assert alive(first)
    unready.clear()
    await until(lambda: process.state == "ready")
    assert alive(first)
    await until(lambda: not alive(first))
    assert alive(process.pid)


async def test_replicas_follow_one_after_the_other(supervisor: Supervisor, tmp_path: Path) -> None:
    """The second stays as it is while the first does not become ready."""
    unready: set[str] = set()

    def spec(name: str) -> ProcessSpec:
        async def ready() -> str | None:
            return "not yet" if name in unready else None

        return ProcessSpec(
            name=name, command=("sleep", "60"), cwd=tmp_path, log=tmp_path / f"{name}.log", ready=ready, overlaps=True
        )

    supervisor.start([spec("a"), spec("b")])
    await supervisor.settled()
    before = {name: one.pid for name, one in supervisor.processes.items()}
    unready.add("a")
    supervisor.restart(["a", "b"])
    await until(lambda: supervisor.processes["a"].state == "starting")
    await asyncio.sleep(0.3)
    assert supervisor.processes["b"].pid == before["b"]
    unready.clear()
    await until(lambda: supervisor.processes["b"].pid not in {0, before["b"]})
    await supervisor.settled()


async def test_a_start_that_cannot_be_prepared_is_tried_again_unless_something_is_missing(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """A taken port may be free in a while; a program that is not there will not come."""
    faults: list[FairwayError] = [FairwayError("8080: is taken."), FairwayError("8080: is taken.")]

    async def prepare() -> None:
        if faults:
            raise faults.pop()

    async def missing() -> None:
        raise MissingError("Envoy: is not on this machine.")

    log = tmp_path / "log"
    specs = [
        ProcessSpec(name="again", command=("sleep", "60"), cwd=tmp_path, log=log, prepare=prepare),
        ProcessSpec(name="never", command=("sleep", "60"), cwd=tmp_path, log=log, prepare=missing),
    ]
    supervisor.start(specs)
    again, never = supervisor.processes["again"], supervisor.processes["never"]
    await until(lambda: again.reason.startswith("8080: is taken"))
    await until(lambda: again.state == "ready")
    assert (never.state, never.reason) == ("failed", "Envoy: is not on this machine.")

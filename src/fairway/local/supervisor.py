"""Runs a graph of processes: starts each when what it needs is ready, restarts what crashed or hangs, ends all."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Literal

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.endings import Fault, fault_of, next_run, rests_at_first, unstartable
from fairway.local.handover import Handover
from fairway.local.processes import Ask, Child, ProcessSpec, end_group, send, shorten, spawn, stop
from fairway.local.schedule import Schedule
from fairway.local.state import Register
from fairway.local.watching import changes

FIRST_PAUSE: Final = 0.5  # seconds before a crashed process starts again; then twice as long each time
LONGEST_PAUSE: Final = 30.0
STABLE_AFTER: Final = 30.0  # seconds of being ready, after which an earlier crash is forgotten
PATIENCE: Final = 8.0  # seconds that one that starts may be alive and not ready before that is shown
IN_TROUBLE: Final = 3  # crashes in a row, after which nobody waits for a process any more
LOOKED_AT_FIRST: Final = 0.05  # seconds between two questions of one that starts
LOOKED_AT_EVERY: Final = 1.0  # and of one that runs
NOTICED_WITHIN: Final = 3.0  # seconds that one takes to see that what it needs is there
LOGS_LOOKED_AT_EVERY: Final = 5.0
COME_TO_REST: Final = frozenset({"ready", "crashed", "failed", "stopped"})

State = Literal["waiting", "starting", "ready", "not-ready", "crashed", "failed", "done", "stopping", "stopped"]

Start = Callable[[ProcessSpec], Awaitable[Child]]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One process as it is now."""

    name: str
    part: str
    service: str
    state: State
    reason: str  # why it is not ready; empty where it is
    pid: int  # 0: none
    since: float  # seconds since 1970: when it came into this state
    restarts: int
    address: str
    log: str


Tell = Callable[[View], None]


class Process:
    """One process of the graph, and what is known of it."""

    def __init__(self, spec: ProcessSpec, tell: Tell) -> None:
        """Take what is to run."""
        self.spec = spec
        self.state: State = "waiting"
        self.reason = ""
        self.pid = 0
        self.since = time.time()
        self.restarts = 0
        self.crashes = 0  # since it was last stable
        self.relied_on = asyncio.Event()  # it has been ready once: dependents may start
        self.asked = asyncio.Event()  # somebody wants it started anew
        self.ending = False  # it is not to start again
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.settled = False  # what it needs once it answers is done
        self.before = Handover(spec, lambda: self.ending)
        self._tell = tell

    def ask(self) -> None:
        """Want it started anew; who depends on a job waits for it again."""
        if self.spec.once:
            self.relied_on.clear()
        self.asked.set()

    def become(self, state: State, reason: str = "") -> None:
        """Note a state, and tell of it where it is new."""
        if (state, reason) == (self.state, self.reason):
            return
        if state != self.state:
            self.since = time.time()
        self.state, self.reason = state, reason
        self._tell(self.view)

    @property
    def view(self) -> View:
        """Show it as it is now."""
        spec = self.spec
        return View(
            name=spec.name,
            part=spec.part,
            service=spec.service,
            state=self.state,
            reason=self.reason,
            pid=self.pid,
            since=self.since,
            restarts=self.restarts,
            address=spec.address,
            log=str(spec.log),
        )


class Supervisor:
    """Looks after a set of processes, from `start` to `stop`."""

    def __init__(self, register: Register, tell: Tell = lambda _view: None, start: Start = spawn) -> None:
        """Take where processes are noted, who is told of changes, and how a process is started."""
        self.processes: dict[str, Process] = {}
        self._register = register
        self._tell = tell
        self._start = start
        self._beside: list[asyncio.Task[None]] = []
        self._urgent = False

    def start(self, specs: Iterable[ProcessSpec]) -> None:
        """Begin to run these; a process may depend on one that is named later or runs already."""
        if not self._beside:
            self._beside.append(asyncio.create_task(self._shorten_logs()))
        new = [Process(spec, self._tell) for spec in specs]
        self.processes |= {process.spec.name: process for process in new}
        _refuse_circles(self.processes)
        for process in new:
            process.task = asyncio.create_task(self._look_after(process), name=process.spec.name)
            if process.spec.watch is not None and not process.spec.once:
                self._beside.append(asyncio.create_task(self._reload(process)))
            if process.spec.schedule:
                self._beside.append(asyncio.create_task(self._run_on_time(process)))

    def views(self) -> list[View]:
        """Show every process as it is now."""
        return [process.view for process in self.processes.values()]

    async def settled(self) -> None:
        """Wait until every process is ready, done, or in trouble of its own; one that waits for such a one counts."""
        while not all(self._settled(process) for process in self.processes.values()):  # noqa: ASYNC110 - many tell
            await asyncio.sleep(LOOKED_AT_FIRST)

    def restart(self, names: Iterable[str], *, jobs: bool = True) -> None:
        """Ask for these to be started anew; with their services' jobs, which then come first."""
        wanted = [self.processes[name] for name in names]
        if jobs:
            services = {process.spec.service for process in wanted if process.spec.service}
            wanted += [other for other in self.processes.values() if other.spec.once and other.spec.service in services]
        for process in wanted:
            if not process.spec.overlaps:
                process.ask()
        if following := [process for process in wanted if process.spec.overlaps]:
            self._beside.append(asyncio.create_task(self._one_by_one(following)))

    async def stop(self) -> None:
        """End everything, what others depend on last."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await asyncio.gather(*(self._end(process) for process in self.processes.values()))

    def hurry(self) -> None:
        """End everything now, in no order: stopping then takes no time."""
        self._urgent = True
        for process in self.processes.values():
            for pid in filter(None, (process.pid, *process.before.pids)):
                send(pid, signal.SIGKILL)

    def _settled(self, process: Process) -> bool:
        match process.state:
            case "waiting":
                lacking = [self.processes[name] for name in process.spec.depends_on]
                return any(not other.relied_on.is_set() and self._settled(other) for other in lacking)
            case "crashed":
                return process.crashes >= IN_TROUBLE
            case "starting" | "stopping":
                return process.spec.completes
            case "not-ready":  # what it needs may have come this moment
                beside = [self.processes[name] for name in process.spec.outlived_by]
                return all(self._settled(one) and time.time() - one.since > NOTICED_WITHIN for one in beside)
            case _:
                return True

    async def _look_after(self, process: Process) -> None:
        try:
            while True:
                await self._wait_for_others(process)
                if process.ending:
                    break
                process.asked.clear()
                try:
                    fault = await self._live(process)
                except Exception as error:  # noqa: BLE001 - one fault of ours must not silence all the others
                    fault = Fault(f"{type(error).__name__}: {error}", final=True)
                if fault is not None:
                    await self._pause(process, fault)
                process.restarts += 1
        finally:
            await process.before.over(self._register)
            process.become("stopped")
            process.ended.set()

    async def _wait_for_others(self, process: Process) -> None:
        for name in process.spec.depends_on:
            other = self.processes[name]
            if not other.relied_on.is_set():
                process.become("waiting", f"for {name}")
                await other.relied_on.wait()

    async def _pause(self, process: Process, fault: Fault) -> None:
        """Wait a little longer after each crash, or for somebody to ask where that mends nothing."""
        process.crashes += 1
        pause = None if fault.final else min(FIRST_PAUSE * 2 ** (process.crashes - 1), LONGEST_PAUSE)
        if pause is None:
            process.become("failed", "; ".join(filter(None, (fault.says, next_run(process.spec)))))
        else:
            old = "; the one before it still answers" if process.before.answers else ""
            process.become("crashed", f"{fault.says}; starts again in {pause:g} s{old}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.asked.wait(), pause)

    async def _live(self, process: Process) -> Fault | None:
        """Run it to its end; give what went wrong, or nothing where it was asked to end."""
        spec = process.spec
        if not process.restarts and (rests := rests_at_first(spec)) is not None:
            await self._done(process, rests)
            return None
        process.become("starting")
        process.settled = False
        try:
            if spec.prepare is not None:
                await spec.prepare()
            if process.ending:
                return None
            child = await self._start(spec)
        except (OSError, FairwayError) as error:
            return unstartable(spec, error)
        process.pid = child.pid
        self._register.add(child.pid)
        exit_ = asyncio.ensure_future(child.wait())
        probing = asyncio.create_task(self._probe(process))
        asking = asyncio.create_task(process.asked.wait())
        try:
            await asyncio.wait({exit_, probing, asking}, return_when=asyncio.FIRST_COMPLETED)
            if exit_.done():
                return await self._ended(process, exit_.result())
            if asking.done():
                if spec.overlaps and process.state == "ready" and not process.ending:
                    process.before.keep(child, exit_)
                return None
            send(child.pid, signal.SIGKILL)
            return Fault(probing.result())
        finally:
            for task in (probing, asking):
                task.cancel()
            await asyncio.gather(probing, asking, return_exceptions=True)
            if child not in process.before:
                await self._put_down(process, child, exit_)

    async def _ended(self, process: Process, code: int) -> Fault | None:
        spec = process.spec
        took = f"after {time.time() - process.since:.1f} s" if spec.completes else ""
        if fault := fault_of(spec, code, took):
            return fault
        if spec.settle is not None:
            await spec.settle()
        await self._done(process, took and f"ended well {took}")
        return None

    async def _done(self, process: Process, how: str = "") -> None:
        """Rest until somebody wants it run again."""
        if process.pid:
            await end_group(process.pid)
            self._register.remove(process.pid)
        process.pid = process.crashes = 0
        process.become("done", "; ".join(filter(None, (how, next_run(process.spec)))))
        process.relied_on.set()
        await process.asked.wait()

    async def _put_down(self, process: Process, child: Child, exit_: "asyncio.Future[int]") -> None:
        if not exit_.done():
            process.become("stopping")
            if self._urgent:
                send(child.pid, signal.SIGKILL)
            await stop(child, process.spec)
        await end_group(child.pid)
        self._register.remove(child.pid)
        process.pid = 0

    async def _probe(self, process: Process) -> str:
        """Ask again and again; come back with a reason when it has to be killed."""
        spec = process.spec
        begun = asked_last = time.monotonic()
        missed = 0
        while True:
            live = spec.live if time.monotonic() - asked_last >= spec.live_every else None
            reason, unwell = await asyncio.gather(_answer(spec.ready), _answer(live))
            if not spec.once and (fault := await self._note(process, reason)):
                return fault
            now = time.monotonic()
            if process.state == "ready" and now - begun > STABLE_AFTER:
                process.crashes = 0
            if live is not None:
                asked_last = now
                missed = missed + 1 if unwell and process.state != "starting" else 0
                if process.state == "starting" and not unwell and now - begun > PATIENCE:
                    process.become("not-ready", reason or "")
                if missed >= spec.live_failures:
                    return f"hung: {unwell}, {missed} times in a row"
            if process.state == "starting" and now - begun > spec.starts_within:
                return f"was not ready within {spec.starts_within:g} s: {reason}"
            await asyncio.sleep(LOOKED_AT_FIRST if process.state == "starting" else LOOKED_AT_EVERY)

    async def _note(self, process: Process, reason: str | None) -> str | None:
        """Note whether it is ready; give a fault where it cannot be made so."""
        if reason is not None:
            if process.state in {"ready", "not-ready"}:
                process.become("not-ready", reason)
            return None
        if process.state != "ready":
            if not process.settled and process.spec.settle is not None:
                try:
                    await process.spec.settle()
                except (OSError, FairwayError) as error:
                    return str(error)
            process.settled = True
            process.before.let_go(self._register, process.spec.handover)
            process.become("ready")
            if process.restarts:  # jobs do again what this one forgot
                for other in self.processes.values():
                    if process.spec.name in other.spec.again_with:
                        other.ask()
            process.relied_on.set()
        return None

    async def _end(self, process: Process) -> None:
        if not self._urgent:
            name = process.spec.name
            above = [
                other
                for other in self.processes.values()
                if name in other.spec.depends_on or name in other.spec.outlived_by
            ]
            await asyncio.gather(*(other.ended.wait() for other in above))
        process.ending = True
        process.asked.set()
        if process.task is not None:
            if process.state == "waiting":  # a cancellation elsewhere could lose a process that just starts or ends
                process.task.cancel()
            await asyncio.gather(process.task, return_exceptions=True)
        process.ended.set()

    async def _reload(self, process: Process) -> None:
        assert process.spec.watch is not None
        async for paths in changes(process.spec.watch):
            process.crashes = 0
            self.restart([process.spec.name], jobs=any("migrations" in path for path in paths))

    async def _run_on_time(self, process: Process) -> None:
        schedule = Schedule(process.spec.schedule)
        while True:
            await asyncio.sleep(schedule.pause())
            if not process.pid:  # a run that takes longer than the time between two is left to end
                process.ask()

    async def _one_by_one(self, following: list[Process]) -> None:
        """Start each anew once the one before is ready; the others stay as they are where one does not become so."""
        for process in following:
            restarts = process.restarts
            process.ask()
            while process.restarts == restarts or process.state not in COME_TO_REST:  # noqa: ASYNC110 - many tell
                await asyncio.sleep(LOOKED_AT_FIRST)
            if process.state != "ready":
                return

    async def _shorten_logs(self) -> None:
        while True:
            await asyncio.sleep(LOGS_LOOKED_AT_EVERY)
            for process in self.processes.values():
                shorten(process.spec.log)


async def _answer(asked: Ask | None) -> str | None:
    return await asked() if asked is not None else None


def _refuse_circles(processes: dict[str, Process]) -> None:
    """Refuse processes that wait for one another, which they would do for ever: that is a fault of Fairway."""
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{' -> '.join((*above, name))}: wait for one another")
        if name not in done:
            for other in processes[name].spec.depends_on:
                visit(other, (*above, name))
            done.add(name)

    for name in processes:
        visit(name, ())

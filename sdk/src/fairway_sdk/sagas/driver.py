"""Drives one saga, step by step, for as long as this process holds it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import structlog
from msgspec import Raw, Struct

from fairway_sdk.calls.backoff import pause as backoff
from fairway_sdk.calls.deadline import within
from fairway_sdk.calls.idempotency import idempotency
from fairway_sdk.contract.binding import Workflow
from fairway_sdk.errors import UnavailableError
from fairway_sdk.sagas import course as to
from fairway_sdk.sagas import failure, metrics
from fairway_sdk.sagas.course import NOTHING, Entry, Kept
from fairway_sdk.sagas.definition import Definition, Step
from fairway_sdk.sagas.lease import Holder, Lease, LostError
from fairway_sdk.sagas.nap import Nap, raise_if_cancelled
from fairway_sdk.sagas.values import UnreadableError
from fairway_sdk.telemetry.traces import span

log = structlog.get_logger("fairway")


class Try(Struct, frozen=True, kw_only=True):
    """One call of a step's method, or of its undo's."""

    step: Step
    method: str
    act: Callable[..., Awaitable[Any]]
    takes: frozenset[str]
    key: str
    entry: Entry | None = None  # of what is undone; none forwards

    @property
    def in_transaction(self) -> bool:
        """Tell whether the effect and its record commit together."""
        return "tx" in self.takes


class Driver:
    """The run of one saga in this process: until it ends, waits for long, is stuck, or is another's."""

    def __init__(self, lease: Lease, definition: Definition, workflow: Workflow, holder: Holder) -> None:
        self.lease = lease
        self._definition = definition
        self._workflow = workflow
        self._holder = holder
        self._values = holder.values
        self._nap = Nap()
        self._input: Any = None

    def hurry(self) -> None:
        """End a pause: the process is ending, and the saga is to be let go."""
        self._nap.wake()

    async def drive(self) -> None:
        """Go on from where the log stands."""
        lease = self.lease
        try:
            self._input = await self._read(lambda: self._values.read_input(self._definition, lease.kept))
            while lease.here and lease.kept.state in to.MOVING:
                if self._holder.draining.is_set():
                    await lease.record(lease.kept, moved=False)
                else:
                    await self._next(to.course(self._definition, lease.kept))
        except UnreadableError as error:
            await self._stick(str(error))
        except LostError:
            log.warning("saga is another's by now", saga=lease.kept.saga, id=lease.kept.id)

    async def _next(self, following: to.Next) -> None:
        kept = self.lease.kept
        if isinstance(following, to.End):
            await self.lease.record(to.settled(self._definition, kept), moved=True)
            return
        step, key = following.step, f"{kept.id}:{following.step.name}"
        if isinstance(following, to.Do):
            await self._try(Try(step=step, method=step.name, act=step.act, takes=step.takes, key=key))
        elif (undo := step.undo) is not None:
            key, entry = f"{key}:undo", following.entry
            await self._try(Try(step=step, method=undo.name, act=undo.act, takes=undo.takes, key=key, entry=entry))

    # One try

    async def _try(self, this: Try) -> None:
        await self.lease.hold()
        given = await self._read(lambda: self._given(this))
        try:
            if this.in_transaction:
                await self._commit(this, given)
                self._count(this, "done", "undone")
                return
            result = await self._call(this, given)
        except Exception as error:  # noqa: BLE001 - whatever it raises, the saga goes on or back
            raise_if_cancelled()
            await self._failed(this, error)
            return
        self._count(this, "done", "undone")
        await self.lease.record(self._after(this, result), moved=True)

    async def _call(self, this: Try, given: dict[str, Any]) -> Raw:
        kept, step = self.lease.kept, this.step
        seconds = self._workflow.timeout if step.timeout is None else step.timeout
        attributes = {"fairway.saga.name": kept.saga, "fairway.saga.id": kept.id, "fairway.saga.step": step.name}
        with ExitStack() as stack:
            stack.enter_context(span(f"{kept.saga} {this.method}", parent=kept.trace, attributes=attributes))
            stack.enter_context(within(seconds))
            stack.enter_context(idempotency(this.key))
            try:
                async with asyncio.timeout(seconds) as limit, _ends_with(self.lease, limit):
                    self._holder.witness("before", this.method)
                    result = await this.act(self._definition.saga, self._input, **given)
                    kept_result = NOTHING
                    if this.entry is None:
                        kept_result = await self._values.keep_result(step, result, kept.person)
                    self._holder.witness("after", this.method)
                    return kept_result
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                raise RuntimeError(f"'{this.method}' was cancelled from within") from error

    async def _commit(self, this: Try, given: dict[str, Any]) -> None:
        """Call a method and record it in one transaction."""
        recorded: tuple[Kept, float] | None = None
        try:
            async with self._holder.log.store.begin() as transaction:
                result = await self._call(this, given | {"tx": transaction})
                await transaction.flush()
                recorded = await self.lease.record_in(transaction, self._after(this, result))
        except Exception:
            raise_if_cancelled()
            # The answer to a commit can be lost: then the store knows.
            if recorded is None or not await self.lease.is_written(recorded[0]):
                raise
        assert recorded is not None
        self.lease.settle(*recorded)

    async def _given(self, this: Try) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if "key" in this.takes:
            given["key"] = this.key
        if "results" in this.takes:
            given["results"] = await self._values.results(self._definition, self.lease.kept)
        if "result" in this.takes and this.entry is not None:
            given["result"] = await self._values.read_result(this.step, this.entry, self.lease.kept.person)
        return given

    def _after(self, this: Try, result: Raw) -> Kept:
        kept, now = self.lease.kept, self._holder.log.clock.now()
        changed = to.done(kept, this.step, result, now) if this.entry is None else to.undone(kept, this.step.name, now)
        return to.settled(self._definition, changed)

    # What a failed try leads to

    async def _failed(self, this: Try, error: Exception) -> None:
        if this.in_transaction and type(error) is UnavailableError:
            await self._nap.sleep(self._holder.log.clock, backoff(self._workflow.retries, 1))
            return  # it was the store, and nothing was done: no try is lost
        kept = self.lease.kept
        declined = this.entry is None and failure.is_no(error, this.step)
        what = {"saga": kept.saga, "id": kept.id, "step": this.step.name}
        if declined:  # an answer as good as any other
            log.info("saga step was declined", **what, error=type(error).__name__)
        else:
            words = "saga step failed" if this.entry is None else "saga step was not undone"
            log.warning(words, **what, tries=kept.tries + 1, error=type(error).__name__, at=failure.place(error))
        if this.entry is None:
            await self._not_done(this, error, declined=declined)
        else:
            await self._not_undone(this, error)

    async def _not_done(self, this: Try, error: Exception, *, declined: bool) -> None:
        kept, step, retries = self.lease.kept, this.step, self._workflow.retries
        self._count(this, "declined" if declined else "failed", "")
        if not declined and failure.was_sent(error):
            kept = to.in_doubt(kept, step.name, step, self._holder.log.clock.now())
        kept = to.tried(kept, failure.said(error, step))
        if not declined and kept.tries < (retries.tries if step.retries is None else step.retries + 1):
            await self._record_and_pause(kept, backoff(retries, kept.tries))
            return
        log.info("saga turns back", saga=kept.saga, id=kept.id, step=step.name)
        turned = to.turned(kept, step.name, kept.trouble)
        await self.lease.record(to.settled(self._definition, turned), moved=True)

    async def _not_undone(self, this: Try, error: Exception) -> None:
        self._count(this, "", "not-undone")
        retries, kept = self._workflow.undo_retries, to.tried(self.lease.kept, failure.said(error, this.step))
        if kept.tries < retries.tries:
            await self._record_and_pause(kept, backoff(retries, kept.tries))
        else:
            await self._stick(f"step '{this.step.name}' could not be undone: {kept.trouble}")

    async def _record_and_pause(self, kept: Kept, seconds: float) -> None:
        await self.lease.record(kept, moved=False, pause=seconds)
        if self.lease.here:
            await self._nap.sleep(self._holder.log.clock, seconds)

    async def _stick(self, trouble: str) -> None:
        log.error("saga is stuck", saga=self.lease.kept.saga, id=self.lease.kept.id, reason=trouble)
        await self.lease.record(to.stuck(self.lease.kept, trouble), moved=True)

    # Small things

    async def _read(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Read documents; keys of persons may be away for a while."""
        failed = 0
        while True:
            try:
                return await ask()
            except UnavailableError:
                failed += 1
            await self._nap.sleep(self._holder.log.clock, backoff(self._workflow.retries, failed))
            await self.lease.hold()

    def _count(self, this: Try, forwards: str, backwards: str) -> None:
        outcome = forwards if this.entry is None else backwards
        metrics.TRIES.labels(self.lease.kept.saga, this.step.name, outcome).inc()


class _ends_with:  # noqa: N801 - reads as what it does where it is used
    """Keeps a try from outliving the lease: a store that is away renews none, and others may be let in before us."""

    def __init__(self, lease: Lease, limit: asyncio.Timeout) -> None:
        self._lease = lease
        self._limit = limit
        self._when = limit.when() or 0.0

    async def __aenter__(self) -> None:
        self._lease.changed = self._move
        self._move()

    async def __aexit__(self, *_error: object) -> None:
        self._lease.changed = None

    def _move(self) -> None:
        if not self._limit.expired():
            self._limit.reschedule(min(self._when, asyncio.get_running_loop().time() + self._lease.left))

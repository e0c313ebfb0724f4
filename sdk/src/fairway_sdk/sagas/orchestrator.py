"""Works on the sagas of one process: runs those it has, renews leases, takes what others left, lets go at the end."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from fairway_sdk.contract.binding import Workflow
from fairway_sdk.errors import SetupError, UnavailableError
from fairway_sdk.identity.caller import Caller, caller
from fairway_sdk.lifecycle import Level
from fairway_sdk.sagas import metrics
from fairway_sdk.sagas.course import MOVING, STUCK, Kept, taken
from fairway_sdk.sagas.definition import Definition
from fairway_sdk.sagas.driver import Driver
from fairway_sdk.sagas.lease import Holder, Lease, Witness
from fairway_sdk.sagas.log import Log
from fairway_sdk.sagas.loop import PATIENCE, Loop
from fairway_sdk.sagas.nap import raise_if_cancelled
from fairway_sdk.sagas.values import Values, is_personal

if TYPE_CHECKING:
    from fairway_sdk.clock import Clock
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

TAKEN_AT_ONCE: Final = 50
TOLD_EVERY: Final = 15.0  # seconds between two looks at the gauges, more or less
FORGOTTEN_EVERY: Final = 300.0
LONGEST_OWNER: Final = 91  # characters of the replica's name in a row


class Orchestrator:
    """The part of a service that works on its sagas."""

    name = "sagas"
    level = Level.SAGAS

    def __init__(self, service: "Service", definitions: dict[str, Definition], values: Values) -> None:
        self.witness: Witness | None = None
        self._service = service
        self._definitions = definitions
        self._values = values
        self._drivers: dict[str, tuple[Driver, asyncio.Task[None]]] = {}
        self._promised = 0  # places for sagas that are being started
        self._holder: Holder | None = None
        self._readings: set[asyncio.Future[Kept | None]] = set()
        self._loops: tuple[Loop, ...] = ()
        self._taking: Loop | None = None
        self._backlog = False
        self._closed_because: str | None = "it has not looked for what others left yet"

    # Its life

    async def start(self) -> None:
        """Begin to work, and to look for what others left; a `SetupError` where personal data could not be sealed."""
        if not self._definitions:
            return
        self._check()
        service, settings = self._service, self._service.binding.sagas
        self._holder = Holder(
            owner=f"{service.replica[:LONGEST_OWNER]}/{uuid4().hex[:8]}",
            log=Log(service.sql(settings.store), service.clock),
            settings=settings,
            values=self._values,
            witness=self._tell_witness,
            draining=asyncio.Event(),
        )
        self._closed_because = "it has not looked for what others left yet"
        self._holder.log.writer.start()
        clock = service.clock
        self._taking = Loop(self._take_due, settings.look_every, clock, "take due sagas")
        renewing = Loop(self._renew, settings.lease / 3, clock, "renew leases of sagas")
        self._loops = (self._taking, renewing, Loop(self._tidy, TOLD_EVERY, clock, "count and forget sagas"))

    async def stop(self) -> None:
        """Finish the steps in flight, and let all sagas go, so that other replicas take them at once."""
        holder = self._holder
        if holder is None:
            return
        holder.draining.set()
        taking, renewing, tidying = self._loops
        await taking.stop()
        self._taking = None
        for driver, _ in self._drivers.values():
            driver.hurry()
        tasks = [task for _, task in self._drivers.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._service.binding.drain / 2)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=PATIENCE)
                log.warning("sagas were left within a step", sagas=len(late))
        self._drivers.clear()
        with contextlib.suppress(Exception):  # a store that is away: then the leases end by themselves
            await holder.log.let_go(holder.owner)
        await asyncio.gather(renewing.stop(), tidying.stop(), *self._readings, return_exceptions=True)
        await holder.log.writer.stop()
        self._holder = None

    async def unready(self) -> str | None:
        """Say why no saga should be started here: not before what others left could be looked for once."""
        if self._holder is None:
            return None
        if not all(loop.running for loop in self._loops):
            return "one of its loops has ended"
        return self._closed_because

    # Work

    @property
    def holder(self) -> Holder:
        """What the runs of this process share; `UnavailableError` unless the service runs."""
        if self._holder is None or self._holder.draining.is_set():
            raise UnavailableError(f"service '{self._service.name}': its sagas do not run. Start the service first.")
        return self._holder

    @property
    def log(self) -> Log:
        """The log in the service's store, whether sagas run here or not."""
        if self._holder is not None:
            return self._holder.log
        return Log(self._service.sql(self._service.binding.sagas.store), self._service.clock)

    async def read(self, identity: str) -> Kept | None:
        """Read a saga; who stops waiting for it does not cut the reading short, which would cost a connection."""
        reading = asyncio.ensure_future(self.log.read(identity))
        self._readings.add(reading)
        reading.add_done_callback(self._note_read)
        return await asyncio.shield(reading)

    def workflow(self, saga: str) -> Workflow:
        """Give the figures of a saga."""
        return self._service.binding.workflows.get(saga) or Workflow()

    @property
    def clock(self) -> "Clock":
        """The service's clock."""
        return self._service.clock

    def running(self, identity: str) -> tuple[Driver, asyncio.Task[None]] | None:
        """Give the run of a saga, where it is in this process."""
        return self._drivers.get(identity)

    @contextlib.contextmanager
    def place(self) -> Iterator[bool]:
        """Promise a place for a saga that is being started; false where all are taken."""
        free = self._free() > 0
        self._promised += free
        try:
            yield free
        finally:
            self._promised -= free

    def look(self) -> None:
        """Look for sagas that are due, as soon as there is a place: one was just left to whoever has one."""
        self._backlog = True
        if self._taking is not None and self._free() > 0:
            self._taking.hurry()

    def run(self, kept: Kept, asked: float) -> None:
        """Run a saga that this process has, in no request's context: neither its deadline nor its person holds on."""
        holder = self._holder
        if holder is None or holder.draining.is_set():
            return  # let go with the others, or taken over when its lease ends
        if kept.id in self._drivers:  # a run that lost the saga, and has not noticed yet
            self._drivers[kept.id][1].cancel()
        driver = Driver(
            Lease(holder, kept, asked),
            self._definitions[kept.saga],
            self.workflow(kept.saga),
            holder,
        )
        context = Context()
        if kept.tenant:
            context.run(caller.set, Caller(tenant=kept.tenant))
        task = asyncio.get_running_loop().create_task(driver.drive(), name=f"saga {kept.id}", context=context)
        self._drivers[kept.id] = (driver, task)
        task.add_done_callback(lambda ended: self._note_end(driver, ended))

    # Inside

    def _check(self) -> None:
        if self._service.binding.personal is not None:
            return
        faults = [
            f"service '{self._service.name}': saga '{definition.name}' has personal data, and the binding has no"
            " 'personal'. Declare the class of the data in the service's facts, and render the binding again."
            for definition in self._definitions.values()
            if is_personal(definition.input) or any(is_personal(step.result) for step in definition.steps.values())
        ]
        if faults:
            raise SetupError("\n".join(faults))

    def _tell_witness(self, moment: str, method: str) -> None:
        if self.witness is not None:
            self.witness(moment, method)

    def _free(self) -> int:
        return self._service.binding.sagas.at_once - len(self._drivers) - self._promised

    def _note_read(self, reading: "asyncio.Future[Kept | None]") -> None:
        self._readings.discard(reading)
        if not reading.cancelled():
            reading.exception()  # looked at, also where nobody waits any more

    def _note_end(self, driver: Driver, task: "asyncio.Task[None]") -> None:
        kept = driver.lease.kept
        if (found := self._drivers.get(kept.id)) is not None and found[0] is driver:
            del self._drivers[kept.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("saga's run broke", saga=kept.saga, id=kept.id, error=type(error).__name__, exc_info=error)
        if kept.ended:
            metrics.ENDED.labels(kept.saga, kept.state).inc()
            metrics.DURATION.labels(kept.saga, kept.state).observe(max(0.0, self._service.clock.now() - kept.created))
        if self._backlog:
            self.look()

    async def _take_due(self) -> None:
        self._backlog = True
        while self._backlog:
            most = min(TAKEN_AT_ONCE, self._free())
            if most <= 0:
                return  # whoever ends looks again
            self._backlog = False
            self._promised += most
            try:
                await self._take(most)
            finally:
                self._promised -= most

    async def _take(self, most: int) -> None:
        holder, names = self._holder, list(self._definitions)
        assert holder is not None
        asked = holder.time()
        try:
            found = await holder.log.take(holder.owner, names, most, holder.settings.lease)
        except Exception as error:  # noqa: BLE001 - a store that is away comes back
            raise_if_cancelled()
            self._closed_because = self._closed_because and f"its store does not answer: {type(error).__name__}"
            log.warning("due sagas cannot be looked for", error=type(error).__name__)
            return
        self._closed_because = None
        self._backlog = self._backlog or len(found) == most
        for kept, before in found:
            if before:
                metrics.TAKEN.labels(kept.saga).inc()
                log.info("saga is taken over", saga=kept.saga, id=kept.id, before=before)
            self.run(taken(self._definitions[kept.saga], kept, before, self._service.clock.now()), asked)

    async def _renew(self) -> None:
        running = [driver for driver, _ in self._drivers.values()]
        lease = self._service.binding.sagas.lease
        late = [driver for driver in running if driver.lease.here and driver.lease.left < lease * 2 / 3]
        await asyncio.gather(*(self._renew_one(driver) for driver in late))

    async def _renew_one(self, driver: Driver) -> None:
        kept = driver.lease.kept
        try:
            renewed = await driver.lease.renew()
        except Exception as error:  # noqa: BLE001 - likewise; a try ends with its lease
            raise_if_cancelled()
            log.warning("saga's lease cannot be renewed", id=kept.id, error=type(error).__name__)
            return
        found = self._drivers.get(kept.id)
        if not renewed and found is not None and found[0] is driver and driver.lease.kept is kept:
            log.warning("saga is another's by now", saga=kept.saga, id=kept.id)
            found[1].cancel()

    async def _tidy(self) -> None:
        patience = {name: self.workflow(name).stuck_after for name in self._definitions}
        try:
            assert self._holder is not None
            counts = await self._holder.log.counts(patience, Workflow().stuck_after)
            metrics.tell(counts, self._definitions, (*MOVING, STUCK))
            if random.random() < TOLD_EVERY / FORGOTTEN_EVERY:  # noqa: S311 - now one replica, now another
                await self._holder.log.forget()
        except Exception as error:  # noqa: BLE001 - likewise
            raise_if_cancelled()
            log.warning("sagas cannot be counted", error=type(error).__name__)

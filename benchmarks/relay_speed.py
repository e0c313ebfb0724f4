"""Measure what the outbox costs: the relay's rate against direct publishing, and the time it adds to one event.

`python benchmarks/relay_speed.py [--broker nats|redis] [--events 4000] [--rounds 3]`

One PostgreSQL, one broker, one adapter, one process. "Direct" is what a service without an outbox does: each of 50
requests at once publishes its event and waits for the broker's yes. "In bulk" hands over prepared envelopes in batches
of the relay's size: what the adapter can do at most. The time of an event is from the beginning of a transaction that
writes a row to its arrival at a subscriber, with `tx.emit` and with a direct publish after the commit.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa

from fairway_sdk import Event, Service
from fairway_sdk.contract.binding import Broker, Listen, Published
from fairway_sdk.events.event import Envelope, new_envelope
from fairway_sdk.events.outbox_rows import OutboxRows
from fairway_sdk.events.relay import BATCH, Relay
from fairway_sdk.testing.events import eventually
from fairway_sdk.testing.placing import create_tables, placed
from fairway_sdk.testing.servers import MissingServerError, Nats, PostgreSQL, Valkey

NOTES = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.Text))


class Ordered(Event, frozen=True):
    """An event of a usual size."""

    channel = "ordered"

    order: str
    at: float
    text: str = "y" * 200


class Arrivals:
    """Counts what arrives, and how long it took."""

    def __init__(self) -> None:
        """Begin with none."""
        self.waits: list[float] = []

    async def take(self, documents: Sequence[bytes]) -> None:
        """Take documents in."""
        now = time.time()
        for document in documents:
            envelope = Envelope.decode(document)
            begun = float(bytes(envelope.content).split(b'"at":')[1].split(b",")[0])
            self.waits.append(now - begun)


async def main() -> None:
    """Print a line for each round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("nats", "redis"), default="nats")
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fw-") as folder, PostgreSQL(Path(folder) / "pg") as postgresql:
        server: Nats | Valkey = Nats(Path(folder) / "b") if options.broker == "nats" else Valkey(Path(folder) / "b")
        try:
            server.start()
        except MissingServerError as error:
            raise SystemExit(f"{error} Or measure with --broker redis.") from error
        try:
            await measure(Path(folder), postgresql, server.broker(), options)
        finally:
            server.stop()


async def measure(folder: Path, postgresql: PostgreSQL, broker: Broker, options: argparse.Namespace) -> None:
    """Measure rates, then times."""
    ratios, added = [], []
    async with running(folder, postgresql, broker) as (service, arrivals):
        for _ in range(options.rounds):
            direct, cpu_direct = await direct_rate(service, options.events)
            bulk, _ = await bulk_rate(service, options.events)
            relayed, cpu_relayed = await relay_rate(service, options.events)
            ratios.append(relayed / direct)
            print(
                f"rate: direct {direct:7.0f}/s ({cpu_direct:4.0f} us CPU each), through the relay {relayed:7.0f}/s"
                f" ({cpu_relayed:4.0f} us CPU each): {relayed / direct:.2f}; in bulk {bulk:.0f}/s: {relayed / bulk:.2f}"
            )
        relay = Relay(service)
        await relay.start()
        for _ in range(options.rounds):
            without, within = await times(service, arrivals, emit=False), await times(service, arrivals, emit=True)
            added.append(within - without)
            print(
                f"time: p50 direct {without * 1e3:.2f} ms, with the outbox {within * 1e3:.2f} ms,"
                f" added {added[-1] * 1e3:.2f} ms"
            )
        await relay.stop()
    print(f"{options.broker}: relay at {statistics.median(ratios):.2f} of direct (goal: 0.9 or more)")
    print(f"{options.broker}: p50 added {statistics.median(added) * 1e3:.2f} ms (goal: 4 ms or less)")


@asynccontextmanager
async def running(folder: Path, postgresql: PostgreSQL, broker: Broker) -> AsyncIterator[tuple[Service, Arrivals]]:
    """Run a service's store and broker, without its relay."""
    service, arrivals = Service("bench"), Arrivals()
    listen = Listen(rest=f"unix:{folder}/rest", grpc=f"unix:{folder}/grpc", admin=f"unix:{folder}/admin")
    channels = {"ordered": Published(ordered_by="order"), "loose": Published()}
    stores = {"main": postgresql.create("bench")}
    placed(service, folder / "bench", stores=stores, broker=broker, publishes=channels, listen=listen)
    await create_tables(service, NOTES.metadata)
    parts = [*service.stores.open(), service.broker]
    service.broker.subscribe("ordered", "bench", arrivals.take)
    for part in parts:
        await part.start()
    await asyncio.sleep(1.0)
    try:
        yield service, arrivals
    finally:
        for part in reversed(parts):
            await part.stop()


async def direct_rate(service: Service, count: int) -> tuple[float, float]:
    """Publish events one by one from 50 requests at once; events a second, and microseconds of CPU each."""

    async def requests(share: range) -> None:
        for at in share:
            envelope = new_envelope(Ordered(str(at % 97), 0.0), key=str(at % 97), number=at)
            results = await service.broker.publish([envelope])
            assert not any(results), results

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(requests(range(at, count, 50)) for at in range(50)))
    return count / (time.perf_counter() - begun), (time.process_time() - cpu) / count * 1e6


async def bulk_rate(service: Service, count: int) -> tuple[float, float]:
    """Publish prepared envelopes in batches; events a second, and microseconds of CPU each."""
    envelopes = [new_envelope(Ordered(str(at % 97), 0.0), key=str(at % 97), number=at) for at in range(count)]
    begun, cpu = time.perf_counter(), time.process_time()
    for at in range(0, count, BATCH):
        results = await service.broker.publish(envelopes[at : at + BATCH])
        assert not any(results), results
    return count / (time.perf_counter() - begun), (time.process_time() - cpu) / count * 1e6


async def relay_rate(service: Service, count: int) -> tuple[float, float]:
    """Fill the outbox, then let the relay empty it; events a second, and microseconds of CPU each."""
    for at in range(0, count, 50):
        async with service.transaction() as tx:
            await tx.emit(*(Ordered(str(each % 97), 0.0) for each in range(at, at + 50)))
    rows = OutboxRows(service.sql(), service.clock)
    relay = Relay(service)
    begun, cpu = time.perf_counter(), time.process_time()
    await relay.start()
    await eventually(lambda: _empty(rows), within=60.0)
    took, used = time.perf_counter() - begun, time.process_time() - cpu
    await relay.stop()
    return count / took, used / count * 1e6


async def times(service: Service, arrivals: Arrivals, *, emit: bool, count: int = 200) -> float:
    """Give the median of the seconds from a transaction's beginning to an arrival, at 60 a second."""
    await asyncio.sleep(1.0)
    arrivals.waits.clear()

    async def one(at: int) -> None:
        event = Ordered(f"{at}", time.time())
        async with service.transaction() as tx:
            await tx.execute(NOTES.insert().values(text="one"))
            if emit:
                await tx.emit(event)
        if not emit:
            await service.broker.publish([new_envelope(event, key=event.order, number=at + 1)])

    async with asyncio.TaskGroup() as group:
        for at in range(count):
            group.create_task(one(at))
            await asyncio.sleep(1 / 60)
    await eventually(lambda: len(arrivals.waits) >= count)
    return statistics.median(arrivals.waits)


async def _empty(rows: OutboxRows) -> bool:
    return not await rows.waiting()


if __name__ == "__main__":
    asyncio.run(main())

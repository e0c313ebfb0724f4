"""Run checkouts on two orchestrators that are killed, stopped and paused at random, and hold the ledger against them.

`python benchmarks/saga_crash.py [--checkouts 1000] [--seed N]` starts a PostgreSQL and two processes. Each is hit again
and again while it works: by kill -9, by an orderly end, or by a pause longer than its lease. At the end every checkout
is completed or undone, no effect has happened twice, and stock and money add up; else the command fails and says why.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it has no types
import msgspec

from fairway_sdk import CompensatedError, Saga, Service, step
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Listen, Retries, Sagas, Store, Telemetry, Workflow
from fairway_sdk.errors import DeclinedError
from fairway_sdk.stores.schema import all_tables
from fairway_sdk.stores.sql import SqlStore
from fairway_sdk.stores.transaction import Transaction
from fairway_sdk.testing.servers import PostgreSQL

LEASE = 1.0  # seconds
PRICE, PURSE = 10, 1_000_000
BOOKS = 5  # titles; of each there is too little for all, so that some checkouts are declined
HITS = ("kill", "kill", "end", "pause")
WORLD = """
create table stock (book int primary key, free int not null check (free >= 0));
create table purse (reader int primary key, money int not null);
create table effect (key text primary key, checkout text not null, what text not null,
                     times int not null, undone boolean not null);
create table placed (checkout text primary key);
"""


class Pace(msgspec.Struct, frozen=True):
    """How fast an orchestrator works: checkouts at once, and the longest time in seconds that a message travels."""

    workers: int
    longest_call: float


class Checkout(msgspec.Struct, frozen=True):
    """What is bought; the number decides what goes wrong."""

    number: int

    @property
    def id(self) -> str:
        """The checkout's id."""
        return f"c{self.number}"


class World:
    """The participants: each call is one transaction in their own database, known by its key."""

    def __init__(self, pool: asyncpg.Pool, longest: float) -> None:
        """Take the database's pool, and the longest time in seconds that a message travels."""
        self._pool = pool
        self._longest = longest

    async def do(self, key: str, checkout: Checkout, what: str, statement: str, *given: int) -> None:
        """Have an effect once; a key that was undone has none any more, however late it comes."""
        await self._travel()
        async with self._pool.acquire() as connection, connection.transaction():
            added = await connection.fetchval(
                "insert into effect values ($1, $2, $3, 1, false) on conflict do nothing returning 1",
                key,
                checkout.id,
                what,
            )
            if added is None:
                if await connection.fetchval("select undone from effect where key = $1", key):
                    raise DeclinedError("ABORTED", f"{what} was undone before it came")
                return
            if statement and await connection.execute(statement, *given) == "UPDATE 0":
                raise DeclinedError("FAILED_PRECONDITION", f"{what}: nothing left")
        await self._travel()

    async def undo(self, key: str, checkout: Checkout, what: str, statement: str, *given: int) -> None:
        """Take an effect back once, and remember the key in any case."""
        await self._travel()
        key = key.removesuffix(":undo")
        async with self._pool.acquire() as connection, connection.transaction():
            undone = await connection.fetchval("select undone from effect where key = $1 for update", key)
            if undone is None:
                await connection.execute("insert into effect values ($1, $2, $3, 0, true)", key, checkout.id, what)
            elif not undone:
                await connection.execute("update effect set undone = true where key = $1", key)
                if statement:
                    await connection.execute(statement, *given)
        await self._travel()

    async def _travel(self) -> None:
        await asyncio.sleep(random.uniform(0, self._longest))  # noqa: S311 - no secret


def orders(world: World) -> type[Saga[Checkout]]:  # noqa: C901 - seven short methods
    """Make the saga of the benchmark."""

    class Buy(Saga[Checkout]):
        @step(undo="put_back")
        async def reserve(self, bought: Checkout, key: str) -> int:
            book = bought.number % BOOKS
            take = "update stock set free = free - 1 where book = $1 and free > 0"
            await world.do(key, bought, "reserve", take, book)
            return book

        async def put_back(self, bought: Checkout, key: str) -> None:
            back = "update stock set free = free + 1 where book = $1"
            await world.undo(key, bought, "reserve", back, bought.number % BOOKS)

        @step(undo="refund", timeout=1.0)
        async def pay(self, bought: Checkout, key: str) -> None:
            if bought.number % 11 == 0:
                raise DeclinedError("FAILED_PRECONDITION", "the card is refused")
            await world.do(key, bought, "pay", "update purse set money = money - $1", PRICE)
            if bought.number % 13 == 0:
                raise OSError("the answer is lost")

        async def refund(self, bought: Checkout, key: str) -> None:
            await world.undo(key, bought, "pay", "update purse set money = money + $1", PRICE)

        @step(undo="call_back")
        async def ship(self, bought: Checkout, key: str) -> None:
            if bought.number % 17 == 0:
                raise DeclinedError("ABORTED", "no van")
            await world.do(key, bought, "ship", "")

        async def call_back(self, bought: Checkout, key: str) -> None:
            await world.undo(key, bought, "ship", "")

        @step
        async def confirm(self, bought: Checkout, tx: Transaction) -> None:
            connection = await tx.connection()
            await connection.exec_driver_sql("insert into placed values ($1)", (bought.id,))
            if bought.number % 19 == 0:
                raise DeclinedError("ABORTED", "the shop is closed")

    return Buy


def placed(store: Store, folder: Path, name: str) -> Service:
    """Place an orchestrator."""
    service = Service("orders")
    quick = Retries(tries=4, first_pause=0.02, longest_pause=0.5)
    binding = Binding(
        service="orders",
        replica=name,
        drain=4.0,
        listen=Listen(admin=f"unix:{folder}/{name}.admin"),
        stores={"main": store},
        workflows={"buy": Workflow(retries=quick, undo_retries=Retries(tries=1000, first_pause=0.02), timeout=2.0)},
        sagas=Sagas(lease=LEASE, look_every=0.2),
        telemetry=Telemetry(level="error"),
    )
    service.place(Placement(binding=binding, values=Values(folder), secrets=Secrets(folder)))
    return service


async def orchestrate(store: Store, folder: Path, name: str, numbers: list[int], pace: Pace) -> None:
    """Start the checkouts of one orchestrator, after a crash those that were not started, until told to end."""
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    host = str(Path(store.address.removeprefix("unix:")).parent)
    pool = await asyncpg.create_pool(host=host, user=store.user, database=store.database, min_size=1, max_size=5)
    service = placed(store, folder, name)
    saga = service.saga(orders(World(pool, pace.longest_call)))
    started = {row["id"] for row in await pool.fetch("select id from fairway_saga")}
    left = iter([number for number in numbers if f"c{number}" not in started])

    async def work() -> None:
        for number in left:
            try:
                await (await service.sagas.start(saga, Checkout(number), id=f"c{number}")).result()
            except CompensatedError:
                continue

    async with service.running():
        print("ready", flush=True)
        working = [asyncio.create_task(work()) for _ in range(pace.workers)]
        await ending.wait()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    await pool.close()


class Hit(msgspec.Struct):
    """An orchestrator's process, hit again and again."""

    command: list[str]
    hits: dict[str, int]
    process: asyncio.subprocess.Process | None = None

    async def suffer(self, chance: random.Random) -> None:
        """Start it, let it work a moment, hit it, and begin anew."""
        while True:
            await self.begin()
            assert self.process is not None
            await asyncio.sleep(chance.uniform(0.05, 1.2))
            hit = chance.choice(HITS)
            self.hits[hit] = self.hits.get(hit, 0) + 1
            if hit == "pause":
                self.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(LEASE * 2)
                self.process.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.3)
            self.process.send_signal(signal.SIGTERM if hit == "end" else signal.SIGKILL)
            await self.process.wait()

    async def begin(self) -> None:
        """Start it, and wait until it works."""
        self.process = await asyncio.create_subprocess_exec(*self.command, stdout=asyncio.subprocess.PIPE)
        assert self.process.stdout is not None
        if b"ready" not in await self.process.stdout.readline():
            raise RuntimeError("an orchestrator did not start")


async def count_ended(connection: asyncpg.Connection) -> int:
    """Count the checkouts that have ended."""
    found = "select count(*) from fairway_saga where state in ('completed', 'compensated', 'stuck')"
    return int(await connection.fetchval(found))


async def faults(connection: asyncpg.Connection, count: int) -> list[str]:
    """Hold the end of every checkout against what is in the ledger."""
    found = []
    states = dict(await connection.fetch("select state, count(*) from fairway_saga group by state"))
    if set(states) - {"completed", "compensated"} or sum(states.values()) != count:
        found.append(f"not all have ended well or been undone: {states}")
    if await connection.fetchval("select count(*) from effect where times > 1"):
        found.append("an effect happened twice")
    wrong = await connection.fetch(
        "select s.id, s.state, e.what from fairway_saga s left join effect e on e.checkout = s.id and e.times > 0"
        " where (s.state = 'completed' and e.undone) or (s.state = 'compensated' and not e.undone)"
    )
    found += [f"{row['id']} is {row['state']}, and its {row['what']} says otherwise" for row in wrong]
    for what in ("reserve", "pay", "ship"):
        missing = await connection.fetchval(
            "select count(*) from fairway_saga s where s.state = 'completed' and not exists"
            " (select 1 from effect e where e.checkout = s.id and e.what = $1 and e.times = 1 and not e.undone)",
            what,
        )
        if missing:
            found.append(f"{missing} are completed without {what}")
    unlike = await connection.fetchval(
        "select count(*) from fairway_saga s full join placed p on p.checkout = s.id"
        " where (s.state = 'completed') is distinct from (p.checkout is not null)"
    )
    if unlike:
        found.append(f"{unlike} orders are placed without a completed checkout, or the other way round")
    for what, there in (
        ("reserve", "select sum($1::int - free) from stock"),
        ("pay", f"select ({PURSE} - money) / {PRICE} + 0 * $1::int from purse"),  # noqa: S608 - our numbers
    ):
        in_force = await connection.fetchval(
            "select count(*) from effect where what = $1 and times > 0 and not undone", what
        )
        if (gone := await connection.fetchval(there, supply(count))) != in_force:
            found.append(f"{what}: {gone} are gone from the ledger, and {in_force} effects are in force")
    return found


def supply(count: int) -> int:
    """Tell how many copies there are of each book at the beginning: too few."""
    return count * 17 // 100


async def measure(count: int, pace: Pace, seed: int, limit: float) -> int:
    """Run it all; the exit code."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory(prefix="fw-") as folder, PostgreSQL(Path(folder)) as server:
        store = server.create("crash")
        await prepare(store, Path(folder), count)
        connection = await asyncpg.connect(host=folder, user="postgres", database="crash")
        hits: dict[str, int] = {}
        numbers = list(range(1, count + 1))
        told = [msgspec.json.encode(store).decode(), folder, msgspec.json.encode(pace).decode()]
        processes = [
            Hit([sys.executable, __file__, "orchestrate", *told, name, *map(str, numbers[place::2])], hits)
            for place, name in enumerate(("left", "right"))
        ]
        begun = time.monotonic()
        suffering = [asyncio.create_task(process.suffer(chance)) for process in processes]
        try:
            while await count_ended(connection) < count and time.monotonic() - begun < limit:
                await asyncio.sleep(0.2)
                for task in suffering:
                    if task.done():
                        task.result()
        finally:
            for task in suffering:
                task.cancel()
            await asyncio.gather(*suffering, return_exceptions=True)
            for process in processes:
                if process.process is not None and process.process.returncode is None:
                    process.process.send_signal(signal.SIGCONT)
                    process.process.kill()
                    await process.process.wait()
        seconds = time.monotonic() - begun
        wrong = await faults(connection, count)
        states = dict(await connection.fetch("select state, count(*) from fairway_saga group by state"))
        await connection.close()
    told_hits = ", ".join(f"{hit} {times}" for hit, times in sorted(hits.items()))
    print(f"{count} checkouts in {seconds:.1f} s, seed {seed}; hits: {told_hits}; ends: {states}")
    print("\n".join(wrong) or "every checkout ended, no effect happened twice, stock and money add up")
    return 1 if wrong else 0


async def prepare(store: Store, folder: Path, count: int) -> None:
    """Make the tables of the orchestrators and of the world."""
    opened = SqlStore(placed(store, folder, "prepare"), "main", store)
    async with opened.engine.begin() as connection:
        await connection.run_sync(all_tables().create_all)
    await opened.stop()
    world = await asyncpg.connect(host=str(folder), user="postgres", database="crash")
    await world.execute(WORLD)
    await world.executemany("insert into stock values ($1, $2)", [(book, supply(count)) for book in range(BOOKS)])
    await world.execute("insert into purse values (0, $1)", PURSE)
    await world.close()


def main() -> None:
    """Measure, or be one of the orchestrators that are hit."""
    if sys.argv[1:2] == ["orchestrate"]:
        store, folder, told, name, *words = sys.argv[2:]
        numbers = [int(word) for word in words]
        found = msgspec.json.decode(store, type=Store)
        asyncio.run(orchestrate(found, Path(folder), name, numbers, msgspec.json.decode(told, type=Pace)))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkouts", type=int, default=1000)
    parser.add_argument("--longest-call", type=float, default=0.05, help="seconds of a participant's answer, each way")
    parser.add_argument("--workers", type=int, default=10, help="checkouts that one orchestrator starts at once")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which it is given up")
    options = parser.parse_args()
    pace = Pace(options.workers, options.longest_call)
    sys.exit(asyncio.run(measure(options.checkouts, pace, options.seed, options.limit)))


if __name__ == "__main__":
    main()

"""Measure sagas of three steps against DBOS on the same PostgreSQL: rates and CPU time, at one and at twenty at once.

`python benchmarks/saga_speed.py --peer ENVIRONMENT/bin/python` needs an environment of its own with the peer in it:
`uv venv ENVIRONMENT`, then `uv pip install --python ENVIRONMENT/bin/python --group benchmark-peers`. Without `--peer`
it measures ours alone. Both work in turn, round by round, so that a busy machine is busy for both; steps do nothing,
input and results are kept, and every saga is awaited. CPU is that of the orchestrating process. A ratio is the median
of the rounds' ratios. Nothing of ours is imported at the top: the peer's environment does not have it.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

AT_ONCE = (1, 20)
SAGAS = {1: 100, 20: 600}
GOAL = 3.0
CONNECTIONS = 20

Run = Callable[[], Awaitable[object]]


async def measured(run: Run, count: int, at_once: int) -> dict[str, float]:
    """Run so many sagas, so many at once."""
    numbers = iter(range(count))
    times: list[float] = []

    async def work() -> None:
        for _ in numbers:
            begun = time.perf_counter()
            await run()
            times.append(time.perf_counter() - begun)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"rate": count / wall, "cpu": cpu / count * 1000, "median": statistics.median(times) * 1000}


async def serve(run: Run) -> None:
    """Answer each line `COUNT AT_ONCE` with figures."""
    await measured(run, 40, 20)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        count, at_once = map(int, line.split())
        print(json.dumps(await measured(run, count, at_once)), flush=True)


async def ours(folder: Path, *, last_in_transaction: bool) -> None:
    """Run our sagas."""
    # ruff: disable[PLC0415]
    import msgspec

    from fairway_sdk import Saga, Service, step
    from fairway_sdk.configuration.placement import Placement
    from fairway_sdk.configuration.secrets import Secrets
    from fairway_sdk.configuration.values import Values
    from fairway_sdk.contract.binding import Binding, Listen, Store, Telemetry
    from fairway_sdk.stores.schema import all_tables
    from fairway_sdk.stores.transaction import Transaction
    # ruff: enable[PLC0415]

    class Order(msgspec.Struct, frozen=True):
        id: str
        items: list[str]

    class Checkout(Saga[Order]):
        @step(undo="release")
        async def reserve(self, order: Order, key: str) -> dict[str, str]:
            return {"order": order.id, "key": key}

        async def release(self, order: Order, key: str) -> None: ...

        @step(undo="refund")
        async def pay(self, order: Order, key: str) -> dict[str, str]:
            return {"order": order.id, "key": key}

        async def refund(self, order: Order, key: str) -> None: ...

        @step(undo=None)
        async def ship(self, order: Order, key: str) -> dict[str, str]:
            return {"order": order.id, "key": key}

    class Placing(Checkout):
        @step
        async def place(self, order: Order, tx: Transaction) -> str:
            connection = await tx.connection()
            await connection.exec_driver_sql("insert into placed values ($1)", (order.id,))
            return order.id

    service = Service("orders")
    saga = service.saga(Placing if last_in_transaction else Checkout)
    address = f"unix:{folder}/.s.PGSQL.5432"
    store = Store(kind="postgresql", address=address, database="ours", user="postgres", connections=CONNECTIONS)
    binding = Binding(
        service="orders",
        listen=Listen(admin=f"unix:{folder}/{last_in_transaction}.admin"),
        stores={"main": store},
        telemetry=Telemetry(level="error"),
    )
    service.place(Placement(binding=binding, values=Values(folder), secrets=Secrets(folder)))
    async with service.running():
        async with service.sql().engine.begin() as connection:
            await connection.run_sync(all_tables().create_all)
            await connection.exec_driver_sql("create table if not exists placed (id text primary key)")

        async def run() -> object:
            name = uuid4().hex
            return await (await service.sagas.start(saga, Order(name, ["Emma", "Persuasion"]), id=name)).result()

        await serve(run)


def theirs(folder: Path) -> None:
    """Run the peer's workflows."""
    dbos = import_module("dbos")
    url = f"postgresql+psycopg://postgres@/theirs?host={folder}"
    dbos.DBOS(
        config={
            "name": "orders",
            "system_database_url": url,
            "sys_db_pool_size": CONNECTIONS,
            "log_level": "ERROR",
            "run_migrations": True,
        }
    )

    async def reserve(order: dict[str, Any]) -> dict[str, str]:
        return {"order": order["id"], "key": f"{order['id']}:reserve"}

    async def pay(order: dict[str, Any]) -> dict[str, str]:
        return {"order": order["id"], "key": f"{order['id']}:pay"}

    async def ship(order: dict[str, Any]) -> dict[str, str]:
        return {"order": order["id"], "key": f"{order['id']}:ship"}

    steps = [dbos.DBOS.step(name=act.__name__)(act) for act in (reserve, pay, ship)]

    @dbos.DBOS.workflow()  # type: ignore[untyped-decorator, unused-ignore]  # the peer is in no environment of ours
    async def checkout(order: dict[str, Any]) -> dict[str, str]:
        for act in steps:
            result: dict[str, str] = await act(order)
        return result

    dbos.DBOS.launch()

    async def run() -> object:
        name = uuid4().hex
        with dbos.SetWorkflowID(name):
            handle = await dbos.DBOS.start_workflow_async(checkout, {"id": name, "items": ["Emma", "Persuasion"]})
        return await handle.get_result()

    asyncio.run(serve(run))
    dbos.DBOS.destroy()


class Worker:
    """A process that runs sagas of one kind."""

    def __init__(self, python: str, kind: str, folder: Path) -> None:
        """Start it, and wait until it has warmed up."""
        command = [python, __file__, "--work", kind, str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while (line := self._read()) != "ready":
            if not line:
                sys.exit(f"{kind}: did not start. Look at what it said above.")

    def measure(self, at_once: int) -> dict[str, float]:
        """Have it run sagas."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{SAGAS[at_once]} {at_once}\n")
        self.process.stdin.flush()
        found: dict[str, float] = json.loads(self._read())
        return found

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return line.strip() if line else ""


def compare(peer: str, rounds: int) -> None:
    """Print a line for each kind, and the ratios."""
    from fairway_sdk.testing.servers import PostgreSQL  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory(prefix="fw-") as folder, PostgreSQL(Path(folder)) as server:
        for database in ("ours", "theirs"):
            server.create(database)
        pythons = {"ours": sys.executable, "ours, and a row": sys.executable} | ({"theirs": peer} if peer else {})
        workers = {kind: Worker(python, kind, Path(folder)) for kind, python in pythons.items()}
        print(f"{'':<18}{'at once':>8}{'sagas/s':>10}{'CPU ms':>9}{'p50 ms':>9}")
        for at_once in AT_ONCE:
            found: dict[str, list[dict[str, float]]] = {kind: [] for kind in workers}
            for _ in range(rounds):
                for kind, worker in workers.items():
                    found[kind].append(worker.measure(at_once))
            for kind, figures in found.items():
                rate, cpu, p50 = (statistics.median(one[of] for one in figures) for of in ("rate", "cpu", "median"))
                print(f"{kind:<18}{at_once:>8}{rate:>10.0f}{cpu:>9.2f}{p50:>9.1f}")
            if peer:
                pairs = list(zip(found["ours"], found["theirs"], strict=True))
                ratio = statistics.median(ours["rate"] / theirs["rate"] for ours, theirs in pairs)
                cpu = statistics.median(theirs["cpu"] / ours["cpu"] for ours, theirs in pairs)
                goal = f" (to reach: {GOAL:g})" if at_once == AT_ONCE[-1] else ""
                print(f"{'ratio':<18}{at_once:>8}{ratio:>9.1f}x of the rate{goal}, 1/{cpu:.1f} of the CPU")
        for worker in workers.values():
            worker.stop()


def main() -> None:
    """Compare, or be one of the workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="", metavar="PYTHON", help="of the environment that DBOS is in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.work:
        compare(options.peer, options.rounds)
    elif options.work[0] == "theirs":
        theirs(Path(options.work[1]))
    else:
        asyncio.run(ours(Path(options.work[1]), last_in_transaction=options.work[0] != "ours"))


if __name__ == "__main__":
    main()

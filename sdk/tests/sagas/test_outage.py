"""A store that goes away, or whose answers get lost: runs pause and go on, and nothing is recorded twice."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sdk.tests.sagas.conftest import ORDERS, Order, Placed, make_tables, place

from fairway_sdk import UnavailableError
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.servers import MissingServerError, PostgreSQL


@pytest.fixture
async def server() -> AsyncIterator[PostgreSQL]:
    """Give a PostgreSQL that a test may kill."""
    with tempfile.TemporaryDirectory(prefix="fw-") as folder:
        try:
            running = PostgreSQL(Path(folder)).start()
        except MissingServerError as error:
            pytest.skip(str(error))
        yield running
        running.stop()


async def _ids(shop: Placed) -> list[str]:
    async with shop.service.sql().connection() as connection:
        return sorted(await connection.scalars(sa.select(ORDERS.c.id)))


async def test_sagas_outlive_their_store(server: PostgreSQL, tmp_path: Path) -> None:
    """The server is killed in the middle of many runs and comes back: each ends once, without another process."""
    store = server.create("shop")
    await make_tables(store, tmp_path)
    shop = place(store, tmp_path, lease=1.0)

    async def work() -> None:
        await asyncio.sleep(0.05)

    shop.shop.plans |= {"reserve": work, "pay": work}
    async with shop.service.running():
        runs = [await shop.service.sagas.start(shop.saga, Order(f"o{each}"), id=f"o{each}") for each in range(20)]
        await asyncio.sleep(0.08)
        server.kill()
        with pytest.raises(UnavailableError):
            await shop.service.sagas.start(shop.saga, Order("late"), id="late")
        await asyncio.sleep(1.2)  # longer than a lease
        await asyncio.to_thread(server.start)
        results = await asyncio.gather(*(run.result(20) for run in runs))
        assert results == [{"order": f"o{each}"} for each in range(20)]
        assert await _ids(shop) == sorted(f"o{each}" for each in range(20))


class LostAnswers:
    """A network that loses the store's answer to what has taken place, once it is told to."""

    def __init__(self, shop: Placed, *what: str) -> None:
        self.armed = False
        self.lost = 0
        self._dialect = shop.service.sql().engine.sync_engine.dialect
        for name in what:
            setattr(self._dialect, name, self._losing(getattr(self._dialect, name)))

    def _losing(self, work: Callable[..., None]) -> Callable[..., None]:
        def act(*given: object, **named: object) -> None:
            work(*given, **named)
            if self.armed and (len(given) == 1 or "UPDATE fairway_saga" in str(given[1])):
                self.armed = False
                self.lost += 1
                raise self._dialect.loaded_dbapi.OperationalError("the answer is lost")

        return act


async def test_a_lost_answer_to_a_steps_commit_does_not_repeat_the_step(shop: Placed) -> None:
    """The store knows what it has committed: it is asked before the step would be tried again."""
    async with shop.service.running():
        network = LostAnswers(shop, "do_commit")

        async def arm() -> None:
            network.armed = True

        shop.shop.plans["confirm"] = arm
        run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        driver, _ = shop.service.sagas.part.running("o1") or pytest.fail("it does not run")
        assert await run.result(10) == {"order": "o1"}
        assert network.lost == 1
        assert driver.lease.kept.state == "completed"
        assert shop.shop.did == ["reserve", "pay", "confirm"]
        assert await _ids(shop) == ["o1"]


async def test_a_lost_answer_to_a_record_is_no_lost_lease(shop: Placed) -> None:
    """The version has moved because of us: the run goes on where it is, and the step is not tried again."""
    async with shop.service.running():
        alone = shop.service.sql().kind == "postgresql"  # there a record is one statement that commits by itself
        network = LostAnswers(shop, "do_execute" if alone else "do_commit")

        async def arm() -> None:
            network.armed = True

        shop.shop.plans["pay"] = arm
        run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        assert await run.result(1.5) == {"order": "o1"}, "it went on, and did not wait for its own lease to end"
        assert network.lost == 1
        assert shop.shop.did == ["reserve", "pay", "confirm"]


async def test_one_row_that_the_store_refuses_does_not_keep_the_others(database: Store, tmp_path: Path) -> None:
    """A batch with a bad row is written row by row."""
    await make_tables(database, tmp_path)
    shop = place(database, tmp_path)
    async with shop.service.running():
        async with shop.service.sql().connection() as connection:
            await connection.execute(sa.text("alter table fairway_saga add constraint odd check (id <> 'odd')"))
        starts = [shop.service.sagas.start(shop.saga, Order(name), id=name) for name in ("o1", "odd", "o2")]
        first, odd, second = await asyncio.gather(*starts, return_exceptions=True)
        assert isinstance(odd, UnavailableError)
        for run in (first, second):
            assert not isinstance(run, BaseException)
            await run.result(10)

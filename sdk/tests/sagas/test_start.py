"""Starting sagas: the same id is the same saga, alone or within somebody's transaction."""

import asyncio
from contextlib import suppress

import pytest
from sdk.tests.sagas.conftest import Order, Placed

from fairway_sdk import Saga, UnavailableError, step
from fairway_sdk.identity.caller import Caller, caller
from fairway_sdk.sagas.errors import StartError


class Stop(Exception):  # noqa: N818 - a test's own
    """Makes a transaction roll back."""


async def test_the_same_id_is_the_same_saga(shop: Placed) -> None:
    """A second start, at the same time or long after, runs nothing again and has the same result."""
    async with shop.service.running():
        start = shop.service.sagas.start
        runs = await asyncio.gather(*(start(shop.saga, Order("o1"), id="o1") for _ in range(5)))
        results = [await run.result(10) for run in (*runs, await start(shop.saga, Order("o1"), id="o1"))]
        assert results == [{"order": "o1"}] * 6
        assert shop.shop.did == ["reserve", "pay", "confirm"]


async def test_the_same_id_with_another_input_is_an_error(shop: Placed) -> None:
    """Somebody would otherwise wait for a saga that does something else."""
    async with shop.service.running():
        await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        with pytest.raises(StartError, match="'o1' was started with another input"):
            await shop.service.sagas.start(shop.saga, Order("o1", book="Persuasion"), id="o1")


async def test_an_id_of_another_tenant_is_not_joined(quick: Placed) -> None:
    """Whoever guesses another tenant's id learns nothing of its saga, though the input be the same."""
    async with quick.service.running():
        before = caller.set(Caller(tenant="riverside"))
        await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
        caller.set(Caller(tenant="hillside"))
        with pytest.raises(StartError, match="another tenant"):
            await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
        caller.reset(before)


async def test_an_id_belongs_to_one_saga(quick: Placed) -> None:
    """Two sagas with one id would send the same keys."""

    class Other(Saga[Order]):
        @step(undo=None)
        async def act(self, order: Order) -> None: ...

    quick.service.saga(Other)
    async with quick.service.running():
        await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
        with pytest.raises(StartError, match=r"belongs to saga 'checkout'.*'other-o1'"):
            await quick.service.sagas.start(Other, Order("o1"), id="o1")


@pytest.mark.parametrize("identity", ["", "two words", "é", "x" * 151, "a\nb"])
async def test_an_id_travels_in_headers_so_it_must_fit(quick: Placed, identity: str) -> None:
    """Such an id is refused before anything is written."""
    async with quick.service.running():
        with pytest.raises(StartError, match="does not fit"):
            await quick.service.sagas.start(quick.saga, Order("o1"), id=identity)


async def test_ids_that_differ_in_a_letters_case_are_two_sagas(shop: Placed) -> None:
    """Also on MySQL, whose texts are equal by default where only the case differs."""
    async with shop.service.running():
        for number, identity in enumerate(("o1", "O1")):
            run = await shop.service.sagas.start(shop.saga, Order(str(number)), id=identity)
            assert await run.result(10) == {"order": str(number)}


async def test_an_input_of_another_type_is_refused(quick: Placed) -> None:
    """It could not be read again after a crash."""
    async with quick.service.running():
        with pytest.raises(StartError, match="its input does not fit"):
            await quick.service.sagas.start(quick.saga, {"no": "order"}, id="o1")  # type: ignore[misc]  # as it should be


async def test_a_saga_starts_with_the_transaction_of_its_author(shop: Placed) -> None:
    """It does not run before the commit, and it does soon after."""
    async with shop.service.running():
        async with shop.service.transaction() as tx:
            run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1", tx=tx)
            again = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1", tx=tx)
            await asyncio.sleep(0.1)
            assert shop.shop.did == []
        assert await run.result(10) == await again.result(10) == {"order": "o1"}
        assert shop.shop.did == ["reserve", "pay", "confirm"]


async def test_a_saga_of_a_transaction_that_is_rolled_back_never_was(shop: Placed) -> None:
    """Neither its row nor a step is left, also where only a savepoint is rolled back."""
    async with shop.service.running():
        with suppress(Stop):
            async with shop.service.transaction() as tx:
                run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1", tx=tx)
                raise Stop
        async with shop.service.transaction() as tx:
            with suppress(Stop):
                async with tx.begin_nested():
                    await shop.service.sagas.start(shop.saga, Order("o2"), id="o2", tx=tx)
                    raise Stop
        await asyncio.sleep(0.3)
        assert shop.shop.did == []
        assert await shop.service.sagas.find(shop.saga, "o1") is None
        with pytest.raises(LookupError):
            await run.result(1)


async def test_a_saga_runs_without_the_deadline_and_the_person_of_its_starter(quick: Placed) -> None:
    """A request may end before its saga, and a recovered step has no request: only the tenant is known to both."""
    seen: list[Caller] = []

    async def look() -> None:
        seen.append(caller.get())

    quick.shop.plans["pay"] = look
    async with quick.service.running():
        token = caller.set(Caller(person="jane", tenant="north", token="secret"))  # noqa: S106 - a test's
        run = await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
        caller.reset(token)
        await run.result(10)
        assert seen == [Caller(tenant="north")]


async def test_only_registered_sagas_of_a_running_service_start(quick: Placed) -> None:
    """Both mistakes are told as what they are."""

    class Other(Saga[Order]):
        @step(undo=None)
        async def act(self, order: Order) -> None: ...

    with pytest.raises(UnavailableError, match="Start the service first"):
        await quick.service.sagas.start(quick.saga, Order("o1"), id="o1")
    async with quick.service.running():
        with pytest.raises(StartError, match=r"is no saga of service 'shop'\. Decorate it with @service\.saga"):
            await quick.service.sagas.start(Other, Order("o1"), id="o1")


async def test_a_run_can_be_found_again_by_its_id(shop: Placed) -> None:
    """For a page that shows where an order stands."""
    async with shop.service.running():
        run = await shop.service.sagas.start(shop.saga, Order("o1"), id="o1")
        await run.result(10)
        found = await shop.service.sagas.find(shop.saga, "o1")
        assert found is not None
        assert (await found.state(), await found.result(10)) == ("completed", {"order": "o1"})
        assert await shop.service.sagas.find(shop.saga, "o2") is None

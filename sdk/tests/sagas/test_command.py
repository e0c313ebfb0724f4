"""The operator's command: what it shows, what it lets go on, what it gives up."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sdk.tests.sagas.conftest import Order, Placed, make_tables, place

from fairway_sdk import CompensatedError, StuckError
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import DeclinedError
from fairway_sdk.sagas import command
from fairway_sdk.sagas.errors import AbandonedError


@pytest.fixture
async def stuck(tmp_path: Path) -> Placed:
    """Give a shop in which saga o1 is stuck, while the service does not run."""
    store = Store(kind="sqlite", database=str(tmp_path / "shop.db"))
    await make_tables(store, tmp_path)
    shop = place(store, tmp_path)
    shop.shop.plans |= {"confirm": [DeclinedError("ABORTED", "sold out")], "refund": [OSError("reset")] * 3}
    async with shop.service.running():
        for name in ("o1", "o2"):
            run = await shop.service.sagas.start(shop.saga, Order(name), id=name)
            if name == "o1":
                with pytest.raises(StuckError):
                    await run.result(5)
            else:
                await run.result(5)
    return shop


async def _saga(shop: Placed, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    options = parser.parse_args(["saga", *words])
    code: int = await options.act(shop.service, options)
    return code


def _json(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return msgspec.json.decode(capsys.readouterr().out, type=list[dict[str, Any]])


async def test_list_shows_what_has_not_ended_and_fails_where_one_is_stuck(
    stuck: Placed, capsys: pytest.CaptureFixture[str]
) -> None:
    """So a job can watch for it."""
    assert await _saga(stuck, "list") == 1
    out = capsys.readouterr().out
    assert out.startswith("o1  checkout  stuck  0 min")
    assert out.rstrip().endswith("step 'pay' could not be undone: OSError")
    assert "o2" not in out
    assert await _saga(stuck, "list", "--state", "completed", "--format", "json") == 0
    assert [(each["id"], each["state"]) for each in _json(capsys)] == [("o2", "completed")]
    assert await _saga(stuck, "list", "--saga", "other") == 0
    assert capsys.readouterr().out == "shop: no such sagas.\n"


async def test_show_tells_what_was_done_and_why_it_stands(stuck: Placed, capsys: pytest.CaptureFixture[str]) -> None:
    """In words, and in JSON for programs."""
    assert await _saga(stuck, "show", "o1") == 0
    out = capsys.readouterr().out
    assert "undone    because of confirm: sold out" in out
    assert '{"number":2}' in out
    assert await _saga(stuck, "show", "o1", "--format", "json") == 0
    (whole,) = _json(capsys)
    assert [(each["step"], each["outcome"]) for each in whole["steps"]] == [("reserve", "done"), ("pay", "done")]
    assert whole["input"] == {"id": "o1", "book": "Emma"}


async def test_resume_lets_a_stuck_saga_go_on_with_all_its_tries(
    stuck: Placed, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service picks it up by itself."""
    stuck.shop.plans["refund"] = [OSError("reset")] * 2
    assert await _saga(stuck, "resume", "o1") == 0
    assert "compensating" in capsys.readouterr().out
    async with stuck.service.running():
        run = await stuck.service.sagas.find(stuck.saga, "o1")
        assert run is not None
        with pytest.raises(CompensatedError, match="sold out"):
            await run.result(5)
    assert stuck.shop.did[-2:] == ["refund", "release"]


async def test_abandon_gives_a_saga_up_for_good(stuck: Placed, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is tried any more, and who waits is told."""
    assert await _saga(stuck, "abandon", "o1") == 0
    did = list(stuck.shop.did)
    async with stuck.service.running():
        run = await stuck.service.sagas.find(stuck.saga, "o1")
        assert run is not None
        with pytest.raises(AbandonedError, match="sold out"):
            await run.result(5)
    assert stuck.shop.did == did
    capsys.readouterr()
    assert await _saga(stuck, "resume", "o1") == 1
    assert "o1: has ended, it is abandoned" in capsys.readouterr().err


async def test_an_unknown_id_and_an_ended_saga_are_told_as_such(
    stuck: Placed, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each by itself; the others are still dealt with."""
    assert await _saga(stuck, "show", "o9", "o2") == 1
    captured = capsys.readouterr()
    assert "o9: is not in the log" in captured.err
    assert captured.out.startswith("o2\n")
    assert await _saga(stuck, "abandon", "o2") == 1
    assert "o2: has ended, it is completed" in capsys.readouterr().err


async def test_what_somebody_works_on_is_left_to_them(stuck: Placed, capsys: pytest.CaptureFixture[str]) -> None:
    """An operator cannot pull a saga from under a replica."""
    async with stuck.service.running():

        async def decide() -> None:
            assert await _saga(stuck, "abandon", "o3") == 1

        stuck.shop.plans = {"pay": decide}
        run = await stuck.service.sagas.start(stuck.saga, Order("o3"), id="o3")
        await run.result(5)
    assert "is working on it now" in capsys.readouterr().err

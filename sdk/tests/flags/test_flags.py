"""Flags: what is on for whom, seen within a second, and never an error for the person who is waiting."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from prometheus_client import REGISTRY
from sdk.tests.flags.conftest import FlagFile, Running, flag
from structlog.testing import capture_logs

from fairway_sdk import Caller, Service, SetupError
from fairway_sdk.contract import metrics
from fairway_sdk.identity.caller import caller
from fairway_sdk.testing.placing import placed

NORTH = {"if": [{"==": [{"var": "tenant"}, "north"]}, "on", "off"]}
THIRD = {"fractional": [["on", 30], ["off", 70]]}


async def becomes(expected: object, read: Callable[[], object]) -> float:
    """Read until it is as expected, and tell how many seconds that took."""
    begun = time.monotonic()
    while read() != expected and time.monotonic() - begun < 3:  # noqa: ASYNC110 - nobody tells of a change
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


async def test_a_change_of_the_file_is_seen_within_a_second(file: FlagFile, running: Running) -> None:
    """Also back to a file that is older than the one before."""
    file.write({"gift-wrapping": flag("off"), "new-basket": flag("off")})
    async with running() as shop:
        assert shop.flag("gift-wrapping") is False
        assert shop.flag("new-basket") is False
        file.write({"gift-wrapping": flag("on"), "new-basket": flag("off")})
        assert await becomes(expected=True, read=lambda: shop.flag("gift-wrapping")) < 1


async def test_a_flag_may_be_on_for_a_tenant(file: FlagFile, running: Running) -> None:
    """The caller at hand decides, or one that is named."""
    file.write({"gift-wrapping": flag("off", NORTH), "new-basket": flag("on")})
    async with running() as shop:
        assert shop.flag("gift-wrapping") is False
        token = caller.set(Caller(tenant="north"))
        try:
            assert shop.flag("gift-wrapping") is True
            assert shop.flags.on("gift-wrapping", Caller(tenant="south")) is False
        finally:
            caller.reset(token)


async def test_a_share_of_persons_is_the_same_persons_at_every_reading(file: FlagFile, running: Running) -> None:
    """A person sees no flicker, and an anonymous caller gets the flag's default; nothing is logged for each reading."""
    file.write({"gift-wrapping": flag("off", THIRD), "new-basket": flag("on")})
    people = [Caller(person=f"person-{number}", issuer="https://issuer.test") for number in range(1000)]
    async with running() as shop, running("stock") as stock:
        chosen = [shop.flags.on("gift-wrapping", person) for person in people]
        assert 250 < sum(chosen) < 350
        assert [stock.flags.on("gift-wrapping", person) for person in people] == chosen
        with capture_logs() as lines:
            assert shop.flag("gift-wrapping") is False
        assert lines == []


async def test_rules_see_where_the_service_stands_and_what_the_call_adds(file: FlagFile, running: Running) -> None:
    """And the call cannot say that it is another tenant."""
    rule = {"and": [{"==": [{"var": "region"}, "auckland"]}, {">": [{"var": "books"}, 5]}]}
    file.write({"gift-wrapping": flag("off", {"if": [rule, "on", "off"]}), "new-basket": flag("off", NORTH)})
    async with running(region="auckland") as shop:
        assert shop.flag("gift-wrapping", books=6) is True
        assert shop.flag("gift-wrapping", books=5) is False
        assert shop.flag("gift-wrapping") is False
        assert shop.flag("new-basket", tenant="north") is False


async def test_a_rule_sees_an_alias_of_the_person_only(running: Running) -> None:
    """Definitions of flags are no place for names."""
    async with running() as shop:
        alias, facts = shop.flags.context(Caller(person="ada", issuer="https://issuer.test", token="secret"))  # noqa: S106
        assert len(alias) == 32
        assert not {"ada", "secret", "https://issuer.test"} & {alias, *map(str, facts.values())}


async def test_a_broken_file_keeps_the_last_good_one_with_one_line(file: FlagFile, running: Running) -> None:
    """Until it is mended."""
    file.write({"gift-wrapping": flag("on"), "new-basket": flag("off")})
    async with running() as shop:
        assert shop.flag("gift-wrapping") is True
        with capture_logs() as lines:
            file.write("{broken")
            for _ in range(60):
                assert shop.flag("gift-wrapping") is True
                await asyncio.sleep(0.01)
        assert [line["log_level"] for line in lines] == ["warning"]
        assert "exc_info" not in lines[0]
        file.write({"gift-wrapping": flag("off"), "new-basket": flag("off")})
        assert await becomes(expected=False, read=lambda: shop.flag("gift-wrapping")) < 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"flags": []}',
        '{"flags": {"gift-wrapping": 1}}',
        '{"flags": {"gift-wrapping": {"state": "ON", "variants": {"on": true}}}}',
        '{"flags": {"gift-wrapping": {"state": "ENABLED", "variants": {}}}}',
        '{"flags": {"gift-wrapping": {"state": "ENABLED", "variants": {"on": true}, "colour": "red"}}}',
    ],
)
async def test_what_is_no_file_of_flags_leaves_the_defaults(text: str, file: FlagFile, running: Running) -> None:
    """Those of the binding."""
    file.write(text)
    async with running() as shop:
        assert (shop.flag("gift-wrapping"), shop.flag("new-basket")) == (False, True)
        assert shop.flags.variant("new-basket") == "default"


async def test_a_missing_file_leaves_the_defaults_with_one_warning_until_it_comes(
    file: FlagFile, running: Running
) -> None:
    """The service starts all the same."""
    with capture_logs() as lines:
        async with running() as shop:
            for _ in range(40):
                assert (shop.flag("gift-wrapping"), shop.flag("new-basket")) == (False, True)
                await asyncio.sleep(0.01)
            assert [line["event"] for line in lines] == ["something is wrong with the flags"]
            file.write({"gift-wrapping": flag("on"), "new-basket": flag("on")})
            assert await becomes(expected=True, read=lambda: shop.flag("gift-wrapping")) < 1


async def test_a_flag_that_the_file_lacks_or_disables_has_its_default(file: FlagFile, running: Running) -> None:
    """With a warning where it lacks."""
    file.write({"new-basket": flag("off", state="DISABLED")})
    with capture_logs() as lines:
        async with running() as shop:
            assert (shop.flag("gift-wrapping"), shop.flag("new-basket")) == (False, True)
    assert "lacks gift-wrapping" in lines[0]["reason"]


@pytest.mark.parametrize(
    "faulty",
    [
        flag("on", variants={"on": "yes", "off": "no"}),
        flag("nowhere"),
        flag("on", {"if": [True, "nowhere"]}),
        flag("on", {"nonsense": [1, 2]}),
        flag("on", {"fractional": [["on", "many"]]}),
    ],
)
async def test_a_faulty_flag_has_its_default_and_the_others_work(
    faulty: dict[str, object], file: FlagFile, running: Running
) -> None:
    """One line says which, however often it is read."""
    file.write({"gift-wrapping": faulty, "new-basket": flag("off")})
    with capture_logs() as lines:
        async with running() as shop:
            for _ in range(5):
                shop.flags.variant("gift-wrapping")
                assert shop.flag("gift-wrapping") in {False, True}
                assert shop.flag("new-basket") is False
    assert len(lines) <= 1


async def test_an_undeclared_flag_is_an_error_at_once(file: FlagFile, running: Running) -> None:
    """Though the file has it: the facts must know what a service rests on."""
    file.write({"gift-wraping": flag("on"), "gift-wrapping": flag("on"), "new-basket": flag("on")})
    async with running() as shop:
        with pytest.raises(SetupError, match="Did you mean 'gift-wrapping'"):
            shop.flag("gift-wraping")
        with pytest.raises(SetupError, match="not declared"):
            shop.flags.variant("zzz")


async def test_without_a_file_the_defaults_hold_also_before_the_start(tmp_path: Path) -> None:
    """A handler can be tested without flags."""
    shop = placed(Service("shop"), tmp_path, flags={"new-basket": True})
    assert shop.flag("new-basket") is True


async def test_variants_have_names_and_readings_are_counted_by_them(file: FlagFile, running: Running) -> None:
    """A rollout is seen in the metrics."""
    colours = {"state": "ENABLED", "variants": {"red": "#f00", "blue": "#00f"}, "defaultVariant": "blue"}
    file.write({"gift-wrapping": flag("on"), "new-basket": colours})

    def count(name: str, variant: str) -> float:
        return REGISTRY.get_sample_value(metrics.FLAG_READS, {"flag": name, "variant": variant}) or 0.0

    async with running() as shop:
        before = count("new-basket", "blue"), count("gift-wrapping", "on")
        assert shop.flags.variant("new-basket") == "blue"
        assert shop.flag("gift-wrapping") is True
        assert (count("new-basket", "blue"), count("gift-wrapping", "on")) == (before[0] + 1, before[1] + 1)


async def test_services_in_one_process_have_their_own_flags_behind_openfeature(
    file: FlagFile, running: Running, tmp_path: Path
) -> None:
    """By their names; what has stopped gives the defaults that its caller names, and may start again."""
    file.write({"gift-wrapping": flag("on", NORTH), "new-basket": flag("on")})
    other = FlagFile(tmp_path)
    other.write({"gift-wrapping": flag("off")})
    async with running("shop") as shop:
        async with running("stock", flags_file=str(other.path)) as stock:
            assert shop.flags.client.get_boolean_value("new-basket", default_value=False) is True
            assert stock.flags.client.get_boolean_value("gift-wrapping", default_value=True) is False
            token = caller.set(Caller(tenant="north"))
            try:
                assert shop.flags.client.get_boolean_value("gift-wrapping", default_value=False) is True
                told = EvaluationContext(attributes={"tenant": "south"})
                assert api.get_client("shop").get_boolean_value("gift-wrapping", False, told) is True  # noqa: FBT003
            finally:
                caller.reset(token)
        assert api.get_client("stock").get_boolean_value("gift-wrapping", default_value=True) is True
        await shop.flags.stop()
        await shop.flags.start()
        assert shop.flags.client.get_boolean_value("new-basket", default_value=False) is True
        assert shop.flags.client.get_boolean_value("undeclared", default_value=True) is True


async def test_a_path_that_depends_on_where_the_process_stands_is_refused(running: Running) -> None:
    """At the start."""
    with pytest.raises(SetupError, match="no absolute path"):
        async with running(flags_file="flags.json"):
            pass

"""The plan as text: what a tired person reads."""

from datetime import date
from typing import Any

import msgspec

from fairway import stages
from fairway.core.facts import System
from fairway.core.profile import survey
from fairway.core.registry import rooms, rule_by_id
from fairway.verbs.plan import plan
from fairway.verbs.plan_text import MANY, WIDTH, _fill, plan_text

ROOMS = rooms(stages)
SHOP: dict[str, Any] = {
    "system": "shop",
    "owners": {"o": "o@example.com"},
    "environments": {"production": {"domain": "shop.example.com"}},
    "platform": {"registry": "registry.example.com", "mesh": "none"},
    "identity-providers": {"people": {"issuer": "https://id.example.com"}},
    "services": {
        "front": {
            "capability": "Showing things",
            "exposure": "external",
            "configured-at-run-time": True,
            "calls": {"stock": {"essential": True}},
        },
        "stock": {"capability": "Counting things", "retains-state": True, "traffic-needs": ["retries"]},
    },
}


def text(facts: dict[str, Any] = SHOP, **options: Any) -> str:  # noqa: ANN401 - passed on as they are
    """Write the plan of these facts."""
    landscape = survey(msgspec.convert(facts, System))
    return plan_text(plan(ROOMS, landscape, date(2026, 11, 22)), landscape, rule_by_id(ROOMS), **options)


def test_the_grid_shows_the_order_of_the_visits() -> None:
    """Orchestration comes fifth for a service that jumped, and the gateway is passed over by an internal one."""
    front, stock = (line for line in text().splitlines() if line.startswith(("  front", "  stock")))
    assert front.split()[1:6] == ["1", "2", "5", "3", "4"]
    assert stock.split()[1:6] == ["1+", "2", "3+", "4", "-"]


def test_a_jump_a_way_back_and_a_detour_are_told_with_their_reasons() -> None:
    """In the order in which they happen."""
    told = text(only="front")
    assert "» jump to routing, because it is configured at run time" in told
    assert "« back to orchestration: it was postponed, and observability needs it" in told
    assert "↳ data: persistence first, because it retains state in its process; then back" in text(only="stock")


def test_what_is_open_stands_at_its_service_and_again_at_the_end() -> None:
    """A question and a debt, each with what holds until then."""
    told = text()
    last = told[told.index("━━ open") :]
    assert "? call stock: What does front do while stock is down: fail, cached, skip or queue?" in last
    assert "!" in last
    assert "[routing/mesh]" in last
    assert last in told
    assert told.count("What does front do while stock is down") == 2


def test_nothing_open_is_said() -> None:
    """Silence would leave the reader wondering."""
    quiet = {**SHOP, "services": {"stock": {"capability": "Counting things"}}}
    assert "Nothing: every question is answered, nothing is owed." in text(quiet)


def test_rules_that_do_not_apply_are_grouped_by_their_reason() -> None:
    """One line for all that do not apply because it is internal."""
    told = " ".join(text(only="stock").split())
    assert "because it is internal: design/rest-when-external, gateway/federated-identity, gateway/jwt" in told


def test_reasons_come_when_they_are_asked_for() -> None:
    """The whole plan tells what is decided; one service, or --full, tells why and what was not chosen."""
    assert "not Deployment:" not in text()
    assert "not Deployment:" in text(full=True)
    assert "not Deployment:" in text(only="stock")


def test_a_decision_that_is_the_same_for_all_is_told_once() -> None:
    """Two services share how their images are built."""
    told = text()
    assert told.count("two stages: dependencies are built in the first") == 1
    assert told.index("━━ every service") < told.index("two stages") < told.index("━━ front")


def test_lines_fit_the_width() -> None:
    """No line is longer than the page, but for a word that cannot be broken."""
    for line in text(full=True).splitlines():
        assert len(line) <= WIDTH or len(line.split()) == 1, line


def test_a_line_never_ends_between_a_number_and_its_percent_sign() -> None:
    """'6' at the end of one line and '%' at the start of the next is read as something else."""
    told = [text({**SHOP, "system": "s" * length}, full=True) for length in range(1, 30)]
    told += [text({**SHOP, "services": {"f" * n: SHOP["services"]["front"] | {"calls": {}}}}) for n in range(1, 30)]
    assert all("\0" not in each for each in told)
    assert not [line for each in told for line in each.splitlines() if line.lstrip().startswith("%")]
    assert list(_fill(f"{'x' * (WIDTH - 5)} or 6 % of all", "")) == [f"{'x' * (WIDTH - 5)} or", "6 % of all"]


def test_a_large_system_is_told_in_short() -> None:
    """Nobody reads a thousand pages; the grid, the system, the order and what is open remain."""
    many = {**SHOP, "services": {f"s{number}": {"capability": f"Doing {number}"} for number in range(MANY + 1)}}
    told = text(many)
    assert "━━ s1 " not in told
    assert "'--service NAME' shows one in full" in told
    assert "workload: of every service" in told

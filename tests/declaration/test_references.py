"""A name that nothing has is refused at the line that uses it, with the nearest that there is."""

from pathlib import Path

import pytest

from fairway.core.errors import WrongInputError
from fairway.declaration.load import load

RULES = frozenset({"design/boundaries", "design/saga", "routing/probes"})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def faults(text: str) -> list[str]:
    """Give what a reader of the faults of *text* sees."""
    Path("fairway.yaml").write_text(text)
    try:
        load(Path("fairway.yaml"), RULES)
    except WrongInputError as error:
        return str(error).splitlines()
    return []


SHOP = """\
system: shop
owners: {{money: "#money"}}
services:
  orders: {{ {orders} }}
  payments: {{}}
external-systems: {{bank: {{host: bank.example.com}}}}
{more}
"""

OF_A_SERVICE = {
    "calls: {paymnts: }": "calls 'paymnts', which is not declared. Did you mean 'payments'?",
    "calls: {bnak: }": "calls 'bnak', which is not declared. Did you mean 'bank'?",
    "calls: {warehouse: }": (
        "calls 'warehouse', which is not declared. "
        "Declare it under 'services' or 'external-systems', or remove it here."
    ),
    "calls: {orders: }": "calls itself. Remove the call.",
    "stores: [orders-db]": (
        "uses the store 'orders-db', which is not declared. Declare it under 'stores', or remove it here."
    ),
    "publishes: [placed]": (
        "publishes to the channel 'placed', which is not declared. Declare it under 'channels', or remove it here."
    ),
    "consumes: [placed]": (
        "consumes the channel 'placed', which is not declared. Declare it under 'channels', or remove it here."
    ),
    "flags: [fast]": "reads the flag 'fast', which is not declared. Declare it under 'flags', or remove it here.",
    "owner: mony": "has the owner 'mony', which is not declared. Did you mean 'money'?",
    "waivers: {design/sagas: {reason: later, owner: money, expires: 2027-01-01}}": (
        "waives 'design/sagas', which is no rule. Did you mean 'design/saga'?"
    ),
    "waivers: {x: {reason: later, owner: money, expires: 2027-01-01}}": (
        "waives 'x', which is no rule. 'fairway rules' lists them all."
    ),
}

OF_THE_SYSTEM = {
    "waivers: {design/sagas: {reason: later, owner: money, expires: 2027-01-01}}": (
        "the system waives 'design/sagas', which is no rule. Did you mean 'design/saga'?"
    ),
    "waivers: {design/saga: {reason: later, owner: mony, expires: 2027-01-01}}": (
        "the waiver of 'design/saga' has the owner 'mony', which is not declared. Did you mean 'money'?"
    ),
    "flags: {fast: {owner: mony, expires: 2027-01-01}}": (
        "flag 'fast' has the owner 'mony', which is not declared. Did you mean 'money'?"
    ),
    "environments: {production: {regions: [mian]}}": (
        "environment 'production' has the region 'mian', which is not declared. Did you mean 'main'?"
    ),
    "regions: {eu-west-1: }\nenvironments: {production: {regions: [main]}}": (
        "environment 'production' has the region 'main', which is not declared. "
        "Declare it under 'regions', or remove it here."
    ),
    "workflows: {buy: {participants: [orders, paymnts]}}": (
        "workflow 'buy' has a step of 'paymnts', which is not declared. Did you mean 'payments'?"
    ),
    "workflows: {buy: {participants: [orders, {service: bank}]}}": (
        "workflow 'buy' has a step of 'bank', which is not declared. Declare it under 'services', or remove it here."
    ),
}


@pytest.mark.parametrize(("facts", "expected"), OF_A_SERVICE.items(), ids=OF_A_SERVICE)
def test_a_service_uses_only_what_is_declared(facts: str, expected: str) -> None:
    """The message names the service and what it would do with the name."""
    assert faults(SHOP.format(orders=facts, more="")) == [f"fairway.yaml:4: service 'orders' {expected}"]


@pytest.mark.parametrize(("facts", "expected"), OF_THE_SYSTEM.items(), ids=OF_THE_SYSTEM)
def test_everything_else_uses_only_what_is_declared(facts: str, expected: str) -> None:
    """Flags, waivers, environments and workflows are held to the same."""
    line = 7 + facts.count("\n")
    assert faults(SHOP.format(orders="", more=facts)) == [f"fairway.yaml:{line}: {expected}"]


def test_every_reference_that_holds_is_accepted() -> None:
    """A system that uses all it declares loads."""
    orders = "calls: {payments: , bank: }, stores: [orders-db], publishes: [placed], flags: [fast], owner: money"
    more = """\
stores: {orders-db: {workload: transactional}}
channels: {placed: }
flags: {fast: {owner: money, expires: 2027-01-01}}
waivers: {design/saga: {reason: later, owner: money, expires: 2027-01-01}}
environments: {production: {regions: [main]}}
workflows: {buy: {participants: [orders, {service: payments, step: pay, undo: refund}]}}
"""
    assert faults(SHOP.format(orders=orders, more=more)) == []


def test_an_owner_needs_owners() -> None:
    """Where no owner is declared, none can be named."""
    text = "system: shop\nservices:\n  orders:\n    owner: money\n"
    assert faults(text) == [
        (
            "fairway.yaml:4: service 'orders' has the owner 'money', which is not declared. "
            "Declare it under 'owners', or remove it here."
        )
    ]


def test_rules_are_checked_only_where_they_are_known() -> None:
    """The core knows no rules; who does passes their ids."""
    waiver = "waivers: {any/rule: {reason: later, owner: money, expires: 2027-01-01}}"
    Path("fairway.yaml").write_text(SHOP.format(orders=waiver, more=""))
    assert "any/rule" in load(Path()).system.services["orders"].waivers


def test_each_item_of_a_long_list_is_found_at_its_own_line() -> None:
    """The line is that of the item, also behind one that is faulty itself."""
    text = """\
system: shop
services:
  orders:
    stores:
      - Orders-DB
      - orders-db
      - cashe
stores:
  orders-db: {workload: transactional}
  cache: {workload: cache}
"""
    assert faults(text) == [
        (
            "fairway.yaml:5: an item of services.orders.stores is 'Orders-DB'. "
            "Write a name: lower-case letters, digits and '-', 40 at most, a letter first."
        ),
        "fairway.yaml:7: service 'orders' uses the store 'cashe', which is not declared. Did you mean 'cache'?",
    ]


def test_a_name_whose_declaration_is_faulty_is_not_called_unknown() -> None:
    """One mistake gives one message, not one at every use."""
    text = """\
system: shop
services:
  orders: {stores: [orders-db], calls: {Payments: , payments: }}
  Payments:
  payments: [x]
stores:
  orders-db: {engine: mysql}
"""
    assert [said.split(": ", 1)[0] for said in faults(text)] == [f"fairway.yaml:{line}" for line in (3, 4, 5, 7)]


def test_nothing_is_called_unknown_where_a_whole_section_is() -> None:
    """A misspelt section would make every use of its names look wrong."""
    text = "system: shop\nservces: {payments: }\nservices: {orders: {calls: {payments: }}}\n"
    assert faults(text) == ["fairway.yaml:2: the top level takes no 'servces'. Did you mean 'services'?"]


def test_thousands_of_unknown_names_are_all_said() -> None:
    """Past a fair number of comparisons names are no longer suggested, but still refused."""
    services = "\n".join(f"  service-{number}: {{calls: {{servise-{number}: }}}}" for number in range(3_000))
    said = faults(f"system: big\nservices:\n{services}\n")
    assert len(said) == 3_000
    assert said[0].endswith("Did you mean 'service-0'?")
    assert said[-1].endswith("or remove it here.")

"""Every fault of a fact is said at its own line, with what to write instead."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.core.facts import System, json_schema
from fairway.declaration import kinds
from fairway.declaration.shape import Shape, examine
from fairway.declaration.suggestions import Suggestions
from fairway.yaml.reader import read_document


def examined(text: str) -> Shape:
    """Check one file's *text*."""
    document, problems = read_document(text, "f.yaml")
    assert not problems
    return examine(document.value, "f.yaml", document.line, Suggestions())


def faults(text: str) -> list[str]:
    """Give what a reader of the faults of *text* sees."""
    return [str(problem) for problem in sorted(examined(text).problems)]


def service(facts: str) -> str:
    """Give a system whose one service says *facts*, on line 3."""
    return f"system: shop\nservices: {{orders: {{\n  {facts}}}}}\n"


def test_what_is_sound_is_kept_as_it_is() -> None:
    """A file without faults becomes a system with every fact in it."""
    shape = examined(service("sessions: yes, calls: {payments: {timeout: 5s}}, stores: [orders-db]"))
    assert not shape.problems
    orders = msgspec.convert(shape.value, System).services["orders"]
    assert orders.sessions
    assert orders.calls["payments"].timeout == "5s"
    assert orders.stores == ("orders-db",)


WHOLE_FILES = {
    "- system: shop": (
        "1: the file is a list. "
        "Write a map; its keys are system, version, include, owners, environments, regions and 12 more."
    ),
    "hello": (
        "1: the file is the text 'hello'. "
        "Write a map; its keys are system, version, include, owners, environments, regions and 12 more."
    ),
    "servces: {}": "1: the top level takes no 'servces'. Did you mean 'services'?",
    "calls: {}": "1: the top level takes no 'calls'. 'calls' belongs in a service.",
    "mesh: istio": "1: the top level takes no 'mesh'. 'mesh' belongs in 'platform'.",
    "system: Shop": (
        "1: system is 'Shop'. Write a name: lower-case letters, digits and '-', 40 at most, a letter first."
    ),
    "system: |\n  shop\n": (
        "1: system is 'shop\\n'. Write a name: lower-case letters, digits and '-', 40 at most, a letter first."
    ),
    "version: 1.10": (
        '1: version is read as the number 1.1. Write it in quotes, with every digit that you mean: version: "1.1".'
    ),
    "owners: [money, data]": "1: owners is a list. Write a map, such as {money: ...}.",
    "owners: {money: ''}": "1: owners.money is an empty text. Write a text of 1 to 500 characters.",
    "owners: {money: }": "1: owners.money is empty. Write a text of 1 to 500 characters.",
    f"owners: {{money: {'x' * 501}}}": "1: owners.money is 501 characters long. Write a text of 1 to 500 characters.",
    "owners: {Money_Team: '#money'}": "1: 'Money_Team' in owners is not a name. Write 'money-team'.",
    "owners: {24h: '#night'}": (
        "1: '24h' in owners is not a name. "
        "Write a name: lower-case letters, digits and '-', 40 at most, a letter first."
    ),
    "regions: {no: {}}": (
        "1: a name in regions is read as false, as are n, no and off. Write it in quotes, or rename it."
    ),
    "platform: [mesh]": (
        "1: platform is a list. "
        "Write a map; its keys are mesh, routes, gateway, log-collector, log-store, secrets and 6 more."
    ),
    "platform: {mesh: off}": "1: platform.mesh is read as false. Write istio or none.",
    "platform: {gateway: konk}": "1: platform.gateway is 'konk', which is not one of its choices. Did you mean 'kong'?",
    "platform: {mesh: linkerd}": "1: platform.mesh is 'linkerd', which is not one of its choices. Write istio or none.",
    "tenants: {names: []}": "1: tenants.names has no items. Name at least 1.",
    "tenants: {by: path}": "1: tenants has no 'names'. Add 'names:' with a list.",
    "tenants: {names: [no]}": (
        '1: an item of tenants.names is read as false, as are n, no and off. Write it in quotes: - "no".'
    ),
    "external-systems: {bank: {host: bank.example.com, port: 99999}}": (
        "1: external-systems.bank.port is the number 99999. Write a whole number from 1 to 65535."
    ),
    "external-systems: {bank: {host: bank.example.com, port: 44.3}}": (
        "1: external-systems.bank.port is the number 44.3. Write a whole number from 1 to 65535."
    ),
    "stores:\n  orders-db:\n": (
        "2: stores.orders-db has no 'workload'. Add 'workload:' with cache, transactional or write-heavy."
    ),
    "stores: [orders-db]": "1: stores is a list. Write a map, such as {orders-db: {workload: ...}}.",
    "stores: {a: {workload: cache, owner: me}}": (
        "1: stores.a takes no 'owner'. 'owner' belongs in a flag, a service or a waiver."
    ),
    "stores: {a: {workload: cache, colour: red}}": (
        "1: stores.a takes no 'colour'. Its keys are workload, engine, data, retention, recovery and size."
    ),
    "flags: {fast: {owner: me, expires: 2027-02-30}}": (
        "1: flags.fast.expires is 2027-02-30, a day that no calendar has. Write a date such as 2027-01-31."
    ),
    "flags: {fast: {owner: me, expires: next year}}": (
        "1: flags.fast.expires is the text 'next year'. Write a date such as 2027-01-31."
    ),
    "flags: {fast: {owner: me, expires: 2027}}": (
        "1: flags.fast.expires is the number 2027. Write a date such as 2027-01-31."
    ),
    "workflows: {buy: {participants: [orders]}}": "1: workflows.buy.participants has 1 item. Name at least 2.",
    "workflows: {buy: {participants: {orders: {}, stock: {}}}}": (
        "1: workflows.buy.participants is a map. Write a list, each item after '- '."
    ),
    "workflows: {buy: {participants: [orders, 5]}}": (
        "1: an item of workflows.buy.participants is the number 5. "
        "Write a name, or a map; its keys are service, step and undo."
    ),
    "workflows: {buy: {participants: [orders, {step: pay}]}}": (
        "1: workflows.buy.participants[1] has no 'service'. "
        "Add 'service:' with a name: lower-case letters, digits and '-', 40 at most, a letter first."
    ),
    "include: ['../other.yaml']": (
        "1: an item of include is '../other.yaml'. Write a path below the file's folder: no leading '/', no '..'."
    ),
}

SERVICES = {
    "sessions: yes please": "sessions is the text 'yes please'. Write true or false.",
    "sessions: 1": "sessions is the number 1. Write true or false.",
    "sessions: ": "sessions is empty. Write true or false.",
    "routed_by_tenant: true": "takes no 'routed_by_tenant'. Write 'routed-by-tenant'.",
    "routedByTenant: true": "takes no 'routedByTenant'. Write 'routed-by-tenant'.",
    "latency: 300ms": "takes no 'latency'. 'latency' belongs in 'objectives'.",
    "when_down: fail": "takes no 'when_down'. 'when-down' belongs in a call.",
    "exposure: public": "exposure is 'public', which is not one of its choices. Write external or internal.",
    "exposure: Internal": "exposure is 'Internal', which is not one of its choices. Did you mean 'internal'?",
    "exposure: [external]": "exposure is a list. Write external or internal.",
    "owner: no": 'owner is read as false, as are n, no and off. Write it in quotes: owner: "no".',
    "starts-within: yes": ("starts-within is read as true. Write a number and its unit: 300ms, 5s, 10m, 4h, 30d, 7y."),
    "starts-within: 30": ("starts-within is the number 30. Write a number and its unit: 300ms, 5s, 10m, 4h, 30d, 7y."),
    "starts-within: 5 s": "starts-within is '5 s'. Write a number and its unit: 300ms, 5s, 10m, 4h, 30d, 7y.",
    f"starts-within: {'9' * 5_000}s": (
        f"starts-within is '{'9' * 60}...'. Write a number and its unit: 300ms, 5s, 10m, 4h, 30d, 7y."
    ),
    "calls: [payments]": "calls is a list. Write a map, such as {payments: {}}.",
    "calls: payments": "calls is the text 'payments'. Write a map, such as {payments: {}}.",
    "calls: {payments: often}": (
        "calls.payments is the text 'often'. Write a map; its keys are essential, idempotent, when-down and timeout."
    ),
    "sidecars: [proxy]": "sidecars is a list. Write a map, such as {proxy: deferred}.",
    "stores: orders-db": "stores is the text 'orders-db'. Write a list, such as [orders-db].",
    "stores: {orders-db: {}, cache: {}}": "stores is a map. Write a list, such as [orders-db, cache].",
    "stores: [orders-db, cache, orders-db]": "stores names 'orders-db' twice. Remove one.",
    "data: [personal, secret]": (
        "data is 'secret', which is not one of its choices. Write internal, personal, public or regulated."
    ),
    "objectives: {availability: 99.9%}": (
        "objectives.availability is the text '99.9%'. Write 99.9 alone, without quotes."
    ),
    "objectives: {availability: 100}": (
        "objectives.availability is the number 100. Write a number from 90 to below 100."
    ),
    "objectives: {availability: .nan}": (
        "objectives.availability is the number nan. Write a number from 90 to below 100."
    ),
    "traffic: {typical: '10', peak: 50}": "traffic.typical is the text '10'. Write 10 alone, without quotes.",
    "traffic: {typical: 10}": "traffic has no 'peak'. Add 'peak:' with a number above 0 and at most 10000000.",
    "resources: {memory: 1GB}": "resources.memory is '1GB'. Write a size in binary units: 512Mi, 20Gi, 2Ti.",
    "resources: {cpu: 0}": "resources.cpu is the number 0. Write CPUs: 250m, 0.5, 2.",
    "anonymous-routes: [books]": (
        "anonymous-routes is 'books'. Write a path, with its method where it is only one: GET /books."
    ),
    "schedule: '@daily'": "schedule is '@daily'. Write five fields: minute, hour, day, month, weekday.",
    "code: ../orders": "code is '../orders'. Write a path below the file's folder: no leading '/', no '..'.",
    'code: "a\\n/../.."': "code is 'a\\n/../..'. Write a path below the file's folder: no leading '/', no '..'.",
}


@pytest.mark.parametrize(("text", "expected"), WHOLE_FILES.items(), ids=WHOLE_FILES)
def test_a_fault_of_the_file_says_what_to_write(text: str, expected: str) -> None:
    """The message is whole: place, what is wrong, what to do."""
    assert faults(text) == [f"f.yaml:{expected}"]


@pytest.mark.parametrize(("facts", "expected"), SERVICES.items(), ids=SERVICES)
def test_a_fault_of_a_service_says_what_to_write(facts: str, expected: str) -> None:
    """The message names the key by its way from the top, and its own line."""
    (said,) = faults(service(facts))
    says = said.removeprefix("f.yaml:3: ").removeprefix("an item of ").removeprefix("services.orders")
    assert says.removeprefix(".").lstrip() == expected


def test_all_faults_of_a_file_are_said_at_once_each_at_its_line() -> None:
    """One run shows all there is to mend."""
    text = """
system: Shop
services:
  orders:
    sessions: maybe
    calls:
      payments:
        timeout: 5
        often: true
  stock:
    stores:
      - stock-db
      - stock-db
stores:
  stock-db:
    engine: oracle
"""
    assert [said.split(": ", 1)[0] for said in faults(text)] == [f"f.yaml:{line}" for line in (2, 5, 8, 9, 13, 15, 16)]


def test_what_stands_without_a_value_counts_as_empty() -> None:
    """A map, a list or an optional fact that is left blank says no more than its absence."""
    text = (
        "system: shop\nenvironments: {staging: }\nservices: {orders: {calls: {stock: }, stores: , owner: , traffic: }}"
    )
    shape = examined(text)
    assert not shape.problems
    system = msgspec.convert(shape.value, System)
    assert list(system.environments) == ["staging"]
    assert list(system.services["orders"].calls) == ["stock"]
    assert system.services["orders"].owner is None


@pytest.mark.parametrize(("written", "meant"), [("2", "2"), ("0.5", "500m"), ("0.25", "250m"), ("250m", "250m")])
def test_cpus_may_be_a_bare_number(written: str, meant: str) -> None:
    """Nobody quotes 0.5; what is written means the same in Kubernetes."""
    shape = examined(service(f"resources: {{cpu: {written}}}"))
    resources = msgspec.convert(shape.value, System).services["orders"].resources
    assert not shape.problems
    assert resources is not None
    assert resources.cpu == meant


def test_a_faulty_fact_is_left_out_and_the_rest_is_kept() -> None:
    """What is sound is checked further, so a fault does not hide the next one."""
    shape = examined("system: shop\nservices: {orders: {sessions: maybe, stores: [a, B, c]}}\nstores: {a: }")
    assert shape.value == {"system": "shop", "services": {"orders": {"stores": ["a", "c"]}}, "stores": {}}
    assert shape.legible


@pytest.mark.parametrize("text", ["services: [orders]", "servces: {}", "- services"])
def test_a_file_with_an_unknown_section_is_not_legible(text: str) -> None:
    """Names that others use may be declared there."""
    assert not examined(text).legible


def test_a_key_that_could_upset_a_terminal_is_shown_escaped_and_short() -> None:
    """Nothing of the file reaches a terminal raw."""
    (said,) = faults(f'services: {{orders: {{"\\e[31m{"x" * 500}": 1}}}}')
    assert said.startswith("f.yaml:1: services.orders takes no '\\x1b[31mxxx")
    assert said.isprintable()
    assert len(said) < 700


KEYS = sorted({key for record in json_schema()["$defs"].values() for key in record["properties"]})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["orders", "5s", "20Gi", "2027-01-31", "transactional", "external", "99.9%", "GET /", "a.b"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.sampled_from(["orders", "stock"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(kinds.system().keys)), VALUES, max_size=6))
def test_what_is_left_of_any_file_is_always_a_system(facts: dict[str, object]) -> None:
    """Where nothing is reported nothing is lost, and what is kept always converts."""
    document, problems = read_document(json.dumps(facts), "f.yaml")
    shape = examine(document.value, "f.yaml", document.line, Suggestions())
    system = msgspec.convert({"system": "unnamed", **shape.value}, System)
    assert all(str(problem).isprintable() for problem in (*problems, *shape.problems))
    if not problems and not shape.problems:
        assert len(system.services) == len(facts.get("services") or {})  # type: ignore[arg-type] # sound, so a map

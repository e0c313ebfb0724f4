"""What is well formed and cannot be meant is refused, and nothing that could be."""

from pathlib import Path

import pytest

from fairway.core.errors import WrongInputError
from fairway.declaration.load import load


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def faults(facts: str) -> list[str]:
    """Give what a reader of the faults of a system with these *facts*, from line 2 on, sees."""
    Path("fairway.yaml").write_text(f"system: shop\n{facts}\n")
    try:
        load(Path())
    except WrongInputError as error:
        return str(error).splitlines()
    return []


REFUSED = {
    "version: 1.0.0": "fairway.yaml: the system has no service. Declare one under 'services'.",
    "services: {}": "fairway.yaml:2: the system has no service. Declare one under 'services'.",
    "services: {bank: }\nexternal-systems: {bank: {host: bank.example.com}}": (
        "fairway.yaml:3: 'bank' is both a service and an external system, so a call to it could mean either. "
        "Rename one of them."
    ),
    "services:\n  orders: {calls: {nightly: }}\n  nightly: {runs: to-completion}": (
        "fairway.yaml:3: service 'orders' calls 'nightly', which runs to completion and answers no calls. "
        "Let 'nightly' run continuously, or remove the call."
    ),
    "services: {orders: {\n  schedule: 0 3 * * *}}": (
        "fairway.yaml:3: service 'orders' has a schedule but runs continuously. "
        "Add 'runs: to-completion', or remove the schedule."
    ),
    "services: {orders: {runs: to-completion,\n  exposure: external}}": (
        "fairway.yaml:3: service 'orders' is external but runs to completion, so that nobody can reach it. "
        "Remove 'exposure', or 'runs'."
    ),
    "services: {orders: {runs: to-completion,\n  sessions: true}}": (
        "fairway.yaml:3: service 'orders' has sessions but runs to completion, so that nobody can reach it. "
        "Remove 'sessions', or 'runs'."
    ),
    "services: {orders: {\n  anonymous-routes: [/books]}}": (
        "fairway.yaml:3: service 'orders' has 'anonymous-routes' but is internal, so that it has no public routes. "
        "Add 'exposure: external', or remove 'anonymous-routes'."
    ),
    "tenants: {names: [a]}\nservices: {orders: {routed-by-tenant: true}}": (
        "fairway.yaml:3: service 'orders' has 'routed-by-tenant' but is internal, so that it has no public routes. "
        "Add 'exposure: external', or remove 'routed-by-tenant'."
    ),
    "services: {orders: {exposure: external,\n  routed-by-tenant: true}}": (
        "fairway.yaml:3: service 'orders' is routed by tenant, and no tenants are declared. "
        "Declare them under 'tenants'."
    ),
    "services: {orders: {\n  traffic: {typical: 80, peak: 50}}}": (
        "fairway.yaml:3: service 'orders' has 80 requests a second on an ordinary day and fewer, 50, at its peak. "
        "Raise 'peak', or lower 'typical'."
    ),
    "services: {orders: {volumes: {\n  all: {mount: /}}}}": (
        "fairway.yaml:3: service 'orders' has a volume at '/', which hides its program. Mount it in a folder."
    ),
    "services: {orders: {volumes: {\n  a: {mount: /var/lib/b/},\n  b: {}}}}": (
        "fairway.yaml:4: service 'orders' has the volumes 'a' and 'b' both at /var/lib/b. Move one."
    ),
    "services: {orders: {stores: [big]}}\nstores: {big: {workload: transactional,\n  engine: cassandra}}": (
        "fairway.yaml:4: the workload of store 'big' is transactional, and cassandra is not made for that. "
        "Write postgresql or mysql, or another 'workload'."
    ),
    "services: {orders: {stores: [big]}}\nstores: {big: {workload: transactional,\n  retention: 101y}}": (
        "fairway.yaml:4: store 'big' has a retention of 101y, more than a hundred years. Write at most 100y."
    ),
    "services: {orders: }\nstores:\n  big: {workload: cache}": (
        "fairway.yaml:4: store 'big' is used by no service. Name it under 'stores' of a service, or remove it."
    ),
    "services: {orders: {publishes: [placed]}}\nstores: {orders-db: {workload: cache}}\nchannels: {placed: }": (
        "fairway.yaml:3: service 'orders' needs a transactional store, and the name of its default, 'orders-db', "
        "is taken. Name a transactional store under its 'stores', or rename 'orders-db'."
    ),
    "services: {orders: {sessions: true}}\nstores: {sessions: {workload: transactional}}": (
        "fairway.yaml:3: service 'orders' needs a cache store, and the name of its default, 'sessions', is taken. "
        "Name a cache store under its 'stores', or rename 'sessions'."
    ),
    "services:\n  orders: {publishes: [placed]}\n  stock: {publishes: [placed]}\nchannels: {placed: }": (
        "fairway.yaml:4: channel 'placed' is published to by both 'orders' and 'stock'. "
        "Give 'stock' a channel of its own: a channel has one publisher."
    ),
    "services: {orders: }\nchannels: {placed: }": (
        "fairway.yaml:3: channel 'placed' is used by no service. "
        "Name it under 'publishes' or 'consumes' of a service, or remove it."
    ),
    "services: {orders: , stock: }\nworkflows: {buy: {participants: [stock, orders,\n  {service: stock}]}}": (
        "fairway.yaml:4: workflow 'buy' has two steps named 'stock'. Give each a 'step' of its own."
    ),
    "services: {orders: }\nworkflows: {\n  buy: {participants: [orders, {service: orders, step: b}]}}": (
        "fairway.yaml:4: workflow 'buy' has all its steps in service 'orders'; a workflow spans services. "
        "Name the others, or remove it: one transaction does."
    ),
    "services: {orders: , nightly: {runs: to-completion}}\nworkflows: {buy: {participants: [orders,\n  nightly]}}": (
        "fairway.yaml:4: workflow 'buy' has a step of 'nightly', which runs to completion and answers nobody. "
        "Let 'nightly' run continuously, or leave it out."
    ),
    "services: {orders: }\nenvironments:\n  test: {domain: shop.example.com}\n  live: {domain: shop.example.com}": (
        "fairway.yaml:5: environments 'test' and 'live' both stand under shop.example.com. Change one 'domain'."
    ),
    "services: {orders: {stores: [customers-and-contracts]}}\nstores:\n"
    "  customers-and-contracts: {workload: transactional, engine: mysql}": (
        "fairway.yaml:4: store 'customers-and-contracts' has a name of 23 characters; on MySQL it may have 22. "
        "Give it a shorter one, or another engine."
    ),
    "services: {orders: }\nidentity-providers:\n  a: {issuer: https://id}\n  b: {issuer: https://id}": (
        "fairway.yaml:5: identity providers 'a' and 'b' both have the issuer https://id. Change one 'issuer'."
    ),
}

ACCEPTED = {
    "a service of which nothing is said": "services: {orders: }",
    "a job on a schedule that drains a channel": (
        "services: {nightly: {runs: to-completion, schedule: 0 3 * * *, consumes: [placed]}}\nchannels: {placed: }"
    ),
    "sessions of a service that keeps its own state": "services: {orders: {sessions: true, retains-state: true}}",
    "details of the store that sessions are given": (
        "services: {orders: {sessions: true}}\nstores: {sessions: {workload: cache, size: 1Gi}}"
    ),
    "details of the store that an outbox is given": (
        "services: {orders: {publishes: [placed]}}\nchannels: {placed: }\n"
        "stores: {orders-db: {workload: transactional, size: 1Ti}}"
    ),
    "the same service twice in a workflow, by step": (
        "services: {orders: , stock: }\n"
        "workflows: {buy: {participants: [{service: orders, step: open}, stock, {service: orders, step: close}]}}"
    ),
    "a flag that no service reads yet": (
        "owners: {money: '#money'}\nservices: {orders: }\nflags: {fast: {owner: money, expires: 2027-01-01}}"
    ),
    "an external system that nobody calls yet": "services: {orders: }\nexternal-systems: {bank: {host: a.b}}",
    "a secret of any name": "services: {orders: {secrets: [bank-key]}}",
    "the same traffic on an ordinary day and at peak": "services: {orders: {traffic: {typical: 5, peak: 5}}}",
}


@pytest.mark.parametrize(("facts", "expected"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(facts: str, expected: str) -> None:
    """The message says what does not go together, and the ways out."""
    assert faults(facts) == [expected]


@pytest.mark.parametrize("facts", ACCEPTED.values(), ids=ACCEPTED)
def test_what_could_be_meant_is_accepted(facts: str) -> None:
    """Unusual is not wrong."""
    assert faults(facts) == []


def test_nothing_is_concluded_from_what_a_faulty_fact_may_have_said() -> None:
    """'exposure: public' is a mistake; that the service has anonymous routes is none."""
    said = faults("services: {orders: {exposure: public, anonymous-routes: [/], routed-by-tenant: true}}")
    assert len(said) == 1
    assert "exposure is 'public'" in said[0]

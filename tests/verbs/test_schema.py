"""The published JSON Schema accepts of one file what the loader accepts, and the copy in docs is up to date."""

from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from fairway.declaration.shape import examine
from fairway.declaration.suggestions import Suggestions
from fairway.verbs.schema import schema
from fairway.yaml.reader import read_document

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(schema(), validate_formats=True)

GOOD = [
    "# nothing yet",
    "system: shop",
    "services: ",
    "services: {orders: }",
    "services: {orders: {}}",
    "services: {orders: {calls: {payments: }, stores: , owner: , traffic: , sidecars: , waivers: }}",
    "services: {orders: {sessions: yes, tracing: off, exposure: external}}",
    "services: {orders: {anonymous-routes: [/, GET /books, '/books/{id}']}}",
    "services: {orders: {calls: {payments: {timeout: 300ms, when-down: queue, essential: false}}}}",
    "services: {orders: {resources: {cpu: 250m}}}",
    "services: {orders: {resources: {cpu: 2}}}",
    "services: {orders: {resources: {cpu: 0.25, memory: 1Gi}}}",
    "services: {orders: {resources: {cpu: '0.5'}}}",
    "services: {orders: {objectives: {availability: 99.95}}}",
    "services: {orders: {objectives: {availability: 99}}}",
    "services: {orders: {traffic: {typical: 1.0e+1, peak: 20}}}",
    "services: {orders: {sidecars: {proxy: deferred}, data: [personal, public]}}",
    "services: {orders: {schedule: 0 3 * * 1-5, runs: to-completion}}",
    "services: {orders: {code: services/orders}}",
    "services: {orders: {waivers: {design/saga: {reason: later, owner: money, expires: 2028-02-29}}}}",
    "stores: {orders-db: {workload: transactional, retention: 7y, recovery: {point: 5m}}}",
    "workflows: {buy: {participants: [orders, {service: payments, undo: refund}], consistency: eventual}}",
    "workflows: {buy: {participants: [orders, orders]}}",
    "tenants: {names: [a], by: path}",
    "tenants: ",
    "platform: ",
    "platform: {mesh: none, registry: registry.example.com/shop}",
    "environments: {staging: , production: {domain: shop.example.com, regions: [eu-west-1]}}",
    "external-systems: {bank: {host: bank.example.com, port: 443.0}}",
    "include: [a.yaml, teams/b.yaml]",
    'version: "1.10"',
    f"owners: {{money: {'x' * 500}}}",
    f"services: {{{'x' * 40}: }}",
]

BAD = [
    "[]",
    "hello",
    "5",
    "servces: {}",
    "system: Shop",
    "system: |\n  shop\n",
    "system: ",
    "version: 1.10",
    "services: [orders]",
    "services: {Orders: }",
    "services: {or_ders: }",
    f"services: {{{'x' * 41}: }}",
    "services: {yes: }",
    "services: {orders: {owner: no}}",
    "services: {orders: {sessions: }}",
    "services: {orders: {sessions: 'yes'}}",
    "services: {orders: {sessions: 1}}",
    "services: {orders: {when_down: fail}}",
    "services: {orders: {exposure: public}}",
    "services: {orders: {exposure: }}",
    "services: {orders: {stores: orders-db}}",
    "services: {orders: {stores: [a, a]}}",
    "services: {orders: {stores: [a, ]}}\nstores: {a: {workload: }}",
    "services: {orders: {stores: [null]}}",
    "services: {orders: {data: [personal, personal]}}",
    "services: {orders: {calls: [payments]}}",
    "services: {orders: {calls: {payments: {timeout: 5}}}}",
    "services: {orders: {calls: {payments: {timeout: 5 s}}}}",
    "services: {orders: {calls: {payments: {timeout: 5000000000s}}}}",
    "services: {orders: {resources: {cpu: 0}}}",
    "services: {orders: {resources: {cpu: -1}}}",
    "services: {orders: {resources: {cpu: 1000000}}}",
    "services: {orders: {resources: {cpu: yes}}}",
    "services: {orders: {resources: {memory: 1GB}}}",
    "services: {orders: {objectives: {availability: 100}}}",
    "services: {orders: {objectives: {availability: 89.9}}}",
    "services: {orders: {objectives: {availability: 99.9%}}}",
    "services: {orders: {traffic: {typical: 10}}}",
    "services: {orders: {traffic: {typical: 0, peak: 1}}}",
    "services: {orders: {schedule: 0 3 * *}}",
    "services: {orders: {code: /orders}}",
    "services: {orders: {code: a/../b}}",
    'services: {orders: {code: "a\\nb"}}',
    "services: {orders: {sidecars: {proxy: }}}",
    "services: {orders: {waivers: {design/saga: {reason: later, owner: money, expires: 2027-02-29}}}}",
    "services: {orders: {waivers: {design/saga: {reason: later, owner: money, expires: 20270131}}}}",
    "services: {orders: {waivers: {design/saga: {reason: later, owner: money, expires: '20270131'}}}}",
    "services: {orders: {waivers: {design/saga: {reason: '', owner: money, expires: 2027-01-31}}}}",
    "services: {orders: {waivers: {design/saga: }}}",
    "stores: {orders-db: }",
    "stores: {orders-db: {workload: fast}}",
    "workflows: {buy: {participants: [orders]}}",
    "workflows: {buy: {participants: }}",
    "workflows: {buy: {participants: [orders, {step: pay}]}}",
    "workflows: {buy: {participants: [orders, 5]}}",
    "channels: {placed: {tries: 1.5}}",
    "tenants: {}",
    "tenants: {names: []}",
    "tenants: {names: }",
    "external-systems: {bank: {host: 'bank.example.com:443'}}",
    "external-systems: {bank: {host: bank.example.com, port: 65536}}",
    "include: [../a.yaml]",
    "include: [a.yaml, a.yaml]",
    f"owners: {{money: {'x' * 501}}}",
    "owners: {money: }",
]


def verdicts(text: str) -> tuple[bool, bool]:
    """Tell whether the loader and whether the schema accepts one file's *text*."""
    document, problems = read_document(text, "f.yaml")
    assert not problems
    return not examine(document.value, "f.yaml", 1, Suggestions()).problems, VALIDATOR.is_valid(document.value)


@pytest.mark.parametrize("text", GOOD)
def test_what_is_well_formed_is_accepted_by_both(text: str) -> None:
    """An editor shows no fault where there is none."""
    assert verdicts(text) == (True, True)


@pytest.mark.parametrize("text", BAD)
def test_what_is_malformed_is_refused_by_both(text: str) -> None:
    """What an editor does not mark, the loader does not refuse."""
    assert verdicts(text) == (False, False)


def test_the_published_copy_is_up_to_date() -> None:
    """Editors read the file in docs."""
    published = (ROOT / "docs" / "fairway.schema.json").read_text()
    assert published == schema(), "docs/fairway.schema.json: run 'fairway schema > docs/fairway.schema.json'"

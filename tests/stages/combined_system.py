"""A small system that has some of everything, and few combinations of choices in which every two meet."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway import stages
from fairway.core.facts import System
from fairway.core.registry import rooms
from fairway.declaration.load import load
from fairway.targets.kubernetes.tree import BuiltFile
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace

ROOT: Final = Path(__file__).parents[2]
Case = tuple[tuple[str, str], ...]
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "mesh": ("istio", "none"),
    "routes": ("gateway-api", "ingress"),
    "gateway": ("kong", "ambassador"),
    "log-collector": ("fluent-bit", "fluentd"),
    "log-store": ("loki", "elasticsearch"),
    "secrets": ("vault", "aws", "gcp", "azure"),
    "broker": ("nats", "kafka", "rabbitmq"),
    "ci": ("github", "gitlab"),
    "flags": ("flagd", "none"),
    "progressive": ("canary", "blue-green"),
    "control-plane": ("managed", "kubeadm", "cluster-api"),
    "sql": ("postgresql", "mysql"),
    "wide": ("cassandra", "dynamodb"),
    "clouds": ("aws", "none", "aws aws", "gcp gcp", "azure azure", "none none", "aws gcp"),
}
REGIONS: Final = {
    "aws": ("eu-west-1", "us-east-1"),
    "gcp": ("europe-west4", "us-east4"),
    "azure": ("westeurope", "eastus"),
}
OWN: Final = ("north", "south")
FACTS: Final[dict[str, Any]] = {
    "system": "shop",
    "owners": {"shop": "#shop-oncall", "money": "money@example.com"},
    "failover-depends-on-kubernetes": True,
    "identity-providers": {
        "people": {"issuer": "https://id.example.com"},
        "partners": {"issuer": "https://partners.example.org", "audience": "shop-api"},
    },
    "tenants": {"names": ["river", "campus"], "by": "header"},
    "external-systems": {"cards": {"host": "api.cards.example.net"}},
    "flags": {"new-checkout": {"owner": "shop", "expires": "2027-12-31"}},
    "services": {
        "front": {
            "exposure": "external",
            "customer-facing": True,
            "anonymous-routes": ["GET /books/*"],
            "routed-by-tenant": True,
            "sessions": True,
            "flags": ["new-checkout"],
            "traffic-needs": [],
            "calls": {"orders": {}, "search": {"essential": False, "idempotent": True, "when-down": "cached"}},
        },
        "orders": {
            "criticality": "mission-critical",
            "stores": ["orders-db"],
            "publishes": ["order-placed"],
            "calls": {"payments": {"when-down": "queue"}},
        },
        "payments": {"owner": "money", "stores": ["payments-db"], "secrets": ["card-key"], "calls": {"cards": {}}},
        "search": {"stores": ["clicks"], "volumes": {"index": {"size": "20Gi"}}},
        "mailer": {"consumes": ["order-placed"], "sidecars": {"relay": "included"}},
        "cleaner": {"runs": "to-completion", "schedule": "10 3 * * *", "stores": ["payments-db"]},
    },
    "stores": {
        "orders-db": {"workload": "transactional", "data": ["personal"], "retention": "5y"},
        "payments-db": {"workload": "transactional", "data": ["regulated"], "retention": "10y"},
        "clicks": {"workload": "write-heavy"},
    },
    "channels": {"order-placed": {"data": ["personal"]}},
    "workflows": {
        "checkout": {"participants": ["orders", {"service": "payments", "undo": "refund"}], "consistency": "strong"}
    },
}


@cache
def cases() -> tuple[Case, ...]:
    """Choose combinations so that every two choices meet in one of them: greedily, the same ones each time."""
    names = list(CHOICES)
    open_ = {
        ((one, a), (other, b))
        for one, other in combinations(names, 2)
        for a, b in product(CHOICES[one], CHOICES[other])
    }
    chosen: list[Case] = []
    while open_:
        first, second = min(open_)
        case = {first[0]: first[1], second[0]: second[1]}
        for name in sorted(names, key=lambda name: -len(CHOICES[name])):
            if name not in case:
                case[name] = max(CHOICES[name], key=lambda value: len(_met(case | {name: value}, name) & open_))
        chosen.append(tuple((name, case[name]) for name in names))
        open_ -= {pair for name in names for pair in _met(case, name)}
    return tuple(chosen)


def _met(case: Mapping[str, str], name: str) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    """Give the pairs that one choice makes with those that are made."""
    order = list(CHOICES)
    pairs = set()
    for other in case:
        if other != name:
            first, second = sorted((name, other), key=order.index)
            pairs.add(((first, case[first]), (second, case[second])))
    return pairs


def facts(case: Case) -> dict[str, Any]:
    """Write a combination as facts."""
    chosen = dict(case)
    clouds = chosen.pop("clouds").split()
    engines = {"transactional": chosen.pop("sql"), "write-heavy": chosen.pop("wide")}
    regions = {(REGIONS.get(cloud, OWN))[number]: {"cloud": cloud} for number, cloud in enumerate(clouds)}
    stores = {name: {**store, "engine": engines[store["workload"]]} for name, store in FACTS["stores"].items()}
    production: dict[str, Any] = {"domain": "shop.example.com"}
    if clouds == ["aws", "aws"]:
        production["entrances"] = {
            "us-east-1": "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/shop-production/0a1b"
        }
    needs = ["advanced-routing"] if chosen["mesh"] == "istio" else []
    services = {**FACTS["services"], "front": {**FACTS["services"]["front"], "traffic-needs": needs}}
    return {
        **FACTS,
        "environments": {"production": production},
        "regions": regions,
        "platform": {**chosen, "registry": "registry.example.com"},
        "services": services,
        "stores": stores,
    }


@cache
def built(case: Case) -> dict[str, BuiltFile]:
    """Build a combination in memory."""
    system = msgspec.convert(facts(case), System)
    loaded = msgspec.structs.replace(load(ROOT / "examples" / "hello"), system=system)
    return render(Workspace(loaded, rooms(stages)))


def objects(case: Case) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the objects of a combination, each with its file."""
    for path, file in built(case).items():
        if file.manifest is not None:
            yield path, file.manifest.object

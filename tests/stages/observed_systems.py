"""Systems with every choice that observability builds for."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from fairway.core.artefact import Manifest, Site
from fairway.core.facts import System
from fairway.core.profile import Landscape, survey
from fairway.declaration.load import load
from fairway.stages.s06_observability import build

ROOT = Path(__file__).parents[2]
SITE = Site(environment="production", region="eu-west-1")
CHOICES = tuple(product(("fluent-bit", "fluentd"), ("loki", "elasticsearch"), ("istio", "none")))


@cache
def example(name: str) -> Landscape:
    """Survey an example."""
    return survey(load(ROOT / "examples" / name).system)


@cache
def chosen(collector: str, store: str, mesh: str) -> Landscape:
    """Survey a system whose services do all kinds of work, with owners that are reached in all ways."""
    services: dict[str, Any] = {
        "shop": {"exposure": "external", "calls": {"stock": {}}, "owner": "sales", "customer-facing": True},
        "stock": {"criticality": "mission-critical", "stores": ["rows"], "publishes": ["sold"], "owner": "stock"},
        "mailer": {"consumes": ["sold"], "data": ["personal"], "owner": "sales", "criticality": "low"},
        "poller": {"calls": {"carrier": {}}, "owner": "pages"},
        "sweeper": {"owner": "hooks"},
        "report": {"runs": "to-completion", "schedule": "0 4 * * *", "owner": "sales"},
        "import": {"runs": "to-completion", "owner": "stock", "traffic": {"typical": 1, "peak": 2}},
    }
    facts = {
        "system": "shop",
        "owners": {"sales": "#sales", "stock": "stock@example.com", "hooks": "their pager", "pages": "https://a.b/c"},
        "platform": {"log-collector": collector, "log-store": store, "mesh": mesh},
        "external-systems": {"carrier": {"host": "carrier.example.com"}},
        "services": services,
        "stores": {"rows": {"workload": "transactional"}},
        "channels": {"sold": {}},
    }
    return survey(msgspec.convert(facts, System))


def landscapes() -> dict[str, Landscape]:
    """Give the examples and every combination of choices, by name."""
    found = {name: example(name) for name in ("hello", "bookshop", "clinic", "cafe")}
    return found | {"-".join(choice): chosen(*choice) for choice in CHOICES}


def objects(landscape: Landscape) -> list[Manifest]:
    """Build everything for one site."""
    return list(build.manifests(landscape, SITE))

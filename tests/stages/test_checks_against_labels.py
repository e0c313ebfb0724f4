"""The checks against two public systems that were labelled by hand, if they lie beside this repository.

These labels were also looked at while the rules were written: they show that nothing is lost, not how the rules do on
systems that nobody has seen.
"""

import csv
import shutil
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import pytest

from fairway import stages
from fairway.core.registry import rooms
from fairway.core.rule import Finding
from fairway.estate.index import Estate
from fairway.estate.read import compositions, read

CORPORA: Final = Path(__file__).parents[3] / "shared" / "corpora"
RULES: Final = {
    "alerts-error-rate": {"observability/alerts"},
    "alerts-latency": {"observability/alerts"},
    "alerts-throughput": {"observability/alerts"},
    "backup-pitr": {"data/backups"},
    "circuit-breaker": {"resilience/circuit-breakers"},
    "config-externalised": {"orchestration/configmaps-and-secrets"},
    "dlq": {"resilience/dead-letters"},
    "dr": {"recovery/replicated-or-backed-up", "data/geo-replication"},
    "encryption-at-rest": {"data/encryption-at-rest"},
    "gateway": {"gateway/public-through-gateway"},
    "gateway-jwt": {"gateway/jwt"},
    "gateway-ratelimit": {"gateway/rate-limit"},
    "geo-replication": {"data/geo-replication"},
    "hpa": {"orchestration/autoscale"},
    "image-pinned": {"containers/docker"},
    "logs": {"observability/log-pipeline"},
    "metrics": {"observability/metrics"},
    "mtls": {"security/mtls", "security/mesh-mtls"},
    "networkpolicy": {"security/network-policies"},
    "probes": {"orchestration/probes"},
    "progressive-delivery": {"delivery/progressive"},
    "rbac": {"security/rbac"},
    "secrets": {"orchestration/configmaps-and-secrets", "containers/secrets-manager"},
    "servicemonitor": {"observability/prometheus", "observability/metrics"},
    "tls": {"security/tls-without-mesh"},
    "workload-kind": {"orchestration/statefulset"},
}
PIPELINES: Final = "vuln-scan-ci"  # the pipelines that this is about are not there
WHOLE: Final = {"mtls", "dr", "progressive-delivery"}  # of the system, wherever it is said
REMARKED: Final = {"geo-replication", "dr"}  # by warnings, as files tell nothing of regions
WORDS: Final = {"alerts-error-rate": "errors", "alerts-latency": "latency", "alerts-throughput": "throughput"}
NOTHING_VIOLATES: Final = "config-externalised"  # without doubt, that is: only false findings can be seen there
MESHED: Final = "boutique/base+istio+netpol-components"
LEAST_PRECISION, LEAST_RECALL = 0.95, 0.90

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"NOT CHECKED: the labelled systems are not at {CORPORA}, so precision is not measured"
)


class Score(msgspec.Struct):
    """How often the rules and the labels agree."""

    hits: int = 0
    misses: int = 0
    false: int = 0
    wrong: list[str] = []

    def add(self, row: dict[str, str], *, found: bool) -> None:
        """Count one row."""
        violates = row["violates"] == "yes"
        self.hits += found and violates
        self.misses += violates and not found
        self.false += found and not violates
        if found != violates:
            self.wrong.append(f"{row['corpus']} {row['resource']} {row['rule_area']}: {row['why']}")


@cache
def labels() -> tuple[dict[str, str], ...]:
    """Give the labels that are not arguable."""
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        return tuple(row for row in csv.DictReader(file) if "[arguable]" not in row["why"])


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Score]:
    """Hold what the rules say against the labels, area by area."""
    folder = tmp_path_factory.mktemp("meshed")
    said = {scope: errors(estate_of(scope, folder)) for scope in sorted({row["corpus"] for row in labels()})}
    scored: dict[str, Score] = defaultdict(Score)
    for row in labels():
        if row["rule_area"] != PIPELINES:
            scored[row["rule_area"]].add(row, found=is_found(said[row["corpus"]], row["rule_area"], row["resource"]))
    return scored


def estate_of(scope: str, folder: Path) -> Estate:
    """Read a scope; one is composed of a base and two components, as its own overlays do."""
    if scope != MESHED:
        return read([CORPORA / scope])
    shutil.copytree(CORPORA / "boutique" / "kustomize", folder / "kustomize")
    (folder / "kustomize" / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [base]\n"
        "components: [components/service-mesh-istio, components/network-policies]\n"
    )
    return next(one for one in compositions([folder / "kustomize"]) if one.name == str(folder / "kustomize"))


def errors(estate: Estate) -> list[Finding]:
    """Give what every rule says of an estate."""
    return [found for room in rooms(stages) for rule in room.rules if rule.check for found in rule.check(estate)]


def is_found(said: list[Finding], area: str, resource: str) -> bool:
    """Tell whether a rule of the area finds an error at an object: Kind/name, a container of it after '#'."""
    kind, _, name = resource.replace("(implicit)", "").partition("/")
    name, _, container = name.partition("#container/")
    for one in said:
        if one.rule not in RULES[area] or (one.severity != "error" and area not in REMARKED):
            continue
        parts = one.resource.split("/")
        there = (parts[0], parts[-1]) == (kind, name) or resource == parts[0] == "System"
        inside = not container or f"ontainers[{container}]" in one.key
        # Of an area that only some of a finding speaks of, what it says is missing counts.
        spoken = one.says.rpartition(": ")[2] if "unseen" in one.says else one.says
        if ((there and inside) or area in WHOLE) and WORDS.get(area, "") in spoken:
            return True
    return False


def test_every_labelled_area_is_measured() -> None:
    """None is left out unseen."""
    assert {row["rule_area"] for row in labels()} == {*RULES, PIPELINES}


@pytest.mark.parametrize("area", RULES)
def test_precision_and_recall_in_each_area(area: str, score: dict[str, Score]) -> None:
    """What violates is found, and what does not is left alone."""
    one = score[area]
    assert one.hits + one.misses or area == NOTHING_VIOLATES
    assert one.hits >= LEAST_RECALL * (one.hits + one.misses), one.wrong
    assert one.hits >= LEAST_PRECISION * (one.hits + one.false), one.wrong


@pytest.mark.parametrize("scope", ["boutique/kustomize/base", "sockshop/kubernetes/complete-demo.yaml"])
def test_one_cause_is_one_finding(scope: str) -> None:
    """Nothing is told twice at one key, and what a whole system lacks is told once by each rule."""
    said = errors(read([CORPORA / scope]))
    places = [(one.rule, one.resource, one.key, one.file, one.line) for one in said]
    assert sorted(set(places)) == sorted(places)
    of_system = [one.rule for one in said if one.resource == "System"]
    assert sorted(set(of_system)) == sorted(of_system)


def test_a_misspelt_target_is_found_with_the_name_that_was_meant() -> None:
    """One system scales 'cart', and its Deployment is 'carts'."""
    found = [f for f in errors(read([CORPORA / "sockshop/kubernetes"])) if "which is not in" in f.says]
    assert [(Path(f.file).name, f.line, f.severity, f.fix) for f in found if f.rule == "orchestration/autoscale"] == [
        ("cart-hsc.yaml", 11, "error", "Did you mean 'carts'?")
    ]


@pytest.mark.parametrize("scope", ["boutique/kustomize/base", "sockshop/kubernetes/complete-demo.yaml"])
def test_sound_routing_gives_no_finding(scope: str) -> None:
    """All names there lead somewhere, and no route waits without end."""
    assert [f for f in errors(read([CORPORA / scope])) if f.rule.startswith("routing/")] == []

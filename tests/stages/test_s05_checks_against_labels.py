"""The gateway's checks against two public systems that were labelled by hand, if they lie beside this repository."""

import csv
import shutil
from functools import cache
from pathlib import Path

import pytest

from fairway.estate.read import compositions, read
from fairway.stages.s04_routing import ingress, kubernetes_dns, mesh, virtualservice_destinationrule
from fairway.stages.s05_gateway import jwt, public_through_gateway, rate_limit

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
RULES = {"gateway": public_through_gateway, "gateway-jwt": jwt, "gateway-ratelimit": rate_limit}
MESHED = "boutique/base+istio+netpol-components"
LEAST_PRECISION, LEAST_RECALL = 0.95, 0.90

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"NOT CHECKED: the labelled systems are not at {CORPORA}, so precision is not measured"
)


@cache
def labels() -> tuple[dict[str, str], ...]:
    """Give the labels of the areas that these rules cover."""
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        return tuple(row for row in csv.DictReader(file) if row["rule_area"] in RULES)


@pytest.fixture(scope="module")
def meshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compose the shop with its mesh and policies, as its own overlays do."""
    folder = tmp_path_factory.mktemp("meshed")
    shutil.copytree(CORPORA / "boutique" / "kustomize", folder / "kustomize")
    (folder / "kustomize" / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [base]\n"
        "components: [components/service-mesh-istio, components/network-policies]\n"
    )
    return folder / "kustomize"


def found(area: str, scope: str, meshed: Path) -> frozenset[str]:
    """Name the objects of a scope in which a rule finds an error, as the labels do: Kind/name."""
    estate = (
        next(one for one in compositions([meshed]) if one.name == str(meshed))
        if scope == MESHED
        else read([CORPORA / scope])
    )
    return frozenset(
        "/".join(one.resource.split("/")[:: len(one.resource.split("/")) - 1])
        for one in RULES[area].check(estate)
        if one.severity == "error"
    )


@pytest.mark.parametrize("area", RULES)
def test_precision_and_recall_over_what_is_not_arguable(area: str, meshed: Path) -> None:
    """What violates is found, and what does not is left alone."""
    hits = misses = false = rows = 0
    by_scope: dict[str, frozenset[str]] = {}
    for row in labels():
        if row["rule_area"] != area or "[arguable]" in row["why"]:
            continue
        rows += 1
        scope = row["corpus"]
        there = by_scope.setdefault(scope, found(area, scope, meshed))
        is_found, violates = row["resource"] in there, row["violates"] == "yes"
        hits += is_found and violates
        misses += violates and not is_found
        false += is_found and not violates
    assert rows >= 3
    assert hits >= LEAST_RECALL * (hits + misses), f"{hits} found, {misses} missed"
    assert hits >= LEAST_PRECISION * (hits + false), f"{hits} right, {false} wrong"


def test_two_sound_systems_have_few_faults_of_routing() -> None:
    """What is found there is there: a name that leads nowhere, or a route that waits without end."""
    for scope in ("boutique/kustomize/base", "sockshop/kubernetes/complete-demo.yaml"):
        estate = read([CORPORA / scope])
        every = [
            one
            for rule in (kubernetes_dns, mesh, virtualservice_destinationrule, ingress)
            for one in rule.check(estate)
        ]
        assert every == []

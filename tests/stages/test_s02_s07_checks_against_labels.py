"""Checks of containers and security against two public systems that were labelled by hand, if they lie beside this."""

import csv
from functools import cache
from pathlib import Path

import pytest

from fairway.estate.read import compositions, read
from fairway.stages.s02_containers import docker, secrets_manager
from fairway.stages.s03_orchestration import configmaps_and_secrets
from fairway.stages.s07_security import mesh_mtls, mtls, network_policies, rbac, tls_without_mesh

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
RULES = {
    "image-pinned": (docker,),
    "secrets": (configmaps_and_secrets, secrets_manager),
    "rbac": (rbac,),
    "networkpolicy": (network_policies,),
    "tls": (tls_without_mesh,),
    "mtls": (mtls, mesh_mtls),
}
WHOLE = frozenset({"mtls"})  # said once for the system, wherever that is
LEAST_PRECISION, LEAST_RECALL = 0.95, 0.90

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"NOT CHECKED: the labelled systems are not at {CORPORA}, so precision is not measured"
)


@cache
def labels() -> tuple[dict[str, str], ...]:
    """Give the labels of the areas that these rules cover, of scopes that can be read from one place."""
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = tuple(csv.DictReader(file))
    return tuple(row for row in rows if row["rule_area"] in RULES and (CORPORA / row["corpus"]).exists())


@cache
def findings(scope: str, area: str) -> frozenset[str]:
    """Name what the rules of an area find wrong in a scope, as the labels do: Kind/name, a container after '#'."""
    found: set[str] = set()
    for rule in RULES[area]:
        for finding in rule.check(read([CORPORA / scope])):
            if finding.severity == "error":
                kind, *_, name = finding.resource.split("/")
                part = finding.key.rpartition("ontainers[")
                container = part[2].partition("]")[0]
                found |= {f"{kind}/{name}", f"{kind}/{name}#container/{container}"}
    return frozenset(found)


@pytest.mark.parametrize("area", RULES)
def test_precision_and_recall_over_what_is_not_arguable(area: str) -> None:
    """What violates is found, and what does not is left alone."""
    hits = misses = false = rows = 0
    wrong = []
    for row in labels():
        if row["rule_area"] != area or "[arguable]" in row["why"]:
            continue
        rows += 1
        names = findings(row["corpus"], area)
        resource = row["resource"].replace("(implicit)", "")
        found, violates = bool(names) if area in WHOLE else resource in names, row["violates"] == "yes"
        hits += found and violates
        misses += violates and not found
        false += found and not violates
        wrong += [row] if found != violates else []
    assert rows
    assert hits >= LEAST_RECALL * (hits + misses), wrong
    assert hits >= LEAST_PRECISION * (hits + false), wrong


def test_a_composition_with_opt_in_policies_is_judged_as_composed() -> None:
    """A component that refuses everything counts only where something includes it."""
    plain = [f for f in network_policies.check(read([CORPORA / "boutique/kustomize/base"])) if f.severity == "error"]
    assert [finding.resource for finding in plain] == ["Namespace/default"]
    assert len(compositions([CORPORA / "boutique/kustomize"])) > 1

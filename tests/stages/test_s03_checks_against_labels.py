"""Orchestration's checks against two public systems that were labelled by hand, if they lie beside this repository."""

import csv
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairway.estate.read import read
from fairway.stages.s03_orchestration import (
    autoscale,
    configmaps_and_secrets,
    deployment,
    manual_scaling,
    probes,
    statefulset,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairway.core.rule import Finding

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
RULES = {
    "workload-kind": statefulset,
    "probes": probes,
    "hpa": autoscale,
    "config-externalised": configmaps_and_secrets,
    "secrets": configmaps_and_secrets,
}
LEAST_PRECISION, LEAST_RECALL = 0.95, 0.90

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"NOT CHECKED: the labelled systems are not at {CORPORA}, so precision is not measured"
)


@cache
def labels() -> tuple[dict[str, str], ...]:
    """Give the labels of the areas that these rules cover."""
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        return tuple(row for row in csv.DictReader(file) if row["rule_area"] in RULES)


@cache
def findings(scope: str, area: str) -> frozenset[str]:
    """Name the objects of a scope in which a rule finds an error, as the labels do: Kind/name.

    Labels tell what violates; warnings are remarks on what the labels call present but weak.
    """
    found: Iterator[Finding] = iter(RULES[area].check(read([CORPORA / scope])))
    return frozenset(
        "/".join(f.resource.split("/")[:: len(f.resource.split("/")) - 1]) for f in found if f.severity == "error"
    )


@pytest.mark.parametrize("area", RULES)
def test_precision_and_recall_over_what_is_not_arguable(area: str) -> None:
    """What violates is found, and what does not is left alone."""
    hits = misses = false = rows = 0
    for row in labels():
        if row["rule_area"] != area or "[arguable]" in row["why"]:
            continue
        assert (CORPORA / row["corpus"]).exists()
        rows += 1
        found, violates = row["resource"] in findings(row["corpus"], area), row["violates"] == "yes"
        hits += found and violates
        misses += violates and not found
        false += found and not violates
    assert rows
    assert hits >= LEAST_RECALL * (hits + misses), f"{hits} found, {misses} missed"
    assert hits >= LEAST_PRECISION * (hits + false), f"{hits} right, {false} wrong"


@pytest.mark.parametrize("scope", ["boutique/kustomize/base", "sockshop/kubernetes/complete-demo.yaml"])
def test_no_cause_is_found_twice(scope: str) -> None:
    """Neither twice by one rule at one key, nor by two rules at one key."""
    estate = read([CORPORA / scope])
    every = [finding for rule in (*RULES.values(), deployment, manual_scaling) for finding in set(rule.check(estate))]
    places = {(finding.file, finding.resource, finding.key, finding.rule) for finding in every}
    assert len(places) == len(set(every))
    assert len({place[:3] for place in places if place[2] != "spec.replicas"}) == len(
        {place for place in places if place[2] != "spec.replicas"}
    )


def test_a_misspelt_target_is_found_with_the_name_that_was_meant() -> None:
    """One system scales 'cart', and its Deployment is 'carts'."""
    found = [f for f in autoscale.check(read([CORPORA / "sockshop/kubernetes"])) if "which is not in" in f.says]
    assert [(Path(f.file).name, f.line, f.severity, f.fix) for f in found] == [
        ("cart-hsc.yaml", 11, "error", "Did you mean 'carts'?")
    ]

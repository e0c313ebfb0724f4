"""Checks of resilience and data against two public systems that were labelled by hand, if they lie beside this."""

import csv
from functools import cache
from pathlib import Path

import pytest

from fairway.core.rule import Rule
from fairway.estate.index import Estate
from fairway.estate.read import read
from fairway.stages.s09_resilience import circuit_breakers, dead_letters
from fairway.stages.s10_data import backups, encryption_at_rest, geo_replication

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
RULES: dict[str, Rule] = {
    "backup-pitr": backups.RULE,
    "circuit-breaker": circuit_breakers.RULE,
    "dlq": dead_letters.RULE,
    "encryption-at-rest": encryption_at_rest.RULE,
    "geo-replication": geo_replication.RULE,  # warnings, as files tell nothing of regions
}
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
def estate(scope: str) -> Estate:
    """Read a scope once."""
    return read([CORPORA / scope])


@cache
def findings(scope: str, area: str) -> frozenset[str]:
    """Name what the rule of an area finds wrong in a scope, as the labels do: Kind/name."""
    check = RULES[area].check
    assert check is not None
    found = (finding.resource.split("/") for finding in check(estate(scope)))
    return frozenset(f"{parts[0]}/{parts[-1]}" for parts in found)


@pytest.mark.parametrize("area", RULES)
def test_precision_and_recall_over_what_is_not_arguable(area: str) -> None:
    """What violates is found, and what does not is left alone."""
    hits = misses = false = 0
    wrong = []
    for row in labels():
        if row["rule_area"] != area or "[arguable]" in row["why"]:
            continue
        names = findings(row["corpus"], area)
        found, violates = (
            bool(names) if row["resource"] == "System" else row["resource"] in names,
            row["violates"] == "yes",
        )
        hits += found and violates
        misses += violates and not found
        false += found and not violates
        wrong += [row] if found != violates else []
    assert hits + misses
    assert hits >= LEAST_RECALL * (hits + misses), wrong
    assert hits >= LEAST_PRECISION * (hits + false), wrong


def test_a_cause_is_found_once_for_each_database() -> None:
    """No database has two findings of one rule."""
    for scope in ("boutique/kustomize/base", "sockshop/kubernetes/complete-demo.yaml"):
        for rule in RULES.values():
            assert rule.check is not None
            named = [finding.resource for finding in rule.check(estate(scope))]
            assert len(named) == len(set(named)), rule.id

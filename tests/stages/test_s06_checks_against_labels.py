"""Observability's checks against two public systems that were labelled by hand, if they lie beside this repository."""

import csv
from functools import cache
from pathlib import Path

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s06_observability import alerts, dashboards, log_pipeline, metrics, prometheus

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
RULES = {
    "metrics": (metrics,),
    "servicemonitor": (prometheus, metrics),  # what has nothing to be scraped is a finding of the other rule
    "logs": (log_pipeline,),
    "alerts-error-rate": (alerts,),
    "alerts-latency": (alerts,),
    "alerts-throughput": (alerts,),
}
WORDS = {"alerts-error-rate": "errors", "alerts-latency": "latency", "alerts-throughput": "throughput"}
LEAST_PRECISION, LEAST_RECALL = 0.95, 0.90

pytestmark = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"NOT CHECKED: the labelled systems are not at {CORPORA}, so precision is not measured"
)


@cache
def found(scope: str) -> tuple[tuple[str, Finding], ...]:
    """Give the errors in a scope, each with its object as the labels name it: Kind/name."""
    estate = read([CORPORA / scope])
    modules = dict.fromkeys(module for several in RULES.values() for module in several)
    every = (one for module in modules for one in module.check(estate) if one.severity == "error")
    return tuple(("/".join(one.resource.split("/")[:: max(1, one.resource.count("/"))]), one) for one in every)


def violates(scope: str, area: str, resource: str) -> bool:
    """Tell whether a rule of the area finds an error at an object; of alerts, one that speaks of the area's kind."""
    ids = {module.RULE.id for module in RULES[area]}
    for name, finding in found(scope):
        if name == resource and finding.rule in ids:
            unseen = finding.says.rpartition(": ")[2] if "unseen" in finding.says else finding.says
            if WORDS.get(area, "") in unseen:
                return True
    return False


@pytest.mark.parametrize("area", RULES)
def test_precision_and_recall_over_what_is_not_arguable(area: str) -> None:
    """What violates is found, and what does not is left alone."""
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["rule_area"] == area and "[arguable]" not in row["why"]]
    assert rows
    said = [(violates(row["corpus"], area, row["resource"]), row["violates"] == "yes") for row in rows]
    hits, misses, false = said.count((True, True)), said.count((False, True)), said.count((True, False))
    assert hits >= LEAST_RECALL * (hits + misses), f"{hits} found, {misses} missed"
    assert hits >= LEAST_PRECISION * (hits + false), f"{hits} right, {false} wrong"


@pytest.mark.parametrize("scope", ["boutique/kustomize/base", "sockshop/kubernetes/complete-demo.yaml"])
def test_no_cause_is_found_twice(scope: str) -> None:
    """A service that nothing scrapes is one finding, whichever rule has it; the system lacks a thing once."""
    estate = read([CORPORA / scope])
    every = [one for module in (alerts, dashboards, log_pipeline, metrics, prometheus) for one in module.check(estate)]
    of_services = [one.resource for one in every if one.resource != "System"]
    assert len(of_services) == len(set(of_services))
    assert len([one for one in every if one.resource == "System"]) == 3  # logs, alerts, dashboards

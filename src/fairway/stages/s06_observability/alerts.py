"""Alertmanager tells an owner when error rate, latency or throughput is out of bounds.

A fixed limit on errors is either too late or too loud. An alert on how fast the promised budget is spent wakes
somebody for what users feel, and only then. Silence is a fault too, so throughput is watched in both directions. An
alert without an owner reaches nobody.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.rules_of_prometheus import ABOUT, OWNERS, RUNBOOKS, AlertRule, Rules, about, rules
from fairway.estate.whole import lacks, serves, without
from fairway.estate.workload import Workload

if TYPE_CHECKING:
    from fairway.estate.resource import Resource


def check(estate: Estate) -> Iterator[Finding]:
    """Find systems that nobody watches for errors, latency or throughput, and alerts without owner or runbook."""
    every = rules(estate.resources)
    services = serves(estate)
    yield from _unwatched(estate, every, services)
    yield from _forgotten(estate, every, services)
    yield from _unowned(every)


def _unwatched(estate: Estate, every: Rules, services: tuple[Workload, ...]) -> Iterator[Finding]:
    holders = list(dict.fromkeys(alert.resource for alert in every.alerts))
    if blind := without(estate, services, holders):
        says = "no alert rule watches errors, latency or throughput."
        fix = "Add a PrometheusRule with alerts on how fast each error budget is spent, and on throughput."
        yield lacks(estate, RULE.id, blind, says, fix)
    if not holders or len(blind) == len(services):
        return
    watched: set[str] = set()
    for alert in every.alerts:
        watched |= about(alert, every.recorded)
        if len(watched) == len(ABOUT):
            break
    if missing := [what for what in ABOUT if what not in watched]:
        others = [what for what in ABOUT if what in watched]
        says = f"of errors, latency and throughput, the alerts watch {listed(others) if others else 'none'}: "
        says += f"{listed(missing)} {'goes' if len(missing) == 1 else 'go'} unseen."
        node, key = (holders[0].spec, "groups") if holders[0].spec else (holders[0].root, "data")
        yield found(RULE.id, node, key, says, f"Add alerts on {listed(missing)}.")


def _forgotten(estate: Estate, every: Rules, services: tuple[Workload, ...]) -> Iterator[Finding]:
    """Where alerts name the service that they are about, find the services that none is about."""
    by_service: dict[str, list[Resource]] = {}
    for alert in every.alerts:
        if alert.service:
            by_service.setdefault(alert.service, []).append(alert.resource)
    watched = {w.namespace for w in services if w.name in by_service}
    for workload in services:
        there = dict.fromkeys(by_service.get(workload.name, ()))
        if workload.namespace in watched and not any(estate.visible(one, workload.resource) for one in there):
            says = "alerts are there for other services of its namespace, and none has the label service: "
            says += f"'{workload.name}'."
            fix = "Add alerts on its errors, latency and throughput."
            yield found(RULE.id, workload.resource.root.mapping("metadata"), "name", says, fix)


def _unowned(every: Rules) -> Iterator[Finding]:
    """Find alerts that say neither whom they wake nor what to do; one finding for all of an object."""
    by_object: dict[Resource, list[AlertRule]] = {}
    for alert in every.alerts:
        by_object.setdefault(alert.resource, []).append(alert)
    for alerts in by_object.values():
        unowned = [one for one in alerts if OWNERS.isdisjoint(_lower(one.labels | one.annotations))]
        helpless = [one for one in alerts if RUNBOOKS.isdisjoint(_lower(one.annotations | one.labels))]
        first = min((*unowned[:1], *helpless[:1]), key=alerts.index, default=None)
        if first is None:
            continue
        lacking = {"owner": unowned, "runbook": helpless}
        if unowned == helpless:
            lacking = {"owner and no runbook": unowned}
        says = [f"{_named(those)} no {what}" for what, those in lacking.items() if those]
        fix = "Label each with its owner, and link a runbook in the annotation runbook_url."
        key = "annotations" if first in helpless else "labels"
        yield found(RULE.id, first.node, key, f"{', '.join(says)}.", fix, warning=True)


def _lower(names: frozenset[str]) -> set[str]:
    return {name.lower() for name in names}


def _named(alerts: list[AlertRule]) -> str:
    names = list(dict.fromkeys(one.name for one in alerts))
    rest = len(names) - 3
    shown = listed(names) if rest <= 1 else f"{', '.join(names[:3])} and {rest} more"
    return f"{shown} {'has' if len(names) == 1 else 'have'}"


RULE = Rule(
    id="observability/alerts",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a fault fires its alert within the stated window, and a healthy system fires none",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(path="production/eu-west-1/observability/prometheusrule-orders.yaml", old="kind: PrometheusRule"),
        Edit(
            path="production/eu-west-1/observability/prometheusrule-orders.yaml",
            old="        runbook_url: runbooks/alert-orders-throughput-too-high.md\n",
            new="",
        ),
    ),
)

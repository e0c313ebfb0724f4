"""Every service and the system have a dashboard on metrics that exist.

Whoever is called at night needs one place to look at first, the same for every service. A panel on a metric that
nobody exports stays empty and reads as calm.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.dashboards import GROUPS, Dashboard, dashboards
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.rules_of_prometheus import rules, unrecorded
from fairway.estate.whole import lacks, serves, without

_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


def check(estate: Estate) -> Iterator[Finding]:
    """Find services without a dashboard, and dashboards that show nothing.

    Of the metrics that a panel asks for, only recordings can be known from files: whether a program exports a name is
    in its code.
    """
    shown = list(dashboards(estate))
    yield from _missing(estate, shown)
    yield from _lost(estate)
    recorded = rules(estate.resources).recorded
    levels = {_level(name) for name in recorded}  # of a level that rules here record, the platform has none
    for one in shown:
        if one.document is None:
            says = "this dashboard is not JSON: Grafana shows nothing of it."
            yield found(RULE.id, one.node, one.key, says, "Export it from Grafana anew.")
        elif recorded and not estate.unknown:
            asked = dict.fromkeys(name for query in one.queries() for name in unrecorded(query, recorded))
            if asked:
                says = f"its panels ask for {listed(list(asked))}, which no rule here records: they stay empty, unless "
                says += "the platform brings such rules."
                fix = "Record it by a rule, or ask for what is there."
                own = any(_level(name) in levels for name in asked)
                yield found(RULE.id, one.node, one.key, says, fix, warning=not own)


def _level(name: str) -> str:
    """Give what comes before the operations of a recording's name, as level:metric:operations."""
    return name.rpartition(":")[0]


def _missing(estate: Estate, shown: list[Dashboard]) -> Iterator[Finding]:
    services = serves(estate)
    objects = [one.resource for one in shown] + list(estate.of_kind("GrafanaDashboard", *GROUPS))
    blind = without(estate, services, objects)
    if blind:
        says = "no dashboard is there."
        fix = "Add one for each service and one for the system, as GrafanaDashboards or ConfigMaps."
        yield lacks(estate, RULE.id, blind, says, fix)
        return
    remote = any(not resource.spec.has("json") for resource in estate.of_kind("GrafanaDashboard", *GROUPS))
    if estate.unknown or any(one.general for one in shown) or (remote and not shown):
        return
    named = {word for one in shown for word in _WORD.findall(one.text)}
    shown_in = {workload.namespace for workload in services if workload.name in named}
    for workload in services:
        if workload.namespace in shown_in and workload.name not in named:
            says = f"no dashboard shows {workload.name}, and there are dashboards of others."
            yield found(RULE.id, workload.resource.root.mapping("metadata"), "name", says, "Add one.", warning=True)


def _lost(estate: Estate) -> Iterator[Finding]:
    """Find dashboards that refer to a ConfigMap which is not there."""
    for resource in estate.of_kind("GrafanaDashboard", *GROUPS):
        reference = resource.spec.mapping("configMapRef")
        name = reference.text("name")
        if not name or estate.unknown:
            continue
        if not estate.find("ConfigMap", resource.namespace, name, resource):
            says = f"it shows what ConfigMap '{name}' holds, which is not in namespace {resource.namespace}."
            yield found(RULE.id, reference, "name", says, "Add the ConfigMap, or name the one that is meant.")


RULE = Rule(
    id="observability/dashboards",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="every panel's query returns data",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(path="production/eu-west-1/observability/configmap-dashboard-orders.yaml", old="kind: ConfigMap"),
        Edit(
            path="production/eu-west-1/observability/configmap-dashboard-orders.yaml",
            old='"expr": "service:work_slow:rate5m{',
            new='"expr": "service:work_slowly:rate5m{',
        ),
    ),
)

"""Recovery is tried out every quarter, and the outcome is kept as evidence.

A plan that was never tried fails at the step that everyone took for granted: a key that only the lost region held, a
backup that does not open. What has changed in three months can be mended in a day; what has changed in two years
cannot.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.whole import lacks, without

TRIED: Final = re.compile(
    r"(^|[^a-z])(chaos|drills?|dr|disaster|failovers?|game-?days?|recover(y|ies)?|rehears(e|al)s?|restores?|simulations?)"
    r"([^a-z]|$)"
)
CHAOS: Final = frozenset({"chaos-mesh.org", "litmuschaos.io", "chaosblade.io"})
KEPT: Final = (
    ("ScheduledBackup", "postgresql.cnpg.io"),
    ("Schedule", "velero.io"),
    ("MedusaBackupSchedule", "medusa.k8ssandra.io"),
    ("RecurringJob", "longhorn.io"),
)


def check(estate: Estate) -> Iterator[Finding]:
    """Find a system whose files hold nothing by which its recovery is ever tried; a remark where it has backups.

    A pipeline, a calendar or a wiki may do it, too, and is not seen here; nor is what came out of it.
    """
    there = [resource for resource in estate.resources if _tries(resource)]
    lost = without(estate, (w for w in estate.workloads if not w.runs_to_completion), there)
    if not lost:
        return
    kept = any(estate.of_kind(kind, group) for kind, group in KEPT)
    says = (
        "there are backups, and nothing tries to bring anything back."
        if kept
        else ("nothing here brings the system back, and nothing tries whether that can be done.")
    )
    fix = "Try recovery every quarter by a schedule (a drill as a CronJob, a chaos schedule, an alert on the day)."
    finding = lacks(estate, RULE.id, lost, says, fix)
    yield finding if not kept else msgspec.structs.replace(finding, severity="warning")


def _tries(resource: Resource) -> bool:
    if resource.group in CHAOS:
        return True
    if resource.kind in {"CronJob", "CronWorkflow", "Job", "Schedule", "Workflow", "Restore"}:
        return resource.kind == "Restore" or TRIED.search(resource.name.lower()) is not None
    if resource.kind == "PrometheusRule":
        rules = (rule for group in resource.spec.items("groups") for rule in group.items("rules"))
        return any("recovery" in rule.text("alert").lower() and "month()" in rule.text("expr") for rule in rules)
    return False


RULE = Rule(
    id="recovery/quarterly-simulations",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a simulation runs to its end and leaves signed evidence with its figures",
    places=(Place.LOCAL,),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/observability/prometheusrule.yaml",
            old="alert: RecoverySimulationDue",
        ),
    ),
)

"""A release that does not succeed goes back by itself.

Kubernetes marks a stuck update as failed and then leaves it there. A deadline and somebody who acts on it bring the
last good version back without a call. That works only if the old version can still read the data, so schemas change
in steps that both versions understand.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.workload import Workload

NEVER = 86_400  # seconds without progress that nobody waits for, as long as a deadline may be
RELEASED = frozenset({"Deployment", "Rollout", "StatefulSet"})


def check(estate: Estate) -> Iterator[Finding]:
    """Find updates that never count as failed, and workloads that keep no version to go back to.

    Who acts on a failed update, and whether a schema change can be lived with, cannot be told from these files.
    """
    for workload in estate.workloads:
        if workload.kind not in RELEASED:
            continue
        spec = workload.resource.spec
        if spec.number("revisionHistoryLimit") == 0:
            says = "no version before is kept, so there is none to go back to."
            yield found(RULE.id, spec, "revisionHistoryLimit", says, "Keep some: leave it out for 10.")
        if workload.kind != "StatefulSet":
            yield from _stuck(workload)


def _stuck(workload: Workload) -> Iterator[Finding]:
    spec = workload.resource.spec
    deadline = spec.number("progressDeadlineSeconds")
    if deadline is not None and deadline >= NEVER:
        says = f"an update that is stuck counts as failed after {deadline:,} seconds: for all practical purposes never."
        yield found(RULE.id, spec, "progressDeadlineSeconds", says, "State some minutes, or leave it out for ten.")
    elif workload.kind == "Rollout" and not spec.flag("progressDeadlineAbort"):
        says = "a release that is stuck is marked as such, and stays where it is."
        fix = "Set progressDeadlineAbort: true, so that the version before takes all requests again."
        yield found(RULE.id, spec, "progressDeadlineAbort", says, fix, warning=True)


RULE = Rule(
    id="delivery/automated-rollback",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a failing rolling update returns to the last good version by itself",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/rollout.yaml",
            old="revisionHistoryLimit: 5",
            new="revisionHistoryLimit: 0",
        ),
        Edit(
            path="production/eu-west-1/services/orders/rollout.yaml",
            old="  progressDeadlineAbort: true\n",
            new="",
        ),
    ),
)

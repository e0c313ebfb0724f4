"""A new version replaces the old one step by step, without a failed request.

Stopping everything before starting anew is an outage with a plan. Replicas are replaced a few at a time, each new one
must prove that it is ready, and each old one finishes what it has begun.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.traffic import serving
from fairway.estate.workload import Workload


def check(estate: Estate) -> Iterator[Finding]:
    """Find updates that stop all replicas at once, or that wait for a person.

    A store that keeps data may have to stop before another opens its files; that is another rule's business.
    """
    for workload in estate.workloads:
        match workload.kind:
            case "Deployment":
                yield from _replaced(estate, workload)
            case "StatefulSet":
                yield from _waiting(workload)


def _replaced(estate: Estate, workload: Workload) -> Iterator[Finding]:
    strategy = workload.resource.spec.mapping("strategy")
    if estate.keeps_state(workload):
        return
    waits = not serving(estate, workload)
    if strategy.text("type") == "Recreate":
        says = "it stops every replica before a new one starts: " + (
            "its work waits meanwhile." if waits else "requests in between fail."
        )
        yield found(RULE.id, strategy, "type", says, "Use RollingUpdate.", warning=waits)
    elif _all(strategy.mapping("rollingUpdate").number_or_text("maxUnavailable"), workload.replicas):
        says = "an update may take down all replicas at once: " + (
            "its work waits meanwhile." if waits else "requests in between fail."
        )
        rolling = strategy.mapping("rollingUpdate")
        yield found(RULE.id, rolling, "maxUnavailable", says, "Set it to 0, and maxSurge above 0.", warning=waits)


def _all(unavailable: int | str | None, replicas: int | None) -> bool:
    """Tell whether so many are all of them; of a single replica, that is a rule of its own."""
    if isinstance(unavailable, int):
        return replicas is not None and replicas > 1 and unavailable >= replicas
    return unavailable is not None and unavailable.strip() == "100%"


def _waiting(workload: Workload) -> Iterator[Finding]:
    strategy = workload.resource.spec.mapping("updateStrategy")
    if strategy.text("type") == "OnDelete":
        says = "an update reaches a replica only when somebody deletes it."
        yield found(
            RULE.id, strategy, "type", says, "Use RollingUpdate, with a partition to go in steps.", warning=True
        )


RULE = Rule(
    id="delivery/rolling",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a rolling update under load fails no request",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/deployment.yaml",
            old="    type: RollingUpdate\n    rollingUpdate:\n      maxSurge: 20%\n      maxUnavailable: 0\n",
            new="    type: Recreate\n",
        ),
        Edit(
            path="production/eu-west-1/services/inventory/deployment.yaml",
            old="maxUnavailable: 0",
            new="maxUnavailable: 100%",
        ),
    ),
)

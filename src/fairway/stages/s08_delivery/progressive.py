"""A customer-facing service shows a new version to a few before it reaches all.

Tests never hold everything that customers do. A version that only a small share meets can be judged by what really
happens, and taken back before most have noticed.
"""

from collections.abc import Iterator

from fairway.core.conditions import CUSTOMER_FACING, RUNS_ON
from fairway.core.labels import CRITICALITY
from fairway.core.labels import CUSTOMER_FACING as LABEL
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.releases import in_steps, weighed
from fairway.estate.whole import is_tool, lacks
from fairway.estate.workload import Workload


def check(estate: Estate) -> Iterator[Finding]:
    """Find what customers meet that is replaced for all of them at once.

    Customers are behind what is reached from outside, or said to be customer-facing. Argo Rollouts, Flagger and
    OpenKruise release in steps, and so does whoever moves weights between two Services.
    """
    for workload in estate.workloads:
        if workload.kind == "Rollout" and workload.resource not in in_steps(estate):
            says = "this Rollout has no steps: a new version reaches everybody as fast as replicas start."
            yield found(RULE.id, workload.resource.spec, "strategy", says, "Give canary steps, or use blueGreen.")
    released, split = in_steps(estate), weighed(estate)
    plain = [
        w
        for w in estate.workloads
        if w.kind == "Deployment"
        and w.resource not in released
        and not is_tool(w)
        and not estate.keeps_state(w)
        and _meets_customers(estate, w)
        and not any(one.resource in split for one in estate.services_of(w))
    ]
    if plain:
        says = "A new version of what customers meet reaches all of them at once."
        fix = "Release it in steps by Argo Rollouts or Flagger, and judge each step by its metrics."
        yield lacks(estate, RULE.id, plain, says, fix)


def _meets_customers(estate: Estate, workload: Workload) -> bool:
    labels = {**workload.pod_labels, **workload.resource.labels}
    if CRITICALITY in labels:  # whoever says how critical it is says this, too
        return labels.get(LABEL) == "true"
    return labels.get(LABEL) == "true" or bool(estate.entrances(workload))


RULE = Rule(
    id="delivery/progressive",
    applies=RUNS_ON & CUSTOMER_FACING,
    proof=Proof.LIVE,
    shows="traffic moves to the new version in the stated steps",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/rollout.yaml",
            old="      steps:\n      - setWeight: 5\n      - pause:\n          duration: 10m\n",
            new="      ends:\n      - setWeight: 5\n      - pause:\n          duration: 10m\n",
        ),
    ),
)

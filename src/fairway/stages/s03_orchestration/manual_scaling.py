"""What keeps data is scaled by hand, and tested to stay consistent while that happens.

A replica that goes takes its part of the data along unless somebody moves it first. No autoscaler knows how.
"""

from collections.abc import Iterator

from fairway.core.conditions import RUNS_ON, STATEFUL
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate


def check(estate: Estate) -> Iterator[Finding]:
    """Find autoscalers on data stores and on replicas with disks of their own."""
    for autoscaler in estate.autoscalers:
        for workload in estate.targets_of(autoscaler):
            store = estate.store_of(workload)
            if store is not None:
                what, certain = store.evidence, not store.may_be_lost
            elif workload.kind == "StatefulSet" and workload.claim_templates:
                what, certain = "gives each replica a disk of its own", False
            else:
                continue
            says = f"it scales {workload.resource.id}, which {what}: a replica that goes takes its data out of service."
            fix = "Remove it; scale by hand, after the data has moved."
            yield found(RULE.id, autoscaler.target, "name", says, fix, warning=not certain)


RULE = Rule(
    id="orchestration/manual-scaling",
    applies=RUNS_ON & STATEFUL,
    proof=Proof.DRILL,
    shows="replicas are added and taken away under load, and no acknowledged write is lost",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/recommendations/horizontalpodautoscaler.yaml",
            new="""\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: recommendations
  namespace: bookshop
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: StatefulSet
    name: recommendations
  minReplicas: 2
  maxReplicas: 4
""",
        ),
    ),
)

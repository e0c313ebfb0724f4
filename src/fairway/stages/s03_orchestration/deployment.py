"""What keeps nothing runs as a Deployment, with its size stated and more than one replica.

Replicas that are alike can be replaced one by one, on any machine, without anybody noticing. That takes something that
replaces them, a stated size so that each finds room, and another replica that answers meanwhile.
"""

from collections.abc import Iterator

from fairway.core.conditions import RUNS_ON, STATELESS
from fairway.core.labels import SINGLE_REPLICA
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.container import Container
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.traffic import importance, may_be_single, serving
from fairway.estate.workload import STATELESS_KINDS, Workload

BARE = frozenset({"Pod", "ReplicaSet", "ReplicationController"})
HOOK = "helm.sh/hook"  # a Pod that Helm starts, waits for and removes


def check(estate: Estate) -> Iterator[Finding]:
    """Find Pods that nothing replaces, containers without a stated size, and single replicas."""
    for workload in estate.workloads:
        if workload.kind == "StatefulSet":
            continue
        if workload.kind in BARE and HOOK not in workload.resource.annotations:
            yield _bare(workload)
        yield from unsized(estate, workload, RULE.id)
        if workload.kind in STATELESS_KINDS and not estate.keeps_state(workload) and not _unscaled(estate, workload):
            yield from single(estate, workload, RULE.id)


def _unscaled(estate: Estate, workload: Workload) -> bool:
    """Tell whether nothing says how many replicas run: one cause, which is orchestration/autoscale's."""
    stated = workload.resource.spec.has("replicas") or estate.autoscalers_of(workload)
    return not stated and bool(serving(estate, workload))


def _bare(workload: Workload) -> Finding:
    if workload.runs_to_completion:
        says, fix = "a Pod of its own is gone with its machine, done or not.", "Make it a Job."
    elif workload.kind == "Pod":
        says, fix = "a Pod of its own is gone with its machine; nothing starts it again.", "Make it a Deployment."
    else:
        says = f"a {workload.kind} of its own cannot roll out a new version, nor back."
        fix = "Make it a Deployment, which makes its own ReplicaSets."
    return found(RULE.id, workload.resource.root, "kind", says, fix)


def unsized(estate: Estate, workload: Workload, rule: str) -> Iterator[Finding]:
    """Find containers that state no requests or limits. What an autoscaler needs is orchestration/autoscale's."""
    for container in (*workload.containers, *workload.sidecars):
        missing = _missing(estate, workload, container)
        if missing:
            says = f"container '{container.name}' has no {listed(missing).replace(' and ', ' or ')}."
            fix = "State under 'resources' what it needs (requests) and what it may not exceed (limits)."
            yield found(rule, container.node, "resources", says, fix)


def _missing(estate: Estate, workload: Workload, container: Container) -> list[str]:
    requests = estate.requests_of(workload, container) | estate.measured(workload, container).keys()
    limits = estate.limits_of(workload, container)
    return [
        f"{resource} {word}"
        for word, stated in (("request", requests), ("limit", limits))
        for resource in ("cpu", "memory")
        if resource not in stated
    ]


def single(estate: Estate, workload: Workload, rule: str) -> Iterator[Finding]:
    """Find a workload that may be down to one replica, where nobody wrote down why that is enough."""
    if may_be_single(workload):
        return
    scaler = max(estate.autoscalers_of(workload), key=lambda one: one.least, default=None)
    node = workload.resource.spec if scaler is None else scaler.resource.spec
    key = "replicas" if scaler is None else scaler.least_key
    given = workload.replicas if scaler is None else scaler.least
    count = given if node.has(key) else 1
    why = importance(estate, workload)
    if count != 1 or not (why or serving(estate, workload)):
        return  # nobody waits for a worker or load generator, unless it is declared as important
    says = "there is only 1 replica" if scaler is None else f"it keeps only 1 replica of {workload.resource.id}"
    says += "" if node.has(key) else " by default"
    says += f", which {why}: a restart is an outage." if why else ": a restart is an outage for its callers."
    fix = f"Run 2 or more, or write in the annotation {SINGLE_REPLICA} of the workload why one is enough."
    yield found(rule, node, key, says, fix, warning=not why)


RULE = Rule(
    id="orchestration/deployment",
    applies=RUNS_ON & STATELESS,
    proof=Proof.LIVE,
    shows="as many replicas as planned are ready, in different zones",
    places=(Place.CLUSTER,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="          limits:\n            cpu: 1000m\n            memory: 256Mi\n",
            new="",
        ),
        Edit(
            path="production/eu-west-1/services/orders/horizontalpodautoscaler.yaml",
            old="minReplicas: 3",
            new="minReplicas: 1",
        ),
    ),
)

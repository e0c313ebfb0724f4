"""What keeps nothing is scaled by an autoscaler, between bounds that fit its traffic.

Traffic changes by the hour, people do not look every hour. A fixed number is too small on the busiest day and too large
on all others; an autoscaler that is mistaken about its target or its measure is a fixed number in disguise.
"""

from collections.abc import Iterator

from fairway.core.conditions import RUNS_ON, STATELESS
from fairway.core.errors import did_you_mean
from fairway.core.labels import SINGLE_REPLICA
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.autoscaler import Autoscaler
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.stores import BROKERS
from fairway.estate.traffic import serving
from fairway.estate.whole import watches
from fairway.estate.workload import COUNTED, GROUPS, STATELESS_KINDS, Workload

MOST_NAMES = 500  # that a name is compared with, as comparing takes time


def check(estate: Estate) -> Iterator[Finding]:
    """Find stateless workloads that nothing scales, and autoscalers that cannot do their work."""
    handling = dict(_handling(estate))
    for workload in estate.workloads:
        yield from _unscaled(estate, workload, handling.get(workload, ""))
        yield from _crowded(estate, workload)
        yield from _unmeasured(estate, workload)
    for autoscaler in estate.autoscalers:
        yield from _lost(estate, autoscaler)
        yield from _bounds(autoscaler)


def _handling(estate: Estate) -> Iterator[tuple[Workload, str]]:
    """Give the workloads that speak with a broker, each with its name: what waits there is their traffic."""
    brokers = {w for w in estate.workloads if (store := estate.store_of(w)) is not None and store.engine in BROKERS}
    if brokers:
        yield from (
            (call.caller, call.callee.name)
            for call in estate.calls
            if call.callee is not None and call.callee in brokers
        )


def _unscaled(estate: Estate, workload: Workload, broker: str) -> Iterator[Finding]:
    """Find what could be scaled and is not: a worker without port or broker cannot be told from a load generator."""
    off = workload.replicas == 0 or SINGLE_REPLICA in workload.resource.annotations
    if workload.kind not in STATELESS_KINDS or off or estate.keeps_state(workload) or estate.autoscalers_of(workload):
        return
    count = "1 replica by default" if workload.replicas is None else f"replicas: {workload.replicas}"
    if watches(workload):
        return  # most keep what they saw, and no request waits for them
    if why := serving(estate, workload):
        says = f"nothing scales it: it stays at {count} whatever the traffic, and {why}."
        fix = "Add a HorizontalPodAutoscaler (or a KEDA ScaledObject) that targets it."
        yield found(RULE.id, workload.resource.spec, "replicas", says, fix)
    elif broker:
        says = f"nothing scales it: it stays at {count} however much waits for it at {broker}."
        fix = "Add a KEDA ScaledObject that targets it and measures how much waits."
        yield found(RULE.id, workload.resource.spec, "replicas", says, fix)


def _crowded(estate: Estate, workload: Workload) -> Iterator[Finding]:
    """Find several hands on one number: two autoscalers, or an autoscaler and the manifest."""
    autoscalers = estate.autoscalers_of(workload)
    names = list(dict.fromkeys(one.resource.id for one in autoscalers))
    if len(names) > 1:
        says = f"{listed(names)} both scale {workload.resource.id}, each against the other."
        yield found(RULE.id, autoscalers[1].target, "name", says, "Keep one of them.")
    if autoscalers and workload.replicas and not estate.keeps_state(workload):
        says = f"replicas: {workload.replicas} undoes the work of {names[0]} each time this is applied."
        yield found(RULE.id, workload.resource.spec, "replicas", says, "Leave 'replicas' out.", warning=True)


def _unmeasured(estate: Estate, workload: Workload) -> Iterator[Finding]:
    for container in (*workload.containers, *workload.sidecars):
        missing = {
            resource: by
            for resource, by in estate.measured(workload, container).items()
            if resource not in estate.requests_of(workload, container)
        }
        if missing:
            by = next(iter(missing.values())).resource
            says = f"{by.id} measures {listed(list(missing))} as a share of what is requested, "
            says += f"and container '{container.name}' requests none: nothing is ever scaled."
            yield found(RULE.id, container.node, "resources", says, "State the request under 'resources'.")


def _lost(estate: Estate, autoscaler: Autoscaler) -> Iterator[Finding]:
    """Find an autoscaler whose target is not there, or has no number of replicas. Kinds of others are unknown."""
    resource, kind, name = autoscaler.resource, autoscaler.target_kind, autoscaler.target_name
    if kind not in GROUPS and name:
        return
    there = estate.find(kind, resource.namespace, name, resource)
    if not there:
        names = [w.name for w in estate.workloads if w.namespace == resource.namespace and w.kind in COUNTED]
        says = f"it scales {kind} '{name}', which is not in namespace {resource.namespace}: it scales nothing."
        unsure = bool(estate.unknown) and not names  # it may be in what could not be seen
        fix = did_you_mean(name, names[:MOST_NAMES]) or "Name the workload that it is for, or remove it."
        yield found(RULE.id, autoscaler.target, "name", says, fix, warning=unsure)
    elif kind not in COUNTED:
        says = f"it scales {kind} '{name}', and a {kind} has no number of replicas."
        yield found(RULE.id, autoscaler.target, "kind", says, "Remove it.")
    elif (rollout := next((estate.lent[one] for one in there if one in estate.lent), None)) is not None:
        says = f"{kind} '{name}' only lends its template to Rollout {rollout.name}, which runs the replicas."
        yield found(RULE.id, autoscaler.target, "name", says, f"Target Rollout '{rollout.name}'.")


def _bounds(autoscaler: Autoscaler) -> Iterator[Finding]:
    if autoscaler.most is not None and autoscaler.least > autoscaler.most:
        says = f"{autoscaler.least_key} is {autoscaler.least} and {autoscaler.most_key} is {autoscaler.most}."
        key = autoscaler.least_key if autoscaler.resource.spec.has(autoscaler.least_key) else autoscaler.most_key
        yield found(RULE.id, autoscaler.resource.spec, key, says, f"Raise {autoscaler.most_key}.")


RULE = Rule(
    id="orchestration/autoscale",
    applies=RUNS_ON & STATELESS,
    proof=Proof.DRILL,
    shows="replicas are added under load and taken away after it",
    places=(Place.CLUSTER,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/horizontalpodautoscaler.yaml",
            old="kind: HorizontalPodAutoscaler",
        ),
        Edit(
            path="production/eu-west-1/services/orders/rollout.yaml",
            old="spec:\n  workloadRef:",
            new="spec:\n  replicas: 3\n  workloadRef:",
        ),
    ),
)

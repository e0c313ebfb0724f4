"""What keeps data on its own disk runs as a StatefulSet, after the data itself is settled.

A replica that keeps something needs a name and a disk that stay its own when it is replaced. A Deployment gives
neither: its replicas share one disk or start with an empty one.
"""

from collections.abc import Iterator

from fairway.core.conditions import RUNS_ON, STATEFUL
from fairway.core.errors import did_you_mean
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.stores import COMPONENT
from fairway.estate.workload import STATELESS_KINDS, Workload
from fairway.stages.s03_orchestration.deployment import single, unsized


def check(estate: Estate) -> Iterator[Finding]:
    """Find state in Deployments, and StatefulSets without names or disks for their replicas."""
    for workload in estate.workloads:
        if workload.kind in STATELESS_KINDS:
            yield from _kept(estate, workload)
        elif workload.kind == "StatefulSet":
            yield from _names(estate, workload)
            yield from _disks(estate, workload)
            yield from unsized(estate, workload, RULE.id)
            yield from single(estate, workload, RULE.id)


def _kept(estate: Estate, workload: Workload) -> Iterator[Finding]:
    """Find what a stateless kind of workload keeps; a claim and a store in it are one cause."""
    store, claims = estate.store_of(workload), estate.written_claims(workload)
    fix = "Make it a StatefulSet with volumeClaimTemplates"
    if claims:
        what = f", and container '{store.container.name}' {store.evidence}" if store is not None else ""
        names = listed([volume.claim or volume.name for volume in claims])
        says = f"a {workload.kind} writes to claim {names}{what}: all replicas share it."
        yield found(RULE.id, claims[0].node, claims[0].source, says, f"{fix}, or mount the claim read-only.")
    elif store is not None and not store.may_be_lost:
        kept = listed([f"{v.source} '{v.name}'" for v in workload.volumes if v.name in store.volumes])
        where = f"on {kept}" if kept else "without a volume"
        says = f"container '{store.container.name}' {store.evidence}, in a {workload.kind} {where}: "
        says += "its data dies with its Pod."
        if store.engine == "Redis":
            fix += f", or say that it may be lost: label {COMPONENT}: cache"
        yield found(RULE.id, workload.resource.root, "kind", says, f"{fix}, or use an operator for {store.engine}.")


def _names(estate: Estate, workload: Workload) -> Iterator[Finding]:
    """Find a StatefulSet whose replicas get no DNS names."""
    spec = workload.resource.spec
    name = spec.text("serviceName")
    fix = "Add a Service with clusterIP: None and the same selector, and name it in spec.serviceName."
    if not name:
        yield found(
            RULE.id, spec, "serviceName", "it names no headless Service, so its replicas have no DNS names.", fix
        )
        return
    services = estate.find("Service", workload.namespace, name, workload.resource)
    if not services:
        names = [one.resource.name for one in estate.services_of(workload)]
        says = f"Service '{name}', which gives its replicas their DNS names, is not there."
        unsure = bool(estate.unknown) and not names  # it may be in what could not be seen
        yield found(RULE.id, spec, "serviceName", says, f"{did_you_mean(name, names)} {fix}".strip(), warning=unsure)
    elif all(service.spec.text("clusterIP") != "None" for service in services):
        says = f"Service '{name}' is not headless, so its replicas have no DNS names of their own."
        alone = workload.replicas in {None, 0, 1}  # its Service's name leads to it as well
        fix = "Give the Service clusterIP: None, or name another one."
        yield found(RULE.id, spec, "serviceName", says, fix, warning=alone)


def _disks(estate: Estate, workload: Workload) -> Iterator[Finding]:
    store = estate.store_of(workload)
    if store is None or store.may_be_lost or workload.claim_templates or any(v.persistent for v in workload.volumes):
        return
    says = f"container '{store.container.name}' {store.evidence}, without a lasting disk: its data dies with its Pod."
    yield found(
        RULE.id, workload.resource.spec, "volumeClaimTemplates", says, "Add volumeClaimTemplates and mount them."
    )


RULE = Rule(
    id="orchestration/statefulset",
    applies=RUNS_ON & STATEFUL,
    proof=Proof.LIVE,
    shows="a replica that is replaced comes back with its name and its data",
    places=(Place.CLUSTER,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/recommendations/statefulset.yaml",
            old="serviceName: recommendations-replicas",
            new="serviceName: recommendations",
        ),
        Edit(
            path="production/eu-west-1/services/recommendations/service-replicas.yaml",
            old="clusterIP: None",
        ),
    ),
)

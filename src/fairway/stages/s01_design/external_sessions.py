"""A stateless service keeps its users' sessions in a store outside its process.

A session in the process ends whenever its replica does: at every release, every scale-in and every crash. Pinning
users to replicas only hides that, and keeps load from spreading. In a store of its own a session goes on at
whichever replica the next request reaches.
"""

from collections.abc import Iterator

from fairway.core.conditions import SESSIONS, STATELESS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.whole import is_tool
from fairway.estate.workload import Workload

STICKY: dict[str, frozenset[str]] = {  # annotations that keep a caller at one replica, with the values that do
    "nginx.ingress.kubernetes.io/affinity": frozenset({"cookie"}),
    "haproxy-ingress.github.io/affinity": frozenset({"cookie"}),
    "ingress.kubernetes.io/affinity": frozenset({"cookie"}),
    "traefik.ingress.kubernetes.io/affinity": frozenset({"true"}),
    "traefik.ingress.kubernetes.io/service.sticky.cookie": frozenset({"true"}),
    "alb.ingress.kubernetes.io/target-group-attributes": frozenset(),  # one text for many settings
}
SAYS = "it keeps each caller at one replica: whoever was there loses the session with it."
FIX = "Keep sessions in a store that all replicas share, and let any of them answer."


def check(estate: Estate) -> Iterator[Finding]:
    """Find callers that are kept at one replica of something stateless, and sessions in folders that go with a Pod."""
    for service in estate.services:
        if estate.judges(service.resource) and any(
            _stateless(estate, workload) for workload in estate.workloads_of(service)
        ):
            yield from _kept_by_service(service.resource)
    for ingress in estate.of_kind("Ingress"):
        yield from _kept_by_annotation(ingress)
    for rule in estate.of_kind("DestinationRule", "networking.istio.io"):
        hashed = rule.spec.mapping("trafficPolicy").mapping("loadBalancer").mapping("consistentHash")
        for key in ("httpCookie", "useSourceIp"):
            if hashed.has(key):
                yield found(RULE.id, hashed, key, SAYS, FIX)
    for workload in estate.workloads:
        if estate.judges(workload.resource) and _stateless(estate, workload):
            yield from _kept_inside(workload)


def _kept_by_service(service: Resource) -> Iterator[Finding]:
    if service.spec.text("sessionAffinity") == "ClientIP":
        yield found(RULE.id, service.spec, "sessionAffinity", SAYS, FIX)
    yield from _kept_by_annotation(service)


def _kept_by_annotation(resource: Resource) -> Iterator[Finding]:
    if _sticky(resource):
        yield found(RULE.id, resource.root.mapping("metadata"), "annotations", SAYS, FIX)


def _stateless(estate: Estate, workload: Workload) -> bool:
    return (
        workload.kind in {"Deployment", "Rollout"}
        and not estate.keeps_state(workload)
        and estate.store_of(workload) is None
        and not is_tool(workload)
    )


def _sticky(resource: Resource) -> bool:
    for name, values in STICKY.items():
        given = resource.annotations.get(name, "").lower()
        if given in values or (not values and "stickiness.enabled=true" in given):
            return True
    return False


def _kept_inside(workload: Workload) -> Iterator[Finding]:
    for volume in workload.volumes:
        if volume.source != "emptyDir":
            continue  # what outlives its Pod is another rule's business
        paths = [mount.path.lower() for mount in workload.mounts_of(volume)]
        if any("session" in word for word in (volume.name.lower(), *paths)):
            says = f"volume '{volume.name}' keeps sessions, and is gone with its Pod."
            yield found(RULE.id, volume.node, "emptyDir", says, FIX)


RULE = Rule(
    id="design/external-sessions",
    applies=STATELESS & SESSIONS,
    proof=Proof.DRILL,
    shows="a replica is killed in mid-session and the session goes on at another",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/service.yaml",
            old="spec:\n  selector:",
            new="spec:\n  sessionAffinity: ClientIP\n  selector:",
        ),
    ),
)

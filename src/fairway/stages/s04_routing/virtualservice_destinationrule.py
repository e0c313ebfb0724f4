"""In the mesh, a VirtualService routes to each service and a DestinationRule balances its replicas.

The mesh's own defaults retry calls that may not be repeated and wait without end. Each route therefore has a
timeout, and retries only where the call is declared idempotent. A route to a host or subset that is not there fails
every request, and nothing else complains.
"""

from collections.abc import Iterator

from fairway.core.conditions import MESH
from fairway.core.errors import did_you_mean
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.routes import service_of

GROUP = "networking.istio.io"
CLUSTER = ".svc.cluster.local"
MOST_NAMES = 500  # that a name is compared with, as comparing takes time
ONCE = frozenset({"POST", "PATCH"})  # methods that may act twice when they are repeated
ACTED = frozenset({"5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes"})
"""Conditions under which the callee may have acted before the call failed."""
PARTS = 3  # of a Service's name with its namespace and 'svc'


def check(estate: Estate) -> Iterator[Finding]:
    """Find routes to what is not there, routes without a timeout, and retries of what may not be made twice.

    Whether a call is idempotent is not in files; only a method, or retries after an answer, tells something.
    """
    known = Known(estate)
    subsets: dict[tuple[str, str], set[str]] = {}
    for rule in estate.of_kind("DestinationRule", GROUP):
        named = {subset.text("name") for subset in rule.spec.items("subsets")}
        subsets.setdefault(service_of(rule.spec.text("host"), rule.namespace), set()).update(named)
        yield from _nowhere(known, rule, rule.spec)
        yield from _empty(known, rule)
    for service in estate.of_kind("VirtualService", GROUP):
        yield from _destinations(known, service, subsets)
        yield from _endless(service)
        for route in service.spec.items("http"):
            yield from _repeated(route)


class Known:
    """What a host can mean: a Service by namespace, or something outside that was made known."""

    def __init__(self, estate: Estate) -> None:
        """Look through the estate once."""
        self.estate = estate
        self.outside = {host for entry in estate.of_kind("ServiceEntry", GROUP) for host in entry.spec.texts("hosts")}
        self.by_resource = {one.resource: one for one in estate.services}
        self.names: dict[str, list[str]] = {}
        for one in estate.services:
            self.names.setdefault(one.resource.namespace, []).append(one.resource.name)


def _nowhere(known: Known, resource: Resource, node: Node) -> Iterator[Finding]:
    """Find a host that is no Service and nothing outside that is known. Hosts with a wildcard are not judged."""
    host = node.text("host")
    if not host or "*" in host or host in known.outside:
        return
    namespace, name = service_of(host, resource.namespace)
    inside = "." not in host or host.endswith(CLUSTER) or len(host.split(".")) < PARTS
    here = known.names.get(namespace, [])
    if inside and here and not known.estate.find("Service", namespace, name, resource):
        says = f"host '{host}' is no Service in namespace {namespace}: every request to it fails."
        fix = did_you_mean(name, here[:MOST_NAMES]) or "Name the Service, or add a ServiceEntry for what is outside."
        yield found(RULE.id, node, "host", says, fix, warning=bool(known.estate.unknown))


def _empty(known: Known, rule: Resource) -> Iterator[Finding]:
    """Find a subset that no Pod of its host belongs to; what tells revisions apart is set while a release runs."""
    namespace, name = service_of(rule.spec.text("host"), rule.namespace)
    there = known.estate.find("Service", namespace, name, rule)
    pods = [w for one in there for w in known.estate.workloads_of(known.by_resource[one])]
    for subset in rule.spec.items("subsets") if pods else ():
        labels = subset.pairs("labels")
        fixed = {key: value for key, value in labels.items() if "hash" not in key}
        if not any(fixed.items() <= w.pod_labels.items() for w in pods):
            picked = ", ".join(f"{key}={value}" for key, value in fixed.items())
            says = f"subset '{subset.text('name')}' is of {picked}, which no Pod of {name} carries."
            yield found(RULE.id, subset, "labels", says, "Name labels of the Pods, or remove the subset.")


def _destinations(known: Known, service: Resource, subsets: dict[tuple[str, str], set[str]]) -> Iterator[Finding]:
    for protocol in ("http", "tls", "tcp"):
        for route in service.spec.items(protocol):
            for way in route.items("route"):
                there = way.mapping("destination")
                lost = list(_nowhere(known, service, there))
                yield from lost
                there_are = subsets.get(service_of(there.text("host"), service.namespace), set())
                subset = there.text("subset")
                if subset and not lost and subset not in there_are:
                    says = f"no DestinationRule of host '{there.text('host')}' has a subset '{subset}': requests fail."
                    fix = did_you_mean(subset, sorted(there_are)) or "Add the subset to the host's DestinationRule."
                    yield found(RULE.id, there, "subset", says, fix, warning=bool(known.estate.unknown))


def _endless(service: Resource) -> Iterator[Finding]:
    """Find routes that wait without end; streams of TCP have no such thing."""
    bare = [
        route
        for route in service.spec.items("http")
        if route.has("route") and not route.has("timeout") and not route.has("delegate")
    ]
    if bare:
        names = [route.text("name") for route in bare if route.has("name")]
        which = f"route {listed(names)} has" if names and len(names) == len(bare) else "a route has"
        if len(bare) > 1:
            which = f"{len(bare)} routes have"
        says = f"{which} no timeout: while the callee hangs, its callers hang with it."
        yield found(RULE.id, bare[0], "timeout", says, "Add 'timeout', a little above what the callee promises.")


def _repeated(route: Node) -> Iterator[Finding]:
    """Find retries of what may act twice: surely by its method, perhaps by what is taken for a failure."""
    again = route.mapping("retries")
    if not again or not again.number("attempts"):
        return
    methods = {match.mapping("method").text("exact").upper() for match in route.items("match")} - {""}
    after = {word.strip() for word in again.text("retryOn").split(",")} & ACTED
    if methods & ONCE:
        says = (
            f"{listed(sorted(methods & ONCE))} is repeated up to {again.number('attempts')} times, and may act twice."
        )
        yield found(RULE.id, again, "attempts", says, "Set attempts: 0 there, and retry in the client by a key.")
    elif "5xx" in after and not methods:
        says = "every method is repeated after 5xx, also where the callee has acted before it failed."
        fix = "Split the route by method, or retry on connect-failure and refused-stream only."
        yield found(RULE.id, again, "retryOn", says, fix, warning=True)


RULE = Rule(
    id="routing/virtualservice-destinationrule",
    applies=MESH,
    proof=Proof.DRILL,
    shows="the same routes on the local proxy turn an injected fault into a retry that succeeds",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/virtualservice.yaml",
            old="  - name: from-orders\n    match:\n    - port: 8081\n      sourceLabels:\n"
            "        app.kubernetes.io/name: orders\n        app.kubernetes.io/part-of: bookshop\n"
            "    route:\n    - destination:\n        host: inventory.bookshop",
            new="  - name: from-orders\n    match:\n    - port: 8081\n      sourceLabels:\n"
            "        app.kubernetes.io/name: orders\n        app.kubernetes.io/part-of: bookshop\n"
            "    route:\n    - destination:\n        host: inventories.bookshop",
        ),
        Edit(
            path="production/eu-west-1/services/activity/virtualservice.yaml",
            old="    timeout: 100ms\n",
            new="",
        ),
    ),
)

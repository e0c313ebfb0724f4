"""What other services call speaks gRPC.

Between services a typed contract, deadlines that travel along and cheap connections matter more than readability on
the wire. A service that is exposed and called by others has both faces.
"""

from collections.abc import Iterator

from fairway.core.conditions import CALLED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.container import Container
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.service import Service
from fairway.estate.spoken import spoken
from fairway.estate.workload import Workload


def check(estate: Estate) -> Iterator[Finding]:
    """Find ports that speak gRPC in their Pods and do not say so in their Service: proxies then balance connections.

    That a service speaks something else to others of its system is a decision that files do not explain.
    """
    for service in estate.services:
        for workload in estate.workloads_of(service):
            yield from _unmarked(service, workload)


def _unmarked(service: Service, workload: Workload) -> Iterator[Finding]:
    known = {key for container in workload.containers for key in _grpc(container)}
    if not known:
        return
    for port, node in zip(service.ports, service.resource.spec.items("ports"), strict=False):
        if port.target in known and spoken(node) != "gRPC":
            says = f"port {port.name or port.number} leads to a port that speaks gRPC, and does not say so."
            fix = "Add appProtocol: grpc, so that a proxy balances calls, and not connections alone."
            yield found(RULE.id, node, "appProtocol", says, fix, warning=True)


def _grpc(container: Container) -> Iterator[int | str]:
    """Name the ports of a container that speak gRPC, as their names or a probe say."""
    probes = (container.liveness, container.readiness, container.startup)
    asked = {probe.asks[1] for probe in probes if probe is not None and probe.asks[:1] == ("grpc",)}
    for port in container.ports:
        if port.name.lower().partition("-")[0] == "grpc" or port.number in asked:
            yield from filter(None, (port.number, port.name))


RULE = Rule(
    id="design/grpc-when-internal",
    applies=CALLED,
    proof=Proof.LIVE,
    shows="an internal call is gRPC and carries the caller's deadline on",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/service.yaml",
            old="  - name: grpc\n    port: 8081\n    targetPort: grpc\n    appProtocol: grpc\n",
            new="  - name: stock\n    port: 8081\n    targetPort: grpc\n",
        ),
    ),
)

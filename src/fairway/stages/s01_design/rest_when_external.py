"""What is exposed externally speaks REST with an OpenAPI document.

Outside callers choose their own languages and tools. Plain HTTP with a published description is what all of them can
use, what a gateway can check, and what a change can be compared against.
"""

from collections.abc import Iterator

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.routes import Backend, named_backends
from fairway.estate.spoken import spoken


def check(estate: Estate) -> Iterator[Finding]:
    """Find routes from outside to a port that is said to speak something else.

    Whether an interface is described, files do not say. A route that is made for gRPC is a decision that somebody took,
    and a warning.
    """
    for resource in estate.resources:
        for backend in named_backends(resource):
            for other in _others(estate, resource, backend):
                says = (
                    f"it leads from outside to port {backend.port} of Service '{backend.name}', which speaks {other}."
                )
                fix = "Lead to a port that speaks HTTP, and publish its OpenAPI document."
                yield found(RULE.id, backend.node, backend.key, says, fix, warning=resource.kind == "GRPCRoute")


def _others(estate: Estate, resource: Resource, backend: Backend) -> Iterator[str]:
    """Name what the port behind a route speaks, where that is not HTTP."""
    for service in estate.find("Service", backend.namespace, backend.name, resource):
        for port in service.spec.items("ports"):
            at = backend.port in {port.number("port"), port.text("name")}
            if at and (other := spoken(port)) not in {"", "http"}:
                yield other


RULE = Rule(
    id="design/rest-when-external",
    applies=EXPOSED,
    proof=Proof.LIVE,
    shows="a call through the gateway matches the OpenAPI document",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/httproute.yaml",
            old="port: 8080",
            new="port: 8081",
        ),
    ),
)

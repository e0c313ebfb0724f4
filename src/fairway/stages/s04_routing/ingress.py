"""Without a mesh, an ingress controller leads requests in and Services lead them on.

Every service still needs one known way in: from outside through the controller, from inside through its Service. A
service that is declared external and has neither cannot be reached, and one with a way of its own escapes every
policy at the front.
"""

from collections.abc import Iterator

from fairway.core.conditions import MESH
from fairway.core.errors import did_you_mean
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.routes import named_backends

MOST_NAMES = 500  # that a name is compared with, as comparing takes time


def check(estate: Estate) -> Iterator[Finding]:
    """Find ways in that lead to a Service, or a port of it, that is not there."""
    names: dict[str, list[str]] = {}
    ports = {one.resource: one.ports for one in estate.services}
    for one in estate.services:
        names.setdefault(one.resource.namespace, []).append(one.resource.name)
    for resource in estate.resources:
        for backend in named_backends(resource):
            there = estate.find("Service", backend.namespace, backend.name, resource)
            if not there and backend.namespace in names:
                says = f"it leads to Service '{backend.name}', which is not in namespace {backend.namespace}."
                fix = did_you_mean(backend.name, names[backend.namespace][:MOST_NAMES]) or "Name the Service it is for."
                yield found(RULE.id, backend.node, backend.key, says, fix, warning=bool(estate.unknown))
            known = [port for one in there for port in ports[one]]
            wanted = backend.port
            if there and known and wanted is not None and all(wanted not in (p.name, p.number) for p in known):
                listed = ", ".join(str(port.number) for port in known)
                says = f"it leads to port {wanted} of Service '{backend.name}', which has {listed}."
                yield found(RULE.id, backend.node, backend.key, says, f"Lead to one of {listed}.")


RULE = Rule(
    id="routing/ingress",
    applies=~MESH,
    proof=Proof.LIVE,
    shows="requests reach it through the controller and its Service",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/httproute.yaml",
            old="- name: orders\n",
            new="- name: order\n",
        ),
    ),
)

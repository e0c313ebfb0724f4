"""What design builds: the ports of the protocols it decided."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Part, Port
from fairway.core.profile import Landscape
from fairway.stages.s01_design.decisions.services import protocols
from fairway_sdk.contract import GRPC_PORT, REST_PORT

PORTS = {
    "rest": ("http", REST_PORT, "design/rest-when-external"),
    "grpc": ("grpc", GRPC_PORT, "design/grpc-when-internal"),
}


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Open a port for each protocol that a service speaks."""
    del site
    for profile in landscape.services.values():
        for protocol in protocols(profile).value:
            name, number, rule = PORTS[protocol]
            yield Port(service=profile.name, rule=rule, topic="protocol", name=name, number=number)

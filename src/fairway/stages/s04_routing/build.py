"""What routing builds so far: the Service of everything that takes requests."""

from collections.abc import Iterator
from typing import Any

from fairway.core.artefact import Manifest, Site
from fairway.core.labels import metadata, selector
from fairway.core.profile import Landscape, Profile
from fairway.stages.s04_routing.decisions import address
from fairway_sdk.contract import GRPC_PORT, REST_PORT


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Register every service that takes requests in the cluster's DNS; a worker needs no name."""
    del site
    for profile in landscape.services.values():
        if profile.serving:
            yield _service(landscape, profile)


def _service(landscape: Landscape, profile: Profile) -> Manifest:
    ports: list[dict[str, Any]] = []
    if profile.rest:
        ports.append({"name": "http", "port": REST_PORT, "targetPort": "http", "appProtocol": "http"})
    if profile.grpc:
        ports.append({"name": "grpc", "port": GRPC_PORT, "targetPort": "grpc", "appProtocol": "grpc"})
    system = landscape.system.system
    named = address(profile)
    # Without a mesh a gRPC client balances over the replicas itself, and for that it has to see them.
    headless = {"clusterIP": "None"} if named.value is not None and named.value.headless else {}
    return Manifest(
        path=f"services/{profile.name}/service.yaml",
        service=profile.name,
        rule=named.rule,
        topic=named.topic,
        object={
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(system, profile.name),
            "spec": {**headless, "selector": selector(system, profile.name), "ports": ports},
        },
    )

"""What routing builds: the Service of everything that takes requests. Routes in the mesh follow from its traffic."""

from collections.abc import Iterator
from typing import Any

from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.cluster import GATEWAY_CLIENTS
from fairway.core.conditions import MESH
from fairway.core.labels import metadata, selector
from fairway.core.once import once
from fairway.core.profile import Landscape, Profile
from fairway.stages.s04_routing.decisions import address, deadline
from fairway_sdk.contract import GRPC_PORT, REST_PORT

CONNECTS_WITHIN_MS = 1000


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Register every service that takes requests in the cluster's DNS; a worker needs no name."""
    del site
    yield from _services(landscape)


@once
def _services(landscape: Landscape) -> Iterator[Manifest]:
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
    annotations = _for_kong(profile) if profile.exposed and landscape.system.platform.gateway == "kong" else {}
    given_up = deadline(profile)
    waited = Reason(rule=given_up.rule, topic=given_up.topic) if given_up is not None else None
    return Manifest(
        path=f"services/{profile.name}/service.yaml",
        service=profile.name,
        rule=named.rule,
        topic=named.topic,
        reasons={("metadata", "annotations", key): waited for key in annotations if waited is not None},
        object={
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(system, profile.name, annotations=annotations),
            "spec": {**headless, "selector": selector(system, profile.name), "ports": ports},
        },
    )


def _for_kong(profile: Profile) -> dict[str, str]:
    """Tell Kong how long to wait for the service, and by which way: it reads that at the Service."""
    given_up, named = deadline(profile), address(profile).value
    assert given_up is not None, "what is exposed has a deadline"
    assert named is not None, "what is exposed has an address"
    found = {
        "konghq.com/connect-timeout": str(CONNECTS_WITHIN_MS),
        "konghq.com/host-header": named.host,
        "konghq.com/read-timeout": str(given_up.value),
        "konghq.com/retries": "0",  # what comes from outside is not known to be idempotent
        "konghq.com/write-timeout": str(given_up.value),
    }
    if MESH(profile).holds:
        # The mesh chooses the replica, and routes by the name of the Service.
        return found | {"ingress.kubernetes.io/service-upstream": "true"}
    tls = {
        "konghq.com/client-cert": GATEWAY_CLIENTS["kong"],
        "konghq.com/protocol": "https",
        "konghq.com/tls-verify": "true",
    }
    return found | tls

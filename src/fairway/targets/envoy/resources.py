"""All of a system's Envoy resources, by the file each belongs to, and the same in one piece for a trial."""

from collections.abc import Mapping
from typing import Any

from fairway.core.traffic import Traffic
from fairway.targets.envoy import clusters, mesh, routes
from fairway.targets.envoy.clusters import TRACES, fixed, to
from fairway.targets.envoy.connections import routes_file
from fairway.targets.envoy.fields import Resource, listened, typed, watched
from fairway.targets.envoy.gateway import extension_file, gateway
from fairway.targets.envoy.limits import limits
from fairway.targets.envoy.places import GATEWAY, Picture, Places, Proxy
from fairway.targets.envoy.tokens import authentication

Files = Mapping[str, list[Resource]]  # by name: the resources in it
LISTENERS = "lds.json"
CLUSTERS = "cds.json"
MOST_CONNECTIONS = 10_000
MILLISECONDS = (*range(1, 11), 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1_000)
SECONDS = (1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 30, 60, 300)
SPANS = {"min_flush_spans": 64, "flush_interval_ms": 1_000}  # each proxy sends its own: seldom, but within a second

LITTLE_MEMORY = {
    "deferred_stat_options": {"enable_deferred_creation_stats": True},  # most calls of a mesh are never made
    "memory_allocator_manager": {"bytes_to_release": 1 << 20, "memory_release_interval": "1s"},  # what starting took
}


def resources(traffic: Mapping[str, Traffic], places: Places, proxy: Proxy) -> dict[str, list[Resource]]:
    """Write every file of one proxy but the bootstrap and the secrets."""
    picture = Picture(traffic=dict(traffic), places=places, proxy=proxy)
    listeners, found = list[Resource](), list[Resource]()
    files: dict[str, list[Resource]] = {}
    if proxy.gateway:
        listeners.append(gateway(picture, proxy.gateway.port))
        found += clusters.of_gateway(picture, proxy.gateway)
        files |= {
            routes_file(GATEWAY): [routes.of_gateway(picture)],
            extension_file("callers"): [_extension("callers", authentication(picture, refuses=False))],
            extension_file("tokens"): [_extension("tokens", authentication(picture, refuses=True))],
            extension_file("limits"): [_extension("limits", limits(picture))],
        }
    for replica in picture.replicas:
        if replica.rest or replica.grpc:
            listeners.append(mesh.inbound(picture, replica))
        listeners += mesh.outbound(picture, replica)
        found += clusters.of_replica(replica)
        for callee in replica.calls:
            found += clusters.calling(picture, replica.name, replica.service, replica.region, callee)
            if routes.changes(picture, callee):
                files[routes_file(to(replica.name, callee))] = [routes.of_call(picture, replica, callee)]
        found += [clusters.to_store(picture, replica, store) for store in replica.stores]
    for store in picture.stores:
        listeners.append(mesh.before_store(picture, store.name, store.port))
        found.append(clusters.of_store(store.name, store.address))
    if places.traces:
        found.append(fixed(TRACES, places.traces.address))
    return {LISTENERS: listeners, CLUSTERS: found, **files}


def bootstrap(places: Places, proxy: Proxy) -> Resource:
    """Write what Envoy starts with: where its files are, its operator's socket, and a limit of connections."""
    kind = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    monitor = {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": typed(kind, max_active_downstream_connections=MOST_CONNECTIONS),
    }
    return {
        "node": {"id": proxy.name, "cluster": places.system},
        "admin": {"address": listened(f"unix:{proxy.admin}")},
        "dynamic_resources": {
            "lds_config": watched(proxy.folder, LISTENERS),
            "cds_config": watched(proxy.folder, CLUSTERS),
        },
        "layered_runtime": {
            "layers": [
                {"name": "fixed", "static_layer": {"tracing": {"opentelemetry": SPANS}}},
                {"name": "operator", "admin_layer": {}},
            ]
        },
        "stats_config": {
            "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": _bounds()}]
        },
        "overload_manager": {"resource_monitors": [monitor]},
        **LITTLE_MEMORY,
    }


def _bounds() -> list[float]:
    """Give the bounds that times of requests are counted by: the usual ones are too far apart for a local system."""
    return [*MILLISECONDS, *(1_000 * seconds for seconds in SECONDS)]


def discovery(version: str, found: list[Resource]) -> Resource:
    """Write the content of a file that Envoy watches."""
    return {"version_info": version, "resources": found}


def in_one_piece(start: Resource, files: Files) -> Resource:
    """Write all of it as one static configuration: Envoy's trial run reads no other files."""
    kept = {key: value for key, value in start.items() if key != "dynamic_resources"}
    secrets = [one for name, file in files.items() if name.startswith("sds-") for one in file]
    static = {
        "listeners": [_plain(_static(one, files)) for one in files[LISTENERS]],
        "clusters": [_plain(_static(one, files)) for one in files[CLUSTERS]],
        "secrets": [_plain(one) for one in secrets],
    }
    return kept | {"static_resources": static}


def _extension(name: str, config: Resource) -> Resource:
    return typed("envoy.config.core.v3.TypedExtensionConfig", name=name, typed_config=config)


def _static(node: Any, files: Files) -> Any:  # noqa: ANN401 - JSON
    """Put what a reference leads to in its place."""
    if isinstance(node, list):
        return [_static(one, files) for one in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        match key:
            case "rds":
                found["route_config"] = _plain(_led_to(value["config_source"], files))
            case "config_discovery":
                found["typed_config"] = _led_to(value["config_source"], files)["typed_config"]
            case "sds_config":
                pass  # the name alone leads to a static secret
            case _:
                found[key] = _static(value, files)
    return found


def _led_to(source: Resource, files: Files) -> Resource:
    [found] = files[source["path_config_source"]["path"].rpartition("/")[2]]
    return found


def _plain(resource: Resource) -> Resource:
    return {key: value for key, value in resource.items() if key != "@type"}

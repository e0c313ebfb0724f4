"""Whom a proxy connects to: callees and stores over mutual TLS, and the service beside it over its socket."""

from collections.abc import Iterable, Iterator

from fairway.core.traffic import Call, Ejection, Traffic
from fairway.targets.envoy.fields import Resource, duration, loopback, reached, typed
from fairway.targets.envoy.places import GATEWAY, Gateway, Picture, Replica, store_account
from fairway.targets.envoy.tls import connecting

HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HEALTH_PATH = "/-/healthy"  # of a replica's proxy, for its callers: whether the replica is ready
READY = "ready"  # begins the name of what asks a replica itself
CONNECTS_WITHIN = 1.0
ASKED_EVERY = 1.0
ASKED_WITHIN = 0.5
ASKED_SOON = 0.2  # while it is not ready
IDLE_SOCKET = 3.0  # shorter than any server keeps an idle connection: no request meets a closing one
LONGEST_CONNECTION = 2.0  # to a replica itself: then its socket may lead to a new run, and the old one may end
OPEN_AT_ONCE = 1024
TRACES = "traces"


def cluster(name: str, assignment: Resource, **fields: object) -> Resource:
    """Write a cluster; when none of its members is healthy it refuses, in place of hoping for a sick one."""
    return typed(
        "envoy.config.cluster.v3.Cluster",
        name=name,
        connect_timeout=duration(CONNECTS_WITHIN),
        common_lb_config={"healthy_panic_threshold": {"value": 0}},
        **assignment,
        **fields,
    )


def fixed(name: str, address: str, **fields: object) -> Resource:
    """Write a cluster of one address."""
    return cluster(name, {"type": "STATIC", "load_assignment": _members(name, [[address]])}, **fields)


def http1() -> Resource:
    """Speak HTTP/1.1 upstream, and drop a connection before the server does."""
    idle = {"idle_timeout": duration(IDLE_SOCKET), "max_connection_duration": duration(LONGEST_CONNECTION)}
    return {HTTP: typed(HTTP, explicit_http_config={"http_protocol_options": {}}, common_http_protocol_options=idle)}


def http2(longest: float | None = None) -> Resource:
    """Speak HTTP/2 upstream; no connection takes requests for longer than so many seconds."""
    fields: Resource = {"explicit_http_config": {"http2_protocol_options": {}}}
    if longest is not None:
        fields["common_http_protocol_options"] = {"max_connection_duration": duration(longest)}
    return {HTTP: typed(HTTP, **fields)}


def of_replica(replica: Replica) -> Iterator[Resource]:
    """Write what the proxy of a replica needs to reach it: by protocol, and to ask whether it is ready."""
    if replica.rest:
        yield fixed(beside(replica, "rest"), replica.rest, typed_extension_protocol_options=http1())
    if replica.grpc:
        yield fixed(beside(replica, "grpc"), replica.grpc, typed_extension_protocol_options=http2(LONGEST_CONNECTION))
    if replica.admin:
        # On a new connection each time: the last one may be to a run that leaves.
        checks = [_check(replica.ready) | {"reuse_connection": False}]
        options = http1()
        yield fixed(
            beside(replica, READY), replica.admin, typed_extension_protocol_options=options, health_checks=checks
        )


def beside(replica: Replica, what: str) -> str:
    """Name the cluster that is one socket of a replica."""
    return f"{replica.name}.{what}"


def calling(picture: Picture, caller: str, account: str, region: str, callee: str) -> Iterator[Resource]:
    """Write the clusters of one caller for one callee, one for each version that traffic is split between."""
    traffic = picture.traffic[callee]
    call = picture.traffic[account].calls.get(callee) if account in picture.traffic else None
    for version in picture.versions_of(callee):
        fields: Resource = {
            "typed_extension_protocol_options": http2(),
            "transport_socket": connecting(picture, account, picture.identity(callee), ["h2"]),
            "health_checks": [_check(HEALTH_PATH, codec_client_type="HTTP2")],
            "circuit_breakers": {"thresholds": [_limits(call)]},
        }
        if traffic.ejection:
            elsewhere = len(order(traffic, region)) > 1
            fields["outlier_detection"] = _ejected(traffic.ejection, call, elsewhere=elsewhere)
        name = to(caller, callee, version)
        members = _members(name, _choices(picture, callee, version, region))
        yield cluster(name, {"type": "STATIC", "load_assignment": members}, **fields)


def to(caller: str, callee: str, version: str = "") -> str:
    """Name the cluster, the listener and the route of one caller's calls to one callee."""
    return f"{caller}.to.{callee}" + (f".{version}" if version else "")


def to_store(picture: Picture, replica: Replica, store: str) -> Resource:
    """Write the cluster of one replica for one store: the store's proxy, over mutual TLS."""
    [port] = [one.port for one in picture.places.stores if one.name == store]
    fields: Resource = {"transport_socket": connecting(picture, replica.service, picture.store_identity(store))}
    if store in replica.keys:
        fields["typed_extension_protocol_options"] = http1()
    return fixed(at_store(replica.name, store), loopback(port), **fields)


def at_store(replica: str, store: str) -> str:
    """Name the cluster and the listener of one replica's connections to one store."""
    return f"{replica}.store.{store}"


def order(callee: Traffic, region: str) -> tuple[str, ...]:
    """Say where calls from a region go, one place after another: it comes first, and then what was decided."""
    return (region, *(one for one in callee.failover if one != region))


def of_store(name: str, address: str) -> Resource:
    """Write the cluster of a store's own proxy: the store itself."""
    return fixed(store_account(name), address)


def of_gateway(picture: Picture, gateway: Gateway) -> Iterator[Resource]:
    """Write whom the gateway reaches: public services, and doors of the local system."""
    for name in picture.public:
        yield from calling(picture, GATEWAY, GATEWAY, gateway.region, name)
    for door in picture.places.doors:
        yield fixed(door_name(door.prefix), door.address, typed_extension_protocol_options=http1())


def door_name(prefix: str) -> str:
    """Name the cluster behind a door."""
    return "door" + prefix.rstrip("/").replace("/", ".")


def _choices(picture: Picture, callee: str, version: str, region: str) -> Iterator[list[str]]:
    """Give the addresses of a callee's replicas for callers of a region: first choice, second choice."""
    found = [one for one in picture.replicas_of(callee) if not version or one.version == version]
    for place in order(picture.traffic[callee], region):
        if there := [loopback(one.port) for one in found if one.region == place]:
            yield there


def _members(name: str, groups: Iterable[Iterable[str]]) -> Resource:
    found = [
        {
            "priority": priority,
            "locality": {"region": str(priority)},
            "lb_endpoints": [{"endpoint": {"address": reached(address)}} for address in group],
        }
        for priority, group in enumerate(groups)
    ]
    return {"cluster_name": name, "endpoints": found}


def _check(path: str, **fields: object) -> Resource:
    asked = {"http_health_check": {"path": path, "host": "localhost", **fields}} if path else {"tcp_health_check": {}}
    return {
        "timeout": duration(ASKED_WITHIN),
        "interval": duration(ASKED_EVERY),
        "no_traffic_interval": duration(ASKED_SOON),
        "unhealthy_interval": duration(ASKED_SOON),
        "no_traffic_healthy_interval": duration(ASKED_EVERY),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        **asked,
    }


def _limits(call: Call | None) -> Resource:
    most = call.at_once if call else OPEN_AT_ONCE
    retries = most if call and call.retries else 0
    return {"max_connections": OPEN_AT_ONCE, "max_pending_requests": most, "max_requests": most, "max_retries": retries}


def _ejected(ejection: Ejection, call: Call | None, *, elsewhere: bool) -> Resource:
    errors = call.opens_after if call and call.opens_after else ejection.errors
    return {
        "consecutive_5xx": errors,
        "consecutive_gateway_failure": errors,
        "enforcing_consecutive_gateway_failure": 100,
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": errors,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": duration(ejection.interval),
        "base_ejection_time": duration(ejection.left_out),
        "max_ejection_percent": ejection.at_most,
        "always_eject_one_host": elsewhere,  # another region takes over
        "successful_active_health_check_uneject_host": False,
    }

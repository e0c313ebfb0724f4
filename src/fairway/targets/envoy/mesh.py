"""The mesh: before each replica and each store a proxy that asks who is there, and behind each caller one per call."""

from collections.abc import Iterator

from fairway.targets.envoy import routes
from fairway.targets.envoy.clusters import HEALTH_PATH, READY, at_store, beside, to
from fairway.targets.envoy.connections import allowed, http, listener, tcp
from fairway.targets.envoy.fields import Resource, loopback, named
from fairway.targets.envoy.places import Picture, Replica, store_account
from fairway.targets.envoy.tls import accepting

ACCESS_LIST = "envoy.filters.http.rbac"
HEALTH = "envoy.filters.http.health_check"


def inbound(picture: Picture, replica: Replica) -> Resource:
    """Write the proxy before a replica: declared callers only, and they learn whether the replica is ready."""
    rules = allowed(picture, picture.callers_of(replica.service))
    filters = [named(ACCESS_LIST, "envoy.extensions.filters.http.rbac.v3.RBAC", rules=rules), _health(replica)]
    handling = http(
        picture,
        replica.name,
        filters,
        routes=routes.of_replica(picture, replica),
        codec_type="HTTP2",
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
    )
    socket = accepting(picture, replica.service, ["h2"])
    return listener(replica.name, loopback(replica.port), {"transport_socket": socket, "filters": [handling]})


def outbound(picture: Picture, replica: Replica) -> Iterator[Resource]:
    """Write the proxies behind a replica: a socket for each callee and each store."""
    for callee, address in replica.calls.items():
        name = to(replica.name, callee)
        counted = [_outcomes()] if "grpc" in picture.traffic[callee].protocols else []
        ways = None if routes.changes(picture, callee) else routes.of_call(picture, replica, callee)
        yield listener(name, address, {"filters": [http(picture, name, counted, routes=ways, each_try=True)]})
    for store, address in replica.stores.items():
        name = at_store(replica.name, store)
        key = replica.keys.get(store)
        yield listener(name, address, {"filters": [_guarded(picture, name, key) if key else tcp(name, name)]})


def before_store(picture: Picture, store: str, port: int) -> Resource:
    """Write the proxy before a store: only services that declare it get a connection."""
    account = store_account(store)
    kind = "envoy.extensions.filters.network.rbac.v3.RBAC"
    rules = allowed(picture, picture.users_of(store))
    admitted = named("envoy.filters.network.rbac", kind, rules=rules, stat_prefix=account)
    chain = {"transport_socket": accepting(picture, account), "filters": [admitted, tcp(account, account)]}
    return listener(account, loopback(port), chain)


def _guarded(picture: Picture, name: str, key: str) -> Resource:
    """Let through who signs in the name of a key: anybody on the machine could connect to a port of loopback."""
    named_so = {"name": "authorization", "string_match": {"contains": f"Credential={key}/"}}
    policy = {"permissions": [{"any": True}], "principals": [{"header": named_so}]}
    rules = {"action": "ALLOW", "policies": {"signed": policy}}
    guard = named(ACCESS_LIST, "envoy.extensions.filters.http.rbac.v3.RBAC", rules=rules)
    # Each look for events would be a trace of its own: who asks a store carries no trace along.
    return http(picture, name, [guard], routes=routes.to_store(name), traced=False)


def _outcomes() -> Resource:
    """Count calls of gRPC by their status: to HTTP, all of them end well."""
    kind = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"
    return named("envoy.filters.http.grpc_stats", kind, stats_for_all_methods=False)


def _health(replica: Replica) -> Resource:
    kind = "envoy.extensions.filters.http.health_check.v3.HealthCheck"
    asked = [{"name": ":path", "string_match": {"exact": HEALTH_PATH}}]
    ready = {beside(replica, READY): {"value": 1}} if replica.admin else {}
    return named(HEALTH, kind, pass_through_mode=False, headers=asked, cluster_min_healthy_percentages=ready)

"""The mesh: before each replica and each store a proxy that asks who is there, and behind each caller one per call."""

from collections.abc import Iterator

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
        yield listener(name, address, {"filters": [http(picture, name, [])]})
    for store, address in replica.stores.items():
        name = at_store(replica.name, store)
        yield listener(name, address, {"filters": [tcp(name, name)]})


def before_store(picture: Picture, store: str, port: int) -> Resource:
    """Write the proxy before a store: only services that declare it get a connection."""
    account = store_account(store)
    kind = "envoy.extensions.filters.network.rbac.v3.RBAC"
    rules = allowed(picture, picture.users_of(store))
    admitted = named("envoy.filters.network.rbac", kind, rules=rules, stat_prefix=account)
    chain = {"transport_socket": accepting(picture, account), "filters": [admitted, tcp(account, account)]}
    return listener(account, loopback(port), chain)


def _health(replica: Replica) -> Resource:
    kind = "envoy.extensions.filters.http.health_check.v3.HealthCheck"
    asked = [{"name": ":path", "string_match": {"exact": HEALTH_PATH}}]
    ready = {beside(replica, READY): {"value": 1}} if replica.admin else {}
    return named(HEALTH, kind, pass_through_mode=False, headers=asked, cluster_min_healthy_percentages=ready)

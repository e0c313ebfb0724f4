"""What the proxy of one service is told, in Envoy's own words: TLS 1.3, with certificates that change while it runs."""

from typing import Any, Final

from fairway.core import cluster, programs
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions.identity import TRUST_DOMAIN, spiffe
from fairway.stages.s07_security.decisions.network import may_be_called_by
from fairway_sdk.contract import GRPC_PORT, REST_PORT

BOOTSTRAP: Final = "envoy.json"
SECRETS: Final = "secrets.json"
TYPE: Final = "type.googleapis.com"
HTTP: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
ADMIN: Final = "admin"  # on a socket that nobody else mounts
Resource = dict[str, Any]
HEALTH: Final = "envoy.extensions.filters.http.health_check.v3.HealthCheck"
LISTENS: Final = {  # whether it takes a connection, asked also while nobody else asks anything
    "timeout": "1s",
    "interval": "2s",
    "no_traffic_interval": "2s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
    "tcp_health_check": {},
}


def bootstrap(landscape: Landscape, profile: Profile, folder: str, ready: int) -> Resource:
    """Write the proxy's listeners and whom it connects to: the service's ports, one socket a callee, readiness."""
    listeners, clusters = [_ready(ready)], list[Resource]()
    sides = (("rest", REST_PORT, profile.rest), ("grpc", GRPC_PORT, profile.grpc))
    for side, port, spoken in sides:
        if spoken:
            listeners.append(_inbound(profile, side, port, folder))
            own = programs.listened(profile, side) if profile.foreign else f"unix:{cluster.SOCKETS}/{side}.sock"
            clusters.append(_cluster(side, "STATIC", _address(own), http2=side == "grpc"))
    for name in profile.callees:
        callee = landscape.services[name]
        near = programs.callee(profile, name) if profile.foreign else f"unix:{cluster.SOCKETS}/to-{name}.sock"
        listeners.append(_outbound(name, near, by_file=profile.foreign))
        host = cluster.host(name, landscape.system.system)
        at = _address(f"{host}:{GRPC_PORT if callee.grpc else REST_PORT}")
        secured = {
            "transport_socket": _tls(
                "Upstream", folder, {"exact": spiffe(callee)}, ["h2" if callee.grpc else "http/1.1"]
            )
        }
        clusters.append(_cluster(f"to-{name}", "STRICT_DNS", at, http2=callee.grpc) | secured)
    whole: Resource = {
        "node": {"id": profile.name, "cluster": landscape.system.system},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }
    return _speaking_for(profile, whole) if programs.behind_proxy(profile) else whole


def secrets(folder: str) -> Resource:
    """Point at the certificate and the authority, watched: both are changed while the proxy runs."""
    watched = {"watched_directory": {"path": folder}}
    own = {
        "certificate_chain": {"filename": f"{folder}/tls.crt"},
        "private_key": {"filename": f"{folder}/tls.key"},
        **watched,
    }
    trusted = {"trusted_ca": {"filename": f"{folder}/ca.crt"}, **watched}
    kind = f"{TYPE}/envoy.extensions.transport_sockets.tls.v3.Secret"
    return {
        "resources": [
            {"@type": kind, "name": "own", "tls_certificate": own},
            {"@type": kind, "name": "trusted", "validation_context": trusted},
        ]
    }


def _speaking_for(profile: Profile, whole: Resource) -> Resource:
    """Have the proxy pass on the kubelet's questions to a program that hides behind it, and tell what it counted."""
    run, side, static = profile.facts.run, programs.side(profile), whole["static_resources"]
    assert run is not None
    asked = sorted({path for path in (run.ready, run.live) if path})
    routes: list[Resource] = [{"match": {"path": path}, "route": {"cluster": side, "timeout": "5s"}} for path in asked]
    routes.append({"match": {"path": programs.LISTENING_PATH}, "direct_response": {"status": 404}})
    filters = []
    if not (run.ready and run.live):
        [program] = [one for one in static["clusters"] if one["name"] == side]
        program["health_checks"] = [LISTENS]
        filters.append(_filter("envoy.filters.http.health_check", HEALTH))
        filters[0]["typed_config"] |= {
            "pass_through_mode": False,
            "cluster_min_healthy_percentages": {side: {"value": 100}},
            "headers": [{"name": ":path", "string_match": {"exact": programs.LISTENING_PATH}}],
        }
    host = {"name": "probes", "domains": ["*"], "routes": routes}
    chain = {"filters": [_http("probes", filters, host)]}
    at = _address(f"0.0.0.0:{programs.PROBE_PORT}")
    static["listeners"].append({"name": "probes", "address": at, "filter_chains": [chain]})
    pipe = _address(f"unix:{cluster.SOCKETS}/{ADMIN}.sock")
    static["clusters"].append(_cluster(ADMIN, "STATIC", pipe, http2=False))
    [handling] = static["listeners"][0]["filter_chains"][0]["filters"]
    [ready] = handling["typed_config"]["route_config"]["virtual_hosts"]
    ready["routes"].append({"match": {"path": programs.PROXY_METRICS}, "route": {"cluster": ADMIN, "timeout": "10s"}})
    return {**whole, "admin": {"address": pipe}}


def _inbound(profile: Profile, side: str, port: int, folder: str) -> Resource:
    """Let in the declared callers of one port, and tell the service who is calling."""
    callers = [peer for peer in may_be_called_by(profile).value if peer.port == port]
    names = [_identity(profile, peer.kind, peer.name) for peer in callers if peer.kind in {"service", "gateway"}]
    principals = [{"authenticated": {"principal_name": {"exact": name}}} for name in names]
    policies = {"declared": {"permissions": [{"any": True}], "principals": principals}} if principals else {}
    access = _filter("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC")
    access["typed_config"]["rules"] = {"action": "ALLOW", "policies": policies}
    handling = _http(side, [access], _to(side))
    handling["typed_config"] |= {
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"uri": True},
    }
    peers = {"prefix": f"spiffe://{TRUST_DOMAIN}/"}
    socket = _tls("Downstream", folder, peers, ["h2"] if side == "grpc" else ["h2", "http/1.1"])
    chain = {"transport_socket": socket, "filters": [handling]}
    return {"name": side, "address": _address(f"0.0.0.0:{port}"), "filter_chains": [chain]}


def _outbound(callee: str, at: str, *, by_file: bool) -> Resource:
    """Take calls to one callee; *by_file*: how long and how often is told by a file, as the caller does not do it."""
    name = f"to-{callee}"
    handling = _http(name, [], _to(name))
    if by_file:
        folder = programs.ROUTES_FOLDER
        source = {"path": f"{folder}/{name}.json", "watched_directory": {"path": folder}}
        del handling["typed_config"]["route_config"]
        handling["typed_config"]["rds"] = {
            "route_config_name": name,
            "config_source": {"path_config_source": source, "resource_api_version": "V3"},
        }
    chain = {"filters": [handling]}
    return {"name": name, "address": _address(at), "filter_chains": [chain]}


def _ready(port: int) -> Resource:
    answered = {
        "name": "ready",
        "domains": ["*"],
        "routes": [{"match": {"path": "/ready"}, "direct_response": {"status": 200}}],
    }
    return {
        "name": "ready",
        "address": _address(f"0.0.0.0:{port}"),
        "filter_chains": [{"filters": [_http("ready", [], answered)]}],
    }


def _to(target: str) -> Resource:
    """Route everything to one cluster; the caller's own deadline ends what takes too long."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": target, "timeout": "0s"}}
    return {"name": target, "domains": ["*"], "routes": [route]}


def _http(name: str, filters: list[Resource], host: Resource) -> Resource:
    kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    found = _filter("envoy.filters.network.http_connection_manager", kind)
    router = _filter("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router")
    found["typed_config"] |= {
        "stat_prefix": name,
        "route_config": {"name": name, "virtual_hosts": [host]},
        "http_filters": [*filters, router],
        "stream_idle_timeout": "300s",
        "normalize_path": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }
    return found


def _cluster(name: str, kind: str, address: Resource, *, http2: bool) -> Resource:
    spoken: Resource = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    options = {"@type": f"{TYPE}/{HTTP}", "explicit_http_config": spoken}
    members = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": members},
        "typed_extension_protocol_options": {HTTP: options},
    }


def _tls(side: str, folder: str, peers: Resource, alpn: list[str]) -> Resource:
    def secret(name: str) -> Resource:
        return {
            "name": name,
            "sds_config": {"path_config_source": {"path": f"{folder}/{SECRETS}"}, "resource_api_version": "V3"},
        }

    found = _filter("envoy.transport_sockets.tls", f"envoy.extensions.transport_sockets.tls.v3.{side}TlsContext")
    accepted = {"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": peers}]}
    found["typed_config"]["common_tls_context"] = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": alpn,
        "tls_certificate_sds_secret_configs": [secret("own")],
        "combined_validation_context": {
            "default_validation_context": accepted,
            "validation_context_sds_secret_config": secret("trusted"),
        },
    }
    if side == "Downstream":
        found["typed_config"]["require_client_certificate"] = True
    return found


def _identity(profile: Profile, kind: str, name: str) -> str:
    if kind == "gateway":
        return f"spiffe://{TRUST_DOMAIN}/ns/{cluster.GATEWAY}/sa/{cluster.GATEWAYS[name]}"
    return f"spiffe://{TRUST_DOMAIN}/ns/{profile.system.system}/sa/{name}"


def _filter(name: str, kind: str) -> Resource:
    return {"name": name, "typed_config": {"@type": f"{TYPE}/{kind}"}}


def _address(at: str) -> Resource:
    if at.startswith("unix:"):
        return {"pipe": {"path": at.removeprefix("unix:")}}
    host, _, port = at.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}

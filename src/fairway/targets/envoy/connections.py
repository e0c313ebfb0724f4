"""How a proxy handles HTTP: filters, limits of a connection, access log, traces."""

from collections.abc import Iterable

from fairway.targets.envoy.clusters import TRACES
from fairway.targets.envoy.fields import Resource, duration, listened, named, typed, watched
from fairway.targets.envoy.places import Picture

CONNECTIONS = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
RESOURCES = "envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig"
LOGGED = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",  # without the query, which may be personal
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "milliseconds": "%DURATION%",
    "upstream_milliseconds": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    "caller": "%DOWNSTREAM_PEER_URI_SAN%",
    "trace_id": "%TRACE_ID%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
}


def http(  # noqa: PLR0913 - what differs from proxy to proxy
    picture: Picture,
    name: str,
    filters: Iterable[Resource],
    *,
    routes: Resource | None,
    traced: bool = True,
    each_try: bool = False,
    **fields: object,
) -> Resource:
    """Write a proxy's handling of HTTP; *each_try* has a span of its own.

    Without *routes* they are in a file of the same name, for they change while it runs. Each watched file takes one
    of the few watchers that a user may have (fs.inotify.max_user_instances), so the other routes stand inside.
    """
    places = picture.places
    if routes is None:
        source = watched(picture.proxy.folder, routes_file(name))
        fields["rds"] = {"route_config_name": name, "config_source": source}
    else:
        fields["route_config"] = {key: value for key, value in routes.items() if key != "@type"}
    if places.traces and traced:
        fields["tracing"] = _traces(picture, name, each_try=each_try)
    return named(
        "envoy.filters.network.http_connection_manager",
        CONNECTIONS,
        stat_prefix=name,
        http_filters=[*filters, named("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router")],
        access_log=_log(places.access_log, name),
        drain_timeout=duration(places.drain),
        generate_request_id=True,
        **fields,
    )


def routes_file(name: str) -> str:
    """Name the file of a proxy's routes."""
    return f"rds-{name}.json"


def listener(name: str, address: str, chain: Resource) -> Resource:
    """Write a listener with one chain of filters."""
    # By itself Envoy would share its port with another system's Envoy, each taking some of the connections.
    own = {"address": listened(address), "enable_reuse_port": False}
    return typed("envoy.config.listener.v3.Listener", name=name, filter_chains=[chain], **own)


def tcp(name: str, cluster: str) -> Resource:
    """Write a proxy that hands bytes on; an idle connection of a pool is kept."""
    kind = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    return named("envoy.filters.network.tcp_proxy", kind, stat_prefix=name, cluster=cluster, idle_timeout="0s")


def allowed(picture: Picture, accounts: Iterable[str]) -> Resource:
    """Write who gets through, as the rules of an access list. Nobody is a list, too: of none."""
    principals = [{"authenticated": {"principal_name": {"exact": picture.identity(one)}}} for one in accounts]
    policies = {"declared": {"permissions": [{"any": True}], "principals": principals}} if principals else {}
    return {"action": "ALLOW", "policies": policies}


def _log(path: str, name: str) -> list[Resource]:
    if not path:
        return []
    kind = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
    written = {"json_format": {"proxy": name, **LOGGED}}
    log = named("envoy.access_loggers.file", kind, path=path, log_format=written)
    return [log | {"filter": {"not_health_check_filter": {}}}]  # each caller asks each replica every second


def _traces(picture: Picture, name: str, *, each_try: bool) -> Resource:
    traces = picture.places.traces
    assert traces is not None
    said = {"service.namespace": picture.places.system, "fairway.proxy": name}
    provider = named(
        "envoy.tracers.opentelemetry",
        "envoy.config.trace.v3.OpenTelemetryConfig",
        service_name=name,
        http_service={"http_uri": {"uri": f"http://{TRACES}{traces.path}", "cluster": TRACES, "timeout": "1s"}},
        resource_detectors=[
            named("envoy.tracers.opentelemetry.resource_detectors.static_config", RESOURCES, attributes=said)
        ],
    )
    return {"provider": provider, "random_sampling": {"value": traces.share * 100}, "spawn_upstream_span": each_try}

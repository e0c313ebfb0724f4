"""The gateway: the one way in, which takes off what nobody outside may say before it looks at anything."""

from fairway.targets.envoy.connections import http, listener
from fairway.targets.envoy.fields import Resource, loopback, named, watched
from fairway.targets.envoy.limits import LIMITS
from fairway.targets.envoy.places import GATEWAY, Picture
from fairway.targets.envoy.tokens import TOKENS
from fairway_sdk.contract import TENANT_HEADER

MUTATION = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
OURS = ("x-envoy-", "x-fairway-")  # beginnings of headers that only proxies and services of the system write
ANSWERS_WITHIN = "15s"  # a client that sends its headers more slowly is let go
IDLE = "300s"
PROBLEM = {
    "content_type": "application/problem+json",
    "json_format": {"type": "about:blank", "title": "%LOCAL_REPLY_BODY%", "status": "%RESPONSE_CODE%"},
}


def gateway(picture: Picture, port: int) -> Resource:
    """Write the gateway's listener: plain HTTP on loopback, hardened as if it stood in the open."""
    filters = [
        _taken_off(),
        _found(picture, "callers", TOKENS),
        _found(picture, "limits", LIMITS),
        _found(picture, "tokens", TOKENS),
    ]
    if any(one.tenant_by == "path" for one in picture.public.values()):
        filters.append(named("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC"))
    handling = http(
        picture,
        GATEWAY,
        filters,
        routes=None,
        use_remote_address=True,
        strip_any_host_port=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        common_http_protocol_options={"headers_with_underscores_action": "REJECT_REQUEST", "idle_timeout": IDLE},
        request_headers_timeout=ANSWERS_WITHIN,
        stream_idle_timeout=IDLE,
        server_header_transformation="PASS_THROUGH",
        local_reply_config={"body_format": PROBLEM},
    )
    return listener(GATEWAY, loopback(port), {"filters": [handling]}) | {
        "traffic_direction": "INBOUND"
    }  # the only one: it closes before the mesh


def extension_file(name: str) -> str:
    """Name the file of a filter that changes without the listener."""
    return f"ecds-{name}.json"


def _taken_off() -> Resource:
    whole: list[Resource] = [{"remove": TENANT_HEADER}, {"remove": "x-forwarded-client-cert"}]
    begun: list[Resource] = [{"remove_on_match": {"key_matcher": {"prefix": one}}} for one in OURS]
    return named("envoy.filters.http.header_mutation", MUTATION, mutations={"request_mutations": whole + begun})


def _found(picture: Picture, name: str, kind: str) -> Resource:
    source = watched(picture.proxy.folder, extension_file(name))
    return {"name": name, "config_discovery": {"config_source": source, "type_urls": [f"type.googleapis.com/{kind}"]}}

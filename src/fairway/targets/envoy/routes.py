"""Where requests go: the gateway's routes, those of each call, and those to the service itself."""

from collections.abc import Iterable, Iterator

from fairway.core.traffic import Call, Public, Retries
from fairway.targets.envoy.clusters import beside, door_name, to
from fairway.targets.envoy.fields import Resource, duration, named, typed
from fairway.targets.envoy.limits import limited
from fairway.targets.envoy.places import GATEWAY, Picture, Replica
from fairway.targets.envoy.tokens import CONSUMER_HEADER, closed, is_of_tenant, open_matches, stem
from fairway_sdk.contract import TENANT_HEADER

NEXT_REGION = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
DOOR = "/"  # in the place of a service: nobody counts how often
ACCESS_LIST = "envoy.filters.http.rbac"


def of_gateway(picture: Picture) -> Resource:
    """Write the gateway's routes: doors of the local system first, then the public services by their prefixes."""
    # Envoy joins two hosts with a comma: whoever is behind would choose one of them.
    two_hosts = {"name": ":authority", "string_match": {"contains": ","}}
    found: list[Resource] = [{"match": {"prefix": "/", "headers": [two_hosts]}, "direct_response": {"status": 400}}]
    found += [
        {"match": {"prefix": door.prefix}, "route": {"cluster": door_name(door.prefix), "timeout": "0s"}}
        | {"metadata": limited(DOOR)}
        for door in picture.places.doors
    ]
    for service, opened in sorted(picture.public.items(), key=lambda item: -len(item[1].prefix)):
        found += _public(picture, service, opened)
    found.append({"match": {"prefix": "/"}, "direct_response": {"status": 404}})  # so that the limits have a route
    return _routes(GATEWAY, found) | {"request_headers_to_remove": [CONSUMER_HEADER]}


def of_call(picture: Picture, replica: Replica, callee: str) -> Resource:
    """Write the route of one replica's calls to one callee: how long, and how often again."""
    call = picture.traffic[replica.service].calls[callee]
    action = _split(picture, replica.name, callee) | {"timeout": duration(call.timeout)}
    if call.retries:
        action["retry_policy"] = _again(call, call.retries)
    return _routes(to(replica.name, callee), [{"match": {"prefix": "/"}, "route": action}])


def changes(picture: Picture, callee: str) -> bool:
    """Tell whether the routes of calls to a callee change while the proxy runs: weights do."""
    return callee in picture.places.weights


def of_replica(picture: Picture, replica: Replica) -> Resource:
    """Write the routes to a replica itself: gRPC to the one socket, all else to the other."""
    deadline = picture.traffic[replica.service].deadline
    timeout = duration(deadline) if deadline else "0s"
    found: list[Resource] = []
    if replica.grpc:
        route = {"cluster": beside(replica, "grpc"), "timeout": timeout}
        found.append({"match": {"prefix": "/", **({"grpc": {}} if replica.rest else {})}, "route": route})
    if replica.rest:
        found.append({"match": {"prefix": "/"}, "route": {"cluster": beside(replica, "rest"), "timeout": timeout}})
    return _routes(replica.name, found)


def to_store(name: str) -> Resource:
    """Write the route of one replica's requests to a store that speaks HTTP; the client knows how long it waits."""
    return _routes(name, [{"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}])


def _routes(name: str, routes: Iterable[Resource]) -> Resource:
    host = {"name": name, "domains": ["*"], "routes": list(routes)}
    return typed("envoy.config.route.v3.RouteConfiguration", name=name, virtual_hosts=[host])


def _public(picture: Picture, service: str, public: Public) -> Iterator[Resource]:
    deadline = picture.traffic[service].deadline
    for tenant in public.tenants if public.tenant_by == "path" else [""]:
        below = stem(public, tenant)
        action = _split(picture, GATEWAY, service) | {
            "timeout": duration(deadline) if deadline else "0s",
            "regex_rewrite": {"pattern": {"regex": f"^{below.pattern}/?"}, "substitution": "/"},
        }
        kept: Resource = {"metadata": limited(service)}
        if tenant:
            says = {"header": {"key": TENANT_HEADER, "value": tenant}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            kind = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"
            kept["request_headers_to_add"] = [says]
            kept["typed_per_filter_config"] = {ACCESS_LIST: typed(kind, rbac={"rules": is_of_tenant(tenant)})}
        if not closed(picture, public):
            yield {"match": below.match, "route": action, **kept}
            continue
        for match in open_matches(public, tenant):
            yield {"match": match, "route": action, **kept}
        refusal = {"status": 401, "body": {"inline_string": "No issuer of tokens is known."}}
        yield {"match": below.match, "direct_response": refusal}


def _split(picture: Picture, caller: str, callee: str) -> Resource:
    shares = picture.versions_of(callee)
    if len(shares) == 1:
        return {"cluster": to(caller, callee, *shares)}
    clusters = [{"name": to(caller, callee, version), "weight": share} for version, share in shares.items()]
    return {"weighted_clusters": {"clusters": clusters}}


def _again(call: Call, retries: Retries) -> Resource:
    longest = max(retries.pause, min(retries.pause * 10, call.timeout))
    return {
        "retry_on": ",".join(retries.on),
        "num_retries": retries.attempts,
        "per_try_timeout": duration(retries.each),
        "retry_back_off": {"base_interval": duration(retries.pause), "max_interval": duration(longest)},
        # The next try goes to another region where there is one: hosts of the failed one fail together.
        "retry_priority": named("envoy.retry_priorities.previous_priorities", NEXT_REGION, update_frequency=1),
    }

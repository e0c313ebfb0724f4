"""Who checks tokens for Ambassador, whose open form cannot: an Envoy that is asked about each request and answers it.

It answers 200 where a request may go on, and names the consumer and the tenant that the token speaks of. What a caller
wrote under these names itself is overwritten or taken off.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import FEDERATION, FEDERATION_PATH, FEDERATION_PORT, GATEWAY, IDENTITY, TOKEN_CHECKER, host
from fairway.core.open_routes import open_route
from fairway.core.profile import Landscape, Profile
from fairway.core.secrets import external_secret
from fairway.stages.s05_gateway.binding import issuers
from fairway.stages.s05_gateway.build.objects import Program, described, program
from fairway.stages.s05_gateway.decisions import (
    TENANT_CLAIM,
    anonymous_routes,
    authentication,
    federation,
    public_route,
    tenants,
)
from fairway_sdk.contract import TENANT_HEADER

RULE: Final = "gateway/jwt"
TOPIC: Final = "authentication"
PORT: Final = 8080
ADMIN_PORT: Final = 9901
CONSUMER_HEADER: Final = "x-fairway-consumer"
UNKNOWN_HEADER: Final = "x-fairway-unknown"
KEYS: Final = "/etc/gateway/keys"
KEYS_REFRESHED: Final = "5m"
FOLDER: Final = "/etc/envoy"
CLAIMS: Final = "claims"
TYPES: Final = "type.googleapis.com/envoy"
REMOVED: Final = "x-envoy-auth-headers-to-remove"


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Run the checker, with the keys of whoever vouches for callers."""
    joined = federation(landscape)
    known = {str(one["issuer"]): None for one in issuers(landscape, site)}
    own = {} if joined else {issuer: f"key-{number}.json" for number, issuer in enumerate(known)}
    if own:
        names = {one.issuer: name for name, one in landscape.system.identity_providers.items()}
        entries = {file: (GATEWAY, f"{names[issuer]}-key-set") for issuer, file in own.items()}
        metadata = described(landscape, f"{TOKEN_CHECKER}-keys")
        keys = external_secret(landscape, site, metadata, entries, refresh=KEYS_REFRESHED)
        yield Manifest(path=f"platform/externalsecret-{TOKEN_CHECKER}-keys.yaml", rule=RULE, topic=TOPIC, object=keys)
    text = msgspec.json.format(msgspec.json.encode(configuration(landscape, site, own)), indent=2).decode() + "\n"
    yield from program(landscape, checker(text, mounted={f"{TOKEN_CHECKER}-keys": KEYS} if own else {}))


def checker(text: str = "", mounted: dict[str, str] | None = None) -> Program:
    """Describe the Envoy that checks tokens."""
    return Program(
        name=TOKEN_CHECKER,
        namespace=GATEWAY,
        image="envoy",
        user=101,
        rule=RULE,
        topic=TOPIC,
        command=("envoy",),
        args=("--config-path", f"{FOLDER}/envoy.json", "--log-level", "warning", "--concurrency", "1"),
        ports={"http": PORT, "admin": ADMIN_PORT},
        ready={"httpGet": {"path": "/ready", "port": "admin"}},
        live={"httpGet": {"path": "/server_info", "port": "admin"}},
        files={"envoy.json": text},
        folder=FOLDER,
        metrics=(ADMIN_PORT, "/stats/prometheus"),
        mounted=mounted or {},
    )


def configuration(landscape: Landscape, site: Site, own: dict[str, str], keys: str = KEYS) -> dict[str, Any]:
    """Write Envoy's whole configuration: the check of tokens, and an answer. *own* names the file of each key set."""
    exposed = [profile for profile in landscape.services.values() if profile.exposed]
    providers: dict[str, Any] = {}
    rules: list[dict[str, Any]] = [{"match": {"prefix": f"{FEDERATION_PATH}/"}}] if federation(landscape) else []
    routes: list[dict[str, Any]] = []
    for profile in exposed:
        providers |= _providers(profile, landscape, site, own, keys)
        rules += _rules(profile, landscape, site)
        routes += _of_tenants(profile, joined=federation(landscape) is not None)
    # What no rule names is closed by a token that nobody has: no route is open because it was forgotten.
    rules.append({"match": {"prefix": "/"}, "requires": _any(list(providers))} if providers else _nobody())
    tokens = {"@type": f"{TYPES}.extensions.filters.http.jwt_authn.v3.JwtAuthentication"}
    if not providers:
        providers = {"nobody": {"issuer": "nobody", "local_jwks": {"inline_string": '{"keys":[]}'}}}
    filters = [
        {"name": "tokens", "typed_config": tokens | {"providers": providers, "rules": rules}},
        {"name": "router", "typed_config": {"@type": f"{TYPES}.extensions.filters.http.router.v3.Router"}},
    ]
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "tokens",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [*routes, *_answers("")]}]},
        "http_filters": filters,
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    listener = {"name": "tokens", "address": _address(PORT), "filter_chains": [chain]}
    found: dict[str, Any] = {"admin": {"address": _address(ADMIN_PORT)}}
    resources: dict[str, Any] = {"listeners": [listener]}
    if federation(landscape):
        resources["clusters"] = [_dex()]
    return found | {"static_resources": resources}


def _providers(profile: Profile, landscape: Landscape, site: Site, own: dict[str, str], keys: str) -> dict[str, Any]:
    headers, kept = [{"header_name": CONSUMER_HEADER, "claim_name": "sub"}], {}
    if tenants(profile) is not None and federation(landscape):
        kept = {
            "payload_in_metadata": CLAIMS
        }  # the federation puts the tenant among the groups, and no header holds those
    elif tenants(profile) is not None:
        headers.append({"header_name": TENANT_HEADER, "claim_name": TENANT_CLAIM})
    found: dict[str, Any] = {}
    for issuer, audiences in _trusted(profile, landscape, site).items():
        if issuer in own:
            source: dict[str, Any] = {"local_jwks": {"filename": f"{keys}/{own[issuer]}"}}
        else:
            uri = f"http://{host(FEDERATION, IDENTITY)}:{FEDERATION_PORT}{FEDERATION_PATH}/keys"
            fetched = {"http_uri": {"uri": uri, "cluster": FEDERATION, "timeout": "2s"}, "cache_duration": "300s"}
            source = {"remote_jwks": {**fetched, "async_fetch": {}}}
        found[f"{profile.name} {issuer}"] = {
            "issuer": issuer,
            "audiences": audiences,
            **source,
            "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],  # never from a query
            "forward": True,
            "require_expiration": True,
            "clock_skew_seconds": 30,
            "claim_to_headers": headers,
            **kept,
            "clear_route_cache": True,  # which answer is given depends on what the token says
        }
    return found


def _trusted(profile: Profile, landscape: Landscape, site: Site) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if authentication(profile).value is None:
        return found
    for one in issuers(landscape, site):
        found.setdefault(str(one["issuer"]), []).append(str(one["audience"]))
    return found


def _rules(profile: Profile, landscape: Landscape, site: Site) -> Iterator[dict[str, Any]]:
    prefix, apart, opened = public_route(profile).value.prefix, tenants(profile), anonymous_routes(profile)
    below = {"match": {"path_separated_prefix": prefix}}
    if authentication(profile).value is None and authentication(profile).state == "decided":
        yield below
        return
    by_path = apart is not None and apart.value is not None and apart.value.by == "path"
    names = apart.value.names if by_path and apart is not None and apart.value is not None else ("",)
    needed = [f"{profile.name} {issuer}" for issuer in _trusted(profile, landscape, site)]
    for name in names:
        for route in map(open_route, opened.value if opened else ()):
            match: dict[str, Any] = {"safe_regex": {"regex": prefix + (f"/{name}" if name else "") + route.pattern}}
            if route.method:
                match["headers"] = [{"name": ":method", "string_match": {"exact": route.method}}]
            # A token is not needed there, but one that is shown has to be good.
            yield {"match": match, "requires": _any(needed, or_none=True)} if needed else {"match": match}
    yield {**below, "requires": _any(needed)} if needed else below | {"requires": _nobody()["requires"]}


def _of_tenants(profile: Profile, *, joined: bool) -> Iterator[dict[str, Any]]:
    """Answer requests by the tenant of their token; whoever names another one in the path gets nowhere."""
    apart, prefix = tenants(profile), public_route(profile).value.prefix
    if apart is None or apart.value is None:
        return
    told = {"name": CONSUMER_HEADER, "present_match": True}
    below = {"path_separated_prefix": prefix}
    for name in apart.value.names:
        stem = {"path_separated_prefix": f"{prefix}/{name}"} if apart.value.by == "path" else below
        if joined:
            said = [_header(CONSUMER_HEADER, f"%REQ({CONSUMER_HEADER})%"), _header(TENANT_HEADER, name)]
            yield _answer({**stem, "headers": [told], **_among_groups(name)}, [*said, _header(REMOVED, UNKNOWN_HEADER)])
        if apart.value.by == "header":
            continue
        other = {"name": TENANT_HEADER, "string_match": {"exact": name}, "invert_match": True}
        others = [] if joined else [{**other, "treat_missing_header_as_empty": True}]
        yield {"match": {**stem, "headers": [told, *others]}, "direct_response": {"status": 403}}
        yield from _answers(name, stem)


def _among_groups(tenant: str) -> dict[str, Any]:
    """Match a token that the federation gave to somebody of a tenant."""
    group = {"string_match": {"exact": f"{TENANT_CLAIM}:{tenant}"}}
    found = {"path": [{"key": CLAIMS}, {"key": "groups"}], "value": {"list_match": {"one_of": group}}}
    return {"dynamic_metadata": [{"filter": "envoy.filters.http.jwt_authn", **found}]}


def _answers(tenant: str, match: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Answer whom the token lets through: with what it says, or with the word that there is none."""
    match = match or {"prefix": "/"}
    consumer, unknown = {"name": CONSUMER_HEADER, "present_match": True}, {"name": TENANT_HEADER, "present_match": True}
    who = _header(CONSUMER_HEADER, f"%REQ({CONSUMER_HEADER})%")
    whose = _header(TENANT_HEADER, tenant or f"%REQ({TENANT_HEADER})%")
    if not tenant:
        yield _answer({**match, "headers": [consumer, unknown]}, [who, whose, _header(REMOVED, UNKNOWN_HEADER)])
        yield _answer({**match, "headers": [consumer]}, [who, _header(REMOVED, f"{UNKNOWN_HEADER},{TENANT_HEADER}")])
        stranger = [_header(UNKNOWN_HEADER, "yes"), _header(REMOVED, f"{CONSUMER_HEADER},{TENANT_HEADER}")]
        yield _answer(match, stranger)
        return
    yield _answer({**match, "headers": [consumer]}, [who, whose, _header(REMOVED, UNKNOWN_HEADER)])
    yield _answer(match, [whose, _header(UNKNOWN_HEADER, "yes"), _header(REMOVED, CONSUMER_HEADER)])


def _answer(match: dict[str, Any], headers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"match": match, "direct_response": {"status": 200}, "response_headers_to_add": headers}


def _header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _any(names: list[str], *, or_none: bool = False) -> dict[str, Any]:
    every: list[dict[str, Any]] = [{"provider_name": name} for name in names]
    if or_none:
        every.append({"allow_missing": {}})
    return every[0] if len(every) == 1 else {"requires_any": {"requirements": every}}


def _nobody() -> dict[str, Any]:
    return {"match": {"prefix": "/"}, "requires": {"provider_name": "nobody"}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "0.0.0.0", "port_value": port}}  # noqa: S104 - of its own Pod


def _dex() -> dict[str, Any]:
    endpoint = {"address": {"socket_address": {"address": host(FEDERATION, IDENTITY), "port_value": FEDERATION_PORT}}}
    return {
        "name": FEDERATION,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": FEDERATION,
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }

"""Whose tokens open which public route, and which routes need none."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.core.traffic import Public
from fairway.targets.envoy.fields import Resource, typed
from fairway.targets.envoy.places import Picture
from fairway_sdk.contract import TENANT_HEADER

TOKENS: Final = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
FILTER: Final = "envoy.filters.http.jwt_authn"
CLAIMS: Final = "claims"
TENANT_CLAIM: Final = "tenant"
CONSUMER_HEADER: Final = "x-fairway-consumer"  # inside the gateway only: who the verified token speaks of
LEEWAY: Final = 30  # seconds that clocks may differ
WILD: Final = re.compile(r"\*\*|\*|\{[^/{}]*\}")


class Below(msgspec.Struct, frozen=True, kw_only=True):
    """What lies below a public prefix, as a match of Envoy and as the beginning of a pattern."""

    match: Resource
    pattern: str


def stem(public: Public, tenant: str = "") -> Below:
    """Say what a public prefix covers: itself and all paths below, never a name that only begins alike."""
    prefix = public.prefix.rstrip("/") + (f"/{tenant}" if tenant else "")
    match = {"path_separated_prefix": prefix} if prefix else {"prefix": "/"}
    return Below(match=match, pattern=re.escape(prefix))


def open_matches(public: Public, tenant: str = "") -> Iterator[Resource]:
    """Match the routes that need no token: `*` and `{name}` stand for one part of a path, `**` for any number."""
    below = stem(public, tenant)
    if public.open_to_all:
        yield below.match
        return
    for route in public.anonymous:
        method, _, path = route.rpartition(" ")
        pattern = below.pattern + _path_pattern(path)
        match: Resource = {"safe_regex": {"regex": pattern}}
        if method:
            match["headers"] = [{"name": ":method", "string_match": {"exact": method}}]
        yield match


def closed(picture: Picture, public: Public) -> bool:
    """Tell whether nobody's token opens the service, since no key of its issuers is known."""
    return not public.open_to_all and not _providers(picture, public)


def authentication(picture: Picture) -> Resource:
    """Write the check of tokens for all public services. What no rule names needs a token that nobody can have.

    The key sets are inline: Envoy does not read a file of keys again. A verified token goes on to the service, which
    verifies it once more.
    """
    providers: dict[str, Resource] = {}
    rules: list[Resource] = [{"match": {"prefix": door.prefix}} for door in picture.places.doors]
    public = [traffic.public for traffic in picture.traffic.values() if traffic.public]
    for opened in sorted(public, key=lambda one: -len(one.prefix)):
        own = _providers(picture, opened)
        providers |= own
        needed = [{"provider_name": name} for name in own]
        for tenant in opened.tenants if opened.tenant_by == "path" else [""]:
            may = _any([*needed, {"allow_missing": {}}]) if needed else {}
            rules += [{"match": match} | may for match in open_matches(opened, tenant)]
            if needed:
                rules.append({"match": stem(opened, tenant).match} | _any(needed))
    if providers:
        rules.append({"match": {"prefix": "/"}} | _any([{"provider_name": name} for name in providers]))
    return typed(TOKENS, providers=providers, rules=rules)


def is_of_tenant(tenant: str) -> Resource:
    """Let through whose token names the tenant, and who has none where the route needs none."""
    its = _claim(TENANT_CLAIM, {"string_match": {"exact": tenant}})
    no_token = {"not_id": _claim("iss", {"present_match": True})}
    return {"action": "ALLOW", "policies": {"own": {"permissions": [{"any": True}], "principals": [its, no_token]}}}


def _claim(name: str, value: Resource) -> Resource:
    path = [{"key": CLAIMS}, {"key": name}]
    return {"sourced_metadata": {"metadata_matcher": {"filter": FILTER, "path": path, "value": value}}}


def _providers(picture: Picture, public: Public) -> dict[str, Resource]:
    audiences: dict[str, list[str]] = {}
    for one in public.issuers:
        known = picture.places.issuers.get(one.issuer)
        if known and msgspec.json.decode(known.keys).get("keys"):  # Envoy takes no empty set
            audiences.setdefault(one.issuer, []).append(one.audience)
    headers = [{"header_name": CONSUMER_HEADER, "claim_name": "sub"}]
    if public.tenants:
        headers.append({"header_name": TENANT_HEADER, "claim_name": TENANT_CLAIM})
    found: dict[str, Resource] = {}
    for issuer, wanted in audiences.items():
        keys = picture.places.issuers[issuer]
        name = " ".join([issuer, *wanted, *(["tenants"] if public.tenants else [])])
        found[name] = {
            "issuer": keys.issuer,
            "audiences": wanted,
            "local_jwks": {"inline_string": keys.keys},
            "from_headers": [
                {"name": "Authorization", "value_prefix": "Bearer "}
            ],  # never from a query, which is logged
            "forward": True,
            "require_expiration": True,
            "clock_skew_seconds": LEEWAY,
            "payload_in_metadata": CLAIMS,
            "claim_to_headers": headers,
        }
    return found


def _any(requirements: list[Resource]) -> Resource:
    if len(requirements) == 1:
        return {"requires": requirements[0]}
    return {"requires": {"requires_any": {"requirements": requirements}}}


def _path_pattern(path: str) -> str:
    if path == "/":
        return "/?"
    parts, end = [], 0
    for wild in WILD.finditer(path):
        parts += [re.escape(path[end : wild.start()]), ".*" if wild[0] == "**" else "[^/]+"]
        end = wild.end()
    return "".join(parts) + re.escape(path[end:])

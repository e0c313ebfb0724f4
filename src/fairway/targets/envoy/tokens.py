"""Whose tokens open which public route, and which routes need none."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.core.open_routes import open_route
from fairway.core.traffic import Public
from fairway.targets.envoy.fields import Resource, typed
from fairway.targets.envoy.places import Picture
from fairway_sdk.contract import TENANT_HEADER

TOKENS: Final = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
FILTER: Final = "envoy.filters.http.jwt_authn"
CLAIMS: Final = "claims"
CALLER: Final = "caller"  # the claims, for the limits
TENANT_CLAIM: Final = "tenant"
CONSUMER_HEADER: Final = "x-fairway-consumer"  # inside the gateway only: who the verified token speaks of
CONSUMER: Final = {"header_name": CONSUMER_HEADER, "claim_name": "sub"}
LEEWAY: Final = 30  # seconds that clocks may differ


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
    """Match the routes that need no token."""
    below = stem(public, tenant)
    if public.open_to_all:
        yield below.match
        return
    for route in map(open_route, public.anonymous):
        match: Resource = {"safe_regex": {"regex": below.pattern + route.pattern}}
        if route.method:
            match["headers"] = [{"name": ":method", "string_match": {"exact": route.method}}]
        yield match


def closed(picture: Picture, public: Public) -> bool:
    """Tell whether nobody's token opens the service, since no key of its issuers is known."""
    return not public.open_to_all and not _providers(picture, public)


def authentication(picture: Picture, *, refuses: bool) -> Resource:
    """Write the check of tokens for all public services. What no rule names needs a token that nobody can have.

    It is made twice: first to know who asks, then, when the limits have counted the request, to refuse it. Else those
    who are refused would be the only ones that nobody counts. The key sets are inline: Envoy does not read a file of
    keys again. A verified token goes on to the service, which verifies it once more.
    """
    providers: dict[str, Resource] = {}
    rules: list[Resource] = [{"match": {"prefix": door.prefix}} for door in picture.places.doors]
    for opened in sorted(picture.public.values(), key=lambda one: -len(one.prefix)):
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
    if refuses:
        return typed(TOKENS, providers=providers, rules=rules)
    # What is known here is for counting alone: routes that no token opens must not be told who asks.
    told = {"payload_in_metadata": CALLER, "claim_to_headers": [CONSUMER]}
    known = {name: provider | told for name, provider in providers.items()}
    anybody: list[Resource] = [*({"provider_name": name} for name in known), {"allow_missing_or_failed": {}}]
    return typed(TOKENS, providers=known, rules=[{"match": {"prefix": "/"}} | _any(anybody)])


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
    headers = [CONSUMER]
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

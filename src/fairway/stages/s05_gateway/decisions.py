"""Gateway: where a service is reached from outside, who gets in, how often, and in which order it is opened."""

from collections.abc import Iterator
from math import ceil
from typing import Final, Literal

import msgspec

from fairway.core.cluster import FEDERATION_PATH
from fairway.core.conditions import EXPOSED, ROUTED_BY_TENANT, SECURE_USER_DATA, SEVERAL_IDENTITY_PROVIDERS
from fairway.core.decision import AnyDecision, Decision, Instead
from fairway.core.facts import System
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed
from fairway_sdk.contract import TENANT_HEADER

HEAD_ROOM: Final = {"mission-critical": 125, "standard": 120, "low": 100}  # percent of the peak; replicas carry no more
CONSUMER_SHARE: Final = {"mission-critical": 5, "standard": 10, "low": 20}  # percent of the peak, for one of them
CONSUMER_MOST: Final = 20  # requests a second: more than one person, or one partner in good order, has use for
ANONYMOUS_SHARE: Final = 50  # percent of what a known consumer may do; counted by address
ROUTE_BURST: Final = 2  # seconds' worth that may come at once
CONSUMER_BURST: Final = 5  # a page that opens asks for many things at once
ALGORITHMS: Final = ("RS256", "ES256")
LEEWAY: Final = 30  # seconds that clocks may differ
EVERYTHING: Final = "/**"  # as an open route: "/" is the root alone, and "/*" what has one part
TENANT_CLAIM: Final = "tenant"
GATEWAYS: Final = {"kong": "Kong", "ambassador": "Ambassador"}
NOT_THIS_GATEWAY: Final = {
    "kong": Instead("Kong", "the facts name Ambassador"),
    "ambassador": Instead("Ambassador", "its open form leaves tokens to a service of one's own"),
}
COMMERCIAL: Final = {
    "kong": Instead(
        "Kong's OpenID Connect plugin", "it takes a commercial licence; the open plugin checks tokens as well"
    ),
    "ambassador": Instead(
        "Ambassador's filters", "they take a commercial licence; an open service checks tokens as well"
    ),
}


class PublicRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service stands for the outside; an environment without a host has no public route."""

    hosts: dict[str, str]  # by environment
    prefix: str  # of its paths there; the service itself does not see it


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens are trusted, and whom they must be meant for."""

    name: str
    issuer: str
    audience: str


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are checked at the gateway."""

    by: Literal["kong-jwt", "auth-service"]
    issuers: tuple[Issuer, ...]  # behind the federation where there is one; none: every token is refused
    federated: bool  # whether the gateway trusts the federation's tokens alone
    algorithms: tuple[str, ...] = ALGORITHMS
    leeway_seconds: int = LEEWAY


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A rate, and how many requests may come at once."""

    per_second: int
    burst: int


ZONES: Final[tuple[Literal["aws", "gcp"], ...]] = ("aws", "gcp")  # where a cluster may be let into a zone by its role
SIGN_IN: Final = Limit(per_second=CONSUMER_MOST, burst=CONSUMER_MOST * CONSUMER_BURST)  # each address, without a token


class RateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What all callers together, one consumer, and one address without a token may ask."""

    route: Limit
    consumer: Limit
    anonymous: Limit


class TenantRouting(msgspec.Struct, frozen=True, kw_only=True):
    """How a request says whose it is, and which claim of its token must agree."""

    by: Literal["header", "path"]
    names: tuple[str, ...]
    header: str = TENANT_HEADER  # towards the service, always set by the gateway and never taken from outside
    claim: str = TENANT_CLAIM


class Federation(msgspec.Struct, frozen=True, kw_only=True):
    """What joins several identity providers, and its issuer by environment."""

    product: Literal["dex"]
    providers: tuple[str, ...]
    issuers: dict[str, str]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How the issuer of public certificates is shown that the domain is ours, and in whose zone it lies."""

    by: Literal["http", "dns"]
    cloud: Literal["aws", "gcp"] | None = None  # by DNS: where the domain's zone lies


def public_route(profile: Profile) -> Decision[PublicRoute]:
    """Choose where the service stands in each environment that has a domain, and close every other way in."""
    environments, prefix = profile.system.environments, f"/{profile.name}"
    hosts = {name: environment.domain for name, environment in environments.items() if environment.domain}
    gateway = GATEWAYS[str(profile.system.platform.gateway)]
    places = listed([f"{host}{prefix} in {environment}" for environment, host in hosts.items()])
    return Decision(
        rule="gateway/public-through-gateway",
        topic="public route",
        answer=f"{places or 'none yet, for want of a domain'}; through {gateway} and no other way",
        because=EXPOSED(profile).because,
        value=PublicRoute(hosts=hosts, prefix=prefix),
        instead=(
            Instead("a load balancer of its own", "tokens and limits would be checked nowhere"),
            Instead(
                "a host for each service", "each would take a name, a certificate and rules for calls across origins"
            ),
        ),
    )


def authentication(profile: Profile) -> Decision[Authentication | None]:
    """Choose whose tokens get in; None where every route is declared anonymous."""
    system, open_to_all = profile.system, _open_to_all(profile)
    gateway = str(system.platform.gateway)
    made = Decision[Authentication | None](
        rule="gateway/jwt",
        topic="authentication",
        answer="none: all of its routes are anonymous",
        because="it is declared so",
        value=None,
    )
    if open_to_all and (reads := SECURE_USER_DATA(profile)).holds:
        return msgspec.structs.replace(
            made,
            answer="a list of the routes that need no token, in place of all of them",
            because=f"{reads.because}, and all of its routes are declared anonymous; until then anybody gets in",
            state="owed",
        )
    if open_to_all:
        return made
    several = SEVERAL_IDENTITY_PROVIDERS(profile)
    value = Authentication(
        by="kong-jwt" if gateway == "kong" else "auth-service",
        issuers=tuple(_issuers(system)),
        federated=several.holds,
    )
    if not value.issuers:
        return msgspec.structs.replace(
            made,
            answer="Which identity provider vouches for callers from outside?",
            because="it is exposed externally and none is declared; until then every route with a token is closed",
            value=value,
            state="unanswered",
        )
    issuer = "Dex, which joins them" if several.holds else value.issuers[0].issuer
    names = listed(list(system.identity_providers))
    return msgspec.structs.replace(
        made,
        answer=f"a signed token of {issuer}, for {listed(list(dict.fromkeys(i.audience for i in value.issuers)))}",
        because=f"it is exposed externally, and {names} {'vouch' if several.holds else 'vouches'} for its callers",
        value=value,
        instead=(
            Instead("a check in each service", "the one that forgets it stands open"),
            COMMERCIAL[gateway],
        ),
    )


def anonymous_routes(profile: Profile) -> Decision[tuple[str, ...]] | None:
    """Name the routes that need no token; None where there are none."""
    routes = profile.facts.anonymous_routes
    if not routes:
        return None
    return Decision(
        rule="gateway/jwt",
        topic="anonymous routes",
        answer=f"{listed(routes)} {'needs' if len(routes) == 1 else 'need'} no token",
        because="it is declared anonymous" if len(routes) == 1 else "they are declared anonymous",
        value=routes,
    )


def rate_limits(profile: Profile) -> Decision[RateLimits]:
    """Choose what one caller may ask, and all together, from the declared peak and the criticality."""
    traffic, level = profile.facts.traffic, profile.facts.criticality
    assert traffic is not None
    together = ceil(traffic.peak * HEAD_ROOM[level] / 100)
    each = min(CONSUMER_MOST, ceil(traffic.peak * CONSUMER_SHARE[level] / 100))
    unknown = ceil(each * ANONYMOUS_SHARE / 100)
    return Decision(
        rule="gateway/rate-limit",
        topic="rate limits",
        answer=(
            f"{together:,} request{'' if together == 1 else 's'} a second in all, {each} for each consumer "
            f"with bursts of {each * CONSUMER_BURST}, {unknown} for each address without a token; "
            "beyond that 429 and Retry-After"
        ),
        because=f"its peak is {traffic.peak:,.10g} a second, its replicas are counted to carry little more, "
        f"and its criticality is {level}",
        value=RateLimits(
            route=Limit(per_second=together, burst=together * ROUTE_BURST),
            consumer=Limit(per_second=each, burst=each * CONSUMER_BURST),
            anonymous=Limit(per_second=unknown, burst=unknown * CONSUMER_BURST),
        ),
        instead=(
            Instead("one limit for all", "one client in a loop would use it up for everybody"),
            Instead("limits in the service", "a refused request would already have reached it"),
        ),
    )


def tenants(profile: Profile) -> Decision[TenantRouting | None] | None:
    """Choose how tenants are kept apart; None where its routes are the same for all."""
    asked = ROUTED_BY_TENANT(profile)
    if not asked.holds:
        return None
    declared = profile.system.tenants
    made = Decision[TenantRouting | None](
        rule="gateway/tenant-routing",
        topic="tenants",
        answer="Which tenants are there, and does a request name its own in a header or in its path?",
        because=f"{asked.because}, and none is declared; until then it has no public route",
        value=None,
        state="unanswered",
    )
    if declared is None:
        return made
    how = f"the header {TENANT_HEADER}" if declared.by == "header" else f"the path, as /{profile.name}/<tenant>/"
    return msgspec.structs.replace(
        made,
        answer=f"by {how}, which must agree with the claim '{TENANT_CLAIM}' of the token",
        because=f"{asked.because}, and {listed(declared.names)} {'is' if len(declared.names) == 1 else 'are'} declared",
        value=TenantRouting(by=declared.by, names=declared.names),
        instead=(Instead(f"{how} alone", "a caller could name any tenant"),),
        state="decided",
    )


def exposure_order(profile: Profile) -> Decision[tuple[str, ...]] | None:
    """Choose what must be in place before the public route; None where no secure user data is reached."""
    reads = SECURE_USER_DATA(profile)
    if not reads.holds:
        return None
    return Decision(
        rule="gateway/secure-before-exposure",
        topic="exposure",
        answer="its public route is opened last, when all of security is in force",
        because=reads.because,
        value=("security",),
        instead=(Instead("all at once", "for a while the data would stand open, and nothing would show it"),),
    )


def gateway(landscape: Landscape) -> Decision[str]:
    """Choose what stands in front of public services."""
    chosen, declared = str(landscape.system.platform.gateway), landscape.declared.platform.gateway
    other = "ambassador" if chosen == "kong" else "kong"
    return Decision(
        rule="gateway/public-through-gateway",
        topic="gateway",
        answer=GATEWAYS[chosen],
        because="the facts name it"
        if declared
        else "none is declared, and its open form checks tokens and counts requests",
        value=chosen,
        instead=(NOT_THIS_GATEWAY[other],),
    )


def federation(landscape: Landscape) -> Decision[Federation] | None:
    """Choose what joins several identity providers; None where there is one, or none."""
    system = landscape.system
    names = tuple(system.identity_providers)
    if len(names) < 2:  # noqa: PLR2004 - one provider needs nothing to join it
        return None
    return Decision(
        rule="gateway/federated-identity",
        topic="federation",
        answer=f"Dex, before {listed(names)}; the gateway trusts Dex alone",
        because=f"{listed(names)} vouch for callers",
        value=Federation(
            product="dex",
            providers=names,
            issuers={
                name: f"https://{environment.domain}{FEDERATION_PATH}"
                for name, environment in system.environments.items()
                if environment.domain
            },
        ),
        instead=(
            Instead("each issuer at each route", "one route in many would get one of them wrong"),
            Instead("Keycloak", "it keeps accounts of its own as well, and takes a database to run"),
        ),
    )


def domains(landscape: Landscape) -> Iterator[Decision[str | None]]:
    """Name the domain of each environment, and ask for the one that is missing."""
    for name, environment in landscape.system.environments.items():
        yield Decision(
            rule="gateway/public-through-gateway",
            topic="domain",
            subject=f"environment {name}",
            answer=environment.domain or f"Under which domain do the public routes of {name} stand?",
            because="the facts name it"
            if environment.domain
            else "none is declared; until then it has no public route",
            value=environment.domain,
            state="decided" if environment.domain else "unanswered",
        )


def certificates(landscape: Landscape) -> Iterator[Decision[Proof]]:
    """Choose how each environment's domain is proven to the issuer of its certificate."""
    system = landscape.system
    for name, environment in system.environments.items():
        if not environment.domain:
            continue
        regions = environment.regions or tuple(system.regions)
        clouds = {system.regions[region].cloud for region in regions if region in system.regions}
        zones = [cloud for cloud in ZONES if clouds == {cloud}]
        made = Decision[Proof](
            rule="gateway/public-through-gateway",
            topic="public certificate",
            subject=f"environment {name}",
            answer="from Let's Encrypt, which asks for an answer over HTTP that only the gateway can give",
            because=f"{name} has one region",
            value=Proof(by="http"),
            instead=(Instead("proof by a record in DNS", "the cluster would need rights over the domain's zone"),),
        )
        if len(regions) > 1:
            scattered = f"each of the {len(regions)} regions has one of its own, and a request over HTTP reaches any"
            made = msgspec.structs.replace(made, because=scattered)
            if zones:
                made = msgspec.structs.replace(
                    made,
                    answer="from Let's Encrypt, which looks for a record that the region puts into the domain's zone",
                    value=Proof(by="dns", cloud=zones[0]),
                    instead=(Instead("proof over HTTP", "the question of one region would be put to another"),),
                )
            else:
                made = msgspec.structs.replace(
                    made,
                    answer="a record in the domain's zone, by whoever serves it; over HTTP until then",
                    because=f"{scattered}, and no fact tells who serves the zone",
                    instead=(),
                    state="owed",
                )
        yield made


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that the gateway asks of one service: nothing of an internal one."""
    del landscape
    if not EXPOSED(profile).holds:
        return
    made = public_route(profile), authentication(profile), anonymous_routes(profile), rate_limits(profile)
    yield from filter(None, (*made, tenants(profile), exposure_order(profile)))


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what stands in front of the system: nothing where no service is exposed."""
    if not any(EXPOSED(profile).holds for profile in landscape.services.values()):
        return
    yield gateway(landscape)
    yield from domains(landscape)
    yield from certificates(landscape)
    if (joined := federation(landscape)) is not None:
        yield joined


def _issuers(system: System) -> Iterator[Issuer]:
    for name, provider in system.identity_providers.items():
        yield Issuer(name=name, issuer=provider.issuer, audience=provider.audience or system.system)


def _open_to_all(profile: Profile) -> bool:
    """Tell whether no route of the service needs a token: a route '/**' without a method means all of them."""
    return EVERYTHING in profile.facts.anonymous_routes

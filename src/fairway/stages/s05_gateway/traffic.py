"""What the gateway tells its proxy about a service: its public route, whose tokens open it, and how often."""

from collections.abc import Iterator

import msgspec

from fairway.core.artefact import Site
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s05_gateway import decisions
from fairway.stages.s05_gateway.binding import issuers


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell all that stands between the outside and an exposed service."""
    if not profile.exposed:
        return
    placed, limits = decisions.public_route(profile), decisions.rate_limits(profile)
    wanted, open_routes = decisions.authentication(profile), decisions.anonymous_routes(profile)
    apart = decisions.tenants(profile)
    told: list[tuple[str, str, str, object]] = [
        ("prefix", placed.rule, placed.topic, placed.value.prefix),
        ("route", limits.rule, limits.topic, msgspec.to_builtins(limits.value.route)),
        ("consumer", limits.rule, limits.topic, msgspec.to_builtins(limits.value.consumer)),
        ("unknown", limits.rule, limits.topic, msgspec.to_builtins(limits.value.anonymous)),
        ("open_to_all", wanted.rule, wanted.topic, wanted.value is None),
    ]
    if wanted.value is not None:
        named = [{"issuer": one["issuer"], "audience": one["audience"]} for one in issuers(landscape, site)]
        told.append(("issuers", wanted.rule, wanted.topic, named))
    if open_routes is not None:
        told.append(("anonymous", open_routes.rule, open_routes.topic, list(open_routes.value)))
    if apart is not None and apart.value is not None:
        told.append(("tenants", apart.rule, apart.topic, list(apart.value.names)))
        told.append(("tenant_by", apart.rule, apart.topic, apart.value.by))
    for key, rule, topic, value in told:
        yield Carry(service=profile.name, rule=rule, topic=topic, path=("public", key), value=value)

"""What the gateway tells a running service: whose tokens are good, and which tenants there are."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.cluster import GATEWAY, GATEWAYS, TRUST_DOMAIN
from fairway.core.conditions import MESH
from fairway.core.once import once
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s05_gateway.decisions import authentication, federation


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell the issuers behind the gateway to every service a request may travel to, and the tenants."""
    system, name = landscape.system, profile.name
    if profile.serving and (trusted := issuers(landscape, site)):
        yield Bind(
            service=name, rule="gateway/jwt", topic="authentication", path=("identity", "issuers"), value=trusted
        )
    if system.tenants is not None:
        tenants = list(system.tenants.names)
        yield Bind(service=name, rule="gateway/tenant-routing", path=("identity", "tenants"), value=tenants)
    if profile.exposed and MESH(profile).holds:
        gateway = f"spiffe://{TRUST_DOMAIN}/ns/{GATEWAY}/sa/{GATEWAYS[str(system.platform.gateway)]}"
        yield Bind(service=name, rule="gateway/public-through-gateway", path=("identity", "gateway"), value=gateway)


def issuers(landscape: Landscape, site: Site) -> list[dict[str, object]]:
    """Name whose tokens are good behind the gateway: the federation's alone where there is one."""
    joined, found = federation(landscape), _wanted(landscape)
    if joined is None or site.environment not in joined.value.issuers:
        return list(found)
    # Behind a federation its tokens are the only ones: it has checked the providers' own.
    algorithms = found[0]["algorithms"] if found else []
    dex, audiences = joined.value.issuers[site.environment], dict.fromkeys(one["audience"] for one in found)
    return [{"issuer": dex, "audience": audience, "algorithms": algorithms} for audience in audiences]


@once
def _wanted(landscape: Landscape) -> list[dict[str, object]]:
    """Name the providers' own tokens that public services ask for; each service's binding tells them all."""
    found: list[dict[str, object]] = []
    for profile in landscape.services.values():
        wanted = authentication(profile).value if profile.exposed else None
        for issuer in wanted.issuers if wanted else ():
            algorithms = list(wanted.algorithms) if wanted else []
            one: dict[str, object] = {
                "issuer": issuer.issuer,
                "audience": issuer.audience,
                "algorithms": algorithms,
            }
            if one not in found:
                found.append(one)
    return found

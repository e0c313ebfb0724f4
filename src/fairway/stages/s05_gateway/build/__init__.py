"""What the gateway builds: what stands in front of a site, and who vouches for callers there.

The routes and checks of each public service are rendered from what the rooms tell about its traffic.
"""

from collections.abc import Iterator

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.cluster import GATEWAY, GATEWAY_LIMITS, GATEWAYS, TOKEN_CHECKER
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.build import ambassador, certificates, federation, kong, policies, token_checker
from fairway.stages.s05_gateway.build import pages as written
from fairway.stages.s05_gateway.build.dashboard import dashboard
from fairway.stages.s05_gateway.build.objects import PUBLIC, Program, namespace, program, watched
from fairway.stages.s05_gateway.decisions import federation as joined_by

COUNTER_PORT = 6379


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Render the gateway of one site; nothing where no service is public, or the environment has no domain."""
    domain = landscape.system.environments[site.environment].domain
    if domain is None or not any(profile.exposed for profile in landscape.services.values()):
        return
    yield namespace(landscape, GATEWAY, PUBLIC, "gateway")
    yield from watched(landscape, GATEWAY, PUBLIC, "gateway")
    yield from certificates.manifests(landscape, site, domain)
    if landscape.system.platform.gateway == "kong":
        yield from kong.manifests(landscape, site, domain)
    else:
        yield from ambassador.manifests(landscape, site, domain)
    yield from program(landscape, COUNTER)
    yield from federation.manifests(landscape, site, domain)
    yield from _policies(landscape, site)
    yield from dashboard(landscape)


def _policies(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Let the gateway be asked and ask, and nothing else."""
    answering = certificates.places(landscape) if certificates.proof(landscape, site).by == "http" else ()
    kong_there = landscape.system.platform.gateway == "kong"
    front = GATEWAYS[str(landscape.system.platform.gateway)]
    joined = [federation.DEX] if joined_by(landscape) else []
    yield policies.default(landscape, GATEWAY)
    for place in answering:
        yield policies.around_challenge(landscape, place)
    if kong_there:
        yield policies.around_gateway(landscape, [COUNTER, *joined], answering)
        yield from policies.around(landscape, COUNTER, [], front)
    else:
        rates, checker = ambassador.rates(landscape), token_checker.checker()
        yield policies.around_gateway(landscape, [rates, checker, *joined], answering)
        yield from policies.around(landscape, rates, [COUNTER], front)
        yield from policies.around(landscape, checker, joined, front)
        yield from policies.around(landscape, COUNTER, [], rates.name)
    for one in joined:
        yield policies.default(landscape, one.namespace)
        yield from policies.around(landscape, one, [], front, *([] if kong_there else [TOKEN_CHECKER]), outside=True)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write how the gateway is installed and its keys are changed."""
    if any(profile.exposed for profile in landscape.services.values()):
        yield from written.pages(landscape)


COUNTER = Program(
    name=GATEWAY_LIMITS,
    namespace=GATEWAY,
    image="redis",
    user=999,
    rule="gateway/rate-limit",
    topic="rate limits",
    args=(
        "redis-server",
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory",
        "96mb",
        "--maxmemory-policy",
        "allkeys-lru",
    ),
    ports={"redis": COUNTER_PORT},
    ready={"exec": {"command": ["redis-cli", "ping"]}},
    live={"tcpSocket": {"port": "redis"}},
    single="It holds counts of a minute; while it restarts, requests are let through uncounted.",
    component="cache",
    exporter="redis-exporter",
    metrics=(9121, "/metrics"),
)

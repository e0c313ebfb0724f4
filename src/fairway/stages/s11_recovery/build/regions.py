"""A page for each region: what it has of its own, and what it cannot do while it is cut off."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Page
from fairway.core.cluster import (
    FEDERATION,
    GATEWAY,
    GATEWAYS,
    GRAFANA,
    IDENTITY,
    LOGS,
    OBSERVABILITY,
    PROMETHEUS,
    SECRET_STORE,
)
from fairway.core.profile import Landscape, regions_of
from fairway.core.wording import listed
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build.objects import regions

RULE: Final = "recovery/autonomous-regions"


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write one page for each region, where there are several."""
    if decisions.autonomy(landscape) is None:
        return
    for region in regions_of(landscape.system):
        yield Page(path=f"regions/{region}.md", text=_page(landscape, region), rule=RULE)


def _page(landscape: Landscape, region: str) -> str:
    system = landscape.system
    environments = [name for name in system.environments if region in regions(landscape, name)]
    folders = listed([f"`{name}/{region}/`" for name in environments])
    first = regions_of(system)
    home = next(iter(first))
    others = listed([name for name in first if name != region])
    own = "\n".join(f"- {what}: {where}" for what, where in _own(landscape).items())
    return f"""# {region}

It is built in {folders}, a cluster of its own in each. Nothing that a request needs there is asked of another region.

## What it has of its own

{own}

## What it cannot do while it is cut off

{_cannot(landscape, region, home)}
## How to see that it stands alone

    kubectl --context {region} --namespace {system.system} get pods,externalsecrets
    kubectl --context {region} --namespace {OBSERVABILITY} get prometheuses,pods

All Pods are ready and all secrets synced while the network to {others} is cut.
The context is called as the region here; whoever names contexts otherwise puts theirs in its place.
"""


def _own(landscape: Landscape) -> dict[str, str]:
    platform = landscape.system.platform
    joined = len(landscape.system.identity_providers) > 1
    exposed = any(profile.exposed for profile in landscape.services.values())
    identity = (
        f"tokens are verified by its gateway ({GATEWAYS[str(platform.gateway)]} in `{GATEWAY}`) with keys it holds"
    )
    if joined:
        identity += f"; {FEDERATION} in `{IDENTITY}` joins the providers, one in each region"
    found = {"Identity": identity} if exposed else {}
    return found | {
        "Configuration": "ConfigMaps in its own folder, applied to its own cluster",
        "Secrets": f"the ClusterSecretStore `{SECRET_STORE}` reads the manager ({platform.secrets}) of the region",
        "Observability": f"{PROMETHEUS}, alerts, {GRAFANA} and {LOGS[str(platform.log_store)]} in `{OBSERVABILITY}`",
    }


def _cannot(landscape: Landscape, region: str, home: str) -> str:
    if region == home:
        return "Nothing: it is the region that takes writes.\n"
    lines = []
    for profile in landscape.services.values():
        decided = decisions.alone(profile)
        if decided is not None and decided.value == "reads":
            stores = [store.name for store in profile.durable_stores if store.facts.engine in decisions.ONE_WRITER]
            lines.append(
                f"- {profile.name} reads but does not write: {listed(stores)} {'is' if len(stores) == 1 else 'are'}"
                f" written in {home} until a person promotes the copy here."
            )
    return (
        "\n".join(lines) + "\n"
        if lines
        else "Nothing: no service writes to anything that only another region may change.\n"
    )

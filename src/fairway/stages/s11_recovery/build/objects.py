"""How objects of recovery are written, and which sites belong together."""

from hashlib import sha256
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import GATEWAY
from fairway.core.labels import KEPT, metadata
from fairway.core.profile import Landscape, regions_of

BALANCING: Final = "recovery/global-load-balancing"
ROUTING: Final = "recovery/global-routing"
GLOBAL: Final = "global"  # what the objects above the regions are called


def regions(landscape: Landscape, environment: str) -> tuple[str, ...]:
    """Name the regions of an environment; the first takes writes, and holds what there is only one of."""
    system = landscape.system
    spanned = system.environments[environment].regions or tuple(system.regions)
    return tuple(name for name in regions_of(system) if name in spanned) or spanned


def widest(landscape: Landscape) -> str:
    """Name the environment that recovery is tried on: the one with the most regions, the first of them."""
    return max(landscape.system.environments, key=lambda name: len(regions(landscape, name)))


def above(landscape: Landscape, site: Site) -> str | None:
    """Give the domain that a load balancer above the regions serves there; None where none stands above the site."""
    if len(regions(landscape, site.environment)) == 1:
        return None
    if not any(profile.exposed for profile in landscape.services.values()):
        return None
    return landscape.system.environments[site.environment].domain


def described(
    landscape: Landscape,
    name: str,
    namespace: str = GATEWAY,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Describe an object; one without a namespace is of the whole cluster."""
    notes = {**KEPT, **(annotations or {})} if name == GLOBAL else annotations
    given = metadata(landscape.system.system, name, labels=labels, annotations=notes)
    del given["namespace"]
    if not namespace:
        return given
    return {"name": given.pop("name"), "namespace": namespace, **given}


def platform(  # noqa: PLR0913 - all that such an object is
    kind: str, described_as: dict[str, Any], body: dict[str, Any], rule: str, topic: str, *, short: str = ""
) -> Manifest:
    """Put an object among those of the whole site; *kind* is written with its group and version before it."""
    api_version, _, name = kind.rpartition("/")
    return Manifest(
        path=f"platform/{name.lower()}-{short or described_as['name']}.yaml",
        rule=rule,
        topic=topic,
        object={"apiVersion": api_version, "kind": name, "metadata": described_as, **body},
    )


def short(text: str, longest: int) -> str:
    """Cut a name that a cloud finds too long, so that no two become one."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 9]}-{sha256(text.encode()).hexdigest()[:8]}"

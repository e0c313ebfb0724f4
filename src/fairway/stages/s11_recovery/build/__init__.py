"""What recovery builds: what stands above the regions, a control plane of one's own, and how all of it is tried out."""

from collections.abc import Iterator

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.profile import Landscape
from fairway.stages.s11_recovery.build import balancers, control_plane, regions, runbooks, simulations


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Render what one site has of it."""
    yield from balancers.manifests(landscape, site)
    yield from control_plane.manifests(landscape, site)
    yield from simulations.manifests(landscape)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write runbooks, the pages of regions, the pipeline of simulations and the files of a control plane."""
    yield from control_plane.pages(landscape)
    yield from simulations.pages(landscape)
    yield from regions.pages(landscape)
    yield from runbooks.pages(landscape)

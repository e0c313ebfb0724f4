"""What delivery builds: how versions are replaced and judged, migrations, flags, pipelines, and what carries it out."""

from collections.abc import Iterator

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.once import once
from fairway.core.parts import Part
from fairway.core.profile import Landscape
from fairway.stages.s08_delivery.build import flags, gitops, migrations, pipelines, releases, verdicts


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Attach to every service how it is replaced, in which steps, and what changes its schema before."""
    for profile in landscape.services.values():
        yield from releases.parts(profile)
        yield from migrations.parts(landscape, profile, site)
        yield from flags.mounted(profile)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build verdicts on new versions, what migrations run as, and the flags."""
    yield from _everywhere(landscape)
    for profile in landscape.services.values():
        yield from migrations.manifests(landscape, profile, site)


@once
def _everywhere(landscape: Landscape) -> Iterator[Manifest]:
    yield from flags.manifests(landscape)
    yield from releases.plugin(landscape)
    for profile in landscape.services.values():
        yield from verdicts.manifests(landscape, profile)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the pipelines, what Argo CD deploys, and the runbooks of releases, migrations and flags."""
    yield from pipelines.pages(landscape)
    yield from gitops.pages(landscape)
    yield from releases.pages(landscape)
    yield from migrations.pages(landscape)
    yield from flags.pages(landscape)

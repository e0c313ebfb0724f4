"""What security builds: accounts, policies, certificates or the mesh's rules, and what protects personal data."""

from collections.abc import Iterator

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.once import once
from fairway.core.parts import Part
from fairway.core.profile import Landscape
from fairway.stages.s07_security.build import (
    accounts,
    admission,
    certificates,
    mesh,
    personal,
    policies,
    proxy,
    runbook,
)

__all__ = ("manifests", "pages", "parts")


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Attach to every service its account, its proxy where no mesh has one, and its chores with personal data."""
    del site
    for profile in landscape.services.values():
        yield accounts.account(profile)
        yield from proxy.beside(landscape, profile)
        yield from personal.chores(profile)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build what holds for the system, and what each service has of its own."""
    yield admission.signed(landscape, site)
    yield from _everywhere(landscape)


@once
def _everywhere(landscape: Landscape) -> Iterator[Manifest]:
    yield policies.default(landscape)
    yield from certificates.authority(landscape)
    yield from mesh.rules(landscape)
    yield from policies.around_stores(landscape)
    for profile in landscape.services.values():
        yield accounts.service_account(landscape, profile)
        yield from policies.around(landscape, profile)
        yield from certificates.certificate(landscape, profile)
        yield from mesh.callers(landscape, profile)
        yield from proxy.configuration(landscape, profile)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write how a person's wishes are met, where personal data is handled."""
    yield from runbook.pages(landscape)

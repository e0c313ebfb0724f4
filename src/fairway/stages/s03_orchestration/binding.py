"""What orchestration tells a running service: where it stands, and where its disks are mounted."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s03_orchestration.build import mounts

RULE = "orchestration/configmaps-and-secrets"


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell its system, environment, region, domain and version."""
    system = landscape.system
    domain = system.environments[site.environment].domain
    told = {
        "system": system.system,
        "environment": site.environment,
        "region": site.region,
        "version": str(system.version),
    } | ({"domain": domain} if domain else {})
    for key, value in told.items():
        yield Bind(service=profile.name, rule=RULE, path=(key,), value=value)
    for name, mount in mounts(profile).items():
        yield Bind(service=profile.name, rule="orchestration/statefulset", path=("volumes", name), value=mount)

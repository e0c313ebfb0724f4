"""The public routes of one site, in the form of the gateway in front, and what the mesh checks behind it."""

from collections.abc import Iterator, Mapping

from fairway.core.artefact import Manifest, Site
from fairway.core.profile import Landscape
from fairway.targets.kubernetes import ambassador, kong, token_policies
from fairway.targets.kubernetes.public_route import Route
from fairway.targets.notes import Carried


def manifests(landscape: Landscape, site: Site, told: Mapping[str, Carried]) -> Iterator[Manifest]:
    """Render the way in to each public service; an environment without a domain has none."""
    platform, domain = landscape.system.platform, landscape.system.environments[site.environment].domain
    for service, one in told.items():
        if one.traffic.public is None or domain is None:
            continue
        route = Route(
            system=landscape.system.system,
            service=service,
            domain=domain,
            public=one.traffic.public,
            deadline=one.traffic.deadline,
            mesh=landscape.mesh,
            canary=bool(one.traffic.versions) and not landscape.mesh,
            reasons={
                key: reason
                for key in type(one.traffic.public).__struct_fields__
                if (reason := one.reason("public", key))
            },
        )
        if route.waits_for_tenants(landscape.services[service].facts.routed_by_tenant):
            continue
        if platform.gateway == "kong":
            yield from kong.manifests(route, ingress=platform.routes == "ingress")
        else:
            yield from ambassador.manifests(route)
        if landscape.mesh:
            yield from token_policies.manifests(route, str(platform.gateway))

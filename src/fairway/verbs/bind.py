"""Tell what a running service is told: its binding, from the decisions of all rooms."""

import sys
from collections.abc import Iterator
from pathlib import Path

from fairway.core.artefact import Site
from fairway.core.errors import Exit, FairwayError
from fairway.core.facts import System
from fairway.core.traffic import Traffic
from fairway.core.wording import listed
from fairway.targets.notes import binding_of, binding_text, traffic_of
from fairway.verbs.workspace import Workspace, open_system
from fairway_sdk.contract.binding import Binding


def binding(workspace: Workspace, service: str, site: Site) -> Binding:
    """Put together what a service is told on one site; `service` is in the facts."""
    landscape = workspace.landscape
    profile = landscape.services[service]
    return binding_of(service, [note for build in workspace.builders for note in build.bind(profile, landscape, site)])


def traffic(workspace: Workspace, service: str, site: Site) -> Traffic:
    """Put together what the proxies around a service are told on one site; `service` is in the facts."""
    landscape = workspace.landscape
    profile = landscape.services[service]
    return traffic_of(service, [note for build in workspace.builders for note in build.carry(profile, landscape, site)])


def sites(system: System) -> Iterator[Site]:
    """Name every cluster: each environment in each of its regions."""
    for name, environment in system.environments.items():
        for region in environment.regions or system.regions:
            yield Site(environment=name, region=region)


def binding_command(facts: Path, service: str, environment: str | None, region: str | None) -> Exit:
    """Print the binding of a service; on the first site that fits where none is named."""
    workspace = open_system(facts)
    known = workspace.landscape.services
    if service not in known:
        raise FairwayError(f"{service}: no service has this name. Name one of {listed(list(known))}.")
    every = list(sites(workspace.landscape.system))
    fitting = [site for site in every if environment in {None, site.environment} and region in {None, site.region}]
    if not fitting:
        named = listed([site.folder for site in every])
        raise FairwayError(f"{environment or 'any'}/{region or 'any'}: is no site of the system. It has {named}.")
    sys.stdout.write(binding_text(binding(workspace, service, fitting[0])))
    return Exit.CLEAN

"""Find what cannot be meant: facts that are each well formed and do not go together."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, TypeAlias

from fairway.core.completion import SESSION_STORE, participants_of, stays
from fairway.core.errors import Problem
from fairway.core.facts import Service, System, seconds
from fairway.core.products import SUITED
from fairway.core.wording import listed
from fairway.declaration.shape import KeyPath
from fairway.declaration.sources import Sources
from fairway.yaml.text import shown

LONGEST_RETENTION: Final = "100y"
LONGEST_OF_MYSQL: Final = 22  # its operator refuses a cluster with a longer name

_Fault: TypeAlias = tuple[KeyPath, str, str]
"""Where it stands, what is wrong and what to do."""


def problems(system: System, sources: Sources, *, sound: bool) -> Iterator[Problem]:
    """Find every contradiction in a *system* whose names need not be known.

    Where some facts are not *sound*, only what a service or a store without a fault says against itself is told:
    anything else could rest on a fact that was left out as faulty.
    """
    for find in (_system, _callees, _services, _stores, _implied_stores, _channels, _workflows, _doubles):
        for path, says, fix in find(system):
            by_itself = find in {_services, _stores} and len(path) > len(("section", "name"))
            if not sound and (not by_itself or sources.faulty & {path[:2], ("tenants",)}):
                continue
            file, line = sources.place(path)
            yield Problem(file=file, line=line, says=says, fix=fix)


def _system(system: System) -> Iterator[_Fault]:
    if not system.services:
        yield ("services",), "the system has no service.", "Declare one under 'services'."
    for name in system.external_systems:
        if name in system.services:
            says = f"'{name}' is both a service and an external system, so a call to it could mean either."
            yield ("external-systems", name), says, "Rename one of them."


def _callees(system: System) -> Iterator[_Fault]:
    for name, service in system.services.items():
        for callee in service.calls:
            if callee != name and callee in system.services and system.services[callee].runs == "to-completion":
                says = f"service '{name}' calls '{callee}', which runs to completion and answers no calls."
                fix = f"Let '{callee}' run continuously, or remove the call."
                yield ("services", name, "calls", callee), says, fix


def _services(system: System) -> Iterator[_Fault]:
    for name, service in system.services.items():
        here, who = ("services", name), f"service '{name}'"
        for key, says, fix in chain(_run(service), _routes(system, service), _sizes(service)):
            yield (*here, key), f"{who} {says}", fix
        mounts: dict[str, str] = {}
        for volume, facts in service.volumes.items():
            mount = (facts.mount or f"/var/lib/{volume}").rstrip("/")
            path = (*here, "volumes", volume, "mount")
            if not mount:
                yield path, f"{who} has a volume at '/', which hides its program.", "Mount it in a folder."
            elif mount in mounts:
                yield (
                    path,
                    f"{who} has the volumes '{mounts[mount]}' and '{volume}' both at {shown(mount)}.",
                    "Move one.",
                )
            mounts.setdefault(mount, volume)


def _run(service: Service) -> Iterator[tuple[str, str, str]]:
    if service.runs == "continuously":
        if service.schedule is not None:
            yield (
                "schedule",
                "has a schedule but runs continuously.",
                "Add 'runs: to-completion', or remove the schedule.",
            )
        return
    ends = "but runs to completion, so that nobody can reach it"
    if service.exposure == "external":
        yield "exposure", f"is external {ends}.", "Remove 'exposure', or 'runs'."
    if service.sessions:
        yield "sessions", f"has sessions {ends}.", "Remove 'sessions', or 'runs'."


def _routes(system: System, service: Service) -> Iterator[tuple[str, str, str]]:
    if service.exposure == "internal":
        for key, what in (
            ("anonymous-routes", service.anonymous_routes),
            ("routed-by-tenant", service.routed_by_tenant),
        ):
            if what:
                says = f"has '{key}' but is internal, so that it has no public routes."
                yield key, says, f"Add 'exposure: external', or remove '{key}'."
    elif service.routed_by_tenant and system.tenants is None:
        yield "routed-by-tenant", "is routed by tenant, and no tenants are declared.", "Declare them under 'tenants'."


def _sizes(service: Service) -> Iterator[tuple[str, str, str]]:
    traffic = service.traffic
    if traffic is not None and traffic.typical > traffic.peak:
        says = f"has {traffic.typical:g} requests a second on an ordinary day and fewer, {traffic.peak:g}, at its peak."
        yield "traffic", says, "Raise 'peak', or lower 'typical'."


def _stores(system: System) -> Iterator[_Fault]:
    used = {store for service in system.services.values() for store in service.stores}
    # The stores that are made where a service needs one and declares none can be declared to say more about them.
    used |= {f"{name}-db" for name in system.services}
    if any(service.sessions for service in system.services.values()):
        used.add(SESSION_STORE)
    for name, store in system.stores.items():
        engines = SUITED[store.workload]
        if store.engine is not None and store.engine not in engines:
            says = f"the workload of store '{name}' is {store.workload}, and {store.engine} is not made for that."
            yield ("stores", name, "engine"), says, f"Write {listed(engines, 'or')}, or another 'workload'."
        if store.engine == "mysql" and len(name) > LONGEST_OF_MYSQL:
            says = f"store '{name}' has a name of {len(name)} characters; on MySQL it may have {LONGEST_OF_MYSQL}."
            yield ("stores", name), says, "Give it a shorter one, or another engine."
        if store.retention is not None and seconds(store.retention) > seconds(LONGEST_RETENTION):
            says = f"store '{name}' has a retention of {store.retention}, more than a hundred years."
            yield ("stores", name, "retention"), says, f"Write at most {LONGEST_RETENTION}."
        if name not in used:
            fix = "Name it under 'stores' of a service, or remove it."
            yield ("stores", name), f"store '{name}' is used by no service.", fix


def _implied_stores(system: System) -> Iterator[_Fault]:
    """Find stores that stand where a service's own is made, and are of another workload."""
    participants = {name for flow in system.workflows.values() for name in participants_of(flow.participants)}
    for name, service in system.services.items():
        for needed, workload, store in (
            (name in participants or service.publishes, "transactional", f"{name}-db"),
            (service.sessions and not stays(service), "cache", SESSION_STORE),
        ):
            declared = system.stores.get(store)
            workloads = {system.stores[used].workload for used in service.stores if used in system.stores}
            if needed and workload not in workloads and declared is not None and declared.workload != workload:
                says = f"service '{name}' needs a {workload} store, and the name of its default, '{store}', is taken."
                yield ("stores", store), says, f"Name a {workload} store under its 'stores', or rename '{store}'."


def _channels(system: System) -> Iterator[_Fault]:
    publisher: dict[str, str] = {}
    consumed = {channel for service in system.services.values() for channel in service.consumes}
    for name, service in system.services.items():
        for channel in service.publishes:
            if channel in publisher:
                says = f"channel '{channel}' is published to by both '{publisher[channel]}' and '{name}'."
                fix = f"Give '{name}' a channel of its own: a channel has one publisher."
                yield ("services", name, "publishes", channel), says, fix
            publisher.setdefault(channel, name)
    for channel in system.channels:
        if channel not in publisher and channel not in consumed:
            fix = "Name it under 'publishes' or 'consumes' of a service, or remove it."
            yield ("channels", channel), f"channel '{channel}' is used by no service.", fix


def _workflows(system: System) -> Iterator[_Fault]:
    for name, flow in system.workflows.items():
        if len(takers := set(participants_of(flow.participants))) == 1:
            says = f"workflow '{name}' has all its steps in service '{takers.pop()}'; a workflow spans services."
            yield ("workflows", name), says, "Name the others, or remove it: one transaction does."
        steps: set[str] = set()
        for index, participant in enumerate(flow.participants):
            path: KeyPath = ("workflows", name, "participants", index)
            service = participant if isinstance(participant, str) else participant.service
            step = service if isinstance(participant, str) else participant.step or service
            if step in steps:
                yield path, f"workflow '{name}' has two steps named '{step}'.", "Give each a 'step' of its own."
            steps.add(step)
            if service in system.services and system.services[service].runs == "to-completion":
                says = f"workflow '{name}' has a step of '{service}', which runs to completion and answers nobody."
                yield path, says, f"Let '{service}' run continuously, or leave it out."


def _doubles(system: System) -> Iterator[_Fault]:
    issuers = ((name, provider.issuer) for name, provider in system.identity_providers.items())
    domains = ((name, place.domain) for name, place in system.environments.items() if place.domain is not None)
    yield from _twice("identity-providers", "issuer", issuers, "identity providers {} and {} both have the issuer {}.")
    yield from _twice("environments", "domain", domains, "environments {} and {} both stand under {}.")


def _twice(section: str, key: str, values: Iterable[tuple[str, str]], says: str) -> Iterator[_Fault]:
    first: dict[str, str] = {}
    for name, value in values:
        if value in first:
            yield (
                (section, name, key),
                says.format(f"'{first[value]}'", f"'{name}'", shown(value)),
                f"Change one '{key}'.",
            )
        first.setdefault(value, name)

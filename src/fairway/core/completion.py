"""What the facts leave unsaid: each gap is filled once, here, and named as an assumption."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from fairway.core.facts import (
    Cloud,
    Environment,
    Objectives,
    Platform,
    Region,
    Resources,
    Service,
    Store,
    System,
    Traffic,
    Volume,
)

SESSION_STORE: Final = "sessions"
CHOICES: Final = Platform(
    mesh="none",
    routes="gateway-api",
    gateway="kong",
    log_collector="fluent-bit",
    log_store="loki",
    secrets="vault",
    broker="nats",
    ci="github",
    flags="flagd",
    progressive="canary",
    control_plane="managed",
    registry="registry.example.com",
)
OBJECTIVES: Final = {
    "mission-critical": Objectives(availability=99.95, latency="300ms"),
    "standard": Objectives(availability=99.9, latency="500ms"),
    "low": Objectives(availability=99.5, latency="1s"),
}
TRAFFIC: Final = Traffic(typical=10, peak=50, per_replica=50)
RESOURCES: Final = Resources(cpu="250m", memory="256Mi")
STARTS_WITHIN: Final = "30s"
TRACKED: Final = frozenset({"personal", "regulated"})


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken to be so because the facts are silent."""

    subject: str  # "system", "service orders", "store orders-db"
    says: str
    because: str


class _Gaps:
    """Collects assumptions while the gaps are filled."""

    def __init__(self) -> None:
        self.assumed: list[Assumption] = []

    def assume(self, subject: str, says: str, because: str) -> None:
        self.assumed.append(Assumption(subject=subject, says=says, because=because))


def complete(system: System) -> tuple[System, tuple[Assumption, ...]]:
    """Fill the gaps of *system*; give it back whole, with what was assumed."""
    gaps = _Gaps()
    for fill in (_places, _implied_stores, _stores, _platform, _services):
        system = fill(system, gaps)
    return system, tuple(gaps.assumed)


def stays(service: Service) -> bool:
    """Tell whether the service keeps something that must survive its replica."""
    return service.retains_state or bool(own_disks(service))


def own_disks(service: Service) -> dict[str, Volume]:
    """Give the volumes that the service keeps things on: a shared read-only one is not its own."""
    return {name: volume for name, volume in service.volumes.items() if volume.access == "read-write"}


def _places(system: System, gaps: _Gaps) -> System:
    if not system.environments:
        gaps.assume("system", "one environment, production, which is secure", "no environment is declared")
        system = replace(system, environments={"production": Environment()})
    if not system.regions:
        gaps.assume("system", "one region, main, on machines of one's own", "no region is declared")
        system = replace(system, regions={"main": Region()})
    if system.version is None:
        gaps.assume("system", "images have version 0.1.0", "no version is declared")
        system = replace(system, version="0.1.0")
    return system


def _implied_stores(system: System, gaps: _Gaps) -> System:
    participants = {name for flow in system.workflows.values() for name in participants_of(flow.participants)}
    stores, services = dict(system.stores), dict(system.services)
    named = {store for service in system.services.values() for store in service.stores}

    def taken(store: str, workload: str) -> bool:
        """Tell whether a declared store has the name and is of another kind, or of another service."""
        declared = system.stores.get(store)
        return declared is not None and (declared.workload != workload or (store in named and store != SESSION_STORE))

    def imply(service: str, store: str, facts: Store, because: str) -> None:
        while taken(store, facts.workload):
            store = f"{service}-{store}"
        stores.setdefault(store, facts)
        services[service] = replace(services[service], stores=(*services[service].stores, store))
        gaps.assume(f"service {service}", f"a {facts.workload} store '{store}'", because)

    for name, service in system.services.items():
        kinds = {system.stores[store].workload for store in service.stores}
        if "transactional" not in kinds and name in participants:
            imply(name, f"{name}-db", Store(workload="transactional"), "a workflow needs one and it names none")
        elif "transactional" not in kinds and service.publishes:
            imply(name, f"{name}-db", Store(workload="transactional"), "its outbox needs one and it names none")
        if service.sessions and not stays(service) and "cache" not in kinds:
            imply(name, SESSION_STORE, Store(workload="cache"), "its sessions live outside the process")
    return replace(system, stores=stores, services=services)


def _stores(system: System, gaps: _Gaps) -> System:
    clouds = _clouds(system)
    filled = {}
    for name, store in system.stores.items():
        engine, data = store.engine, store.data
        if engine is None:
            if store.workload == "transactional":
                engine, because = "postgresql", "it is the default for transactional work"
            elif store.workload == "cache":
                engine, because = "redis", "it is the default for what may be lost"
            elif clouds == {"aws"}:
                engine, because = "dynamodb", "all regions are on AWS, where it needs no servers"
            else:
                engine, because = "cassandra", "it runs in any cloud"
            gaps.assume(f"store {name}", f"its engine is {engine}", because)
        if not data and store.workload != "cache":
            data = ("internal",)
            gaps.assume(f"store {name}", "it holds internal data only", "no class of data is declared")
        filled[name] = replace(
            store, engine=engine, data=data, size=store.size or (None if store.workload == "cache" else "10Gi")
        )
    return replace(system, stores=filled)


def _platform(system: System, gaps: _Gaps) -> System:
    chosen = {}
    for choice in CHOICES.__struct_fields__:
        if getattr(system.platform, choice) is not None:
            continue
        value, because = getattr(CHOICES, choice), "it is the default"
        if choice == "mesh" and (needing := [n for n, s in system.services.items() if network_needs(s)]):
            value, because = "istio", f"{needing[0]} needs {' and '.join(network_needs(system.services[needing[0]]))}"
        elif choice == "mesh":
            because = "no service needs routing, retries or breaking of the network"
        elif choice == "secrets" and len(clouds := _clouds(system)) == 1 and clouds != {"none"}:
            value, because = next(iter(clouds)), "all regions are on that cloud"
        chosen[choice] = value
        gaps.assume("system", f"{choice.replace('_', ' ')}: {value}", because)
    return replace(system, platform=replace(system.platform, **chosen))


def _services(system: System, gaps: _Gaps) -> System:
    reached = {callee for service in system.services.values() for callee in service.calls}
    reached |= {name for flow in system.workflows.values() for name in participants_of(flow.participants)}
    filled = {}
    for name, service in system.services.items():
        changes: dict[str, Any] = {
            "resources": _resources(service),
            "starts_within": service.starts_within or STARTS_WITHIN,
            "code": service.code or f"services/{name}",
        }
        found = (
            _owner(system, service),
            _tracing(service, reached=name in reached),
            _user_data(system, service),
            _objectives(service),
            _traffic(service),
            _per_replica(service),
            _disk(service),
        )
        for field, value, says, because in filter(None, found):
            changes[field] = value
            if says:
                gaps.assume(f"service {name}", says, because)
        filled[name] = replace(service, **changes)
    return replace(system, services=filled)


_Filling = tuple[str, Any, str, str] | None  # the field, its value, what is assumed (empty: nothing worth a word), why


def _owner(system: System, service: Service) -> _Filling:
    first = next(iter(system.owners), None)
    if service.owner is not None or first is None:
        return None
    says = f"its owner is {first}" if len(system.owners) > 1 else ""
    return "owner", first, says, "it is the first of 'owners' and the service names none"


def _tracing(service: Service, *, reached: bool) -> _Filling:
    if service.tracing is not None:
        return None
    if reached or service.calls or service.publishes or service.consumes:
        return "tracing", True, "its requests are traced", "a request or event crosses services there"
    return "tracing", False, "its requests are not traced", "nothing crosses from it to others"


def _user_data(system: System, service: Service) -> _Filling:
    if service.secure_user_data is not None:
        return None
    for store in service.stores:
        if kinds := sorted(TRACKED & set(system.stores[store].data)):
            because = f"its store {store} holds {' and '.join(kinds)} data"
            return "secure_user_data", True, "it reads secure user data", because
    return "secure_user_data", False, "", ""


def _objectives(service: Service) -> _Filling:
    declared, level = service.objectives or Objectives(), OBJECTIVES[service.criticality]
    if None not in {declared.availability, declared.latency}:
        return None
    filled = Objectives(
        availability=declared.availability or level.availability, latency=declared.latency or level.latency
    )
    says = f"{filled.availability:g} % of requests answered well, 99 of 100 within {filled.latency}"
    return "objectives", filled, says, f"that is the level of {service.criticality}"


def _traffic(service: Service) -> _Filling:
    if service.traffic is not None:
        return None
    says = f"{TRAFFIC.typical:g} requests a second, {TRAFFIC.peak:g} at peak, {TRAFFIC.per_replica:g} a replica"
    return "traffic", TRAFFIC, says, "no traffic is declared"


def _per_replica(service: Service) -> _Filling:
    if service.traffic is None or service.traffic.per_replica is not None:
        return None
    filled = replace(service.traffic, per_replica=TRAFFIC.per_replica)
    says = f"one replica carries {TRAFFIC.per_replica:g} requests a second"
    return "traffic", filled, says, "it is the default; a load test tells better"


def _disk(service: Service) -> _Filling:
    if not service.retains_state or own_disks(service):
        return None
    name, mounts = "state", {volume.mount for volume in service.volumes.values()}
    while name in service.volumes or f"/var/lib/{name}" in mounts:
        name = f"own-{name}"
    filled = {**service.volumes, name: Volume()}
    return "volumes", filled, f"a disk '{name}' of {Volume().size}", "what it retains must survive its replica"


def _resources(service: Service) -> Resources:
    wanted = service.resources or Resources()
    return Resources(cpu=wanted.cpu or RESOURCES.cpu, memory=wanted.memory or RESOURCES.memory)


def network_needs(service: Service) -> tuple[str, ...]:
    """Name what the service needs of the network itself and only a mesh can give."""
    return tuple(need.replace("-", " ") for need in service.traffic_needs if need != "rerouting")


def participants_of(participants: tuple[object, ...]) -> tuple[str, ...]:
    """Name the services of a workflow in the order of their steps."""
    return tuple(str(getattr(participant, "service", participant)) for participant in participants)


def _clouds(system: System) -> set[Cloud]:
    return {region.cloud for region in system.regions.values()}

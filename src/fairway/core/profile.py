"""One service with everything that follows from the facts of its system; what conditions and decisions read."""

from collections import deque
from typing import Final, cast

import msgspec

from fairway.core.completion import TRACKED, Assumption, complete, network_needs, own_disks, participants_of, stays
from fairway.core.facts import Channel, DataClass, Participant, Region, Service, Store, System, Volume, Workflow

GRPC_RULE: Final = "design/grpc-when-internal"  # the one rule whose waiver changes what is built


class StoreProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A store and who uses it."""

    name: str
    facts: Store
    users: tuple[str, ...]

    @property
    def durable(self) -> bool:
        """Tell whether what it holds must not be lost."""
        return self.facts.workload != "cache"


class WorkflowProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow with its steps spelt out."""

    name: str
    facts: Workflow
    steps: tuple[Participant, ...]

    @property
    def coordinator(self) -> str:
        """Name the service that starts it and drives it on."""
        return self.steps[0].service


class ChannelProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A channel with who writes to it and who reads from it."""

    name: str
    facts: Channel
    publisher: str | None
    consumers: tuple[str, ...]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A service in its system. Everything here follows from the facts."""

    name: str
    facts: Service
    system: System
    callers: tuple[str, ...]
    callees: tuple[str, ...]  # services of this system
    outside: tuple[str, ...]  # external systems it calls
    stores: tuple[StoreProfile, ...]
    workflows: tuple[WorkflowProfile, ...]
    data: frozenset[DataClass]  # handled in any way: own, in stores, on channels
    secure_user_data_through: str | None  # "" itself, a callee's name, or None where it does not reach any
    exposed: bool
    stateful: bool
    runs_to_completion: bool
    network_needs: tuple[str, ...]

    @property
    def called(self) -> bool:
        """Tell whether another service calls it."""
        return bool(self.callers)

    @property
    def serving(self) -> bool:
        """Tell whether requests reach it; a worker gets none."""
        return self.exposed or self.called

    @property
    def released_in_steps(self) -> bool:
        """Tell whether an Argo Rollout replaces its replicas, and not a Deployment."""
        return self.facts.customer_facing and not self.stateful and not self.runs_to_completion

    @property
    def grpc(self) -> bool:
        """Tell whether it speaks gRPC: to the services that call it, unless that is waived."""
        return self.called and not waives_grpc(self.system, self.name)

    @property
    def rest(self) -> bool:
        """Tell whether it speaks REST: at the edge, and inside where gRPC is waived."""
        return self.exposed or (self.called and not self.grpc)

    @property
    def foreign(self) -> bool:
        """Tell whether it is a program of any language, which the SDK does not run."""
        return self.facts.run is not None

    @property
    def durable_stores(self) -> tuple[StoreProfile, ...]:
        """Its stores that must not lose anything."""
        return tuple(store for store in self.stores if store.durable)

    @property
    def disks(self) -> dict[str, Volume]:
        """Give the disks of its own, by name."""
        return own_disks(self.facts)

    @property
    def transactional_store(self) -> str:
        """Name the store whose commits a saga or an outbox joins. Completion sees to it that one is there."""
        return next(store.name for store in self.stores if store.facts.workload == "transactional")

    @property
    def persistent(self) -> bool:
        """Tell whether it keeps data that must outlive its replicas, on its own disk or in a store."""
        return self.stateful or any(store.durable for store in self.stores)


class Landscape(msgspec.Struct, frozen=True, kw_only=True):
    """The whole system with everything that follows from its facts."""

    declared: System
    system: System  # completed: no gap left that has a default
    assumptions: tuple[Assumption, ...]
    services: dict[str, Profile]
    stores: dict[str, StoreProfile]
    channels: dict[str, ChannelProfile]
    workflows: dict[str, WorkflowProfile]

    @property
    def mesh(self) -> bool:
        """Tell whether a service mesh carries the traffic."""
        return self.system.platform.mesh == "istio"


def survey(declared: System) -> Landscape:
    """Work out everything that follows from the facts. Linear in the number of services and calls."""
    system, assumptions = complete(declared)
    callers: dict[str, list[str]] = {name: [] for name in system.services}
    users: dict[str, list[str]] = {name: [] for name in system.stores}
    publisher: dict[str, str] = {}
    consumers: dict[str, list[str]] = {name: [] for name in system.channels}
    for name, service in system.services.items():
        for callee in service.calls:
            if callee in callers:
                callers[callee].append(name)
        for store in service.stores:
            users[store].append(name)
        for channel in service.publishes:
            publisher[channel] = name
        for channel in service.consumes:
            consumers[channel].append(name)
    stores = {
        name: StoreProfile(name=name, facts=facts, users=tuple(users[name])) for name, facts in system.stores.items()
    }
    workflows = {
        name: WorkflowProfile(name=name, facts=facts, steps=tuple(map(_step, facts.participants)))
        for name, facts in system.workflows.items()
    }
    taking_part: dict[str, list[WorkflowProfile]] = {}
    for flow in workflows.values():
        for participant in dict.fromkeys(participants_of(flow.steps)):
            taking_part.setdefault(participant, []).append(flow)
    through = _secure_user_data(system, callers)
    services = {
        name: Profile(
            name=name,
            facts=service,
            system=system,
            callers=tuple(callers[name]),
            callees=tuple(callee for callee in service.calls if callee in system.services),
            outside=tuple(callee for callee in service.calls if callee in system.external_systems),
            stores=tuple(stores[store] for store in service.stores),
            workflows=tuple(taking_part.get(name, ())),
            data=_data(system, service),
            secure_user_data_through=through.get(name),
            exposed=service.exposure == "external",
            stateful=stays(service),
            runs_to_completion=service.runs == "to-completion",
            network_needs=network_needs(service),
        )
        for name, service in system.services.items()
    }
    channels = {
        name: ChannelProfile(name=name, facts=facts, publisher=publisher.get(name), consumers=tuple(consumers[name]))
        for name, facts in system.channels.items()
    }
    return Landscape(
        declared=declared,
        system=system,
        assumptions=assumptions,
        services=services,
        stores=stores,
        channels=channels,
        workflows=workflows,
    )


def regions_of(system: System) -> dict[str, Region]:
    """Give the regions that one environment spans, of the widest: regions of different environments help nobody."""
    spans = (environment.regions or tuple(system.regions) for environment in system.environments.values())
    widest = max(spans, key=len)
    return {name: system.regions[name] for name in widest}


def waives_grpc(system: System, service: str) -> bool:
    """Tell whether a service is excused from gRPC: its callers then use REST."""
    return GRPC_RULE in system.services[service].waivers or GRPC_RULE in system.waivers


def _step(participant: str | Participant) -> Participant:
    return Participant(service=participant) if isinstance(participant, str) else participant


def _data(system: System, service: Service) -> frozenset[DataClass]:
    classes = set(service.data)
    for store in service.stores:
        classes.update(system.stores[store].data)
    for channel in (*service.publishes, *service.consumes):
        classes.update(system.channels[channel].data)
    return frozenset(classes)


def _secure_user_data(system: System, callers: dict[str, list[str]]) -> dict[str, str]:
    """Follow declared calls backwards from every service that reads secure user data itself."""
    through = {name: "" for name, service in system.services.items() if service.secure_user_data}
    waiting = deque(through)
    while waiting:
        callee = waiting.popleft()
        for caller in callers[callee]:
            if caller not in through:
                through[caller] = callee
                waiting.append(caller)
    return through


def tracked(data: frozenset[DataClass]) -> tuple[DataClass, ...]:
    """Name the classes that the law looks at: personal and regulated."""
    return cast("tuple[DataClass, ...]", tuple(sorted(TRACKED & data)))

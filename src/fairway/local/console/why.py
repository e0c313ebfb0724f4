"""Why a thing is there: the decisions of the plan about one node, one way or one process."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from fairway.core.decision import Instead, State
from fairway.core.walk import PassedOver, Visit
from fairway.local.telemetry.settings import Link, Node, Settings

PROCESSES: Final = {
    "identity": (
        "vouches for callers, as your identity providers do in a cluster",
        ("gateway/federated-identity", "gateway/jwt", "security/mtls"),
    ),
    "console": (
        "gathers spans, figures and lines, and shows this page",
        ("observability/tracing", "observability/prometheus", "observability/log-pipeline"),
    ),
}


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, without the value that is for generators."""

    rule: str
    topic: str
    answer: str
    because: str
    subject: str = ""
    instead: tuple[Instead, ...] = ()
    state: State = "decided"
    of: str = ""  # the service; empty: the whole system

    @property
    def stage(self) -> str:
        """The room of its rule."""
        return self.rule.partition("/")[0]


class Assumed(msgspec.Struct, frozen=True):
    """What was taken for given."""

    subject: str
    says: str
    because: str


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """One service's way."""

    name: str
    visits: tuple[Visit, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    decisions: tuple[Reason, ...] = ()
    assumptions: tuple[Assumed, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan as far as the page tells it; anything else in the file is left out of memory."""

    system: str = ""
    stages: tuple[str, ...] = ()
    services: dict[str, Walked] = {}
    decisions: tuple[Reason, ...] = ()
    assumptions: tuple[Assumed, ...] = ()


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about one thing."""

    title: str
    says: str  # what it is, in a line
    decisions: tuple[Reason, ...] = ()
    assumptions: tuple[Assumed, ...] = ()
    visits: tuple[Visit, ...] = ()  # of a service's walk


def read_plan(text: str) -> Plan:
    """Read the plan, as JSON."""
    return msgspec.json.decode(text, type=Plan)


class Reasons:
    """Answers for one system."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        """Take what is there, and why."""
        self._settings = settings
        self._plan = plan
        self._nodes = {node.name: node for node in settings.nodes}

    def node(self, name: str) -> Why | None:
        """Tell about something on the map; none where nothing of this name is there."""
        node = self._nodes.get(name)
        if node is None:
            return None
        match node.kind:
            case "service":
                return self._service(name)
            case "store":
                return Why(
                    title=name,
                    says=f"a store of {_listed(self._users(name))}: {node.detail}",
                    decisions=tuple(self._about(f"store {name}")) or tuple(self._naming(name)),
                    assumptions=self._assumed(f"store {name}"),
                )
            case "broker":
                channels = {link.channel for link in self._settings.links if link.channel}
                found = [one for channel in sorted(channels) for one in self._about(f"channel {channel}")]
                return Why(
                    title=name,
                    says=f"{node.detail}: carries {_listed(sorted(channels))}",
                    decisions=(*self._system("broker", "broker servers"), *found),
                )
            case "outside":
                return Why(
                    title=name,
                    says="outside of the system; something plays it here",
                    decisions=tuple(self._about(f"call {name}")),
                )
            case _:
                return self._gateway()

    def way(self, source: str, target: str) -> Why | None:
        """Tell about a way between two; none where nobody declared it."""
        links = [link for link in self._settings.links if (link.source, link.target) == (source, target)]
        if not links:
            return None
        found: list[Reason] = []
        for link in links:
            found += self._link(link)
        kind = links[0].kind
        says = {
            "route": f"callers from outside reach {target} here",
            "call": f"{source} calls {target}",
            "store": f"{source} keeps data in {target}",
            "outside": f"{source} calls {target}, which is outside of the system",
            "publish": f"{source} tells {_listed([link.channel for link in links])}",
            "consume": f"{target} hears {_listed([link.channel for link in links])}",
        }[kind]
        return Why(title=f"{source} → {target}", says=says, decisions=tuple(dict.fromkeys(found)))

    def process(self, name: str) -> Why | None:
        """Tell about a process as `fairway status` names it."""
        service = self._service_of(name)
        if service:
            return self._service(service)
        if name in self._nodes:
            return self.node(name)
        if name in PROCESSES:
            says, rules = PROCESSES[name]
            return Why(title=name, says=says, decisions=tuple(one for one in self._all() if one.rule in rules))
        if engines := [node for node in self._nodes.values() if node.detail == name]:
            found = [one for node in engines for one in self._about(f"store {node.name}") if one.topic == "engine"]
            return Why(title=name, says=f"keeps {_listed([node.name for node in engines])}", decisions=tuple(found))
        return self._gateway() if name.startswith(("gateway", "mesh", "envoy")) else None

    def _service(self, name: str) -> Why:
        walked = self._plan.services.get(name, Walked(name=name))
        capability = next((one.answer for one in walked.decisions if one.topic == "capability"), "a service")
        return Why(
            title=name,
            says=capability,
            decisions=tuple(_of(name, walked.decisions)),
            assumptions=walked.assumptions,
            visits=walked.visits,
        )

    def _gateway(self) -> Why:
        rules = {"gateway", "routing"}
        own = [one for one in self._plan.decisions if one.stage in rules or one.rule == "security/mesh-mtls"]
        each = [one for one in self._all() if one.of and one.stage == "gateway"]
        return Why(
            title="gateway and mesh",
            says="the one way in, and the proxies between all services",
            decisions=(*own, *each),
        )

    def _link(self, link: Link) -> Iterator[Reason]:
        match link.kind:
            case "route":
                for one in self._of_service(link.target):
                    if one.stage == "gateway":
                        yield one
            case "call" | "outside":
                yield from self._of_service(link.source, f"call {link.target}")
                yield from self._topics(link.target, "protocol", "address", "may be called by", "identity")
            case "store":
                yield from self._of_service(link.source, f"store {link.target}")
                found = [one for one in self._plan.decisions if one.subject == f"store {link.target}"]
                yield from found or self._naming(link.target)
            case _:
                service = link.source if link.kind == "publish" else link.target
                yield from self._of_service(service, f"channel {link.channel}")
                yield from (one for one in self._plan.decisions if one.subject == f"channel {link.channel}")

    def _of_service(self, name: str, subject: str | None = None) -> Iterator[Reason]:
        walked = self._plan.services.get(name)
        for one in _of(name, walked.decisions) if walked else ():
            if subject is None or one.subject == subject:
                yield one

    def _topics(self, service: str, *topics: str) -> Iterator[Reason]:
        return (one for one in self._of_service(service) if one.topic in topics and not one.subject)

    def _system(self, *topics: str) -> tuple[Reason, ...]:
        return tuple(one for one in self._plan.decisions if one.topic in topics)

    def _about(self, subject: str) -> Iterator[Reason]:
        return (one for one in self._all() if one.subject == subject)

    def _naming(self, name: str) -> Iterator[Reason]:
        """Find decisions of the system that name something that has none of its own."""
        return (one for one in self._plan.decisions if name in re.findall(r"[\w-]+", one.answer))

    def _all(self) -> Iterator[Reason]:
        yield from self._plan.decisions
        for name, walked in self._plan.services.items():
            yield from _of(name, walked.decisions)

    def _assumed(self, subject: str) -> tuple[Assumed, ...]:
        return tuple(one for one in self._plan.assumptions if one.subject == subject)

    def _users(self, store: str) -> list[str]:
        return [link.source for link in self._settings.links if link.kind == "store" and link.target == store]

    def _service_of(self, process: str) -> str:
        """Find the service of a replica (`orders-0`) or of its job (`orders.migrate`)."""
        for name in (process.rpartition("-")[0], process.partition(".")[0], process):
            node: Node | None = self._nodes.get(name)
            if node is not None and node.kind == "service":
                return name
        return ""


def _of(service: str, decisions: Iterable[Reason]) -> Iterator[Reason]:
    return (msgspec.structs.replace(one, of=service) for one in decisions)


def _listed(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:-1]) + (" and " if len(unique) > 1 else "") + unique[-1] if unique else "nobody"

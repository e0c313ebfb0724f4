"""What the process of telemetry and console is told: where it listens, whom it asks, and how all is connected."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from fairway.core.traffic import Traffic
from fairway_sdk.contract.binding import Binding

GATEWAY = "gateway"
BROKER = "broker"

NodeKind = Literal["gateway", "service", "store", "broker", "outside"]
LinkKind = Literal["route", "call", "store", "publish", "consume", "outside"]


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all parts share: a setting that nobody knows is an error."""


class Node(Told, frozen=True, kw_only=True):
    """Something on the map."""

    name: str
    kind: NodeKind
    detail: str = ""  # a store's engine, a broker's product


class Link(Told, frozen=True, kw_only=True):
    """A way between two of them that was decided."""

    source: str
    target: str
    kind: LinkKind
    channel: str = ""  # of events


class Scraped(Told, frozen=True, kw_only=True):
    """A replica whose metrics are read."""

    replica: str
    service: str
    address: str  # of its admin side: unix:/path or host:port
    path: str = "/metrics"


class Operated(Told, frozen=True, kw_only=True):
    """How an operator's command of the SDK is run in a service's place: `command`, its words, `module`."""

    command: tuple[str, ...]  # ends with `-m fairway_sdk`
    module: str  # orders.service:service
    cwd: str
    variables: dict[str, str]  # beside those of the process that runs it


class Shown(Told, frozen=True, kw_only=True):
    """What was decided, for people to look at."""

    plan: str = "{}"  # as `fairway plan --format json` writes it
    walk: str = ""  # likewise, as a line map: an SVG
    tries: tuple[str, ...] = ()  # lines to paste; {gateway} is its URL until that is known
    objectives: dict[str, dict[str, Any]] = {}  # by service: what its alerts are made of


class Settings(Told, frozen=True, kw_only=True):
    """All of it."""

    system: str
    folder: str  # of fairway.yaml
    listen: str  # host:port of the page
    collector: str  # host:port where OTLP over HTTP is taken
    key: str  # path of the file with the key of the page
    logs: str  # folder: a file `<process>.log` for each process
    proxies: dict[str, str]  # sockets of Envoy's administration, by the proxy's name
    access_log: str  # path; empty: nothing carries the traffic
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    scraped: tuple[Scraped, ...] = ()
    regions: dict[str, str] = {}  # by replica, where there are several
    operated: dict[str, Operated] = {}  # by service
    prometheus: str = ""  # host:port, where one runs
    alertmanager: str = ""
    shown: Shown = Shown()


def nodes(
    traffic: Mapping[str, Traffic], bindings: Mapping[str, Binding], outside: Iterable[str], *, gateway: bool
) -> Iterator[Node]:
    """Draw everything that is there; *bindings* by service."""
    if gateway and any(one.public for one in traffic.values()):
        yield Node(name=GATEWAY, kind="gateway")
    for name in bindings:
        yield Node(name=name, kind="service")
    stores = {name: store.kind for binding in bindings.values() for name, store in binding.stores.items()}
    for name, kind in stores.items():
        yield Node(name=name, kind="store", detail=kind)
    brokers = {binding.broker.kind for binding in bindings.values() if binding.broker is not None}
    for broker in sorted(brokers):
        yield Node(name=BROKER, kind="broker", detail=broker)
    for name in outside:
        yield Node(name=name, kind="outside")


def links(traffic: Mapping[str, Traffic], bindings: Mapping[str, Binding], *, gateway: bool) -> Iterator[Link]:
    """Draw every way that was decided, between what is there."""
    for name, binding in bindings.items():
        if gateway and traffic[name].public:
            yield Link(source=GATEWAY, target=name, kind="route")
        for callee in binding.calls:
            yield Link(source=name, target=callee, kind="call" if callee in traffic else "outside")
        for store in binding.stores:
            yield Link(source=name, target=store, kind="store")
        for channel in binding.publishes:
            yield Link(source=name, target=BROKER, kind="publish", channel=channel)
        for channel in binding.consumes:
            yield Link(source=BROKER, target=name, kind="consume", channel=channel)

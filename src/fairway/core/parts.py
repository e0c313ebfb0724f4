"""Inert notes that rooms attach to a service's workload; a target turns them into manifests.

Two rooms may say the same thing about one place, but not different things.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from fairway.core.artefact import Reason
from fairway.core.errors import BadRegistryError

ProbeKind = Literal["startup", "liveness", "readiness"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A note on one service's workload, and the rule and decision that it serves."""

    service: str
    rule: str
    topic: str = ""

    @property
    def reason(self) -> Reason:
        """Say why the note is there."""
        return Reason(rule=self.rule, topic=self.topic)

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return type(self).__name__.lower()


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A disk that each replica keeps for itself."""

    name: str
    size: str
    mount: str
    shared: bool = False  # one disk for all replicas, read-only


class Workload(Part, frozen=True, kw_only=True):
    """What runs: its kind, size and number."""

    kind: Literal["Deployment", "StatefulSet", "Job", "CronJob"]
    replicas: int | None  # None where an autoscaler decides
    requests: dict[str, str]
    limits: dict[str, str]
    apart: Literal["machines", "zones"] | None  # of what a replica waits rather than share one
    schedule: str | None = None
    deadline_seconds: int | None = None  # for what runs to completion
    volumes: tuple[Volume, ...] = ()
    labels: dict[str, str] = {}  # of the object, for people and audits
    notes: dict[str, str] = {}  # annotations of the object

    @property
    def ends(self) -> bool:
        """Tell whether it runs to completion."""
        return self.kind in {"Job", "CronJob"}


class Image(Part, frozen=True, kw_only=True):
    """What the container is started from, and as whom."""

    name: str
    user: int
    group: int


class Rolling(Part, frozen=True, kw_only=True):
    """How replicas are replaced by a new version, and how one takes its leave."""

    surge: str
    unavailable: int
    ready_seconds: int  # before a new replica counts
    drain_seconds: int  # it goes on serving before it is told to end, until callers have heard
    grace_seconds: int  # in all, before it is killed


class Deadline(Part, frozen=True, kw_only=True):
    """When a replacement has failed, and how many versions can be gone back to."""

    seconds: int
    versions_kept: int


class Release(Part, frozen=True, kw_only=True):
    """An Argo Rollout runs the workload's template in steps: its strategy, as Argo writes it."""

    strategy: dict[str, Any]
    doors: tuple[str, ...] = ()  # further Services that lead to one of the versions alone, as <service>-<door>


class Partition(Part, frozen=True, kw_only=True):
    """How many replicas of a StatefulSet meet a new version first; the others wait until somebody moves on."""

    first: int


class Migration(Part, frozen=True, kw_only=True):
    """What brings its stores' schema to what the code needs, before the new version starts."""

    words: tuple[str, ...]
    secrets: str  # the Secret with the credentials that may change the schema
    deadline_seconds: int


class Account(Part, frozen=True, kw_only=True):
    """The ServiceAccount that it runs under."""

    name: str


class Files(Part, frozen=True, kw_only=True):
    """Files that its container finds in a folder, read-only: the volume's source as Kubernetes writes it."""

    name: str
    folder: str
    source: dict[str, Any]

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"files {self.name}"


class Sidecar(Part, frozen=True, kw_only=True):
    """A program that starts before the container and ends after it: a native sidecar, as Kubernetes writes it."""

    name: str
    position: int  # in the start order
    container: dict[str, Any]
    volumes: tuple[dict[str, Any], ...] = ()
    shared: tuple[dict[str, Any], ...] = ()  # mounts of these volumes in the service's own container

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"sidecar {self.name}"


class Chore(Part, frozen=True, kw_only=True):
    """Something that is run in the service's name now and then: its image and settings, with other words."""

    name: str  # the object is called <service>-<name>
    words: tuple[str, ...]
    schedule: str
    suspended: bool = False  # started by hand only
    deadline_seconds: int = 3600

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"chore {self.name}"


class Port(Part, frozen=True, kw_only=True):
    """A port the container listens on."""

    name: str
    number: int

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"port {self.name}"


class Probe(Part, frozen=True, kw_only=True):
    """How to ask the container whether it is well."""

    kind: ProbeKind
    path: str  # empty: whether it takes a connection will do
    port: str | int
    period_seconds: int
    timeout_seconds: int
    failures: int

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"{self.kind} probe"


class Setting(Part, frozen=True, kw_only=True):
    """A value that may differ by environment; the container finds it as a file of that name."""

    name: str
    value: str

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"setting {self.name}"


class Variable(Part, frozen=True, kw_only=True):
    """A variable of its container. Where it has any, its settings are variables, too, and no files."""

    name: str
    value: str | dict[str, Any]  # or where it is looked up, as Kubernetes writes it

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"variable {self.name}"


class Command(Part, frozen=True, kw_only=True):
    """The words that start the container, where its image does not say them."""

    words: tuple[str, ...]


class Note(Part, frozen=True, kw_only=True):
    """One thing that somebody is told about a service: a value at a path."""

    told: ClassVar[str] = ""
    path: tuple[str, ...]
    value: Any

    @property
    def place(self) -> str:
        """Name what only one note may say about a service."""
        return f"{self.told} {'.'.join(self.path)}"


class Bind(Note, frozen=True, kw_only=True):
    """One thing that the running service is told, spelled as in its binding."""

    told = "binding"


class Carry(Note, frozen=True, kw_only=True):
    """One thing that the proxies around a service are told."""

    told = "traffic"


Kind = TypeVar("Kind", bound=Part)


class Attached:
    """The parts of one service, by kind."""

    def __init__(self, service: str, parts: Iterable[Part]) -> None:
        """Take the parts that were attached to *service*."""
        self.service = service
        self.parts = tuple(parts)

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Give the parts of one kind, in the order of the rooms."""
        return [part for part in self.parts if isinstance(part, kind)]

    def one(self, kind: type[Kind]) -> Kind:
        """Give the one part of a kind that every workload has."""
        for part in self.parts:
            if isinstance(part, kind):
                return part
        raise BadRegistryError(f"No room gives {self.service} a part {kind.__name__}. Let one of them build it.")


def merge(parts: Iterable[Part]) -> tuple[Attached, ...]:
    """Group parts by service; refuse two that say different things about one place."""
    said: dict[tuple[str, str], Part] = {}
    grouped: dict[str, list[Part]] = {}
    for part in parts:
        before = said.setdefault((part.service, part.place), part)
        if before is part:
            grouped.setdefault(part.service, []).append(part)
        elif _content(before) != _content(part):
            raise BadRegistryError(
                f"{before.rule} and {part.rule} both set the {part.place} of {part.service}. Let one of them decide."
            )
    return tuple(Attached(service, found) for service, found in grouped.items())


def _content(part: Part) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(part).items() if name not in {"rule", "topic"}}

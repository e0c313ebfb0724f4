"""The facts: every word of fairway.yaml, with its type, its default and the sentence that explains it."""

from datetime import date
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

NAME_PATTERN = r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"
DURATION_PATTERN = r"^[1-9][0-9]{0,8}(ms|s|m|h|d|y)$"

Name = Annotated[
    str, Meta(pattern=NAME_PATTERN, description="Lower-case letters, digits and '-', 40 at most, a letter first.")
]
Duration = Annotated[
    str, Meta(pattern=DURATION_PATTERN, description="A number and its unit: 300ms, 5s, 10m, 4h, 30d, 7y.")
]
Size = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,8}(Mi|Gi|Ti)$", description="A size in binary units: 512Mi, 20Gi, 2Ti.")
]
Cpu = Annotated[
    str, Meta(pattern=r"^([1-9][0-9]{0,8}m|[1-9][0-9]{0,5}(\.[0-9])?|0\.[1-9])$", description="CPUs: 250m, 0.5, 2.")
]
Words = Annotated[str, Meta(min_length=1, max_length=500)]
PATH_PATTERN = r"^(?!/)(?!.*\.\.)[^\x00-\x1f\x7f]+$"
RelativePath = Annotated[
    str, Meta(pattern=PATH_PATTERN, description="A path below the file's folder: no leading '/', no '..'.")
]
Host = Annotated[
    str,
    Meta(
        pattern=r"^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        description="A host name.",
    ),
]

AbsolutePath = Annotated[str, Meta(pattern="^/", description="A path that starts with '/'.")]
Route = Annotated[
    str,
    Meta(
        pattern=r"^((GET|HEAD|POST|PUT|PATCH|DELETE) )?/\S*$",
        description="A path, with its method where it is only one: GET /books.",
    ),
]
CronLine = Annotated[
    str, Meta(pattern=r"^(\S+ ){4}\S+$", description="Five fields: minute, hour, day, month, weekday.")
]
Issuer = Annotated[str, Meta(pattern=r"^https://\S+$", description="A URL that starts with https://.")]
Tag = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][-._0-9A-Za-z]{0,62}$", description="A version such as 1.4.0.")]
Arn = Annotated[str, Meta(pattern=r"^arn:aws[-a-z]*:elasticloadbalancing:\S{1,200}$", description="An ARN of AWS.")]
Registry = Annotated[
    str, Meta(pattern=r"^[a-z0-9]([-a-z0-9.:/_]*[a-z0-9])?$", description="A host and path without a scheme.")
]
Tries = Annotated[int, Meta(ge=1, le=100, description="A whole number from 1 to 100.")]
Percent = Annotated[float, Meta(ge=90, lt=100, description="A percentage from 90 to below 100, without the sign.")]
Rate = Annotated[float, Meta(gt=0, le=10_000_000, description="A number above 0.")]

DataClass = Literal["public", "internal", "personal", "regulated"]
Cloud = Literal["aws", "gcp", "azure", "none"]
Criticality = Literal["mission-critical", "standard", "low"]
TrafficNeed = Literal["advanced-routing", "retries", "circuit-breaking", "rerouting"]
WhenDown = Literal["fail", "cached", "skip", "queue"]
Engine = Literal["postgresql", "mysql", "cassandra", "dynamodb", "redis"]
Workload = Literal["transactional", "write-heavy", "cache"]
Consistency = Literal["strong", "eventual"]


class Facts(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything that can be declared: immutable, and keys are spelled with '-'."""


class Waiver(Facts, frozen=True):
    """A rule that a service need not keep for now."""

    reason: Annotated[Words, Meta(description="Why the rule is not kept.")]
    owner: Annotated[Name, Meta(description="Who answers for it; one of 'owners'.")]
    expires: Annotated[
        date, Meta(description="The last day it holds, as 2027-01-31. After it, the waiver is a finding.")
    ]


class Call(Facts, frozen=True):
    """One service calling another, or a system outside."""

    essential: Annotated[bool, Meta(description="Whether the caller can do nothing useful without an answer.")] = True
    idempotent: Annotated[
        bool, Meta(description="Whether the same call twice has the effect of one. Only then is it retried.")
    ] = False
    when_down: Annotated[
        WhenDown | None,
        Meta(description="What the caller does while the other is down: fail, serve cached data, skip, or queue."),
    ] = None
    timeout: Annotated[
        Duration | None, Meta(description="How long the caller waits. Default: from its latency objective.")
    ] = None


class Volume(Facts, frozen=True):
    """A disk of the service's own."""

    size: Annotated[Size, Meta(description="How much it holds.")] = "10Gi"
    access: Annotated[
        Literal["read-write", "shared-read-only"],
        Meta(description="A read-write volume is retained state; a shared read-only one is not."),
    ] = "read-write"
    mount: Annotated[
        AbsolutePath | None, Meta(description="Where the service sees it. Default: /var/lib/<volume>.")
    ] = None


class Traffic(Facts, frozen=True):
    """Requests or events a second."""

    typical: Annotated[Rate, Meta(description="On an ordinary day.")]
    peak: Annotated[Rate, Meta(description="At the busiest minute of the year.")]
    per_replica: Annotated[Rate | None, Meta(description="What one replica carries. Default: 50.")] = None


class Objectives(Facts, frozen=True):
    """What its users are promised."""

    availability: Annotated[
        Percent | None, Meta(description="Percent of requests answered well, over 30 days: 99.9.")
    ] = None
    latency: Annotated[Duration | None, Meta(description="What 99 of 100 requests stay under.")] = None


class Resources(Facts, frozen=True):
    """What one replica needs."""

    cpu: Annotated[Cpu | None, Meta(description="CPUs it asks for.")] = None
    memory: Annotated[Size | None, Meta(description="Memory it asks for, and may not exceed.")] = None


class Run(Facts, frozen=True):
    """How a program starts without the SDK. Its words may hold {address}, {host}, {port} and {data}, its own folder."""

    command: Annotated[
        tuple[Words, ...],
        Meta(min_length=1, description="The program and its words. It listens at HOST and PORT."),
    ]
    folder: Annotated[
        RelativePath | None, Meta(description="Where it starts. Default: the code's, or this file's.")
    ] = None
    ready: Annotated[AbsolutePath | None, Meta(description="Tells whether it is ready. Default: it listens.")] = None
    live: Annotated[AbsolutePath | None, Meta(description="Fails where it hangs. Default: it listens no more.")] = None
    migrate: Annotated[tuple[Words, ...], Meta(description="Runs before it, and may change its stores' schema.")] = ()


class Service(Facts, frozen=True):
    """One deployable program with one business capability."""

    capability: Annotated[
        Words | None, Meta(description="The one thing the business has it for, shared with no other service.")
    ] = None
    owner: Annotated[Name | None, Meta(description="The team that answers for it. Default: the first of 'owners'.")] = (
        None
    )
    exposure: Annotated[
        Literal["internal", "external"], Meta(description="Whether anyone outside the system may reach it.")
    ] = "internal"
    anonymous_routes: Annotated[
        tuple[Route, ...],
        Meta(
            description="Public routes that need no token, as 'GET /books/*': '*' and '{name}' are one part of a path,"
            " '**' is any number of parts, and '/**' without a method is every route."
        ),
    ] = ()
    routed_by_tenant: Annotated[bool, Meta(description="Whether its public routes differ by tenant.")] = False
    calls: Annotated[dict[Name, Call], Meta(description="The services and outside systems it calls.")] = {}
    sessions: Annotated[bool, Meta(description="Whether its users have sessions.")] = False
    retains_state: Annotated[bool, Meta(description="Whether something in its process must survive its replica.")] = (
        False
    )
    volumes: Annotated[dict[Name, Volume], Meta(description="Disks of its own.")] = {}
    stores: Annotated[tuple[Name, ...], Meta(description="The declared stores it uses.")] = ()
    data: Annotated[
        tuple[DataClass, ...], Meta(description="Classes of data that it handles beyond what its stores hold.")
    ] = ()
    secure_user_data: Annotated[
        bool | None,
        Meta(description="Whether it reads secure user data itself. Default: by what its stores hold."),
    ] = None
    publishes: Annotated[tuple[Name, ...], Meta(description="Channels whose events it publishes.")] = ()
    consumes: Annotated[tuple[Name, ...], Meta(description="Channels whose events it handles.")] = ()
    secrets: Annotated[
        tuple[Name, ...], Meta(description="Names of secrets it uses at run time, never their values.")
    ] = ()
    keeps_secrets_for_others: Annotated[
        bool, Meta(description="Whether it keeps secrets on behalf of people or other systems.")
    ] = False
    flags: Annotated[tuple[Name, ...], Meta(description="Feature flags it reads.")] = ()
    configured_at_run_time: Annotated[
        bool,
        Meta(description="Whether its configuration is read from its surroundings after it starts, routes included."),
    ] = False
    sidecars: Annotated[
        dict[Name, Literal["included", "deferred"]],
        Meta(description="Programs that run beside it: set up with it, or after routing is settled."),
    ] = {}
    traffic_needs: Annotated[
        tuple[TrafficNeed, ...], Meta(description="What it needs of the network itself, not of client libraries.")
    ] = ()
    criticality: Annotated[Criticality, Meta(description="What it costs when it is down.")] = "standard"
    customer_facing: Annotated[bool, Meta(description="Whether customers notice when it fails.")] = False
    tracing: Annotated[
        bool | None,
        Meta(description="Whether its requests are traced. Default: yes where a request or event crosses services."),
    ] = None
    runs: Annotated[
        Literal["continuously", "to-completion"], Meta(description="Whether it serves on and on, or ends.")
    ] = "continuously"
    schedule: Annotated[CronLine | None, Meta(description="When it runs to completion: a cron line.")] = None
    starts_within: Annotated[Duration | None, Meta(description="How long it may take to start. Default: 30s.")] = None
    traffic: Annotated[Traffic | None, Meta(description="How much it is asked to do.")] = None
    objectives: Annotated[
        Objectives | None, Meta(description="What its users are promised. Default: by criticality.")
    ] = None
    resources: Annotated[Resources | None, Meta(description="What one replica needs. Default: 250m and 256Mi.")] = None
    code: Annotated[RelativePath | None, Meta(description="The folder of its source. Default: services/<name>.")] = None
    run: Annotated[
        Run | None, Meta(description="How 'fairway up' starts it. Default: by the SDK, as <name>.service:service.")
    ] = None
    waivers: Annotated[dict[str, Waiver], Meta(description="Rules it need not keep for now, by rule id.")] = {}


class Recovery(Facts, frozen=True):
    """How much may be lost, and how long it may take to be back."""

    point: Annotated[Duration | None, Meta(description="The newest data that may be lost (RPO).")] = None
    time: Annotated[Duration | None, Meta(description="How soon it answers again (RTO).")] = None


class Store(Facts, frozen=True):
    """A database or cache."""

    workload: Annotated[Workload, Meta(description="What is done with it. A cache may be lost at any time.")]
    engine: Annotated[Engine | None, Meta(description="Default: by workload.")] = None
    data: Annotated[tuple[DataClass, ...], Meta(description="Classes of data it holds. Default: internal.")] = ()
    retention: Annotated[Duration | None, Meta(description="How long personal or regulated data is kept.")] = None
    recovery: Annotated[
        Recovery | None, Meta(description="Recovery objectives. Default: by criticality of its users.")
    ] = None
    size: Annotated[Size | None, Meta(description="How much it holds. Default: 10Gi.")] = None


class Participant(Facts, frozen=True):
    """One step of a workflow."""

    service: Annotated[Name, Meta(description="Who takes the step.")]
    step: Annotated[Name | None, Meta(description="What it does. Default: the service's name.")] = None
    undo: Annotated[
        Name | None, Meta(description="What takes it back. A step that cannot be taken back stands last.")
    ] = None


class Workflow(Facts, frozen=True):
    """A piece of business that spans services."""

    participants: Annotated[
        tuple[Name | Participant, ...], Meta(min_length=2, description="In order; the first one coordinates.")
    ]
    consistency: Annotated[
        Consistency | None, Meta(description="strong: all steps or none. eventual: the parts may disagree for a while.")
    ] = None


class Channel(Facts, frozen=True):
    """A stream of events with one publisher."""

    ordered_by: Annotated[Words | None, Meta(description="The field whose events must be handled in order.")] = None
    data: Annotated[
        tuple[DataClass, ...], Meta(description="Classes of data that its events carry. Default: internal.")
    ] = ()
    tries: Annotated[Tries | None, Meta(description="Attempts before an event is parked. Default: by criticality.")] = (
        None
    )


class Flag(Facts, frozen=True):
    """A switch in the code that is thrown without a release."""

    owner: Annotated[Name, Meta(description="Who removes it; one of 'owners'.")]
    expires: Annotated[date, Meta(description="When it must be gone.")]
    default: Annotated[bool, Meta(description="Its state until somebody throws it.")] = False


class IdentityProvider(Facts, frozen=True):
    """Who vouches for the people that call from outside."""

    issuer: Annotated[Issuer, Meta(description="The issuer as it stands in its tokens.")]
    audience: Annotated[
        Words | None, Meta(description="The audience its tokens must name. Default: the system's name.")
    ] = None


class Tenants(Facts, frozen=True):
    """Customers that must never see one another."""

    names: Annotated[tuple[Name, ...], Meta(min_length=1, description="Their names.")]
    by: Annotated[Literal["header", "path"], Meta(description="How a request says whose it is.")] = "header"


class Environment(Facts, frozen=True):
    """A place where the whole system runs."""

    secure: Annotated[bool, Meta(description="Whether only scanned images may run there.")] = True
    domain: Annotated[Host | None, Meta(description="The host name that the public routes stand under.")] = None
    regions: Annotated[tuple[Name, ...], Meta(description="Its regions. Default: all.")] = ()
    entrances: Annotated[dict[Name, Arn], Meta(description="On AWS: the load balancer of each further region.")] = {}


class Region(Facts, frozen=True):
    """A place that fails on its own."""

    cloud: Annotated[Cloud, Meta(description="Whose machines they are; 'none' for one's own.")] = "none"


class ExternalSystem(Facts, frozen=True):
    """Something outside that services call."""

    host: Annotated[Host, Meta(description="Its host name.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 443
    stand_in: Annotated[Run | None, Meta(description="What 'fairway up' runs in its place. Default: nothing.")] = None


class Platform(Facts, frozen=True):
    """Choices for the whole system. Each has a default that `fairway plan` shows as an assumption."""

    mesh: Annotated[
        Literal["istio", "none"] | None, Meta(description="Default: istio where a service needs it of the network.")
    ] = None
    routes: Annotated[
        Literal["gateway-api", "ingress"] | None, Meta(description="The form of public routes without a mesh.")
    ] = None
    gateway: Annotated[
        Literal["kong", "ambassador"] | None, Meta(description="What stands in front of public services.")
    ] = None
    log_collector: Annotated[Literal["fluent-bit", "fluentd"] | None, Meta(description="What collects logs.")] = None
    log_store: Annotated[Literal["loki", "elasticsearch"] | None, Meta(description="Where logs go.")] = None
    secrets: Annotated[Literal["vault", "aws", "gcp", "azure"] | None, Meta(description="The secrets manager.")] = None
    broker: Annotated[Literal["nats", "kafka", "rabbitmq"] | None, Meta(description="What carries events.")] = None
    ci: Annotated[Literal["github", "gitlab"] | None, Meta(description="Where pipelines run.")] = None
    flags: Annotated[Literal["flagd", "none"] | None, Meta(description="The central flag system.")] = None
    progressive: Annotated[
        Literal["canary", "blue-green"] | None, Meta(description="How customer-facing services are released.")
    ] = None
    control_plane: Annotated[
        Literal["managed", "kubeadm", "cluster-api"] | None, Meta(description="Who runs the Kubernetes control plane.")
    ] = None
    registry: Annotated[Registry | None, Meta(description="Where images are pushed.")] = None


class System(Facts, frozen=True):
    """Everything that is declared about one system."""

    system: Annotated[Name, Meta(description="Its name.")]
    version: Annotated[Tag | None, Meta(description="Version of its images.")] = None
    include: Annotated[
        tuple[RelativePath, ...], Meta(description="Other files of facts, beside or below this one.")
    ] = ()
    owners: Annotated[dict[Name, Words], Meta(description="Teams, and where each is reached.")] = {}
    environments: Annotated[dict[Name, Environment], Meta(description="Default: production.")] = {}
    regions: Annotated[dict[Name, Region], Meta(description="Default: one, called main.")] = {}
    failover_depends_on_kubernetes: Annotated[
        bool, Meta(description="Whether recovering from a failure relies on Kubernetes itself moving things.")
    ] = False
    platform: Platform = Platform()
    identity_providers: Annotated[
        dict[Name, IdentityProvider], Meta(description="Who vouches for callers from outside.")
    ] = {}
    tenants: Tenants | None = None
    external_systems: Annotated[dict[Name, ExternalSystem], Meta(description="What is called outside.")] = {}
    services: Annotated[dict[Name, Service], Meta(description="The programs.")] = {}
    stores: Annotated[dict[Name, Store], Meta(description="The databases and caches.")] = {}
    channels: Annotated[dict[Name, Channel], Meta(description="The streams of events.")] = {}
    workflows: Annotated[dict[Name, Workflow], Meta(description="The business that spans services.")] = {}
    flags: Annotated[dict[Name, Flag], Meta(description="The feature flags.")] = {}
    waivers: Annotated[
        dict[str, Waiver], Meta(description="Rules that the whole system need not keep for now, by rule id.")
    ] = {}
    tries: Annotated[tuple[Words, ...], Meta(description="What to try; holds {gateway}, {fairway}, {folder}.")] = ()


def json_schema() -> dict[str, Any]:
    """Describe fairway.yaml as a JSON Schema for editors."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": "fairway.yaml", **msgspec.json.schema(System)}


_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}


@cache
def seconds(duration: str) -> float:
    """Tell how many seconds a declared duration is: '5m' is 300."""
    unit = duration.lstrip("0123456789")
    return int(duration[: -len(unit)]) * _SECONDS[unit]

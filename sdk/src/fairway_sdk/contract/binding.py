"""What a deployment tells a service about its place in the system: whom it may call and how, its stores, its limits.

Written as `binding.json` beside the configuration by whatever runs the service, read once at the start by the SDK.
Durations are seconds. An address is `host:port` or `unix:/absolute/path`. A `secret` is the name of a file among the
secrets, never a value: a binding may be printed.
"""

from typing import Literal

from msgspec import Struct

WhenDown = Literal["fail", "cached", "skip", "queue"]
Protocol = Literal["rest", "grpc", "tcp"]
StoreKind = Literal["postgresql", "mysql", "sqlite", "redis", "dynamodb", "cassandra"]
BrokerKind = Literal["nats", "kafka", "rabbitmq", "redis", "memory"]


class Bound(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of a binding share: kebab-case keys, and a misspelt key is an error."""


class Listen(Bound, frozen=True, kw_only=True):
    """Where the service listens; loopback unless the deployment says otherwise."""

    rest: str = "127.0.0.1:8080"
    grpc: str = "127.0.0.1:8081"
    admin: str = "127.0.0.1:9000"


class Retries(Bound, frozen=True, kw_only=True):
    """How often something is tried in all, and the pauses between: doubling, with jitter."""

    tries: int = 3
    first_pause: float = 0.1
    longest_pause: float = 2.0


class Breaker(Bound, frozen=True, kw_only=True):
    """When calls are stopped: after so many failures in a row, for so long; then one call is let through to see."""

    failures: int = 5
    pause: float = 10.0


class Call(Bound, frozen=True, kw_only=True):
    """One declared call to another service, or to a system outside."""

    address: str
    protocol: Protocol = "grpc"
    idempotent: bool = False
    timeout: float = 1.0  # for all tries together
    retries: Retries | None = None  # none where the mesh retries, or where a second call would have a second effect
    breaker: Breaker = Breaker()
    at_once: int = 16  # calls in flight from this replica; the next is refused
    when_down: WhenDown = "fail"
    stale: float = 600.0  # the age up to which an older answer will do, where when-down is cached
    cache: str | None = None  # the store of older answers; the process's memory where there is none
    tls: bool = False  # where no mesh adds it and the callee is outside
    internal: bool = False  # a service of this system: it is told who is calling, by their own token


class Store(Bound, frozen=True, kw_only=True):
    """One store and how to reach it."""

    kind: StoreKind
    address: str = ""  # of DynamoDB: its URL, or empty for the cloud's own
    database: str = ""  # or keyspace, or path of the file, or prefix of table names
    region: str = ""  # of DynamoDB and Cassandra's nearest data centre
    user: str = ""
    user_secret: str = ""  # the user's name, where that is a secret, too
    password_secret: str = ""
    tls: bool = False
    tls_authority: str = ""  # path of the certificate authority's file; empty: the operating system's
    connections: int = 5  # from this replica at most
    shared: bool = False  # with other services, as the keyring is: not for tables of the service's own
    follows: bool = False  # of a store that another region writes: only read here, until somebody promotes it
    connect_timeout: float = 5.0  # until a connection is there: a free one of these, or a new one
    answer_timeout: float = 10.0  # of one statement, command or request; the server ends it as well, where it can


class Broker(Bound, frozen=True, kw_only=True):
    """What carries the events between services."""

    kind: BrokerKind
    address: str = ""
    user: str = ""
    user_secret: str = ""
    password_secret: str = ""
    tls: bool = False
    tls_authority: str = ""
    replicas: int = 1  # copies that the broker keeps of each event
    partitions: int = 6  # of a channel on Kafka: so many replicas of a service take in at once
    sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"  # how a password is shown to Kafka
    takeover: float = 15.0  # after which a silent replica's events go to another


class Published(Bound, frozen=True, kw_only=True):
    """A channel that the service publishes to."""

    ordered_by: str | None = None
    personal: bool = False
    kept: float = 7 * 86400.0
    retries: Retries = Retries(tries=20, first_pause=0.5, longest_pause=60.0)  # of one the broker refuses; then parked
    consumers: tuple[str, ...] = ()  # services: RabbitMQ keeps an event only for those that were named before


class Consumed(Bound, frozen=True, kw_only=True):
    """A channel that the service consumes."""

    ordered_by: str | None = None
    personal: bool = False
    retries: Retries = Retries(tries=6, first_pause=1.0, longest_pause=120.0)
    at_once: int = 10
    timeout: float = 30.0  # of one handling
    remembered: float = 8 * 86400.0  # how long a handled event is known again
    late: float = 30.0  # how long an event waits for what has not come: the one before it, or what its handler needs


class Sessions(Bound, frozen=True, kw_only=True):
    """Where sessions are kept and how long they last."""

    store: str
    idle: float = 1800.0
    absolute: float = 43200.0
    largest: int = 16384  # bytes


class Workflow(Bound, frozen=True, kw_only=True):
    """A workflow that the service orchestrates."""

    stuck_after: float = 900.0  # without progress, before it is told as stuck
    timeout: float = 10.0  # of one try of a step that names no other
    retries: Retries = Retries(tries=4, first_pause=0.2, longest_pause=30.0)  # of a step
    undo_retries: Retries = Retries(tries=20, first_pause=0.5, longest_pause=300.0)  # then it is stuck


class Sagas(Bound, frozen=True, kw_only=True):
    """How the service works on its workflows."""

    store: str = ""  # where their log is; may be left out where there is one transactional store only
    lease: float = 15.0  # after a crash another replica takes over within this time
    look_every: float = 2.0  # for what others left, and for pauses that are over
    at_once: int = 100  # under way in this replica
    kept: float = 30 * 86400.0  # how long the same id is known to be the same saga, after its end


class Issuer(Bound, frozen=True, kw_only=True):
    """Who may vouch for a caller."""

    issuer: str
    audience: str
    keys: str = ""  # URL or path of its key set; empty: found through its OpenID discovery document
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    tenants: tuple[str, ...] = ()  # that it may speak for; empty: any
    tls_authority: str = ""  # path of the certificate authority's file; empty: the operating system's


class Identity(Bound, frozen=True, kw_only=True):
    """How the service learns who is calling."""

    issuers: tuple[Issuer, ...] = ()
    tenants: tuple[str, ...] = ()  # empty: the system knows none
    trust_domain: str = "cluster.local"
    proxied: bool = False  # a proxy of the mesh stands in front and vouches for the calling service
    gateway: str = ""  # the mesh identity whose tenant header is believed
    callers: tuple[str, ...] = ()  # the services that may call this one; empty: the mesh alone decides


class Telemetry(Bound, frozen=True, kw_only=True):
    """Where traces go, and how many."""

    traces: str = ""  # OTLP over HTTP, a URL; empty: none are sent
    share: float = 0.1  # of the traces that begin here
    level: Literal["debug", "info", "warning", "error"] = "info"


class Personal(Bound, frozen=True, kw_only=True):
    """How personal fields are protected."""

    master_key_secret: str  # 32 bytes in base64, one key a line: the first encrypts, all decrypt
    keys: str  # the store of the keys of persons; the same in all services that share personal events
    retention: float | None = None
    outside_stores: float = 30 * 86400.0  # how long queues, caches and dead letters may remember
    remembered: float = 30.0  # how long a process remembers a key: an erasure holds everywhere after that
    remembered_keys: int = 10_000  # at most, in one process


class Binding(Bound, frozen=True, kw_only=True):
    """All that a deployment tells a service."""

    service: str
    system: str = "local"
    environment: str = "local"
    region: str = "local"
    domain: str = "localhost"
    version: str = "0"
    replica: str = ""  # empty: the host's name and the process's number
    listen: Listen = Listen()
    deadline: float = 30.0  # after which a request is given up
    largest_body: int = 1 << 20  # bytes of a request; a route may have its own, FastAPI's max_body_size
    drain: float = 20.0  # to finish what is in flight, once told to end
    calls: dict[str, Call] = {}
    stores: dict[str, Store] = {}
    broker: Broker | None = None
    publishes: dict[str, Published] = {}
    consumes: dict[str, Consumed] = {}
    tasks: Consumed = Consumed()  # the work that the service defers
    workflows: dict[str, Workflow] = {}
    sagas: Sagas = Sagas()
    sessions: Sessions | None = None
    volumes: dict[str, str] = {}  # disks of its own: where each is mounted
    identity: Identity = Identity()
    secrets: tuple[str, ...] = ()  # that must be there at the start
    flags: dict[str, bool] = {}  # the flags it reads, and what holds where nothing else is known
    flags_file: str = ""  # flagd's definitions
    telemetry: Telemetry = Telemetry()
    personal: Personal | None = None

    @property
    def own_stores(self) -> dict[str, Store]:
        """The stores that hold the service's own data."""
        return {name: store for name, store in self.stores.items() if not store.shared}

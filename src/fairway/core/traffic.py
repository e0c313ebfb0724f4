"""Who may ask whom, how long, how often: the traffic of one service as its rooms decided it, wherever it is carried.

Proxies are configured from this on a laptop and in a cluster alike. Durations are seconds.
"""

from typing import Literal

import msgspec


class Decided(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all parts share: a note that no part knows is an error."""


class Retries(Decided, frozen=True, kw_only=True):
    """How often the network makes a failed call again."""

    attempts: int  # after the first
    pause: float
    each: float  # seconds for one try
    on: tuple[str, ...]


class Call(Decided, frozen=True, kw_only=True):
    """One declared call to another service."""

    timeout: float
    retries: Retries | None = None
    at_once: int = 1024  # from one replica
    opens_after: int | None = None  # failures in a row, where the network breaks the circuit too


class Ejection(Decided, frozen=True, kw_only=True):
    """When a failing replica is left out."""

    errors: int  # in a row
    interval: float
    left_out: float
    at_most: int  # percent of the replicas


class Limit(Decided, frozen=True, kw_only=True):
    """How many requests: a rate, and how many may come at once."""

    per_second: int
    burst: int


class Issuer(Decided, frozen=True, kw_only=True):
    """Who vouches for callers from outside."""

    issuer: str
    audience: str


class Public(Decided, frozen=True, kw_only=True):
    """How a service is reached from outside."""

    prefix: str  # of its paths; the service itself does not see it
    issuers: tuple[Issuer, ...] = ()  # none: every route with a token is closed
    open_to_all: bool = False
    anonymous: tuple[str, ...] = ()  # routes that need no token: "GET /books/*"
    route: Limit
    consumer: Limit
    unknown: Limit  # for each address without a token
    tenants: tuple[str, ...] = ()
    tenant_by: Literal["header", "path"] | None = None


class Traffic(Decided, frozen=True, kw_only=True):
    """All traffic of one service."""

    service: str
    protocols: tuple[Literal["rest", "grpc"], ...] = ()
    callers: tuple[str, ...] = ()  # services that may call it
    identity: str = ""  # as a SPIFFE URI
    deadline: float | None = None  # after which a request to it is given up
    calls: dict[str, Call] = {}
    ejection: Ejection | None = None
    failover: tuple[str, ...] = ()  # regions, in the order in which they are tried; none: a region has its own only
    versions: tuple[str, ...] = ()  # that a release splits it between, the one that runs now first; none: there is one
    steps: tuple[int, ...] = ()  # percent of the requests that a new version takes, one step after the other
    public: Public | None = None

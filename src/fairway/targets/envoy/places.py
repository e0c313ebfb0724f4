"""Where everything is that traffic goes between: sockets, ports, keys; and which proxy carries what of it.

An address is `unix:/absolute/path` or `host:port`, as in a service's binding.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from fairway.core.traffic import Public, Traffic
from fairway_sdk.contract import READY_PATH

GATEWAY: Final = "gateway"
TRUSTED: Final = "trusted"  # the secret that holds the certificate authorities


class Placed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all places share."""


class Replica(Placed, frozen=True, kw_only=True):
    """One replica of a service: where it listens, and where its proxy listens for its calls."""

    service: str
    name: str  # of the replica: orders-0
    port: int  # of its mutual TLS on loopback
    rest: str = ""
    grpc: str = ""
    admin: str = ""  # answers whether the replica is ready; empty: it always is
    ready: str = READY_PATH  # the path that is asked there; empty: listening will do
    calls: dict[str, str] = {}  # by callee: where its proxy takes the call
    stores: dict[str, str] = {}  # by store or broker: where its proxy takes the connection
    keys: dict[str, str] = {}  # by store over HTTP: the key that its requests are signed in the name of
    region: str = ""
    version: str = ""


class Store(Placed, frozen=True, kw_only=True):
    """One store or broker. Whoever has it among its `stores` may reach it."""

    name: str
    port: int  # of its mutual TLS on loopback
    address: str  # where it listens


class KeySet(Placed, frozen=True, kw_only=True):
    """Whose tokens are good in the place of a declared issuer's, and their public keys."""

    issuer: str  # as in the tokens
    keys: str  # a JSON Web Key Set


class Door(Placed, frozen=True, kw_only=True):
    """Something of the local system itself behind the gateway, without a token and with its whole path."""

    prefix: str  # ends with a slash
    address: str


class Traces(Placed, frozen=True, kw_only=True):
    """Where spans go, as OTLP over HTTP."""

    address: str
    path: str = "/v1/traces"
    share: float = 1.0  # of the traces that begin here


class Places(Placed, frozen=True, kw_only=True):
    """The whole system's places."""

    system: str
    trust_domain: str = "cluster.local"
    replicas: tuple[Replica, ...] = ()
    stores: tuple[Store, ...] = ()
    issuers: dict[str, KeySet] = {}  # by the issuer that is declared
    doors: tuple[Door, ...] = ()
    weights: dict[str, dict[str, int]] = {}  # by service and version; a service without takes all its replicas alike
    access_log: str = ""  # a path; empty: none is written
    traces: Traces | None = None
    drain: float = 5.0  # seconds that connections get to end


class Gateway(Placed, frozen=True, kw_only=True):
    """The way in to one region."""

    port: int
    region: str = ""


class Proxy(Placed, frozen=True, kw_only=True):
    """One process of Envoy, and what of the whole it carries."""

    name: str
    folder: str  # where its files are
    admin: str  # a socket's path
    gateway: Gateway | None = None
    replicas: frozenset[str] = frozenset()  # by name: the proxies before and behind them
    stores: frozenset[str] = frozenset()  # the proxies before them


class Picture(Placed, frozen=True, kw_only=True):
    """What the resources of one proxy are drawn from: the traffic of all services, by name, and the places."""

    traffic: dict[str, Traffic]
    places: Places
    proxy: Proxy

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """Give the replicas that it carries."""
        return tuple(one for one in self.places.replicas if one.name in self.proxy.replicas)

    @property
    def stores(self) -> tuple[Store, ...]:
        """Give the stores that it stands before."""
        return tuple(one for one in self.places.stores if one.name in self.proxy.stores)

    @property
    def public(self) -> dict[str, Public]:
        """Give what its gateway opens, by service; nothing where it is none."""
        opened = {name: one.public for name, one in self.traffic.items() if one.public}
        return opened if self.proxy.gateway else {}

    def identity(self, name: str) -> str:
        """Give the SPIFFE URI of a service or of the gateway."""
        said = self.traffic[name].identity if name in self.traffic else ""
        return said or f"{self.trusted_prefix}{name}"

    def store_identity(self, store: str) -> str:
        """Give the SPIFFE URI of a store."""
        return f"{self.trusted_prefix}{store_account(store)}"

    @property
    def trusted_prefix(self) -> str:
        """Say how every identity of this system begins."""
        return f"spiffe://{self.places.trust_domain}/ns/{self.places.system}/sa/"

    def replicas_of(self, service: str) -> Iterator[Replica]:
        """Go through the replicas of a service."""
        return (replica for replica in self.places.replicas if replica.service == service)

    def versions_of(self, service: str) -> dict[str, int]:
        """Give the weight of each version that traffic is split between; one nameless version where it is not."""
        return self.places.weights.get(service) or {"": 1}

    def users_of(self, store: str) -> tuple[str, ...]:
        """Name the services that may reach a store."""
        return tuple(dict.fromkeys(one.service for one in self.places.replicas if store in one.stores))

    def callers_of(self, service: str) -> tuple[str, ...]:
        """Name who may call a service: those that are declared, and the gateway where it is public."""
        traffic = self.traffic[service]
        return (*traffic.callers, GATEWAY) if traffic.public else traffic.callers


def store_account(store: str) -> str:
    """Name the account of a store: in its identity, and of its certificate."""
    return f"store-{store}"


def identities(picture: Picture) -> Mapping[str, str]:
    """Name every certificate that the proxy needs, with the SPIFFE URI in it: it has nobody else's."""
    accounts = [GATEWAY] if picture.proxy.gateway else []
    accounts += dict.fromkeys(replica.service for replica in picture.replicas)
    return {
        **{account: picture.identity(account) for account in accounts},
        **{store_account(store.name): picture.store_identity(store.name) for store in picture.stores},
    }

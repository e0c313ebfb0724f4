"""The stores a service is bound to: made at each start by their kinds, given out by their names in the facts."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import SetupError
from fairway_sdk.lifecycle import Part

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from fairway_sdk.service import Service
    from fairway_sdk.stores.cassandra import CassandraStore
    from fairway_sdk.stores.dynamodb import DynamoStore
    from fairway_sdk.stores.redis import RedisStore
    from fairway_sdk.stores.sql import SqlStore

    OpenStore: TypeAlias = SqlStore | RedisStore | DynamoStore | CassandraStore

SQL: Final = ("postgresql", "mysql", "sqlite")


class Stores:
    """The stores of one service; each start makes them anew."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._opened: dict[str, OpenStore] | None = None

    def open(self) -> list[Part]:
        """Make every bound store and connect to none; a `SetupError` has a line for each that cannot be made."""
        opened: dict[str, OpenStore] = {}
        faults: list[str] = []
        for name, bound in self._service.binding.stores.items():
            try:
                opened[name] = open_store(self._service, name, bound)
            except SetupError as error:
                faults.append(str(error))
        if faults:
            raise SetupError("\n".join(faults))
        self._opened = opened
        return list(opened.values())

    def sql(self, name: str = "") -> "SqlStore":
        """Give a transactional store; the name may be left out where there is one only."""
        found: SqlStore = self._find(name, SQL, "transactional")
        return found

    def redis(self, name: str = "") -> "Redis":
        """Give a client of Redis or Valkey; the name may be left out where there is one only."""
        found: RedisStore = self._find(name, ("redis",), "Redis")
        return found.client

    def dynamodb(self, name: str = "") -> "DynamoStore":
        """Give a DynamoDB store; the name may be left out where there is one only."""
        found: DynamoStore = self._find(name, ("dynamodb",), "DynamoDB")
        return found

    def cassandra(self, name: str = "") -> "CassandraStore":
        """Give a Cassandra store; the name may be left out where there is one only."""
        found: CassandraStore = self._find(name, ("cassandra",), "Cassandra")
        return found

    def get(self, name: str) -> "SqlStore | Redis | DynamoStore | CassandraStore":
        """Give a store by its name, as what its kind has: see the four above."""
        if self._bound(name).kind == "redis":
            return self.redis(name)
        found: SqlStore | DynamoStore | CassandraStore = self._find(name, (), "")
        return found

    def _find(self, name: str, kinds: Collection[str], what: str) -> Any:
        name = name or self._only(kinds, what)
        bound = self._bound(name)
        if kinds and bound.kind not in kinds:
            raise SetupError(
                f"service '{self._service.name}': store '{name}' is a {bound.kind} store, not a {what} one."
                f" Ask for it with service.{_accessor(bound.kind)}('{name}')."
            )
        if self._opened is None or name not in self._opened:
            raise SetupError(
                f"service '{self._service.name}': store '{name}' is asked for before the service has started."
                " Ask for it where it is used: in a route, a handler, a step, or a part's start."
            )
        return self._opened[name]

    def _only(self, kinds: Collection[str], what: str) -> str:
        fitting = [name for name, bound in self._service.binding.own_stores.items() if bound.kind in kinds]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise SetupError(
                f"service '{self._service.name}': is bound to no {what} store. Declare one in its facts, under stores."
            )
        raise SetupError(
            f"service '{self._service.name}': is bound to {len(fitting)} {what} stores: {', '.join(fitting)}."
            " Name the one that is meant."
        )

    def _bound(self, name: str) -> Store:
        stores = self._service.binding.stores
        if name not in stores:
            near = get_close_matches(name, stores, 1)
            bound = (
                f"It is bound to: {', '.join(stores)}." if stores else "It is bound to none: declare it in the facts."
            )
            raise SetupError(
                f"service '{self._service.name}': has no store '{name}'. "
                + (f"Did you mean '{near[0]}'?" if near else bound)
            )
        return stores[name]


def open_store(service: "Service", name: str, bound: Store) -> "OpenStore":
    """Make one store by its kind; the library of its kind is imported here and nowhere before."""
    try:
        match bound.kind:
            case "redis":
                from fairway_sdk.stores.redis import RedisStore

                return RedisStore(service, name, bound)
            case "dynamodb":
                from fairway_sdk.stores.dynamodb import DynamoStore

                return DynamoStore(service, name, bound)
            case "cassandra":
                from fairway_sdk.stores.cassandra import CassandraStore

                return CassandraStore(service, name, bound)
            case _:
                from fairway_sdk.stores.sql import SqlStore

                return SqlStore(service, name, bound)
    except ModuleNotFoundError as error:
        raise SetupError(
            f"service '{service.name}': store '{name}' is a {bound.kind} store, and the package {error.name} is not"
            f" installed. Install fairway-sdk[{bound.kind}]."
        ) from error


def _accessor(kind: str) -> str:
    return "sql" if kind in SQL else kind

"""One service: what its author declares, where it was placed, and its life from the first probe to the last request."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from msgspec import UNSET

from fairway_sdk.clock import Clock
from fairway_sdk.configuration.placement import Placement, placement, replica_name
from fairway_sdk.contract.binding import Binding
from fairway_sdk.identity.caller import Caller, caller
from fairway_sdk.lifecycle import Life, Part

# The imports below cost a second together: a service pays only for what it uses.
if TYPE_CHECKING:
    from fastapi import FastAPI
    from grpc.aio import Channel
    from redis.asyncio import Redis

    from fairway_sdk.calls.declared import Calls
    from fairway_sdk.calls.guarded import GuardedCall
    from fairway_sdk.calls.rest_client import RestClient
    from fairway_sdk.configuration.secrets import Secrets
    from fairway_sdk.configuration.values import Values
    from fairway_sdk.events.broker import Broker
    from fairway_sdk.events.consumer import Consumers
    from fairway_sdk.events.event import Event
    from fairway_sdk.flags.live import Flags
    from fairway_sdk.grpc.client import GrpcClient
    from fairway_sdk.grpc.server import GrpcServer
    from fairway_sdk.identity.verifier import Verifier
    from fairway_sdk.personal.keyring import Keyring
    from fairway_sdk.sagas.definition import Saga
    from fairway_sdk.sagas.engine import Sagas
    from fairway_sdk.sessions.store import Sessions
    from fairway_sdk.stores.cassandra import CassandraStore
    from fairway_sdk.stores.dynamodb import DynamoStore
    from fairway_sdk.stores.dynamodb_declared import DynamoTable
    from fairway_sdk.stores.dynamodb_table import DynamoItems
    from fairway_sdk.stores.opened import Stores
    from fairway_sdk.stores.sql import SqlStore
    from fairway_sdk.stores.transaction import Transaction

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K", bound="type[Saga[Any]]")


class Service:
    """A service of the system, by its name in the facts.

    Making one reads nothing and opens nothing: routes, handlers, sagas and clients are declared on it, and where it
    stands is looked up when it starts. So a module that holds a service can be imported by tests and tools.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self.name = name
        # Where its author keeps what belongs to the code, as migrations: beside the module that makes the service.
        self.folder = folder or Path(sys._getframe(1).f_code.co_filename).resolve().parent  # noqa: SLF001 - the caller's
        self.clock = Clock()
        self.life = Life()
        self.dynamodb_tables: list[DynamoTable] = []
        self._declared: list[Part] = []
        self._placement: Placement | None = None

    # Where it stands

    @property
    def placement(self) -> Placement:
        """Where the service stands; read from the files of the deployment when first asked."""
        if self._placement is None:
            self._placement = placement(self.name)
        return self._placement

    def place(self, where: Placement) -> None:
        """Say where the service stands, instead of the deployment's files: for tests."""
        if self.life.started:
            raise RuntimeError(f"{self.name}: a running service cannot be moved. Place it before it starts.")
        self._placement = where
        for made in ("broker", "replica"):  # for the place before
            self.__dict__.pop(made, None)

    @property
    def binding(self) -> Binding:
        """What the deployment tells this service."""
        return self.placement.binding

    @property
    def values(self) -> "Values":
        """The configuration that may change while the service runs."""
        return self.placement.values

    @property
    def secrets(self) -> "Secrets":
        """The secrets, as they are now."""
        return self.placement.secrets

    @cached_property
    def replica(self) -> str:
        """The name of this process among the service's replicas."""
        return replica_name(self.binding)

    def declare(self, part: Part) -> None:
        """Add a part of your own: started, stopped and asked for readiness with the others."""
        if self.life.started:
            raise RuntimeError(f"{part.name}: is declared too late. Declare it where the service is made.")
        self._declared.append(part)

    @property
    def caller(self) -> Caller:
        """Who is calling: of the request, event or saga at hand."""
        return caller.get()

    @cached_property
    def identity(self) -> "Verifier":
        """What tells who is calling, from tokens and from the mesh."""
        from fairway_sdk.identity.verifier import Verifier

        return Verifier(self)

    # What it answers

    @cached_property
    def rest(self) -> "FastAPI":
        """The FastAPI application at the edge; the decorators below add to it."""
        from fairway_sdk.rest.application import application

        return application(self)

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer GET; options are FastAPI's."""
        return self.rest.get(path, **options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer POST; options are FastAPI's."""
        return self.rest.post(path, **options)

    def put(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer PUT; options are FastAPI's."""
        return self.rest.put(path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer PATCH; options are FastAPI's."""
        return self.rest.patch(path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer DELETE; options are FastAPI's."""
        return self.rest.delete(path, **options)

    @cached_property
    def grpc(self) -> "GrpcServer":
        """The gRPC side: `service.grpc.add(add_InventoryServicer_to_server, Inventory())`."""
        from fairway_sdk.grpc.server import GrpcServer

        return GrpcServer(self)

    # Whom it calls

    @cached_property
    def calls(self) -> "Calls":
        """The calls that the facts declare, each with its deadline, breaker, limit and retries."""
        from fairway_sdk.calls.declared import Calls

        calls = Calls(self)
        self.declare(calls)
        return calls

    def client(self, callee: str, stub: "Callable[[Channel], S]") -> S:
        """Give a gRPC stub for a declared call; the call's deadline, breaker, limit and retries are in it."""
        return self._grpc_client(callee).stub(stub)

    def _grpc_client(self, callee: str) -> "GrpcClient":
        from fairway_sdk.grpc.client import GrpcClient

        found = next((part for part in self._declared if isinstance(part, GrpcClient) and part.callee == callee), None)
        if found is None:
            found = GrpcClient(self, callee)
            self.declare(found)
        return found

    def http(self, callee: str) -> "RestClient":
        """Give an HTTP client for a declared call; the call's deadline, breaker, limit and retries are in it."""
        from fairway_sdk.calls.rest_client import RestClient

        client = RestClient(self, callee)
        self.declare(client)
        return client

    def guarded(self, callee: str) -> "GuardedCall":
        """Give the guard of a declared call for what neither client speaks: `await mail(send, message)`."""
        from fairway_sdk.calls.guarded import GuardedCall

        return GuardedCall(self, callee)

    def fallback(
        self, callee: str, *, default: Any = UNSET, shared: bool = False
    ) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
        """Answer when a callee is down as the facts say: with the last good value, or without its part.

            @service.fallback("recommendations", default=[])
            async def recommended(reader: str) -> list[Book]: ...

        `default` is served where there is no value; without one the error comes through. An answer is kept for the
        person it was given to; `shared` says that it is the same for everybody of their tenant.
        """
        from fairway_sdk.calls.fallback import declared_fallback

        return declared_fallback(self, callee, default=default, shared=shared)

    # What it keeps

    @cached_property
    def stores(self) -> "Stores":
        """The bound stores by their names in the facts."""
        from fairway_sdk.stores.opened import Stores

        return Stores(self)

    def sql(self, name: str = "") -> "SqlStore":
        """Give a transactional store; its name may be left out where there is one only."""
        return self.stores.sql(name)

    def redis(self, name: str = "") -> "Redis":
        """Give a client of Redis or Valkey; its name may be left out where there is one only."""
        return self.stores.redis(name)

    def dynamodb(self, name: str = "") -> "DynamoStore":
        """Give a DynamoDB store; its name may be left out where there is one only."""
        return self.stores.dynamodb(name)

    def dynamodb_table(self, table: "DynamoTable") -> "DynamoItems":
        """Declare a table, which `migrate` makes; gives its items, for use once the service runs."""
        from fairway_sdk.stores.dynamodb_table import DynamoItems

        self.dynamodb_tables.append(table)
        return DynamoItems(lambda: self.stores.dynamodb(table.store), table.name, table.expires)

    def cassandra(self, name: str = "") -> "CassandraStore":
        """Give a Cassandra store; its name may be left out where there is one only."""
        return self.stores.cassandra(name)

    def store(self, name: str) -> "SqlStore | Redis | DynamoStore | CassandraStore":
        """Give a store by its name, as what its kind has."""
        return self.stores.get(name)

    @asynccontextmanager
    async def transaction(self, store: str = "") -> AsyncIterator["Transaction"]:
        """Run the body in one transaction, its events included: committed at the end, rolled back when it raises."""
        async with self.sql(store).begin() as transaction:
            yield transaction

    @cached_property
    def sessions(self) -> "Sessions":
        """The sessions of the people who use this service, in the bound store."""
        from fairway_sdk.sessions.store import Sessions

        return Sessions(self)

    @cached_property
    def keyring(self) -> "Keyring":
        """The keys of persons: what seals, opens, and forgets their data."""
        from fairway_sdk.personal.keyring import Keyring

        return Keyring(self)

    # What it tells and hears

    @cached_property
    def broker(self) -> "Broker":
        """The bound broker."""
        from fairway_sdk.events.brokers.opened import open_broker

        return open_broker(self)

    @cached_property
    def consumers(self) -> "Consumers":
        """The handlers of events and of deferred work, and the inbox before them."""
        from fairway_sdk.events.consumer import Consumers

        consumers = Consumers(self)
        self.declare(consumers)
        return consumers

    def on(self, event: "type[Event]") -> Callable[[F], F]:
        """Handle a kind of event: `async def handler(event, tx)`, once for each event in effect."""
        return self.consumers.on(event)

    def task(self, function: F) -> F:
        """Declare work that a transaction may put off: `@service.task`, then `await tx.defer(function, payload)`."""
        return self.consumers.task(function)

    # What it sees through

    @cached_property
    def sagas(self) -> "Sagas":
        """The sagas that this service orchestrates, and their log in its own store."""
        from fairway_sdk.sagas.engine import Sagas

        sagas = Sagas(self)
        self.declare(sagas.part)
        return sagas

    def saga(self, kind: K) -> K:
        """Orchestrate a saga: a decorator of its class. `await service.sagas.start(Checkout, order, id=order.id)`."""
        return self.sagas.register(kind)

    # What may change while it runs

    @cached_property
    def flags(self) -> "Flags":
        """The feature flags, as they are now."""
        from fairway_sdk.flags.live import Flags

        return Flags(self)

    def flag(self, name: str, who: Caller | None = None, **facts: str | float | bool) -> bool:
        """Tell whether a declared flag is on for the caller at hand or another; see `Flags.on`."""
        return self.flags.on(name, who, **facts)

    # Its life

    async def start(self) -> None:
        """Start all parts; `SetupError` names everything that is wrong with the placement, before anything starts."""
        from fairway_sdk.assembly import parts

        self.life = Life()
        for part in parts(self, self._declared):
            self.life.add(part)
        await self.life.start()

    async def stop(self) -> None:
        """Take no new work, finish what is in flight, and let go of everything."""
        await self.life.stop()

    def running(self, where: Placement | None = None) -> AbstractAsyncContextManager[Self]:
        """Run the service for the length of a body: for tests, with its servers but without signals."""
        return self._running(where)

    @asynccontextmanager
    async def _running(self, where: Placement | None) -> AsyncIterator[Self]:
        if where is not None:
            self.place(where)
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    def run(self) -> None:
        """Serve until told to end: the last line of a service's main module, or `python -m fairway_sdk run`."""
        from fairway_sdk.process import run

        run(self)

"""The gRPC side of a service: the author's methods, health and reflection, on a port or a Unix socket."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc

from fairway_sdk.errors import SetupError
from fairway_sdk.grpc.handling import check, wrapped
from fairway_sdk.lifecycle import Level
from fairway_sdk.rest.listening import remove_stale

if TYPE_CHECKING:
    from fairway_sdk.service import Service

S = TypeVar("S")

OPTIONS: Final = (
    ("grpc.so_reuseport", 0),  # a second process on the port is a mistake, not half of the traffic
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),  # callers may ask whether the connection lives
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_connection_age_ms", 300_000),  # so that callers come to know new replicas
)


class GrpcServer:
    """The server as a part of a service."""

    name = "grpc"
    level = Level.SERVERS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._added: list[Callable[[Any], None]] = []
        self._server: grpc.aio.Server | None = None
        self._port = 0

    def add(self, add_to_server: Callable[[S, Any], Any], servicer: S) -> None:
        """Answer the methods of a servicer: `service.grpc.add(add_InventoryServicer_to_server, Inventory())`."""
        if self._server is not None:
            raise RuntimeError("a running gRPC server takes no new methods. Add them where the service is made.")
        self._added.append(lambda server: add_to_server(servicer, server))

    @property
    def address(self) -> str:
        """Where the server listens; the binding's address, with the port it was given where that is 0."""
        bound = self._service.binding.listen.grpc
        return bound if bound.startswith("unix:") or not self._port else f"{bound.rpartition(':')[0]}:{self._port}"

    async def start(self) -> None:
        """Listen and answer; `SetupError` where a method is not asynchronous, or the address is taken."""
        from grpc_health.v1 import health_pb2, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

        from fairway_sdk.grpc.health import Health

        age = int((self._service.binding.deadline + 5) * 1000)  # a connection that is let go finishes its calls
        largest = self._service.binding.largest_body
        further = (("grpc.max_connection_age_grace_ms", age), ("grpc.max_receive_message_length", largest))
        server = grpc.aio.server(options=(*OPTIONS, *further))
        ours = _Methods(server, self._service)
        for add in self._added:
            add(ours)
        if ours.faults:
            raise SetupError("\n".join(ours.faults))
        names = [*ours.names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
        plain = _Methods(server, None)
        health_pb2_grpc.add_HealthServicer_to_server(Health(self._service, ours.names), plain)
        # The stubs of the package do not know its own asynchronous part.
        reflected = reflection.aio.ReflectionServicer(  # type: ignore[attr-defined]
            [*names, reflection.SERVICE_NAME]
        )
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, plain)
        self._port = _listen(server, self._service.binding.listen.grpc)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Take no new call, let those in flight end, and cut off what takes longer than the drain."""
        if self._server is not None:
            await self._server.stop(self._service.binding.drain)
            self._server = None

    async def unready(self) -> str | None:
        """Be ready: who can ask over this server has reached it."""
        return None


class _Methods:
    """What generated code takes for a server; it keeps the methods wrapped, or as they are where there is no service.

    The library waits for each registered method on its own, so that each call costs as much as there are methods; the
    older, generic way waits once for all, and generated code offers both.
    """

    def __init__(self, server: grpc.aio.Server, service: "Service | None") -> None:
        self._server = server
        self._service = service
        self.names: list[str] = []
        self.faults: list[str] = []

    def add_registered_method_handlers(self, name: str, handlers: dict[str, Any]) -> None:
        """Look at the methods of generated code; they come again as generic ones."""
        if self._service is not None:
            self.faults += filter(None, (check(f"{name}/{method}", made) for method, made in handlers.items()))

    def add_generic_rpc_handlers(self, handlers: "Sequence[grpc.GenericRpcHandler[Any, Any]]") -> None:
        """Add methods."""
        self.names += [handler.service_name() for handler in handlers if isinstance(handler, grpc.ServiceRpcHandler)]
        service = self._service
        made = handlers if service is None else [_Wrapping(service, handler) for handler in handlers]
        self._server.add_generic_rpc_handlers(tuple(made))


class _Wrapping(grpc.GenericRpcHandler):  # type: ignore[type-arg] # is generic for the type checker only
    """Wraps each method when it is first called."""

    def __init__(self, service: "Service", inner: "grpc.GenericRpcHandler[Any, Any]") -> None:
        self._service = service
        self._inner = inner
        self._wrapped: dict[str, Any] = {}

    def service(self, details: Any) -> Any:
        """Give the handler of a method; none for another's."""
        found = self._wrapped.get(details.method)
        if found is None:
            handler = self._inner.service(details)
            if handler is not None:
                found = self._wrapped[details.method] = wrapped(self._service, details.method, handler)
        return found


def _listen(server: grpc.aio.Server, address: str) -> int:
    """Open the port or the socket, which is for this user alone: its folder's owner decides who else gets in."""
    path = Path(address.removeprefix("unix:"))
    before = os.umask(0o177) if address.startswith("unix:") else None
    try:
        if before is not None and path.is_socket():
            remove_stale(path)  # the library would take the socket of a living process
        return server.add_insecure_port(address)
    except (RuntimeError, OSError) as error:
        raise SetupError(
            f"listen.grpc: {address} cannot be opened. Another process may have it, or the path be longer than a"
            " socket's, which is some 100 signs."
        ) from error
    finally:
        if before is not None:
            os.umask(before)

"""A proto with its generated code, a servicer that does what a test says, and services that call one another."""

# ruff: noqa: ANN401, N802 - code that protoc writes has no types, and names methods as the proto does

import importlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from grpc_tools import protoc  # type: ignore[import-untyped]

from fairway_sdk import Service
from fairway_sdk.contract.binding import Call, Listen
from fairway_sdk.testing import placed

Answer = Callable[[Any, Any], Awaitable[Any]]


@pytest.fixture(scope="session")
def proto() -> Iterator[Any]:
    """Give the generated code: `Request`, `Reply`, `Stub`, `Servicer`, `add`."""
    with TemporaryDirectory() as folder:
        here = Path(__file__).parent
        arguments = [f"-I{here}", f"--python_out={folder}", f"--grpc_python_out={folder}", "shelf.proto"]
        assert protoc.main(["protoc", *arguments]) == 0
        sys.path.insert(0, folder)
        messages, stubs = importlib.import_module("shelf_pb2"), importlib.import_module("shelf_pb2_grpc")
        sys.path.remove(folder)
        yield SimpleNamespace(
            Request=messages.Request,
            Reply=messages.Reply,
            Stub=stubs.ShelfStub,
            Servicer=stubs.ShelfServicer,
            add=stubs.add_ShelfServicer_to_server,
            folder=folder,
        )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets."""
    with TemporaryDirectory(prefix="fw-") as name:
        yield Path(name)


@pytest.fixture
def shelves(proto: Any) -> Callable[..., Service]:
    """Give a function that makes a service named `shelves`; its method Take does what it is given."""

    def make(take: Answer | None = None, name: str = "shelves", **methods: Any) -> Service:
        class Shelf(proto.Servicer):  # type: ignore[misc] # generated, without types
            async def Take(self, request: Any, context: Any) -> Any:
                return await take(request, context) if take else proto.Reply(book=request.book)

        service = Service(name)
        for method, function in methods.items():
            setattr(Shelf, method, function)
        service.grpc.add(proto.add, Shelf())
        return service

    return make


Pair = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def paired(proto: Any, folder: Path) -> Pair:
    """Give a function that runs a callee and a caller, and yields the caller's stub.

    `bound` are members of the callee's binding; more arguments are the call's.
    """

    @asynccontextmanager
    async def running(
        callee: Service, caller: Service | None = None, bound: dict[str, Any] | None = None, **call: Any
    ) -> AsyncIterator[Any]:
        caller = caller or Service("orders")
        stub = caller.client("shelves", proto.Stub)
        address = f"unix:{folder}/shelves"
        placed(callee, folder, listen=Listen(grpc=address), **(bound or {}))
        placed(caller, folder, calls={"shelves": Call(address=address, **call)})
        async with callee.running(), caller.running():
            yield stub

    return running

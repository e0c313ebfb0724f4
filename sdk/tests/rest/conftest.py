"""A service on a real socket, and a client for it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector
from whole_answers import read_whole

from fairway_sdk import Service
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Listen

Serve = Callable[..., AbstractAsyncContextManager[ClientSession]]


@pytest.fixture
def serve() -> Serve:
    """Give a function that runs a service on a Unix socket and yields a client; further arguments are the binding's."""

    @asynccontextmanager
    async def running(service: Service, **bound: Any) -> AsyncIterator[ClientSession]:  # noqa: ANN401 - any member of a binding
        with TemporaryDirectory(prefix="fw-") as name:
            folder = Path(name)
            binding = Binding(service=service.name, listen=Listen(rest=f"unix:{folder}/rest"), **bound)
            service.place(Placement(binding=binding, values=Values(folder), secrets=Secrets(folder)))
            async with (
                service.running(),
                ClientSession(
                    "http://service", connector=UnixConnector(f"{folder}/rest"), middlewares=(read_whole,)
                ) as client,
            ):
                yield client

    return running


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Give a function that reads the lines logged since it was last called; each must be JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]

"""Telemetry that gathers, on ports and folders of its own."""

import asyncio
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from fairway.local.telemetry.settings import Link, Node, Scraped, Settings, Shown

BURN = {"severity": "page", "factor": 14.4, "long": "1h", "short": "5m"}
OBJECTIVES = {
    "alert on errors": {"work": ["requests"], "budget": 0.001, "burns": [BURN], "least_bad": 5, "slower_than": None},
    "alert on latency": {"work": ["requests"], "budget": 0.01, "burns": [BURN], "least_bad": 5, "slower_than": "100ms"},
    "alert on throughput": {
        "work": ["requests"],
        "floor": 1.0,
        "ceiling": 50.0,
        "window": "10m",
        "severity": "ticket",
    },
}


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Give settings of a system of two services, with what a test adds."""

    def make(*scraped: Scraped, **more: object) -> Settings:
        (tmp_path / "logs").mkdir(exist_ok=True)
        told: dict[str, object] = {
            "system": "shop",
            "folder": str(tmp_path),
            "listen": "127.0.0.1:0",
            "collector": f"127.0.0.1:{free_port()}",
            "key": "",
            "logs": str(tmp_path / "logs"),
            "proxies": {},
            "access_log": str(tmp_path / "logs" / "access.log"),
            "nodes": (Node(name="orders", kind="service"), Node(name="stock", kind="service")),
            "links": (Link(source="orders", target="stock", kind="call"),),
            "scraped": scraped,
            "shown": Shown(objectives={"stock": OBJECTIVES}),
        }
        return Settings(**(told | more))  # type: ignore[arg-type] # a test's own words

    return make


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def post(
    settings: Settings, path: str, body: bytes, kind: str = "application/x-protobuf", **fields: str
) -> tuple[int, bytes]:
    """Send a document to the collector, and give its answer."""
    headers = {"content-type": kind, **{name.replace("_", "-"): value for name, value in fields.items()}}
    request = urllib.request.Request(f"http://{settings.collector}{path}", body, headers)

    def ask() -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    return await asyncio.to_thread(ask)


async def until(holds: Callable[[], object], within: float = 15.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it never held"
        await asyncio.sleep(0.05)

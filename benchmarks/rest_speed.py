"""Compare a service with everything on, in CPU time per request, with FastAPI alone; both called in process on uvloop.

`python benchmarks/rest_speed.py [--requests N] [--rounds N]`. The service counts, logs each request as a JSON line,
records 10 % of the traces, verifies the caller's token, has a deadline, and calls through a breaker with its limit,
deadline and metrics. Each variant runs in processes of its own, in turn; the least of all batches counts.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from pydantic import BaseModel

from fairway_sdk import Service
from fairway_sdk.calls.guard import Guard
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Call, Identity, Issuer, Listen, Telemetry
from fairway_sdk.rest.asgi import asgi

BATCHES = 10
TO_REACH = 2.5
HEADERS = [(b"host", b"shop"), (b"user-agent", b"bench"), (b"accept", b"*/*")]
ISSUER = "https://issuer.example"
AUDIENCE = "shop"

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Item(BaseModel):
    """What the route answers."""

    id: int
    name: str
    tags: list[str]


async def work(number: int) -> Item:
    """Do what the handler does."""
    return Item(id=number, name="x", tags=["a", "b"])


async def measure(app: App, headers: list[tuple[bytes, bytes]], requests: int) -> float:
    """Give the least CPU time of a request, in microseconds."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def batch(count: int) -> None:
        for _ in range(count):
            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": "/items/5",
                "raw_path": b"/items/5",
                "query_string": b"",
                "root_path": "",
                "headers": list(headers),
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
                "state": {},
            }
            await app(scope, receive, send)

    await batch(300)
    gc.collect()
    gc.freeze()  # as the process of a service does; FastAPI alone gains by it, too
    least = float("inf")
    for _ in range(BATCHES):
        before = time.process_time()
        await batch(requests)
        least = min(least, (time.process_time() - before) / requests)
    if set(statuses) != {200}:
        raise SystemExit(f"not every request was answered: {set(statuses)}")
    return least * 1e6


async def bare(requests: int) -> float:
    """Measure FastAPI alone."""
    app = FastAPI()

    @app.get("/items/{number}")
    async def read(number: int) -> Item:
        return await work(number)

    return await measure(app, HEADERS, requests)


async def full(requests: int, *, token: bool = True, breaker: bool = True, share: float = 0.1) -> float:
    """Measure a service; the variants leave something out."""
    with tempfile.TemporaryDirectory(prefix="fw-") as name:
        folder = Path(name)
        headers = list(HEADERS)
        issuers: tuple[Issuer, ...] = ()
        if token:
            headers.append((b"authorization", b"Bearer " + signed(folder / "keys.json").encode()))
            issuers = (Issuer(issuer=ISSUER, audience=AUDIENCE, keys=str(folder / "keys.json")),)
        service = Service("shop")
        guard = Guard("stock", Call(address="127.0.0.1:1"), service.clock)

        async def attempt(_seconds: float) -> Item:
            return await work(5)

        @service.get("/items/{number}")
        async def read(number: int) -> Item:
            return await guard.run("stock/read", attempt) if breaker else await work(number)

        binding = Binding(
            service="shop",
            listen=Listen(rest=f"unix:{folder}/rest"),
            identity=Identity(issuers=issuers),
            # A collector that is not there: spans are made, queued and encoded all the same.
            telemetry=Telemetry(traces="http://127.0.0.1:1" if share else "", share=share),
        )
        where = Placement(binding=binding, values=Values(folder), secrets=Secrets(folder))
        async with service.running(where):
            if token:
                await asyncio.sleep(0.2)  # the keys are read
            return await measure(asgi(service), headers, requests)


def signed(keys: Path) -> str:
    """Make a key, publish it in a file, and sign a token with it."""
    key = rsa.generate_private_key(65537, 2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    keys.write_text(json.dumps({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}))
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "reader-1", "iat": now, "exp": now + 3600, "scope": "read"}
    return jwt.encode(claims, key, "RS256", {"kid": "1"})


VARIANTS: dict[str, Callable[[int], Any]] = {
    "FastAPI alone": bare,
    "service, everything on": full,
    "without token": lambda requests: full(requests, token=False),
    "without breaker": lambda requests: full(requests, breaker=False),
    "without traces": lambda requests: full(requests, share=0.0),
}


def main() -> None:
    """Measure all variants in turn, several rounds over, and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, metavar="N", help="a batch (1000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="processes of each variant (3)")
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        sys.stderr.write(f"{uvloop.run(VARIANTS[options.variant](options.requests))}\n")
        return
    best = dict.fromkeys(VARIANTS, float("inf"))
    for _ in range(options.rounds):
        for name in VARIANTS:
            command = [sys.executable, __file__, "--variant", name, "--requests", str(options.requests)]
            # The log goes to standard output, so the figure comes by the other way.
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
            best[name] = min(best[name], float(done.stderr.split()[-1]))
    alone = best["FastAPI alone"]
    for name, spent in best.items():
        note = f"   (to reach: {TO_REACH})" if name == "service, everything on" else ""
        print(f"{name:24} {spent:7.1f} us CPU   {spent / alone:.2f} times FastAPI alone{note}")


if __name__ == "__main__":
    main()

"""Measure what the SDK adds to gRPC: CPU of client and server together per call, against the bare library.

`python benchmarks/grpc_speed.py [--calls 200] [--rounds 60]`

Both run in one process on uvloop, over a Unix socket, with 16 calls in flight, in many short rounds by turns; the ratio
is that of neighbouring rounds, so it holds on a busy machine. With the SDK everything is on, on both sides: deadline,
breaker, limit, metrics, a token passed on and verified, a line of log, and spans sent to a collector for the tenth of
the calls whose request is recorded.
"""

# ruff: noqa: ANN401 - code that protoc writes has no types

import argparse
import asyncio
import base64
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from grpc_tools import protoc  # type: ignore[import-untyped]
from opentelemetry.context import Context, attach
from opentelemetry.trace import set_span_in_context

from fairway_sdk import Caller, Service
from fairway_sdk.calls.breaker import Breaker
from fairway_sdk.calls.guard import Guard
from fairway_sdk.clock import Clock
from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Call, Identity, Issuer, Listen, Telemetry
from fairway_sdk.contract.binding import Breaker as BoundBreaker
from fairway_sdk.identity.caller import caller
from fairway_sdk.telemetry.tracing import enter

PROTO = """\
syntax = "proto3";
package speed.v1;
service Shelf { rpc Take(Request) returns (Reply); }
message Request { string book = 1; int32 copies = 2; }
message Reply { string text = 1; int32 left = 2; }
"""
COLLECTOR = """\
import http.server
class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""
AT_ONCE = 16

Take = Callable[[Any], Awaitable[Any]]


def main() -> None:
    """Print CPU per call, bare and with everything, and what the breaker and the guard cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="fw-") as folder,
        subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE) as collector,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        assert collector.stdout
        url = f"http://127.0.0.1:{int(collector.stdout.readline())}"
        try:
            runner.run(compare(Path(folder), url, options.calls, options.rounds))
            runner.run(small_things())
        finally:
            collector.kill()


async def compare(folder: Path, url: str, calls: int, rounds: int) -> None:
    """Measure both in turn, in the same process: two neighbouring rounds meet the same machine."""
    messages, stubs = generate(folder)
    kind = servicer(messages, stubs)
    server, bare = await bare_stub(folder, stubs, kind)
    services, full = await full_stub(folder, stubs, kind, url)
    request = messages.Request(book="a book", copies=1)
    traces = tenth()
    results: dict[str, list[float]] = {"bare": [], "full": []}
    out = os.dup(1)
    with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230, PTH123 - where the lines of the log go
        os.dup2(nowhere.fileno(), 1)
        for _ in range(rounds):
            for name, take in (("bare", bare), ("full", full)):
                results[name].append(await cpu(take, request, calls, traces))
        for service in reversed(services):
            await service.stop()
        await server.stop(None)
        os.dup2(out, 1)
    pairs = list(zip(results["bare"][1:], results["full"][1:], strict=True))
    ratio = statistics.median(full / bare for bare, full in pairs)
    print(f"bare grpc.aio   {statistics.median(bare for bare, _ in pairs) * 1e6:6.0f} us CPU a call, client and server")
    print(f"fairway_sdk     {statistics.median(full for _, full in pairs) * 1e6:6.0f} us CPU a call")
    print(f"ratio           {ratio:6.2f}, the median of {len(pairs)} rounds")


async def cpu(take: Take, request: Any, calls: int, traces: Sequence[Context]) -> float:
    """Give the CPU seconds of a call, with so many in flight, each made for a request in one of these traces."""
    left = iter(range(calls))

    async def ask() -> None:
        for number in left:
            attach(traces[number % len(traces)])
            await take(request)

    before = time.process_time()
    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    return (time.process_time() - before) / calls


def tenth() -> list[Context]:
    """Give ten traces that began in a request, of which one is recorded."""
    parents = [f"00-{number:032x}-{number:016x}-{number == 1:02x}" for number in range(1, 11)]
    return [set_span_in_context(enter("request", parent, "", {})[0]) for parent in parents]


async def bare_stub(folder: Path, stubs: Any, kind: Any) -> tuple[grpc.aio.Server, Take]:
    """Start the library's own server and give it with its own client."""
    server = grpc.aio.server()
    stubs.add_ShelfServicer_to_server(kind(), server)
    server.add_insecure_port(f"unix:{folder}/bare")
    await server.start()
    return server, stubs.ShelfStub(grpc.aio.insecure_channel(f"unix:{folder}/bare")).Take


async def full_stub(folder: Path, stubs: Any, kind: Any, url: str) -> tuple[list[Service], Take]:
    """Start two services, one calling the other for a person with a token."""
    token, identity = signed(folder)
    traces = Telemetry(traces=url, share=0.1)
    shelves, orders = Service("shelves"), Service("orders")
    shelves.grpc.add(stubs.add_ShelfServicer_to_server, kind())
    stub = orders.client("shelves", stubs.ShelfStub)
    address = f"unix:{folder}/full"
    await start(
        shelves,
        folder,
        Binding(service="shelves", listen=Listen(grpc=address), identity=identity, telemetry=traces),
    )
    call = Call(address=address, at_once=AT_ONCE, internal=True, idempotent=True)
    await start(orders, folder, Binding(service="orders", calls={"shelves": call}, telemetry=traces))
    caller.set(Caller(person="reader", token=token))
    return [shelves, orders], stub.Take


async def start(service: Service, folder: Path, binding: Binding) -> None:
    """Start a service."""
    service.place(Placement(binding=binding, values=Values(folder), secrets=Secrets(folder)))
    await service.start()


def signed(folder: Path) -> tuple[str, Identity]:
    """Give a signed token, and who is trusted to have signed it."""
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    words = {name: encoded(number) for name, number in (("n", numbers.n), ("e", numbers.e))}
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", **words}]}))
    claims = {"iss": "https://id", "aud": "shop", "sub": "reader", "exp": time.time() + 3600, "iat": time.time()}
    issuer = Issuer(issuer="https://id", audience="shop", keys=str(keys))
    return jwt.encode(claims, key, "RS256", {"kid": "1"}), Identity(issuers=(issuer,))


def encoded(number: int) -> str:
    """Write a number as a key set has it."""
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")


def generate(folder: Path) -> tuple[Any, Any]:
    """Generate code from the proto and import it."""
    (folder / "speed.proto").write_text(PROTO)
    protoc.main(["", f"-I{folder}", f"--python_out={folder}", f"--grpc_python_out={folder}", "speed.proto"])
    sys.path.insert(0, str(folder))
    return importlib.import_module("speed_pb2"), importlib.import_module("speed_pb2_grpc")


def servicer(messages: Any, stubs: Any) -> Any:
    """Give a servicer that does next to nothing."""

    class Shelf(stubs.ShelfServicer):  # type: ignore[misc] # generated, without types
        async def Take(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the proto's name
            """Answer."""
            return messages.Reply(text=request.book, left=3)

    return Shelf


async def small_things(times: int = 100_000) -> None:
    """Measure the breaker alone, and the whole guard around nothing."""
    breaker = Breaker("one", BoundBreaker(), Clock(), lambda _before, _after: None)

    def pass_through() -> None:
        breaker.succeeded(breaker.enter())

    begun = time.process_time()
    for _ in range(times):
        pass_through()
    print(f"breaker         {(time.process_time() - begun) / times * 1e6:6.2f} us a call")

    async def nothing(_seconds: float) -> None:
        return None

    guard = Guard("one", Call(address="here"), Clock())
    begun = time.process_time()
    for _ in range(times):
        await guard.run("nothing", nothing)
    print(f"guard           {(time.process_time() - begun) / times * 1e6:6.2f} us a call, without a trace")


if __name__ == "__main__":
    main()

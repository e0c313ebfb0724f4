"""What a call through the mesh costs: out through the caller's proxy, mutual TLS, in through the callee's proxy.

    .venv/bin/python benchmarks/hop_speed.py

Prints the smallest and the middle time of a call straight to the callee's socket and of the same call by way of the
mesh, one after the other in turns, so that a busy machine is busy for both; over HTTP/1.1 and over gRPC. Both ends are
bare, so that the difference is the mesh's. Last comes gRPC with grpcio at both ends, as services have it: each costs
some 40 us more by way of the mesh than straight, also in processes of their own and without its pings.
"""

import asyncio
import contextlib
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import bare_grpc
import grpc
from bare_grpc import BODY, METHOD

from fairway.core.traffic import Call, Traffic
from fairway.local.certificates import Certificates
from fairway.local.envoy import Envoy, accounts, configuration
from fairway.local.run_folder import RunFolder, private_folder
from fairway.local.state import free_port
from fairway.targets.envoy.clusters import LONGEST_CONNECTION
from fairway.targets.envoy.places import Places, Proxy, Replica

CALLS = 3000
WARM = 200
GOAL = 300  # microseconds that the mesh may add at the minimum
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 16\r\n\r\n" + BODY
QUESTION = b"GET /things/1 HTTP/1.1\r\nhost: callee\r\n\r\n"

Ask = Callable[[], Awaitable[float]]  # one call, and the seconds it took


class Callee(asyncio.Protocol):
    """Answers every request at once, so that nothing is measured but the way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


@contextlib.asynccontextmanager
async def mesh(run: RunFolder) -> AsyncIterator[None]:
    """Run a caller's and a callee's proxy in one Envoy, as `fairway up` does for a region."""

    def address(name: str) -> str:
        return f"unix:{run.socket(name)}"

    calls = {side: Call(timeout=5) for side in ("rest", "grpc")}
    traffic = {
        "caller": Traffic(service="caller", calls=calls),
        "rest": Traffic(service="rest", protocols=("rest",), callers=("caller",), deadline=5),
        "grpc": Traffic(service="grpc", protocols=("grpc",), callers=("caller",), deadline=5),
    }
    replicas = (
        Replica(
            service="caller", name="caller-0", port=free_port(), calls={side: address(f"to.{side}") for side in calls}
        ),
        Replica(service="rest", name="rest-0", port=free_port(), rest=address("rest")),
        Replica(service="grpc", name="grpc-0", port=free_port(), grpc=address("grpc")),
    )
    places = Places(system="demo", replicas=replicas, access_log=str(run.log("access")))
    proxy = Proxy(
        name="mesh",
        folder=str(private_folder(run.state / "envoy") / "mesh"),
        admin=str(run.socket("admin")),
        replicas=frozenset(one.name for one in replicas),
    )
    certificates = Certificates(private_folder(run.state / "certificates"), accounts(traffic, places, [proxy]))
    envoy = Envoy(run, proxy)
    await envoy.prepare(places, configuration(traffic, places, proxy, certificates))
    with run.log("output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(*envoy.command(), stdout=output, stderr=output)
    try:
        while await envoy.ready() is not None:  # noqa: ASYNC110 - Envoy tells nobody
            await asyncio.sleep(0.05)
        await envoy.confirm()
        yield
    finally:
        process.terminate()
        await process.wait()


def http1(path: Path) -> Ask:
    """Ask over HTTP/1.1 on one connection, without a library between."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(path))

    def once() -> float:
        began = time.perf_counter()
        line.sendall(QUESTION)
        found = b""
        while not found.endswith(BODY):
            found += line.recv(4096)
        took = time.perf_counter() - began
        assert found.startswith(b"HTTP/1.1 200"), found
        return took

    return in_a_thread(once)


def in_a_thread(once: Callable[[], float]) -> Ask:
    """Leave the callee its own thread."""

    async def ask() -> float:
        return await asyncio.to_thread(once)

    return ask


def unary(path: Path) -> Ask:
    """Ask by grpcio on one channel."""
    channel = grpc.aio.insecure_channel(f"unix:{path}", [("grpc.default_authority", "callee")])
    call = channel.unary_unary(METHOD.decode(), bytes, bytes)

    async def ask() -> float:
        began = time.perf_counter()
        assert await call(BODY) == BODY
        return time.perf_counter() - began

    return ask


async def measure(name: str, straight: Ask, meshed: Ask) -> float:
    """Print both ways, and give the microseconds that the mesh adds at the minimum."""
    took: dict[str, list[float]] = {"straight": [], "meshed": []}
    for number in range(WARM + CALLS):
        for way, ask in (("straight", straight), ("meshed", meshed)):
            seconds = await ask()
            if number >= WARM:
                took[way].append(seconds * 1e6)
    least = {way: min(times) for way, times in took.items()}
    middle = {way: statistics.median(times) for way, times in took.items()}
    for way in took:
        print(f"{name:8} {way:9} minimum {least[way]:7.0f} us   median {middle[way]:7.0f} us")
    added, usual = least["meshed"] - least["straight"], middle["meshed"] - middle["straight"]
    print(f"{name:8} the mesh adds {added:.0f} us at the minimum (goal: {GOAL}), {usual:.0f} us at the median\n")
    return added


async def main() -> int:
    """Measure, and give 1 where the goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        loop = asyncio.get_running_loop()
        rest = await loop.create_unix_server(Callee, run.socket("rest"))
        bare = await loop.create_unix_server(bare_grpc.Callee, run.socket("grpc"))
        straight, meshed = run.socket("grpc"), run.socket("to.grpc")
        async with mesh(run):
            await asyncio.sleep(1.5)  # callees are asked first whether they are well
            added = [
                await measure("HTTP/1.1", http1(run.socket("rest")), http1(run.socket("to.rest"))),
                await measure("gRPC", *(in_a_thread(bare_grpc.Caller(path).once) for path in (straight, meshed))),
            ]
            bare.close()
            straight.unlink()
            server = grpc.aio.server()
            handler = grpc.unary_unary_rpc_method_handler(_say)
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("demo.Callee", {"Say": handler}),))
            server.add_insecure_port(f"unix:{straight}")
            await server.start()
            await asyncio.sleep(LONGEST_CONNECTION + 0.5)  # then nothing goes to the one before it any more
            await measure("grpcio", unary(straight), unary(meshed))
            await server.stop(0)
        rest.close()
        for file in run.sockets.iterdir():
            file.unlink()
        run.sockets.rmdir()
    return int(max(added) > GOAL)


async def _say(request: bytes, _: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    return request


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""A server's promises: who is calling, honest errors, health, reflection, draining, a socket of its own."""

# ruff: noqa: ANN401 - code that protoc writes has no types, and names methods as the proto does

import asyncio
import json
import socket
import stat
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY

from fairway_sdk import Caller, CallError, DeclinedCallError, Service, SetupError, UnavailableError
from fairway_sdk.contract.binding import Identity, Issuer, Listen
from fairway_sdk.identity.caller import caller
from fairway_sdk.lifecycle import Level
from fairway_sdk.testing import placed

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ValueError("ada@example.org"), "INTERNAL"),
        (UnavailableError("the store ada@example.org"), "UNAVAILABLE"),
        (TimeoutError("ada@example.org"), "INTERNAL"),
        (DeclinedCallError("payments", "NOT_FOUND", "ada@example.org"), "INTERNAL"),
    ],
)
async def test_a_caller_is_told_the_kind_of_a_failure_and_nothing_of_its_text(
    shelves: Any, paired: Any, proto: Any, raised: Exception, code: str
) -> None:
    """An exception's text may quote a row, a person or a secret. Another service's no is not ours to give."""

    async def take(_request: Any, _context: Any) -> Any:
        raise raised

    async with paired(shelves(take)) as stub:
        with pytest.raises(CallError) as told:
            await stub.Take(proto.Request())
    assert told.value.code == code
    assert "ada" not in str(told.value)


async def test_each_call_is_counted_by_method_and_code_and_logged_in_a_line(
    shelves: Any, paired: Any, proto: Any, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The author's own abort counts by its code, and the line names neither request nor caller."""

    async def take(request: Any, context: Any) -> Any:
        if request.book == "no":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such book")
        return proto.Reply(book=request.book)

    def counted(code: str) -> float:
        labels = {"rpc_method": "shelf.v1.Shelf/Take", "rpc_response_status_code": code}
        return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0.0

    before = counted("OK"), counted("NOT_FOUND")
    async with paired(shelves(take)) as stub:
        await stub.Take(proto.Request(book="Emma"))
        with pytest.raises(DeclinedCallError):
            await stub.Take(proto.Request(book="no"))
    assert (counted("OK"), counted("NOT_FOUND")) == (before[0] + 1, before[1] + 1)
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["code"]) for line in requests] == [
        ("shelf.v1.Shelf/Take", "OK"),
        ("shelf.v1.Shelf/Take", "NOT_FOUND"),
    ]
    assert all(len(line["trace_id"]) == 32 and line["ms"] > 0 for line in requests)


async def test_the_person_behind_a_call_is_verified_anew_at_each_service(
    shelves: Any, paired: Any, proto: Any, folder: Path
) -> None:
    """A token that is passed on counts because its signature is right, not because a service sent it."""
    key = ec.generate_private_key(ec.SECP256R1())
    document = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    (folder / "keys.json").write_text(json.dumps({"keys": [{**document, "kid": "1", "alg": "ES256", "use": "sig"}]}))
    claims = {"iss": "https://id", "aud": "shop", "sub": "ada", "exp": time.time() + 60, "iat": time.time()}
    token = jwt.encode(claims, key, "ES256", {"kid": "1"})
    issuers = (Issuer(issuer="https://id", audience="shop", keys=f"{folder}/keys.json"),)

    async def take(_request: Any, _context: Any) -> Any:
        return proto.Reply(book=caller.get().person)

    callee = shelves(take)
    async with paired(callee, bound={"identity": Identity(issuers=issuers)}, internal=True) as stub:
        await _ready(callee)
        told = {}
        for name, passed in (("good", token), ("forged", token[:-4] + "AAAA"), ("none", "")):
            before = caller.set(Caller(token=passed))
            try:
                told[name] = (await stub.Take(proto.Request())).book
            except DeclinedCallError as error:
                told[name] = error.code
            caller.reset(before)
    assert told == {"good": "ada", "forged": "UNAUTHENTICATED", "none": ""}


async def _ready(service: Service) -> None:
    async with asyncio.timeout(5):
        while await service.life.unready():  # noqa: ASYNC110 - a probe asks as well
            await asyncio.sleep(0.05)


async def test_the_socket_is_for_its_own_user_and_is_taken_over_from_a_killed_run(
    shelves: Any, paired: Any, proto: Any, folder: Path
) -> None:
    """Whoever is another user on the machine does not get in."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(f"{folder}/shelves")
    async with paired(shelves()) as stub:
        assert stat.S_IMODE((folder / "shelves").stat().st_mode) == 0o600
        assert (await stub.Take(proto.Request(book="x"))).book == "x"


async def test_a_port_that_is_taken_stops_the_start_with_a_sentence(shelves: Any, folder: Path) -> None:
    """Two processes never share a port by mistake."""
    first = placed(shelves(), folder, listen=Listen(grpc="127.0.0.1:0"))
    async with first.running():
        second = placed(shelves(), folder, listen=Listen(grpc=first.grpc.address))
        with pytest.raises(SetupError, match=r"listen\.grpc: 127\.0\.0\.1:\d+ cannot be opened"):
            await second.start()


async def test_a_method_that_is_not_asynchronous_stops_the_start(shelves: Any, folder: Path) -> None:
    """It would block every other request; one that the author left out is told to callers as missing."""

    def watch(_self: Any, _request: Any, _context: Any) -> Any:
        return iter(())

    service = placed(shelves(Watch=watch), folder, listen=Listen(grpc=f"unix:{folder}/s"))
    with pytest.raises(SetupError, match=r"shelf.v1.Shelf/Watch: is not asynchronous"):
        await service.start()


async def test_a_method_that_the_author_left_out_is_told_as_missing(shelves: Any, paired: Any, proto: Any) -> None:
    """Generated code has it as a plain function, which is no mistake of the author's."""
    async with paired(shelves()) as stub:
        with pytest.raises(DeclinedCallError) as told:
            _ = [reply async for reply in stub.Watch(proto.Request())]
    assert told.value.code == "UNIMPLEMENTED"


class Moody:
    """A part that is ready or not, as the test says."""

    name = "moody"
    level = Level.STORES
    reason: str | None = None

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""

    async def unready(self) -> str | None:
        """Say what the test says."""
        return self.reason


async def test_health_says_what_readiness_says_and_reflection_lists_the_services(shelves: Any, folder: Path) -> None:
    """Asked once, watched, and for a service that is not there."""
    service, moody = shelves(), Moody()
    service.declare(moody)
    placed(service, folder, listen=Listen(grpc=f"unix:{folder}/s"))
    async with service.running(), grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="shelf.v1.Shelf")
        assert (await health.Check(request)).status == SERVING
        watching = health.Watch(health_pb2.HealthCheckRequest())
        seen = [(await watching.read()).status]
        moody.reason = "its store is down"
        seen.append((await watching.read()).status)
        moody.reason = None
        seen.append((await watching.read()).status)
        watching.cancel()
        assert seen == [SERVING, NOT_SERVING, SERVING]
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await health.Check(health_pb2.HealthCheckRequest(service="another"))
        assert told.value.code() is grpc.StatusCode.NOT_FOUND
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        names = [
            found.name
            async for answer in reflection.ServerReflectionInfo(asked)
            for found in answer.list_services_response.service
        ]
        assert {"shelf.v1.Shelf", "grpc.health.v1.Health"} <= set(names)


async def test_a_server_that_ends_finishes_what_is_in_flight_and_tells_who_watches(
    shelves: Any, paired: Any, proto: Any, folder: Path
) -> None:
    """No call that has begun is lost, and nobody's watching holds up the end."""
    begun = asyncio.Event()

    async def take(request: Any, _context: Any) -> Any:
        begun.set()
        await asyncio.sleep(0.3)
        return proto.Reply(book=request.book)

    callee = shelves(take)
    async with paired(callee, timeout=5) as stub, grpc.aio.insecure_channel(f"unix:{folder}/shelves") as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == SERVING
        call = asyncio.create_task(stub.Take(proto.Request(book="x")))
        await begun.wait()
        before = time.monotonic()
        stopping = asyncio.create_task(callee.stop())
        assert (await watching.read()).status == NOT_SERVING
        assert (await call).book == "x"
        await stopping
        assert time.monotonic() - before < 5
        with pytest.raises(CallError):
            await stub.Take(proto.Request(book="late"))


async def test_the_service_gives_up_what_takes_longer_than_it_allows(shelves: Any, proto: Any, folder: Path) -> None:
    """For callers that name no time of their own, as others than ours may."""

    async def take(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(60)

    service = placed(shelves(take), folder, listen=Listen(grpc=f"unix:{folder}/s"), deadline=0.2)
    async with service.running(), grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await proto.Stub(channel).Take(proto.Request())
    assert told.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_service_may_start_again_after_it_has_stopped(shelves: Any, paired: Any, proto: Any) -> None:
    """With new servers and channels, in the same process; the stubs stay."""
    callee, orders = shelves(), Service("orders")
    async with paired(callee, orders) as stub:
        for _ in range(2):
            assert (await stub.Take(proto.Request(book="x"))).book == "x"
            await orders.stop()
            await callee.stop()
            with pytest.raises(RuntimeError, match="before the service has started, or after it has ended"):
                await stub.Take(proto.Request())
            await callee.start()
            await orders.start()

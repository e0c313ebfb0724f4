"""Who reaches whom inside: asked of a real Envoy, past the services' own clients where they would be honest."""

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import asyncpg  # type: ignore[import-untyped] # it has no types
import grpc
import pytest
from tests.local.envoy.conftest import KEY, ask

from fairway.local.certificates import Certificates, Leaf
from fairway.local.run_folder import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.envoy.conftest import Rig

    ClientContext = Callable[[Leaf | None], ssl.SSLContext]

pytestmark = pytest.mark.asyncio(loop_scope="session")

H2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

NOTHING = (b"", b"\x15\x03\x01\x00\x02\x02F")  # the second is TLS for: this is no TLS


async def said(port: int, context: ssl.SSLContext | None, greeting: bytes = H2_GREETING) -> bytes:
    """Give the first bytes that a port says to us; none where it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(greeting)
        return await asyncio.wait_for(reader.read(64), 3)
    except (ConnectionError, ssl.SSLError):
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def test_a_declared_caller_reaches_the_service_which_learns_who_calls(rig: "Rig") -> None:
    """The identity comes from the certificate, whatever the caller writes."""
    seen = (await rig.call("shop-0.to.stock", "/levels")).seen
    assert seen["by"] == "stock-0"
    [caller] = [value for key, value in seen["headers"] if key == "x-forwarded-client-cert"]
    assert "URI=spiffe://cluster.local/ns/demo/sa/shop" in caller


async def test_an_undeclared_caller_is_refused_by_the_callees_proxy(rig: "Rig") -> None:
    """It has a good certificate of this system, and that is not enough."""
    answer = await rig.call("snoop-0.to.stock", "/levels")
    assert answer.status in {403, 503}  # its health checks are refused as well, so that the callee looks down to it
    assert "stock-0" not in answer.text


async def test_a_request_of_an_undeclared_caller_is_denied_by_its_identity(
    rig: "Rig", client_context: "ClientContext"
) -> None:
    """Straight to the port, with a certificate that anybody in the system may have."""
    answers = {
        account: await over_h2(rig, client_context(rig.certificates.leaves[account]))
        for account in ("shop", "snoop", "gateway", "store-db")
    }
    assert answers == {"shop": "OK", "snoop": "PERMISSION_DENIED", "gateway": "PERMISSION_DENIED"} | {
        "store-db": "PERMISSION_DENIED"
    }


async def over_h2(rig: "Rig", context: ssl.SSLContext) -> str:
    """Make a gRPC call over mutual TLS of our own, through a little relay, and give its status."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", rig.port("stock-0"), ssl=context)
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)
        finally:
            far_writer.close()
            writer.close()
            over.set()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(4096):
            target.write(data)
            await target.drain()
        target.close()

    over = asyncio.Event()
    path = rig.run.socket("relay")
    async with await asyncio.start_unix_server(relay, path):
        try:
            await rig.reverse(f"unix:{path}")
        except grpc.aio.AioRpcError as error:
            return error.code().name
        finally:
            await over.wait()
        return "OK"


async def test_plain_text_and_a_client_without_a_certificate_are_hung_up_on(
    rig: "Rig", client_context: "ClientContext"
) -> None:
    """Nothing is said to either."""
    for name in ("shop-0", "stock-0"):
        assert await said(rig.port(name), None) in NOTHING
        assert await said(rig.port(name), client_context(None)) == b""


async def test_the_same_name_from_another_authority_is_refused(
    rig: "Rig", client_context: "ClientContext", tmp_path: "Path"
) -> None:
    """A name is worth what its authority is worth."""
    rogue = Certificates(private_folder(tmp_path / "rogue"), {"shop": rig.certificates.identities["shop"]})
    assert await said(rig.port("stock-0"), client_context(rig.certificates.leaves["shop"]))
    assert await said(rig.port("stock-0"), client_context(rogue.leaves["shop"])) == b""


async def test_an_identity_of_another_system_is_refused_though_the_authority_is_ours(
    rig: "Rig", client_context: "ClientContext", tmp_path: "Path"
) -> None:
    """One authority may serve several systems."""
    shared = private_folder(tmp_path / "same")
    authority = rig.run.state / "authority" / "authority.json"
    (shared / "authority.json").write_bytes(authority.read_bytes())
    other = Certificates(shared, {"shop": "spiffe://cluster.local/ns/other/sa/shop"})
    assert await said(rig.port("stock-0"), client_context(other.leaves["shop"])) == b""


async def test_only_tls_1_3_is_spoken(rig: "Rig", client_context: "ClientContext") -> None:
    """Older versions show the certificates to whoever listens."""
    context = client_context(rig.certificates.leaves["shop"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await said(rig.port("stock-0"), context)


async def test_grpc_and_rest_reach_each_its_own_socket(rig: "Rig") -> None:
    """One port before the replica, two sockets behind it."""
    path = rig.run.socket("shop-0.to.stock")
    answer = await rig.reverse(f"unix:{path}")
    assert answer.startswith(b"cba ")
    assert b"URI=spiffe://cluster.local/ns/demo/sa/shop" in answer
    assert (await rig.call("shop-0.to.stock", "/levels")).seen["by"] == "stock-0"


async def test_a_call_that_fails_is_made_again_as_often_as_declared(rig: "Rig") -> None:
    """Two tries fail, the third answers."""
    path = rig.run.socket("shop-0.to.stock")
    answer = await rig.reverse(f"unix:{path}", "/demo.Stock/AtThird")
    assert answer == b"3"


async def test_a_slow_call_is_given_up_in_time(rig: "Rig") -> None:
    """One second is what the callee gives itself, and what the caller waits."""
    answer = await rig.call("shop-0.to.stock", "/slow?for=3")
    assert answer.status == 504


async def test_a_replica_that_is_not_ready_gets_no_calls_and_another_region_takes_over(rig: "Rig") -> None:
    """Nobody notices; when no region is ready, calls are refused in place of tried."""

    async def answers(wanted: str) -> bool:
        answer = await rig.call("shop-0.to.stock", "/levels")
        assert answer.status == 200 or not wanted
        return (answer.seen["by"] if answer.status == 200 else "") == wanted

    try:
        assert await answers("stock-0")
        rig.unwell.add("stock-0")
        await rig.until(lambda: answers("stock-1"))
        rig.unwell.add("stock-1")
        await rig.until(lambda: answers(""))
    finally:
        rig.unwell.clear()
        await rig.until(rig.is_whole)
    await rig.until(lambda: answers("stock-0"))


async def test_more_calls_at_once_than_declared_are_refused_at_once(rig: "Rig") -> None:
    """Two run, and two wait for none of them."""
    answers = await asyncio.gather(*[rig.call("shop-0.to.stock", "/slow?for=0.8") for _ in range(8)])
    assert sorted(one.status for one in answers) == [200] * 2 + [503] * 6


async def test_a_plain_driver_reaches_postgresql_over_mutual_tls(rig: "Rig") -> None:
    """The service sees a socket; between the two proxies is TLS with both identities."""
    folder = rig.run.socket_folder("shop-0.store.db")
    connection = await asyncpg.connect(host=str(folder), user="postgres", database="postgres", ssl=False)
    try:
        assert await connection.fetchval("select 6 * 7") == 42
    finally:
        await connection.close()
    assert await rig.envoy.stats("listener.127.0.0.1.*ssl.handshake")


async def test_a_service_that_does_not_declare_the_store_gets_no_connection(
    rig: "Rig", client_context: "ClientContext"
) -> None:
    """The store says nothing to it; to the one that declares it, it does."""
    store = rig.places.stores[0]
    ask_for_tls = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
    assert await said(store.port, client_context(rig.certificates.leaves["shop"]), ask_for_tls) == b"N"
    assert await said(store.port, client_context(rig.certificates.leaves["snoop"]), ask_for_tls) == b""
    assert await said(store.port, None, ask_for_tls) in NOTHING


async def test_a_store_at_a_port_is_reached_with_the_replicas_key_alone(
    rig: "Rig", client_context: "ClientContext"
) -> None:
    """Anybody on the machine may connect to loopback; who knows the key is the replica."""

    def signed(key: str) -> list[tuple[str, str]]:
        return [("authorization", f"AWS4-HMAC-SHA256 Credential={key}/20260101/eu/dynamodb/aws4_request, Signature=x")]

    tries = [signed(KEY), signed("other"), signed(KEY[:-1]), signed(f"x{KEY}"), []]
    answers = [await asyncio.to_thread(ask, rig.items_port, "/", "POST", headers) for headers in tries]
    assert [one.status for one in answers] == [200, 403, 403, 403, 403]
    store = rig.places.stores[1]
    assert await said(store.port, client_context(rig.certificates.leaves["snoop"]), b"GET / HTTP/1.1\r\n\r\n") == b""
    assert await said(store.port, None, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n") in NOTHING


async def test_the_sockets_are_their_owners_alone(rig: "Rig") -> None:
    """Whoever could open a caller's socket would be the caller."""
    for name in ("shop-0.to.stock", "all.admin"):
        assert rig.run.socket(name).stat().st_mode & 0o777 == 0o600

"""Requests that no honest client writes, byte for byte, at a real gateway: none reaches what it may not."""

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.local.envoy.conftest import Rig

pytestmark = pytest.mark.asyncio(loop_scope="session")

OK, RESET, GONE = "200", "reset", "gone"


async def raw(rig: "Rig", sent: bytes) -> list[int]:
    """Send bytes, and give the status of every answer until the gateway hangs up or says nothing more for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.gateway_port)
    found = b""
    try:
        writer.write(sent)
        while more := await asyncio.wait_for(reader.read(65536), 0.3 if found else 3):
            found += more
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", found)]


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """Write a request as it is given."""
    return b"\r\n".join((line, *headers, b"", body))


HOST = b"host: shop.example.com"


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        (b"/shop/books%00", {400}),
        (b"/shop/books/\x00/../orders", {400}),
        (b"/shop/books%2f..%2forders", {400}),
        (b"/shop/books%2F%2e%2e%2Forders", {400}),
        (b"/shop/books%5c..%5corders", {400}),
        (b"/shop/books/%2e%2e/%2E%2E/stock/", {401}),
        (b"/shop/books/.%2e/orders", {401}),
        (b"/shop/books/..;/orders", {401}),
        (b"/shop/books/7;/../../orders", {401}),
        (b"/shop/books/%252e%252e%252forders", {200}),  # one part of a path that the service reads as it is
        (b"/shop/books//", {401}),
        (b"///shop/orders", {401}),
        (b"/%73hop/orders", {401}),
        (b"/SHOP/books", {401}),
        (b"/shop/orders#/shop/books", {400, 401}),
        (b"/shop/orders?/../books", {401}),
        (b"/-/idp/%2e%2e/%2e%2e/shop/orders", {401}),
        (b"/-/idp/..\\..\\shop\\orders", {401}),
        (b"shop/books", {400}),
        (b"*", {400}),
        (b"/shop/b\xc3\xb6oks", {400, 401}),
        (b"/../../shop/orders", {400, 401}),
    ],
)
async def test_a_path_is_read_in_one_way_or_refused(rig: "Rig", path: bytes, statuses: set[int]) -> None:
    """What has dots, slashes or nothing at all in disguise is what it means, and needs its token."""
    [status] = await raw(rig, request(b"GET " + path + b" HTTP/1.1", HOST))
    assert status in statuses
    if status == 200:
        assert "/orders" not in (await rig.ask(path.decode())).seen["path"]


@pytest.mark.parametrize(
    ("line", "headers", "statuses"),
    [
        (b"GET http://evil.example.com/shop/orders HTTP/1.1", [HOST], {401}),
        (b"GET http://shop.example.com/shop/books/../orders HTTP/1.1", [HOST], {401}),
        (b"GET http://shop.example.com/shop/books HTTP/1.1", [b"host: other.example.com"], {200}),
        (b"GET //evil.example.com/shop/orders HTTP/1.1", [HOST], {401, 404}),
        (b"CONNECT shop.example.com:443 HTTP/1.1", [HOST], {400, 401, 403, 404}),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1", [b"host: 127.0.0.1:22"], {400, 401, 403, 404}),
        (b"OPTIONS * HTTP/1.1", [HOST], {400, 401, 404}),
        (b"TRACE /shop/orders HTTP/1.1", [HOST], {400, 401, 405}),
        (b"GET /shop/books HTTP/1.1", [HOST, b"host: evil.example.com"], {400}),
        (b"GET /shop/books HTTP/1.1", [], {400}),
        (b"GET /shop/books HTTP/1.0", [], {400, 426}),
        (b"GET /shop/books HTTP/1.1", [b"host: evil.example.com/../x"], {400}),
        (b"GET /shop/orders HTTP/9.9", [HOST], {400, 426}),
        (b"get /shop/orders HTTP/1.1", [HOST], {400, 401}),
        (b"GET /shop/books HTTP/1.1", [HOST, b"x-tenant\x00: west"], {400}),
        (b"GET /shop/books HTTP/1.1", [HOST, b"x-some: a\x00b"], {400}),
        (b"GET /shop/books HTTP/1.1", [HOST, b"x-some : a"], {400}),
        (b"GET /shop/books HTTP/1.1", [HOST, b": a"], {400}),
        (b"GET /shop/books HTTP/1.1", [HOST, b"x_tenant: west"], {400}),
        (b"GET /shop/books HTTP/1.1", [HOST, b"x-big: " + b"a" * 100_000], {431}),
    ],
)
async def test_a_request_line_or_a_header_with_two_meanings_has_none(
    rig: "Rig", line: bytes, headers: list[bytes], statuses: set[int]
) -> None:
    """Another host, a way through, a line that goes on: refused, or answered as what it plainly is."""
    [status] = await raw(rig, request(line, *headers))
    assert status in statuses


SMUGGLED = b"GET /shop/orders HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        [b"content-length: 4", b"transfer-encoding: chunked"],
        [b"transfer-encoding: chunked", b"content-length: 4"],
        [b"content-length: 0", b"content-length: 42"],
        [b"content-length: 0, 42"],
        [b"content-length: +0"],
        [b"content-length: -1"],
        [b"content-length: 0x2"],
        [b"transfer-encoding: chunked, identity"],
        [b"transfer-encoding: identity, chunked"],
        [b"transfer-encoding: xchunked"],
        [b"transfer-encoding:\x0bchunked"],
        [b"transfer-encoding : chunked"],
        [b"transfer-encoding: chunked", b"transfer-encoding: cow"],
        [b"Transfer-Encoding:", b" chunked"],
    ],
)
async def test_a_length_that_is_told_twice_or_oddly_smuggles_nothing(rig: "Rig", headers: list[bytes]) -> None:
    """The gateway and the service must agree where a request ends: here nobody asks the service at all."""
    before = await _let_through(rig)
    sent = request(b"POST /shop/books HTTP/1.1", HOST, *headers, body=b"0\r\n\r\n" + SMUGGLED)
    assert set(await raw(rig, sent)) <= {400, 401, 501}
    assert await _let_through(rig) == before


async def test_a_second_request_behind_an_honest_first_one_is_judged_by_itself(rig: "Rig") -> None:
    """The first has no token and needs none; the second gains nothing from that."""
    first = request(b"GET /shop/books HTTP/1.1", HOST)
    assert await raw(rig, first + SMUGGLED) == [200, 401]


async def test_identity_is_never_taken_from_outside_however_its_header_is_written(rig: "Rig") -> None:
    """In capitals, twice, with a comma, as a trailer's name, or asked to be kept hop by hop."""
    spoofs = {
        "X-TENANT": "west",
        "x-Forwarded-Client-Cert": "By=a;URI=spiffe://cluster.local/ns/demo/sa/shop",
        "X-Fairway-Consumer": "root",
        "X-Envoy-External-Address": "10.0.0.1",
        "X-Envoy-Decorator-Operation": "x",
        "x-envoy-original-dst-host": "127.0.0.1:1",
        "Connection": "x-tenant, x-forwarded-client-cert",
    }
    seen = (await rig.ask("/shop/books", headers=spoofs)).seen
    values = {value for key, value in seen["headers"] if key != "connection"}
    assert not values & {"west", "root", "10.0.0.1", "x", "127.0.0.1:1"}
    assert not any("URI=spiffe://cluster.local/ns/demo/sa/shop" in value for value in values)
    assert not any(
        name == "folded" for name, _ in (await rig.ask_with("/shop/books", [("x", "a\r\n folded: b")])).seen["headers"]
    )
    doubled = await rig.ask_with("/shop/books", [("x-tenant", "east, west"), ("X-Tenant", "west")])
    assert "x-tenant" not in dict(doubled.seen["headers"])


# HTTP/2, frame by frame

GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop"), (b":path", b"/shop/books")]


def changed(**pseudo: bytes) -> list[tuple[bytes, bytes]]:
    """Give an honest request with other pseudo headers."""
    return [(name, pseudo.get(name.decode().strip(":"), value)) for name, value in GET]


async def h2(rig: "Rig", headers: "Iterable[tuple[bytes, bytes]]") -> str:
    """Send one request, and give 200, another answer's first byte, or how the gateway let go of it."""
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.gateway_port)
    try:
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"") + _frame(1, 5, 1, block))
        async with asyncio.timeout(3):
            while True:
                head = await reader.readexactly(9)
                content = await reader.readexactly(int.from_bytes(head[:3], "big"))
                if head[3] == 1:
                    return OK if content.lstrip(b"\x20")[0] == 0x88 else f"{content[0]:x}"
                if head[3] in {3, 7}:
                    return RESET if head[3] == 3 else GONE
    except (asyncio.IncompleteReadError, ConnectionError):
        return GONE
    finally:
        writer.close()


def _text(text: bytes) -> bytes:
    assert len(text) < 127, "a longer one has its length in several bytes"
    return bytes([len(text)]) + text


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


async def test_an_honest_request_in_http_2_is_answered(rig: "Rig") -> None:
    """Else the next test would prove nothing."""
    assert await h2(rig, GET) == OK


@pytest.mark.parametrize(
    "headers",
    [
        changed(path=b"/shop/orders"),
        changed(path=b"/shop/books/../orders"),
        changed(path=b"/shop/books%2f..%2forders"),
        changed(path=b""),
        changed(path=b"shop/books"),
        changed(path=b"/shop/books HTTP/1.1\r\nx-tenant: west"),
        changed(path=b"http://shop/shop/books"),
        changed(method=b"GET /shop/orders HTTP/1.1\r\nhost: x\r\n\r\nGET"),
        changed(method=b""),
        changed(authority=b"shop\r\nx-tenant: west"),
        [*GET, (b":path", b"/shop/orders")],
        [*GET, (b":unknown", b"x")],
        [(b"x-first", b"1"), *GET],
        GET[:-1],
        GET[1:],
        [*GET, (b"X-Tenant", b"west")],
        [*GET, (b"x-some", b"a\r\nx-tenant: west")],
        [*GET, (b"x-so\nme", b"a")],
        [*GET, (b"transfer-encoding", b"chunked")],
        [*GET, (b"connection", b"keep-alive")],
        [*GET, (b"content-length", b"7")],
        [*GET, (b"x_tenant", b"west")],
    ],
)
async def test_a_request_in_http_2_that_http_1_would_read_otherwise_is_refused(
    rig: "Rig", headers: list[tuple[bytes, bytes]]
) -> None:
    """The service speaks HTTP/1: what is two headers or two requests there must not get as far."""
    before = await _let_through(rig)
    assert await h2(rig, headers) != OK
    assert await _let_through(rig) == before


async def _let_through(rig: "Rig") -> int:
    found = await rig.envoy.stats(r"^cluster\.shop-0\.rest\.upstream_rq_total$")
    return int(next(iter(found.values()), "0"))

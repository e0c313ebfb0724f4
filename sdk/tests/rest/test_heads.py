"""What comes before a body and behind it has an end, and a caller cannot pass off the one for the other."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fastapi import Request

from fairway_sdk import Service
from fairway_sdk.contract.binding import Listen
from fairway_sdk.rest import head
from fairway_sdk.testing.placing import placed

CHUNKED = b"POST /sent HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
PIECES = 64  # of 64 KiB


def shop(folder: Path) -> Service:
    """Make a service that tells which headers it was sent."""
    service = placed(Service("shop"), folder, listen=Listen(rest=f"unix:{folder}/rest"), drain=1.0)

    @service.post("/sent")
    async def sent(request: Request) -> list[str]:
        await request.body()
        return sorted(request.headers)

    return service


async def send(folder: str, *pieces: bytes) -> bytes:
    """Send pieces one after the other, and give the answer; nothing where the connection was cut."""
    reader, writer = await asyncio.open_unix_connection(f"{folder}/rest")
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        b"GET /sent HTTP/1.1\r\nx-long: ",
        CHUNKED + b"0\r\nx-long: ",
        CHUNKED + b"1;",
    ],
    ids=["path", "header", "trailer", "extension"],
)
async def test_what_never_ends_is_cut_off(begun: bytes) -> None:
    """The parser would keep it all, and copy it with each piece: seconds without any other request."""
    with TemporaryDirectory(prefix="fw-") as folder:
        async with shop(Path(folder)).running():
            async with asyncio.timeout(5):
                answer = await send(folder, begun, *([b"a" * 65536] * PIECES))
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


async def test_a_head_that_comes_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that only begins to ask costs a file descriptor for a while, not for ever."""
    monkeypatch.setattr(head, "WITHIN", 0.2)
    with TemporaryDirectory(prefix="fw-") as folder:
        async with shop(Path(folder)).running():
            assert (await send(folder, b"GET /sent HT")).startswith(b"HTTP/1.1 400 ")
            slow = [CHUNKED, b"1\r\n", b"a\r\n", b"0\r\n\r\n"]
            assert (await send(folder, *slow)).startswith(b"HTTP/1.1 200 ")


async def test_a_trailer_is_no_header() -> None:
    """A proxy that removes headers from outside, as the tenant's, does not look behind the body."""
    with TemporaryDirectory(prefix="fw-") as folder:
        async with shop(Path(folder)).running():
            answer = await send(folder, CHUNKED + b"2\r\n{}\r\n0\r\nx-tenant: another\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"x-tenant" not in answer

"""Asks over HTTP for a document of bounded size, at `unix:/path` or `host:port`."""

import asyncio
from typing import Final

ANSWERS_WITHIN: Final = 2.0  # seconds
LARGEST: Final = 8 << 20  # bytes of a document
LARGEST_HEAD: Final = 1 << 16
UNIX: Final = "unix:"


async def fetch(address: str, path: str, within: float = ANSWERS_WITHIN) -> bytes:
    """Give the document at a path; `OSError` where nobody answers in time, or not with this document."""
    try:
        async with asyncio.timeout(within):
            return await _fetch(address, path)
    except TimeoutError as error:
        raise OSError(f"{address} gave no answer within {within:g} s") from error
    except (ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise OSError(f"{address} speaks no HTTP") from error


async def _fetch(address: str, path: str) -> bytes:
    reader, writer = await _connect(address)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        status = int(head[0].split(b" ", 2)[1])
        if status != 200:  # noqa: PLR2004 - HTTP's OK
            raise OSError(f"{address} answers {status} at {path}")
        fields = dict(line.split(b":", 1) for line in head[1:] if b":" in line)
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return await _chunks(reader)
        length = fields.get(b"content-length")
        if length is None:
            found = bytearray()
            while more := await reader.read(LARGEST):
                _size(len(more), len(found))
                found += more
            return bytes(found)
        return await reader.readexactly(_size(int(length), 0))
    finally:
        writer.close()


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith(UNIX):
        return await asyncio.open_unix_connection(address.removeprefix(UNIX), limit=LARGEST_HEAD)
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port), limit=LARGEST_HEAD)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        found += await reader.readexactly(_size(size, len(found)))
        await reader.readexactly(2)
    return bytes(found)


def _size(more: int, before: int) -> int:
    if not 0 <= more <= LARGEST - before:
        raise OSError(f"the document is larger than {LARGEST} bytes")
    return more

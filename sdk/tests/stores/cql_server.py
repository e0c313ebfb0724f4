"""A few words of Cassandra's protocol (version 4), enough for its driver to connect, prepare, and read pages.

It keeps no data and knows no CQL: it answers every statement with the rows that a test put down for it. What it proves
is our side of the driver: threads and futures, pages, time-outs, credentials. It proves nothing about Cassandra.
"""

import asyncio
import struct
from enum import IntEnum
from types import TracebackType
from typing import Self

HEADER = struct.Struct("!BBhBi")
REQUESTED, ANSWERED = 0x04, 0x84


class Word(IntEnum):
    """What a driver asks."""

    STARTUP = 0x01
    OPTIONS = 0x05
    QUERY = 0x07
    PREPARE = 0x09
    EXECUTE = 0x0A
    REGISTER = 0x0B
    AUTH_RESPONSE = 0x0F


ERROR, READY, AUTHENTICATE, SUPPORTED, RESULT, AUTH_SUCCESS = 0x00, 0x02, 0x03, 0x06, 0x08, 0x10
TEXT, INET, UUID, TEXTS = 0x0D, 0x10, 0x0C, 0x22

SYSTEM = [
    ("key", TEXT, b"local"),
    ("cluster_name", TEXT, b"test"),
    ("data_center", TEXT, b"local"),
    ("rack", TEXT, b"one"),
    ("release_version", TEXT, b"4.1.0"),
    ("partitioner", TEXT, b"org.apache.cassandra.dht.Murmur3Partitioner"),
    ("host_id", UUID, bytes(16)),
    ("schema_version", UUID, bytes(16)),
    ("rpc_address", INET, bytes([127, 0, 0, 1])),
    ("broadcast_address", INET, bytes([127, 0, 0, 1])),
    ("listen_address", INET, bytes([127, 0, 0, 1])),
]


def text(value: str) -> bytes:
    """Write a short text."""
    content = value.encode()
    return struct.pack("!H", len(content)) + content


OTHER_VERSION = ERROR, struct.pack("!i", 0x0A) + text("Invalid or unsupported protocol version; highest is 4")


def rows(columns: list[tuple[str, int]], found: list[list[bytes]], next_page: bytes = b"") -> bytes:
    """Write a result of rows."""
    flags = 0x01 | (0x02 if next_page else 0)
    body = struct.pack("!iii", 2, flags, len(columns))
    if next_page:
        body += struct.pack("!i", len(next_page)) + next_page
    body += text("shop") + text("book") + b"".join(text(name) + struct.pack("!H", kind) for name, kind in columns)
    body += struct.pack("!i", len(found))
    return body + b"".join(struct.pack("!i", len(cell)) + cell for row in found for cell in row)


class CqlServer:
    """A server on a loopback port; statements that name `silent` get no answer, `book` gives three pages of titles."""

    def __init__(self, password: str = "") -> None:
        self.password = password
        self.signed_in: list[str] = []
        self.asked = asyncio.Event()  # for a password
        self.prepared: list[str] = []
        self.executed: list[str] = []
        self.consistency: set[int] = set()
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def connections(self) -> int:
        """Count who is connected now."""
        return sum(not writer.is_closing() for writer in self._writers)

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, at: TracebackType | None) -> None:
        """Hang up on everybody."""
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                version, _, stream, operation, length = HEADER.unpack(await reader.readexactly(HEADER.size))
                body = await reader.readexactly(length)
                answer = self._answer(operation, body) if version == REQUESTED else OTHER_VERSION
                if answer is not None:
                    writer.write(HEADER.pack(ANSWERED, 0, stream, answer[0], len(answer[1])) + answer[1])
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, operation: int, body: bytes) -> tuple[int, bytes] | None:  # noqa: PLR0911 - one for each word
        match operation:
            case Word.OPTIONS:
                versions = text("CQL_VERSION") + struct.pack("!H", 1) + text("3.4.5")
                return SUPPORTED, struct.pack("!H", 2) + versions + text("COMPRESSION") + struct.pack("!H", 0)
            case Word.STARTUP:
                return (AUTHENTICATE, text("PasswordAuthenticator")) if self.password else (READY, b"")
            case Word.AUTH_RESPONSE:
                _, user, password = body[4:].split(b"\0")
                self.asked.set()
                self.signed_in.append(f"{user.decode()}:{password.decode()}")
                if password.decode() == self.password:
                    return AUTH_SUCCESS, struct.pack("!i", -1)
                return ERROR, struct.pack("!i", 0x0100) + text("Provided username and/or password are incorrect")
            case Word.REGISTER:
                return READY, b""
            case Word.PREPARE:
                statement = body[4:].decode()
                self.prepared.append(statement)
                number = bytes([len(self.prepared)])
                bound = struct.pack("!iiiH", 0x01, 1, 1, 0) + text("shop") + text("book") + text("id") + b"\0\x0d"
                return RESULT, struct.pack("!i", 4) + struct.pack("!H", 1) + number + bound + struct.pack(
                    "!ii", 0x04, 0
                )
            case Word.EXECUTE:
                return self._run(self.prepared[body[2] - 1], body[3:])
            case _:
                (length,) = struct.unpack("!i", body[:4])
                return self._run(body[4 : 4 + length].decode(), body[4 + length :])

    def _run(self, statement: str, options: bytes) -> tuple[int, bytes] | None:
        self.executed.append(statement)
        if "system.local" in statement:
            return RESULT, rows([(name, kind) for name, kind, _ in SYSTEM], [[value for _, _, value in SYSTEM]])
        if "system" in statement:
            return RESULT, rows([("peer", INET)], [])
        self.consistency.add(struct.unpack("!H", options[:2])[0])
        if "silent" in statement:
            return None
        if "book" in statement:
            page = max((at for at in (1, 2) if f"page-{at}".encode() in options), default=0)
            found = [[f"title {page}-{at}".encode()] for at in range(2)]
            return RESULT, rows([("title", TEXT)], found, f"page-{page + 1}".encode() if page < 2 else b"")
        return RESULT, struct.pack("!i", 1)

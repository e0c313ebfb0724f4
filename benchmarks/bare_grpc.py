"""The two ends of a gRPC call with nothing of a library: frames of HTTP/2 as they go over the wire, made beforehand."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

BODY = b"0123456789abcdef"
METHOD = b"/demo.Callee/Say"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8  # kinds of frames
END_STREAM, ACK, END_HEADERS = 1, 1, 4  # their flags
HEAD = 9  # bytes before a frame's content

Frame = tuple[int, int, int, bytes]  # kind, flags, stream, content


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    """Write a frame."""
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def field(name: bytes, value: bytes) -> bytes:
    """Write a header in full, without a table."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


MESSAGE = b"\0" + len(BODY).to_bytes(4, "big") + BODY
GRPC = field(b"content-type", b"application/grpc")
ASKED = (
    field(b":method", b"POST")
    + field(b":scheme", b"http")
    + field(b":path", METHOD)
    + field(b":authority", b"callee")
    + field(b"te", b"trailers")
    + GRPC
)
ANSWERED = field(b":status", b"200") + GRPC
ENDED = field(b"grpc-status", b"0")
# A window for all that will ever come: nobody then has to tell that it was read.
OPENED = frame(SETTINGS, 0, 0) + frame(WINDOW, 0, 0, (2**31 - 1 - 65_535).to_bytes(4, "big"))


class Frames:
    """Takes bytes as they come, and gives whole frames."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.kept = b""

    def taken(self, came: bytes = b"") -> Iterator[Frame]:
        """Give what is whole by now."""
        self.kept += came
        while len(self.kept) >= HEAD and len(self.kept) >= (end := HEAD + int.from_bytes(self.kept[:3], "big")):
            found, self.kept = self.kept[:end], self.kept[end:]
            yield found[3], found[4], int.from_bytes(found[5:HEAD], "big"), found[HEAD:]


def courtesy(kind: int, flags: int, content: bytes) -> bytes:
    """Answer what a connection wants for itself."""
    if kind in {SETTINGS, PING} and not flags & ACK:
        return frame(kind, ACK, 0, content if kind == PING else b"")
    return b""


class Callee(asyncio.Protocol):
    """Answers every call at once with the same message."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._frames, self._greeted = transport, Frames(), False
        transport.write(OPENED)

    def data_received(self, data: bytes) -> None:
        """Answer in one piece."""
        if not self._greeted:
            data, self._greeted = data.removeprefix(PREFACE), True
        said = b""
        for kind, flags, stream, content in self._frames.taken(data):
            said += courtesy(kind, flags, content)
            if kind == DATA and flags & END_STREAM:
                said += frame(HEADERS, END_HEADERS, stream, ANSWERED) + frame(DATA, 0, stream, MESSAGE)
                said += frame(HEADERS, END_HEADERS | END_STREAM, stream, ENDED)
        if said:
            self._transport.write(said)


class Caller:
    """One connection, and one call after another."""

    def __init__(self, path: Path) -> None:
        """Connect."""
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(path))
        self._line.sendall(PREFACE + OPENED)
        self._stream = -1
        self._frames = Frames()

    def once(self) -> float:
        """Call, and give the seconds it took."""
        self._stream += 2
        asked = frame(HEADERS, END_HEADERS, self._stream, ASKED) + frame(DATA, END_STREAM, self._stream, MESSAGE)
        began = time.perf_counter()
        self._line.sendall(asked)
        message = b""
        while came := self._line.recv(65_536):
            for kind, flags, stream, content in self._frames.taken(came):
                assert kind not in {RESET, GOAWAY}, content
                if answer := courtesy(kind, flags, content):
                    self._line.sendall(answer)
                if stream == self._stream:
                    message += content if kind == DATA else b""
                    if flags & END_STREAM:
                        took = time.perf_counter() - began
                        assert message == MESSAGE, content
                        return took
        raise ConnectionError("the connection ended")

"""Lines of logs in memory: packed, of each process the newest, and never more than there is room for."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from fairway.local.telemetry.records import Line

ROOM: Final = 6 << 20  # bytes of all lines together
MOST_OF_ONE: Final = 5_000  # lines of one process
ROOM_OF_ONE: Final = 1 << 20
MOST_PROCESSES: Final = 500  # what others send may come from anybody
EACH: Final = 180  # bytes that keeping one takes beside its own
LEVELS: Final = ("debug", "info", "warning", "error")

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Line).decode


class _Kept(NamedTuple):
    number: int
    level: int
    packed: bytes


class _Process:
    """The newest lines of one process."""

    def __init__(self) -> None:
        self.kept: deque[_Kept] = deque()
        self.size = 0

    def drop(self) -> int:
        """Forget the oldest line, and give the bytes that this frees."""
        size = len(self.kept.popleft().packed) + EACH
        self.size -= size
        return size


class Lines:
    """The newest lines of all processes."""

    def __init__(self, room: int = ROOM) -> None:
        """Take the bytes that there is room for."""
        self._room = room
        self._used = 0
        self._number = 0
        self._processes: dict[tuple[str, str], _Process] = {}

    @property
    def used(self) -> int:
        """Tell how many bytes are taken."""
        return self._used

    def add(self, lines: Iterable[Line]) -> None:
        """Keep lines, and number them; the oldest of whoever has most make room for them."""
        for line in lines:
            self._number += 1
            packed = _pack(msgspec.structs.replace(line, number=self._number))
            process = self._of(line.process, line.service)
            process.kept.append(_Kept(self._number, LEVELS.index(line.level), packed))
            process.size += len(packed) + EACH
            self._used += len(packed) + EACH
            while len(process.kept) > MOST_OF_ONE or process.size > ROOM_OF_ONE:
                self._used -= process.drop()
            while self._used > self._room:
                self._used -= max(self._processes.values(), key=lambda one: one.size).drop()

    def _of(self, process: str, service: str) -> _Process:
        found = self._processes.get((process, service))
        if found is None:
            key = (process, service) if len(self._processes) < MOST_PROCESSES else ("", "")
            found = self._processes.setdefault(key, _Process())
        return found

    def newest(  # noqa: PLR0913 - all that a list of lines is narrowed by
        self, *, after: int = 0, process: str = "", level: str = "", trace: str = "", text: str = "", limit: int = 200
    ) -> Sequence[Line]:
        """Give the newest lines that fit, the oldest of them first."""
        least = LEVELS.index(level) if level in LEVELS else 0
        wanted = [kept for (name, service), kept in self._processes.items() if process in {"", name, service}]
        found: list[Line] = []
        for one in heapq.merge(*(reversed(each.kept) for each in wanted), key=lambda kept: -kept.number):
            if one.number <= after or len(found) >= limit:
                break
            if one.level >= least and (line := _fitting(one.packed, trace, text.lower())) is not None:
                found.append(line)
        return found[::-1]


def _fitting(packed: bytes, trace: str, text: str) -> Line | None:
    """Give a line that is of this trace and says this; most are out before they are unpacked."""
    if trace.encode() not in packed or (text.isascii() and text.encode() not in packed.lower()):
        return None
    line = _unpack(packed)
    if trace not in {"", line.trace}:
        return None
    return line if not text or any(text in said.lower() for said in _said(line)) else None


def _said(line: Line) -> Iterator[str]:
    yield line.message
    yield line.process
    for name, value in line.fields.items():
        yield name
        yield str(value)

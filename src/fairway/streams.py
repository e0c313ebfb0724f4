"""Standard output and error, made safe to print to: closed, full, or on a terminal that lacks a letter."""

import codecs
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

PLAIN = "fairway.plain"  # the way to write what an encoding has no letter for
_NEAREST = str.maketrans({"━": "-", "»": ">", "«": "<", "↳": ">", "→": ">", "—": "-", "·": "."})


def prepare() -> None:
    """Make printing safe: on a stream that is closed, and on a terminal that lacks a letter."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller: `fairway build >&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif name == "stdout" and isinstance(stream, io.TextIOWrapper):
            codecs.register_error(PLAIN, _plain)
            stream.reconfigure(errors=PLAIN)


def for_programs() -> None:
    """Print UTF-8 whatever the terminal is: JSON and SVG are read by programs."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors=PLAIN)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Write a sign that cannot be written as the nearest of ASCII, and any other letter as '?'."""
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end].translate(_NEAREST)
    return "".join(letter if letter.isascii() else "?" for letter in letters), error.end


def say(text: str) -> None:
    """Tell the user on standard error, as far as it can still be written."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """Send what *stream* still holds nowhere; the interpreter would try it once more at its end, and complain."""
    with suppress(OSError, ValueError):  # a stream without a descriptor has nothing to send
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

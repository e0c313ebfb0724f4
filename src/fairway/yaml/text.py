"""Check a YAML file's bytes before they are parsed, and put the parser's complaints into plain words."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from yaml.error import MarkedYAMLError

Fault: TypeAlias = tuple[int, str, str]
"""A line (0 for the whole file), what is wrong there and what to do."""

TEMPLATE: Final = ("this looks like a template.", "Render it first, or quote the value.")

_UTF16_AND_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_ASCII_HIDDEN = bytes(code for code in range(128) if _HIDDEN.match(chr(code)))
_TAG_DIRECTIVES = 100  # the C parser compares each with all others
_SHOWN = 60
_LOOKED_AT = 1000  # characters of a line

_OPEN = "what is opened here is not closed, or a comma is missing."
_INDENT = "Check the indentation and the quotes here."
_QUOTE = "Quote the value."
_WORDS: Final[dict[str, tuple[bool, str, str]]] = {
    # What the parser says: whether the fault is where its context starts, what is wrong, what to do.
    "could not find expected ':'": (True, "this line has no ':' after its key.", _INDENT),
    "mapping values are not allowed in this context": (
        False,
        "a ': ' is not allowed here.",
        "Check the indentation, or quote the value.",
    ),
    "block sequence entries are not allowed in this context": (False, "a '- ' is not allowed here.", _INDENT),
    "did not find expected key": (False, "this does not continue the mapping above it.", _INDENT),
    "did not find expected '-' indicator": (False, "this does not continue the list above it.", _INDENT),
    "did not find expected ',' or ']'": (True, _OPEN, "Close it with ']'."),
    "did not find expected ',' or '}'": (True, _OPEN, "Close it with '}'."),
    "did not find expected node content": (
        False,
        "a value is missing here, or a bracket above is not closed.",
        "Close the bracket, or quote the value.",
    ),
    "did not find expected <document start>": (False, "the document ends above this line.", _INDENT),
    "found unexpected end of stream": (True, "the quote opened here is not closed.", "Close it."),
    "found unexpected document indicator": (True, "the quote opened here is not closed.", "Close it."),
    "found unknown escape character": (
        False,
        "this escape is not one of YAML's.",
        "Use single quotes, or write '\\\\'.",
    ),
    "found undefined tag handle": (False, "this tag's handle is not declared.", "Remove the tag."),
}
_FIRST_CHARACTERS = {"\t": ("a tab is used where only spaces may indent.", "Indent with spaces.")}


class UnreadableError(Exception):
    """Nothing of a file can be read as text; its arguments are a fault."""


def decode(data: str | bytes, most: int) -> tuple[str, Iterable[Fault]]:
    """Give *data* as text the parser takes, line breaks as LF, and what is wrong with it as text.

    UnreadableError where nothing of it can be read: over *most* bytes, another encoding, a binary file.
    """
    raw = data if isinstance(data, bytes) else _encoded(data)
    if len(raw) > most:
        raise UnreadableError(0, f"is {len(raw):,} bytes long; up to {most:,} are read.", "Split it.")
    if raw.startswith(_UTF16_AND_32):
        raise UnreadableError(0, "is UTF-16 or UTF-32.", "Save it as UTF-8.")
    if b"\0" in raw:
        raise UnreadableError(0, "looks like a binary file.", "Give a text file.")
    try:
        text = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, f"byte 0x{raw[error.start]:02x} is not UTF-8.", "Save the file as UTF-8.") from None
    if text.count("%TAG") >= _TAG_DIRECTIVES:
        raise UnreadableError(0, f"declares {_TAG_DIRECTIVES} or more '%TAG' handles.", "Remove them.")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(raw.translate(None, _ASCII_HIDDEN)) == len(raw) and (raw.isascii() or not _HIDDEN.search(text)):
        return text, []
    return _HIDDEN.sub("\ufffd", text), _hidden_characters(text)


def _encoded(text: str) -> bytes:
    """Encode *text*; what cannot be encoded is half a character."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        half = f"U+{ord(text[error.start]):04X}"
        raise UnreadableError(line, f"holds half a character, {half}.", "Remove it.") from None


def _hidden_characters(text: str) -> Iterator[Fault]:
    """Name the first hidden character of each line that has one."""
    line, position = 1, 0
    while found := _HIDDEN.search(text, position):
        line += text.count("\n", position, found.start())
        fix = "Remove it, or write it as an escape in double quotes."
        yield line, f"holds the hidden character U+{ord(found[0]):04X}.", fix
        position = text.find("\n", found.start())
        if position < 0:
            return


def explain(error: MarkedYAMLError, text: str) -> tuple[int, int, str, str]:
    """Give the position where *error* is to be mended in *text*, where it arose, what is wrong and what to do."""
    problem = error.problem or "is not valid YAML"
    at_context, says, fix = _WORDS.get(problem, (False, f"not valid YAML: {problem}.", ""))
    marks = [mark.index for mark in (error.context_mark, error.problem_mark) if mark] or [0]
    at, position = marks[0] if at_context else marks[-1], marks[-1]
    character = text[position : position + 1]
    if "cannot start any token" in problem:
        unquoted = (f"a value cannot start with '{shown(character)}'.", _QUOTE)
        says, fix = _FIRST_CHARACTERS.get(character, unquoted)
    if is_template(text, at):
        says, fix = TEMPLATE
    return at, position, says, fix


def is_template(text: str, position: int) -> bool:
    """Tell whether the line of *text* around *position* holds a placeholder of Helm, Jinja and the like."""
    start = text.rfind("\n", 0, position) + 1
    line = text[start : start + _LOOKED_AT].partition("\n")[0]
    return "{{" in line or "{%" in line


def shown(text: str) -> str:
    """Write *text* from the file so that it fits a message and cannot upset a terminal."""
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return short if short.isprintable() else short.encode("unicode_escape").decode()

"""Write YAML in block style that every reader takes as the same values, byte for byte the same at each run."""

import re
from collections.abc import Iterable
from typing import Final

_PLAIN = re.compile(
    # Words of safe characters, joined by single spaces or colons, that no number, date or sign can start.
    r"[A-Za-z_/][\w./@+()=$,;?*<>^|~&%\\!-]*(?:[ :][\w./@+()=$,;?*<>^|~&%\\!-]+)*"
    # Quantities: no reader takes a number with one of these units for a number.
    r"|[1-9][0-9]*(?:\.[0-9]+)?(?:[KMGT]i|m|ms|s|h|d|%)",
    re.ASCII,
)
_TYPED_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"])
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PRINTABLE_ASCII = bytes(code for code in range(128) if not _UNPRINTABLE.match(chr(code)))
_ESCAPED = re.compile(rf"[\"\\\t\n]|{_UNPRINTABLE.pattern}")
_ESCAPES: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_NOT_FINITE: Final = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}
_HALVES = range(0xD800, 0xE000)
_LONGEST_KEY = 1000  # readers look no further than 1,024 characters for a key's colon
_DEEPEST = 100  # levels, as many as the reader takes
_INTEGERS = range(-(2**63), 2**64)
_CACHED = 16_384
_CACHED_LENGTH = 200


class _UnwritableError(Exception):
    """A value cannot be written; *path* leads to it, innermost first."""

    def __init__(self, kind: type[Exception], says: str) -> None:
        self.kind = kind
        self.says = says
        self.path: list[str] = []


def write_document(value: object, comment: str = "") -> str:
    """Write *value* as one document, below the lines of *comment*.

    Takes what JSON knows, subclasses and tuples too. Raises TypeError for another type and ValueError for what YAML
    cannot carry unchanged (integers past 64 bits, half a surrogate pair, values that contain themselves); both name
    the path of the value, as in ``spec.ports[0].name``.
    """
    lines = [f"# {_UNPRINTABLE.sub('?', line)}".rstrip() + "\n" for line in comment.splitlines()]
    return "".join(lines) + _document(value, "")


def write_documents(values: Iterable[object]) -> str:
    """Write *values* as documents of one file, with ``---`` between them; errors are those of write_document."""
    return "---\n".join(_document(value, f"[{number}]") for number, value in enumerate(values))


def _document(value: object, name: str) -> str:
    """Write *value*, called *name* in errors."""
    out: list[str] = []
    try:
        _value(value, out)
    except _UnwritableError as error:
        path = (name + "".join(reversed(error.path))).lstrip(".") or "the document"
        raise error.kind(f"{path}: {error.says}") from None
    out.append("\n")
    return "".join(out)


def _value(value: object, out: list[str]) -> None:
    """Write the root of a document."""
    if isinstance(value, dict) and value:
        _mapping(value, "", "", 1, out)
    elif isinstance(value, list | tuple) and value:
        _sequence(value, "", "", 1, out)
    else:
        out.append(_leaf(value, "  "))


def _mapping(mapping: dict[object, object], indent: str, start: str, depth: int, out: list[str]) -> None:
    """Write *mapping*, which is not empty; *start* stands before its first key, a new line before the others."""
    line = "\n" + indent
    inner = indent + "  "
    if depth > _DEEPEST:
        raise _UnwritableError(ValueError, f"nests deeper than {_DEEPEST} levels, or contains itself.")
    for key, value in mapping.items():
        try:
            name = _ONE_LINE[key] if key.__class__ is str else _key(key)
            if len(name) > _LONGEST_KEY:
                name = f"? {name}{line}"
            if value.__class__ is str and "\n" not in value:
                out.append(f"{start}{name}: {_ONE_LINE[value]}")
            elif isinstance(value, dict) and value:
                out.append(f"{start}{name}:")
                _mapping(value, inner, "\n" + inner, depth + 1, out)
            elif isinstance(value, list | tuple) and value:
                out.append(f"{start}{name}:")
                _sequence(value, indent, line, depth + 1, out)
            else:
                out.append(f"{start}{name}: {_leaf(value, inner)}")
            start = line
        except _UnwritableError as error:
            error.path.append(f".{key}")
            raise


def _sequence(sequence: list[object] | tuple[object, ...], indent: str, start: str, depth: int, out: list[str]) -> None:
    """Write *sequence* as _mapping writes a mapping."""
    line = "\n" + indent
    inner = indent + "  "
    if depth > _DEEPEST:
        raise _UnwritableError(ValueError, f"nests deeper than {_DEEPEST} levels, or contains itself.")
    for index, value in enumerate(sequence):
        try:
            head = start + "- "
            start = line
            if isinstance(value, dict) and value:
                _mapping(value, inner, head, depth + 1, out)
            elif isinstance(value, list | tuple) and value:
                _sequence(value, inner, head, depth + 1, out)
            else:
                out.append(head + _leaf(value, inner))
        except _UnwritableError as error:
            error.path.append(f"[{index}]")
            raise


def _key(key: object) -> str:
    """Write a mapping's key, always in one line."""
    if not isinstance(key, str):
        raise _UnwritableError(TypeError, f"a key must be a string, not {type(key).__name__}.")
    return _ONE_LINE[str.__str__(key)]


def _leaf(value: object, indent: str) -> str:  # noqa: PLR0911 - one for each type
    """Write a scalar or an empty collection; lines of text go below, behind *indent*."""
    if isinstance(value, str):
        text = str.__str__(value)  # an enum's own __str__ and format may name it instead
        return _block(text, indent) if "\n" in text else _ONE_LINE[text]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        number = int.__int__(value)  # a range would be searched item by item for an enum's member
        if number not in _INTEGERS:
            raise _UnwritableError(ValueError, "an integer past 64 bits would be read as a float.")
        return str(number)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise _UnwritableError(TypeError, f"cannot write a value of type {type(value).__name__}.")


def _float(number: float) -> str:
    """Write *number* so that YAML 1.1, which wants a point in every float, reads it too."""
    text = float.__repr__(number)
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    return text if "." in text else text.replace("e", ".0e")


def _any_text(text: str) -> str:
    """Write *text* in one line, bare where that is safe."""
    if _PLAIN.fullmatch(text) and text.lower() not in _TYPED_WORDS:
        return text
    if text.isprintable():
        if '"' not in text and "\\" not in text:
            return f'"{text}"'
        if "'" not in text:
            return f"'{text}'"
    return '"' + _ESCAPED.sub(_escape, text) + '"'


class _OneLine(dict[str, str]):
    """Texts as they are written in one line; short ones are remembered, for most come again and again."""

    def __missing__(self, text: str) -> str:
        written = _any_text(text)
        if len(text) <= _CACHED_LENGTH:
            if len(self) >= _CACHED:
                self.clear()
            self[text] = written
        return written


_ONE_LINE = _OneLine()


def _is_printable(text: str) -> bool:
    """Tell whether every character of *text* may stand bare; most texts are ASCII, which is looked through faster."""
    return not (text.encode().translate(None, _PRINTABLE_ASCII) if text.isascii() else _UNPRINTABLE.search(text))


def _escape(found: re.Match[str]) -> str:
    """Write one character as an escape of double quotes."""
    character = found[0]
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code in _HALVES:
        raise _UnwritableError(ValueError, f"text with half a character, U+{code:04X}, cannot be encoded.")
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - what \x holds


def _block(text: str, indent: str) -> str:
    """Write the lines of *text* as a block behind *indent*, or in double quotes where a block would change them."""
    body = text.rstrip("\n")
    if not body.strip() or not _is_printable(text):
        return _ONE_LINE[text]
    ending = len(text) - len(body)
    keep = "-" if ending == 0 else "" if ending == 1 else "+"
    width = "2" if body.lstrip("\n")[0] in " \t" else ""  # else readers would count these spaces as indentation
    lines = "\n" + (body if ending == 0 else text[:-1])
    if "\n\n" in lines or lines.endswith("\n"):  # what is empty gets no indentation
        return f"|{width}{keep}" + "".join(f"\n{indent}{line}" if line else "\n" for line in lines.split("\n")[1:])
    return f"|{width}{keep}" + lines.replace("\n", "\n" + indent)

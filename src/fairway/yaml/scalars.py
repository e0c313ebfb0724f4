"""Type YAML scalars as kubectl does: go-yaml's rules first, then what survives as JSON."""

import re
import struct
from binascii import Error as Base64Error
from binascii import a2b_base64
from math import isinf, isnan
from typing import Final, TypeAlias

Scalar: TypeAlias = bool | int | float | str | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{
        spelling: truth
        for truth, words in ((True, "y yes true on"), (False, "n no false off"))
        for word in words.split()
        for spelling in (word, word.upper(), word.capitalize())
    },
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

_FIRST = frozenset({*(word[:1] for word in _WORDS), *"+-.0123456789"})  # what is not text starts with one of these
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_POINT_FIRST = re.compile(
    r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?"
)  # go-yaml keeps "_" here: "._5" is text
_INTEGERS = (
    (10, re.compile(r"([-+]?)(0|[1-9][0-9]{0,19})")),
    (8, re.compile(r"([-+]?)0[oO]?([0-7]+)")),
    (16, re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)")),
    (2, re.compile(r"([-+]?)0[bB]([01]+)")),
    (2, re.compile(r"0b([-+])([01]+)")),  # go-yaml's second attempt at "0b"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")

_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)
_PLAIN_EXPONENTS = range(-4, 6)  # Go writes the others as 1e+06
_REPR_IS_POSITIONAL = 1e16  # below this, repr of a float has no exponent

_TAG = "tag:yaml.org,2002:"
MERGE_TAG: Final = _TAG + "merge"
_TEXT_TAGS = frozenset({"!", MERGE_TAG, _TAG + "str", _TAG + "value"})
_TYPED_TAGS: Final[dict[str, tuple[type, ...]]] = {
    _TAG + "bool": (bool,),
    _TAG + "int": (int,),
    _TAG + "float": (float, int),
    _TAG + "null": (type(None),),
}


def resolve(text: str) -> Scalar:
    """Give what go-yaml makes of the plain scalar *text*; numbers past 64 bits come out as floats or as text."""
    if text[:1] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-0123456789":
        return _float(text, _POINT_FIRST, text)
    digits = text.replace("_", "")
    for radix, pattern in _INTEGERS:
        if found := pattern.fullmatch(digits):
            number = int(found[1] + found[2], radix)
            if number in _INT64 or (not found[1] and number in _UINT64):
                return number
    return _float(digits, _FLOAT, text)


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Give what go-yaml makes of *text* under an explicit *tag*; ValueError says why it cannot."""
    if tag in _TEXT_TAGS:
        return text
    if tag == _TAG + "binary":
        try:
            return a2b_base64(text.replace("\n", ""), strict_mode=True).decode("utf-8", "replace")
        except (Base64Error, ValueError):
            raise ValueError("is tagged '!!binary' but is not base64") from None
    name = shown_tag(tag)
    if tag == _TAG + "timestamp":
        if _DATE.fullmatch(text):
            return text
        raise ValueError(f"is tagged '{name}' but is not a date")
    if tag not in _TYPED_TAGS:
        raise ValueError(f"has the tag '{name}', which is not known here")
    value = resolve(text)
    if type(value) not in _TYPED_TAGS[tag]:
        raise ValueError(f"is tagged '{name}' but does not read as one")
    return float(value) if tag == _TAG + "float" and isinstance(value, int) else value


def shown_tag(tag: str) -> str:
    """Write *tag* as a user would."""
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag


def as_value(scalar: Scalar) -> Scalar:
    """Give the value that is left once *scalar* has gone through JSON, as everything kubectl sends does.

    Whole floats become integers where 64 bits hold them; larger integers become floats.
    """
    if isinstance(scalar, float):
        if not scalar.is_integer():
            return scalar
        whole = _shortest_integer(scalar)
        return whole if whole in _INT64 else scalar
    if isinstance(scalar, int) and not isinstance(scalar, bool) and scalar not in _INT64:
        return float(scalar)
    return scalar


def as_key(scalar: Scalar) -> str | None:
    """Give the string kubectl uses where *scalar* is a mapping's key, or None where it refuses it."""
    if isinstance(scalar, str):
        return scalar
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    if isinstance(scalar, int):
        return str(scalar) if scalar in _INT64 else None
    return None if scalar is None else _float_key(scalar)


def _float(digits: str, pattern: re.Pattern[str], text: str) -> float | str:
    """Give *digits* as a float, or *text* where they do not match or a float cannot hold them."""
    if not pattern.fullmatch(digits):
        return text
    number = float(digits)
    return text if isinf(number) else number


def _shortest_integer(whole: float) -> int:
    """Give the integer that JSON's shortest spelling of *whole* names; past 2**53 it is not int(whole)."""
    if abs(whole) < _REPR_IS_POSITIONAL:
        return int(whole)
    mantissa, _, exponent = repr(abs(whole)).partition("e")
    digits = int(mantissa.replace(".", "").ljust(int(exponent) + 1, "0"))
    return digits if whole > 0 else -digits


def _float_key(number: float) -> str:
    """Spell *number* as Go's FormatFloat(number, 'g', -1, 32) does, with YAML's words for what is not finite."""
    if isnan(number):
        return ".nan"
    try:
        narrow = struct.pack("f", number)
    except OverflowError:
        narrow = struct.pack("f", float("inf") if number > 0 else float("-inf"))
    value = struct.unpack("f", narrow)[0]
    if isinf(value):
        return ".inf" if value > 0 else "-.inf"
    # Nine digits always tell two 32-bit floats apart.
    places = next(count for count in range(9) if struct.pack("f", float(f"{value:.{count}e}")) == narrow)
    mantissa, _, exponent = f"{value:.{places}e}".partition("e")
    if int(exponent) in _PLAIN_EXPONENTS:
        return f"{value:.{max(0, places - int(exponent))}f}"
    return f"{mantissa}e{exponent}"

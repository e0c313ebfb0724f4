"""What each key of fairway.yaml may hold: the types of facts.py made ready for checking, each put into words."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Final, TypeAlias, get_args, get_origin

import msgspec
from msgspec import inspect

from fairway.core import facts
from fairway.core.wording import listed

Kind: TypeAlias = "Text | Choice | Number | Truth | Day | Many | Named | Record | TextOrRecord"


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A text, with its pattern or its length."""

    wants: str
    pattern: re.Pattern[str] | None
    least: int
    most: int | None
    cpus: bool  # a user may write a bare number, 0.5

    def fits(self, text: str) -> bool:
        """Tell whether *text* is such a text."""
        if self.pattern is not None and not self.pattern.search(text):
            return False
        return self.least <= len(text) and (self.most is None or len(text) <= self.most)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of a few words."""

    wants: str
    options: tuple[str, ...]


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number within bounds."""

    wants: str
    whole: bool
    at_least: float | None
    above: float | None
    at_most: float | None
    below: float | None

    def fits(self, number: float) -> bool:
        """Tell whether *number* is within the bounds; what is not a number never is."""
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
            and (self.below is None or number < self.below)
        )


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """True or false."""

    wants: str = "true or false"


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the calendar."""

    wants: str = "a date such as 2027-01-31"


class Many(msgspec.Struct, frozen=True, kw_only=True):
    """A list. One of plain texts says nothing twice."""

    item: Kind
    least: int
    distinct: bool
    wants: str = "a list"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A map from names that the user chooses."""

    name: Text
    value: Kind
    wants: str = "a map"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A map whose keys are known."""

    title: str
    keys: dict[str, Kind]
    required: tuple[str, ...]
    optional: frozenset[str]  # may be null, which is the same as not said
    wants: str


class TextOrRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A text for short, or a map for all there is to say."""

    text: Text
    record: Record
    wants: str


@cache
def system() -> Record:
    """Give what the top level of fairway.yaml holds."""
    kind, _ = _kind(inspect.type_info(facts.System))
    assert isinstance(kind, Record)
    return kind


def homes(key: str) -> tuple[str, ...]:
    """Name the records that take *key*, as in 'a service'; a map within another one is named by its key."""
    return _homes().get(key, ())


@cache
def _homes() -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for home, record in _records(system(), "the top level"):
        for key in record.keys:
            found.setdefault(key, set()).add(home)
    return {key: tuple(sorted(records)) for key, records in found.items()}


def _records(record: Record, home: str) -> Iterator[tuple[str, Record]]:
    yield home, record
    for key, kind in record.keys.items():
        inner = kind.value if isinstance(kind, Named) else kind.item if isinstance(kind, Many) else kind
        inner = inner.record if isinstance(inner, TextOrRecord) else inner
        if isinstance(inner, Record):
            yield from _records(inner, f"'{key}'" if inner is kind else _article(inner.title))


_NAMES: Final = {facts.NAME_PATTERN: "a name: "}


@cache
def _meanings() -> dict[str, str]:
    """Read what each pattern of facts.py means off its description, as the object of 'write ...'."""
    meanings = {}
    for alias in vars(facts).values():
        for meta in get_args(alias)[1:] if get_origin(alias) is Annotated else ():
            if meta.pattern and meta.description:
                words = meta.description.rstrip(".")
                words = words if words[1].isupper() else words[0].lower() + words[1:]
                meanings[meta.pattern] = _NAMES.get(meta.pattern, "") + words
    return meanings


def _kind(of: inspect.Type) -> tuple[Kind, bool]:  # noqa: C901, PLR0911 - one case a type
    """Turn a type into its kind, and tell whether null may stand for it."""
    match of:
        case inspect.Metadata(type=inner):
            return _kind(inner)
        case inspect.UnionType(types=types):
            return _union([inner for inner in types if not isinstance(inner, inspect.NoneType)], types)
        case inspect.StructType(fields=fields):
            return _record(of.cls.__name__, fields), False
        case inspect.DictType(key_type=key, value_type=value):
            name = _kind(key)[0]
            assert isinstance(name, Text)
            return Named(name=name, value=_kind(value)[0]), False
        case inspect.VarTupleType(item_type=item, min_length=least):
            kind = _kind(item)[0]
            return Many(item=kind, least=least or 0, distinct=isinstance(kind, Text | Choice)), False
        case inspect.StrType():
            return _text(of), False
        case inspect.LiteralType(values=values):
            options = tuple(map(str, values))
            return Choice(wants=listed(options, "or"), options=options), False
        case inspect.BoolType():
            return Truth(), False
        case inspect.DateType():
            return Day(), False
        case inspect.IntType() | inspect.FloatType():
            return _number(of), False
    raise TypeError(f"facts.py uses {of}, which kinds.py does not know.")


def _union(types: list[inspect.Type], all_types: tuple[inspect.Type, ...]) -> tuple[Kind, bool]:
    kinds = [_kind(inner)[0] for inner in types]
    optional = len(types) < len(all_types)
    if len(kinds) == 1:
        return kinds[0], optional
    text, record = sorted(kinds, key=lambda kind: isinstance(kind, Record))
    assert isinstance(text, Text)
    assert isinstance(record, Record)
    return TextOrRecord(text=text, record=record, wants=f"{text.wants.partition(':')[0]}, or {record.wants}"), optional


_SHOWN_KEYS: Final = 6


def _record(title: str, fields: tuple[inspect.Field, ...]) -> Record:
    kinds = {field.encode_name: _kind(field.type) for field in fields}
    names, more = list(kinds), len(kinds) - _SHOWN_KEYS
    shown = [*names[:_SHOWN_KEYS], f"{more} more"] if more > 1 else names
    return Record(
        title=re.sub("(?<!^)([A-Z])", r" \1", title).lower(),
        keys={name: kind for name, (kind, _) in kinds.items()},
        required=tuple(field.encode_name for field in fields if field.required),
        optional=frozenset(name for name, (_, optional) in kinds.items() if optional),
        wants=f"a map; its keys are {listed(shown, 'and')}",
    )


def _text(of: inspect.StrType) -> Text:
    if of.pattern is None:
        lengths = f" of {of.min_length or 0} to {of.max_length} characters" if of.max_length else ""
        return Text(wants=f"a text{lengths}", pattern=None, least=of.min_length or 0, most=of.max_length, cpus=False)
    return Text(
        wants=_meanings()[of.pattern],
        # '$' also holds before a line break at the end; elsewhere than in Python it does not.
        pattern=re.compile(re.sub(r"\$$", r"\\Z", of.pattern)),
        least=of.min_length or 0,
        most=of.max_length,
        cpus=of.pattern == get_args(facts.Cpu)[1].pattern,
    )


def _number(of: inspect.IntType | inspect.FloatType) -> Number:
    whole = isinstance(of, inspect.IntType)
    words = [
        f"{word} {int(bound) if float(bound).is_integer() else bound}"
        for word, bound in (
            ("from", of.ge),
            ("above", of.gt),
            ("at most" if of.ge is None else "to", of.le),
            ("below" if of.ge is None else "to below", of.lt),
        )
        if bound is not None
    ]
    return Number(
        wants=" ".join(
            ["a whole number" if whole else "a number", (" and " if of.ge is None else " ").join(words)]
        ).strip(),
        whole=whole,
        at_least=of.ge,
        above=of.gt,
        at_most=of.le,
        below=of.lt,
    )


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"

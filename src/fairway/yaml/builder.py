"""Build values with their lines from the events of PyYAML's parser, reporting what is no plain YAML."""

from collections.abc import Callable, Iterator
from itertools import repeat, starmap
from typing import Any, NoReturn, TypeAlias

from yaml.error import Mark
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

import yaml
from fairway.yaml.scalars import MERGE_TAG, Scalar, as_key, as_value, resolve, resolve_tagged, shown_tag
from fairway.yaml.text import TEMPLATE, is_template, shown
from fairway.yaml.values import Document, Limits, Mapping, Sequence, Value, extent

Event: TypeAlias = Any  # the type stubs know nothing of what PyYAML's events hold
Report: TypeAlias = Callable[[int, str, str], None]
"""Takes a line, what is wrong there and what to do."""

_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # both tell the same events
_MAPPING_TAGS = frozenset({None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("map", "set", "omap"))})
_SEQUENCE_TAGS = frozenset({None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("seq", "omap", "pairs"))})
_CACHED = 65_536


class RefusedError(Exception):
    """The rest of a document is not read; reading may go on after *position* of its text, where there is one."""

    def __init__(self, position: int | None) -> None:
        """Take the *position*, or None to end the reading."""
        self.position = position


class _Cache(dict[str, Any]):
    """Remembers what *convert* makes of a scalar, as far as there is room."""

    __slots__ = ("convert",)

    def __init__(self, convert: Callable[[Scalar], Scalar]) -> None:
        self.convert = convert

    def __missing__(self, text: str) -> Scalar:
        scalar = resolve(text)
        if scalar.__class__ is not str:
            scalar = self.convert(scalar)
        if len(self) < _CACHED:
            self[text] = scalar
        return scalar


class Builder:
    """Builds the documents of one file, which may come as several texts."""

    def __init__(self, limits: Limits, report: Report) -> None:
        """Keep to *limits*, over all texts together."""
        self.limits = limits
        self.report = report
        self.values = _Cache(as_value)
        self.keys = _Cache(as_key)
        self.keys["<<"] = None  # a merge, settled apart like all that is no key
        self.anchors: dict[str, Value] = {}
        self.open: list[Value] = []  # the collections around the current event
        self.expanded = 0  # nodes that aliases added
        self.budget: Iterator[tuple[()]] = repeat((), limits.nodes)  # one turn for each event

    def start(self, text: str, first: int) -> None:
        """Take *text* as what to read next, whose first line is line *first* of the file."""
        self.text = text
        self.first = first
        self.events: Iterator[Event] = starmap(_event_source(text), self.budget)

    def next_document(self) -> Document | None:
        """Build the next document, None at the end.

        Raises PyYAML's errors for bad syntax, RefusedError for what goes past the limits.
        """
        self.anchors.clear()
        self.open.clear()
        try:
            for event in self.events:
                if event.__class__ is DocumentStartEvent:
                    value = self.node(next(self.events))
                    next(self.events)  # the document's end, which tells an error right after the value
                    return Document(value=value, line=self.line(event))
                if event.__class__ is StreamEndEvent:
                    return None
        except StopIteration:
            pass
        self.report(0, f"holds more than {self.limits.nodes:,} nodes.", "Split it.")
        raise RefusedError(None)

    def line(self, event: Event) -> int:
        """Give the line of the file where *event* starts."""
        line: int = event.start_mark.line
        return self.first + line

    def node(self, event: Event) -> Value:
        """Build the node that *event* starts."""
        kind = event.__class__
        if kind is MappingStartEvent:
            return self.mapping(event)
        if kind is SequenceStartEvent:
            return self.sequence(event)
        if kind is AliasEvent:
            return self.alias(event)
        value = as_value(self.scalar(event))
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def mapping(self, start: Event) -> Mapping:
        """Build a mapping; common scalars are typed here, as a call for each would cost a tenth of the time."""
        events, first, keys, values = self.events, self.first, self.keys, self.values
        mapping = Mapping()
        mapping.line = start.start_mark.line + first
        lines: dict[str, int] = {}
        mapping.lines = lines
        inherited: dict[str, int] = {}  # the keys that merges bring
        self.enter(mapping, start, _MAPPING_TAGS)
        for key_event in events:
            if key_event.__class__ is MappingEndEvent:
                break
            if key_event.__class__ is ScalarEvent and key_event.tag is None and key_event.anchor is None:
                key = key_event.value if key_event.style else keys[key_event.value]
            else:
                key = self.unusual_key(key_event)
            event = next(events)
            if event.__class__ is ScalarEvent and event.tag is None and event.anchor is None:
                value = event.value if event.style else values[event.value]
            else:
                value = self.node(event)
            if key is None:
                self.no_key(key_event, mapping, value, inherited)
                continue
            line = key_event.start_mark.line + first
            if key in lines:
                says = f"key '{shown(key)}' is given here and on line {lines[key]}; readers differ in which they take."
                self.report(line, says, "Keep one of them.")
            mapping[key] = value
            lines[key] = line
        else:
            raise StopIteration
        if inherited:
            lines |= {key: line for key, line in inherited.items() if key not in lines}
        self.open.pop()
        return mapping

    def sequence(self, start: Event) -> Sequence:
        """Build a sequence, its common scalars as in a mapping."""
        events, first, values = self.events, self.first, self.values
        sequence = Sequence()
        sequence.line = start.start_mark.line + first
        lines: list[int] = []
        sequence.lines = lines
        self.enter(sequence, start, _SEQUENCE_TAGS)
        for event in events:
            if event.__class__ is SequenceEndEvent:
                break
            lines.append(event.start_mark.line + first)
            if event.__class__ is ScalarEvent and event.tag is None and event.anchor is None:
                sequence.append(event.value if event.style else values[event.value])
            else:
                sequence.append(self.node(event))
        else:
            raise StopIteration
        self.open.pop()
        return sequence

    def enter(self, collection: Mapping | Sequence, start: Event, tags: frozenset[str | None]) -> None:
        """Open *collection*, so that its anchor is known and its depth counts."""
        if len(self.open) >= self.limits.depth:
            self.too_deep(start)
        if start.tag not in tags:
            says = f"has the tag '{shown(shown_tag(start.tag))}', which is not known here."
            self.report(self.line(start), says, "Remove the tag.")
        if start.anchor:
            self.anchors[start.anchor] = collection
        self.open.append(collection)

    def too_deep(self, event: Event) -> NoReturn:
        """Refuse the rest of a document whose nesting is too deep for whoever reads the value."""
        self.report(self.line(event), f"nests deeper than {self.limits.depth} levels.", "Flatten it.")
        raise RefusedError(event.start_mark.index)

    def scalar(self, event: Event) -> Scalar:
        """Type the scalar of *event*."""
        text: str = event.value
        if event.tag is None:
            return text if event.style else resolve(text)
        try:
            return resolve_tagged(event.tag, text)
        except ValueError as error:
            self.report(self.line(event), f"'{shown(text)}' {error}.", "Remove the tag.")
            return text

    def alias(self, event: Event) -> Value:
        """Give what the alias of *event* stands for, the same object each time."""
        name = event.anchor
        if name not in self.anchors:
            says = f"the alias '*{shown(name)}' has no anchor '&{shown(name)}' above it."
            self.report(self.line(event), says, "Correct the name or add the anchor.")
            return None
        value = self.anchors[name]
        if any(value is collection for collection in self.open):
            self.report(self.line(event), f"the anchor '&{shown(name)}' contains itself.", "Remove this alias.")
            return None
        size, height = extent(value)
        self.expanded += size
        if self.expanded > self.limits.aliases:
            says = f"aliases stand for more than {self.limits.aliases:,} nodes up to here; the rest is not read."
            self.report(self.line(event), says, "Write fewer aliases.")
            raise RefusedError(None)
        if len(self.open) + height > self.limits.depth:
            self.too_deep(event)
        return value

    def unusual_key(self, event: Event) -> str | None:
        """Give the key of an event with a tag or an anchor, or of no scalar; None where it is none."""
        if event.__class__ is ScalarEvent:
            if event.anchor:
                self.anchors[event.anchor] = event.value
            return None if _is_merge(event) else as_key(self.scalar(event))
        value = self.node(event)
        return None if isinstance(value, Mapping | Sequence) else as_key(value)

    def no_key(self, event: Event, mapping: Mapping, value: Value, inherited: dict[str, int]) -> None:
        """Settle what stands in a key's place and is none: merge *value* into *mapping*, or report it."""
        line = self.line(event)
        if _is_merge(event):
            self.merge(line, mapping, value, inherited)
        elif is_template(self.text, event.start_mark.index):
            self.report(line, *TEMPLATE)
        elif event.__class__ is ScalarEvent:
            what = "is a number past 64 bits" if event.value.strip("~nulNUL") else "reads as null"
            self.report(line, f"the key '{shown(event.value)}' {what}.", "Quote it.")
        elif event.__class__ is not AliasEvent or event.anchor in self.anchors:
            self.report(line, "a key must be a single value, no mapping or list.", "Give it a name.")

    def merge(self, line: int, mapping: Mapping, value: Value, inherited: dict[str, int]) -> None:
        """Merge *value* into *mapping* as kubectl does, where a merge overrides what stands above it."""
        for source in reversed(value if isinstance(value, Sequence) else [value]):
            if not isinstance(source, Mapping):
                self.report(line, "'<<' merges what is no mapping.", "Give it a mapping, or a list of mappings.")
                continue
            for key, merged in source.items():
                if key in mapping.lines:
                    says = f"key '{shown(key)}' stands above the merge of line {line}, which kubectl lets override it."
                    self.report(mapping.lines[key], says, "Put '<<' first.")
                mapping[key] = merged
                inherited[key] = source.lines[key]


def _is_merge(event: Event) -> bool:
    """Tell whether a key is the ``<<`` that merges."""
    if event.__class__ is not ScalarEvent or event.value != "<<":
        return False
    return event.tag == MERGE_TAG or (event.tag is None and not event.style)


def _event_source(text: str) -> Callable[[], Event]:
    """Give the function that tells the events of *text* one by one.

    YAML 1.1 ends a line at three characters where no editor does; where they occur, lines are counted anew.
    """
    get_event: Callable[[], Event] = _PARSER(text).get_event
    if text.isascii() or not any(character in text for character in "\x85\u2028\u2029"):
        return get_event
    position = line = 0

    def get_event_with_editor_line() -> Event:
        nonlocal position, line
        event = get_event()
        here = event.start_mark.index
        line += text.count("\n", position, here) - text.count("\n", here, position)
        position = here
        event.start_mark = Mark("", position, line, 0, None, 0)
        return event

    return get_event_with_editor_line

"""Reads metrics in Prometheus's text format: only those that are wanted, since most of a scrape is buckets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

MOST: Final = 20_000  # samples of one scrape
FAMILY: Final = "# HELP "  # what a family of metrics begins with, where it says anything about itself
_LABEL: Final = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES: Final = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class Sample(NamedTuple):
    """One figure."""

    name: str
    labels: dict[str, str]
    value: float


class Wanted:
    """Metrics by name; a histogram by the names of its series."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names of series."""
        some = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
        self._line = re.compile(rf'^({some})(?:\{{((?:[^"}}\n]|"(?:[^"\\\n]|\\.)*")*)\}})? (\S+)', re.MULTILINE)

    def read(self, text: str) -> Iterator[Sample]:
        """Go through the samples in a document; what cannot be read is passed over."""
        for number, line in enumerate(self._line.finditer(text)):
            if number >= MOST:
                return
            name, labels, value = line.groups()
            try:
                yield Sample(name, _labels(labels) if labels else {}, float(value))
            except ValueError:
                continue

    def read_again(self, text: str, before: Mapping[str, list[Sample]]) -> dict[str, list[Sample]]:
        """Give the samples of each part of a document; a part that was there *before* is not read again."""
        first, *others = f"\n{text}".split(f"\n{FAMILY}")
        parts = [first, *(FAMILY + other for other in others)]
        return {part: before[part] if part in before else list(self.read(part)) for part in parts}


def _labels(text: str) -> dict[str, str]:
    found = dict(_LABEL.findall(text))
    if "\\" in text:
        return {
            name: re.sub(r"\\.", lambda part: _ESCAPES.get(part[0], part[0]), value) for name, value in found.items()
        }
    return found

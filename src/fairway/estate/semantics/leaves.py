"""What a single value must be: a word, a name, a number in a range, a quantity, a share, a port."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from fairway.core.errors import did_you_mean
from fairway.estate.definitions import referred
from fairway.estate.fault import Fault, Place, called, quoted
from fairway.estate.names import LABEL_KEY, LABEL_VALUE, PORT_NAME, NameRule
from fairway.estate.quantities import UNITS, amount, nearest_quantity
from fairway.estate.semantics.enumerations import ENUMERATIONS
from fairway.estate.semantics.fields import LABEL_MAPS, NAMED_PORTS, NAMES, RANGES, SHARES

Leaf: TypeAlias = Callable[[Any, Place], Fault | None]
Whole: TypeAlias = Callable[[Any, Place], Iterator[Fault]]

INTEGERS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
SHARE = re.compile(r"\d{1,4}%")
HUNDRED = 100


def leaves(definition: str, field: str, schema: dict[str, Any]) -> tuple[Leaf, ...]:
    """Gather the checks of one *field*, whose values may also be the items of a list or map."""
    found: list[Leaf] = []
    if words := ENUMERATIONS.get(definition, {}).get(field):
        found.append(one_of(words))
    if rule := NAMES.get(definition, {}).get(field):
        found.append(named(rule))
    if (width := INTEGERS.get(schema.get("format", ""))) or field in RANGES.get(definition, {}):
        # What takes a number or a name has no width of its own; only ports do, and theirs are given.
        least, most = RANGES.get(definition, {}).get(field, width or (0, 0))
        found.append(between(least, width[1] if most is None and width else most))
    if field in SHARES.get(definition, ()):
        found.append(share)
    if field == NAMED_PORTS.get(definition):
        found.append(port_name)
    if referred(schema) == "api.resource.Quantity":
        found.append(quantity)
    return tuple(found)


def whole_maps(definition: str, field: str) -> tuple[Whole, ...]:
    """Gather the checks of one *field* that look at a whole map."""
    return (label_pairs,) if field in LABEL_MAPS.get(definition, ()) else ()


def one_of(words: tuple[str, ...]) -> Leaf:
    """Check that a text is one of *words*."""

    def check(value: object, path: Place) -> Fault | None:
        if value in words or not isinstance(value, str) or not value:
            return None
        says = f"{called(path)} is {quoted(value)}, which is not one of {', '.join(words)}."
        return Fault(path, says, _nearest(value, words))

    return check


def _nearest(value: str, words: tuple[str, ...]) -> str:
    """Offer the word that was meant: most often only its capitals are wrong."""
    same = next((word for word in words if word.lower() == value.lower()), None)
    fix = f"Write {same}." if same else did_you_mean(value, words)
    # The sentence has named them all already.
    return "Write one of them." if fix.startswith("Known") else fix


def named(rule: NameRule) -> Leaf:
    """Check that a text is a name by *rule*."""

    def check(value: object, path: Place) -> Fault | None:
        return rule.fault(value, path) if isinstance(value, str) and value else None

    return check


def between(least: int, most: int | None) -> Leaf:
    """Check that a number is within its limits."""

    def check(value: object, path: Place) -> Fault | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        if value < least:
            return Fault(path, f"{called(path)} is {value}, which is below {least}.", f"Write {least} or more.")
        if most is not None and value > most:
            return Fault(path, f"{called(path)} is {value}, which is above {most}.", f"Write {most} or less.")
        return None

    return check


def share(value: object, path: Place) -> Fault | None:
    """Check a count or percentage."""
    if isinstance(value, str) and not SHARE.fullmatch(value):
        fix = f"Write {value} without quotes." if value.isdigit() else "Write a count such as 1, or '25%'."
        return Fault(path, f"{called(path)} is {quoted(value)}, which is neither a count nor a percentage.", fix)
    if isinstance(value, str) and path[-1] != "maxSurge" and int(value[:-1]) > HUNDRED:
        return Fault(path, f"{called(path)} is {quoted(value)}, which is more than all.", "Write '100%' or less.")
    if isinstance(value, int) and value < 0:
        return Fault(path, f"{called(path)} is {value}, which is below 0.", "Write 0 or more.")
    return None


def port_name(value: object, path: Place) -> Fault | None:
    """Check a port that is given by name."""
    if not isinstance(value, str):
        return None
    if value.isdigit():
        return Fault(path, f"{called(path)} is the text {quoted(value)}.", f"Write {value} without quotes.")
    return PORT_NAME.fault(value, path)


def quantity(value: object, path: Place) -> Fault | None:
    """Check a quantity."""
    if not isinstance(value, str | int | float):
        return None
    found = amount(value)
    if found is None:
        near = nearest_quantity(str(value))
        fix = f"Did you mean '{near}'?" if near else f"Write a number and, where it needs one, a unit: {UNITS}."
        return Fault(path, f"{called(path)} is {quoted(value)}, which is no quantity such as 500m or 2Gi.", fix)
    if found < 0:
        return Fault(path, f"{called(path)} is {quoted(value)}, which is below 0.", "Write 0 or more.")
    return None


def label_pairs(value: object, path: Place) -> Iterator[Fault]:
    """Check the keys and values of labels."""
    if not isinstance(value, dict):
        return
    for key, text in value.items():
        if LABEL_KEY.fits(str(key)) and (not isinstance(text, str) or LABEL_VALUE.fits(text)):
            continue
        here = (*path, str(key))
        if fault := LABEL_KEY.fault(str(key), here, key=True):
            yield fault
        if isinstance(text, str) and (fault := LABEL_VALUE.fault(text, here)):
            yield fault

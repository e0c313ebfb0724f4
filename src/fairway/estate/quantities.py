"""Kubernetes quantities: 500m, 2Gi, 1e3."""

import re
from fractions import Fraction
from functools import lru_cache

UNITS = "m, k, M, G, T, Ki, Mi, Gi or Ti"
SUFFIXES = {
    "": Fraction(1),
    **{unit: Fraction(1, 1000**power) for power, unit in enumerate("mun", start=1)},
    **{unit: Fraction(1000**power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", start=1)},
}
NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII)
LONGEST = 100  # characters: more digits than any amount has; Python itself refuses thousands
# What people write for a unit, with the word that Kubernetes has for it.
MEANT = {
    **dict.fromkeys(("gb", "gig", "gigs", "gib", "g", "gi", "gigabyte", "gigabytes"), "Gi"),
    **dict.fromkeys(("mb", "meg", "megs", "mib", "mi", "megabyte", "megabytes"), "Mi"),
    **dict.fromkeys(("kb", "kib", "ki", "kilobyte", "kilobytes"), "Ki"),
    **dict.fromkeys(("tb", "tib", "t", "ti", "terabyte", "terabytes"), "Ti"),
    **dict.fromkeys(("cpu", "cpus", "core", "cores", "vcpu", "vcpus", "b", "byte", "bytes"), ""),
}


@lru_cache(maxsize=1024)
def parse_quantity(text: str) -> Fraction | None:
    """Give the exact amount that *text* means (cores, bytes or pieces), or None where it is no quantity."""
    if len(text) > LONGEST or not (found := NUMBER.fullmatch(text)):
        return None
    digits, exponent, suffix = found.groups()
    scale = Fraction(10) ** int(exponent) if exponent else SUFFIXES[suffix or ""]
    return Fraction(digits) * scale


def amount(value: object) -> Fraction | None:
    """Give the amount of a quantity that YAML may have read as text or as a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return parse_quantity(str(value))


def nearest_quantity(text: str) -> str | None:
    """Guess which quantity *text* was meant to be: '1 gig' is 1Gi."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not found:
        return None
    number, unit = found.groups()
    suffix = MEANT.get(unit.lower(), unit)
    return f"{number}{suffix}" if suffix in SUFFIXES else None

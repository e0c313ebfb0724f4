"""The figures that two rooms must agree on, by how critical a service is and which data it handles."""

from collections.abc import Iterable
from typing import Final, Literal

from fairway.core.facts import Criticality, DataClass
from fairway.core.profile import Profile

Severity = Literal["CRITICAL", "HIGH"]

RANK: Final[tuple[Criticality, ...]] = ("low", "standard", "mission-critical")
CLASSES: Final[tuple[DataClass, ...]] = ("regulated", "personal", "internal", "public")  # the strictest first
EVENT_RETRIES: Final[dict[Criticality, tuple[int, str, str]]] = {  # of the consumer: tries, first and longest pause
    "mission-critical": (10, "1s", "5m"),
    "standard": (6, "1s", "2m"),
    "low": (3, "5s", "5m"),
}
LONGEST_RUN: Final[dict[Criticality, str]] = {  # that a run to completion may take; then somebody is told
    "mission-critical": "1h",
    "standard": "4h",
    "low": "12h",
}
RUN_ENDED: Final = 2  # times that: then it is ended, while somebody knows of it
KEY_ROTATION: Final[dict[DataClass, str]] = {"regulated": "90d", "personal": "1y", "internal": "1y", "public": "1y"}
IMAGE_GATE: Final[dict[Criticality, tuple[tuple[Severity, ...], bool]]] = {  # what blocks; without a fix, too?
    "mission-critical": (("HIGH", "CRITICAL"), True),
    "standard": (("HIGH", "CRITICAL"), False),
    "low": (("CRITICAL",), False),
}


def strictest(data: Iterable[DataClass]) -> DataClass:
    """Name the most sensitive of some classes of data; internal where there are none."""
    held = set(data)
    return next((kind for kind in CLASSES if kind in held), CLASSES[2])


def image_level(profile: Profile) -> tuple[Criticality, str]:
    """Tell how strictly an image is judged, and which fact says so: data may ask for more than criticality does."""
    criticality = profile.facts.criticality
    if "regulated" in profile.data:
        return "mission-critical", "it handles regulated data"
    if "personal" in profile.data and criticality == "low":
        return "standard", "it handles personal data"
    return criticality, f"its criticality is {criticality}"

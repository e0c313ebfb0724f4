"""Which faults in an image keep it out, and where that is enforced."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from fairway.core.decision import Decision, Instead
from fairway.core.levels import IMAGE_GATE, Severity, image_level
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed

Mode = Literal["enforce", "warn"]


class ImageGate(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan may not find in an image, or it is not signed."""

    severities: tuple[Severity, ...]
    unfixed: bool  # whether a finding counts for which there is no fix yet


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What the cluster does with an image that the pipeline has not signed, by environment."""

    modes: Mapping[str, Mode]


def image_gate(profile: Profile) -> Decision[ImageGate]:
    """Choose the severities that keep the service's image out."""
    level, because = image_level(profile)
    severities, unfixed = IMAGE_GATE[level]
    gate = ImageGate(severities=severities, unfixed=unfixed)
    kinds = " or ".join(gate.severities).lower()
    return Decision(
        rule="security/image-scan",
        topic="image admission",
        answer=f"any {kinds} finding{'' if gate.unfixed else ' that has a fix'} keeps the image unsigned, and out",
        because=because,
        value=gate,
        instead=(
            Instead("findings that have a fix only", "whoever attacks does not wait for the fix")
            if gate.unfixed
            else Instead("all findings", "a release would wait for fixes that nobody has written"),
        ),
    )


def admission(landscape: Landscape) -> Decision[Admission]:
    """Choose where unsigned images are refused and where they only raise a warning."""
    environments = landscape.system.environments
    secure = [name for name, environment in environments.items() if environment.secure]
    open_ = [name for name, environment in environments.items() if not environment.secure]
    said = [f"refused in {listed(secure)}"] if secure else []
    said += [f"let in with a warning in {listed(open_)}"] if open_ else []
    return Decision(
        rule="security/image-scan",
        topic="unsigned images",
        answer=", ".join(said),
        because=f"{listed(secure)} {'is' if len(secure) == 1 else 'are'} secure"
        if secure
        else "no environment is secure",
        value=Admission(
            modes={name: "enforce" if environment.secure else "warn" for name, environment in environments.items()},
        ),
        instead=(Instead("a gate in the pipeline alone", "whoever can reach the cluster goes around it"),),
    )

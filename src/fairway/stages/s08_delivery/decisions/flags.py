"""Feature flags: where they live, who ends them, and what is done where no system keeps them."""

from datetime import date
from typing import Literal

import msgspec

from fairway.core.conditions import FLAGS, NO_FLAG_SYSTEM
from fairway.core.decision import Decision, Instead
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed


class FlagUse(msgspec.Struct, frozen=True, kw_only=True):
    """A flag with who ends it, when, and what it is until somebody throws it."""

    name: str
    owner: str
    expires: date
    default: bool


class FlagSystem(msgspec.Struct, frozen=True, kw_only=True):
    """What flips flags, and the flags of a service; without a system they stay in the code."""

    system: Literal["flagd", "none"]
    flags: tuple[FlagUse, ...]


def _used(profile: Profile) -> tuple[FlagUse, ...]:
    known = profile.system.flags
    return tuple(
        FlagUse(name=name, owner=known[name].owner, expires=known[name].expires, default=known[name].default)
        for name in profile.facts.flags
        if name in known  # the loader has reported any other
    )


def _ends(flags: tuple[FlagUse, ...]) -> str:
    return listed([f"{flag.name} (ended by {flag.owner} until {flag.expires})" for flag in flags])


def feature_flags(profile: Profile) -> Decision[FlagSystem] | None:
    """Choose where the service's flags live; owed where it reads flags and there is no system for them."""
    asked, missing = FLAGS(profile), NO_FLAG_SYSTEM(profile)
    if not asked.holds:
        return None
    flags = _used(profile)
    if missing.holds:
        return Decision(
            rule="delivery/feature-flags",
            topic="flags",
            answer=f"'flags: flagd' in 'platform', to flip {listed(profile.facts.flags)} without a release",
            because=f"{asked.because}, and {missing.because}; until then design reviews each toggle in the code",
            value=FlagSystem(system="none", flags=flags),
            state="owed",
        )
    return Decision(
        rule="delivery/feature-flags",
        topic="flags",
        answer=f"flagd through OpenFeature: {_ends(flags)}",
        because=f"{asked.because}, and {missing.because}",
        value=FlagSystem(system="flagd", flags=flags),
        instead=(
            Instead("environment variables", "a flip would need a restart, and replicas would differ until then"),
        ),
    )


def toggle_review(profile: Profile) -> Decision[tuple[FlagUse, ...]] | None:
    """List the toggles that design has to look at, where no system keeps them."""
    asked = (FLAGS & NO_FLAG_SYSTEM)(profile)
    if not asked.holds:
        return None
    flags = _used(profile)
    return Decision(
        rule="delivery/toggle-review",
        topic="toggles",
        answer=f"design reviews {_ends(flags)}",
        because=asked.because,
        value=flags,
        instead=(Instead("leaving them as they are", "each is a second version of the program that nobody tests"),),
    )


def flag_system(landscape: Landscape) -> Decision[FlagSystem] | None:
    """Choose the system's flag system, where any service reads flags."""
    reader = next((name for name, profile in landscape.services.items() if FLAGS(profile).holds), None)
    system = landscape.system
    if reader is None or system.platform.flags != "flagd":
        return None
    declared = landscape.declared.platform.flags is not None
    return Decision(
        rule="delivery/feature-flags",
        topic="flag system",
        answer="flagd; services read its file and see a flip while they run",
        because=f"{reader} reads flags, and it is {'declared' if declared else 'the default'}",
        value=FlagSystem(
            system="flagd",
            flags=tuple(
                FlagUse(name=name, owner=flag.owner, expires=flag.expires, default=flag.default)
                for name, flag in system.flags.items()
            ),
        ),
        instead=(Instead("none", "each flip would be a release"),),
    )

"""A stage of the standard, and where the walk goes from it. Data only."""

import msgspec

from fairway.core.conditions import ALWAYS, Condition


class Detour(msgspec.Struct, frozen=True, kw_only=True):
    """A visit to another stage with one concern, after which the walk resumes."""

    to: str
    concern: str
    when: Condition


class Jump(msgspec.Struct, frozen=True, kw_only=True):
    """A way on that passes over stages; they are postponed, not dropped."""

    to: str
    when: Condition


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that must have had its own visit before this one can have its own."""

    stage: str
    when: Condition = ALWAYS


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One room of the standard."""

    id: str
    title: str
    detours: tuple[Detour, ...] = ()
    jumps: tuple[Jump, ...] = ()  # the first that holds is taken
    then: str | None = None  # where it goes on where no jump holds; None ends the walk
    needs: tuple[Need, ...] = ()

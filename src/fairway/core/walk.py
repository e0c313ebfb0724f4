"""Walk the stages for one service: jumps, detours and postponed stages.

The engine knows no stage by name. Three laws hold for every combination of facts: the walk ends, nothing owed is
dropped, and every stage has its needs before its own visit.
"""

from collections.abc import Mapping, Sequence

import msgspec

from fairway.core.errors import BadRegistryError
from fairway.core.profile import Profile
from fairway.core.stage import Stage


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One stop of the walk. Without a concern it is the stage's own visit; with one, a detour."""

    stage: str
    concern: str | None
    because: str
    jumped: bool = False  # the way here passed over stages
    idle: bool = False  # an own visit where none of the stage's rules applies


class PassedOver(msgspec.Struct, frozen=True, kw_only=True):
    """A stage without a visit: a jump passed over it, and none of its rules applies."""

    stage: str
    because: str


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """A service's way through the stages."""

    visits: tuple[Visit, ...]
    passed_over: tuple[PassedOver, ...]


def walk(stages: Sequence[Stage], profile: Profile, owed: Mapping[str, bool]) -> Walk:
    """Walk *stages* for one service; *owed* tells of each stage whether any of its rules applies."""
    return _Journey(stages, profile, owed).travel()


class _Journey:
    """Where one walk has been, and what it has put off."""

    def __init__(self, stages: Sequence[Stage], profile: Profile, owed: Mapping[str, bool]) -> None:
        self.stages, self.profile, self.owed = stages, profile, owed
        self.by_id = {stage.id: stage for stage in stages}
        self.done: set[str] = set()
        self.jumps: dict[str, str] = {}  # target of a jump: why
        self.skipped: dict[str, str] = {}  # stage passed over: why

    def travel(self) -> Walk:
        visits: list[Visit] = []
        target: str | None = self.stages[0].id
        because = "every walk starts here"
        while target is not None:
            here = self.by_id[target]
            if missing := self.missing(here):
                here, because = missing, f"it was postponed, and {target} needs it"
            self.done.add(here.id)
            jumped = here.id in self.jumps
            because = self.jumps.get(here.id, because)
            visits.append(
                Visit(stage=here.id, concern=None, because=because, jumped=jumped, idle=not self.owed[here.id])
            )
            visits.extend(self.detours(here))
            target, because = self.onward(here)
        unseen = [stage.id for stage in self.stages if stage.id not in self.done]
        if dropped := [stage for stage in unseen if self.owed[stage]]:
            raise BadRegistryError(
                f"The walk of {self.profile.name} drops {', '.join(dropped)}. Let a later stage need it."
            )
        passed_over = tuple(
            PassedOver(stage=stage, because=self.skipped.get(stage, "nothing led there")) for stage in unseen
        )
        return Walk(visits=tuple(visits), passed_over=passed_over)

    def detours(self, here: Stage) -> list[Visit]:
        asked = ((detour, detour.when(self.profile)) for detour in here.detours)
        return [
            Visit(stage=detour.to, concern=detour.concern, because=verdict.because)
            for detour, verdict in asked
            if verdict.holds
        ]

    def onward(self, here: Stage) -> tuple[str | None, str]:
        """Say where *here* leads: the first jump that holds, else straight on, else the next stage owed."""
        for jump in here.jumps:
            if (verdict := jump.when(self.profile)).holds and jump.to not in self.done:
                self.note_jump(here, jump.to, verdict.because)
                return jump.to, verdict.because
        if here.then is not None and here.then not in self.done:
            return here.then, f"it follows {here.id}"
        rest = next((stage.id for stage in self.stages if stage.id not in self.done and self.owed[stage.id]), None)
        return rest, f"it is the next stage owed after {here.id}"

    def note_jump(self, here: Stage, to: str, because: str) -> None:
        self.jumps[to] = because
        ids = list(self.by_id)
        for stage in ids[ids.index(here.id) + 1 : ids.index(to)]:
            if stage not in self.done:
                self.skipped[stage] = because

    def missing(self, target: Stage) -> Stage | None:
        """Find the first stage that *target* still needs, following needs of needs; None where it lacks nothing."""
        found, asking = None, target
        seen = {target.id}
        while needed := next(
            filter(self.lacks, (need.stage for need in asking.needs if need.when(self.profile).holds)), None
        ):
            if needed in seen:
                raise BadRegistryError(
                    f"Stages {' and '.join(sorted(seen))} need one another. Take one of these needs out."
                )
            seen.add(needed)
            found = asking = self.by_id[needed]
        return found

    def lacks(self, stage: str) -> bool:
        return stage not in self.done and self.owed[stage]

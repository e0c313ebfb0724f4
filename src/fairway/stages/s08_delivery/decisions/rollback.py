"""What brings the last good version back, and how schemas change so that it can still run."""

from collections.abc import Iterator
from math import ceil
from typing import Final, Literal

import msgspec

from fairway.core.cluster import KEYRING
from fairway.core.conditions import CUSTOMER_FACING
from fairway.core.decision import Decision, Instead
from fairway.core.facts import Criticality, seconds
from fairway.core.profile import Profile, StoreProfile

VERSIONS_KEPT: Final = 5


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that follow from how critical a service is."""

    patience: int  # seconds without progress, on top of the time it may take to start
    lock: str  # a migration may wait for a lock, while others wait behind it
    together: str  # old and new form of a column live side by side


LEVELS: Final[dict[Criticality, Level]] = {
    "mission-critical": Level(patience=120, lock="2s", together="14d"),
    "standard": Level(patience=300, lock="5s", together="7d"),
    "low": Level(patience=600, lock="30s", together="1d"),
}


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """Who notices that a release is stuck, when, and how many versions stay at hand."""

    by: Literal["rollout", "deploy", "next-run"]
    deadline_seconds: int
    versions_kept: int


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """How one store's schema changes."""

    form: Literal["expand-contract", "additions-only"]
    lock_timeout: str
    together: str


def rollback(profile: Profile) -> Decision[Rollback]:
    """Choose what notices a release that does not succeed, and when it goes back."""
    facts, level = profile.facts, LEVELS[profile.facts.criticality]
    assert facts.starts_within is not None
    deadline = ceil(seconds(facts.starts_within)) + level.patience
    if profile.runs_to_completion:
        return Decision(
            rule="delivery/automated-rollback",
            topic="rollback",
            answer="when the first run of a new version fails, the next run is of the last version that ended well",
            because="it runs to completion",
            value=Rollback(by="next-run", deadline_seconds=deadline, versions_kept=VERSIONS_KEPT),
        )
    by_rollout = CUSTOMER_FACING(profile).holds and not profile.stateful
    who = "Argo Rollouts brings" if by_rollout else "the deploy step brings"
    return Decision(
        rule="delivery/automated-rollback",
        topic="rollback",
        answer=f"{who} the last good version back after {_spelt(deadline)} without progress; {VERSIONS_KEPT} are kept",
        because=f"it may take {facts.starts_within} to start, and its criticality is {facts.criticality}",
        value=Rollback(
            by="rollout" if by_rollout else "deploy", deadline_seconds=deadline, versions_kept=VERSIONS_KEPT
        ),
        instead=(_not_by(profile, by_rollout=by_rollout),),
    )


def _not_by(profile: Profile, *, by_rollout: bool) -> Instead:
    if by_rollout:
        return Instead("somebody who is called", "customers would wait for that person")
    if profile.stateful:
        return Instead("Kubernetes alone", "it waits for the replica that does not come up, and tells nobody")
    return Instead("Kubernetes alone", "it marks the update as failed and leaves it there")


def _spelt(duration: int) -> str:
    """Write seconds as minutes and what is left: 2m 30s, 12m."""
    minutes, left = divmod(duration, 60)
    return " ".join(filter(None, (f"{minutes}m" if minutes else "", f"{left}s" if left else "")))


def migrations(profile: Profile) -> Iterator[Decision[Migration]]:
    """Choose how the schema of each durable store changes, so that the version before still works on it."""
    for store in profile.durable_stores:
        yield _migration(profile, store)
    if "personal" in profile.data and not profile.foreign:
        yield _keys_of_persons(profile)


def _keys_of_persons(profile: Profile) -> Decision[Migration]:
    """Have the table of keys made by everyone who needs it: whoever comes first makes it, and nobody declares it."""
    level, criticality = LEVELS[profile.facts.criticality], profile.facts.criticality
    return Decision(
        rule="delivery/automated-rollback",
        topic="schema changes",
        subject=f"store {KEYRING}",
        answer=f"the SDK's own table of keys, which it expands first and contracts {level.together} later",
        because=f"it handles personal data, a rollback must find a schema that it knows, and its criticality is "
        f"{criticality}",
        value=Migration(form="expand-contract", lock_timeout=level.lock, together=level.together),
        instead=(Instead("a migration of one service for all", "the others could not start without it"),),
    )


def _migration(profile: Profile, store: StoreProfile) -> Decision[Migration]:
    level = LEVELS[profile.facts.criticality]
    reason = f"a rollback must find a schema that it knows, and its criticality is {profile.facts.criticality}"
    if store.facts.workload == "write-heavy":
        return Decision(
            rule="delivery/automated-rollback",
            topic="schema changes",
            subject=f"store {store.name}",
            answer=f"by additions only; what is no longer used goes {level.together} later",
            because=f"{store.name} is write-heavy, {reason}",
            value=Migration(form="additions-only", lock_timeout=level.lock, together=level.together),
            instead=(Instead("rewriting rows", "it takes hours on a store of this kind, and cannot be taken back"),),
        )
    return Decision(
        rule="delivery/automated-rollback",
        topic="schema changes",
        subject=f"store {store.name}",
        answer=f"expand, then contract: old and new form live side by side for {level.together}; a migration gives up "
        f"after {level.lock} of waiting for a lock, and is tried again",
        because=f"{store.name} is transactional, {reason}",
        value=Migration(form="expand-contract", lock_timeout=level.lock, together=level.together),
        instead=(Instead("one migration that renames or drops", "the old version would fail the moment it ran"),),
    )

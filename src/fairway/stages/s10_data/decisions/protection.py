"""Which keys data is encrypted with, how long it is kept and what takes it away."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from fairway.core.conditions import PERSONAL_OR_REGULATED, STATEFUL
from fairway.core.decision import Decision, Instead
from fairway.core.facts import DataClass
from fairway.core.levels import KEY_ROTATION, strictest
from fairway.core.products import KEY_MANAGERS
from fairway.core.profile import Landscape, Profile, StoreProfile, tracked
from fairway.core.wording import listed
from fairway.stages.s10_data.decisions.backups import backups
from fairway.stages.s10_data.decisions.levels import CACHED_TRACKED, PASSING, cron


class Encryption(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys data at rest is encrypted with."""

    volume_key: Literal["system", "place"]  # one for the whole system, or one for this store or volume alone
    fields: Literal["person", "place"] | None  # whose key tracked fields have as well; erasing a person deletes it
    manager: str
    rotated: str


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long tracked data is kept, and what deletes it."""

    kept: str
    schedule: str | None  # cron line of the job that deletes; None where entries expire
    legal_hold: bool


def encryption(subject: str, data: Iterable[DataClass], landscape: Landscape) -> Decision[Encryption]:
    """Choose the keys of what lies on a store's or a volume's disks, by the most sensitive class of data."""
    held = frozenset(data)
    most, manager = strictest(held), KEY_MANAGERS[landscape.system.platform.secrets or "vault"]
    fields: Literal["person", "place"] | None = None
    answer = (
        f"disks and backups by {'a key of its own' if most == 'regulated' else 'one key of the system'} in {manager}"
    )
    answer += f", replaced after {KEY_ROTATION[most]}"
    instead = Instead("a key for each person", "nothing there is about people")
    if "personal" in held:
        fields, answer = "person", f"{answer}; personal fields also by a key for each person"
        instead = Instead("encrypted disks alone", "erasing a person would not reach the backups")
    elif "regulated" in held:
        fields, answer = "place", f"{answer}; regulated fields also by another one"
        instead = Instead("encrypted disks alone", "whoever may read the disk would read every field")
    return Decision(
        rule="data/encryption-at-rest",
        topic="encryption",
        subject=subject,
        answer=answer,
        because=f"the most sensitive data there is {most}",
        value=Encryption(
            volume_key="place" if most == "regulated" else "system",
            fields=fields,
            manager=manager,
            rotated=KEY_ROTATION[most],
        ),
        instead=(instead,),
    )


def retention(store: StoreProfile, landscape: Landscape) -> Decision[Retention | None] | None:
    """Choose how long personal or regulated data is kept; None where the store holds none."""
    held = listed(tracked(frozenset(store.facts.data)))
    if not held:
        return None
    kept, instead = store.facts.retention, Instead("keeping it for ever", "it can still be stolen, asked for and fined")
    if store.durable and kept is None:
        value, because = None, "no retention is declared; until one is, only erasing a person takes anything away"
        answer = f"How long is {held} data in {store.name} kept?"
    elif store.durable and kept is not None:
        value = Retention(kept=kept, schedule=cron(f"retention of {store.name}", None), legal_hold=True)
        because = f"it holds {held} data, and {kept} is declared"
        answer = (
            f"deleted after {kept} by a nightly job, and {backups(store, landscape).value.kept} later from backups;"
        )
        answer += " what is under legal hold stays"
    else:
        value = Retention(kept=kept or CACHED_TRACKED, schedule=None, legal_hold=False)
        because = f"it holds {held} data, and {'that is declared' if kept else 'a cache may forget at any time'}"
        answer = f"{held} data there expires after {value.kept}"
    return Decision(
        rule="data/retention",
        topic="retention",
        subject=f"store {store.name}",
        answer=answer,
        because=because,
        value=value,
        instead=(instead,),
        state="decided" if value else "unanswered",
    )


def passing(profile: Profile) -> Decision[str] | None:
    """Choose how long tracked data may stay outside the service's stores; None where it handles none."""
    handles = PERSONAL_OR_REGULATED(profile)
    if not handles.holds:
        return None
    return Decision(
        rule="data/retention",
        topic="outside its stores",
        answer=f"no {' or '.join(tracked(profile.data))} field in a log; "
        f"caches, queues and dead letters forget it within {PASSING}",
        because=handles.because + ("" if profile.persistent else ", and keeps none of it"),
        value=PASSING,
        instead=(Instead("a rule for stores only", "an erased person would live on in a queue"),),
    )


def on_volumes(profile: Profile) -> Decision[None] | None:
    """Say what it takes to delete tracked data by age where a service keeps it on disks of its own."""
    held = listed(tracked(frozenset(profile.facts.data)))
    if not profile.stateful or not held:
        return None
    return Decision(
        rule="data/retention",
        topic="retention",
        subject="its volumes",
        answer=f"a declared store with a retention for its {held} data",
        because=f"{STATEFUL(profile).because}, and no job can tell the age of what lies in a file;"
        " until then only the service itself can delete it",
        value=None,
        state="owed",
    )

"""How sensitive data is kept from eyes that should not see it, and what people may ask about theirs."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fairway.core.cluster import KEYRING
from fairway.core.conditions import KEEPS_SECRETS_FOR_OTHERS, MESSAGING, PROTECTED, SENSITIVE
from fairway.core.decision import Decision, Instead
from fairway.core.facts import DataClass
from fairway.core.levels import CLASSES, KEY_ROTATION, strictest
from fairway.core.products import KEY_MANAGERS
from fairway.core.profile import Landscape, Profile, tracked
from fairway.core.wording import listed

ANSWER_WITHIN: Final = "30d"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key encrypts a disk, and how often it changes."""

    of: Literal["system", "place"]  # one for the whole system, or one for this place alone
    rotated: str


class AtRest(msgspec.Struct, frozen=True, kw_only=True):
    """How one place that holds data is encrypted."""

    data: tuple[DataClass, ...]
    on_disk: bool
    key: Key
    fields: Literal["person", "place"] | None  # whose key encrypts tracked fields, beyond the disk


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """What is done for data that the law or a promise protects."""

    classes: tuple[DataClass, ...]
    access_log: str
    erase: bool
    export: bool
    answer_within: str | None
    hold: bool  # erasing waits while a record must be kept
    secrets_of_others: bool


ACCESS_LOG: Final[dict[DataClass, str]] = {"regulated": "7y", "personal": "1y"}
SECRETS_LOG: Final = "1y"


def in_transit(profile: Profile) -> Decision[tuple[str, ...]] | None:
    """Name every connection that leaves mutual TLS between services and needs TLS of its own."""
    asked = SENSITIVE(profile)
    if not asked.holds:
        return None
    ends = [f"store {store.name}" for store in profile.stores]
    ends += ["the broker"] if MESSAGING(profile).holds else []
    ends += profile.outside
    return Decision(
        rule="security/encryption",
        topic="encryption in transit",
        answer=f"TLS that checks the other's name, to {listed(ends)}"
        if ends
        else "mutual TLS with other services; it speaks to nothing else",
        because=asked.because,
        value=tuple(ends),
        instead=(Instead("TLS that takes any certificate", "whoever stands between could read along"),) if ends else (),
    )


def at_rest(profile: Profile, landscape: Landscape) -> Iterator[Decision[AtRest]]:
    """Choose the keys of every place where the service's data lies."""
    asked = SENSITIVE(profile)
    if not asked.holds:
        return
    for store in profile.stores:
        yield _encrypted(profile, f"store {store.name}", frozenset(store.facts.data), on_disk=store.durable)
    if profile.stateful:
        yield _encrypted(profile, "its own state", frozenset(profile.facts.data), on_disk=True)
    for name in dict.fromkeys((*profile.facts.publishes, *profile.facts.consumes)):
        if tracked(data := frozenset(landscape.channels[name].facts.data)):
            yield _encrypted(profile, f"channel {name}", data, on_disk=True)


def _encrypted(profile: Profile, place: str, data: frozenset[DataClass], *, on_disk: bool) -> Decision[AtRest]:
    held = tuple(kind for kind in CLASSES if kind in data)
    most = strictest(data)
    key = Key(of="place" if most == "regulated" else "system", rotated=KEY_ROTATION[most])
    keeper = KEY_MANAGERS[str(profile.system.platform.secrets)]
    fields: Literal["person", "place"] | None = None
    if tracked(data):
        fields = "person" if "personal" in data else "place"
    whose = "a key of its own" if key.of == "place" else "the system's key"
    said = (
        f"its disk under {whose} in {keeper}, changed every {key.rotated}" if on_disk else "nothing is written to disk"
    )
    if fields is not None:
        said += (
            f"; {listed(tracked(data))} fields under a key {'for each person' if fields == 'person' else 'of its own'}"
        )
    because = [f"it holds {listed(sorted(held))} data" if held else "no class of data is declared for it"]
    because += [] if on_disk else ["what it holds stays in memory"]
    return Decision(
        rule="security/encryption",
        topic="encryption at rest",
        subject=place,
        answer=said,
        because=listed(because),
        value=AtRest(data=held, on_disk=on_disk, key=key, fields=fields),
        instead=(Instead("an encrypted disk alone", "whoever may read the disk would read every person"),)
        if fields
        else (),
    )


def data_protection(profile: Profile) -> Decision[Protection] | None:
    """Choose the measures for personal data, regulated data and secrets that are kept for others."""
    asked = PROTECTED(profile)
    if not asked.holds:
        return None
    classes, secrets = tracked(profile.data), profile.facts.keeps_secrets_for_others
    personal, regulated = "personal" in classes, "regulated" in classes
    value = Protection(
        classes=classes,
        access_log=next((ACCESS_LOG[kind] for kind in ACCESS_LOG if kind in classes), SECRETS_LOG),
        erase=personal,
        export=personal,
        answer_within=ANSWER_WITHIN if personal else None,
        hold=regulated,
        secrets_of_others=secrets,
    )
    also = f", and {KEEPS_SECRETS_FOR_OTHERS(profile).because}" if classes and secrets else ""
    return Decision(
        rule="security/data-protection",
        topic="data protection",
        answer="; ".join(_measures(value)),
        because=asked.because + also,
        value=value,
        instead=(Instead("erasing by hand", "copies in caches, parked events and backups would be missed"),)
        if personal
        else (),
    )


def _measures(value: Protection) -> Iterator[str]:
    if value.classes:
        yield f"fields are marked {listed(value.classes)}"
    yield f"every reading is logged, and the log kept {value.access_log}"
    if value.erase:
        yield f"a person's data can be erased and exported within {value.answer_within}"
    if value.hold:
        yield "regulated records are held until their time is over" + (", then erased" if value.erase else "")
    if value.secrets_of_others:
        yield "each secret kept for others has a key of its own, and is never logged or exported"


def keyring(landscape: Landscape) -> Decision[str] | None:
    """Choose where the keys of persons are kept, where any service has personal data."""
    holders = [name for name, profile in landscape.services.items() if "personal" in profile.data]
    if not holders:
        return None
    return Decision(
        rule="security/encryption",
        topic="keys of persons",
        answer=f"in a PostgreSQL of their own, {KEYRING}, each wrapped by a master key",
        because=f"{listed(holders)} {'handles' if len(holders) == 1 else 'handle'} personal data, and destroying one "
        "key there erases a person everywhere: in stores, events, dead letters and backups",
        value=KEYRING,
        instead=(Instead("keys in each service's store", "an event could not be read by its consumer, or not erased"),),
    )


def keys(landscape: Landscape) -> Decision[str] | None:
    """Choose who keeps the keys, where any service has sensitive data."""
    for name, profile in landscape.services.items():
        if (asked := SENSITIVE(profile)).holds:
            keeper = str(landscape.system.platform.secrets)
            return Decision(
                rule="security/encryption",
                topic="keys",
                answer=f"kept in {KEY_MANAGERS[keeper]}, away from the data",
                because=f"{name} has sensitive data: {asked.because}",
                value=keeper,
                instead=(Instead("keys beside the data", "whoever copies the one has the other"),),
            )
    return None

"""The engine of every store, what it runs on, who may use it and where its copies are."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fairway.core.cluster import KEYRING
from fairway.core.conditions import STATEFUL
from fairway.core.decision import Decision, Instead, State
from fairway.core.facts import Engine, Store, Workload
from fairway.core.levels import RANK
from fairway.core.products import ENGINES, SUITED
from fairway.core.profile import Landscape, Profile, StoreProfile, regions_of
from fairway.core.wording import listed
from fairway.stages.s10_data.decisions.levels import (
    CACHE_MEMORY,
    LAG,
    MEMBERS,
    engine_of,
    level,
    most_critical,
)

RULES: Final[dict[Workload, str]] = {
    "transactional": "data/transactional",
    "write-heavy": "data/write-heavy",
    "cache": "data/ephemeral",
}
REJECTED: Final[dict[Engine, Instead]] = {
    "postgresql": Instead("MySQL", "it takes more parts to restore to a moment and to follow into other regions"),
    "mysql": Instead("PostgreSQL", "MySQL is declared"),
    "cassandra": Instead("DynamoDB", "it runs on AWS only"),
    "dynamodb": Instead("Cassandra", "it takes servers to run and repair"),
    "redis": Instead("a durable store", "what may be lost needs no backup, and memory answers sooner"),
}


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """How many servers a store runs on, and what a confirmed write means."""

    members: int  # 0 where the cloud runs them
    synchronous: bool  # a write is confirmed by more than one
    size: str


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One service's way into a store: two users, so that what runs cannot change the schema."""

    service: str
    user: str  # reads and writes rows
    schema_user: str  # changes the schema; only migrations know its password


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """How a cache runs and what it forgets first."""

    members: int
    memory: str
    eviction: Literal["allkeys-lru", "volatile-ttl"]
    users: tuple[str, ...]  # each sees only keys that begin with its name


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk of a service's own."""

    size: str
    reclaim: Literal["Retain"] = "Retain"  # what becomes of it when its claim is deleted


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store is copied to, and how."""

    form: Literal["replica-cluster", "datacenter-per-region", "global-table", "snapshots"]
    home: str
    others: tuple[str, ...]
    writes: Literal["home", "everywhere"]
    lag: str  # an alert above it


def unused(store: StoreProfile) -> Decision[None]:
    """Ask whose store it is, where no service uses it."""
    return Decision(
        rule="data/reliable-store" if store.durable else RULES["cache"],
        topic="users",
        subject=f"store {store.name}",
        answer=f"Which service uses store {store.name}?",
        because="none is declared; until one is, the store is not built",
        value=None,
        state="unanswered",
    )


def engine(store: StoreProfile, landscape: Landscape) -> Decision[Engine]:
    """Choose the engine, and say what speaks against the other of the pair; owed where the facts do not go together."""
    facts, chosen = store.facts, engine_of(store)
    declared = landscape.declared.stores.get(store.name)
    named = declared is not None and declared.engine is not None
    off = [name for name, region in regions_of(landscape.system).items() if region.cloud != "aws"]
    where = f"{listed(off)} {'is' if len(off) == 1 else 'are'} not on AWS" if off else "all regions are on AWS"
    because = "what it holds may be lost" if facts.workload == "cache" else f"its work is {facts.workload}"
    because += f", and {ENGINES[chosen]} is declared" if named else ", and no engine is declared"
    if facts.workload == "write-heavy":
        because += f", and {where}"
    state: State = "decided"
    answer, suited = ENGINES[chosen], SUITED[facts.workload]
    if chosen not in suited:
        state, answer = "owed", f"{' or '.join(ENGINES[name] for name in suited)}, or another kind of work"
        because += f"; until that is settled it is built on {ENGINES[chosen]}"
    elif chosen == "dynamodb" and off:
        state, answer = "owed", "Cassandra, or AWS in every region"
        because += "; until that is settled those regions reach for a table elsewhere"
    return Decision(
        rule=RULES[facts.workload],
        topic="engine",
        subject=f"store {store.name}",
        answer=answer,
        because=because,
        value=chosen,
        instead=(
            Instead("DynamoDB", "Cassandra is declared") if chosen == "cassandra" and not off else REJECTED[chosen],
        ),
        state=state,
    )


def topology(store: StoreProfile, landscape: Landscape) -> Decision[Topology]:
    """Choose how many servers a durable store runs on."""
    critical, chosen = most_critical(store, landscape), engine_of(store)
    members = MEMBERS[chosen][RANK.index(critical.facts.criticality)]
    voting = members != 1 and (chosen != "postgresql" or critical.facts.criticality == "mission-critical")
    confirmed = "a write is confirmed once two have it" if voting else "the second follows a moment behind"
    answer = f"{_servers(members)}; {confirmed}" if members > 1 else _servers(members)
    return Decision(
        rule="data/reliable-store",
        topic="servers",
        subject=f"store {store.name}",
        answer=answer if members else "none of its own: AWS runs it in three zones",
        because=level(critical),
        value=Topology(members=members, synchronous=voting, size=store.facts.size or "10Gi"),
        instead=(Instead("a database in a bare container", "its data would go with its disk"),),
    )


def access(store: StoreProfile) -> Decision[tuple[Grant, ...]]:
    """Choose who may do what in a durable store, and how they connect."""
    alone = len(store.users) == 1
    each = f"{listed(store.users)} {'has' if alone else 'each have'}"
    answer = f"{each} a user that reads and writes rows, and a second one, for migrations, that changes the schema"
    if engine_of(store) == "dynamodb":
        answer = f"{each} a role of AWS that reads and writes items, and a second one that changes the table"
    return Decision(
        rule="data/reliable-store",
        topic="access",
        subject=f"store {store.name}",
        answer=f"TLS only; {answer}",
        because=f"{listed(store.users)} {'uses' if alone else 'use'} it",
        value=tuple(Grant(service=user, user=user, schema_user=f"{user}-migration") for user in store.users),
        instead=(Instead("one user for all", "whoever breaks into one service could drop every table"),),
    )


def cache(store: StoreProfile, landscape: Landscape) -> Decision[Cache]:
    """Choose how a cache runs and what it forgets when it is full."""
    critical = most_critical(store, landscape)
    members = MEMBERS["redis"][RANK.index(critical.facts.criticality)]
    declared = landscape.declared.stores.get(store.name)
    memory = (declared.size if declared else None) or CACHE_MEMORY
    kept = [name for name in store.users if _relies_on(landscape.services[name])]
    evicted = "the entry nearest to its expiry" if kept else "the entry longest unread"
    why = f"{listed(kept)} would notice a lost entry" if kept else "nobody would notice a lost entry"
    return Decision(
        rule="data/ephemeral",
        topic="cache",
        subject=f"store {store.name}",
        answer=f"{_servers(members)} with {memory} and no disk; TLS only; when full, {evicted} goes first;"
        " not backed up, not copied to other regions",
        because=f"{level(critical)}, and {why}",
        value=Cache(
            members=members, memory=memory, eviction="volatile-ttl" if kept else "allkeys-lru", users=store.users
        ),
        instead=(Instead("refusing writes when full", "every session and cached answer would fail at once"),),
    )


def copies(store: StoreProfile, landscape: Landscape) -> Decision[Copies] | None:
    """Choose how a durable store reaches the other regions; None where there is one region."""
    regions, chosen = list(regions_of(landscape.system)), engine_of(store)
    if chosen == "dynamodb":
        regions = [name for name in regions if regions_of(landscape.system)[name].cloud == "aws"]
    if len(regions) < 2:  # noqa: PLR2004 - two places are what copying is about
        return None
    critical, home = most_critical(store, landscape), regions[0]
    lag, others = LAG[critical.facts.criticality], listed(regions[1:])
    value = Copies(form="replica-cluster", home=home, others=tuple(regions[1:]), writes="home", lag=lag)
    answer = f"written in {home}; a replica cluster in {others} follows, {lag} behind at most"
    instead = Instead("writing in every region", f"{ENGINES[chosen]} does not settle two writes to one row")
    if chosen in SUITED["write-heavy"]:
        form: Literal["datacenter-per-region", "global-table"]
        form = "global-table" if chosen == "dynamodb" else "datacenter-per-region"
        value = msgspec.structs.replace(value, form=form, writes="everywhere")
        thing = "one global table" if chosen == "dynamodb" else "a Cassandra datacenter in each"
        answer = f"written in {listed(regions)} alike, {thing}, {lag} apart at most; of two writes the later one stays"
        instead = Instead(f"writing in {home} only", f"{others} could not go on alone")
    return Decision(
        rule="data/geo-replication",
        topic="other regions",
        subject=f"store {store.name}",
        answer=answer,
        because=f"the system runs in {listed(regions)}, and {level(critical)}",
        value=value,
        instead=(instead,),
    )


def disks(profile: Profile) -> Iterator[Decision[Disk]]:
    """Say how a disk of the service's own is kept: allowed, but second best."""
    for name, volume in profile.disks.items():
        yield Decision(
            rule="data/reliable-store",
            topic="disk",
            subject=f"volume {name}",
            answer=f"{volume.size} for each replica, which stays when the replica or its claim is deleted",
            because=STATEFUL(profile).because,
            value=Disk(size=volume.size),
            instead=(Instead("a declared store", "it would be copied and shared, but the facts keep this on a disk"),),
        )


def follows(store: StoreProfile, landscape: Landscape, environment: str, region: str) -> bool:
    """Tell whether a store is only read in a region of an environment: another one of it takes the writes."""
    copied = copies(store, landscape)
    if copied is None or copied.value.writes != "home":
        return False
    spanned = landscape.system.environments[environment].regions or tuple(landscape.system.regions)
    return region != next((name for name in regions_of(landscape.system) if name in spanned), region)


def keyring(landscape: Landscape) -> Iterator[StoreProfile]:
    """Give the store of the keys of persons, which nobody declares, where personal data is handled."""
    holders = tuple(name for name, profile in landscape.services.items() if "personal" in profile.data)
    if holders:
        facts = Store(workload="transactional", engine="postgresql", data=("personal",))
        yield StoreProfile(name=KEYRING, facts=facts, users=holders)


def _relies_on(user: Profile) -> bool:
    """Tell whether a user of a cache keeps there what it misses when it is evicted: sessions, or handled events."""
    return (user.facts.sessions and not user.stateful) or bool(user.facts.consumes and not user.durable_stores)


def _servers(count: int) -> str:
    return "1 server" if count == 1 else f"{count} servers"

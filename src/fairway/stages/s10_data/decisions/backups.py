"""How stores and volumes are backed up, how they come back, and what that may cost."""

from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.core.conditions import MISSION_CRITICAL, SEVERAL_REGIONS, STATEFUL
from fairway.core.decision import Decision, Instead
from fairway.core.facts import Recovery, seconds
from fairway.core.products import ENGINES, SUITED
from fairway.core.profile import Landscape, Profile, StoreProfile, regions_of
from fairway.core.wording import listed
from fairway.stages.s10_data.decisions.levels import (
    AIMS,
    BACKUPS_KEPT,
    LEAST_LOSS,
    LONGEST_LOG,
    QUICK,
    SNAPSHOTS,
    cron,
    elsewhere,
    engine_of,
    least_time,
    level,
    most_critical,
)
from fairway.stages.s10_data.decisions.stores import Copies

HOW_OFTEN: Final = {"*": "every hour", "*/6": "every 6 hours"}  # by the hours of a cron line


class Backups(msgspec.Struct, frozen=True, kw_only=True):
    """How a store or volume is backed up, and what coming back may cost."""

    schedule: str | None  # cron line of full backups or snapshots; None where the engine does it all the time
    log_every: str | None  # how often changes are shipped in between; None: back to a snapshot only
    kept: str
    point: str  # RPO
    time: str  # RTO
    place: str  # a region's name; empty for storage outside the cluster, or where the engine sees to it


def backups(store: StoreProfile, landscape: Landscape) -> Decision[Backups]:
    """Choose when a durable store is backed up, for how long, and what may be lost; owed where its engine cannot."""
    critical, engine = most_critical(store, landscape), engine_of(store)
    declared, aims = store.facts.recovery or Recovery(), AIMS[critical.facts.criticality]
    wanted, soonest = declared.point or aims[0], least_time(store)
    time = max(declared.time or aims[1], soonest, key=seconds)
    least = LEAST_LOSS.get(engine, "1m")
    point = max(wanted, least, key=seconds)
    regulated = "regulated" in store.facts.data
    value = Backups(
        schedule=_schedule(store, seconds(time)),
        log_every=None if engine == "cassandra" else min(point, LONGEST_LOG, key=seconds),
        kept=BACKUPS_KEPT["mission-critical" if regulated else critical.facts.criticality],
        point=point,
        time=time,
        place="" if engine == "dynamodb" else elsewhere(landscape),
    )
    because = ["its recovery is declared" if declared.point or declared.time else level(critical)]
    if regulated:
        because.append("it holds regulated data")
    if engine == "cassandra":
        because.append("Cassandra's operator archives no commit log")
    elif wanted != point:
        because.append(f"{ENGINES[engine]} comes back no closer than {least}")
    if time == soonest != (declared.time or aims[1]):
        because.append(f"{store.facts.size} take {soonest} to restore")
    decision = Decision(
        rule="data/backups",
        topic="backups",
        subject=f"store {store.name}",
        answer=_said(value),
        because=", and ".join(because),
        value=value,
        instead=(Instead("replicas alone", "they copy a mistaken deletion at once"),),
    )
    takes, why = [], []
    if declared.point is not None and wanted != point:
        closer = [
            ENGINES[other] for other in SUITED[store.facts.workload] if seconds(LEAST_LOSS[other]) < seconds(least)
        ]
        takes.append(f"an RPO of {least} for {store.name}" + "".join(f", or {name}" for name in closer))
        why.append(f"{wanted} is declared, and {ENGINES[engine]} comes back no closer than {least}")
    if declared.time is not None and declared.time != time:
        takes.append(f"an RTO of {soonest} for {store.name}, or less in one store")
        why.append(f"{declared.time} is declared, and {store.facts.size} take {soonest} to restore")
    if not takes:
        return decision
    return msgspec.structs.replace(
        decision,
        answer="; and ".join(takes),
        because=f"{'; '.join(why)}; until that is settled: {decision.answer}",
        state="owed",
    )


def volumes(profile: Profile, landscape: Landscape) -> Iterator[Decision[Backups]]:
    """Choose how what the service keeps on disks of its own is backed up: by snapshots, without a log."""
    hours, point, time = SNAPSHOTS[profile.facts.criticality]
    for name in profile.disks:
        value = Backups(
            schedule=cron(f"{profile.name}-{name}", hours),
            log_every=None,
            kept=BACKUPS_KEPT["mission-critical" if "regulated" in profile.facts.data else profile.facts.criticality],
            point=point,
            time=time,
            place=elsewhere(landscape),
        )
        yield Decision(
            rule="data/backups",
            topic="backups",
            subject=f"volume {name}",
            answer=_said(value),
            because=f"{STATEFUL(profile).because}, and {MISSION_CRITICAL(profile).because}"
            + (", and it handles regulated data" if "regulated" in profile.facts.data else ""),
            value=value,
            instead=(Instead("a declared store", "less would be lost, but the facts keep this on a disk"),),
        )


def volume_copies(profile: Profile, landscape: Landscape) -> Iterator[Decision[Copies]]:
    """Choose how a disk of the service's own reaches the other regions; nothing where there is one region."""
    asked = SEVERAL_REGIONS(profile)
    if not asked.holds:
        return
    _, point, _ = SNAPSHOTS[profile.facts.criticality]
    home, *others = regions_of(landscape.system)
    for name in profile.disks:
        yield Decision(
            rule="data/geo-replication",
            topic="other regions",
            subject=f"volume {name}",
            answer=f"each snapshot is copied to {listed(others)}, {point} behind at most",
            because=f"{asked.because}, and a disk follows into no other region by itself",
            value=Copies(form="snapshots", home=home, others=tuple(others), writes="home", lag=point),
            instead=(Instead("a declared store", "it would follow within seconds, but the facts keep this on a disk"),),
        )


def _schedule(store: StoreProfile, time: float) -> str | None:
    """Choose when full backups are made: the sooner it must be back, the fewer changes may be left to replay."""
    if engine_of(store) == "dynamodb":
        return None
    if engine_of(store) == "cassandra":
        return cron(store.name, "*")
    return cron(store.name, "*/6" if time <= QUICK else None)


def _said(value: Backups) -> str:
    place = f"kept in {value.place}" if value.place else "kept outside the cluster"
    if value.schedule is None:
        made = "by the engine itself, all the time"
    else:
        often = HOW_OFTEN.get(value.schedule.split()[1], "every night")
        made = f"in full {often} and every change within {value.log_every}, {place}"
        if value.log_every is None:
            made = f"a snapshot {often}, {place}"
    return (
        f"{made}; any {'moment' if value.log_every else 'snapshot'} of the last {value.kept} can be restored,"
        f" within {value.time} (RTO), and {value.point} at most is lost (RPO)"
    )

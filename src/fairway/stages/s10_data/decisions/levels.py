"""The figures of data by how critical a store's users are, which engine it has and which data it holds."""

from math import ceil
from typing import Final
from zlib import crc32

from fairway.core.facts import Criticality, Engine
from fairway.core.levels import RANK
from fairway.core.profile import Landscape, Profile, StoreProfile, regions_of

MEMBERS: Final[dict[Engine, tuple[int, int, int]]] = {  # by RANK
    "postgresql": (1, 2, 3),
    "mysql": (1, 3, 3),  # its members vote, so two are no better than one
    "cassandra": (3, 3, 6),  # three copies of every row, whatever the level
    "dynamodb": (0, 0, 0),
    "redis": (1, 2, 3),
}
CACHE_MEMORY: Final = "512Mi"
AIMS: Final[dict[Criticality, tuple[str, str]]] = {  # of a store: RPO and RTO where none is declared
    "mission-critical": ("1m", "30m"),
    "standard": ("5m", "4h"),
    "low": ("1h", "1d"),
}
LEAST_LOSS: Final[dict[Engine, str]] = {"postgresql": "1m", "mysql": "1m", "cassandra": "1h", "dynamodb": "5m"}
PREPARED: Final = 300  # seconds until a restore has servers and disks, however little is restored
RESTORED: Final = 200  # MiB a second that come back from a backup
MEBIBYTES: Final = {"Mi": 1, "Gi": 1024, "Ti": 1024**2}
LONGEST_LOG: Final = "1h"  # changes are shipped at least so often, however much may be lost
QUICK: Final = 3600  # seconds; who must be back sooner replays six hours of changes at most, and not a day
BACKUPS_KEPT: Final[dict[Criticality, str]] = {"mission-critical": "35d", "standard": "14d", "low": "7d"}
SNAPSHOTS: Final[dict[Criticality, tuple[str, str, str]]] = {  # of volumes: hours of the cron line, RPO, RTO
    "mission-critical": ("*", "1h", "1h"),
    "standard": ("*/6", "6h", "4h"),
    "low": ("2", "1d", "1d"),
}
LAG: Final[dict[Criticality, str]] = {"mission-critical": "10s", "standard": "1m", "low": "5m"}
CACHED_TRACKED: Final = "1d"  # how long a cache holds personal or regulated data where no retention is declared
PASSING: Final = "30d"  # how long personal or regulated data may stay in logs, caches and queues


def engine_of(store: StoreProfile) -> Engine:
    """Tell the engine of a store; the completion of the facts has filled it in."""
    assert store.facts.engine is not None
    return store.facts.engine


def most_critical(store: StoreProfile, landscape: Landscape) -> Profile:
    """Find the user of a store that decides its figures; of equals the first."""
    users = (landscape.services[name] for name in store.users)
    return max(users, key=lambda user: RANK.index(user.facts.criticality))


def level(critical: Profile) -> str:
    """Say which user decides, for the reason of a decision."""
    return f"the most critical of its users is {critical.name} ({critical.facts.criticality})"


def least_time(store: StoreProfile) -> str:
    """Tell the soonest that a store of this size is back from its backup (RTO), rounded up."""
    size = store.facts.size or "10Gi"
    needed = PREPARED + int(size[:-2]) * MEBIBYTES[size[-2:]] / RESTORED
    return f"{ceil(needed / 60)}m" if needed <= QUICK else f"{ceil(needed / QUICK)}h"


def cron(name: str, hours: str | None) -> str:
    """Choose a moment by the name, so that not all are busy in the same minute; without *hours*, once a night."""
    spread = crc32(name.encode())
    return f"{spread % 60} {hours or 1 + spread // 60 % 4} * * *"


def elsewhere(landscape: Landscape) -> str:
    """Name the region that keeps backups of the first one; empty where there is no second."""
    return next(iter([*regions_of(landscape.system)][1:]), "")

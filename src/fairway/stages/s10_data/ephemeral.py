"""What may be lost lives in Redis, and nothing else does.

A cache is fast because it promises nothing. The day somebody keeps the only copy of something there, a restart or a
full memory becomes a loss of data, and the cache has to be tended like a database.
"""

from collections.abc import Iterator

from fairway.core.conditions import CACHED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.caches import Cache, caches
from fairway.estate.databases import Copiers
from fairway.estate.finding import found
from fairway.estate.index import Estate


def check(estate: Estate) -> Iterator[Finding]:
    """Find caches that are killed before they evict, that refuse what is new, or that keep the only copy of something.

    A plain workload of Redis on disks counts as a database, and data/backups asks for its copies.
    """
    copiers = Copiers(estate)
    for cache in caches(estate):
        yield from _bounded(cache)
        if cache.kept is not None and not copiers.copies(cache.resource, cache.resource.labels):
            node, key = cache.kept
            says = (
                f"{cache.called} keeps its content on disks as if it were to last, and nothing here makes copies of it."
            )
            fix = "Take the disks away where it may be lost; keep what may not in a database, or back it up."
            yield found(RULE.id, node, key, says, fix, warning=True)


def _bounded(cache: Cache) -> Iterator[Finding]:
    """Ask that a cache makes room by itself, before its container is killed."""
    told, bound, limit = cache.told.get("maxmemory"), cache.bound, cache.limit
    if told is not None and bound is not None and limit is not None and bound >= limit:
        killed = cache.at.value["memory"]
        says = f"{cache.called} would evict at {told.value}, and its container is killed at {killed} already."
        yield found(RULE.id, told.node, told.key, says, "Leave it less than its limit, by a fifth or so.")
    elif cache.evicts:
        return
    elif told is None and cache.known and limit is not None:
        says = f"{cache.called} has no maxmemory: it grows until it is killed, and loses all at once."
        fix = "Set maxmemory below the limit, and a maxmemory-policy that evicts."
        yield found(RULE.id, cache.at, "memory", says, fix, warning=True)
    elif told is not None and cache.declared:
        policy = cache.told.get("maxmemory-policy")
        if policy is None and not cache.known:
            return
        if policy is None or policy.value == "noeviction":
            where = policy or told
            says = f"{cache.called} is a cache, and refuses what is new once it is full: its policy is noeviction."
            fix = "Set a maxmemory-policy that evicts: allkeys-lru, or volatile-ttl."
            yield found(RULE.id, where.node, where.key, says, fix, warning=True)


RULE = Rule(
    id="data/ephemeral",
    applies=CACHED,
    proof=Proof.DRILL,
    shows="the cache is flushed while requests run, and nothing that must last is gone",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/baskets/configmap.yaml",
            old="maxmemory 512mb",
            new="maxmemory 1gb",
        ),
    ),
)

"""Transactional work runs on PostgreSQL or MySQL.

Money, stock and promises need several rows to change together or not at all. Both databases have done that for
decades, and what tends them (backups, replicas, people who know them) is easy to find.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.core.conditions import TRANSACTIONAL
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.database_settings import settings_of_databases
from fairway.estate.finding import found
from fairway.estate.index import Estate

OFF: Final = frozenset({"off", "false", "no", "0"})


class Loss(msgspec.Struct, frozen=True):
    """What a setting takes away from transactions; arguable where some disks, or some people, make up for it."""

    values: frozenset[str]
    says: str
    arguable: bool = False


LOSSES: Final = {
    ("PostgreSQL", "fsync"): Loss(OFF, "a crash of the machine leaves rows of half a transaction, or no database"),
    ("PostgreSQL", "full_page_writes"): Loss(OFF, "a crash in the middle of a write leaves half a page", arguable=True),
    ("PostgreSQL", "synchronous_commit"): Loss(
        OFF, "a crash forgets transactions that were confirmed already", arguable=True
    ),
    ("MySQL", "default_storage_engine"): Loss(
        frozenset({"aria", "csv", "memory", "myisam"}), "tables of this engine have no transactions"
    ),
    ("MySQL", "transaction_isolation"): Loss(
        frozenset({"read-uncommitted"}), "others read rows of transactions that are broken off later"
    ),
    ("MySQL", "innodb_doublewrite"): Loss(OFF, "a crash in the middle of a write leaves half a page", arguable=True),
    ("MySQL", "innodb_flush_log_at_trx_commit"): Loss(
        frozenset({"0", "2"}), "a crash forgets transactions that were confirmed already", arguable=True
    ),
}
WHERE_ONE_WRITES: Final = frozenset({"innodb_flush_log_at_trx_commit"})
"""Settings that lose nothing where other machines have each row before it counts as written."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find PostgreSQL and MySQL told not to keep what they promise of transactions.

    Which data needs transactions at all is in no file, so another kind of database is not reported.
    """
    for one in settings_of_databases(estate):
        place = one.place
        loss = LOSSES.get((place.engine, one.name))
        if loss is None or one.value not in loss.values or (place.several and one.name in WHERE_ONE_WRITES):
            continue
        says = f"{place.database} has {one.name} = {one.value}: {loss.says}."
        yield found(RULE.id, place.node, place.key, says, "Take it out: the default is safe.", warning=loss.arguable)


RULE = Rule(
    id="data/transactional",
    applies=TRANSACTIONAL,
    proof=Proof.LIVE,
    shows="a real server answers, and a transaction that is broken off leaves nothing behind",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/orders-db/cluster.yaml",
            old="      archive_timeout: 10s\n",
            new='      archive_timeout: 10s\n      fsync: "off"\n',
        ),
    ),
)

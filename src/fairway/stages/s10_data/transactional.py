"""Transactional work runs on PostgreSQL or MySQL.

Money, stock and promises need several rows to change together or not at all. Both databases have done that for
decades, and what tends them (backups, replicas, people who know them) is easy to find.
"""

from fairway.core.conditions import TRANSACTIONAL
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/transactional",
    applies=TRANSACTIONAL,
    proof=Proof.LIVE,
    shows="a real server answers, and a transaction that is broken off leaves nothing behind",
    places=(Place.LOCAL,),
)

"""Data that must last is backed up by itself and can be restored to a moment of choice.

Replicas copy a mistaken deletion within milliseconds; only a backup remembers what was there before. A backup made by
hand is missing on the day it is needed, and one from last night loses the day.
"""

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/backups",
    applies=PERSISTENT,
    proof=Proof.DRILL,
    shows="rows are written, the store is destroyed and restored to a moment: the rows are exact, with RPO and RTO",
    places=(Place.LOCAL,),
)

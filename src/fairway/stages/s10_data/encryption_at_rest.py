"""Data that must last is encrypted where it lies.

Disks are replaced, snapshots are copied and backups travel. Whoever comes by one of them without the key has
nothing; and a person's data is gone for good, from every copy, once that person's key is.
"""

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/encryption-at-rest",
    applies=PERSISTENT,
    proof=Proof.LIVE,
    shows="the store's files are searched for values that were planted in it, and none is found",
    places=(Place.LOCAL, Place.CLUSTER),
)

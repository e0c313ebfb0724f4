"""Data that must last survives the loss of its region, by a copy elsewhere or by a backup.

Everything else in a region can be built again from its description; data cannot. Copies bring it back soonest,
backups bring it back from mistakes, and what has neither is gone with the building.
"""

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="recovery/replicated-or-backed-up",
    applies=PERSISTENT,
    proof=Proof.DRILL,
    shows="the store is destroyed, and its data is back from the copy or the backup",
    places=(Place.LOCAL,),
)

"""In a system of several regions, data that must last is in more than one of them.

A region that takes over without the data takes over nothing. Restoring a large store from its backup takes hours; a
copy that follows along is there at once, as far as it has followed.
"""

from fairway.core.conditions import PERSISTENT, SEVERAL_REGIONS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="data/geo-replication",
    applies=SEVERAL_REGIONS & PERSISTENT,
    proof=Proof.LIVE,
    shows="a row written in one region is read in the other, with the lag",
    places=(Place.LOCAL,),
)

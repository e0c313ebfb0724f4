"""Recovery is tried out every quarter, and the outcome is kept as evidence.

A plan that was never tried fails at the step that everyone took for granted: a key that only the lost region held, a
backup that does not open. What has changed in three months can be mended in a day; what has changed in two years
cannot.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="recovery/quarterly-simulations",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a simulation runs to its end and leaves signed evidence with its figures",
    places=(Place.LOCAL,),
    once=True,
)

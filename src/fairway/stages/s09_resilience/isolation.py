"""What fails or slows down is noticed, and holds up nothing else.

A slow dependency is worse than a dead one: every request that waits for it keeps a place until no place is left for
requests that never needed it. A limit for each dependency and a replica that is left out while it fails keep the
damage where it began.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="resilience/isolation",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="one dependency is made slow; routes that do without it keep their latency",
    places=(Place.LOCAL,),
)

"""For every call it is settled what the caller does while the callee is down.

Whoever has not decided beforehand decides by accident: the caller hangs, or answers with an error nobody understands.
Often an older answer, or an answer without the missing part, serves the user well enough.
"""

from fairway.core.conditions import CALLS_OTHERS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="resilience/degraded-modes",
    applies=CALLS_OTHERS,
    proof=Proof.DRILL,
    shows="the callee is down: an older answer is marked as such, and what is not essential is left out",
    places=(Place.LOCAL,),
)

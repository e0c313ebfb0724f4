"""Every call to another service goes through a circuit breaker.

Calling what is known to be down wastes the caller's time and keeps the callee down when it tries to return. A breaker
refuses such calls at once, lets a single one through to see whether the callee is back, and closes when it is.
"""

from fairway.core.conditions import CALLS_OTHERS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="resilience/circuit-breakers",
    applies=CALLS_OTHERS,
    proof=Proof.DRILL,
    shows="the callee is killed: the breaker opens, calls fail fast, and it closes once the callee is back",
    places=(Place.LOCAL,),
)

"""A traced request is one trace from its first hop to its last.

In a chain of services the slow or failing hop is seldom the one that reports it. A trace shows where the time went
and which call failed. One hop that drops the context cuts it in two.
"""

from fairway.core.conditions import TRACING
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/tracing",
    applies=TRACING,
    proof=Proof.LIVE,
    shows="one request gives one trace that holds every hop",
    places=(Place.LOCAL,),
)

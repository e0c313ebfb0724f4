"""A new version replaces the old one step by step, without a failed request.

Stopping everything before starting anew is an outage with a plan. Replicas are replaced a few at a time, each new one
must prove that it is ready, and each old one finishes what it has begun.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="delivery/rolling",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a rolling update under load fails no request",
    places=(Place.LOCAL,),
)

"""A release that does not succeed goes back by itself.

Kubernetes marks a stuck update as failed and then leaves it there. A deadline and somebody who acts on it bring the
last good version back without a call. That works only if the old version can still read the data, so schemas change
in steps that both versions understand.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="delivery/automated-rollback",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a failing rolling update returns to the last good version by itself",
    places=(Place.LOCAL,),
)

"""Only declared connections are possible; all others are refused.

By default every pod of a cluster can reach every other, so one breach is a breach of all. Refusing everything and
then allowing the declared calls keeps an intruder in one place, and the declared picture true.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/network-policies",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="every declared call works, and an undeclared caller is refused",
    places=(Place.LOCAL, Place.CLUSTER),
)

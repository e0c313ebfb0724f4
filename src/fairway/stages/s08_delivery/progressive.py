"""A customer-facing service shows a new version to a few before it reaches all.

Tests never hold everything that customers do. A version that only a small share meets can be judged by what really
happens, and taken back before most have noticed.
"""

from fairway.core.conditions import CUSTOMER_FACING, RUNS_ON
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="delivery/progressive",
    applies=RUNS_ON & CUSTOMER_FACING,
    proof=Proof.LIVE,
    shows="traffic moves to the new version in the stated steps",
    places=(Place.LOCAL,),
)

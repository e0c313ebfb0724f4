"""Metrics, not people, take back a bad version while it is shown to a few.

A person watching a graph is slow at noon and asleep at night. The same objectives that alerts use judge the new
version at every step. No data is no proof of health, so it stops the rollout and does not pass it.
"""

from fairway.core.conditions import CUSTOMER_FACING, RUNS_ON, STATELESS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="delivery/metric-rollback",
    applies=RUNS_ON & CUSTOMER_FACING & STATELESS,
    proof=Proof.DRILL,
    shows="a known-bad version goes back by itself: seconds, and requests that failed",
    places=(Place.LOCAL,),
)

"""One pipeline carries every service's logs to one searchable store.

A container's log is gone with its container, which is when it is wanted. A collector on every node sends lines on at
once, and one store answers for all services. What is kept there is kept for a stated time and no longer.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/log-pipeline",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="the collector accepts its configuration, and a planted line is found in the store",
    places=(Place.LOCAL, Place.CLUSTER),
    once=True,
)

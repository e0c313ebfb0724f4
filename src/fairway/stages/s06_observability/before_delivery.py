"""Observability of a mission-critical service is complete before a new version takes traffic.

What rolls a bad version back reads metrics. If they come after the version, the first fault is judged by nobody.
Collectors, monitors, rules and dashboards are applied and accepted first.
"""

from fairway.core.conditions import MISSION_CRITICAL
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/before-delivery",
    applies=MISSION_CRITICAL,
    proof=Proof.LIVE,
    shows="monitors, rules and dashboards were ready before the new version took traffic",
    places=(Place.LOCAL, Place.CLUSTER),
)

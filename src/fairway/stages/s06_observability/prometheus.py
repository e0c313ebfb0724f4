"""Prometheus scrapes every service.

Metrics that nobody collects help nobody, and a monitor whose selector matches nothing looks just like one that works.
Each service has a monitor that names its port and path, at an interval that fits how fast a fault must be seen.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/prometheus",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="Prometheus scrapes every service with the built configuration",
    places=(Place.LOCAL,),
)

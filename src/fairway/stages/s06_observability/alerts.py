"""Alertmanager tells an owner when error rate, latency or throughput is out of bounds.

A fixed limit on errors is either too late or too loud. An alert on how fast the promised budget is spent wakes
somebody for what users feel, and only then. Silence is a fault too, so throughput is watched in both directions. An
alert without an owner reaches nobody.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/alerts",
    applies=ALWAYS,
    proof=Proof.DRILL,
    shows="a fault fires its alert within the stated window, and a healthy system fires none",
    places=(Place.LOCAL,),
)

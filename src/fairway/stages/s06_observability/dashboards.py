"""Every service and the system have a dashboard on metrics that exist.

Whoever is called at night needs one place to look at first, the same for every service. A panel on a metric that
nobody exports stays empty and reads as calm.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/dashboards",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="every panel's query returns data",
    places=(Place.LOCAL,),
)

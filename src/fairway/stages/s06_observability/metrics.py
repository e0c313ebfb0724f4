"""Every service tells at /metrics what it does, how well, and how full it is.

Alerts, dashboards, autoscaling and canary verdicts all read the same numbers. A service without them is judged by its
users' complaints. The path and the names are the same everywhere, so that nothing has to be set up per service.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="observability/metrics",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="metrics are scraped, and their names keep the conventions",
    places=(Place.LOCAL,),
)

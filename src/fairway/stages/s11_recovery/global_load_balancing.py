"""A load balancer above the regions sends traffic away from one that fails.

Two regions behind two addresses are two systems, and the customer has to know which one works. Health checks from
outside notice within seconds what people notice within minutes, and move traffic without asking anyone.
"""

from fairway.core.conditions import SEVERAL_REGIONS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="recovery/global-load-balancing",
    applies=SEVERAL_REGIONS,
    proof=Proof.DRILL,
    shows="a region is killed, and its traffic is answered by another, with the seconds that took",
    places=(Place.LOCAL,),
    once=True,
)

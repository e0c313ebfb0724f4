"""Each region has its own identity, configuration and observability, and serves without the others.

A second region that asks the first one who may log in goes down together with it. Whatever a request needs has to be
inside the region that answers it; the regions exchange copies, and never questions.
"""

from fairway.core.conditions import SEVERAL_REGIONS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="recovery/autonomous-regions",
    applies=SEVERAL_REGIONS,
    proof=Proof.DRILL,
    shows="regions are cut off from one another, and each goes on serving",
    places=(Place.LOCAL,),
    once=True,
)

"""Which region answers is a policy: the nearest one, or the first one that is available.

Without a policy, chance decides: callers cross an ocean for nothing, or half of them land in the region that was meant
as a reserve. A policy makes it known beforehand who is served where, and who moves when a region fails.
"""

from fairway.core.conditions import SEVERAL_REGIONS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="recovery/global-routing",
    applies=SEVERAL_REGIONS,
    proof=Proof.DRILL,
    shows="the region that the policy names answers, and the next one does while that is down",
    places=(Place.LOCAL,),
    once=True,
)

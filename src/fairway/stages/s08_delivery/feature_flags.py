"""Feature flags live in one central system, each with an owner and an end.

Flags in environment variables need a restart and differ between replicas. In one place they are flipped for all at
once, and everybody can see what is on. A flag without an end stays in the code for years and doubles what must be
tested.
"""

from fairway.core.conditions import FLAGS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="delivery/feature-flags",
    applies=FLAGS,
    proof=Proof.LIVE,
    shows="a flip reaches all replicas without a restart: seconds",
    places=(Place.LOCAL,),
)

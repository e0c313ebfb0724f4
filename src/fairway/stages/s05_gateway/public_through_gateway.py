"""What is exposed is reached only through the gateway.

Tokens, limits and logs are kept at one place, and they are worth nothing if a second way leads past it. A load
balancer or node port that points straight at a service is such a way.
"""

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="gateway/public-through-gateway",
    applies=EXPOSED,
    proof=Proof.LIVE,
    shows="a direct call from outside is refused and the same call through the gateway is answered",
    places=(Place.LOCAL,),
)

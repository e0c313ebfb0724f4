"""Every public route limits each consumer, and all consumers together.

One client in a loop, or one with bad intent, can take everything that a service has to give. A limit for each
consumer keeps the others unharmed; a limit for the route keeps the service standing when all come at once. Whoever
is turned away is told when to come back.
"""

from fairway.core.conditions import EXPOSED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="gateway/rate-limit",
    applies=EXPOSED,
    proof=Proof.DRILL,
    shows="a burst is answered with 429 and Retry-After while other consumers are served as before",
    places=(Place.LOCAL,),
)

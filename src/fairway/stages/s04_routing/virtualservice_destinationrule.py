"""In the mesh, a VirtualService routes to each service and a DestinationRule balances its replicas.

The mesh's own defaults retry calls that may not be repeated and wait without end. Each route therefore has a
timeout, and retries only where the call is declared idempotent. A route to a host or subset that is not there fails
every request, and nothing else complains.
"""

from fairway.core.conditions import MESH
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="routing/virtualservice-destinationrule",
    applies=MESH,
    proof=Proof.DRILL,
    shows="the same routes on the local proxy turn an injected fault into a retry that succeeds",
    places=(Place.LOCAL,),
)

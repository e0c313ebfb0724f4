"""Without a mesh, an ingress controller leads requests in and Services lead them on.

Every service still needs one known way in: from outside through the controller, from inside through its Service. A
service that is declared external and has neither cannot be reached, and one with a way of its own escapes every
policy at the front.
"""

from fairway.core.conditions import MESH
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="routing/ingress",
    applies=~MESH,
    proof=Proof.LIVE,
    shows="requests reach it through the controller and its Service",
    places=(Place.LOCAL,),
)

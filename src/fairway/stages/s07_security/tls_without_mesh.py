"""Without a mesh, traffic stays TLS from the ingress to the workload.

Where TLS ends at the edge and nothing follows, all that comes in travels on in plain text. Without a mesh each
workload has its own certificate, and a proxy beside it or the application itself uses it for every hop.
"""

from fairway.core.conditions import MESH
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="security/tls-without-mesh",
    applies=~MESH,
    proof=Proof.LIVE,
    shows="every hop behind the ingress is TLS, and a plain call is refused",
    places=(Place.LOCAL,),
)

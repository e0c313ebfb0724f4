"""What other services call speaks gRPC.

Between services a typed contract, deadlines that travel along and cheap connections matter more than readability on
the wire. A service that is exposed and called by others has both faces.
"""

from fairway.core.conditions import CALLED
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="design/grpc-when-internal",
    applies=CALLED,
    proof=Proof.LIVE,
    shows="an internal call is gRPC and carries the caller's deadline on",
    places=(Place.LOCAL,),
)

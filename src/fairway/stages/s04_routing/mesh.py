"""What a service needs of the network itself comes from a service mesh.

Routing by content, retries and circuit breaking for programs in any language need a proxy at both ends of a call,
set up from one place. Kubernetes alone gives a name and a connection. Where the need is declared and no mesh is
there, nothing meets it and nothing says so.
"""

from fairway.core.conditions import NETWORK_NEEDS
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="routing/mesh",
    applies=NETWORK_NEEDS,
    proof=Proof.STATIC,
    once=True,
)

"""Services register with the cluster's DNS and call one another by name.

Addresses of replicas change with every release and every failure, so an address that is written down is already
wrong. A name that stands for all ready replicas stays right by itself. It only works while its selector matches
something.
"""

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="routing/kubernetes-dns",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="a name resolves and a call by that name is answered",
    places=(Place.LOCAL, Place.CLUSTER),
)

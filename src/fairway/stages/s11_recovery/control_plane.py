"""Where failover depends on Kubernetes, its control plane survives the loss of a machine.

A cluster whose control plane is down keeps what runs, and heals, moves and scales nothing: just when a failure makes
that necessary. Three members outvote one that is lost, and a backup of their store brings back a cluster that lost all.
"""

from fairway.core.conditions import FAILOVER_ON_KUBERNETES
from fairway.core.rule import Place, Proof, Rule

RULE = Rule(
    id="recovery/control-plane",
    applies=FAILOVER_ON_KUBERNETES,
    proof=Proof.DRILL,
    shows="a member of the control plane is stopped, and the cluster still replaces a lost Pod",
    places=(Place.CLUSTER,),
    once=True,
)

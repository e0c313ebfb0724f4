"""Where failover depends on Kubernetes, its control plane survives the loss of a machine.

A cluster whose control plane is down keeps what runs, and heals, moves and scales nothing: just when a failure makes
that necessary. Three members outvote one that is lost, and a backup of their store brings back a cluster that lost all.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import FAILOVER_ON_KUBERNETES
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate

GROUP: Final = "controlplane.cluster.x-k8s.io"
FEWEST: Final = 3  # that outvote one that is lost


def check(estate: Estate) -> Iterator[Finding]:
    """Find control planes with too few members, or with as many on each side of a split.

    What a provider runs, and what kubeadm set up by hand, stands in no object: neither passed nor violated.
    """
    for resource in estate.own:
        node, key = resource.spec, "replicas"
        if resource.kind == "Cluster" and resource.group == "cluster.x-k8s.io":
            node = resource.spec.mapping("topology").mapping("controlPlane")
            if not node:
                continue
        elif resource.group != GROUP or not resource.kind.endswith("ControlPlane"):
            continue
        elif resource.kind.endswith("ManagedControlPlane"):
            continue  # the provider's own
        members = node.number(key)
        if members is None and node.has(key):
            continue  # it is no number: another finding says so
        count = 1 if members is None else members
        fix = f"Give it {FEWEST} members, or 5: an odd number, in as many zones."
        if count < FEWEST:
            says = f"it has {count} member{'' if count == 1 else 's'}: when one is lost, nothing is healed or moved."
            yield found(RULE.id, node, key, says, fix)
        elif count % 2 == 0:
            says = f"it has {count} members: no more of them may be lost than of {count - 1}, and a split stops both."
            yield found(RULE.id, node, key, says, fix, warning=True)


RULE = Rule(
    id="recovery/control-plane",
    applies=FAILOVER_ON_KUBERNETES,
    proof=Proof.DRILL,
    shows="a member of the control plane is stopped, and the cluster still replaces a lost Pod",
    places=(Place.CLUSTER,),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/kubeadmcontrolplane.yaml",
            new="apiVersion: controlplane.cluster.x-k8s.io/v1beta2\nkind: KubeadmControlPlane\nmetadata:\n"
            "  name: bookshop\n  namespace: bookshop\nspec:\n  replicas: 1\n  version: v1.37.0\n",
        ),
    ),
)

"""Only declared connections are possible; all others are refused.

By default every pod of a cluster can reach every other, so one breach is a breach of all. Refusing everything and
then allowing the declared calls keeps an intruder in one place, and the declared picture true.
"""

from collections.abc import Iterator
from difflib import get_close_matches

import msgspec

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.policies import Held, Policy, held, policies
from fairway.estate.resource import identity
from fairway.estate.workload import Workload

CLUSTERS_OWN = frozenset({"kube-system", "kube-public", "kube-node-lease"})
NAMED = 4
NEAR = 0.75  # how alike a label and a misspelt one are


def check(estate: Estate) -> Iterator[Finding]:
    """Find namespaces that refuse nothing, policies that hold nobody, and those that allow everything."""
    every = tuple(policies(estate))
    holding = held(estate, every)
    spaces: dict[str, list[Workload]] = {}
    for workload in estate.workloads:
        spaces.setdefault(workload.namespace, []).append(workload)
    for name, workloads in spaces.items():
        if name not in CLUSTERS_OWN:
            yield from _namespace(estate, name, workloads, holding)
    values = _values(estate, spaces)
    for policy in every:
        if policy.resource.group == "networking.k8s.io" and policy.namespace in spaces:
            yield from _policy(policy, values.get(policy.namespace, {}))


def _namespace(
    estate: Estate, name: str, workloads: list[Workload], holding: dict[Workload, Held]
) -> Iterator[Finding]:
    loose = [workload for workload in workloads if not holding[workload].ingress]
    fix = "Add a NetworkPolicy that selects all Pods and allows nothing, and then one for each declared connection."
    unsure = any(one.resource for one in estate.unknown)  # a policy may be in what is rendered elsewhere
    if loose:
        whole = len(loose) == len(workloads)
        what = "no policy holds any workload" if whole else f"no policy holds {_some(loose)}"
        says = f"{what} of namespace {name}: every Pod of the cluster can reach {'them' if len(loose) > 1 else 'it'}."
        yield _at(estate, name, loose[0], says, fix, warning=unsure)
    elif free := [workload for workload in workloads if not holding[workload].egress]:
        says = f"no policy limits what {_some(free)} of namespace {name} may call: stolen data has a way out."
        yield _at(estate, name, free[0], says, "Add policyTypes Egress to a policy for all Pods.", warning=True)


def _some(workloads: list[Workload]) -> str:
    names = list(dict.fromkeys(f"{workload.kind} {workload.name}" for workload in workloads))
    return listed(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _at(  # noqa: PLR0913 - all of it is what a finding says
    estate: Estate, name: str, workload: Workload, says: str, fix: str, *, warning: bool
) -> Finding:
    """Point at the Namespace, or at the first workload where it is written nowhere."""
    declared = [
        one for one in estate.of_kind("Namespace", "") if one.name == name and estate.visible(one, workload.resource)
    ]
    node: Node = declared[0].root if declared else workload.resource.root
    finding = found(RULE.id, node, "metadata", says, fix, warning=warning)
    return msgspec.structs.replace(finding, resource=identity("Namespace", "", name))


def _values(estate: Estate, spaces: dict[str, list[Workload]]) -> dict[str, dict[str, set[str]]]:
    """Give the labels that Pods of each namespace carry, and the names of what may make Pods of its own."""
    found_: dict[str, dict[str, set[str]]] = {}
    for name, workloads in spaces.items():
        labels = found_.setdefault(name, {})
        for workload in workloads:
            for key, value in workload.pod_labels.items():
                labels.setdefault(key, set()).add(value)
    for resource in estate.resources:
        if "." in resource.group and not resource.group.endswith("k8s.io") and resource.namespace in found_:
            found_[resource.namespace].setdefault("", set()).add(resource.name)
    return found_


def _policy(policy: Policy, labels: dict[str, set[str]]) -> Iterator[Finding]:
    spec = policy.resource.spec
    if wrong := _nobody(spec.mapping("podSelector"), labels):
        yield _dangling(spec.mapping("podSelector"), wrong, labels, "it selects Pods with")
    for way, key in (("ingress", "from"), ("egress", "to")):
        for rule in spec.items(way):
            peers = list(rule.items(key))
            wrongs = [
                _nobody(peer.mapping("podSelector"), labels) for peer in peers if not peer.has("namespaceSelector")
            ]
            if peers and len(wrongs) == len(peers) and all(wrongs):
                wrong = next(filter(None, wrongs))
                lets = "it lets in Pods with" if way == "ingress" else "it lets out to Pods with"
                yield _dangling(peers[0].mapping("podSelector"), wrong, labels, lets)
        if way in policy.open:
            says = (
                f"this rule allows everything {'in' if way == 'ingress' else 'out'}: the policy refuses nothing there."
            )
            yield found(RULE.id, policy.open[way], "", says, "Name who may, in 'from' or 'to'.", warning=True)


def _nobody(selector: Node, labels: dict[str, set[str]]) -> tuple[str, str] | None:
    """Give the label by which a selector picks nobody, as far as files can tell: others of its name are there."""
    if selector.has("matchExpressions"):
        return None
    for key, value in selector.pairs("matchLabels").items():
        if (
            key in labels
            and value not in labels[key] | labels.get("", set())
            and get_close_matches(value, labels[key], 1, NEAR)
        ):
            return key, value  # another name alone proves nothing: operators make Pods that no file shows
    return None


def _dangling(selector: Node, wrong: tuple[str, str], labels: dict[str, set[str]], does: str) -> Finding:
    key, value = wrong
    fix = f"Did you mean '{get_close_matches(value, sorted(labels[key]), 1, NEAR)[0]}'?"
    says = f"{does} {key}: {value}, and no Pod of its namespace carries that."
    return found(RULE.id, selector.mapping("matchLabels"), key, says, fix)


RULE = Rule(
    id="security/network-policies",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="every declared call works, and an undeclared caller is refused",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/networkpolicy-default-deny.yaml",
            old="  podSelector: {}\n  policyTypes:\n  - Ingress\n  - Egress\n",
            new="  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: ordres\n"
            "  policyTypes:\n  - Ingress\n  - Egress\n",
        ),
        Edit(
            path="production/eu-west-1/services/orders/networkpolicy.yaml",
            old="  ingress:\n",
            new="  ingress:\n  - {}\n",
        ),
    ),
)

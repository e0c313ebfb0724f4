"""A service that reaches secure user data is made secure before its public route exists.

A route is found by strangers within minutes of being opened. If encryption and policies follow later, even by one
wave, there is a time in which data stands open, and nobody notices because everything works.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fairway.core.conditions import EXPOSED, SECURE_USER_DATA
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.front import Way
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.selectors import label_selector
from fairway.estate.waves import told, turn

if TYPE_CHECKING:
    from fairway.estate.workload import Workload

BY_LABELS: Final = (  # kind, group, and the key of spec that picks Pods; without it, a policy is for its namespace
    ("NetworkPolicy", "networking.k8s.io", "podSelector"),
    ("CiliumNetworkPolicy", "cilium.io", "endpointSelector"),
    ("AuthorizationPolicy", "security.istio.io", "selector"),
    ("RequestAuthentication", "security.istio.io", "selector"),
    ("PeerAuthentication", "security.istio.io", "selector"),
)
BY_NAME: Final = (
    ("SecurityPolicy", "gateway.envoyproxy.io"),
    ("AuthPolicy", "kuadrant.io"),
    ("AuthorizationPolicy", "security.istio.io"),
    ("RequestAuthentication", "security.istio.io"),
)
PLUGINS: Final = "konghq.com/plugins"
SHOWN: Final = 3


def check(estate: Estate) -> Iterator[Finding]:
    """Find public routes whose turn comes before that of a policy which protects what is behind them.

    The order is told by sync waves of Argo CD and by hooks; where nothing tells it, or two applications are apart, it
    is not in files, and neither is whether user data is reached.
    """
    later = _Guards(estate)
    for way in estate.front.ways:
        mine = turn(way.resource)
        if mine is None:
            continue
        late = [one for one in later.of(way) if (theirs := turn(one)) is not None and theirs > mine]
        if late:
            which = listed([one.id for one in late[:SHOWN]] + ([f"{len(late) - SHOWN} more"] if late[SHOWN:] else []))
            (key, value), (own, when) = told(late[0]), told(way.resource)
            says = f"it is applied before {which} ({key or 'no wave'}: {value or '0'}), which protects what it opens."
            fix = "Give the route a later wave than every policy, or the policies an earlier one."
            node = way.resource.root.mapping("metadata").mapping("annotations") if when else way.resource.root
            yield found(RULE.id, node, own or "metadata", says, fix)


class _Guards:
    """What protects workloads and routes, by whom it is for; worked out once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._of_workload: dict[Workload, list[Resource]] = {}
        self._of_namespace: dict[str, list[Resource]] = {}
        self._of_named: dict[tuple[str, str, str], list[Resource]] = {}
        for kind, group, key in BY_LABELS:
            for one in estate.of_kind(kind, group):
                if one.spec.mapping(key):
                    for workload in estate.selected(one, label_selector(one.spec, key)):
                        self._of_workload.setdefault(workload, []).append(one)
                elif not one.spec.has("targetRef") and not one.spec.has("targetRefs"):
                    self._of_namespace.setdefault(one.namespace, []).append(one)
        for kind, group in BY_NAME:
            for one in estate.of_kind(kind, group):
                for node in (one.spec.mapping("targetRef"), *one.spec.items("targetRefs")):
                    name = (node.text("kind"), one.namespace, node.text("name"))
                    self._of_named.setdefault(name, []).append(one)

    def of(self, way: Way) -> list[Resource]:
        """Give what protects a way in: its plugins, policies that name it, and those of the Pods behind it."""
        guards = list(self._plugins(way.resource))
        for one in (way.resource, *way.gateways, *way.services):
            guards += self._of_named.get((one.kind, one.namespace, one.name), [])
        for workload in way.workloads:
            guards += self._of_workload.get(workload, [])
            guards += self._of_namespace.get(workload.namespace, [])
        return [one for one in dict.fromkeys(guards) if self._estate.visible(one, way.resource)]

    def _plugins(self, resource: Resource) -> Iterator[Resource]:
        for name in resource.annotations.get(PLUGINS, "").split(","):
            found = self._estate.find("KongPlugin", resource.namespace, name.strip(), resource)
            yield from found


RULE = Rule(
    id="gateway/secure-before-exposure",
    applies=EXPOSED & SECURE_USER_DATA,
    proof=Proof.LIVE,
    shows="mutual TLS and policies are in force before the public route is applied",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/httproute.yaml",
            old='    argocd.argoproj.io/sync-wave: "3"\n',
            new='    argocd.argoproj.io/sync-wave: "-1"\n',
        ),
    ),
)

"""The mesh demands mutual TLS everywhere and lets nobody in by default.

A mesh that also accepts plain text protects only those who ask for it. Strict mode at the root of the mesh holds for
workloads that do not exist yet, and a default refusal makes every allowed caller a written decision.
"""

from collections.abc import Iterator

from fairway.core.conditions import MESH
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.mesh import ROOTS, annotations, mesh_of, mode, strict
from fairway.estate.resource import Resource
from fairway.estate.traffic import serving
from fairway.estate.whole import lacks
from fairway.estate.workload import Workload

WEAK = frozenset({"PERMISSIVE", "DISABLE"})
REFUSING = frozenset({"all-authenticated", "cluster-authenticated", "deny", "audit"})
LINKERD = "config.linkerd.io/default-inbound-policy"


def check(estate: Estate) -> Iterator[Finding]:
    """Find a mesh that lets in plain text, calls without TLS inside it, and one that refuses nobody."""
    mesh = mesh_of(estate)
    if mesh == "Istio":
        yield from _istio(estate)
    elif mesh == "Linkerd":
        yield from _linkerd(estate)


def _istio(estate: Estate) -> Iterator[Finding]:
    every = estate.of_kind("PeerAuthentication", "security.istio.io")
    weak = [one for one in every if mode(one) in WEAK]
    for one in weak:
        says = f"mode {mode(one)} lets plain text in."
        yield found(RULE.id, one.spec.mapping("mtls"), "mode", says, "Set STRICT; mend what still speaks plain text.")
    loose = [
        workload
        for workload in estate.workloads
        if serving(estate, workload) and not strict(estate, workload, every) and not _excused(estate, workload, weak)
    ]
    if loose:
        spaces = listed(sorted({workload.namespace for workload in loose}))
        says = f"no PeerAuthentication demands mutual TLS of {spaces}, so plain text is let in as well."
        fix = "Add one with mode STRICT in the mesh's root namespace, istio-system."
        yield lacks(estate, RULE.id, loose, says, fix)
    for rule in estate.of_kind("DestinationRule", "networking.istio.io"):
        tls = rule.spec.mapping("trafficPolicy").mapping("tls")
        if tls.text("mode").upper() == "DISABLE":
            says = f"callers speak plain text to {rule.spec.text('host')}."
            yield found(RULE.id, tls, "mode", says, "Remove it, or set ISTIO_MUTUAL.")
    if not loose and not weak:
        yield from _refusal(estate)


def _excused(estate: Estate, workload: Workload, weak: list[Resource]) -> bool:
    """Tell whether a policy that is found already lets plain text in to a workload: one cause."""
    spaces = (workload.namespace, *ROOTS)
    return any(one.namespace in spaces and estate.visible(one, workload.resource) for one in weak)


def _refusal(estate: Estate) -> Iterator[Finding]:
    """Find a mesh in which whoever has a certificate may call everybody."""
    refusing = [
        one
        for one in estate.of_kind("AuthorizationPolicy", "security.istio.io")
        if not one.spec.mapping("selector")
        and not one.spec.has("rules")
        and one.spec.text("action", "ALLOW") == "ALLOW"
    ]
    open_ = [
        workload
        for workload in estate.workloads
        if serving(estate, workload) and not any(estate.visible(one, workload.resource) for one in refusing)
    ]
    if open_:
        says = "no AuthorizationPolicy refuses by default: whoever is in the mesh may call everybody."
        fix = "Add one without rules for the namespace, and then one for each declared caller."
        yield lacks(estate, RULE.id, open_, says, fix, warning=True)


def _linkerd(estate: Estate) -> Iterator[Finding]:
    spaces = {one.name: one.annotations for one in estate.of_kind("Namespace", "")}
    if estate.of_kind("Server", "policy.linkerd.io"):
        return
    loose: list[Workload] = []
    for workload in estate.workloads:
        said = annotations(workload).get(LINKERD) or spaces.get(workload.namespace, {}).get(LINKERD, "")
        if serving(estate, workload) and said not in REFUSING:
            loose.append(workload)
    if loose:
        says = f"Linkerd lets in callers without a certificate, as nothing sets {LINKERD}."
        fix = "Set it to all-authenticated on the namespaces."
        yield lacks(estate, RULE.id, loose, says, fix)


RULE = Rule(
    id="security/mesh-mtls",
    applies=MESH,
    proof=Proof.LIVE,
    shows="plain text and undeclared callers are refused in every namespace",
    places=(Place.LOCAL, Place.CLUSTER),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/peerauthentication.yaml",
            old="mode: STRICT",
            new="mode: PERMISSIVE",
        ),
        Edit(path="production/eu-west-1/platform/authorizationpolicy.yaml", old="spec: {}"),
    ),
)

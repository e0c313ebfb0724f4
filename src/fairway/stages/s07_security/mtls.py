"""All traffic inside the system is mutual TLS between known identities.

A network is no proof of who is calling: one broken container can listen to and speak as any other. With a certificate
on both sides each knows whom it talks to, and nobody between them can read or change a word.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.mesh import annotations, dapr_encrypts, mesh_of
from fairway.estate.traffic import serving
from fairway.estate.whole import lacks
from fairway.estate.workload import Workload

LEFT_OUT = ("traffic.sidecar.istio.io/excludeInboundPorts", "config.linkerd.io/skip-inbound-ports")
INJECT = ("sidecar.istio.io/inject", "linkerd.io/inject")
WEAK = frozenset({"PERMISSIVE", "DISABLE"})
PROXIES = frozenset({"envoy", "ghostunnel", "linkerd-proxy", "istio-proxy", "tls-proxy", "spiffe-helper"})


def check(estate: Estate) -> Iterator[Finding]:
    """Find a system without mutual TLS, and ports that a mesh is told to leave alone."""
    if mesh_of(estate):
        yield from _ports(estate)
        return
    plain = [w for w in estate.workloads if serving(estate, w) and not dapr_encrypts(estate, w)]
    certificates = {one.spec.text("secretName") for one in estate.of_kind("Certificate", "cert-manager.io")}
    if len(plain) > 1 and not any(_secured(workload, certificates) for workload in estate.workloads):
        says = "nothing encrypts what services receive, or tells who sends it: there is neither a mesh nor a "
        says += "certificate in their Pods."
        fix = "Use a mesh with strict mutual TLS, or certificates of cert-manager and a proxy in each Pod."
        yield lacks(estate, RULE.id, plain, says, fix)


def _secured(workload: Workload, certificates: set[str]) -> bool:
    for volume in workload.volumes:
        secret = volume.node.mapping("secret").text("secretName")
        if secret and (secret in certificates or secret.endswith(("-tls", "-cert", "-certs", "-certificate"))):
            return True
        if volume.node.mapping("csi").text("driver") in {
            "csi.cert-manager.io",
            "csi.spiffe.io",
            "spiffe.csi.cert-manager.io",
        }:
            return True
    return any(container.name in PROXIES for container in workload.every_container)


def _ports(estate: Estate) -> Iterator[Finding]:
    for one in estate.of_kind("PeerAuthentication", "security.istio.io"):
        levels = one.spec.mapping("portLevelMtls")
        for port in levels.value:
            if levels.mapping(port).text("mode").upper() in WEAK:
                says = f"port {port} takes plain text, from anybody."
                yield found(RULE.id, levels.mapping(port), "mode", says, "Remove the exception.")
    for workload in estate.workloads:
        given = annotations(workload)
        for key in LEFT_OUT:
            if given.get(key):
                says = f"{key} keeps the mesh from ports {given[key]}: they take plain text, from anybody."
                yield found(RULE.id, workload.resource.root, "metadata", says, "Remove the annotation.")
        for key in INJECT:
            said = given.get(key) or workload.pod_labels.get(key, "")
            if said in {"false", "disabled"} and serving(estate, workload) and estate.store_of(workload) is None:
                says = f"{key} keeps the workload out of the mesh: it takes plain text, from anybody."
                yield found(RULE.id, workload.resource.root, "metadata", says, "Let it into the mesh.", warning=True)


RULE = Rule(
    id="security/mtls",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="plain text, a foreign authority and a wrong identity are all refused",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/peerauthentication.yaml",
            new="apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata:\n  name: orders\n"
            "  namespace: bookshop\nspec:\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: orders\n"
            '  portLevelMtls:\n    "8081":\n      mode: DISABLE\n',
        ),
    ),
)

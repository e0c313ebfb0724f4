"""No image runs that has not passed a vulnerability scan.

Most of an image is other people's code, and new faults in it become known every week. A scan in the pipeline helps
only if nothing can go around it. So the pipeline signs what passed, and the cluster asks for the signature.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Proof, Rule
from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.whole import lacks

GATES = {
    "ClusterImagePolicy": "policy.sigstore.dev",
    "ImageValidatingPolicy": "policies.kyverno.io",
    "NamespacedImageValidatingPolicy": "policies.kyverno.io",
    "AdmissionPolicy": "policies.kubewarden.io",
    "ClusterAdmissionPolicy": "policies.kubewarden.io",
}
"""Kinds that look at images when they are let in."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find a system whose images nothing looks at when they are let in; said once, as a remark."""
    gates = tuple(resource for resource in estate.resources if _gate(resource))
    open_ = [
        workload for workload in estate.workloads if not any(estate.visible(gate, workload.resource) for gate in gates)
    ]
    if open_:
        says = "nothing here refuses an image that no scan has passed: there is a way around the pipeline."
        fix = "Sign images after their scan, and ask for the signature at admission (Sigstore, Kyverno)."
        yield lacks(estate, RULE.id, open_, says, fix, warning=True)


def _gate(resource: Resource) -> bool:
    if GATES.get(resource.kind) == resource.group:
        return True
    if resource.kind in {"ClusterPolicy", "Policy"} and resource.group == "kyverno.io":
        return any(rule.has("verifyImages") for rule in resource.spec.items("rules"))
    return resource.group == "constraints.gatekeeper.sh"


RULE = Rule(
    id="security/image-scan",
    applies=ALWAYS,
    proof=Proof.STATIC,
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/clusterimagepolicy.yaml",
            old="kind: ClusterImagePolicy",
        ),
    ),
)

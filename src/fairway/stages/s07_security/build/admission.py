"""Admission: only images that the pipeline has signed, after their scan, are let in."""

from typing import Final

from fairway.core.artefact import Manifest, Site
from fairway.core.profile import Landscape
from fairway.stages.s07_security.decisions.images import admission

SIGNING_KEY: Final = "fairway-signing-key"  # the Secret with the public key, in the controller's namespace


def signed(landscape: Landscape, site: Site) -> Manifest:
    """Build the policy of one site: refuse what is unsigned where the environment is secure, else warn."""
    system, decided = landscape.system, admission(landscape)
    return Manifest(
        path="platform/clusterimagepolicy.yaml",
        rule=decided.rule,
        topic=decided.topic,
        object={
            "apiVersion": "policy.sigstore.dev/v1beta1",
            "kind": "ClusterImagePolicy",
            "metadata": {
                "name": f"{system.system}-signed",
                "labels": {"app.kubernetes.io/part-of": system.system, "app.kubernetes.io/managed-by": "fairway"},
            },
            "spec": {
                "mode": decided.value.modes[site.environment],
                "images": [{"glob": f"{system.platform.registry}/{system.system}/**"}],
                "authorities": [
                    {"name": "pipeline", "key": {"secretRef": {"name": SIGNING_KEY}, "hashAlgorithm": "sha256"}}
                ],
            },
        },
    )

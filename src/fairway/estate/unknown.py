"""What an estate holds that cannot be judged from its files, and how much of everything there is."""

import msgspec

from fairway.estate.resource import Resource
from fairway.estate.workload import is_workload
from fairway.yaml.reader import Mapping, Sequence

RENDERED_ELSEWHERE = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): "a Helm release, rendered by Flux",
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): "a kustomization, rendered by Flux",
    ("helm.cattle.io", "HelmChart"): "a Helm chart, rendered by its controller",
    ("argoproj.io", "Application"): "an application, rendered by Argo CD",
    ("argoproj.io", "ApplicationSet"): "applications, rendered by Argo CD",
}


class Unknown(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something that is neither passed nor violated, as it cannot be seen. Line 0 means the whole file."""

    file: str
    line: int = 0
    resource: str = ""
    says: str

    @property
    def unrendered(self) -> bool:
        """Tell whether a tool on this machine could have shown it."""
        return not self.resource


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many files were met, and what became of them."""

    files: int
    kustomizations: int
    left_alone: int  # no Kubernetes in them
    patches: int  # parts of objects, which kustomizations read
    components: int  # of Kustomize, which nothing includes


def elsewhere(resource: Resource) -> str | None:
    """Say what *resource* stands for where its content is rendered elsewhere, or has Pods of a kind unknown here."""
    if (says := RENDERED_ELSEWHERE.get((resource.group, resource.kind))) is not None:
        return says
    if is_workload(resource):
        return None
    value = resource.root.value
    for key in ("spec", "template", "spec"):
        inner = value.get(key)
        if not isinstance(inner, Mapping):
            return None
        value = inner
    return "a kind with Pods that is not known here" if isinstance(value.get("containers"), Sequence) else None

"""What an estate holds that cannot be judged from its files, and how much of everything there is."""

from collections.abc import Iterable, Iterator

import msgspec

from fairway.estate.resource import Resource
from fairway.estate.workload import is_workload
from fairway.yaml.reader import Mapping, Sequence, Value

RENDERED_ELSEWHERE = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): "a Helm release, rendered by Flux",
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): "a kustomization, rendered by Flux",
    ("helm.cattle.io", "HelmChart"): "a Helm chart, rendered by its controller",
    ("argoproj.io", "Application"): "an application, rendered by Argo CD",
    ("argoproj.io", "ApplicationSet"): "applications, rendered by Argo CD",
}
APPLICATIONS = frozenset({("argoproj.io", "Application"), ("argoproj.io", "ApplicationSet")})


class Unknown(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something that is neither passed nor violated, as it cannot be seen. Line 0 means the whole file."""

    file: str
    line: int = 0
    resource: str = ""
    says: str
    tried: bool = False  # a tool was asked, and could not; what it said is in the words

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


def reads(resource: Resource, files: Iterable[str]) -> bool:
    """Tell whether all that an application of Argo CD deploys lies among *files*: every folder that it names."""
    if (resource.group, resource.kind) not in APPLICATIONS:
        return False
    folders = {folder.strip("/") for folder in _folders(resource.root.value)} - {""}
    return bool(folders) and all(any(f"/{folder}/" in file for file in files) for folder in folders)


def _folders(value: Value) -> Iterator[str]:
    """Give the folders that are named as such, at any depth; one that a template computes is named by its values."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "path" and isinstance(inner, str) and "{{" not in inner:
                yield inner
            elif key == "chart":
                yield "a chart"  # which no folder holds
            else:
                yield from _folders(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _folders(inner)


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

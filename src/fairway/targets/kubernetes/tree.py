"""The built tree: every file of every site, validated, with a kustomization in each folder."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache

import msgspec

from fairway.core.artefact import Manifest, Site
from fairway.core.errors import BadRegistryError
from fairway.core.labels import RULES
from fairway.core.parts import Part, merge
from fairway.targets.kubernetes import operators
from fairway.targets.kubernetes.chore import WAVE
from fairway.targets.kubernetes.door import doors
from fairway.targets.kubernetes.workload import manifests as workload_manifests
from fairway.yaml.writer import write_document

FIRST = ("platform", "data", "observability", "services")  # the order in which a reader and kustomize meet the folders

WAVES = {
    **dict.fromkeys(("CronJob", "Deployment", "Rollout", "StatefulSet"), "2"),
    **dict.fromkeys(("HTTPRoute", "Ingress", "Mapping"), "3"),
}


class BuiltFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the tree: its path below the root, its text, and the manifest it came from, if any."""

    path: str
    text: str
    manifest: Manifest | None = None


class Texts:
    """The text of every manifest; one that several sites have in common is written once."""

    def __init__(self, declared_in: Callable[[str], str]) -> None:
        """Take what names the file of facts of a service, for the head of its files."""
        self._declared_in = cache(declared_in)
        self._written: dict[int, tuple[Manifest, str]] = {}  # with the manifest, so that no other gets its number

    def of(self, manifest: Manifest) -> str:
        """Give the text of one."""
        number = id(manifest)
        if number not in self._written:
            self._written[number] = manifest, _text(manifest, self._declared_in(manifest.service))
        return self._written[number][1]


def site_files(
    system: str, site: Site, parts: Iterable[Part], manifests: Iterable[Manifest], texts: Texts
) -> Iterator[BuiltFile]:
    """Render one site."""
    every = [*manifests]
    before = {manifest.path: manifest for manifest in every}
    for attached in merge(parts):
        every += workload_manifests(system, attached)
        if (whole := before.get(f"services/{attached.service}/service.yaml")) is not None:
            every += doors(system, attached, whole)
    seen: dict[str, Manifest] = {}
    for manifest in every:
        if (other := seen.setdefault(manifest.path, manifest)) is not manifest:
            raise BadRegistryError(
                f"{manifest.path} is built for {other.rule} and for {manifest.rule}. Name one otherwise."
            )
        yield BuiltFile(path=f"{site.folder}/{manifest.path}", text=texts.of(manifest), manifest=manifest)
    yield BuiltFile(path=f"{site.folder}/{operators.PATH}", text=operators.page(site, every))
    yield from _kustomizations(site.folder, sorted(seen))


def _text(manifest: Manifest, source: str) -> str:
    described = manifest.object["metadata"]
    annotations = {**_wave(manifest), **described.get("annotations", {}), RULES: ",".join(manifest.rules)}
    marked = {**manifest.object, "metadata": {**described, "annotations": annotations}}
    return write_document(marked, comment=f"Built by fairway from {source}; 'fairway why FILE:LINE' explains a line.")


def _wave(manifest: Manifest) -> dict[str, str]:
    """Say after what Argo CD applies an object; what says nothing comes first, migrations between it and workloads."""
    wave = WAVES.get(manifest.object["kind"]) if manifest.service else None
    return {} if wave is None else {WAVE: wave}


def _kustomizations(root: str, paths: list[str]) -> Iterator[BuiltFile]:
    """List in each folder what lies in it: files first, then folders."""
    folders: dict[str, list[str]] = {"": []}
    for path in paths:
        *parents, name = path.split("/")
        for depth in range(len(parents)):
            inside = folders.setdefault("/".join(parents[:depth]), [])
            if parents[depth] not in inside:
                inside.append(parents[depth])
        folders.setdefault("/".join(parents), []).append(name)
    for folder, inside in folders.items():
        ordered = sorted(inside, key=lambda name: (FIRST.index(name) if name in FIRST else -1, name))
        listing = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ordered,
        }
        yield BuiltFile(path="/".join(filter(None, (root, folder, "kustomization.yaml"))), text=write_document(listing))

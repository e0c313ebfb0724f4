"""Render the whole tree in memory: every environment and region, and the pages beside them."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.errors import BadRegistryError
from fairway.estate.schema import problems
from fairway.estate.semantics import faults
from fairway.targets.kubernetes import programs
from fairway.targets.kubernetes.configuration import told
from fairway.targets.kubernetes.front import manifests as front
from fairway.targets.kubernetes.istio import manifests as mesh
from fairway.targets.kubernetes.tree import BuiltFile, Texts, site_files
from fairway.targets.notes import Carried
from fairway.verbs.bind import binding, sites
from fairway.verbs.progress import counted
from fairway.verbs.workspace import Workspace


def render(workspace: Workspace) -> dict[str, BuiltFile]:
    """Build every file from the facts, by path; the same facts give the same bytes."""
    files: dict[str, BuiltFile] = {}
    texts = Texts(workspace.declared_in)
    judged: set[str] = set()  # texts: many an object is the same on every site
    for site in sites(workspace.landscape.system):
        for file in counted(_rendered(workspace, site, texts), f"rendering {site.folder}: file"):
            if file.text not in judged:
                _validate(file)
                judged.add(file.text)
            files[file.path] = file
    return files | {page.path: page for page in _pages(workspace)}


def render_file(workspace: Workspace, path: str) -> BuiltFile | None:
    """Build the one file at *path* of the tree, from its own site alone; None where the facts give none."""
    for site in sites(workspace.landscape.system):
        if path.startswith(f"{site.folder}/"):
            rendered = _rendered(workspace, site, Texts(workspace.declared_in))
            return next((file for file in rendered if file.path == path), None)
    return next((page for page in _pages(workspace) if page.path == path), None)


def _rendered(workspace: Workspace, site: Site, texts: Texts) -> Iterator[BuiltFile]:
    landscape, rooms_build = workspace.landscape, workspace.builders
    parts = [part for build in rooms_build for part in build.parts(landscape, site)]
    bindings = {name: binding(workspace, name, site) for name in landscape.services}
    manifests = [manifest for build in rooms_build for manifest in build.manifests(landscape, site)]
    told_proxies = {
        name: Carried(name, [note for build in rooms_build for note in build.carry(profile, landscape, site)])
        for name, profile in landscape.services.items()
    }
    for name, bound in bindings.items():
        profile = landscape.services[name]
        parts += programs.parts(profile, bound) if profile.foreign else [told(bound)]
        if profile.foreign:
            manifests += programs.manifests(landscape, site, profile, bound, told_proxies[name].traffic)
    if landscape.mesh:
        manifests += mesh(landscape.system.system, told_proxies, bindings)
    manifests += front(landscape, site, told_proxies)
    return site_files(landscape.system.system, site, parts, manifests, texts)


def _pages(workspace: Workspace) -> Iterator[BuiltFile]:
    for build in workspace.builders:
        for page in build.pages(workspace.landscape):
            yield BuiltFile(path=page.path, text=page.text)


def _validate(file: BuiltFile) -> None:
    """Refuse an object that the API server would refuse. Facts cannot lead here: it is a fault of Fairway."""
    if file.manifest is None:
        return
    found = [*problems(file.manifest.object).faults, *faults(file.manifest.object)]
    if found:
        said = "; ".join(f"{'.'.join(map(str, fault.path))}: {fault.says}" for fault in found)
        raise BadRegistryError(f"{file.path}, built for {file.manifest.rule}, is not valid: {said}")

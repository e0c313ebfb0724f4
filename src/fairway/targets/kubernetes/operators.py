"""The page of a site that names the operators its objects need: exactly those, from the objects themselves."""

from collections.abc import Iterable
from typing import Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import OPERATORS, SIGNED_ONLY
from fairway.core.operators import CLUSTER, RELOADED, RELOADER, Operator, needed

PATH: Final = "platform/operators.md"


def page(site: Site, manifests: Iterable[Manifest]) -> str:
    """Write the page; a site whose objects Kubernetes knows itself needs nobody, and says so."""
    served: dict[tuple[str, str], str] = {}
    labelled = reloaded = False
    for manifest in manifests:
        one = manifest.object
        group, _, version = one["apiVersion"].rpartition("/")
        served[group, one["kind"]] = version
        labelled = labelled or SIGNED_ONLY in one["metadata"].get("labels", {})
        reloaded = reloaded or RELOADED in one["metadata"].get("annotations", {})
    found, unknown = needed(served)
    lines = [_row(operator, served) for operator in found]
    homes = sorted({operator.namespace for operator in found if operator.namespace})
    labels = "\n".join(
        f"    kubectl label --overwrite namespace {name} {OPERATORS}="
        for name in homes
        if name not in _built(manifests)
    )
    nobody = "".join(f"\nNobody in this table acts on {kind} of {group}.\n" for group, kind in unknown)
    if not found:
        nobody = f"{_beside(served, reloaded=reloaded)}{nobody}"
        return f"# Operators of {site.folder}\n\nNone: Kubernetes itself knows every kind that is built here.\n{nobody}"
    text = f"""# Operators of {site.folder}

They are installed before the first apply, each by its own chart or release; from then on the kinds they serve are
known. A version is the operator's own, and was the newest that these objects were checked against.

| Operator | Version | Chart | Namespace | What it must serve |
| --- | --- | --- | --- | --- |
{"".join(lines)}
{_notes(found)}## Their namespaces

Policies let an operator in by the label `{OPERATORS}` of its namespace. Whoever installs it sets the label, and again
where the namespace is made anew:

{labels}
"""
    if labelled:
        text += f"\nThe system's namespace carries `{SIGNED_ONLY}`: the policy here says which images must be signed.\n"
    return text + _beside(served, reloaded=reloaded) + nobody


def _row(operator: Operator, served: dict[tuple[str, str], str]) -> str:
    groups: dict[str, list[str]] = {}
    for (group, kind), version in sorted(served.items()):
        if operator.acts_on(group, kind):
            groups.setdefault(f"{group}/{version}", []).append(kind)
    kinds = "; ".join(f"{', '.join(names)} of `{group}`" for group, names in groups.items())
    columns = (
        operator.name,
        operator.version or "any that serves it",
        operator.chart or "none",
        operator.namespace or "none",
    )
    return f"| {' | '.join((*columns, kinds))} |\n"


def _notes(found: Iterable[Operator]) -> str:
    said = [f"- {operator.name}: {operator.note}\n" for operator in found if operator.note]
    return f"{''.join(said)}\n" if said else ""


def _beside(served: Iterable[tuple[str, str]], *, reloaded: bool) -> str:
    """Name what acts on kinds that every cluster knows, and is not in every cluster."""
    said = [f"- {what}\n" for kind, what in CLUSTER.items() if kind in served]
    said += [f"- {RELOADER}\n"] if reloaded else []
    return f"\n## What the cluster has besides\n\n{''.join(said)}" if said else ""


def _built(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Name the namespaces that the tree itself makes; a label on them is the tree's business."""
    return frozenset(one.object["metadata"]["name"] for one in manifests if one.object["kind"] == "Namespace")

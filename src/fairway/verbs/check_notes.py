"""What an audit saw and did not judge, said in sentences."""

from collections.abc import Iterator, Sequence

from fairway.core.wording import listed, many
from fairway.estate.index import Estate
from fairway.estate.unknown import Unknown

NAMED = 3
RENDER = "fairway check rendered.yaml"


def notes(estates: Sequence[Estate]) -> Iterator[str]:
    """Say what is unknown, what was left out, and what was judged more than once; the first is of plain files."""
    counts = estates[0].counts
    unknown = sorted({one for estate in estates for one in estate.unknown})
    yield from _not_rendered([one for one in unknown if one.unrendered or one.tried])
    if others := [one for one in unknown if not one.unrendered and not one.tried]:
        shown = "; ".join(f"{one.resource} is {one.says}" for one in others[:NAMED])
        more = f"; and {len(others) - NAMED} more" if len(others) > NAMED else ""
        yield f"Not in these files: {shown}{more}. What these stand for is unknown, not passed."
    for tool, does, done in (("Kustomize", "composes", "composed"), ("Helm", "renders", "rendered")):
        if composed := [estate.name for estate in estates if estate.name and estate.tool == tool]:
            more = f" and {len(composed) - NAMED} more" if len(composed) > NAMED else ""
            names = f"({', '.join(composed[:NAMED])}{more})"
            yield f"{tool} {does} {many(len(composed), 'system')} here {names}; each is judged as {done}."
    if apart := [many(n, noun) for n, noun in ((counts.patches, "patch"), (counts.components, "component file")) if n]:
        yield f"Left out, as nothing that was read includes them: {listed(apart)}."
    if alternatives := max(estate.alternatives for estate in estates):
        yield (
            f"{many(alternatives, 'workload')} defined in more than one place; each is judged there, "
            "with what belongs to that place only."
        )
    if counts.left_alone:
        yield f"Left alone, as no Kubernetes object is in them: {many(counts.left_alone, 'file')}."


def _not_rendered(unknown: Sequence[Unknown]) -> Iterator[str]:
    """Say what no tool was asked for, and what a tool could not do, in its own words."""
    failed = [one for one in unknown if one.tried]
    for one in failed[:NAMED]:
        place = f"{one.file}:{one.line}" if one.line else one.file
        yield f"{one.resource or place} is {one.says}. What it holds is unknown, not passed."
    if len(failed) > NAMED:
        yield f"{many(len(failed) - NAMED, 'more chart')} of Helm could not be rendered: --format json says why."
    if templates := [one for one in unknown if not one.tried]:
        how = "Install helm, or name it with --helm, and these are rendered here."
        if failed:
            how = f"To check it: helm template CHART > rendered.yaml; {RENDER}"
        yield (
            f"Not rendered: {many(len(templates), 'file')}, first {templates[0].file}. "
            f"What they hold is unknown, not passed. {how}"
        )

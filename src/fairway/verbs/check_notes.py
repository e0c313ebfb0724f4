"""What an audit saw and did not judge, said in sentences."""

from collections.abc import Iterator, Sequence

from fairway.core.wording import listed, many
from fairway.estate.index import Estate

NAMED = 3
RENDER = "fairway check rendered.yaml"


def notes(estates: Sequence[Estate]) -> Iterator[str]:
    """Say what is unknown, what was left out, and what was judged more than once; the first is of plain files."""
    counts = estates[0].counts
    unknown = sorted({one for estate in estates for one in estate.unknown})
    if templates := sum(one.unrendered for one in unknown):
        yield (
            f"Not rendered: {many(templates, 'file')}, first {next(one.file for one in unknown if one.unrendered)}. "
            f"What they hold is unknown, not passed. To check it: helm template CHART > rendered.yaml; {RENDER}"
        )
    if others := [one for one in unknown if not one.unrendered]:
        shown = "; ".join(f"{one.resource} is {one.says}" for one in others[:NAMED])
        more = f"; and {len(others) - NAMED} more" if len(others) > NAMED else ""
        yield f"Not in these files: {shown}{more}. What these stand for is unknown, not passed."
    if composed := [estate for estate in estates if estate.name]:
        names = ", ".join(estate.name for estate in composed[:NAMED])
        more = f" and {len(composed) - NAMED} more" if len(composed) > NAMED else ""
        yield f"Kustomize composes {many(len(composed), 'system')} here ({names}{more}); each is judged as composed."
    if apart := [many(n, noun) for n, noun in ((counts.patches, "patch"), (counts.components, "component file")) if n]:
        yield f"Left out, as nothing that was read includes them: {listed(apart)}."
    if alternatives := max(estate.alternatives for estate in estates):
        yield (
            f"{many(alternatives, 'workload')} defined in more than one place; each is judged there, "
            "with what belongs to that place only."
        )
    if counts.left_alone:
        yield f"Left alone, as no Kubernetes object is in them: {many(counts.left_alone, 'file')}."

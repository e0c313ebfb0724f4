"""What an audit saw and did not judge, said in sentences."""

from collections.abc import Iterator

from fairway.core.wording import many
from fairway.estate.index import Estate

NAMED = 3
RENDER = "fairway check rendered.yaml"


def notes(estate: Estate) -> Iterator[str]:
    """Say what is unknown, what was left out, and what was judged more than once."""
    counts = estate.counts
    if templates := sum(not unknown.resource for unknown in estate.unknown):
        yield (
            f"Helm templates, not rendered: {many(templates, 'file')}. What they hold is unknown, not passed. "
            f"To check it: helm template CHART > rendered.yaml; {RENDER}"
        )
    if others := [unknown for unknown in estate.unknown if unknown.resource]:
        shown = "; ".join(f"{unknown.resource} is {unknown.says}" for unknown in others[:NAMED])
        more = f"; and {len(others) - NAMED} more" if len(others) > NAMED else ""
        yield f"Not in these files: {shown}{more}. What these stand for is unknown, not passed."
    if estate.composing:
        left_out = [
            many(number, noun)
            for number, noun in ((counts.patches, "patch file"), (counts.components, "component file"))
            if number
        ]
        yield (
            f"Kustomize composes here ({many(len(estate.composing), 'kustomization')}, first {estate.composing[0]}); "
            "this version does not: files are judged as they are written"
            + (f", without {' and '.join(left_out)}" if left_out else "")
            + f". To check the result: kubectl kustomize FOLDER > rendered.yaml; {RENDER}"
        )
    if estate.alternatives:
        yield (
            f"{many(estate.alternatives, 'workload')} defined in more than one place; each is judged there, "
            "with what belongs to that place only."
        )
    if counts.left_alone:
        yield f"Left alone, as no Kubernetes object is in them: {many(counts.left_alone, 'file')}."

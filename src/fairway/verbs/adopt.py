"""Draft the facts of a system from its manifests, ask what they do not tell, and say what the standard would change."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from fairway import stages
from fairway.core.errors import Exit, FairwayError
from fairway.core.registry import rooms
from fairway.core.wording import many
from fairway.estate.index import Estate
from fairway.estate.read import compositions
from fairway.verbs.adopt_draft import Draft, draft
from fairway.verbs.adopt_text import adopt_text, questions
from fairway.verbs.check import Report, check
from fairway.verbs.output import json_text

SHOWN = 10  # rules in the gap report


def adopt_command(path: Path, output: Path, format_: str) -> Exit:
    """Write the draft to *output*, `-` for the screen; print the questions and the gaps."""
    if not path.exists():
        raise FairwayError(f"{path}: does not exist. Name a folder of manifests.")
    estates = compositions([path])
    chosen = _chosen(estates, path)
    if not chosen.workloads:
        raise FairwayError(
            f"{path}: holds no workload that could be read. Name a folder of manifests; render charts first:"
            " helm template CHART > rendered.yaml"
        )
    found = draft(chosen, str(path.resolve()))
    report = check(rooms(stages), chosen)
    text = adopt_text(found, chosen.name or str(path))
    shown = str(output) != "-"
    if shown:
        _write(output, text)
    if format_ == "json":
        told = {"file": str(output) if shown else "", "draft": found, "questions": list(questions(found))}
        sys.stdout.write(json_text({**told, "gaps": _gaps(report)}))
        return Exit.CLEAN
    if not shown:
        sys.stdout.write(text)
    out = sys.stdout if shown else sys.stderr
    out.write("\n".join(_told(found, report, chosen, estates, output if shown else None)) + "\n")
    return Exit.CLEAN


def _chosen(estates: Sequence[Estate], path: Path) -> Estate:
    """Take what the path itself composes, or else what has most workloads."""
    given = [one for one in estates if one.name and Path(one.name).resolve() == path.resolve()]
    return max(given or estates, key=lambda one: sum(w.resource.file not in one.context for w in one.workloads))


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as fresh:
            fresh.write(text)
    except FileExistsError:
        raise FairwayError(f"{file}: is there already. Name another file with -o, or - for the screen.") from None
    except OSError as error:
        raise FairwayError(f"{file}: cannot be written: {error.strerror}. Name another file with -o.") from None


def _told(found: Draft, report: Report, chosen: Estate, estates: Sequence[Estate], file: Path | None) -> Iterator[str]:
    calls = sum(len(one.calls) for one in found.services)
    counts = (many(len(found.services), "service"), many(calls, "call"), many(len(found.stores), "store"))
    yield f"Found {', '.join(counts)}" + (
        f" in {chosen.name}, one of {len(estates) - 1} compositions." if chosen.name else "."
    )
    yield ""
    yield "What manifests do not tell:"
    yield from (f"  {number}. {question}" for number, question in enumerate(questions(found), 1))
    yield ""
    gaps = _gaps(report)
    if gaps:
        yield f"What the standard asks and is not there ({many(report.errors, 'error')}); the most frequent:"
        for rule, count, title in gaps[:SHOWN]:
            yield f"  {count:>4}  {rule}: {title}"
    else:
        yield "The checks of the standard find nothing missing."
    unchecked = sum(not rule.checked for rule in report.rules)
    if unchecked:
        yield f"        {unchecked} of {len(report.rules)} rules cannot be checked from files."
    if file is not None:
        yield ""
        yield f"{file}: written. Answer its lines with '# ?', then: fairway plan {file}"


def _gaps(report: Report) -> list[tuple[str, int, str]]:
    titles = {rule.id: rule.title for rule in report.rules}
    counted = Counter(finding.rule for finding in report.findings if finding.severity == "error")
    return [(rule, count, titles[rule]) for rule, count in counted.most_common()]

"""The steps of a pipeline one by one: what each runs, with what, and whether the pipeline goes on when it fails."""

from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.estate.fault import quoted
from fairway.estate.pipelines import Pipeline
from fairway.yaml.reader import Mapping, Sequence, Value

PARTS: Final = ("before_script", "script", "after_script")
DEEPEST: Final = 8  # templates of templates of GitLab's jobs


class Step(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One step of a job: an action, lines of a script, or something included."""

    pipeline: Pipeline
    job: str
    name: str  # by which other steps ask how it ended; mostly it has none
    line: int
    uses: str  # an action, without its version; or what is included
    script: tuple[tuple[str, int], ...]  # texts, each with its line
    given: dict[str, str]  # what an action is told
    variables: dict[str, str]  # of the step, its job and its pipeline
    ignored: str  # what lets the pipeline go on when it fails: continue-on-error, allow_failure; or empty

    @property
    def text(self) -> str:
        """Give all lines of its script."""
        return "\n".join(text for text, _ in self.script)


def steps(pipeline: Pipeline) -> Iterator[Step]:
    """Give the steps of a pipeline in their order; none for what is the settings of a tool."""
    jobs = pipeline.root.get("jobs")
    if isinstance(jobs, Mapping):
        for name, job in jobs.items():
            if isinstance(job, Mapping):
                yield from _of_github(pipeline, name, job, jobs.lines[name])
    elif pipeline.commands:
        yield from _of_gitlab(pipeline)


def _of_github(pipeline: Pipeline, name: str, job: Mapping, line: int) -> Iterator[Step]:
    around = _texts(pipeline.root.get("env")) | _texts(job.get("env"))
    written = job.get("steps")
    listed = list(zip(written, written.lines, strict=True)) if isinstance(written, Sequence) else [(job, line)]
    for step, at in listed:
        if not isinstance(step, Mapping):
            continue
        run = step.get("run")
        ignored = step.get("continue-on-error") is True or job.get("continue-on-error") is True
        yield Step(
            pipeline=pipeline,
            job=name,
            name=_text(step.get("id")),
            line=int(step.lines.get("uses", at)),
            uses=_text(step.get("uses")).partition("@")[0],
            script=((run, int(step.lines["run"])),) if isinstance(run, str) else (),
            given=_texts(step.get("with")),
            variables=around | _texts(step.get("env")),
            ignored="continue-on-error" if ignored else "",
        )


def _of_gitlab(pipeline: Pipeline) -> Iterator[Step]:
    root = pipeline.root
    for text, line in _included(root.get("include"), root.lines.get("include", root.line)):
        yield Step(
            pipeline=pipeline, job="", name="", line=line, uses=text, script=(), given={}, variables={}, ignored=""
        )
    for name, job in root.items():
        if isinstance(job, Mapping) and name not in {"default", "variables", "workflow"} and not name.startswith("."):
            whole = _extended(root, job)
            script = [entry for part in PARTS for entry in _lines(whole.get(part), whole.lines.get(part, job.line))]
            yield Step(
                pipeline=pipeline,
                job=name,
                name="",
                line=int(root.lines[name]),
                uses="",
                script=tuple(script),
                given={},
                variables=_texts(root.get("variables")) | _texts(whole.get("variables")),
                ignored="allow_failure" if whole.get("allow_failure") is True else "",
            )


def _included(value: Value, line: int) -> Iterator[tuple[str, int]]:
    if isinstance(value, str):
        yield value, int(line)
    elif isinstance(value, Sequence):
        for item, at in zip(value, value.lines, strict=True):
            yield from _included(item, at)
    elif isinstance(value, Mapping):
        for key in ("template", "component", "project", "remote", "local"):
            if isinstance(text := value.get(key), str):
                yield text.partition("@")[0], int(value.lines[key])


def _extended(root: Mapping, job: Mapping, depth: int = 0) -> Mapping:
    """Give a job of GitLab with what it takes from the jobs that it extends, the later before the earlier."""
    names = job.get("extends")
    wanted = [names] if isinstance(names, str) else names if isinstance(names, Sequence) else []
    if not wanted or depth == DEEPEST:
        return job
    whole = Mapping()
    whole.line, whole.lines = job.line, {}
    for name in wanted:
        other = root.get(name) if isinstance(name, str) else None
        if isinstance(other, Mapping):
            _put(whole, _extended(root, other, depth + 1))
    _put(whole, job)
    return whole


def _put(whole: Mapping, job: Mapping) -> None:
    whole.update(job)
    whole.lines.update(job.lines)


def _lines(value: Value, line: int) -> Iterator[tuple[str, int]]:
    if isinstance(value, str):
        yield value, int(line)
    elif isinstance(value, Sequence):
        for item, at in zip(value, value.lines, strict=True):
            yield from _lines(item, at)


def _texts(value: Value) -> dict[str, str]:
    return {name: _text(inner) for name, inner in value.items()} if isinstance(value, Mapping) else {}


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, Mapping | Sequence) else quoted(value)

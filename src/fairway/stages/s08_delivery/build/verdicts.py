"""Verdicts on a new version, by the same counts that alerts and dashboards go by.

Two templates: `health` looks all the time and sends back what is bad twice in a row; `enough` asks at the end of a
step whether the version met enough requests to be judged at all. Where it did not, the release waits for a person.
"""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import signals
from fairway.core.artefact import Manifest
from fairway.core.cluster import OBSERVABILITY, PROMETHEUS, host
from fairway.core.decision import Decision
from fairway.core.facts import seconds
from fairway.core.labels import metadata
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.decisions.rollout import Analysis, Progressive, progressive, verdict

ADDRESS: Final = f"http://{host(PROMETHEUS, OBSERVABILITY)}:9090"
VERSION: Final = "version"  # the argument that names the new version's replicas, by their hash
LABEL: Final = "rollouts_pod_template_hash"  # as Prometheus keeps it of each Pod
LATEST: Final = {"name": VERSION, "valueFrom": {"podTemplateHashValue": "Latest"}}
NEVER: Final = "len(result) > 0 && result[0] < 0"  # a count is never below 0, so too few is no verdict, and no failure
ERRORS: Final = 4  # times in a row that Prometheus may not answer; after that nobody watches, and the version goes back


def health(profile: Profile) -> str:
    """Name the template that looks all the time."""
    return f"{profile.name}-health"


def enough(profile: Profile) -> str:
    """Name the template that asks at the end of a step."""
    return f"{profile.name}-enough"


def manifests(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    """Build both templates of a service that an Argo Rollout releases."""
    released, decided = progressive(profile), verdict(profile)
    if released is None or decided is None or not profile.released_in_steps:
        return
    for name, metrics in (
        (health(profile), list(_health(profile, decided.value, released.value))),
        (enough(profile), [_enough(profile, decided.value, released.value)]),
    ):
        yield _template(landscape, profile, decided, name, metrics)


def _health(profile: Profile, judged: Analysis, released: Progressive) -> Iterator[dict[str, Any]]:
    work, window = _work(profile), judged.window
    all_of_it = signals.done(profile, work, window, matcher())
    for name, expression, above in (
        ("failures", signals.failed(profile, work, window, matcher()), judged.errors_above),
        ("slowness", signals.slow(profile, work, judged.slower_than, window, matcher()), judged.slow_above),
    ):
        yield {
            "name": name,
            "interval": judged.interval,
            "failureLimit": 0,
            "consecutiveErrorLimit": ERRORS,
            "failureCondition": f"len(result) > 0 && result[0] >= {judged.failures}",
            **_ends(judged, released),
            "provider": {"prometheus": {"address": ADDRESS, "query": _in_a_row(judged, expression, all_of_it, above)}},
        }


def _in_a_row(judged: Analysis, bad: str, done: str, above: float) -> str:
    """Count the bad looks among the last: enough in all, enough of them bad, and too large a share."""
    length = f"{seconds(judged.window):g}"
    every = int(seconds(judged.interval))
    many, much = f"(({bad}) >= {judged.least_bad} / {length})", f"(({done}) >= {judged.least} / {length})"
    look = f"{many} > {above:.10g} * {much}"
    return f"count_over_time(({look})[{every * judged.failures}s:{every}s]) or vector(0)"


def _ends(judged: Analysis, released: Progressive) -> dict[str, int]:
    """Say how often blue/green looks after all have moved; a canary is watched as long as its release lasts."""
    if released.form != "blue-green":
        return {}
    return {"count": int(released.kept_minutes * 60 / seconds(judged.interval))}


def _enough(profile: Profile, judged: Analysis, released: Progressive) -> dict[str, Any]:
    done = signals.done(profile, _work(profile), judged.window, matcher())
    waits = {"initialDelay": f"{released.preview_minutes}m"} if released.form == "blue-green" else {}
    return {
        "name": "enough",
        **waits,
        "count": 1,
        "inconclusiveLimit": 0,
        "consecutiveErrorLimit": ERRORS,
        "successCondition": f"len(result) > 0 && result[0] >= {judged.least}",
        "failureCondition": NEVER,
        "provider": {
            "prometheus": {"address": ADDRESS, "query": f"({done}) * {seconds(judged.window):g}"},
        },
    }


def _template(
    landscape: Landscape, profile: Profile, decided: Decision[Analysis], name: str, metrics: list[dict[str, Any]]
) -> Manifest:
    return Manifest(
        path=f"services/{profile.name}/analysistemplate{name.removeprefix(profile.name)}.yaml",
        service=profile.name,
        rule=decided.rule,
        topic=decided.topic,
        object={
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisTemplate",
            "metadata": metadata(landscape.system.system, profile.name, name=name),
            "spec": {"args": [{"name": VERSION}], "metrics": metrics},
        },
    )


def matcher(version: str = f"{{{{args.{VERSION}}}}}") -> str:
    """Match the series of one version's replicas."""
    return f'{LABEL}="{version}"'


def _work(profile: Profile) -> list[str]:
    return ["requests"] if profile.serving else ["events"]

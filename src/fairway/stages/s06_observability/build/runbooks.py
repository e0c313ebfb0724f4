"""A page for each alert: what it means, where to look first, what to do, in the order in which it helps."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Page
from fairway.core.cluster import GRAFANA, JAEGER, OBSERVABILITY, PROMETHEUS
from fairway.core.conditions import TRACING
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed
from fairway.stages.s06_observability.build.alert_rules import grouped
from fairway.stages.s06_observability.build.names import dashboard_path, runbook_path
from fairway.stages.s06_observability.decisions import alerts

MEANS: Final = {
    "ErrorBudgetBurn": "Too many {work} of {name} fail by its own fault. Whoever relies on it notices.",
    "LatencyBudgetBurn": "Too many {work} of {name} take longer than promised. Whoever relies on it waits.",
    "ThroughputTooLow": "{name} does less than it should. Its {work} do not arrive, or it tells nothing of them.",
    "ThroughputTooHigh": "{name} gets more {work} than it was built for. It may soon be slow, or turn some away.",
    "RunFailed": "The last run of {name} that ended did not end well.",
    "RunTooLong": "A run of {name} has not ended in the time that it may take.",
    "RunMissing": "A run of {name} was due, and none has ended well since.",
}


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write a page for each alert of each service."""
    for profile, groups in grouped(landscape):
        name = profile.name
        found: dict[str, list[dict[str, Any]]] = {}
        for group in groups:
            for rule in group["rules"]:
                if "alert" in rule:
                    found.setdefault(rule["alert"], []).append(rule)
        for alert, rules in found.items():
            text = "\n".join(_page(landscape, profile, alert, rules))
            yield Page(path=runbook_path(name, alert), text=text, rule="observability/alerts", service=name)


def _page(landscape: Landscape, profile: Profile, alert: str, rules: list[dict[str, Any]]) -> Iterator[str]:
    name, work = profile.name, _work(profile)
    owner = alerts.alerted(profile)
    yield f"# {alert}: {name}\n"
    yield MEANS[alert].format(name=name, work=work) + "\n"
    yield f"Told: {owner.answer}.\n" if owner else "Told: nobody yet. Name an owner in the facts.\n"
    yield "## When it fires\n"
    for rule in rules:
        wait = f", for {rule['for']} on end" if "for" in rule else ""
        yield f"- {rule['labels']['severity']}: `{rule['expr']}`{wait}"
    yield "\n## Look\n"
    for number, line in enumerate(_look(landscape, profile, alert), 1):
        yield f"{number}. {line}"
    yield "\n## Act\n"
    for number, line in enumerate(_act(landscape, profile, alert), 1):
        yield f"{number}. {line}"
    yield "\n## After\n"
    yield "Write down what it was. If the alert woke somebody for nothing, change the objectives or the traffic of"
    yield f"{name} in the facts and build anew: its figures follow from them.\n"


def _work(profile: Profile) -> str:
    return "runs" if profile.runs_to_completion else listed(alerts.alert_on_errors(profile).value.work)


def _look(landscape: Landscape, profile: Profile, alert: str) -> Iterator[str]:
    name, namespace = profile.name, landscape.system.system
    path = dashboard_path(landscape.system.system, name)
    forward = f"kubectl -n {OBSERVABILITY} port-forward service"
    mine = f"-l app.kubernetes.io/name={name}"
    yield f"Dashboard: `{forward}/{GRAFANA} 3000`, then http://localhost:3000{path}."
    if profile.runs_to_completion:
        kind = "cronjob" if profile.facts.schedule else "job"
        yield f"Runs: `kubectl -n {namespace} get {kind},job,pod {mine}`."
        yield f"Last lines: `kubectl -n {namespace} logs {mine} --tail=100`."
        return
    yield f"Replicas: `kubectl -n {namespace} get pods {mine}`; are all ready, did any restart?"
    yield f"Lines: `kubectl -n {namespace} logs {mine} --since=15m --prefix | grep error`."
    if called := [*profile.callees, *profile.outside]:
        yield f"What it calls: {listed(called)}. The row Calls shows which of them fails."
    if stores := [store.name for store in profile.stores]:
        yield f"Its stores: {listed(stores)}. The row Stores shows which is slow or gone."
    if alert == "ThroughputTooLow":
        yield _before(profile)
        yield f"Does it tell? `{forward}/{PROMETHEUS} 9090`, then http://localhost:9090/targets: is {name} up?"
    if TRACING(profile).holds and alert == "LatencyBudgetBurn":
        yield f"Slow traces: `{forward}/{JAEGER}-collector 16686`, then http://localhost:16686, service {name}."


def _before(profile: Profile) -> str:
    if profile.callers:
        return f"Who asks it: {listed(profile.callers)}. Are they well, and may they still reach it?"
    if profile.facts.consumes:
        channels = listed(profile.facts.consumes)
        return f"Its events come through {channels}. Does the publisher send, and does the broker answer?"
    if profile.exposed:
        return "Who asks it: people from outside. Does the gateway answer, and does the domain lead there?"
    return "Nobody asks it: it works by itself. Is it ready?"


def _act(landscape: Landscape, profile: Profile, alert: str) -> Iterator[str]:
    if profile.runs_to_completion:
        yield from _act_on_runs(landscape, profile, alert)
        return
    name, on = profile.name, f"kubectl -n {landscape.system.system}"
    workload = f"{'statefulset' if profile.stateful else 'deployment'}/{name}"
    scale = f"statefulset {name}" if profile.stateful else f"hpa {name}"
    if alert in {"ErrorBudgetBurn", "LatencyBudgetBurn"}:
        if profile.facts.customer_facing and not profile.stateful:
            yield f"Did a version begin just before? Its rollout takes it back by itself: `{on} get rollout {name}`."
        else:
            yield f"Did a version begin just before? `{on} rollout undo {workload}`."
    if alert == "LatencyBudgetBurn":
        yield f"Is it full? The row Saturation shows processors and memory, `{on} get {scale}` its replicas."
    if alert == "ThroughputTooHigh":
        yield "Is it real? The dashboard shows who asks for what. A caller gone mad is to be stopped there."
        yield f"Does it scale? `{on} get {scale}`; where it stands at its most, raise `traffic` in the facts."
    if alert == "ThroughputTooLow":
        yield "Nothing reaches it: follow the way from whoever should ask, and mend it there."
        yield f"It hangs: `{on} rollout restart {workload}`."
    yield "Another service is the cause: its owner has an alert, too. Tell them, and follow it together."


def _act_on_runs(landscape: Landscape, profile: Profile, alert: str) -> Iterator[str]:
    name, on = profile.name, f"kubectl -n {landscape.system.system}"
    if not profile.facts.schedule:
        yield f"Once the cause is gone, remove the Job and apply it anew: `{on} delete job {name}`."
        return
    if alert == "RunTooLong":
        yield f"End a run that hangs: `{on} delete job NAME`, with its name from above; the next one comes when due."
    yield f"Once the cause is gone: `{on} create job {name}-by-hand --from=cronjob/{name}`."

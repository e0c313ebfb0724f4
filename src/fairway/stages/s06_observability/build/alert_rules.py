"""The rules of Prometheus: what a service did, recorded over each window, and when its owner is told.

Counts are recorded once in 5 minutes of looking back and added up for long windows, so that three days cost no more
than five minutes. What nobody told counts as nothing done.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from fairway.core import signals
from fairway.core.artefact import Site
from fairway.core.facts import seconds
from fairway.core.once import once
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed
from fairway.stages.s06_observability.build.names import dashboard_path, runbook_path
from fairway.stages.s06_observability.decisions import alerts
from fairway.stages.s06_observability.decisions.alerts import BurnAlert
from fairway.stages.s06_observability.decisions.levels import Burn, Severity

INTERVAL: Final = 30  # seconds between two looks at the rules
SHORTEST: Final = "5m"
READ_WHOLE: Final = 3600.0  # seconds; longer windows add up what was recorded
BUDGET_DAYS: Final = 30

Rule = dict[str, Any]
Group = dict[str, Any]


def groups(landscape: Landscape, site: Site) -> list[Group]:
    """Give the groups of rules for all services, as a rule file of Prometheus holds them under `groups`."""
    del site  # every site is watched alike; what differs is which Prometheus does
    return [group for _, groups in grouped(landscape) for group in groups]


@once
def grouped(landscape: Landscape) -> Iterator[tuple[Profile, list[Group]]]:
    """Give every service with its groups of rules: what is recorded, and what alerts."""
    for profile in landscape.services.values():
        yield profile, _groups(profile, landscape)


def _groups(profile: Profile, landscape: Landscape) -> list[Group]:
    if profile.runs_to_completion:
        return [_group(profile, "alerts", _runs(profile, landscape))]
    if alerts.unseen(profile) is not None:
        return []
    errors, latency = alerts.alert_on_errors(profile).value, alerts.alert_on_latency(profile).value
    throughput = alerts.alert_on_throughput(profile, landscape).value
    half = _half(throughput.window)
    burnt = (window for burn in (*errors.burns, *latency.burns) for window in (burn.short, burn.long))
    windows = sorted({SHORTEST, half, *burnt}, key=window_seconds)
    alerting = chain(
        _burns(profile, errors, "ErrorBudgetBurn", "failed"),
        _burns(profile, latency, "LatencyBudgetBurn", "slow"),
        _throughput(profile, throughput, half),
    )
    return [
        _group(profile, "work", chain.from_iterable(_recorded(profile, latency, window) for window in windows)),
        _group(profile, "alerts", alerting),
    ]


def recorded(profile: Profile, what: str, window: str) -> str:
    """Name what is recorded of a service in one window: `what` is done, failed or slow; a rate a second."""
    series = "work" if what == "done" else f"work_{what}"
    return f'service:{series}:rate{window}{{service="{profile.name}"}}'


def _group(profile: Profile, name: str, rules: Iterable[Rule]) -> Group:
    return {"name": f"{profile.name}.{name}", "interval": f"{INTERVAL}s", "rules": list(rules)}


def _recorded(profile: Profile, latency: BurnAlert, window: str) -> Iterator[Rule]:
    assert latency.slower_than is not None
    raw = {
        "done": signals.done(profile, latency.work, window),
        "failed": signals.failed(profile, latency.work, window),
        "slow": signals.slow(profile, latency.work, seconds(latency.slower_than), window),
    }
    length = window_seconds(window)
    for what, expression in raw.items():
        added = f"sum_over_time({recorded(profile, what, SHORTEST)}[{window}]) * {INTERVAL} / {length:g}"
        yield {
            "record": recorded(profile, what, window).partition("{")[0],
            "expr": expression if length <= READ_WHOLE else added,
            "labels": {"service": profile.name},
        }


def _burns(profile: Profile, alert: BurnAlert, name: str, what: str) -> Iterator[Rule]:
    kinds = listed(alert.work)
    bad = f"took longer than {alert.slower_than}" if alert.slower_than else "failed"
    for burn in alert.burns:
        limit = round(burn.factor * alert.budget, 9)
        shares = [
            f"{recorded(profile, what, window)} / {recorded(profile, 'done', window)} > {limit:.10g}"
            for window in (burn.long, burn.short)
        ]
        counted = f"{recorded(profile, what, burn.long)} * {window_seconds(burn.long):g} >= {alert.least_bad}"
        yield _alert(
            profile,
            name,
            severity=burn.severity,
            expression=" and ".join([shares[0], shares[1], counted]),
            labels={"window": burn.long},
            summary=f"{kinds} of {profile.name} {bad}: the error budget goes too fast"
            if not alert.slower_than
            else f"{kinds} of {profile.name} are slow: too many {bad}",
            description=f"{{{{ $value | humanizePercentage }}}} of the {kinds} of {profile.name} {bad} in the last "
            f"{burn.long}. Its budget is {_percent(alert.budget)}; above {_percent(limit)} over {burn.long} and "
            f"{burn.short}, what is meant for {BUDGET_DAYS} days lasts {_lasts(burn)}.",
        )


def _throughput(profile: Profile, alert: alerts.ThroughputAlert, half: str) -> Iterator[Rule]:
    """Look back over one half of the window and wait for the other: chance and a restart are no silence."""
    rate, kinds = recorded(profile, "done", half), listed(alert.work)
    low = f"{rate} < {alert.floor:.10g}" if alert.floor else f"{rate} == 0"
    least = f"at least {alert.floor:.10g} a second are expected" if alert.floor else "some are expected at any time"
    yield _alert(
        profile,
        "ThroughputTooLow",
        severity=alert.severity,
        expression=low,
        wait=half,
        summary=f"{profile.name} has too few {kinds}",
        description=f"{{{{ $value | humanize }}}} {kinds} a second for {alert.window}; {least}. Either nothing reaches "
        f"{profile.name}, or it tells nothing.",
    )
    yield _alert(
        profile,
        "ThroughputTooHigh",
        severity=alert.severity,
        expression=f"{rate} > {alert.ceiling:.10g}",
        wait=half,
        summary=f"{profile.name} has more {kinds} than it was built for",
        description=f"{{{{ $value | humanize }}}} {kinds} a second for {alert.window}; its declared peak is "
        f"{alert.ceiling:.10g} a second.",
    )


def _runs(profile: Profile, landscape: Landscape) -> Iterator[Rule]:
    alert = alerts.alert_on_runs(profile).value
    name = profile.name
    here = f'namespace="{landscape.system.system}"'
    jobs = f'{here},job_name=~"{name}-[0-9]+"' if profile.facts.schedule else f'{here},job_name="{name}"'
    cron = f'{here},cronjob="{name}"'
    ended_well = f"(max(kube_cronjob_status_last_successful_time{{{cron}}}) or vector(0))"
    failed = f'max(kube_job_created{{{jobs}}} and on (job_name) kube_job_failed{{{jobs},condition="true"}} == 1)'
    yield _alert(
        profile,
        "RunFailed",
        severity=alert.severity,
        expression=f"{failed} > {ended_well}" if profile.facts.schedule else failed,
        summary=f"a run of {name} failed",
        description=f"The last run of {name} that ended did not end well; it was tried again as often as it may be.",
    )
    yield _alert(
        profile,
        "RunTooLong",
        severity=alert.severity,
        expression=f"max(time() - kube_job_status_start_time{{{jobs}}} and on (job_name) "
        f"kube_job_status_active{{{jobs}}} > 0) > {seconds(alert.longest):g}",
        summary=f"a run of {name} takes too long",
        description=f"A run of {name} has been under way for {{{{ $value | humanizeDuration }}}}; {alert.longest} is "
        "the longest that it may take.",
    )
    if alert.late is None:
        return
    due = f"max(kube_cronjob_status_last_schedule_time{{{cron}}})"
    unbegun = f"time() - max(kube_cronjob_next_schedule_time{{{cron}}}) > {seconds(alert.late):g}"
    unended = f"(time() - {due} > {seconds(alert.late):g}) and ({ended_well} < {due})"
    yield _alert(
        profile,
        "RunMissing",
        severity=alert.severity,
        expression=f"{unbegun} or {unended}",
        summary=f"no run of {name} has ended well in time",
        description=f"A run of {name} was due {{{{ $value | humanizeDuration }}}} ago, and none has ended well since; "
        f"{alert.late} is the longest to wait.",
    )


def _alert(  # noqa: PLR0913 - all that an alert says
    profile: Profile,
    name: str,
    *,
    severity: Severity,
    expression: str,
    summary: str,
    description: str,
    wait: str = "",
    labels: dict[str, str] | None = None,
) -> Rule:
    owner = alerts.alerted(profile)
    rule: Rule = {"alert": name, "expr": expression}
    if wait:
        rule["for"] = wait
    rule["labels"] = {
        "severity": severity,
        "service": profile.name,
        **({"owner": owner.value} if owner else {}),
        **(labels or {}),
        "rule": "observability/alerts",
    }
    rule["annotations"] = {
        "summary": summary,
        "description": description,
        "runbook_url": runbook_path(profile.name, name),
        "dashboard_url": dashboard_path(profile.system.system, profile.name),
    }
    return rule


def _half(window: str) -> str:
    """Halve a window: 10m is 5m, 15m is 7m30s."""
    minutes, left = divmod(int(window_seconds(window)) // 2, 60)
    return f"{minutes}m" + (f"{left}s" if left else "")


def window_seconds(window: str) -> float:
    """Tell how many seconds a window has, also one such as 7m30s."""
    minutes, _, left = window.partition("m")
    return int(minutes) * 60 + seconds(left) if left else seconds(window)


def _percent(share: float) -> str:
    return f"{round(share * 100, 7):.10g} %"


def _lasts(burn: Burn) -> str:
    days = BUDGET_DAYS / burn.factor
    return f"{days:.3g} days" if days >= 2 else f"{days * 24:.3g} hours"  # noqa: PLR2004 - a day is said in hours

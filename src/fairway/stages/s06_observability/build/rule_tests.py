"""Tests of the alerts that `promtool test rules` runs: each alert fires for its fault, and none for a healthy service.

Time begins with the fault, and one replica tells of it at a steady rate.
"""

from collections.abc import Iterable, Iterator
from math import ceil, sqrt
from typing import Any, Final

import msgspec

from fairway.core.facts import seconds
from fairway.core.profile import Landscape, Profile
from fairway.core.signals import Signal, signals
from fairway.stages.s06_observability.build.alert_rules import window_seconds
from fairway.stages.s06_observability.decisions import alerts
from fairway.stages.s06_observability.decisions.alerts import BurnAlert, RunAlert, ThroughputAlert

STEP: Final = 60  # seconds between two samples
WATCHED: Final = 30 * 60  # seconds until an ordinary fault must have fired
LONGEST: Final = 6 * 3600  # seconds; what is rarer than that takes too long to play through
FIRING: Final = 'count by (alertname, window) (ALERTS{alertstate="firing"})'

WELL: Final = {  # what a signal says of work that went well
    "http_response_status_code": "200",
    "rpc_response_status_code": "OK",
    "response_code": "200",
    "grpc_response_status": "0",
    "envoy_response_code_class": "2",
}

Case = dict[str, Any]
Fired = tuple[tuple[str, str], ...]  # alert and window


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A steady rate of work a second, and which shares of it fail or are slow."""

    rate: float
    failed: float = 0.0
    slow: float = 0.0


def tests(profile: Profile, landscape: Landscape, rules: str) -> dict[str, Any]:
    """Give the tests of one service's alerts; *rules* is the path of its rule file, seen from the test's."""
    cases = _of_runs(profile, landscape) if profile.runs_to_completion else _of_work(profile, landscape)
    return {"rule_files": [rules], "evaluation_interval": "30s", "tests": list(cases)}


def _of_work(profile: Profile, landscape: Landscape) -> Iterator[Case]:
    errors, latency = alerts.alert_on_errors(profile).value, alerts.alert_on_latency(profile).value
    throughput = alerts.alert_on_throughput(profile, landscape).value
    traffic = profile.facts.traffic
    assert traffic is not None
    steady = traffic.typical
    yield _case(profile, "a healthy service alerts nobody", Load(rate=steady), WATCHED, ())
    for name, alert in (("ErrorBudgetBurn", errors), ("LatencyBudgetBurn", latency)):
        yield from _of_burns(profile, name, alert, steady)
    yield from _of_throughput(profile, throughput, errors, latency)


def _of_burns(profile: Profile, name: str, alert: BurnAlert, rate: float) -> Iterator[Case]:
    """Try each pace by itself: a share of bad work that is too much for it, and not for the next faster one."""
    limits = sorted(((burn.factor * alert.budget, burn) for burn in alert.burns), key=lambda pair: -pair[0])
    faster = 1.0
    for limit, burn in limits:
        share, faster = sqrt(limit * faster), limit
        until = max(WATCHED, ceil(1.5 * alert.least_bad / (share * rate) / STEP) * STEP)
        if until > min(LONGEST, seconds(burn.long)):
            continue
        fired = [(name, other.long) for bound, other in limits if bound < share]
        load = Load(rate=rate, slow=share) if alert.slower_than else Load(rate=rate, failed=share)
        bad = "slow" if alert.slower_than else "failures"
        yield _case(profile, f"{bad} at pace {burn.factor:g} alert", load, until, tuple(fired))


def _of_throughput(profile: Profile, alert: ThroughputAlert, errors: BurnAlert, latency: BurnAlert) -> Iterator[Case]:
    del errors, latency
    length = window_seconds(alert.window)
    if length > LONGEST:
        return
    until = ceil(1.2 * length / STEP) * STEP + 10 * STEP
    low, high = (("ThroughputTooLow", ""),), (("ThroughputTooHigh", ""),)
    yield _case(profile, "a service that tells nothing alerts", None, until, low)
    yield _case(profile, "a full stop alerts", Load(rate=0), until, low)
    if alert.floor:
        yield _case(profile, "half of the least traffic alerts", Load(rate=alert.floor / 2), until, low)
    yield _case(profile, "twice the peak alerts", Load(rate=2 * alert.ceiling), until, high)


def _case(profile: Profile, name: str, load: Load | None, until: int, fired: Fired) -> Case:
    return _written(name, [] if load is None else list(_told(profile, load, until)), until, fired)


def _written(name: str, series: list[dict[str, str]], until: int, fired: Fired) -> Case:
    samples = [{"labels": "{" + ", ".join(_labels(alert, window)) + "}", "value": 1} for alert, window in sorted(fired)]
    return {
        "name": name,
        "interval": f"{STEP}s",
        "input_series": series or [{"series": "up{}", "values": f"0x{until // STEP}"}],
        "promql_expr_test": [{"expr": FIRING, "eval_time": f"{until}s", "exp_samples": samples}],
    }


def _labels(alert: str, window: str) -> list[str]:
    return [f'alertname="{alert}"', *([f'window="{window}"'] if window else [])]


def _told(profile: Profile, load: Load, until: int) -> Iterator[dict[str, str]]:
    """Give what one replica tells through the first of its signals."""
    errors, latency = alerts.alert_on_errors(profile).value, alerts.alert_on_latency(profile).value
    assert latency.slower_than is not None
    signal = signals(profile, errors.work)[0][0]
    good, bad = _outcomes(signal)
    who = f'{signal.who}="{profile.name}"'
    counted, timed = (",".join([who, *_fixed(matchers)]) for matchers in (signal.counted, signal.timed))
    yield _counter(signal.counter, f"{counted},{good}", load.rate * (1 - load.failed), until)
    if load.failed:
        yield _counter(signal.counter, f"{counted},{bad}", load.rate * load.failed, until)
    if signal.counter != f"{signal.histogram}_count":
        yield _counter(f"{signal.histogram}_count", timed, load.rate, until)
    for bound in signal.bounds:
        within = load.rate * (1 - load.slow) if bound <= 2 * seconds(latency.slower_than) else load.rate
        le = f'le="{bound if signal.unit == 1 else bound * signal.unit:.10g}"'
        yield _counter(f"{signal.histogram}_bucket", f"{timed},{le}", within, until)


def _outcomes(signal: Signal) -> tuple[str, str]:
    """Give the labels of what went well and of what did not."""
    label, _, values = signal.failed.partition("=~")
    bad = values.strip('"').split("|")[0].replace("5..", "503")
    good = WELL.get(label, "handled")
    return f'{label}="{"ok" if "callee" in signal.histogram else good}"', f'{label}="{bad}"'


def _fixed(matchers: Iterable[str]) -> Iterator[str]:
    """Give labels that the matchers let through; what they only exclude needs none."""
    for matcher in matchers:
        if "!" not in matcher:
            label, _, values = matcher.replace("=~", "=").partition("=")
            yield f"{label}={values.split('|')[0].rstrip(chr(34))}{chr(34)}"


def _counter(series: str, labels: str, rate: float, until: int) -> dict[str, str]:
    return {"series": f"{series}{{{labels}}}", "values": f"0+{rate * STEP:.10g}x{until // STEP}"}


def _of_runs(profile: Profile, landscape: Landscape) -> Iterator[Case]:
    alert: RunAlert = alerts.alert_on_runs(profile).value
    name = profile.name
    job = f'namespace="{landscape.system.system}",job_name="{name}{"-1" if profile.facts.schedule else ""}"'
    cron = f'namespace="{landscape.system.system}",cronjob="{name}"'

    def told(**series: float) -> list[dict[str, str]]:
        return [
            {
                "series": f"kube_{name}{{{cron if name.startswith('cronjob') else job}"
                + (',condition="true"}' if name == "job_failed" else "}"),
                "values": f"{value:g}x{int(seconds(alert.longest)) // STEP + 60}",
            }
            for name, value in series.items()
        ]

    well = told(job_created=0, job_status_start_time=0, cronjob_status_last_successful_time=60)
    yield _written(f"a run of {name} that ended well alerts nobody", well, 600, ())
    failed = told(job_created=60, job_failed=1)
    yield _written(f"a failed run of {name} alerts", failed, 600, (("RunFailed", ""),))
    under_way = told(job_status_start_time=0, job_status_active=1)
    long = int(seconds(alert.longest)) + 2 * STEP
    yield _written(f"a run of {name} that does not end alerts", under_way, long, (("RunTooLong", ""),))
    if alert.late is not None:
        late = int(seconds(alert.late)) + 4 * STEP
        unbegun = told(cronjob_next_schedule_time=60)
        yield _written(f"a run of {name} that does not begin alerts", unbegun, late, (("RunMissing", ""),))
        unended = told(cronjob_status_last_schedule_time=60, cronjob_next_schedule_time=999999)
        yield _written(f"a run of {name} that does not end well alerts", unended, late, (("RunMissing", ""),))

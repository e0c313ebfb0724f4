"""The panels of dashboards: what is asked of Prometheus for each kind of thing that a service measures."""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from fairway.core.profile import Landscape, Profile
from fairway.core.signals import signals
from fairway.stages.s06_observability.build.alert_rules import recorded
from fairway.stages.s06_observability.decisions import alerts
from fairway_sdk.contract import metrics

WINDOW: Final = "$__rate_interval"  # Grafana's: wide enough for the interval that is scraped at
BUDGET_WINDOW: Final = "30d"


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One panel: queries with the legend of their lines, and what is measured."""

    title: str
    unit: str  # as Grafana names it
    queries: tuple[tuple[str, str], ...]  # PromQL and legend
    limit: float | None = None  # from here on it is bad


def row(name: str, profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    """Give the panels of one row of a service's dashboard."""
    return _ROWS[name](profile, landscape)


def _objectives(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    if profile.runs_to_completion or alerts.unseen(profile) is not None:
        return
    errors, latency = alerts.alert_on_errors(profile).value, alerts.alert_on_latency(profile).value
    for title, what, alert in (("failures", "failed", errors), ("slowness", "slow", latency)):
        bad, every = (f"sum_over_time({recorded(profile, one, '5m')}[{BUDGET_WINDOW}])" for one in (what, "done"))
        left = f"1 - {bad} / {every} / {alert.budget:.10g}"
        yield Panel(title=f"Budget left for {title}, 30 days", unit="percentunit", queries=((left, "left"),))
        share = f"{recorded(profile, what, '5m')} / {recorded(profile, 'done', '5m')}"
        yield Panel(title=f"Share of {title}", unit="percentunit", queries=((share, what),), limit=alert.budget)
    throughput = alerts.alert_on_throughput(profile, landscape).value
    yield Panel(
        title="Done in a second",
        unit="ops",
        queries=((recorded(profile, "done", "5m"), "done"),),
        limit=throughput.ceiling,
    )


def _proxied(profile: Profile) -> Iterator[Panel]:
    """Show the requests of a program that tells nothing itself, as what carries them counts them."""
    for [signal] in signals(profile, ("requests",)):
        me = ",".join((f'{signal.who}="{profile.name}"', *signal.counted))
        outcome = signal.failed.partition("=")[0]
        spoken = "gRPC calls" if "grpc" in me else "REST requests"
        answers = _rate(signal.counter, me, outcome)
        yield Panel(title=f"{spoken} by answer", unit="reqps", queries=((answers, f"{{{{{outcome}}}}}"),))
        yield Panel(title=f"Duration of {spoken}", unit="ms", queries=_quantiles(signal.histogram, me))


def _requests(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    if profile.foreign:
        yield from _proxied(profile)
        return
    me = f'service="{profile.name}"'
    if profile.rest:
        name = metrics.REQUEST_DURATION
        yield Panel(
            title="REST requests by route",
            unit="reqps",
            queries=((_rate(f"{name}_count", me, "http_route"), "{{http_route}}"),),
        )
        failed = _rate(f"{name}_count", f'{me},http_response_status_code=~"[45].."', "http_response_status_code")
        yield Panel(
            title="REST answers that are errors", unit="reqps", queries=((failed, "{{http_response_status_code}}"),)
        )
        yield Panel(title="Duration of REST requests", unit="s", queries=_quantiles(name, me))
        yield _plain("REST requests under way", "short", metrics.REQUESTS_ACTIVE, me)
    if profile.grpc:
        name = metrics.RPC_DURATION
        yield Panel(
            title="gRPC calls by method",
            unit="reqps",
            queries=((_rate(f"{name}_count", me, "rpc_method"), "{{rpc_method}}"),),
        )
        failed = _rate(f"{name}_count", f'{me},rpc_response_status_code!="OK"', "rpc_response_status_code")
        yield Panel(
            title="gRPC answers that are errors", unit="reqps", queries=((failed, "{{rpc_response_status_code}}"),)
        )
        yield Panel(title="Duration of gRPC calls", unit="s", queries=_quantiles(name, me))
        yield _plain("gRPC calls under way", "short", metrics.RPC_ACTIVE, me)


def _events(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    me = f'service="{profile.name}"'
    handled = _rate(metrics.EVENTS_HANDLED, me, "channel, outcome")
    yield Panel(title="Events by what became of them", unit="ops", queries=((handled, "{{channel}} {{outcome}}"),))
    yield Panel(title="Duration of handling", unit="s", queries=_quantiles(metrics.EVENT_DURATION, me))
    waiting = f"max by (channel) ({metrics.INBOX_WAITING}{{{me}}})"
    yield Panel(title="Events that wait", unit="short", queries=((waiting, "{{channel}}"),))
    dead = f"max by (channel, box) ({metrics.DEAD_LETTERS}{{{me}}})"
    yield Panel(title="Dead letters", unit="short", queries=((dead, "{{channel}} {{box}}"),), limit=1)


def _calls(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    me = f'service="{profile.name}"'
    made = _rate(f"{metrics.CALL_DURATION}_count", me, "callee, outcome")
    yield Panel(title="Calls by outcome", unit="ops", queries=((made, "{{callee}} {{outcome}}"),))
    slowest = f"histogram_quantile(0.99, {_rate(f'{metrics.CALL_DURATION}_bucket', me, 'le, callee')})"
    yield Panel(title="Duration of calls, 99 of 100", unit="s", queries=((slowest, "{{callee}}"),))
    again = _rate(metrics.CALL_RETRIES, me, "callee")
    stale = _rate(metrics.FALLBACKS, me, "callee, kind")
    yield Panel(
        title="Retries and fallbacks",
        unit="ops",
        queries=((again, "{{callee}} again"), (stale, "{{callee}} {{kind}}")),
    )
    open_now = f"max by (callee) ({metrics.BREAKER_OPEN}{{{me}}})"
    yield Panel(title="Open breakers", unit="short", queries=((open_now, "{{callee}}"),), limit=1)


def _runs(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    here = f'namespace="{landscape.system.system}",job_name=~"{profile.name}(-[0-9]+)?"'
    last = f'max(kube_cronjob_status_last_successful_time{{namespace="{landscape.system.system}",'
    last += f'cronjob="{profile.name}"}})'
    if profile.facts.schedule:
        yield Panel(title="Since a run ended well", unit="s", queries=((f"time() - {last}", "since"),))
    taken = f"kube_job_status_completion_time{{{here}}} - kube_job_status_start_time{{{here}}}"
    yield Panel(title="Duration of runs", unit="s", queries=((f"max by (job_name) ({taken})", "{{job_name}}"),))
    failed = f'sum by (job_name) (kube_job_failed{{{here},condition="true"}})'
    yield Panel(title="Failed runs", unit="short", queries=((failed, "{{job_name}}"),), limit=1)


def _outbox(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    me = f'service="{profile.name}"'
    sent = _rate(metrics.EVENTS_PUBLISHED, me, "channel")
    yield Panel(title="Events sent", unit="ops", queries=((sent, "{{channel}}"),))
    waits = f"max by (channel) ({metrics.OUTBOX_WAITING}{{{me}}})"
    yield Panel(title="Events that wait to be sent", unit="short", queries=((waits, "{{channel}}"),))
    oldest = f"max by (channel) ({metrics.OUTBOX_OLDEST}{{{me}}})"
    yield Panel(title="Age of the oldest", unit="s", queries=((oldest, "{{channel}}"),))


def _sagas(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    me = f'service="{profile.name}"'
    now = f"max by (saga, state) ({metrics.SAGAS}{{{me}}})"
    yield Panel(title="Sagas under way", unit="short", queries=((now, "{{saga}} {{state}}"),))
    ended = _rate(metrics.SAGAS_ENDED, me, "saga, outcome")
    yield Panel(title="Sagas that ended", unit="ops", queries=((ended, "{{saga}} {{outcome}}"),))
    oldest = f"max by (saga, state) ({metrics.SAGA_OLDEST}{{{me}}})"
    yield Panel(title="Age of the oldest", unit="s", queries=((oldest, "{{saga}} {{state}}"),))


def _stores(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    me = f'service="{profile.name}"'
    used = f"sum by (store, state) ({metrics.STORE_CONNECTIONS}{{{me}}})"
    yield Panel(title="Connections", unit="short", queries=((used, "{{store}} {{state}}"),))
    waited = f"histogram_quantile(0.99, {_rate(f'{metrics.STORE_WAIT}_bucket', me, 'le, store')})"
    yield Panel(title="Wait for a connection, 99 of 100", unit="s", queries=((waited, "{{store}}"),))
    there = f"min by (store) ({metrics.STORE_UP}{{{me}}})"
    yield Panel(title="Stores that answer", unit="short", queries=((there, "{{store}}"),))


def _saturation(profile: Profile, landscape: Landscape) -> Iterator[Panel]:
    del landscape
    me = f'service="{profile.name}"'
    busy = _rate("process_cpu_seconds_total", me, "replica")
    yield Panel(title="Processors in use", unit="short", queries=((busy, "{{replica}}"),))
    held = f"sum by (replica) (process_resident_memory_bytes{{{me}}})"
    yield Panel(title="Memory in use", unit="bytes", queries=((held, "{{replica}}"),))
    ready = f"sum({metrics.PROCESS_READY}{{{me}}})"
    yield Panel(title="Replicas", unit="short", queries=((f"sum(up{{{me}}})", "scraped"), (ready, "ready")))


_ROWS: Final[dict[str, Callable[[Profile, Landscape], Iterator[Panel]]]] = {
    "objectives": _objectives,
    "requests": _requests,
    "events": _events,
    "calls": _calls,
    "tasks": _events,
    "runs": _runs,
    "outbox": _outbox,
    "sagas": _sagas,
    "stores": _stores,
    "saturation": _saturation,
}


def system_row(name: str, landscape: Landscape) -> Iterator[Panel]:
    """Give the panels of one row of the system's dashboard."""
    served = [name for name, profile in landscape.services.items() if not profile.runs_to_completion]
    ours = f'service=~"{"|".join(landscape.services)}"'
    public = "|".join(name for name, profile in landscape.services.items() if profile.exposed)
    match name:
        case "objectives":
            for title, what in (("failures", "work_failed"), ("slowness", "work_slow")):
                share = f"service:{what}:rate5m / service:work:rate5m"
                yield Panel(title=f"Share of {title}", unit="percentunit", queries=((share, "{{service}}"),))
            firing = 'count by (service, severity) (ALERTS{alertstate="firing"})'
            yield Panel(title="Alerts", unit="short", queries=((firing, "{{service}} {{severity}}"),), limit=1)
        case "traffic":
            done = f'service:work:rate5m{{service=~"{"|".join(served)}"}}'
            yield Panel(title="Done in a second", unit="ops", queries=((done, "{{service}}"),))
            ready = f"sum by (service) ({metrics.PROCESS_READY}{{{ours}}})"
            yield Panel(title="Replicas that are ready", unit="short", queries=((ready, "{{service}}"),))
        case "public routes":
            from_outside = f'service=~"{public}"'
            rate = _rate(f"{metrics.REQUEST_DURATION}_count", from_outside, "service, http_route")
            yield Panel(title="Requests by route", unit="reqps", queries=((rate, "{{service}} {{http_route}}"),))
            failed = _rate(
                f"{metrics.REQUEST_DURATION}_count",
                f'{from_outside},http_response_status_code=~"5.."',
                "service, http_route",
            )
            yield Panel(title="Failures by route", unit="reqps", queries=((failed, "{{service}} {{http_route}}"),))
            refused = _rate(metrics.CALLERS_REFUSED, from_outside, "service, reason")
            yield Panel(title="Refused callers", unit="reqps", queries=((refused, "{{service}} {{reason}}"),))
        case "workflows":
            now = f"max by (service, saga, state) ({metrics.SAGAS}{{{ours}}})"
            yield Panel(title="Sagas under way", unit="short", queries=((now, "{{saga}} {{state}}"),))
            ended = _rate(metrics.SAGAS_ENDED, ours, "saga, outcome")
            yield Panel(title="Sagas that ended", unit="ops", queries=((ended, "{{saga}} {{outcome}}"),))
        case "channels":
            oldest = f"max by (channel) ({metrics.OUTBOX_OLDEST}{{{ours}}})"
            yield Panel(title="Age of the oldest event to be sent", unit="s", queries=((oldest, "{{channel}}"),))
            waits = f"max by (service, channel) ({metrics.INBOX_WAITING}{{{ours}}})"
            yield Panel(title="Events to be handled", unit="short", queries=((waits, "{{service}} {{channel}}"),))
            dead = f"max by (service, channel, box) ({metrics.DEAD_LETTERS}{{{ours}}})"
            yield Panel(
                title="Dead letters", unit="short", queries=((dead, "{{service}} {{channel}} {{box}}"),), limit=1
            )
        case "stores":
            there = f"min by (service, store) ({metrics.STORE_UP}{{{ours}}})"
            yield Panel(title="Stores that answer", unit="short", queries=((there, "{{service}} {{store}}"),))
            waited = f"histogram_quantile(0.99, {_rate(f'{metrics.STORE_WAIT}_bucket', ours, 'le, store')})"
            yield Panel(title="Wait for a connection, 99 of 100", unit="s", queries=((waited, "{{store}}"),))
        case "regions":  # each has a Prometheus of its own, which knows no other
            here = f"count by (service) (up{{{ours}}} == 1)"
            yield Panel(title="Replicas of this region", unit="short", queries=((here, "{{service}}"),))


def _rate(series: str, matchers: str, by: str) -> str:
    return f"sum by ({by}) (rate({series}{{{matchers}}}[{WINDOW}]))"


def _quantiles(histogram: str, matchers: str) -> tuple[tuple[str, str], ...]:
    buckets = _rate(f"{histogram}_bucket", matchers, "le")
    return tuple((f"histogram_quantile({share}, {buckets})", f"{share * 100:g} of 100") for share in (0.5, 0.99))


def _plain(title: str, unit: str, series: str, matchers: str) -> Panel:
    return Panel(title=title, unit=unit, queries=((f"sum by (replica) ({series}{{{matchers}}})", "{{replica}}"),))

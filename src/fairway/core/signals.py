"""PromQL of what a service did, what failed and what was slow: alerts, dashboards and rollouts ask the same.

The SDK's metrics are asked first. Where a service does not tell them and a mesh carries its traffic, the mesh's count.
A program that the SDK does not run is counted by what carries its traffic, and by nothing else.
Every scraped series carries `service` and `replica`: whoever scrapes it puts them there.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from fairway.core.profile import Profile
from fairway_sdk.contract import metrics

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
EVENT_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MESH_SECONDS: Final = (0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Where one kind of work is counted and timed, and which of it failed by the service's own fault."""

    counter: str
    histogram: str  # without _bucket
    bounds: tuple[float, ...]  # of its buckets, in seconds
    who: str = "service"  # the label that names the service
    counted: tuple[str, ...] = ()  # matchers of what counts
    timed: tuple[str, ...] = ()  # the same, of the histogram
    failed: str  # matcher of what failed
    unit: int = 1  # of the buckets, in a second


REST: Final = Signal(
    counter=f"{metrics.REQUEST_DURATION}_count",
    histogram=metrics.REQUEST_DURATION,
    bounds=REST_SECONDS,
    failed='http_response_status_code=~"5.."',
)
GRPC: Final = Signal(
    counter=f"{metrics.RPC_DURATION}_count",
    histogram=metrics.RPC_DURATION,
    bounds=SECONDS,
    failed='rpc_response_status_code=~"UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"',
)
EVENTS: Final = Signal(
    counter=metrics.EVENTS_HANDLED,
    histogram=metrics.EVENT_DURATION,
    bounds=EVENT_SECONDS,
    counted=('outcome!~"repeated|early"',),  # what came too early is tried again, and counted then
    failed='outcome=~"failed|parked"',
)
CALLS: Final = Signal(
    counter=f"{metrics.CALL_DURATION}_count",
    histogram=metrics.CALL_DURATION,
    bounds=SECONDS,
    counted=('outcome!="cancelled"',),
    timed=('outcome!="cancelled"',),
    failed='outcome=~"error|timeout|refused|open"',
)
MESH_REST: Final = Signal(
    counter="istio_requests_total",
    histogram="istio_request_duration_milliseconds",
    bounds=MESH_SECONDS,
    who="destination_canonical_service",
    counted=('reporter=~"destination|waypoint"', 'request_protocol="http"'),
    timed=('reporter=~"destination|waypoint"', 'request_protocol="http"'),
    failed='response_code=~"5.."',
    unit=1000,
)
MESH_GRPC: Final = Signal(
    counter="istio_requests_total",
    histogram="istio_request_duration_milliseconds",
    bounds=MESH_SECONDS,
    who="destination_canonical_service",
    counted=('reporter=~"destination|waypoint"', 'request_protocol="grpc"'),
    timed=('reporter=~"destination|waypoint"', 'request_protocol="grpc"'),
    failed='grpc_response_status=~"2|4|12|13|14|15"',
    unit=1000,
)


PROXY_REST: Final = Signal(  # of the proxy beside a program that tells nothing itself, where there is no mesh
    counter="envoy_http_downstream_rq_xx",
    histogram="envoy_http_downstream_rq_time",
    bounds=MESH_SECONDS,
    counted=('envoy_http_conn_manager_prefix="rest"',),
    timed=('envoy_http_conn_manager_prefix="rest"',),
    failed='envoy_response_code_class=~"5"',
    unit=1000,
)
PROXY_GRPC: Final = msgspec.structs.replace(  # which sees no more of a failed call than its stream: HTTP's own errors
    PROXY_REST,
    counted=('envoy_http_conn_manager_prefix="grpc"',),
    timed=('envoy_http_conn_manager_prefix="grpc"',),
)

MESHED: Final = {REST: MESH_REST, GRPC: MESH_GRPC}
PROXIED: Final = {REST: PROXY_REST, GRPC: PROXY_GRPC}


def signals(profile: Profile, work: Iterable[str]) -> tuple[tuple[Signal, ...], ...]:
    """Name what tells each kind of *work* of a service; of several for one kind, the first that is there counts."""
    told: list[Signal] = []
    for kind in work:
        if kind == "requests":
            told += [REST] if profile.rest else []
            told += [GRPC] if profile.grpc else []
        elif kind in {"events", "tasks"}:  # deferred work is counted as an event
            told.append(EVENTS)
        elif kind == "calls":
            told.append(CALLS)
    if profile.foreign:  # only what stands around it counts
        return tuple(((MESHED if meshed(profile) else PROXIED)[signal],) for signal in told if signal in MESHED)
    return tuple((signal, MESHED[signal]) if meshed(profile) and signal in MESHED else (signal,) for signal in told)


def meshed(profile: Profile) -> bool:
    """Tell whether a mesh counts requests, too."""
    return profile.system.platform.mesh == "istio"


def done(profile: Profile, work: Iterable[str], window: str, where: str = "") -> str:
    """Count the work a second, over a window such as 5m; 0 where there is none. `where` adds a matcher."""

    def count(signal: Signal) -> str:
        return _rate(signal, signal.counter, profile, window, *signal.counted, where)

    return _added(profile, work, count)


def failed(profile: Profile, work: Iterable[str], window: str, where: str = "") -> str:
    """Count the work a second that failed by the service's own fault; 0 where none did."""

    def count(signal: Signal) -> str:
        bad = _rate(signal, signal.counter, profile, window, *signal.counted, signal.failed, where)
        if not meshed(profile) or signal not in MESHED:
            return bad
        # That nothing failed yet is an answer, too; the next signal is asked only where this one is not told at all.
        return f"{bad} or 0 * {_rate(signal, signal.counter, profile, window, *signal.counted, where)}"

    return _added(profile, work, count)


def slow(profile: Profile, work: Iterable[str], longest: float, window: str, where: str = "") -> str:
    """Count the work a second that took longer than *longest* seconds; 0 where none did.

    What lies between two bounds of a histogram is taken to be spread evenly, as quantiles take it, too.
    Beyond the last bound nothing is known, so there the last bound counts.
    """

    def count(signal: Signal) -> str:
        total = _rate(signal, f"{signal.histogram}_count", profile, window, *signal.timed, where)
        return f"({total} - {_within(signal, profile, longest, window, where)})"

    return _added(profile, work, count)


def _within(signal: Signal, profile: Profile, longest: float, window: str, where: str) -> str:
    def below(bound: float) -> str:
        bucket = f"{signal.histogram}_bucket"
        return _rate(signal, bucket, profile, window, *signal.timed, _le(bound * signal.unit), where)

    bounds = signal.bounds
    at = bisect_left(bounds, longest)
    if at == len(bounds):
        return below(bounds[-1])
    if bounds[at] == longest:
        return below(bounds[at])
    lower = bounds[at - 1] if at else 0.0
    share = round((longest - lower) / (bounds[at] - lower), 6)
    between = f"{share:g} * {below(bounds[at])}"
    return f"({1 - share:g} * {below(lower)} + {between})" if at else between


def _le(bound: float) -> str:
    """Match a bucket however its bound is written: 1, 1.0."""
    return f'le=~"{bound:g}([.]0)?"' if bound == int(bound) else f'le="{bound:g}"'


def _rate(signal: Signal, series: str, profile: Profile, window: str, *matchers: str) -> str:
    chosen = ",".join(filter(None, (f'{signal.who}="{profile.name}"', *matchers)))
    return f"sum(rate({series}{{{chosen}}}[{window}]))"


def _added(profile: Profile, work: Iterable[str], count: Callable[[Signal], str]) -> str:
    """Add up the kinds of work; of one kind the first signal that is there, else 0."""
    kinds = [" or ".join([*map(count, alternatives), "vector(0)"]) for alternatives in signals(profile, work)]
    return " + ".join(f"({kind})" for kind in kinds) or "vector(0)"

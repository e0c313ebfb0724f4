"""What Envoy counts, by who called whom."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final
from urllib.parse import quote

import msgspec

from fairway.local.telemetry.counting import Counts
from fairway.local.telemetry.proxy_spans import service_of

_WHAT: Final = r"upstream_rq_completed|upstream_rq_5xx|upstream_rq_time|upstream_cx_total|grpc\.\d+"
_SERIES: Final = re.compile(rf"cluster\.([^.]+)\.(to|store)\.([^.]+)(?:\.(.+))?\.({_WHAT})")
_FILTER: Final = rf"^cluster\.[^.]+\.(to|store)\..*({_WHAT})$"
PATH: Final = f"/stats?format=json&histogram_buckets=cumulative&usedonly&filter={quote(_FILTER)}"
ASIDE: Final = frozenset({"external", "internal", "canary", "retry", "zone"})  # counted once more, by another name
FAILED: Final = frozenset({"2", "4", "12", "13", "14", "15"})  # gRPC's codes of what the callee answers for


class Relation(msgspec.Struct, frozen=True):
    """Who uses whom, through one cluster of one proxy."""

    cluster: str
    source: str
    target: str


class _Bucket(msgspec.Struct):
    upper_bound: float
    cumulative: float


class _Histogram(msgspec.Struct):
    name: str
    buckets: list[_Bucket] = []


class _Stat(msgspec.Struct):
    name: str = ""
    value: float | str = 0.0
    histograms: list[_Histogram] = []


class _Answer(msgspec.Struct):
    stats: Annotated[list[_Stat], msgspec.Meta(max_length=100_000)] = []


_decode = msgspec.json.Decoder(_Answer).decode


def counted(document: bytes) -> Mapping[Relation, Counts]:
    """Read what a proxy's operator's socket answers at `PATH`; `msgspec.DecodeError` where it is something else."""
    numbers: dict[Relation, dict[str, float]] = {}
    times: dict[Relation, dict[float, float]] = {}
    for stat in _decode(document).stats:
        if isinstance(stat.value, float) and (found := _relation(stat.name)):
            numbers.setdefault(found[0], {})[found[1]] = stat.value
        for histogram in stat.histograms:
            if (found := _relation(histogram.name)) and found[1] == "upstream_rq_time":
                times[found[0]] = {bucket.upper_bound / 1_000: bucket.cumulative for bucket in histogram.buckets}
    return {relation: _counts(found, times.get(relation, {})) for relation, found in numbers.items()}


def _relation(name: str) -> tuple[Relation, str] | None:
    """Read the name of a statistic; the one of a version belongs to the same two."""
    found = _SERIES.fullmatch(name)
    if found is None:
        return None
    caller, _, callee, version, what = found.groups()
    if version and (version.rpartition(".")[2] in ASIDE or version.endswith(".grpc")):
        return None
    return Relation(name.removesuffix(f".{what}"), service_of(caller), callee), what


def _counts(found: Mapping[str, float], within: Mapping[float, float]) -> Counts:
    """Count requests; where there are none it is a store, and these are connections.

    What the proxy answers in a callee's place it counts as HTTP's and as gRPC's, so the greater one has both.
    """
    statuses = sum(_statuses(found))
    done = found.get("upstream_rq_completed", 0.0) or found.get("upstream_cx_total", 0.0)
    return Counts(done=done, failed=max(found.get("upstream_rq_5xx", 0.0), statuses), within=within)


def _statuses(found: Mapping[str, float]) -> Iterator[float]:
    return (count for name, count in found.items() if name.startswith("grpc.") and name[5:] in FAILED)

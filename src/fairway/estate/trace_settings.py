"""What settings tell workloads about their traces: where spans go, and that they go nowhere."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from fairway.estate.calling import hosts
from fairway.estate.index import Estate
from fairway.estate.told import Told, told
from fairway.estate.workload import Workload

ENDPOINT: Final = re.compile(
    r"OTEL_EXPORTER_OTLP(?:_TRACES)?_ENDPOINT|OTEL_EXPORTER_(?:ZIPKIN|JAEGER)_ENDPOINT|COLLECTOR_SERVICE_ADDR|"
    r"JAEGER_(?:ENDPOINT|COLLECTOR_\w*(?:HOST|URL|ADDR\w*)|AGENT_HOST)|(?:SPRING_)?ZIPKIN_(?:BASE_?URL|URL|ENDPOINT)|"
    r"MANAGEMENT_(?:OTLP|ZIPKIN)_TRACING_ENDPOINT|\w*TRACING_(?:ENDPOINT|URL|ADDR\w*|HOST)"
)
PROTOCOL: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
GRPC, HTTP = 4317, 4318  # the ports that OTLP has for each
SWITCHES: Final = re.compile(  # that are on as long as nobody says otherwise
    r"OTEL_JAVAAGENT_ENABLED|MANAGEMENT_TRACING_ENABLED|SPRING_(?:ZIPKIN|SLEUTH)_ENABLED|DD_TRACE_ENABLED|"
    r"(?:ENABLE_)?TRACING(?:_ENABLED)?|QUARKUS_OTEL_(?:TRACES_)?ENABLED|ENABLE_TRACING|TRACE_ENABLED"
)
OFF_SWITCHES: Final = re.compile(r"OTEL_SDK_DISABLED|QUARKUS_OTEL_SDK_DISABLED|JAEGER_DISABLED|DISABLE_TRACING")
TRUE, FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


class Export(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A place that a workload sends its spans to."""

    workload: Workload
    told: Told
    host: str
    port: int | None
    protocol: str  # as it is declared; mostly it is not


class Silenced(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A setting by which a workload sends no spans."""

    workload: Workload
    told: Told
    says: str


def trace_settings(estate: Estate) -> Iterator[Export | Silenced]:
    """Give what each workload is told about its traces; what is switched off goes nowhere, whatever the place is."""
    for workload in estate.workloads:
        for container in workload.containers:
            known = {one.name: one for one in told(estate, workload, container) if one.name}
            off = next(_off(known), None)
            if off is not None:
                yield Silenced(workload=workload, told=off, says=f"{off.name} is {off.value.strip()}")
                continue
            protocol = next((known[name].value.strip() for name in PROTOCOL if name in known), "")
            for name, one in known.items():
                if ENDPOINT.fullmatch(name):
                    for host, port in list(hosts(name, one.value))[:1]:
                        yield Export(workload=workload, told=one, host=host, port=port, protocol=protocol)


def _off(known: Mapping[str, Told]) -> Iterator[Told]:
    for name, one in known.items():
        value = one.value.strip().lower()
        if (
            (OFF_SWITCHES.fullmatch(name) and value in TRUE)
            or (SWITCHES.fullmatch(name) and value in FALSE)
            or (name, value) in {("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_SAMPLER", "always_off")}
            or ((name, value) == ("OTEL_TRACES_SAMPLER", "traceidratio") and _nothing(known))
        ):
            yield one


def _nothing(known: Mapping[str, Told]) -> bool:
    share = known.get("OTEL_TRACES_SAMPLER_ARG")
    return share is not None and re.fullmatch(r"0+(?:\.0*)?", share.value.strip()) is not None

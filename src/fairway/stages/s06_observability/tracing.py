"""A traced request is one trace from its first hop to its last.

In a chain of services the slow or failing hop is seldom the one that reports it. A trace shows where the time went
and which call failed. One hop that drops the context cuts it in two.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fairway.core.conditions import TRACING
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.calling import hosts
from fairway.estate.collector_config import SHOWN, CollectorConfig, collector_configs
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.service import Service
from fairway.estate.trace_settings import GRPC, HTTP, Export, Silenced, trace_settings
from fairway.estate.whole import serves
from fairway.yaml.reader import Mapping

if TYPE_CHECKING:
    from fairway.estate.node import Node

ISTIO: Final = "telemetry.istio.io"
NEAR: Final = 0.88  # likeness of two names of which one is the other with a typing error
PARTS_OF_NAME: Final = 2  # a Service and its namespace


def check(estate: Estate) -> Iterator[Finding]:
    """Find spans that are lost on their way: a Collector that drops or refuses them, a place where nobody listens.

    A service that is told to send none is found where others do send some; whether tracing is wanted at all is not in
    files, nor whether code hands the context on.
    """
    configs = tuple(collector_configs(estate))
    settings = tuple(trace_settings(estate))
    exports = [one for one in settings if isinstance(one, Export)]
    services = {(one.resource.namespace, one.resource.name): one for one in estate.services}
    for config in configs:
        yield from _config(estate, services, config, sent=bool(exports))
    told: set[tuple[int, str]] = set()
    for one in exports:
        where = (id(one.told.written.value), one.told.key)
        if where not in told:  # a ConfigMap that several read is mended once
            told.add(where)
            yield from _export(estate, services, one)
    if exports or configs:
        own = set(serves(estate))
        silenced = (one for one in settings if isinstance(one, Silenced) and one.workload in own)
        for silent in silenced:
            says = f"{silent.workload.name} sends no spans ({silent.says}), while others do: its hop is missing."
            fix = "Take the setting out; to send less, lower the share that is sampled at the first hop."
            yield found(RULE.id, silent.told.written, silent.told.key, says, fix, warning=True)
    if not exports:
        yield from _mesh(estate)


def _config(
    estate: Estate, services: dict[tuple[str, str], Service], config: CollectorConfig, *, sent: bool
) -> Iterator[Finding]:
    """Find a Collector that does not start, and, where something is *sent*, one in which it ends."""
    for pipeline, part, name in config.undefined():
        says = f"{pipeline.name} uses {part.rstrip('s')} {name}, which nothing defines: the Collector does not start."
        yield found(RULE.id, *pipeline.place(part), says, f"Define {name} under {part}, or take it out.")
        return
    ends = list(config.ends())
    if sent and ends and all(name.partition("/")[0] in SHOWN for _, name in ends):
        pipeline, name = ends[0]
        says = f"traces go to {name} alone, which writes them to the Collector's own log: nobody finds one again."
        fix = "Export them to a store of traces, such as Jaeger or Tempo, by otlp."
        yield found(RULE.id, *pipeline.place("exporters"), says, fix, warning=True)
    for pipeline, name in {name: (pipeline, name) for pipeline, name in reversed(ends)}.values():
        exporter = (config.defined["exporters"] or {}).get(name)
        endpoint = exporter.get("endpoint") if isinstance(exporter, Mapping) else None
        if isinstance(endpoint, str):
            for host, port in list(hosts("endpoint", endpoint))[:1]:
                says, fix = _lost(estate, services, config.namespace, host, port)
                if says:
                    node, key = pipeline.place("exporters")
                    yield found(RULE.id, node, key, f"exporter {name} sends traces to {endpoint}: {says}.", fix)


def _export(estate: Estate, services: dict[tuple[str, str], Service], one: Export) -> Iterator[Finding]:
    says, fix = _lost(estate, services, one.workload.namespace, one.host, one.port)
    if not says and one.port in {GRPC, HTTP} and one.protocol:
        by_grpc = one.protocol.lower() == "grpc"
        if by_grpc != (one.port == GRPC):
            says = f"that port of a Collector does not speak {one.protocol}"
            fix = f"Use port {GRPC if by_grpc else HTTP}, or the other protocol."
            service = _service(services, one.workload.namespace, one.host)
            names = [port.name for port in service.ports if port.number == one.port] if service else []
            if any(("grpc" if by_grpc else "http") in name for name in names):
                return
    if says:
        says = f"{one.workload.name} sends its spans to {one.host}{f':{one.port}' if one.port else ''}: {says}."
        yield found(RULE.id, one.told.written, one.told.key, says, fix)


def _service(services: dict[tuple[str, str], Service], namespace: str, host: str) -> Service | None:
    parts = host.split(".")
    return services.get((parts[1] if len(parts) > 1 else namespace, parts[0]))


def _lost(
    estate: Estate, services: dict[tuple[str, str], Service], namespace: str, host: str, port: int | None
) -> tuple[str, str]:
    """Say why nothing is heard at an address of this cluster, and what to do; empty where something may listen."""
    parts = host.split(".")
    if len(parts) > PARTS_OF_NAME and parts[2] != "svc":
        return "", ""
    there, name = (parts[1] if len(parts) > 1 else namespace), parts[0]
    service = services.get((there, name))
    if service is not None:
        numbers = [one.number for one in service.ports]
        if port is None or service.headless or service.selector is None or not numbers or port in numbers:
            return "", ""
        has = ", ".join(str(number) for number in numbers)
        return f"Service {name} has no port {port}", f"Use one of its ports ({has}), or add the port to the Service."
    if estate.unknown or any(one.namespace == there and name.startswith(one.name) for one in estate.resources):
        return "", ""  # an operator, or a chart, may make it
    near = _near(name, [one for at, one in services if at == there])
    return (f"no Service of this name is in namespace {there}", f"Did you mean '{near}'?") if near else ("", "")


def _near(name: str, names: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - few estates have a name that is not there

    return next(iter(get_close_matches(name, names, n=1, cutoff=NEAR)), "")


def _mesh(estate: Estate) -> Iterator[Finding]:
    """Find proxies of the mesh that report no spans, while others of the mesh do and services send none themselves."""
    silent: list[Node] = []
    reporting = False
    for one in estate.of_kind("Telemetry", ISTIO):
        for entry in one.spec.items("tracing"):
            share = entry.value.get("randomSamplingPercentage")
            off = entry.flag("disableSpanReporting") or (share == 0 and not isinstance(share, bool))
            reporting = reporting or not off
            silent += [entry] if off else []
    if not reporting:
        return
    for entry in silent:
        key = "disableSpanReporting" if entry.has("disableSpanReporting") else "randomSamplingPercentage"
        says = "the proxies that it is for report no spans, while others of the mesh do: these hops are missing."
        yield found(RULE.id, entry, key, says, "Take it out; to send less, sample a smaller share.", warning=True)


RULE = Rule(
    id="observability/tracing",
    applies=TRACING,
    proof=Proof.LIVE,
    shows="one request gives one trace that holds every hop",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/observability/opentelemetrycollector-opentelemetry-collector.yaml",
            old="          exporters:\n          - otlp\n",
            new="          exporters:\n          - jaeger\n",
        ),
    ),
)

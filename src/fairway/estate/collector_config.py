"""Configurations of OpenTelemetry Collectors, in the operator's objects and in ConfigMaps: how traces go through."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.yaml.reader import Mapping as Written
from fairway.yaml.reader import Sequence, Value, read_document

PARTS: Final = ("receivers", "processors", "exporters")
CONNECTORS: Final = "connectors"  # an exporter of one pipeline and a receiver of another
SHOWN: Final = frozenset({"debug", "logging", "nop"})  # exporters that keep nothing


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One way through a Collector, by the names of its parts, and where it is written."""

    name: str
    parts: dict[str, tuple[str, ...]]
    node: Node
    key: str  # empty where the node itself is the pipeline

    def place(self, part: str) -> tuple[Node, str]:
        """Give the node and key to point at for a part; of a text, only the whole can be shown."""
        return (self.node, self.key or part)


class CollectorConfig(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a Collector is configured to do with traces."""

    namespace: str
    defined: Mapping[str, Mapping[str, Value] | None]  # what each part has by name; None where it cannot be told
    traces: tuple[Pipeline, ...]

    def undefined(self) -> Iterator[tuple[Pipeline, str, str]]:
        """Give what a pipeline of traces uses and nothing defines: the pipeline, the part and the name."""
        for pipeline in self.traces:
            for part, names in pipeline.parts.items():
                there, joined = self.defined[part], self.defined[CONNECTORS]
                if there is None or joined is None:
                    continue
                lost = (name for name in names if name not in there and (part == "processors" or name not in joined))
                yield from ((pipeline, part, name) for name in lost if "$" not in name)

    def ends(self) -> Iterator[tuple[Pipeline, str]]:
        """Give each exporter of traces that is no connector, with a pipeline that uses it."""
        joined = self.defined[CONNECTORS] or {}
        for pipeline in self.traces:
            yield from ((pipeline, name) for name in pipeline.parts["exporters"] if name not in joined)


def collector_configs(estate: Estate) -> Iterator[CollectorConfig]:
    """Give every configuration of a Collector that has pipelines of traces."""
    for one in estate.of_kind("OpenTelemetryCollector", "opentelemetry.io"):
        written = one.spec.value.get("config")
        if isinstance(written, Written):
            yield from _config(one.namespace, [written], one.spec.mapping("config"), "")
        elif isinstance(written, str):
            yield from _config(one.namespace, _read([written]), one.spec, "config")
    for one in estate.of_kind("ConfigMap", ""):
        data = one.root.mapping("data")
        texts = {key: text for key, text in data.value.items() if isinstance(text, str) and "receivers:" in text}
        whole = next((key for key, text in texts.items() if "pipelines:" in text), None)
        if whole is not None and not any("{{" in text for text in texts.values()):
            yield from _config(one.namespace, _read(list(texts.values())), data, whole)


def _read(texts: list[str]) -> list[Written]:
    documents = (read_document(text, "")[0].value for text in texts)
    return [value for value in documents if isinstance(value, Written)]


def _config(namespace: str, files: list[Written], node: Node, key: str) -> Iterator[CollectorConfig]:
    """Read what several files say together, as a Collector merges them."""
    defined: dict[str, dict[str, Value] | None] = {}
    for part in (*PARTS, CONNECTORS):
        found: dict[str, Value] = {}
        told = [file[part] for file in files if file.get(part) is not None]
        for one in told:
            found |= one if isinstance(one, Written) else {}
        defined[part] = found if all(isinstance(one, Written) for one in told) else None
    traces = [pipeline for file in files for pipeline in _traces(file, node, key)]
    if traces and any("service" in file for file in files):
        yield CollectorConfig(namespace=namespace, defined=defined, traces=tuple(traces))


def _traces(file: Written, node: Node, key: str) -> Iterator[Pipeline]:
    pipelines = _within(_within(file, "service"), "pipelines")
    for name, pipeline in pipelines.items():
        if name.partition("/")[0] == "traces" and isinstance(pipeline, Written):
            parts = {part: _names(pipeline.get(part)) for part in PARTS}
            own = node if key else node.mapping("service").mapping("pipelines").mapping(name)
            yield Pipeline(name=name, parts=parts, node=own, key=key)


def _within(value: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    inner = value.get(key)
    return inner if isinstance(inner, Written) else {}


def _names(value: Value) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, Sequence) else ()

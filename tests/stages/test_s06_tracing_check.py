"""Traces of strangers' systems: what is lost on its way is found, and what merely goes elsewhere is left alone."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s06_observability import tracing

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: main
        image: example/{name}:1
        ports: [{{containerPort: 8080}}]
        {env}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: 80, targetPort: 8080}}]
"""
COLLECTOR = """\
apiVersion: v1
kind: Service
metadata: {name: otel-collector, namespace: shop}
spec:
  selector: {app: otel-collector}
  ports: [{name: otlp, port: 4317}]
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: collector, namespace: shop}
data:
  config.yaml: |
    receivers:
      otlp: {protocols: {grpc: {}}}
    processors: {batch: {}}
    exporters:
      EXPORTER
    connectors: {spanmetrics: {}}
    service:
      pipelines:
        traces: {receivers: [otlp], processors: [batch], exporters: [USED]}
        metrics: {receivers: [spanmetrics], exporters: [debug]}
"""
OPERATED = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gate, namespace: shop}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {}}}}
    exporters: {otlp/tempo: {endpoint: "tempo:4317"}}
    service:
      pipelines:
        traces:
          receivers: [otlp]
          exporters: [USED]
"""
TEMPO = COLLECTOR.replace("otel-collector", "tempo").replace("4317", "4319")


def env(**values: str) -> str:
    """Write variables."""
    return "env: [" + ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in values.items()) + "]"


def app(name: str = "web", **values: str) -> str:
    """Write a service that is told these values."""
    return APP.format(name=name, env=env(**values) if values else "")


SENDS = app("cart", OTEL_EXPORTER_OTLP_ENDPOINT="http://otel-collector:4317")


def judge(folder: Path, *texts: str) -> list[Finding]:
    """Let the rule judge some manifests."""
    (folder / "system.yaml").write_text("---\n".join(texts))
    return list(tracing.check(read([folder])))


OFF = {
    "the SDK": {"OTEL_SDK_DISABLED": "true"},
    "the exporter": {"OTEL_TRACES_EXPORTER": "none"},
    "the sampler": {"OTEL_TRACES_SAMPLER": "always_off"},
    "a share of nothing": {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.0"},
    "the agent of Java": {"OTEL_JAVAAGENT_ENABLED": "false"},
    "a switch of its own": {"DISABLE_TRACING": "1"},
}


@pytest.mark.parametrize("values", OFF.values(), ids=OFF)
def test_a_service_that_sends_no_spans_is_found_where_others_send_some(values: dict[str, str], tmp_path: Path) -> None:
    """Its hop is missing; where nobody traces, tracing may not be wanted."""
    silent = app("web", **values, OTEL_EXPORTER_OTLP_ENDPOINT="http://otel-collector:4317")
    (one,) = judge(tmp_path, silent, SENDS, COLLECTOR)
    assert (one.severity, one.resource) == ("warning", "Deployment/shop/web")
    assert judge(tmp_path, silent) == []


ON = {
    "its caller decides": {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
    "a small share": {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
    "switched on": {"OTEL_SDK_DISABLED": "false", "ENABLE_TRACING": "1"},
    "metrics alone are off": {"OTEL_METRICS_EXPORTER": "none"},
}


@pytest.mark.parametrize("values", ON.values(), ids=ON)
def test_a_service_that_sends_some_spans_is_left_alone(values: dict[str, str], tmp_path: Path) -> None:
    """Sampling is no loss."""
    assert judge(tmp_path, app("web", **values), SENDS, COLLECTOR) == []


def test_what_serves_no_requests_may_be_silent(tmp_path: Path) -> None:
    """A load generator is no hop."""
    load = app("load", OTEL_SDK_DISABLED="true").partition("---")[0].replace("ports: [{containerPort: 8080}]", "")
    assert judge(tmp_path, load, SENDS, COLLECTOR) == []


@pytest.mark.parametrize(
    ("endpoint", "more", "says"),
    [
        ("http://otel-collector:4318", {}, "Service otel-collector has no port 4318"),
        ("http://otel-colector:4317", {}, "no Service of this name"),
        (
            "http://otel-collector:4317",
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "does not speak http/protobuf",
        ),
        ("http://otel-collector.shop.svc.cluster.local:4317", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        ("http://otel-collector", {}, None),
        ("http://jaeger-collector:4317", {}, None),
        ("http://collector.observability:4318", {}, None),
        ("https://api.example.com:443", {}, None),
        ("http://$(NODE_IP):4317", {}, None),
    ],
)
def test_spans_that_nobody_hears_are_found(
    endpoint: str, more: dict[str, str], says: str | None, tmp_path: Path
) -> None:
    """What is not here may be somewhere else; a port that is not there, or a typing error, is lost."""
    found = judge(tmp_path, app("web", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **more), COLLECTOR)
    assert [(one.severity, says is not None and says in one.says) for one in found] == [("error", True)] * bool(says)


def test_a_place_that_several_read_from_one_configmap_is_found_once(tmp_path: Path) -> None:
    """It is mended once, at its own line."""
    config = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: all, namespace: shop}\n"
        "data: {OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector:9999'}\n"
    )
    reads = [APP.format(name=name, env="envFrom: [{configMapRef: {name: all}}]") for name in ("web", "cart")]
    (one,) = judge(tmp_path, config, COLLECTOR, *reads)
    assert (one.resource, one.key) == ("ConfigMap/shop/all", "data.OTEL_EXPORTER_OTLP_ENDPOINT")


def test_a_collector_that_uses_what_nothing_defines_is_found(tmp_path: Path) -> None:
    """It does not start; a connector is defined, and so is what another file of its ConfigMap says."""
    good = CONFIG.replace("EXPORTER", "otlp: {endpoint: 'tempo:4317'}")
    assert judge(tmp_path, good.replace("USED", "otlp, spanmetrics")) == []
    (one,) = judge(tmp_path, good.replace("USED", "otlp, jaeger"))
    assert (one.severity, one.key) == ("error", "data[config.yaml]")
    assert "exporter jaeger" in one.says
    beside = good.replace("USED", "otlp, jaeger") + "  more.yaml: |\n    receivers: {}\n    exporters: {jaeger: {}}\n"
    assert judge(tmp_path, beside) == []
    (operated,) = judge(tmp_path, OPERATED.replace("USED", "otlp"))
    assert (operated.line, operated.key) == (12, "spec.config.service.pipelines.traces.exporters")


def test_a_configuration_that_a_template_makes_is_not_judged(tmp_path: Path) -> None:
    """What it will say is not here."""
    text = CONFIG.replace("EXPORTER", "otlp: {endpoint: '{{ .Values.tempo }}'}").replace("USED", "jaeger")
    assert judge(tmp_path, text) == []


def test_traces_that_end_in_the_log_of_the_collector_are_found_where_some_are_sent(tmp_path: Path) -> None:
    """A pipeline that came with a chart, and that nobody uses, harms nobody."""
    text = CONFIG.replace("EXPORTER", "debug: {}").replace("USED", "debug, spanmetrics")
    assert judge(tmp_path, text) == []
    (one,) = judge(tmp_path, text, SENDS, COLLECTOR)
    assert (one.severity, "debug alone" in one.says) == ("warning", True)


def test_a_collector_that_exports_to_a_port_that_is_not_there_is_found(tmp_path: Path) -> None:
    """In an operator's object and in a text; in another namespace it may be there."""
    text = OPERATED.replace("USED", "otlp/tempo")
    (one,) = judge(tmp_path, text, TEMPO)
    assert "Service tempo has no port 4317" in one.says
    assert judge(tmp_path, text, TEMPO.replace("4319", "4317")) == []
    assert judge(tmp_path, text, TEMPO.replace("shop", "elsewhere")) == []


TELEMETRY = """\
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  tracing: [{SAYS}]
"""


def test_proxies_that_report_nothing_are_found_where_the_mesh_is_all_that_traces(tmp_path: Path) -> None:
    """Where services send spans by themselves, the proxies may be silent."""
    whole = TELEMETRY.replace("NAMESPACE", "istio-system").replace("SAYS", "providers: [{name: otel}]")
    for says in ("disableSpanReporting: true", "randomSamplingPercentage: 0"):
        silent = TELEMETRY.replace("NAMESPACE", "shop").replace("SAYS", says)
        (one,) = judge(tmp_path, whole, silent)
        assert (one.severity, one.resource) == ("warning", "Telemetry/shop/NAME")
        assert judge(tmp_path, silent) == []
        assert judge(tmp_path, whole, silent, SENDS, COLLECTOR) == []

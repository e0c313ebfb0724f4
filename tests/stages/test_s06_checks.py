"""Observability's checks on systems of strangers: what is equivalent is accepted, what is missing is said once."""

from pathlib import Path
from types import ModuleType

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s06_observability import (
    alerts,
    before_delivery,
    dashboards,
    log_pipeline,
    metrics,
    prometheus,
)

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "acme/web:1", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
"""
ANNOTATED = WEB.replace(
    "labels: {app: web}}\nspec: {selector", "annotations: {prometheus.io/scrape: 'true'}}\nspec: {selector"
)
HEEDING = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: prometheus, namespace: monitoring}
data:
  prometheus.yml: |
    scrape_configs:
      - relabel_configs: [{source_labels: [__meta_kubernetes_service_annotation_prometheus_io_scrape]}]
"""
MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: KIND
metadata: {name: web, namespace: monitoring}
spec:
  namespaceSelector: {matchNames: [shop]}
  selector: {matchLabels: {app: APP}}
  ENDPOINTS: [{port: PORT}]
"""
RULES = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web, namespace: shop}
spec:
  groups:
    - name: web
      rules:
RULES
"""
ERRORS = 'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.01'
SLOW = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 1"
FEW = "sum(rate(http_requests_total[5m])) < 1"
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: monitoring, namespace: monitoring}
spec: {interval: 1h, chart: {spec: {chart: kube-prometheus-stack}}}
"""


def monitor(kind: str = "ServiceMonitor", app: str = "web", port: str = "http") -> str:
    """Write a monitor."""
    endpoints = "endpoints" if kind == "ServiceMonitor" else "podMetricsEndpoints"
    return MONITOR.replace("KIND", kind).replace("APP", app).replace("PORT", port).replace("ENDPOINTS", endpoints)


def alert(name: str, expression: str) -> str:
    """Write an alert with owner and runbook."""
    rule = f"        - {{alert: {name}, expr: '{expression}', labels: {{team: shop}}, "
    return rule + "annotations: {runbook_url: 'https://x.y/z'}}"


def rules(*written: str) -> str:
    """Write rules."""
    return RULES.replace("\nRULES", "\n" + "\n".join(written))


def audit(module: ModuleType, folder: Path, *texts: str) -> list[Finding]:
    """Check what these files say."""
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text)
    return list(module.check(read([folder])))


@pytest.mark.parametrize(
    "texts",
    [
        (WEB, monitor()),
        (WEB, monitor("PodMonitor")),
        (ANNOTATED, HEEDING),
        (WEB.replace("kind: Deployment", "kind: Job").replace("apps/v1", "batch/v1"),),
    ],
    ids=["ServiceMonitor", "PodMonitor", "annotations that are heeded", "what ends by itself"],
)
def test_a_service_that_is_scraped_is_left_alone(texts: tuple[str, ...], tmp_path: Path) -> None:
    """By a monitor of either kind, or by an annotation that a Prometheus of the estate goes by."""
    assert audit(prometheus, tmp_path, *texts) == []


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ((WEB,), "no monitor selects it"),
        ((ANNOTATED,), "nothing here heeds it"),
    ],
    ids=["nothing", "an annotation that nobody heeds"],
)
def test_a_service_that_nothing_scrapes_is_found_at_its_service(
    texts: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    """Once, with the evidence."""
    (finding,) = audit(prometheus, tmp_path, *texts)
    assert (finding.resource, finding.key, finding.severity) == ("Service/shop/web", "spec.selector", "error")
    assert says in finding.says


def test_a_monitor_that_selects_nothing_is_found(tmp_path: Path) -> None:
    """And so is the service that it was meant for."""
    found = audit(prometheus, tmp_path, WEB, monitor(app="wep"))
    assert [finding.resource for finding in found] == ["Service/shop/web", "ServiceMonitor/monitoring/web"]


def test_a_monitor_of_a_port_that_is_not_there_is_found_with_those_that_are(tmp_path: Path) -> None:
    """It would scrape nothing."""
    (finding,) = audit(prometheus, tmp_path, WEB, monitor(port="metrics"))
    assert "it has http" in finding.says


def test_what_is_rendered_elsewhere_makes_a_finding_a_warning(tmp_path: Path) -> None:
    """A chart may bring the monitor."""
    (finding,) = audit(prometheus, tmp_path, WEB, RELEASE)
    assert finding.severity == "warning"


def test_a_store_tells_nothing_without_an_exporter(tmp_path: Path) -> None:
    """With one beside it, it does; an application's own metrics are in its code."""
    store = WEB.replace("acme/web:1", "postgres:17")
    (finding,) = audit(metrics, tmp_path, store)
    assert "no exporter" in finding.says
    beside = store.replace(
        "spec: {containers: [", 'spec: {containers: [{name: tell, image: "acme/postgres-exporter:1"}, '
    )
    assert audit(metrics, tmp_path, beside) == []
    assert audit(metrics, tmp_path, WEB) == []


@pytest.mark.parametrize(
    ("written", "missing"),
    [
        ((alert("A", ERRORS), alert("B", SLOW), alert("C", FEW)), ""),
        ((alert("A", ERRORS), alert("B", SLOW)), "throughput"),
        ((alert("A", ERRORS),), "latency and throughput"),
        ((alert("HighLatency", "job:slow:p99 > 1"), alert("LowTraffic", "job:rps < 1")), "errors"),
    ],
    ids=["all", "no throughput", "errors alone", "by their names"],
)
def test_alerts_watch_errors_latency_and_throughput(written: tuple[str, ...], missing: str, tmp_path: Path) -> None:
    """What they are about is read from what they ask, or from their names."""
    found = audit(alerts, tmp_path, WEB, rules(*written))
    assert [finding.says.rpartition(": ")[2].partition(" go")[0] for finding in found] == ([missing] if missing else [])


def test_what_an_alert_asks_is_followed_through_recordings(tmp_path: Path) -> None:
    """An alert on a recording is about what the recording is about."""
    recording = f"        - {{record: 'web:x:rate5m', expr: '{ERRORS}'}}"
    found = audit(
        alerts, tmp_path, WEB, rules(recording, alert("A", "web:x:rate5m > 1"), alert("B", SLOW), alert("C", FEW))
    )
    assert found == []


def test_an_alert_that_is_named_throughput_is_about_that(tmp_path: Path) -> None:
    """Also where it counts only what was handled well, by a recording that asks for the outcome."""
    recording = f"        - {{record: 'web:work:rate5m', expr: '{ERRORS}'}}"
    few = alert("ThroughputTooLow", "web:work:rate5m == 0")
    assert audit(alerts, tmp_path, WEB, rules(recording, alert("A", ERRORS), alert("B", SLOW), few)) == []


def test_a_rule_file_inside_a_configmap_counts(tmp_path: Path) -> None:
    """As a Prometheus without its operator reads it."""
    inside = "    groups:\n      - name: web\n        rules:\n"
    inside += "".join(f"    {line}\n" for line in (alert("A", ERRORS), alert("B", SLOW), alert("C", FEW)))
    held = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: rules, namespace: shop}}\ndata:\n  a.rules: |\n{inside}"
    assert audit(alerts, tmp_path, WEB, held) == []


def test_alerts_without_owner_or_runbook_are_one_warning_of_their_object(tmp_path: Path) -> None:
    """With their names."""
    bare = [f"        - {{alert: {name}, expr: '{expr}'}}" for name, expr in (("A", ERRORS), ("B", SLOW), ("C", FEW))]
    (finding,) = audit(alerts, tmp_path, WEB, rules(*bare))
    assert finding.severity == "warning"
    assert finding.says == "A, B and C have no owner and no runbook."


DAEMON = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: logs, namespace: logs}
spec: {template: {spec: {containers: [{name: a, image: "timberio/vector:0.50.0"}]}}}
"""
FLOW = "apiVersion: logging.banzaicloud.io/v1beta1\nkind: ClusterFlow\nmetadata: {name: all, namespace: logs}\n"


@pytest.mark.parametrize("collector", [DAEMON, FLOW], ids=["DaemonSet", "operator"])
def test_a_log_collector_of_any_make_is_accepted(collector: str, tmp_path: Path) -> None:
    """On each node, or by an operator."""
    assert audit(log_pipeline, tmp_path, WEB, collector) == []


def test_a_system_without_a_log_collector_is_found_once(tmp_path: Path) -> None:
    """With the services that it concerns."""
    (finding,) = audit(log_pipeline, tmp_path, WEB, WEB.replace("web", "shelf"))
    assert finding.resource == "System"
    assert "It concerns web and shelf." in finding.says


def test_a_dashboard_on_a_recording_that_nobody_makes_is_found(tmp_path: Path) -> None:
    """Its panels stay empty, and read as calm."""
    held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop, labels: {grafana_dashboard: '1'}}\n"
    held += 'data:\n  web.json: |\n    {"title": "web", "panels": [{"targets": [{"expr": "web:x:rate5m"}]}]}\n'
    recording = "        - {record: 'web:x:rateNAME', expr: up}"
    assert audit(dashboards, tmp_path, WEB, held, rules(recording.replace("NAME", "5m"))) == []
    (finding,) = audit(dashboards, tmp_path, WEB, held, rules(recording.replace("NAME", "1h")))
    assert "web:x:rate5m" in finding.says


def test_a_verdict_on_a_metric_of_a_program_is_let_be(tmp_path: Path) -> None:
    """Which names it exports is in its code; a recording that nobody makes is in the files."""
    verdict = before_delivery.VERDICT
    assert audit(before_delivery, tmp_path, verdict.replace("service:pace:rate5m", "http_requests_total")) == []
    assert len(audit(before_delivery, tmp_path, verdict)) == 1

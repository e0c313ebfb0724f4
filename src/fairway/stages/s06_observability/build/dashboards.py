"""Grafana, where it reads from, and a dashboard for every service and for the system."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest
from fairway.core.cluster import GRAFANA, JAEGER, LOGS, OBSERVABILITY, PROMETHEUS, host
from fairway.core.images import IMAGES
from fairway.core.once import once
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.build.log_collectors import CERTIFICATE, ELASTICSEARCH_PORT, LOKI_PORT
from fairway.stages.s06_observability.build.log_stores import READER
from fairway.stages.s06_observability.build.names import dashboard_path, dashboard_uid
from fairway.stages.s06_observability.build.panels import Panel, row, system_row
from fairway.stages.s06_observability.build.traces import QUERY
from fairway.stages.s06_observability.decisions import system, telemetry

RULE: Final = "dashboards"
USER: Final = (472, 0)
ACROSS: Final = 3  # panels side by side
WIDTH, HEIGHT = 8, 7  # of 24 columns
Row = tuple[str, Iterable[Panel]]


@once
def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build Grafana for its operator, its sources, and the dashboards."""
    whole = system.system_dashboard(landscape)
    yield placing.manifest(RULE, whole.topic, "grafana", _grafana(landscape))
    service = placing.service(landscape, GRAFANA, {"http": 3000}, of_operator="grafana-http")
    yield placing.manifest(RULE, whole.topic, f"service-{GRAFANA}", service)
    for name, source in _sources(landscape):
        obj = {
            "apiVersion": "grafana.integreatly.org/v1beta1",
            "kind": "GrafanaDatasource",
            "metadata": placing.described(landscape, GRAFANA, f"{GRAFANA}-{name}"),
            "spec": {"instanceSelector": placing.chosen(landscape, GRAFANA), **source},
        }
        yield placing.manifest(RULE, whole.topic, f"grafanadatasource-{name}", obj)
    yield from _dashboard(landscape, "", whole.topic, system_dashboard(landscape))
    for name in landscape.services:
        topic = telemetry.dashboard(landscape.services[name]).topic
        yield from _dashboard(landscape, name, topic, service_dashboard(landscape, name))


def service_dashboard(landscape: Landscape, name: str) -> dict[str, Any]:
    """Give the dashboard of a service as Grafana imports it."""
    profile = landscape.services[name]
    rows = [(one, row(one, profile, landscape)) for one in telemetry.dashboard(profile).value]
    back = [{"title": landscape.system.system, "url": dashboard_path(landscape.system.system)}]
    back += [{"title": callee, "url": dashboard_path(landscape.system.system, callee)} for callee in profile.callees]
    return _document(landscape, name, f"{landscape.system.system}: {name}", rows, back)


def system_dashboard(landscape: Landscape) -> dict[str, Any]:
    """Give the dashboard of the system as Grafana imports it."""
    rows = [(one, system_row(one, landscape)) for one in system.system_dashboard(landscape).value]
    down = [{"title": name, "url": dashboard_path(landscape.system.system, name)} for name in landscape.services]
    return _document(landscape, "", landscape.system.system, rows, down)


def _document(
    landscape: Landscape, service: str, title: str, rows: Iterable[Row], links: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "uid": dashboard_uid(landscape.system.system, service),
        "title": title,
        "tags": ["fairway", landscape.system.system],
        "timezone": "utc",
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "links": [{"type": "link", "icon": "dashboard", "keepTime": True, **link} for link in links],
        "panels": list(_panels(rows)),
    }


def _panels(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in rows:
        listed = list(panels)
        if not listed:
            continue
        number += 1
        place = {"x": 0, "y": y, "w": 24, "h": 1}
        yield {"id": number, "type": "row", "title": title.capitalize(), "gridPos": place, "panels": []}
        y += 1
        for index, panel in enumerate(listed):
            number += 1
            across, down = index % ACROSS, index // ACROSS
            yield _panel(number, panel, {"x": across * WIDTH, "y": y + down * HEIGHT, "w": WIDTH, "h": HEIGHT})
        y += -(-len(listed) // ACROSS) * HEIGHT


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": PROMETHEUS}
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    drawn: dict[str, Any] = {"fillOpacity": 10}
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
        drawn["thresholdsStyle"] = {"mode": "line"}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "gridPos": place,
        "datasource": source,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": None if "left" in panel.title else 0,
                "custom": drawn,
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": source, "expr": query, "legendFormat": legend}
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


def _dashboard(landscape: Landscape, service: str, topic: str, document: dict[str, Any]) -> Iterator[Manifest]:
    """Hold a dashboard in a ConfigMap that Grafana's sidecar finds by its label, and its operator by reference."""
    name = f"dashboard-{service}" if service else "dashboard"
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": placing.described(landscape, service or GRAFANA, name, {"grafana_dashboard": "1"}),
        "data": {f"{name}.json": text},
    }
    shown = {
        "apiVersion": "grafana.integreatly.org/v1beta1",
        "kind": "GrafanaDashboard",
        "metadata": placing.described(landscape, service or GRAFANA, name),
        "spec": {
            "instanceSelector": placing.chosen(landscape, GRAFANA),
            "configMapRef": {"name": name, "key": f"{name}.json"},
            "folder": landscape.system.system,
            "resyncPeriod": "10m",
        },
    }
    yield placing.manifest(RULE, topic, f"configmap-{name}", held, service)
    yield placing.manifest(
        RULE, topic, f"grafanadashboard-{service}" if service else "grafanadashboard", shown, service
    )


def _grafana(landscape: Landscape) -> dict[str, Any]:
    container = {
        "name": GRAFANA,
        "image": IMAGES[GRAFANA],
        "resources": placing.resources("100m", "512Mi"),
        "securityContext": placing.HARDENED,
    }
    pod = {
        "metadata": {"labels": placing.described(landscape, GRAFANA)["labels"]},
        "spec": {"securityContext": placing.only_user(USER), "containers": [container]},
    }
    return {
        "apiVersion": "grafana.integreatly.org/v1beta1",
        "kind": "Grafana",
        "metadata": placing.described(landscape, GRAFANA),
        "spec": {
            "config": {
                "analytics": {"reporting_enabled": "false", "check_for_updates": "false"},
                "auth.anonymous": {"enabled": "false"},
                "users": {"allow_sign_up": "false"},
                "log": {"mode": "console"},
            },
            "deployment": {"spec": {"template": pod}},
        },
    }


def _sources(landscape: Landscape) -> Iterator[tuple[str, dict[str, Any]]]:
    yield PROMETHEUS, _source("Prometheus", PROMETHEUS, f"http://{host(PROMETHEUS, OBSERVABILITY)}:9090", default=True)
    store = system.log_pipeline(landscape).value.store
    if store == "loki":
        source = _source("Loki", store, f"https://{host(LOGS[store], OBSERVABILITY)}:{LOKI_PORT}")
        trusting = {"jsonData": {"tlsAuthWithCACert": True}, "secureJsonData": {"tlsCACert": "${ca.crt}"}}
        authority = {"secretKeyRef": {"name": placing.keys_of(LOGS[store]), "key": "ca.crt"}}
        values = [{"targetPath": "secureJsonData.tlsCACert", "valueFrom": authority}]
        yield store, {**source, "datasource": {**source["datasource"], **trusting}, "valuesFrom": values}
    else:
        yield store, _elasticsearch(landscape)
    if system.traces(landscape) is not None:
        url = f"http://{host(f'{JAEGER}-collector', OBSERVABILITY)}:{QUERY}"
        yield JAEGER, _source("Jaeger", JAEGER, url)


def _source(title: str, kind: str, url: str, *, default: bool = False) -> dict[str, Any]:
    return {
        "uid": kind,
        "datasource": {
            "name": title,
            "type": kind,
            "url": url,
            "access": "proxy",
            "isDefault": default,
            "editable": False,
        },
    }


def _elasticsearch(landscape: Landscape) -> dict[str, Any]:
    source = _source("Elasticsearch", "elasticsearch", f"https://{_elastic_host()}:{ELASTICSEARCH_PORT}")
    index = f"logs-{landscape.system.system}-*"
    more = {
        "basicAuth": True,
        "basicAuthUser": READER,
        "jsonData": {"timeField": "@timestamp", "index": index, "tlsAuthWithCACert": True},
        "secureJsonData": {"basicAuthPassword": "${password}", "tlsCACert": "${ca.crt}"},
    }
    values = [
        {
            "targetPath": "secureJsonData.basicAuthPassword",
            "valueFrom": {"secretKeyRef": {"name": READER, "key": "password"}},
        },
        {
            "targetPath": "secureJsonData.tlsCACert",
            "valueFrom": {"secretKeyRef": {"name": CERTIFICATE, "key": "ca.crt"}},
        },
    ]
    return {**source, "datasource": {**source["datasource"], **more}, "valuesFrom": values}


def _elastic_host() -> str:
    return host("elasticsearch-es-http", OBSERVABILITY)

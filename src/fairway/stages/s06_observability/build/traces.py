"""The way of traces: an OpenTelemetry collector takes them from services and hands them to Jaeger, which keeps them."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest
from fairway.core.cluster import COLLECTOR, JAEGER, OBSERVABILITY, host
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.build.log_collectors import CERTIFICATE, ELASTICSEARCH_PORT
from fairway.stages.s06_observability.build.log_stores import CURL_USER, TRACES_WRITER
from fairway.stages.s06_observability.decisions import system
from fairway.stages.s06_observability.decisions.system import Traces
from fairway_sdk.contract import COLLECTOR_PORT

RULE: Final = "tracing"
OTLP: Final = 4317  # OpenTelemetry over gRPC
QUERY: Final = 16686
METRICS: Final = 8888
USER: Final = (10001, 10001)
CLEANER: Final = "jaeger-index-cleaner"
DAYS: Final = "d"


def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build both, where any service is traced."""
    decided = system.traces(landscape)
    if decided is None:
        return
    critical = any(p.facts.criticality == "mission-critical" for p in landscape.services.values())
    for part, obj in (
        (COLLECTOR, _collector(landscape, 2 if critical else 1)),
        (JAEGER, _jaeger(landscape, decided.value)),
    ):
        account, monitor = placing.account(landscape, part), _monitor(landscape, part)
        yield placing.manifest(RULE, decided.topic, f"serviceaccount-{part}", account)
        yield placing.manifest(RULE, decided.topic, f"opentelemetrycollector-{part}", obj)
        yield placing.manifest(RULE, decided.topic, f"podmonitor-{part}", monitor)
    if decided.value.storage == "elasticsearch":
        yield placing.manifest(RULE, decided.topic, f"serviceaccount-{CLEANER}", placing.account(landscape, CLEANER))
        held = placing.config_map(landscape, CLEANER, {"clean.sh": _clean(decided.value)})
        yield placing.manifest(RULE, decided.topic, f"configmap-{CLEANER}", held)
        cleaner = _cleaner(landscape, held["metadata"]["name"])
        yield placing.manifest(RULE, decided.topic, f"cronjob-{CLEANER}", cleaner)


def _collector(landscape: Landscape, replicas: int) -> dict[str, Any]:
    """Take traces in as they come: which are kept was chosen where each began."""
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"0.0.0.0:{COLLECTOR_PORT}"}}}},
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 20},
            "batch": {},
        },
        "exporters": {
            "otlp": {
                "endpoint": f"{host(f'{JAEGER}-collector', OBSERVABILITY)}:{OTLP}",
                "tls": {"insecure": True},  # inside one namespace, where policies let in nobody else
                "sending_queue": {"queue_size": 2000},
                "retry_on_failure": {"max_elapsed_time": "10m"},
            }
        },
        "extensions": _HEALTH,
        "service": {
            "extensions": ["health_check"],
            "telemetry": _telemetry(COLLECTOR),
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["memory_limiter", "batch"], "exporters": ["otlp"]}
            },
        },
    }
    return _operated(
        landscape,
        COLLECTOR,
        COLLECTOR.removesuffix("-collector"),  # the operator adds it to the name of the Service
        {
            "image": IMAGES[COLLECTOR],
            "mode": "deployment",
            "replicas": replicas,
            "config": config,
            "resources": placing.resources("200m", "512Mi"),
            "podDisruptionBudget": {"maxUnavailable": 1},
        },
    )


def _jaeger(landscape: Landscape, decided: Traces) -> dict[str, Any]:
    """Run Jaeger 2, which is a collector with a store: its own disk, or Elasticsearch."""
    shared = decided.storage == "elasticsearch"
    backend = _elasticsearch() if shared else _badger(decided.kept)
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"0.0.0.0:{OTLP}"}}}},
        "processors": {"batch": {}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "traces"}},
        "extensions": {
            "jaeger_storage": {"backends": {"traces": backend}},
            "jaeger_query": {"storage": {"traces": "traces"}, "http": {"endpoint": f"0.0.0.0:{QUERY}"}},
            "healthcheckv2": {"use_v2": True, "http": {"endpoint": "0.0.0.0:13133"}},
        },
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "telemetry": _telemetry(JAEGER),
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["batch"],
                    "exporters": ["jaeger_storage_exporter"],
                }
            },
        },
    }
    spec: dict[str, Any] = {
        "image": IMAGES[JAEGER],
        "mode": "deployment" if shared else "statefulset",
        "replicas": 1,
        "config": config,
        "ports": [{"name": "query", "port": QUERY, "targetPort": QUERY}],
        "resources": placing.resources("200m", "1Gi"),
    }
    if shared:
        spec["volumes"] = [
            {"name": "certificates", "secret": {"secretName": CERTIFICATE}},
            {"name": "password", "secret": {"secretName": TRACES_WRITER}},
        ]
        spec["volumeMounts"] = [
            {"name": "certificates", "mountPath": "/certificates", "readOnly": True},
            {"name": "password", "mountPath": "/password", "readOnly": True},
        ]
    else:
        spec["volumeMounts"] = [{"name": "traces", "mountPath": "/traces"}]
        spec["volumeClaimTemplates"] = [
            {
                "metadata": {"name": "traces"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}},
            }
        ]
    return _operated(landscape, JAEGER, JAEGER, spec)


def _badger(kept: str) -> dict[str, Any]:
    hours = int(kept.removesuffix(DAYS)) * 24
    return {
        "badger": {
            "directories": {"keys": "/traces/keys", "values": "/traces/values"},
            "ephemeral": False,
            "ttl": {"spans": f"{hours}h"},
        }
    }


def _elasticsearch() -> dict[str, Any]:
    indices = {
        kind: {"date_layout": "2006-01-02", "rollover_frequency": "day", "shards": 3, "replicas": 1}
        for kind in ("spans", "services", "dependencies", "sampling")
    }
    return {
        "elasticsearch": {
            "server_urls": [f"https://{host('elasticsearch-es-http', OBSERVABILITY)}:{ELASTICSEARCH_PORT}"],
            "auth": {"basic": {"username": TRACES_WRITER, "password_file": "/password/password"}},
            "tls": {"ca_file": "/certificates/ca.crt"},
            "indices": {"index_prefix": JAEGER, **indices},
        }
    }


def _operated(landscape: Landscape, part: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    hardened = {
        "serviceAccount": part,
        "podSecurityContext": placing.only_user(USER),
        "securityContext": placing.HARDENED,
    }
    return {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": placing.described(landscape, part, name),
        "spec": {**spec, **hardened},
    }


_HEALTH: Final = {"health_check": {"endpoint": "0.0.0.0:13133"}}


def _telemetry(name: str) -> dict[str, Any]:
    reader = {"pull": {"exporter": {"prometheus": {"host": "0.0.0.0", "port": METRICS}}}}  # noqa: S104 - in its Pod
    return {"resource": {"service.name": name}, "metrics": {"level": "normal", "readers": [reader]}}


def _monitor(landscape: Landscape, part: str) -> dict[str, Any]:
    """Scrape its own metrics: traces that it drops are seen nowhere else."""
    label = part if part == COLLECTOR else f"{part}-collector"
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": placing.described(landscape, part),
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": label}},
            "namespaceSelector": {"matchNames": [OBSERVABILITY]},
            "podMetricsEndpoints": [{"portNumber": METRICS, "path": "/metrics", "interval": "30s"}],
        },
    }


def _cleaner(landscape: Landscape, configuration: str) -> dict[str, Any]:
    """Remove the indices of days that are over; Elasticsearch keeps them for ever otherwise."""
    container = {
        "image": IMAGES["curl"],
        "command": ["/bin/sh", "/clean/clean.sh"],
        "resources": placing.resources("10m", "64Mi"),
        "volumeMounts": [
            {"name": "clean", "mountPath": "/clean", "readOnly": True},
            {"name": "certificates", "mountPath": "/certificates", "readOnly": True},
            {"name": "password", "mountPath": "/password", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "clean", "configMap": {"name": configuration}},
        {"name": "certificates", "secret": {"secretName": CERTIFICATE}},
        {"name": "password", "secret": {"secretName": TRACES_WRITER}},
    ]
    template = placing.pod(landscape, CLEANER, container, volumes, CURL_USER)
    template["spec"]["restartPolicy"] = "OnFailure"
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": placing.described(landscape, CLEANER),
        "spec": {
            "schedule": "30 1 * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 3, "activeDeadlineSeconds": 1800, "template": template}},
        },
    }


def _clean(decided: Traces) -> str:
    """Write what removes the indices of the last days but those that are kept; a week of missed runs is made up for."""
    days = int(decided.kept.removesuffix(DAYS))
    return _SCRIPT.format(
        address=f"https://{host('elasticsearch-es-http', OBSERVABILITY)}:{ELASTICSEARCH_PORT}",
        user=TRACES_WRITER,
        prefix=JAEGER,
        days=" ".join(str(day) for day in range(days + 1, days + 8)),
    )


_SCRIPT: Final = """\
set -eu
ask() {{
  printf 'user = "{user}:%s"' "$(cat /password/password)" | curl --config - \\
    --fail-with-body --silent --show-error --retry 5 --cacert /certificates/ca.crt "$@"
}}
now=$(date -u +%s)
for days in {days}; do
  day=$(date -u -d "@$((now - days * 86400))" +%Y-%m-%d)
  for index in $(ask "{address}/_cat/indices/{prefix}-*-$day?h=index"); do
    ask --request DELETE "{address}/$index"
    echo
  done
done
"""

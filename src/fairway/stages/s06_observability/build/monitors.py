"""Prometheus, and what it scrapes: every service by a PodMonitor, the mesh's proxies, the state of runs."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import programs
from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import ALERTMANAGER, LOGS, MESH_SCRAPES, OBSERVABILITY, PROMETHEUS, host
from fairway.core.images import IMAGES
from fairway.core.labels import selector
from fairway.core.once import once
from fairway.core.profile import Landscape, Profile
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.decisions import system, telemetry

RULE: Final = "prometheus"
READS: Final = ["get", "list", "watch"]
STATE: Final = "kube-state-metrics"
NOBODY: Final = (65534, 65534)
CERTIFICATES: Final = "/etc/mesh-certificates"
PROXY_PORT: Final = programs.MESH_METRICS
KEPT: Final = [{"sourceLabels": ["__name__"], "regex": "istio_.*|envoy_cluster_upstream_.*", "action": "keep"}]


@once
def monitors(landscape: Landscape) -> Iterator[Manifest]:
    """Scrape every service at its admin port, and what stands beside it."""
    for profile in landscape.services.values():
        yield from _of_service(landscape, profile)
    if system.log_pipeline(landscape).value.store == "loki":
        part = LOGS["loki"]
        tls = {
            "ca": {"secret": {"name": placing.keys_of(part), "key": "ca.crt"}},
            "serverName": host(part, OBSERVABILITY),
        }
        endpoint = {"port": "http", "path": "/metrics", "interval": "30s", "scheme": "https", "tlsConfig": tls}
        monitor = _pod_monitor(landscape, part, placing.chosen(landscape, part), [endpoint], OBSERVABILITY)
        yield placing.manifest(RULE, "scraping", f"podmonitor-{part}", monitor)
    if landscape.mesh:
        yield _of_proxies(landscape)
    if any(profile.runs_to_completion for profile in landscape.services.values()):
        yield from _state_of_runs(landscape)


def prometheus(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build Prometheus for its operator, with rights to find what it scrapes here, and whom it tells of alerts.

    Where others have something to be scraped in namespaces of their own, they grant it there.
    """
    decided = system.monitoring(landscape)
    yield placing.manifest(RULE, decided.topic, "serviceaccount-prometheus", placing.account(landscape, PROMETHEUS))
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": READS}
    told = [
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": READS},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READS},
    ]
    for namespace, rules in ((landscape.system.system, [pods]), (OBSERVABILITY, told)):
        role, binding = placing.granted(landscape, PROMETHEUS, namespace, rules)
        yield placing.manifest(RULE, decided.topic, f"role-prometheus-{namespace}", role)
        yield placing.manifest(RULE, decided.topic, f"rolebinding-prometheus-{namespace}", binding)
    mine = {"matchLabels": {"app.kubernetes.io/part-of": landscape.system.system}}
    spec = {
        "image": IMAGES[PROMETHEUS],
        "replicas": decided.value.prometheus,
        "retention": decided.value.kept,
        "retentionSize": "45GB",
        "scrapeInterval": "30s",
        "evaluationInterval": "30s",
        "externalLabels": {
            "system": landscape.system.system,
            "environment": site.environment,
            "region": site.region,
        },
        "serviceAccountName": PROMETHEUS,
        "serviceDiscoveryRole": "EndpointSlice",
        "podMonitorSelector": mine,
        "ruleSelector": mine,
        "alerting": {"alertmanagers": [{"namespace": OBSERVABILITY, "name": "alertmanager-operated", "port": "web"}]},
        "resources": placing.resources("500m", "2Gi"),
        "securityContext": placing.only_user(NOBODY),
        "storage": _disk("50Gi"),
        "podMetadata": {"labels": selector(landscape.system.system, PROMETHEUS)},
        "topologySpreadConstraints": _apart(landscape, PROMETHEUS),
    }
    if landscape.mesh:
        spec |= _in_mesh(spec)
    yield placing.manifest(RULE, decided.topic, "prometheus", _operated(landscape, "Prometheus", PROMETHEUS, spec))
    yield placing.manifest(
        RULE, decided.topic, "service-prometheus", placing.service(landscape, PROMETHEUS, {"web": 9090})
    )
    if decided.value.prometheus > 1:
        yield from _budgets(landscape)


def alertmanager(landscape: Landscape) -> Iterator[Manifest]:
    """Build Alertmanager for its operator; its routes are an object of their own."""
    decided = system.monitoring(landscape)
    spec = {
        "image": IMAGES[ALERTMANAGER],
        "replicas": decided.value.alertmanager,
        "retention": "120h",
        "alertmanagerConfiguration": {"name": ALERTMANAGER},
        "automountServiceAccountToken": False,
        "serviceAccountName": ALERTMANAGER,
        "resources": placing.resources("50m", "128Mi"),
        "securityContext": placing.only_user(NOBODY),
        "storage": _disk("1Gi"),
        "podMetadata": {"labels": selector(landscape.system.system, ALERTMANAGER)},
        "topologySpreadConstraints": _apart(landscape, ALERTMANAGER),
    }
    account = placing.account(landscape, ALERTMANAGER)
    yield placing.manifest(RULE, decided.topic, "serviceaccount-alertmanager", account)
    yield placing.manifest(
        RULE, decided.topic, "alertmanager", _operated(landscape, "Alertmanager", ALERTMANAGER, spec)
    )
    yield placing.manifest(
        RULE, decided.topic, "service-alertmanager", placing.service(landscape, ALERTMANAGER, {"web": 9093})
    )


def _operated(landscape: Landscape, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    described = placing.described(landscape, name)
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": described, "spec": spec}


def _in_mesh(spec: dict[str, Any]) -> dict[str, Any]:
    """Give Prometheus a certificate of the mesh: it scrapes by mutual TLS, and nothing else goes through its proxy."""
    annotations = {
        "proxy.istio.io/config": f"proxyMetadata:\n  OUTPUT_CERTS: {CERTIFICATES}\n",
        "sidecar.istio.io/userVolumeMount": f'[{{"name": "mesh-certificates", "mountPath": "{CERTIFICATES}"}}]',
        "traffic.sidecar.istio.io/includeInboundPorts": "",
        "traffic.sidecar.istio.io/includeOutboundIPRanges": "",
    }
    labels = {**spec["podMetadata"]["labels"], "sidecar.istio.io/inject": "true"}
    return {
        "podMetadata": {"labels": labels, "annotations": annotations},
        "volumes": [{"name": "mesh-certificates", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
        "volumeMounts": [{"name": "mesh-certificates", "mountPath": CERTIFICATES, "readOnly": True}],
        "scrapeClasses": [
            {
                "name": MESH_SCRAPES,
                "tlsConfig": {
                    "caFile": f"{CERTIFICATES}/root-cert.pem",
                    "certFile": f"{CERTIFICATES}/cert-chain.pem",
                    "keyFile": f"{CERTIFICATES}/key.pem",
                    "insecureSkipVerify": True,  # a mesh certificate names an identity, and no host
                },
            }
        ],
    }


def _of_service(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    decided = telemetry.scraping(profile)
    chosen = decided.value
    if chosen is None:
        return
    endpoint: dict[str, Any] = {"port": chosen.at, "path": chosen.path, "interval": chosen.interval}
    by_mesh = landscape.mesh and not profile.foreign  # a proxy's own figures are told without its certificate
    endpoint |= {"scheme": "https"} if by_mesh else {}
    endpoint |= {"metricRelabelings": KEPT} if landscape.mesh and profile.foreign else {}
    yield placing.manifest(
        RULE,
        decided.topic,
        f"podmonitor-{profile.name}",
        _pod_monitor(
            landscape,
            profile.name,
            {"matchLabels": selector(landscape.system.system, profile.name)},
            [{**endpoint, "relabelings": _named("__meta_kubernetes_pod_label_app_kubernetes_io_name")}],
            landscape.system.system,
            {"scrapeClass": MESH_SCRAPES} if by_mesh else {},
        ),
        profile.name,
    )


def _named(label: str) -> list[dict[str, Any]]:
    """Name the service and the replica that a series is of: all rules and dashboards go by these two labels."""
    return [
        {"sourceLabels": [label], "targetLabel": "service"},
        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "replica"},
    ]


def _pod_monitor(  # noqa: PLR0913, PLR0917 - all that a monitor says
    landscape: Landscape,
    name: str,
    chosen: dict[str, Any],
    endpoints: list[dict[str, Any]],
    namespace: str,
    more: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": placing.described(landscape, name),
        "spec": {
            "selector": chosen,
            "namespaceSelector": {"matchNames": [namespace]},
            "podTargetLabels": ["rollouts-pod-template-hash"],
            "podMetricsEndpoints": endpoints,
            **(more or {}),
        },
    }


def _of_proxies(landscape: Landscape) -> Manifest:
    """Scrape the proxies of the mesh: they count requests of services that do not count them themselves."""
    by_name = [name for name, profile in landscape.services.items() if programs.metrics_port(profile) is not None]
    chosen: list[dict[str, Any]] = [{"key": "security.istio.io/tlsMode", "operator": "Exists"}]
    if by_name:  # each has a monitor of its own
        chosen.append({"key": "app.kubernetes.io/name", "operator": "NotIn", "values": by_name})
    joined = {"matchExpressions": chosen}
    endpoint = {
        "port": PROXY_PORT,
        "path": "/stats/prometheus",
        "interval": "30s",
        "relabelings": _named("__meta_kubernetes_pod_label_app_kubernetes_io_name"),
        "metricRelabelings": KEPT,
    }
    monitor = _pod_monitor(landscape, "mesh-proxies", joined, [endpoint], landscape.system.system)
    return placing.manifest(RULE, "scraping", "podmonitor-mesh-proxies", monitor)


def _state_of_runs(landscape: Landscape) -> Iterator[Manifest]:
    """Watch Jobs and CronJobs from outside: a run that ends between two scrapes tells nothing itself."""
    topic, namespace = "scraping", landscape.system.system
    rules = [{"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": ["list", "watch"]}]
    role, binding = placing.granted(landscape, STATE, namespace, rules)
    container = {
        "image": IMAGES[STATE],
        "args": ["--resources=cronjobs,jobs", f"--namespaces={namespace}", "--port=8080", "--telemetry-port=8081"],
        "ports": [{"name": "metrics", "containerPort": 8080}, {"name": "telemetry", "containerPort": 8081}],
        "resources": placing.resources("10m", "64Mi"),
        **placing.probes("/livez", "metrics"),
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": placing.described(landscape, STATE),
        "spec": {
            "replicas": 1,
            "selector": placing.chosen(landscape, STATE),
            "template": placing.pod(landscape, STATE, container, [], NOBODY, token=True),
        },
    }
    endpoint = {"port": "metrics", "path": "/metrics", "interval": "30s", "honorLabels": True}
    monitor = _pod_monitor(landscape, STATE, placing.chosen(landscape, STATE), [endpoint], OBSERVABILITY)
    for file, obj in (
        (f"serviceaccount-{STATE}", placing.account(landscape, STATE)),
        (f"role-{STATE}", role),
        (f"rolebinding-{STATE}", binding),
        (f"deployment-{STATE}", deployment),
        (f"podmonitor-{STATE}", monitor),
    ):
        yield placing.manifest(RULE, topic, file, obj)


def _budgets(landscape: Landscape) -> Iterator[Manifest]:
    """Let no drain of a machine take all that watches."""
    for part in (PROMETHEUS, ALERTMANAGER):
        budget = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": placing.described(landscape, part),
            "spec": {"maxUnavailable": 1, "selector": placing.chosen(landscape, part)},
        }
        yield placing.manifest(RULE, "monitoring", f"poddisruptionbudget-{part}", budget)


def _disk(size: str) -> dict[str, Any]:
    return {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": size}}}}}


def _apart(landscape: Landscape, part: str) -> list[dict[str, Any]]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": placing.chosen(landscape, part),
        }
    ]

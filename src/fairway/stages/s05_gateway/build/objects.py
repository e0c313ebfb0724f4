"""How objects of the gateway are written: where they lie, what they are called, and the programs of others it runs."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest
from fairway.core.cluster import GATEWAY, MESH_SCRAPES, OBSERVABILITY, PROMETHEUS
from fairway.core.images import IMAGES
from fairway.core.labels import SINGLE_REPLICA
from fairway.core.profile import Landscape

PUBLIC: Final = "gateway/public-through-gateway"
PART_OF: Final = "app.kubernetes.io/part-of"
NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
MOST: Final = 4  # replicas of a program that the gateway asks
HARDENED: Final = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program of others that runs beside the gateway: what it is started with, and how it is asked."""

    name: str
    namespace: str
    image: str  # in the table of images
    user: int
    rule: str
    topic: str
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    settings: dict[str, str] = {}  # environment variables that hold nothing secret
    secrets: dict[str, tuple[str, str]] = {}  # environment variables from a key of a Secret
    ports: dict[str, int]
    ready: dict[str, Any]
    live: dict[str, Any]
    files: dict[str, str] = {}  # of its ConfigMap
    folder: str = ""  # where it finds them
    mounted: dict[str, str] = {}  # Secrets, each with the folder where it finds their files
    memory: str = "128Mi"
    cpu: str = "100m"
    single: str = ""  # why one replica is enough
    component: str = ""
    token: bool = False  # whether it speaks to Kubernetes
    exporter: str = ""  # image of what tells Prometheus of it, where it does not itself
    metrics: tuple[int, str] = (0, "")  # port and path that Prometheus asks


def described(
    landscape: Landscape,
    name: str,
    namespace: str = GATEWAY,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write the metadata of an object of the gateway; one without a namespace is of the whole cluster."""
    found: dict[str, Any] = {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        "labels": {**selector(landscape, name), "app.kubernetes.io/managed-by": "fairway", **(labels or {})},
    }
    return found | ({"annotations": annotations} if annotations else {})


def selector(landscape: Landscape, name: str) -> dict[str, str]:
    """Give the labels that pick a program's replicas."""
    return {NAME: name, PART_OF: landscape.system.system}


def platform(  # noqa: PLR0913, PLR0917 - all that an object of the platform is
    api_version: str,
    kind: str,
    metadata: dict[str, Any],
    body: dict[str, Any],
    rule: str = PUBLIC,
    topic: str = "gateway",
    *,
    short: str | None = None,
) -> Manifest:
    """Put an object among those of the whole site, in a file that is named as its kind and itself."""
    suffix = metadata["name"] if short is None else short
    return Manifest(
        path=f"platform/{'-'.join(filter(None, (kind.lower(), suffix)))}.yaml",
        rule=rule,
        topic=topic,
        object={"apiVersion": api_version, "kind": kind, "metadata": metadata, **body},
    )


def namespace(landscape: Landscape, name: str, rule: str, topic: str) -> Manifest:
    """Write a namespace of the platform: only hardened Pods, and in the mesh where there is one."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    if landscape.mesh:
        labels["istio-injection"] = "enabled"
    return platform("v1", "Namespace", described(landscape, name, "", labels=labels), {}, rule, topic)


def watched(landscape: Landscape, name: str, rule: str, topic: str) -> Iterator[Manifest]:
    """Let Prometheus find the Pods of a namespace of the platform."""
    group = "rbac.authorization.k8s.io"
    metadata = described(landscape, PROMETHEUS, name)
    finding = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]}
    bound = {
        "roleRef": {"apiGroup": group, "kind": "Role", "name": PROMETHEUS},
        "subjects": [{"kind": "ServiceAccount", "name": PROMETHEUS, "namespace": OBSERVABILITY}],
    }
    for kind, body in (("Role", finding), ("RoleBinding", bound)):
        yield platform(f"{group}/v1", kind, metadata, body, rule, topic, short=f"{PROMETHEUS}-{name}")


def program(landscape: Landscape, one: Program) -> Iterator[Manifest]:
    """Run a program: its account, files, replicas, their number, and the name it is found by."""

    def made(api_version: str, kind: str, body: dict[str, Any], **keys: Any) -> Manifest:  # noqa: ANN401 - metadata
        name = keys.pop("name", one.name)
        short = one.name
        metadata = described(landscape, name, one.namespace, **keys)
        return platform(api_version, kind, metadata, body, one.rule, one.topic, short=short)

    labels = {COMPONENT: one.component} if one.component else {}
    why = {SINGLE_REPLICA: one.single} if one.single else None
    yield made("v1", "ServiceAccount", {"automountServiceAccountToken": False}, labels=labels)
    digest = sha256("\0".join(f"{name}\0{text}" for name, text in one.files.items()).encode()).hexdigest()[:10]
    configured = f"{one.name}-{digest}"
    if one.files:
        yield made("v1", "ConfigMap", {"immutable": True, "data": one.files}, name=configured, labels=labels)
    picked = selector(landscape, one.name)
    template = {
        "metadata": {"labels": {**picked, "app.kubernetes.io/managed-by": "fairway", **labels}},
        "spec": _pod(landscape, one, configured),
    }
    spec: dict[str, Any] = {"replicas": 1} if one.single else {}
    spec |= {
        "selector": {"matchLabels": picked},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "progressDeadlineSeconds": 300,
        "template": template,
    }
    yield made("apps/v1", "Deployment", {"spec": spec}, labels=labels, annotations=why)
    ports = [
        {"name": name, "port": number, "targetPort": name, "appProtocol": _protocol(name)}
        for name, number in one.ports.items()
    ]
    yield made("v1", "Service", {"spec": {"selector": picked, "ports": ports}}, labels=labels)
    yield monitor(landscape, one.name, one.namespace, picked, *one.metrics, meshed=landscape.mesh)
    if one.single:
        return
    budget = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": {"matchLabels": picked}}
    yield made("policy/v1", "PodDisruptionBudget", {"spec": budget}, labels=labels)
    busy = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    scaled = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": one.name},
        "minReplicas": 2,
        "maxReplicas": MOST,
        "metrics": [busy],
    }
    yield made("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": scaled}, labels=labels)


def monitor(  # noqa: PLR0913, PLR0917 - all that a monitor says
    landscape: Landscape,
    name: str,
    namespace: str,
    picked: dict[str, str],
    port: int,
    path: str,
    *,
    meshed: bool = False,
) -> Manifest:
    """Let Prometheus ask a program of the gateway; *meshed*: by mutual TLS, as its proxy lets nobody else in."""
    endpoint = {"portNumber": port, "path": path, "interval": "30s"}
    spec = {
        "selector": {"matchLabels": picked},
        "namespaceSelector": {"matchNames": [namespace]},
        "podMetricsEndpoints": [endpoint | ({"scheme": "https"} if meshed else {})],
        **({"scrapeClass": MESH_SCRAPES} if meshed else {}),
    }
    metadata = described(landscape, name, OBSERVABILITY)
    return platform("monitoring.coreos.com/v1", "PodMonitor", metadata, {"spec": spec})


def _exporter(one: Program) -> dict[str, Any]:
    """Run what tells Prometheus of a program beside it, as long as the program runs."""
    port = one.metrics[0]
    asked = {"httpGet": {"path": "/health", "port": port}, "periodSeconds": 10, "timeoutSeconds": 2}
    return {
        "name": "exporter",
        "image": IMAGES[one.exporter],
        "restartPolicy": "Always",
        "ports": [{"name": "metrics", "containerPort": port}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "100m", "memory": "32Mi"},
        },
        "readinessProbe": asked,
        "livenessProbe": {**asked, "failureThreshold": 6},
        "securityContext": HARDENED,
    }


def _protocol(name: str) -> str:
    return {"grpc": "grpc", "redis": "tcp"}.get(name, "http")


def _pod(landscape: Landscape, one: Program, configured: str) -> dict[str, Any]:
    environment: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in one.settings.items()]
    environment += [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, (secret, key) in one.secrets.items()
    ]
    mounts: list[dict[str, Any]] = [{"name": "scratch", "mountPath": "/tmp"}]  # noqa: S108 - the container's own, sized
    volumes: list[dict[str, Any]] = [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}]
    if one.files:
        mounts.append({"name": "configuration", "mountPath": one.folder, "readOnly": True})
        volumes.append({"name": "configuration", "configMap": {"name": configured}})
    for secret, folder in one.mounted.items():
        mounts.append({"name": secret, "mountPath": folder, "readOnly": True})
        volumes.append({"name": secret, "secret": {"secretName": secret}})
    often = {"periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2}
    container: dict[str, Any] = {
        "name": one.name,
        "image": IMAGES[one.image],
        "imagePullPolicy": "IfNotPresent",
        **({"command": list(one.command)} if one.command else {}),
        **({"args": list(one.args)} if one.args else {}),
        **({"env": environment} if environment else {}),
        "ports": [{"name": name, "containerPort": number} for name, number in one.ports.items()],
        "resources": {
            "requests": {"cpu": one.cpu, "memory": one.memory},
            "limits": {"cpu": "1000m", "memory": one.memory},
        },
        "readinessProbe": {**one.ready, **often},
        "livenessProbe": {**one.live, **often, "failureThreshold": 6},
        "securityContext": HARDENED,
        "volumeMounts": mounts,
    }
    spread = {"labelSelector": {"matchLabels": selector(landscape, one.name)}}
    return {
        "serviceAccountName": one.name,
        "automountServiceAccountToken": one.token,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": one.user,
            "runAsGroup": one.user,
            "fsGroup": one.user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                **spread,
                "matchLabelKeys": ["pod-template-hash"],
            }
        ],
        **({"initContainers": [_exporter(one)]} if one.exporter else {}),
        "containers": [container],
        "volumes": volumes,
    }

"""NATS: servers with JetStream on disk, a user for each service with its own channels alone, a stream for each channel.

Consumers are made by the services themselves, which know how patient they are; their operator would only contradict.
"""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest, Site
from fairway.core.images import IMAGES
from fairway.core.labels import selector
from fairway.core.profile import Landscape, Profile
from fairway.core.secrets import external_secret
from fairway.stages.s09_resilience.build import placing
from fairway.stages.s09_resilience.decisions import events

NAME: Final = "nats"
HEADLESS: Final = "nats-servers"
CONFIGURATION: Final = "nats-configuration"
CLIENTS, ROUTES, MONITOR, METRICS = 4222, 6222, 8222, 7777
KNOWN_AGAIN: Final = "2m0s"  # within which an event sent twice is stored once
OWN_USER: Final = "streams"  # of the operator that makes streams
USER: Final = 1000
PID: Final = "/run/nats/nats.pid"
MOUNTS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "configuration", "mountPath": "/etc/nats", "readOnly": True},
    {"name": "tls", "mountPath": "/etc/nats-tls", "readOnly": True},
    {"name": "run", "mountPath": "/run/nats"},
    {"name": "data", "mountPath": "/data"},
)
HARDENED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the servers, and all that is on them."""
    yield placing.certificate(landscape, NAME, [NAME, HEADLESS, f"*.{HEADLESS}"])
    yield placing.manifest("externalsecret", _configuration(landscape, site))
    yield placing.manifest("externalsecret-streams", _own_login(landscape, site))
    yield placing.manifest("serviceaccount", _account(landscape))
    yield placing.manifest("service", _service(landscape))
    yield placing.manifest("service-servers", _headless(landscape))
    yield placing.manifest("statefulset", _servers(landscape))
    if _count(landscape) > 1:
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": selector(landscape.system.system, NAME)}}
        obj = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": placing.described(landscape, NAME)}
        yield placing.manifest("poddisruptionbudget", {**obj, "spec": budget})
    yield Manifest(
        path=f"observability/podmonitor-{NAME}.yaml",
        rule=placing.RULE,
        topic=placing.SERVERS,
        object=_monitor(landscape),
    )
    yield placing.manifest("account", _operators_account(landscape))
    for channel in landscape.channels:
        yield placing.manifest(f"stream-{channel}", _stream(landscape, channel), placing.CHANNEL)


def stream(channel: str) -> str:
    """Name the stream of a channel: JetStream takes no dots."""
    return placing.named(channel).replace(".", "_")


def _count(landscape: Landscape) -> int:
    decided = events.servers(landscape)
    return decided.value if decided is not None else 1


def _configuration(landscape: Landscape, site: Site) -> dict[str, Any]:
    """Write the servers' configuration, with the users' passwords, which only the Secret holds."""
    entries: dict[str, tuple[str, str]] = {"own": ("broker", "streams-password")}
    users = [_user(OWN_USER, "own", [">"], [">"])]
    for number, profile in enumerate(placing.talking(landscape)):
        entries[f"user{number}"] = (profile.name, "broker-password")
        users.append(_user(profile.name, f"user{number}", permitted(profile, landscape), ["_INBOX.>"]))
    described = placing.described(landscape, NAME, CONFIGURATION)
    data = {"nats.conf": configuration(landscape, users)}
    template = {"engineVersion": "v2", "data": data}
    return external_secret(landscape, site, described, entries, refresh="15m", template=template)


def _user(name: str, entry: str, publishes: list[str], subscribes: list[str]) -> str:
    out, into = (", ".join(f'"{subject}"' for subject in subjects) for subjects in (publishes, subscribes))
    return (
        f'    {{ user: "{name}", password: "{{{{ .{entry} }}}}",'
        f" permissions: {{ publish: [{out}], subscribe: [{into}] }} }}"
    )


def permitted(profile: Profile, landscape: Landscape) -> list[str]:
    """Give the subjects that a service may send to: its own channels, and what it asks JetStream about them."""
    found = ["$JS.API.INFO"]
    facts, durable = profile.facts, profile.name
    for channel in dict.fromkeys((*facts.publishes, *facts.consumes)):
        name = stream(channel)
        found += [f"$JS.API.STREAM.{verb}.{name}" for verb in ("INFO", "CREATE")]
    for channel in facts.publishes:
        found += [placing.named(channel), f"$JS.API.STREAM.UPDATE.{stream(channel)}"]
    for channel in facts.consumes:
        name = stream(channel)
        asked = ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT")
        found += [f"$JS.API.CONSUMER.{verb}.{name}.{durable}" for verb in asked]
        found += [f"$JS.API.CONSUMER.CREATE.{name}.{durable}.>", f"$JS.ACK.{name}.{durable}.>"]
    if any(landscape.channels[channel].facts.ordered_by for channel in facts.consumes):
        bucket = f"fairway-turns-{durable}"
        verbs = ("INFO", "CREATE", "MSG.GET")
        found += [f"$JS.API.STREAM.{verb}.KV_{bucket}" for verb in verbs]
        found += [f"$JS.API.DIRECT.GET.KV_{bucket}.>", f"$JS.API.DIRECT.GET.KV_{bucket}", f"$KV.{bucket}.>"]
    return found


def configuration(landscape: Landscape, users: list[str]) -> str:
    """Write the configuration; certificates and disks are where the Pod mounts them."""
    tls = 'cert_file: "/etc/nats-tls/tls.crt", key_file: "/etc/nats-tls/tls.key", ca_file: "/etc/nats-tls/ca.crt"'
    lines = [
        "server_name: $SERVER_NAME",
        f"port: {CLIENTS}",
        f"http_port: {MONITOR}",
        f'pid_file: "{PID}"',
        "max_payload: 1MB",
        'lame_duck_grace_period: "10s"',
        'lame_duck_duration: "30s"',
        f"tls {{ {tls} }}",
        'jetstream { store_dir: "/data", max_memory_store: 128MB, max_file_store: 18GB }',
        "authorization {",
        "  users: [",
        *users,
        "  ]",
        "}",
    ]
    if (count := _count(landscape)) > 1:
        routes = ", ".join(
            f'"nats://{NAME}-{number}.{HEADLESS}.{landscape.system.system}.svc.cluster.local:{ROUTES}"'
            for number in range(count)
        )
        lines.append(f"cluster {{ name: nats, port: {ROUTES}, routes: [{routes}], tls {{ {tls}, verify: true }} }}")
    return "\n".join([*lines, ""])


def _own_login(landscape: Landscape, site: Site) -> dict[str, Any]:
    entries = {"password": ("broker", "streams-password")}
    template = {"engineVersion": "v2", "data": {"username": OWN_USER, "password": "{{ .password }}"}}
    described = placing.described(landscape, NAME, "broker-user-streams")
    return external_secret(landscape, site, described, entries, refresh="15m", template=template)


def _account(landscape: Landscape) -> dict[str, Any]:
    described = placing.described(landscape, NAME)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": described,
        "automountServiceAccountToken": False,
    }


def _service(landscape: Landscape) -> dict[str, Any]:
    ports = [{"name": "tcp-clients", "port": CLIENTS, "targetPort": "clients"}]
    spec = {"selector": selector(landscape.system.system, NAME), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": placing.described(landscape, NAME), "spec": spec}


def _headless(landscape: Landscape) -> dict[str, Any]:
    numbers = {"clients": CLIENTS, "routes": ROUTES, "metrics": METRICS}
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(landscape.system.system, NAME),
        "ports": [{"name": f"tcp-{name}", "port": port, "targetPort": name} for name, port in numbers.items()],
    }
    described = placing.described(landscape, NAME, HEADLESS)
    return {"apiVersion": "v1", "kind": "Service", "metadata": described, "spec": spec}


def _servers(landscape: Landscape) -> dict[str, Any]:
    system, count = landscape.system.system, _count(landscape)
    labels = {**placing.described(landscape, NAME)["labels"], **placing.outside_mesh(landscape)}
    chosen = {"matchLabels": selector(system, NAME)}
    spread = {"maxSkew": 1, "topologyKey": placing.APART, "whenUnsatisfiable": "ScheduleAnyway"}
    only_user = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
    pod = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {**only_user, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [{**spread, "labelSelector": chosen}],
        "shareProcessNamespace": True,  # or the reloader could not signal the server
        "initContainers": [_exporter()],
        "containers": [_server(), _reloader()],
        "volumes": [
            {"name": "configuration", "secret": {"secretName": CONFIGURATION, "defaultMode": 0o440}},
            {"name": "tls", "secret": {"secretName": placing.KEYS, "defaultMode": 0o440}},
            {"name": "run", "emptyDir": {"sizeLimit": "1Mi"}},
        ],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": placing.SIZE}}}
    spec = {
        "replicas": count,
        "serviceName": HEADLESS,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "minReadySeconds": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "selector": chosen,
        "template": {"metadata": {"labels": labels}, "spec": pod},
        "volumeClaimTemplates": [
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim}
        ],
    }
    described = placing.described(landscape, NAME)
    if count == 1:
        decided = events.servers(landscape)
        because = decided.because if decided is not None else ""
        described = {**described, "annotations": {placing.ALONE: because}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": described, "spec": spec}


def _server() -> dict[str, Any]:
    def asked(path: str, failures: int) -> dict[str, Any]:
        told = {"httpGet": {"path": path, "port": "monitor"}, "periodSeconds": 10, "timeoutSeconds": 5}
        return {**told, "failureThreshold": failures}

    return {
        "name": NAME,
        "image": IMAGES["nats"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["nats-server", "--config", "/etc/nats/nats.conf"],
        "env": [{"name": "SERVER_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [
            {"name": "clients", "containerPort": CLIENTS},
            {"name": "routes", "containerPort": ROUTES},
            {"name": "monitor", "containerPort": MONITOR},
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "512Mi"}},
        "startupProbe": asked("/healthz", 90),
        "livenessProbe": asked("/healthz?js-enabled-only=true", 3),
        "readinessProbe": asked("/healthz?js-server-only=true", 3),
        "lifecycle": {"preStop": {"exec": {"command": ["nats-server", "--signal", f"ldm={PID}"]}}},
        "securityContext": HARDENED,
        "volumeMounts": [*MOUNTS],
    }


def _exporter() -> dict[str, Any]:
    """Beside each server: what Prometheus reads of it."""
    at = {"port": "metrics"}
    return {
        "name": "exporter",
        "image": IMAGES["nats-exporter"],
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "args": [f"-port={METRICS}", "-varz", "-routez", "-jsz=all", f"http://localhost:{MONITOR}/"],
        "ports": [{"name": "metrics", "containerPort": METRICS}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "startupProbe": {"tcpSocket": at, "periodSeconds": 2, "failureThreshold": 30},
        "livenessProbe": {"tcpSocket": at, "periodSeconds": 20, "timeoutSeconds": 5},
        "readinessProbe": {"httpGet": {"path": "/metrics", **at}, "periodSeconds": 20, "timeoutSeconds": 5},
        "securityContext": HARDENED,
    }


def _reloader() -> dict[str, Any]:
    """Beside each server: has it read its users and its certificate anew when they change."""
    read = ("/etc/nats/nats.conf", *(f"/etc/nats-tls/{name}" for name in ("tls.crt", "tls.key", "ca.crt")))
    return {
        "name": "reloader",
        "image": IMAGES["nats-reloader"],
        "imagePullPolicy": "IfNotPresent",
        "args": ["-pid", PID, *(word for file in read for word in ("-config", file))],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "32Mi"}},
        "securityContext": HARDENED,
        "volumeMounts": [mount for mount in MOUNTS if mount["name"] != "data"],
    }


def _monitor(landscape: Landscape) -> dict[str, Any]:
    described = {**placing.described(landscape, NAME), "namespace": cluster.OBSERVABILITY}
    spec = {
        "selector": {"matchLabels": selector(landscape.system.system, NAME)},
        "namespaceSelector": {"matchNames": [landscape.system.system]},
        "podMetricsEndpoints": [{"port": "metrics", "path": "/metrics", "interval": "30s"}],
    }
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": described, "spec": spec}


def _operators_account(landscape: Landscape) -> dict[str, Any]:
    """Say how the operator of streams connects."""
    host = f"{NAME}.{landscape.system.system}.svc.cluster.local"
    return {
        "apiVersion": "jetstream.nats.io/v1beta2",
        "kind": "Account",
        "metadata": placing.described(landscape, NAME),
        "spec": {
            "name": NAME,
            "servers": [f"tls://{host}:{CLIENTS}"],
            "tls": {"secret": {"name": placing.KEYS}, "ca": "ca.crt", "cert": "tls.crt", "key": "tls.key"},
            "user": {"secret": {"name": "broker-user-streams"}, "user": "username", "password": "password"},
        },
    }


def _stream(landscape: Landscape, channel: str) -> dict[str, Any]:
    """Write a channel's stream with the settings that its publisher would give it."""
    return {
        "apiVersion": "jetstream.nats.io/v1beta2",
        "kind": "Stream",
        "metadata": placing.described(landscape, NAME, channel),
        "spec": {
            "account": NAME,
            "name": stream(channel),
            "subjects": [placing.named(channel)],
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "replicas": _count(landscape),
            "maxAge": f"{placing.kept() // 3600}h0m0s",
            "duplicateWindow": KNOWN_AGAIN,
            "preventDelete": True,
        },
    }

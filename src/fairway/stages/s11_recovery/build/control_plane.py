"""The control plane of one's own: its members as they are set up, and the snapshots of their store."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.cluster import CONTROL_PLANE, OBJECT_STORAGE, backups_of
from fairway.core.facts import Cloud, seconds
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape
from fairway.core.secrets import external_secret
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build.objects import described, platform, regions
from fairway.yaml.writer import write_document

RULE: Final = "recovery/control-plane"
TOPIC: Final = "control plane"
KUBERNETES: Final = "v1.37.0"
ETCD_PORT: Final = 2379
SNAPSHOTS: Final = "etcd-snapshots"
CLIENT: Final = "etcd-client"
KEYS: Final = "object-storage"
USER: Final = 65532
ACCOUNT: Final = 24  # characters that a storage account's name may have
MEMBER: Final = "node-role.kubernetes.io/control-plane"
PROVIDERS: Final[dict[Cloud, str]] = {"aws": "AWS", "gcp": "GCP", "azure": "Azure", "none": "Metal3"}
HARDENED: Final = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Take snapshots of the store of a control plane of one's own, and bring them out of the region."""
    decided = decisions.control_plane(landscape)
    if decided is None or decided.value.form == "managed":
        return
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    yield _made("v1/Namespace", described(landscape, CONTROL_PLANE, "", labels=restricted), {})
    yield from _policies(landscape)
    account = described(landscape, SNAPSHOTS, CONTROL_PLANE)
    yield _made("v1/ServiceAccount", account, {"automountServiceAccountToken": False})
    client = {name: (CONTROL_PLANE, f"etcd-{name}") for name in ("ca.crt", "tls.crt", "tls.key")}
    secrets: dict[str, tuple[dict[str, tuple[str, str]], dict[str, Any] | None]] = {CLIENT: (client, None)}
    cloud = landscape.system.regions[site.region].cloud
    if cloud == "none":
        lines = ("aws_access_key_id", "access-key-id"), ("aws_secret_access_key", "secret-access-key")
        profile = "\n".join(["[default]", *(f'{key} = {{{{ index . "{entry}" }}}}' for key, entry in lines), ""])
        entries = {entry: ("backups", entry) for _, entry in lines}
        secrets[KEYS] = (entries, {"engineVersion": "v2", "data": {"credentials": profile}})
    for name, (entries, template) in secrets.items():
        whole = external_secret(
            landscape, site, described(landscape, name, CONTROL_PLANE), entries, refresh="1h", template=template
        )
        yield Manifest(
            path=f"platform/externalsecret-{name}-{CONTROL_PLANE}.yaml", rule=RULE, topic=TOPIC, object=whole
        )
    yield _made(
        "batch/v1/CronJob",
        described(landscape, SNAPSHOTS, CONTROL_PLANE),
        {"spec": _snapshots(landscape, site, decided.value, cloud)},
    )


def _made(kind: str, metadata: dict[str, Any], body: dict[str, Any]) -> Manifest:
    return platform(kind, metadata, body, RULE, TOPIC)


def _policies(landscape: Landscape) -> Iterator[Manifest]:
    """Let the snapshots reach the members and the storage, and nobody the snapshots."""
    nothing = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield platform(
        "networking.k8s.io/v1/NetworkPolicy",
        described(landscape, "default-deny", CONTROL_PLANE),
        {"spec": nothing},
        RULE,
        TOPIC,
        short=f"default-deny-{CONTROL_PLANE}",
    )
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    asked = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    reached = [{"protocol": "TCP", "port": port} for port in (ETCD_PORT, 443)]
    spec = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": SNAPSHOTS}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [dns], "ports": asked}, {"ports": reached}],
    }
    metadata = described(landscape, SNAPSHOTS, CONTROL_PLANE)
    yield _made("networking.k8s.io/v1/NetworkPolicy", metadata, {"spec": spec})


def _snapshots(landscape: Landscape, site: Site, plane: decisions.ControlPlane, cloud: Cloud) -> dict[str, Any]:
    there = _storage(landscape, site, cloud)
    kept = f"{seconds(str(plane.kept)) / 3600:g}h"
    files = {"name": "snapshots", "mountPath": "/snapshots"}
    client = {"name": CLIENT, "mountPath": "/etcd-client", "readOnly": True}
    keys = [{"name": KEYS, "mountPath": "/object-storage", "readOnly": True}] if cloud == "none" else []
    found = [{"name": "AWS_SHARED_CREDENTIALS_FILE", "value": "/object-storage/credentials"}] if keys else []
    store = _container("snapshot", "etcd", ["etcdctl", "snapshot", "save", "/snapshots/$(RUN).db"], [files, client])
    tls = {"CACERT": "ca.crt", "CERT": "tls.crt", "KEY": "tls.key"}
    store["env"] = [
        {"name": "MEMBER", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
        {"name": "RUN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "ETCDCTL_ENDPOINTS", "value": f"https://$(MEMBER):{ETCD_PORT}"},
        *({"name": f"ETCDCTL_{name}", "value": f"/etcd-client/{file}"} for name, file in tls.items()),
    ]
    copied = _container("copy", "rclone", ["rclone", "copy", "/snapshots", there], [files, *keys])
    pruned = _container("prune", "rclone", ["rclone", "delete", "--min-age", kept, there], keys)
    for one in (copied, pruned):
        one["env"] = [{"name": "RCLONE_CONFIG", "value": "/dev/null"}, *found]
    volumes: list[dict[str, Any]] = [
        {"name": "snapshots", "emptyDir": {"sizeLimit": "8Gi"}},
        {"name": CLIENT, "secret": {"secretName": CLIENT, "defaultMode": 0o440}},
    ]
    volumes += [{"name": KEYS, "secret": {"secretName": KEYS, "defaultMode": 0o440}}] if keys else []
    pod = {
        "restartPolicy": "OnFailure",
        "serviceAccountName": SNAPSHOTS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {MEMBER: ""},
        "tolerations": [{"key": MEMBER, "operator": "Exists", "effect": "NoSchedule"}],
        "initContainers": [store, copied],
        "containers": [pruned],
        "volumes": volumes,
    }
    labels = described(landscape, SNAPSHOTS)["labels"]
    return {
        "schedule": plane.backups,
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 1800,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "spec": {
                "backoffLimit": 3,
                "activeDeadlineSeconds": 1800,
                "ttlSecondsAfterFinished": 86400,
                "template": {"metadata": {"labels": labels}, "spec": pod},
            }
        },
    }


def _container(name: str, image: str, words: list[str], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "image": IMAGES[image],
        "imagePullPolicy": "IfNotPresent",
        "command": words,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": HARDENED,
        **({"volumeMounts": mounts} if mounts else {}),
    }


def _storage(landscape: Landscape, site: Site, cloud: Cloud) -> str:
    """Name the folder of the region's bucket as rclone does; a role of the cloud lets it in, or a key."""
    system = landscape.system.system
    account = "".join(char for char in f"{system}{site.environment}{site.region}" if char.isalnum())[:ACCOUNT]
    remote = {
        "aws": f":s3,provider=AWS,env_auth=true,region={site.region}:",
        "gcp": ":gcs,env_auth=true:",
        "azure": f":azureblob,env_auth=true,account={account}:",
        "none": f":s3,provider=Other,env_auth=true,endpoint='https://{OBJECT_STORAGE}':",
    }[cloud]
    return f"{remote}{backups_of(system, site.environment, site.region)}/etcd"


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write how the members are set up: a file for kubeadm, or the objects of Cluster API."""
    decided = decisions.control_plane(landscape)
    if decided is None or decided.value.form == "managed":
        return
    for environment in landscape.system.environments:
        for region in regions(landscape, environment):
            folder = f"control-plane/{environment}/{region}"
            if decided.value.form == "kubeadm":
                one = _cluster_configuration(landscape, environment, region)
                text = write_document(
                    one, comment="Run: kubeadm init --upload-certs --config cluster-configuration.yaml"
                )
                yield Page(path=f"{folder}/cluster-configuration.yaml", text=text, rule=RULE)
                continue
            for one in _cluster_api(landscape, environment, region, decided.value):
                said = "Apply it to the cluster that manages clusters, never to the one that it describes."
                yield Page(
                    path=f"{folder}/{one['kind'].lower()}.yaml", text=write_document(one, comment=said), rule=RULE
                )


def endpoint(landscape: Landscape, environment: str, region: str) -> str:
    """Give the host name that all members answer to; it leads to a load balancer in front of them."""
    domain = landscape.system.environments[environment].domain or f"{landscape.system.system}.internal"
    return f"kubernetes.{region}.{domain}"


def _etcd() -> dict[str, Any]:
    settings = {
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "8h",
        "quota-backend-bytes": "8589934592",
    }
    return {"local": {"extraArgs": _listed(settings)}}


def _listed(settings: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in settings.items()]


QUIET: Final = {"profiling": "false"}


def _cluster_configuration(landscape: Landscape, environment: str, region: str) -> dict[str, Any]:
    name = endpoint(landscape, environment, region)
    return {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "clusterName": f"{landscape.system.system}-{environment}-{region}",
        "kubernetesVersion": KUBERNETES,
        "controlPlaneEndpoint": f"{name}:6443",
        "encryptionAlgorithm": "ECDSA-P256",
        "apiServer": {"certSANs": [name], "extraArgs": _listed(QUIET)},
        "controllerManager": {"extraArgs": _listed(QUIET)},
        "scheduler": {"extraArgs": _listed(QUIET)},
        "etcd": _etcd(),
    }


def _cluster_api(
    landscape: Landscape, environment: str, region: str, plane: decisions.ControlPlane
) -> Iterator[dict[str, Any]]:
    system = landscape.system
    name = f"{system.system}-{environment}-{region}"
    provider = PROVIDERS[system.regions[region].cloud]
    of_cluster = {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": f"{provider}Cluster", "name": name}
    of_machines = {**of_cluster, "kind": f"{provider}MachineTemplate", "name": f"{name}-control-plane"}
    steered = {"apiGroup": "controlplane.cluster.x-k8s.io", "kind": "KubeadmControlPlane", "name": name}

    def made(kind: str, spec: dict[str, Any], suffix: str = "") -> dict[str, Any]:
        api_version, _, short = kind.rpartition("/")
        metadata = described(landscape, f"{name}{suffix}", system.system)
        return {"apiVersion": api_version, "kind": short, "metadata": metadata, "spec": spec}

    yield made("cluster.x-k8s.io/v1beta2/Cluster", {"infrastructureRef": of_cluster, "controlPlaneRef": steered})
    ready = [{"type": "Ready", "status": status, "timeoutSeconds": 300} for status in ("False", "Unknown")]
    yield made(
        "controlplane.cluster.x-k8s.io/v1beta2/KubeadmControlPlane",
        {
            "replicas": plane.members,
            "version": KUBERNETES,
            "machineTemplate": {"spec": {"infrastructureRef": of_machines}},
            "rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            "remediation": {"maxRetry": 5, "retryPeriodSeconds": 600, "minHealthyPeriodSeconds": 3600},
            "kubeadmConfigSpec": {
                "clusterConfiguration": {
                    "apiServer": {"extraArgs": _listed(QUIET)},
                    "controllerManager": {"extraArgs": _listed(QUIET)},
                    "scheduler": {"extraArgs": _listed(QUIET)},
                    "etcd": _etcd(),
                }
            },
        },
    )
    yield made(
        "cluster.x-k8s.io/v1beta2/MachineHealthCheck",
        {
            "clusterName": name,
            "selector": {"matchLabels": {"cluster.x-k8s.io/control-plane": ""}},
            "checks": {"nodeStartupTimeoutSeconds": 900, "unhealthyNodeConditions": ready},
            "remediation": {"triggerIf": {"unhealthyLessThanOrEqualTo": 1}},
        },
        "-control-plane",
    )

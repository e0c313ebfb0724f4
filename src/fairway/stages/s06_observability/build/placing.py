"""Objects of the namespace that watches the system: how they are called, and Pods that may only do their work."""

from hashlib import sha256
from typing import Any

from fairway.core.artefact import Manifest
from fairway.core.cluster import CLUSTER_ISSUER, OBSERVABILITY, host
from fairway.core.labels import metadata, selector
from fairway.core.profile import Landscape

User = tuple[int, int]  # user and group

HARDENED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def described(  # noqa: PLR0913, PLR0917 - all that it is called
    landscape: Landscape,
    part: str,
    name: str = "",
    labels: dict[str, str] | None = None,
    notes: dict[str, str] | None = None,
    namespace: str = OBSERVABILITY,
) -> dict[str, Any]:
    """Describe an object of a namespace; *part* is what it belongs to, its name too unless another is given."""
    given = metadata(landscape.system.system, part, name=name, labels=labels, annotations=notes)
    return {**given, "namespace": namespace}


def unplaced(landscape: Landscape, part: str, name: str = "") -> dict[str, Any]:
    """Describe an object that belongs to the whole cluster."""
    given = metadata(landscape.system.system, part, name=name)
    return {key: value for key, value in given.items() if key != "namespace"}


def chosen(landscape: Landscape, part: str) -> dict[str, Any]:
    """Select the Pods of a part."""
    return {"matchLabels": selector(landscape.system.system, part)}


def manifest(rule: str, topic: str, file: str, obj: dict[str, Any], service: str = "") -> Manifest:
    """Put an object into a file of the folder of observability."""
    return Manifest(
        path=f"observability/{file}.yaml", rule=f"observability/{rule}", topic=topic, object=obj, service=service
    )


def only_user(user: User) -> dict[str, Any]:
    """Run a Pod as one user without any rights."""
    uid, gid = user
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": gid,
        "fsGroup": gid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(cpu: str, memory: str, most: str = "1") -> dict[str, Any]:
    """Ask for a share of a processor and for memory; take no more memory than that, and no more than so many *most*."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": most, "memory": memory}}


def account(landscape: Landscape, part: str, namespace: str = OBSERVABILITY) -> dict[str, Any]:
    """Give a part an account of its own, whose token is not mounted unless its Pod asks."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": described(landscape, part, namespace=namespace),
        "automountServiceAccountToken": False,
    }


def granted(
    landscape: Landscape, part: str, namespace: str, rules: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Grant a part some reading in one namespace: the role, and who has it."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {**described(landscape, part), "namespace": namespace},
        "rules": rules,
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": role["metadata"],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": part},
        "subjects": [{"kind": "ServiceAccount", "name": part, "namespace": OBSERVABILITY}],
    }
    return role, binding


def service(
    landscape: Landscape, part: str, ports: dict[str, int], *, headless: bool = False, of_operator: str = ""
) -> dict[str, Any]:
    """Reach the Pods of a part by name, at ports that they name alike, or as their operator names its only one."""
    listed = [{"name": name, "port": port, "targetPort": of_operator or name} for name, port in ports.items()]
    selected: dict[str, str] = selector(landscape.system.system, part)
    spec: dict[str, Any] = {"selector": selected, "ports": listed}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": described(landscape, part),
        "spec": {"clusterIP": "None", **spec} if headless else spec,
    }


def config_map(landscape: Landscape, part: str, data: dict[str, str], namespace: str = OBSERVABILITY) -> dict[str, Any]:
    """Hold a part's configuration; its name carries a hash of it, so that a change rolls the Pods."""
    text = "\0".join(f"{key}\0{value}" for key, value in sorted(data.items()))
    name = f"{part}-{sha256(text.encode()).hexdigest()[:10]}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": described(landscape, part, name, namespace=namespace),
        "immutable": True,
        "data": data,
    }


def pod(  # noqa: PLR0913 - all that such a Pod says
    landscape: Landscape,
    part: str,
    container: dict[str, Any],
    volumes: list[dict[str, Any]],
    user: User,
    *,
    token: bool = False,
) -> dict[str, Any]:
    """Write a Pod template of one hardened container; only a part that asks the API server gets a token."""
    return {
        "metadata": {"labels": described(landscape, part)["labels"]},
        "spec": {
            "serviceAccountName": part,
            "automountServiceAccountToken": token,
            "enableServiceLinks": False,
            "securityContext": only_user(user),
            "containers": [{"name": part, "imagePullPolicy": "IfNotPresent", **container, "securityContext": HARDENED}],
            "volumes": volumes,
        },
    }


def certificate(
    landscape: Landscape, part: str, names: tuple[str, ...] = (), namespace: str = OBSERVABILITY
) -> dict[str, Any]:
    """Give a part a certificate of the system's own authority, in a Secret named as `keys_of` says.

    *names* are those of the Services that lead to it, where they are not called as the part.
    """
    hosts = [name for one in names or (part,) for name in (host(one, namespace), f"{one}.{namespace}.svc")]
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": described(landscape, part, namespace=namespace),
        "spec": {
            "secretName": keys_of(part),
            "dnsNames": hosts,
            "duration": "2160h",
            "renewBefore": "720h",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": CLUSTER_ISSUER},
        },
    }


def keys_of(part: str) -> str:
    """Name the Secret with a part's certificate, its key, and the authority's certificate."""
    return f"{part}-tls"


def probes(path: str, port: str, scheme: str = "HTTP") -> dict[str, Any]:
    """Ask a container over HTTP whether it works; it is restarted only where it has not listened for a minute."""
    secure = {} if scheme == "HTTP" else {"scheme": scheme}
    times = {"periodSeconds": 10, "timeoutSeconds": 5}
    lives = {"tcpSocket": {"port": port}, **times, "initialDelaySeconds": 30, "failureThreshold": 6}
    return {"readinessProbe": {"httpGet": {"path": path, "port": port, **secure}, **times}, "livenessProbe": lives}

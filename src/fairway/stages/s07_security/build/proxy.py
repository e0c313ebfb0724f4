"""The proxy beside a service where no mesh has one: mutual TLS on its ports, and on every call it makes."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from fairway.core import cluster, programs
from fairway.core.artefact import Manifest
from fairway.core.images import IMAGES
from fairway.core.labels import metadata
from fairway.core.parts import Sidecar
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.build.envoy import BOOTSTRAP, SECRETS, bootstrap, secrets
from fairway.stages.s07_security.decisions.identity import tls_proxy

NAME: Final = "tls-proxy"
FOLDER: Final = "/etc/fairway/proxy"
CERTIFICATE: Final = "/etc/fairway/tls"
READY_PORT: Final = programs.PROXY_PORT
SIZE: Final = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {
        "cpu": "1000m",
        "memory": "128Mi",
    },  # every request passes here: held to its share, it would be the slow hop
}
THREADS: Final = "2"  # by default as many as the machine has processors, each with buffers and connections of its own
QUIETLY: Final = ("--disable-hot-restart", "--log-level", "warning")
READABLE: Final = 0o440


def beside(landscape: Landscape, profile: Profile) -> Iterator[Sidecar]:
    """Attach the proxy to a service."""
    decided = tls_proxy(profile)
    if decided is None or not _needed(profile):
        return
    routes = programs.routes(profile)
    shared = {"name": cluster.SOCKETS_VOLUME, "mountPath": cluster.SOCKETS}
    container: dict[str, Any] = {
        "image": IMAGES["envoy"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["envoy"],
        "args": ["--config-path", f"{FOLDER}/{BOOTSTRAP}", *QUIETLY, "--concurrency", THREADS],
        "ports": [{"name": "proxy-ready", "containerPort": READY_PORT}],
        "resources": SIZE,
        "startupProbe": _asked(1, 30),
        "livenessProbe": _asked(10, 3),
        "readinessProbe": _asked(5, 2),
        "volumeMounts": [
            {"name": NAME, "mountPath": FOLDER, "readOnly": True},
            {"name": "tls", "mountPath": CERTIFICATE, "readOnly": True},
            shared,
            *(
                {"name": "routes", "mountPath": programs.ROUTES_FOLDER, "readOnly": True}
                for _ in filter(None, [routes])
            ),
        ],
    }
    yield Sidecar(
        service=profile.name,
        rule=decided.rule,
        topic=decided.topic,
        name=NAME,
        position=0,
        container=container,
        volumes=(
            {"name": NAME, "configMap": {"name": _name(landscape, profile)}},
            {"name": "tls", "secret": {"secretName": decided.value.certificate, "defaultMode": READABLE}},
            {"name": cluster.SOCKETS_VOLUME, "emptyDir": {"sizeLimit": "1Mi"}},
            *({"name": "routes", "configMap": {"name": name}} for name in filter(None, [routes])),
        ),
        shared=() if profile.foreign else (shared,),  # where it would find who administers the proxy
    )


def configuration(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    """Build the proxy's configuration; its name carries a hash, so that a change rolls the replicas."""
    decided = tls_proxy(profile)
    if decided is None or not _needed(profile):
        return
    yield Manifest(
        path=f"services/{profile.name}/configmap-proxy.yaml",
        service=profile.name,
        rule=decided.rule,
        topic=decided.topic,
        object={
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(landscape.system.system, profile.name, name=_name(landscape, profile)),
            "immutable": True,
            "data": _files(landscape, profile),
        },
    )


def _needed(profile: Profile) -> bool:
    return profile.serving or bool(profile.callees)


def _files(landscape: Landscape, profile: Profile) -> dict[str, str]:
    files = {BOOTSTRAP: bootstrap(landscape, profile, FOLDER, READY_PORT), SECRETS: secrets(CERTIFICATE)}
    return {name: _text(held) for name, held in files.items()}


def _text(held: dict[str, Any]) -> str:
    return (
        msgspec.json.format(msgspec.json.encode(held), indent=1).decode() + "\n"
    )  # json's own indents 20 times slower


def _name(landscape: Landscape, profile: Profile) -> str:
    digest = sha256("\0".join(_files(landscape, profile).values()).encode()).hexdigest()[:10]
    return f"{profile.name}-proxy-{digest}"


def _asked(period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/ready", "port": READY_PORT},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }

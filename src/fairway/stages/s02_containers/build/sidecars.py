"""Declared sidecars: native ones, each ready before the service starts."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.parts import Sidecar
from fairway.core.profile import Profile
from fairway.stages.s02_containers import decisions
from fairway_sdk.contract import LIVE_PATH, READY_PATH, STARTED_PATH

FIRST_PORT: Final = 9101  # where the first sidecar answers probes; the next one's is one higher
SOCKETS: Final = "/run/fairway"  # where a sidecar and its service find each other


def beside(profile: Profile) -> Iterator[Sidecar]:
    """Attach every declared sidecar; the mesh puts in its own."""
    for decision in decisions.sidecars(profile):
        sidecar = decision.value
        if sidecar.name == decisions.MESH_PROXY:
            continue
        system = profile.system
        port = FIRST_PORT + sidecar.position - 1
        shared = {"name": "sockets", "mountPath": SOCKETS}
        container: dict[str, Any] = {
            "image": f"{system.platform.registry}/{system.system}/{sidecar.name}:{system.version}",
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "ADMIN_PORT", "value": str(port)}, {"name": "SOCKETS", "value": SOCKETS}],
            "ports": [{"name": f"admin-{sidecar.position}", "containerPort": port}],
            "resources": {
                "requests": {"cpu": sidecar.cpu, "memory": sidecar.memory},
                "limits": {"cpu": sidecar.cpu, "memory": sidecar.memory},
            },
            "startupProbe": _asked(STARTED_PATH, port, 2, 30),
            "livenessProbe": _asked(LIVE_PATH, port, 10, 3),
            "readinessProbe": _asked(READY_PATH, port, 5, 2),
            "volumeMounts": [shared],
        }
        yield Sidecar(
            service=profile.name,
            rule=decision.rule,
            topic=decision.topic,
            name=sidecar.name,
            position=sidecar.position,
            container=container,
            volumes=({"name": "sockets", "emptyDir": {"sizeLimit": "1Mi"}},),
            shared=(shared,),
        )


def _asked(path: str, port: int, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }

"""Whether a mesh carries the traffic of workloads, and how strictly it asks for mutual TLS."""

from typing import Final

from fairway.estate.index import Estate
from fairway.estate.resource import Resource
from fairway.estate.workload import Workload

ROOTS: Final = frozenset({"istio-system", "istio-config"})  # where what is said holds for the whole mesh
GROUPS: Final = {
    "security.istio.io": "Istio",
    "networking.istio.io": "Istio",
    "telemetry.istio.io": "Istio",
    "policy.linkerd.io": "Linkerd",
    "linkerd.io": "Linkerd",
    "kuma.io": "Kuma",
    "consul.hashicorp.com": "Consul",
}
INJECTED: Final = {
    "istio-injection": "Istio",
    "istio.io/rev": "Istio",
    "istio.io/dataplane-mode": "Istio",
    "sidecar.istio.io/inject": "Istio",
    "linkerd.io/inject": "Linkerd",
    "kuma.io/sidecar-injection": "Kuma",
    "consul.hashicorp.com/connect-inject": "Consul",
}
OFF: Final = frozenset({"", "false", "disabled", "none"})


def mesh_of(estate: Estate) -> str:
    """Name the mesh of an estate; empty where nothing tells of one."""
    for resource in estate.resources:
        if (name := GROUPS.get(resource.group)) and resource.kind != "Gateway":
            return name
    marked = (resource.labels | resource.annotations for resource in estate.of_kind("Namespace", ""))
    pods = (annotations(workload) | workload.pod_labels for workload in estate.workloads)
    for given in (*marked, *pods):
        for key, name in INJECTED.items():
            if given.get(key, "").lower() not in OFF:
                return name
    return ""


def dapr_encrypts(estate: Estate, workload: Workload) -> bool:
    """Tell whether Dapr's sidecars carry a workload's calls, which are mutual TLS unless that is turned off."""
    off = any(
        one.spec.mapping("mtls").value.get("enabled") is False for one in estate.of_kind("Configuration", "dapr.io")
    )
    return not off and annotations(workload).get("dapr.io/enabled", "").lower() == "true"


def annotations(workload: Workload) -> dict[str, str]:
    """Give the annotations of a workload's Pods."""
    root = workload.resource.root
    if workload.kind != "Pod":
        spec = workload.resource.spec
        template = spec.mapping("jobTemplate").mapping("spec") if workload.kind == "CronJob" else spec
        root = template.mapping("template")
    return root.mapping("metadata").pairs("annotations")


def mode(authentication: Resource) -> str:
    """Give the mode that a PeerAuthentication asks for, in capitals; empty where it leaves that to others."""
    return authentication.spec.mapping("mtls").text("mode").upper()


def strict(estate: Estate, workload: Workload, authentications: tuple[Resource, ...]) -> bool:
    """Tell whether Istio refuses plain text to a workload."""
    return any(
        mode(one) == "STRICT"
        and (one.namespace in ROOTS or one.namespace == workload.namespace)
        and not one.spec.mapping("selector")
        and estate.visible(one, workload.resource)
        for one in authentications
    )

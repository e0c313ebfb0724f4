"""Microseconds to judge one Kubernetes object, by schema and by meaning.

Run: python benchmarks/schema_speed.py. Where kubernetes-validate is installed, its time stands beside ours.
"""

import importlib
import time
from collections.abc import Callable
from typing import Any

from fairway.estate.schema import problems
from fairway.estate.semantics import faults

SERVICES = 200
ROUNDS = 3
SLOW = 10  # documents for the slow validator: one of each kind, twice


def labels(name: str) -> dict[str, str]:
    """Label what belongs to service *name*."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "bench"}


def pod(name: str) -> dict[str, Any]:
    """Give a pod template with what a careful team writes."""
    probe = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5, "failureThreshold": 3}
    container = {
        "name": name,
        "image": f"registry.example.com/{name}@sha256:{'0' * 64}",
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "env": [{"name": f"SETTING_{index}", "value": str(index)} for index in range(8)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": probe,
        "livenessProbe": {**probe, "initialDelaySeconds": 10},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(name)},
    }
    return {
        "metadata": {"labels": labels(name)},
        "spec": {
            "serviceAccountName": name,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "topologySpreadConstraints": [spread],
            "containers": [container],
            "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}],
        },
    }


def service_objects(name: str) -> list[dict[str, Any]]:
    """Give the five objects of one service."""
    metadata = {"name": name, "namespace": "bench", "labels": labels(name)}
    selector = {"matchLabels": labels(name)}
    target = {"type": "Utilization", "averageUtilization": 70}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"selector": selector, "template": pod(name), "strategy": {"rollingUpdate": {"maxUnavailable": 0}}},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels(name), "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        },
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata,
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "minReplicas": 2,
                "maxReplicas": 10,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata,
            "spec": {"maxUnavailable": 1, "selector": selector},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": {
                "podSelector": selector,
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}],
            },
        },
    ]


def microseconds(judge: Callable[[dict[str, Any]], object], documents: list[dict[str, Any]]) -> float:
    """Give the best of a few rounds, for each document."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for document in documents:
            judge(document)
        times.append(time.process_time() - start)
    return min(times) / len(documents) * 1e6


def main() -> None:
    """Print the figures."""
    documents = [document for index in range(SERVICES) for document in service_objects(f"service-{index}")]
    start = time.process_time()
    wrong = [document for document in documents[:5] if problems(document).faults or faults(document)]
    print(f"first of each kind, files and compiling included: {(time.process_time() - start) * 1e3:.0f} ms")
    if wrong:
        raise SystemExit(f"schema_speed: {len(wrong)} generated documents are wrong")
    schema, meaning = microseconds(problems, documents), microseconds(faults, documents)
    print(f"{len(documents)} documents of 5 kinds: schema {schema:.1f} us, semantics {meaning:.1f} us for each")
    try:
        package = importlib.import_module("kubernetes_validate")
    except ModuleNotFoundError:
        print("kubernetes-validate is not installed, so nothing is compared")
        return
    theirs = microseconds(lambda document: package.validate(document, "1.37", strict=True), documents[:SLOW])
    print(f"kubernetes-validate: {theirs:.0f} us, {theirs / schema:.0f} times our schema, which judges the same")


if __name__ == "__main__":
    main()

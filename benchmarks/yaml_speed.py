"""Compare Fairway's YAML reader and writer with PyYAML's C loader and dumper on the same text, in one run."""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import yaml
from fairway.yaml.reader import Limits, read_documents
from fairway.yaml.writer import write_documents

Document = dict[str, Any]

ROUNDS = 3
NO_LIMIT = Limits(bytes=1 << 40, nodes=1 << 40)
DASHBOARD = """\
# Panels of {name}.
[requests]
unit = per second
query = sum by (code) (rate(http_requests_total{{service="{name}"}}[5m]))

[errors]
unit = share of requests
query = errors:ratio_rate5m{{service="{name}"}} > 0.001
"""


class AliasFreeDumper(yaml.CSafeDumper):
    """PyYAML's C dumper, told not to look for values that occur twice."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML passes it
        """Write every value out in full."""
        return True


def workload(name: str, number: int, labels: Document) -> Document:
    """Give the body of a Deployment."""
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10, "timeoutSeconds": 2}
    container = {
        "name": name,
        "image": f"registry.example.com/shop/{name}@sha256:{number:064x}",
        "args": ["--listen=0.0.0.0:8080", "--log-format=json"],
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "env": [
            {"name": "SERVICE_NAME", "value": name},
            {"name": "FEATURE_ON", "value": "true"},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
        "livenessProbe": probe,
        "readinessProbe": dict(probe, periodSeconds=5),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "serviceAccountName": name,
        "terminationGracePeriodSeconds": 45,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {
        "replicas": 3 + number % 5,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def scaling(name: str, number: int) -> Document:
    """Give the body of a HorizontalPodAutoscaler."""
    target = {"type": "Utilization", "averageUtilization": 70}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": 3,
        "maxReplicas": 10 + number % 20,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }


def alerts(name: str) -> Document:
    """Give the body of a PrometheusRule."""
    burn = (
        f'errors:ratio_rate1h{{service="{name}"}} > 14.4 * 0.001\nand\n'
        f'errors:ratio_rate5m{{service="{name}"}} > 14.4 * 0.001\n'
    )
    note = {"summary": f"{name} spends its error budget too fast", "runbook": f"https://runbooks.example.com/{name}"}
    rule = {"alert": "BudgetBurn", "expr": burn, "for": "2m", "labels": {"severity": "page"}, "annotations": note}
    return {"groups": [{"name": f"{name}.slo", "rules": [rule]}]}


def service_documents(number: int) -> Iterator[Document]:
    """Give the ten resources of one service."""
    name = f"service-{number:04d}"
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop", "tier": "backend"}
    http = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    peer = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": f"service-{number // 2:04d}"}}}]
    rules = [{"matches": [{"path": {"type": "PathPrefix", "value": f"/{name}"}}], "backendRefs": [{"name": name}]}]
    bodies: list[tuple[str, str, Document]] = [
        ("v1", "ServiceAccount", {"automountServiceAccountToken": False}),
        ("v1", "ConfigMap", {"data": {"LOG_LEVEL": "info", "dashboard.ini": DASHBOARD.format(name=name)}}),
        ("apps/v1", "Deployment", {"spec": workload(name, number, labels)}),
        ("v1", "Service", {"spec": {"selector": labels, "ports": http}}),
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": scaling(name, number)}),
        ("policy/v1", "PodDisruptionBudget", {"spec": {"minAvailable": "50%", "selector": {"matchLabels": labels}}}),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"podSelector": {"matchLabels": labels}, "ingress": [{"from": peer}], "policyTypes": ["Ingress"]}},
        ),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", {"spec": {"parentRefs": [{"name": "public"}], "rules": rules}}),
        (
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            {"spec": {"selector": {"matchLabels": labels}, "endpoints": [{"port": "metrics", "interval": "30s"}]}},
        ),
        ("monitoring.coreos.com/v1", "PrometheusRule", {"spec": alerts(name)}),
    ]
    for api_version, kind, body in bodies:
        metadata = {"name": name, "namespace": "shop", "labels": labels}
        yield {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def generate(count: int) -> list[Document]:
    """Give *count* documents, the same at every run."""
    return list(islice((document for number in range(count) for document in service_documents(number)), count))


def seconds(action: Callable[[], object]) -> float:
    """Measure the CPU time of one run of *action*, the freeing of its result left out."""
    start = time.process_time()
    result = action()
    spent = time.process_time() - start
    del result
    return spent


def main() -> None:
    """Measure all contenders in turn, several rounds over, and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000, metavar="N", help="how many documents (10000)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"how many rounds ({ROUNDS})")
    options = parser.parse_args()
    documents = generate(options.documents)
    text = write_documents(documents)
    megabytes = len(text.encode()) / 1e6
    read = read_documents(text, "bench.yaml", NO_LIMIT)
    same = not read.problems and [document.value for document in read.documents] == documents
    print(f"{len(documents)} documents, {megabytes:.2f} MB, {text.count(chr(10))} lines; read back the same: {same}")
    contenders: dict[str, Callable[[], object]] = {
        "read: Fairway, with lines": lambda: read_documents(text, "bench.yaml", NO_LIMIT),
        "read: PyYAML CSafeLoader": lambda: list(yaml.load_all(text, yaml.CSafeLoader)),
        "write: Fairway": lambda: write_documents(documents),
        "write: PyYAML CSafeDumper": lambda: yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False),
        "write: the same, aliases off": lambda: yaml.dump_all(documents, Dumper=AliasFreeDumper, sort_keys=False),
    }
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(options.rounds):
        for name, action in contenders.items():
            best[name] = min(best[name], seconds(action))
    print(f"{'':30}{'CPU s':>8}{'MB/s':>8}{'Fairway is':>14}")
    for name, spent in best.items():
        ours = next(own for other, own in best.items() if other.split(":")[0] == name.split(":")[0])
        ratio = "" if spent == ours else f"{spent / ours:.1f}x faster"
        print(f"{name:30}{spent:8.2f}{megabytes / spent:8.1f}{ratio:>14}")


if __name__ == "__main__":
    main()

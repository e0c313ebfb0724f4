"""Manifests that several tests audit."""

from pathlib import Path

SIZE = "resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}"
PROBES = "livenessProbe: {httpGet: {path: /livez, port: 80}}, readinessProbe: {httpGet: {path: /readyz, port: 80}}"
GOOD = f"""\
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: web, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - {{name: main, image: 'acme/web:1', ports: [{{containerPort: 80}}], {SIZE}, {PROBES}}}
"""
BAD = GOOD.replace(SIZE, "env: [{name: DB_PASSWORD, value: hunter2}]")
WARNED = GOOD.replace("/livez", "/same").replace("/readyz", "/same")


def write(name: str, text: str) -> None:
    """Write a file."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""Orchestration's checks of containers: what they are asked, and what is written into them."""

from pathlib import Path
from types import ModuleType

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s03_orchestration import configmaps_and_secrets, probes

WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: acme/web
"""
PORT = "          ports: [{name: http, containerPort: 8080}]\n"
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


def findings(module: ModuleType, folder: Path, text: str) -> list[Finding]:
    """Let one rule look at a text."""
    (folder / "a.yaml").write_text(text)
    return sorted(module.check(read([folder])), key=lambda finding: finding.line)


def shown(found: list[Finding]) -> list[str]:
    """Write each finding as line, severity, last part of its key and what it says."""
    return [f"{f.line} {f.severity} {f.key.rpartition('.')[2]}: {f.says}" for f in found]


def probed(liveness: str = "", readiness: str = "") -> str:
    """Write a workload with a port and these probes."""
    asked = "".join(
        f"          {kind}Probe: {{{probe}}}\n"
        for kind, probe in (("liveness", liveness), ("readiness", readiness))
        if probe
    )
    return WORKLOAD + PORT + asked


LIVE, READY = "httpGet: {path: /livez, port: 8080}", "httpGet: {path: /readyz, port: 8080}"
BOTH = (
    "9 error livenessProbe: container 'main' has no livenessProbe and no readinessProbe: nobody notices when it hangs, "
    "and {} whether it can answer or not."
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (WORKLOAD + SERVICE, [BOTH.format("Service web sends it requests")]),
        (WORKLOAD + PORT, [BOTH.format("it listens on port 8080 (http)")]),
        (
            probed(liveness=LIVE),
            [
                (
                    "9 error readinessProbe: container 'main' has no readinessProbe: "
                    "it listens on port 8080 (http) whether it can answer or not."
                )
            ],
        ),
        (
            probed(readiness=READY),
            ["9 error livenessProbe: container 'main' has no livenessProbe: nobody notices when it hangs."],
        ),
        (probed(LIVE, READY), []),
        (WORKLOAD, ["9 error livenessProbe: container 'main' has no livenessProbe: nobody notices when it hangs."]),
        (WORKLOAD + f"          livenessProbe: {{{LIVE}}}\n", []),
        (WORKLOAD.replace("apps/v1", "batch/v1").replace("Deployment", "Job") + PORT, []),
        (
            WORKLOAD.replace("kind: Deployment", "kind: DaemonSet") + PORT.replace("http", "metrics"),
            ["9 error livenessProbe: container 'main' has no livenessProbe: nobody notices when it hangs."],
        ),
    ],
)
def test_what_serves_needs_both_probes_and_a_worker_liveness_alone(tmp_path: Path, text: str, says: list[str]) -> None:
    """Missing probes of a container are one finding; what ends needs none."""
    assert shown(findings(probes, tmp_path, text)) == says


def test_init_containers_and_sidecars_are_not_asked_for_probes(tmp_path: Path) -> None:
    """An init container cannot have any, and a sidecar is not what requests go to."""
    beside = "        - {name: agent, image: acme/agent}\n"
    inits = "      initContainers: [{name: setup, image: a}, {name: proxy, image: b, restartPolicy: Always}]\n"
    assert findings(probes, tmp_path, probed(LIVE, READY) + beside + inits + SERVICE) == []


@pytest.mark.parametrize(
    ("liveness", "readiness", "severity"),
    [
        (READY.replace("readyz", "healthz"), READY.replace("readyz", "healthz"), "warning"),
        ("tcpSocket: {port: 8080}", "tcpSocket: {port: http}", "warning"),
        ("grpc: {port: 8080}", "grpc: {port: 8080}, periodSeconds: 5, failureThreshold: 6", "warning"),
        ("grpc: {port: 8080}, failureThreshold: 6", "grpc: {port: 8080}", None),
        ("grpc: {port: 8080, service: live}", "grpc: {port: 8080, service: ready}", None),
        ("exec: {command: [alive]}", "exec: {command: [ready]}", None),
        ("httpGet: {path: /readyz, port: 8080}", READY, "error"),
        ("httpGet: {path: /actuator/health/readiness, port: 8080}", LIVE, "error"),
        ("httpGet: {path: /health/db, port: 8080}", READY, "error"),
        ("httpGet: {path: /live, port: 8080, host: db.shop}", READY, "error"),
        ("exec: {command: [curl, 'http://orders:8080/healthz']}", READY, "error"),
        ("exec: {command: [curl, 'http://localhost:8080/healthz']}", READY, None),
        ("httpGet: {path: /already/alive, port: 8080}", READY, None),
        ("httpGet: {path: /live?db=1, port: 8080}", READY, None),
        ("{}", "{}", None),
    ],
)
def test_liveness_asks_about_the_process_alone(
    tmp_path: Path, liveness: str, readiness: str, severity: str | None
) -> None:
    """The same question with more patience is a common and sound pattern; the same without is not."""
    found = findings(probes, tmp_path, probed(liveness.strip("{}") + " " if liveness == "{}" else liveness, readiness))
    assert [(f.severity, f.key.rpartition(".")[2]) for f in found] == [(severity, "livenessProbe")] * bool(severity)


ENV = WORKLOAD + "          env:\n"


def test_a_secret_and_a_setting_of_one_environment_are_found_at_their_value(tmp_path: Path) -> None:
    """In init containers too; what comes from elsewhere, is empty or the same everywhere is not."""
    text = (
        ENV
        + "            - name: DB_PASSWORD\n              value: hunter2\n"
        + "            - {name: API_URL, value: https://api.example.com}\n"
        + "            - {name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: t}}}\n"
        + "            - {name: PORT, value: '8080'}\n            - {name: EMPTY_SECRET}\n"
        + "      initContainers: [{name: setup, image: a, env: [{name: PGPASSWORD, value: hunter2}]}]\n"
    )
    found = findings(configmaps_and_secrets, tmp_path, text)
    assert [(f.line, f.severity, f.key) for f in found] == [
        (13, "error", "spec.template.spec.containers[main].env[DB_PASSWORD].value"),
        (14, "error", "spec.template.spec.containers[main].env[API_URL].value"),
        (18, "error", "spec.template.spec.initContainers[setup].env[PGPASSWORD].value"),
    ]
    assert "hunter2" not in "".join(f.says + f.fix for f in found)
    assert found[1].says.endswith("and api.example.com is a host outside the cluster.")


def test_a_job_is_judged_as_well(tmp_path: Path) -> None:
    """Its passwords are as readable."""
    text = (
        ENV.replace("apps/v1", "batch/v1").replace("Deployment", "Job") + "            - {name: A_TOKEN, value: abc}\n"
    )
    assert len(findings(configmaps_and_secrets, tmp_path, text)) == 1


def test_a_secret_in_a_configmap_is_found_and_a_file_in_one_is_not(tmp_path: Path) -> None:
    """Of a whole file no name tells what is in it."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  user: app\n  db_password: hunter2\n"
    text += "  token: |\n    several\n    lines\n"
    (found,) = findings(configmaps_and_secrets, tmp_path, text)
    assert (found.resource, found.line, found.key) == ("ConfigMap/default/c", 6, "data.db_password")

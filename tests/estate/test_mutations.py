"""Random damage to real manifests: an audit of them never crashes, and never loses a file in silence.

FAIRWAY_MUTATIONS=20000 makes it longer.
"""

import json
import os
import random
from copy import deepcopy
from itertools import chain
from pathlib import Path
from typing import Any

from fairway import stages
from fairway.core.registry import rooms
from fairway.estate.read import read
from fairway.verbs.check import check
from fairway.verbs.check_json import check_json
from fairway.verbs.check_text import check_text
from fairway.yaml.reader import read_documents

ROUNDS = int(os.environ.get("FAIRWAY_MUTATIONS", "300"))
CORPORA = Path(__file__).parents[3] / "shared" / "corpora"  # more to damage, where it is there
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "a.b",
    [],
    {},
    [[]],
    [None],
    {"name": 1},
    {"a": {"b": [1]}},
    "é",
)
SAMPLES = """\
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, spec: {replicas: 1, template: {metadata: {labels: {app: web}},
  spec: {restartPolicy: Always, initContainers: [{name: i, restartPolicy: Always}], containers: [{name: web, image: "redis:7", command: [a], args: [b],
    ports: [{name: http, containerPort: 80}], env: [{name: A_PASSWORD, value: x}, {name: B_URL, value: "https://a.example.com"}],
    livenessProbe: {httpGet: {path: /ready, port: http}}, readinessProbe: {exec: {command: [curl, "http://b/"]}},
    volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, volumeClaimTemplates: [{metadata: {name: v}}],
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: postgres, resources: {limits: {cpu: 1}}}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 1,
  maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]}}
---
{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: s}, spec: {scaleTargetRef: {name: db}, triggers: [{type: cpu, metadata: {value: "6"}}]}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: r}, spec: {workloadRef: {kind: Deployment, name: web}}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{http: {paths: [{backend: {service: {name: web}}}]}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {gateways: [g], http: [{route: [{destination: {host: web}}]}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {selector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [{type: Container, default: {cpu: 1}}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
---
{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a}]}}]}
"""  # noqa: E501 - an object in two or three lines is easier to look over


def originals() -> list[dict[str, Any]]:
    """Give whole objects to damage, our samples often enough."""
    texts = [SAMPLES] * 5 + [path.read_text() for path in sorted(CORPORA.rglob("*.yaml"))]
    read_in = (read_documents(text, "original") for text in texts)
    documents = chain.from_iterable(found.documents for found in read_in if not found.problems)
    values = [document.value for document in documents if isinstance(document.value, dict)]
    return [value for value in values if "apiVersion" in value and ("metadata" in value or "items" in value)]


def places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any YAML
    """Give every collection in *value* with each of its keys."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def damage(value: dict[str, Any], chance: random.Random) -> None:
    """Drop, replace, repeat or move nodes of *value*."""
    for _ in range(chance.randint(1, 4)):
        if not (found := places(value)):
            return
        (holder, key), (other, other_key) = chance.choice(found), chance.choice(found)
        match chance.randint(0, 3):
            case 0:
                del holder[key]
            case 1:
                holder[key] = deepcopy(chance.choice(STRANGE))
            case 2 if isinstance(holder, list):
                holder.append(deepcopy(holder[key]))
            case _:
                holder[key] = deepcopy(other[other_key])


def test_random_damage_never_crashes_an_audit(tmp_path: Path) -> None:
    """Three damaged objects among three sound ones, each time; the same at every run."""
    chance = random.Random(0)  # noqa: S311 - no secret
    standard, every = rooms(stages), originals()
    file = tmp_path / "a.yaml"
    for _ in range(ROUNDS):
        objects = deepcopy(chance.sample(every, 6))
        for value in objects[:3]:
            damage(value, chance)
        file.write_text("\n---\n".join(map(json.dumps, objects)))
        report = check(standard, read([tmp_path]))
        assert check_text(report).endswith("unknown.\n")
        assert check_json(report).startswith("{")
        assert all(finding.line > 0 and finding.fix and finding.file for finding in report.findings)
        assert report.objects + len(report.problems) >= 3


def test_random_bytes_never_crash_reading(tmp_path: Path) -> None:
    """Cut, turned and repeated text is read or reported."""
    chance = random.Random(1)  # noqa: S311 - no secret
    file = tmp_path / "a.yaml"
    for _ in range(ROUNDS):
        data = bytearray(SAMPLES.encode())
        for _ in range(chance.randint(1, 8)):
            start = chance.randrange(len(data))
            match chance.randint(0, 2):
                case 0:
                    data[start] = chance.randrange(256)
                case 1:
                    del data[start : start + chance.randint(1, 200)]
                case _:
                    data[start:start] = data[start : start + chance.randint(1, 60)]
        file.write_bytes(bytes(data))
        found = read([tmp_path])
        assert found.resources or found.problems

"""Measure `fairway check`: the whole command on a public system, and on generated systems of growing size.

Then each rule by itself on the largest: a rule is asked twice, because the first that asks for a relation of the index
pays for it. The share is that of the second asking, in a whole process on the same files.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import process_time

from fairway import stages
from fairway.core.registry import rooms
from fairway.core.rule import Rule
from fairway.estate.index import Estate
from fairway.estate.read import compositions
from fairway.verbs.unswept import unswept

REPOSITORY = Path(__file__).parent.parent
BOUTIQUE = REPOSITORY.parent / "shared/corpora/boutique"
PUBLIC = {  # what of it, and how many seconds it may take
    "Online Boutique, kustomize/base": (BOUTIQUE / "kustomize/base", 0.4),
    "Online Boutique, the whole repository": (BOUTIQUE, 1.0),
}
MOST = 6.0  # seconds for 10,000 objects
SHOWN = 5  # rules, the dearest first
OBJECTS = 10  # that one generated service has
TEMPLATE = """\
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: shop}}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: shop}}
data:
  LOG_LEVEL: info
  settings.ini: |
    [requests]
    name = {name}
    limit = 100
---
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  namespace: shop
  labels: {{app.kubernetes.io/name: {name}, app.kubernetes.io/part-of: shop}}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app.kubernetes.io/name: {name}}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: {name}, app.kubernetes.io/part-of: shop}}
    spec:
      serviceAccountName: {name}
      terminationGracePeriodSeconds: 45
      containers:
        - name: {name}
          image: registry.example.com/shop/{name}:1.4.{number}
          args: ["--listen=0.0.0.0:8080", "--log-format=json"]
          ports:
            - {{name: http, containerPort: 8080}}
            - {{name: metrics, containerPort: 9090}}
          env:
            - name: SERVICE_NAME
              value: {name}
            - name: NEXT_ADDRESS
              value: service-{next:05d}.shop.svc.cluster.local:8080
            - name: API_TOKEN
              value: token-{number}
          resources:
            requests: {{cpu: 250m, memory: 256Mi}}
            limits: {{memory: 256Mi}}
          livenessProbe:
            httpGet: {{path: /livez, port: http}}
          readinessProbe:
            httpGet: {{path: /readyz, port: http}}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {{drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{app.kubernetes.io/name: {name}, app.kubernetes.io/part-of: shop}}
  ports:
    - {{name: http, port: 80, targetPort: http}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}, namespace: shop}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: {kind}, name: {name}}}
  minReplicas: 3
  maxReplicas: 10
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {{type: Utilization, averageUtilization: 70}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}, namespace: shop}}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{app.kubernetes.io/name: {name}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: shop}}
spec:
  podSelector:
    matchLabels: {{app.kubernetes.io/name: {name}}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: {{app.kubernetes.io/name: service-{next:05d}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: shop}}
spec:
  parentRefs: [{{name: public}}]
  rules:
    - matches:
        - path: {{type: PathPrefix, value: /{name}}}
      backendRefs: [{{name: {name}, port: 80}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}, namespace: shop}}
rules:
  - apiGroups: [""]
    resources: [configmaps]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}, namespace: shop}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}
subjects:
  - {{kind: ServiceAccount, name: {name}, namespace: shop}}
"""


def generate(objects: int) -> Iterator[tuple[str, str]]:
    """Give files with *objects* objects in all, one file for each service."""
    for number in range(objects // OBJECTS):
        name = f"service-{number:05d}"
        kind = "StatefulSet" if number % 10 == 0 else "Deployment"
        text = TEMPLATE.format(name=name, number=number, next=number // 2, kind=kind, replicas=3 + number % 5)
        yield f"{name}.yaml", text


def seconds(path: Path) -> tuple[float, str]:
    """Run the whole command on *path*; give its CPU time and the last line it says."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "fairway", "check", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode > 2:  # noqa: PLR2004 - clean, findings or wrong input
        sys.exit(run.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, run.stdout.strip().rpartition("\n")[2]


def rules(path: Path) -> list[tuple[float, float, str]]:
    """Ask every rule twice about what is at *path*: seconds of the second and of the first asking, dearest first."""
    with unswept():  # as the command
        estates = compositions([path])
        return sorted(
            (
                (asked[1], asked[0], rule.id)
                for room in rooms(stages)
                for rule in room.rules
                if (asked := _asked(rule, estates))
            ),
            reverse=True,
        )


def _asked(rule: Rule, estates: Iterable[Estate]) -> list[float]:
    """Give the seconds of two askings; nothing where the rule looks at no files."""
    asked: list[float] = []
    while rule.check is not None and len(asked) < 2:  # noqa: PLR2004 - once for the index, once for the rule
        before = process_time()
        for estate in estates:
            set(rule.check(estate))
        asked.append(process_time() - before)
    return asked


def main() -> None:
    """Measure both, the best of several rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000, metavar="N", help="how many at most (10000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how many rounds (3)")
    options = parser.parse_args()
    print(f"{'whole process':42}{'CPU s':>8}{'ms/object':>11}")
    for name, (path, goal) in PUBLIC.items():
        if not path.is_dir():
            print(f"{name}: is not beside this repository, NOT MEASURED.")
            continue
        best, said = min(seconds(path) for _ in range(options.rounds))
        print(f"{name:42}{best:8.2f}{'':>11}  {said} (to reach: {goal})")
    for objects in (options.objects // 4, options.objects // 2, options.objects):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in generate(objects):
                Path(folder, name).write_text(text, encoding="utf-8")
            best, said = min(seconds(Path(folder)) for _ in range(options.rounds))
            dearest = rules(Path(folder)) if objects == options.objects else []
        print(f"{f'{objects} generated objects':42}{best:8.2f}{best / objects * 1000:11.2f}  {said}")
    print(f"(to reach with 10000: {MOST:.2f})\n\n{'rule':42}{'CPU s':>8}{'share':>11}  (to reach: a tenth at most)")
    for again, first, rule in dearest[:SHOWN]:
        print(f"{rule:42}{again:8.3f}{again / best:11.1%}  asked first, {first:.3f} s")
    print(f"{f'all {len(dearest)} rules':42}{sum(again for again, _, _ in dearest):8.3f}")


if __name__ == "__main__":
    main()

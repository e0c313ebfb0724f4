"""`fairway adopt` drafts facts that load, asks for what no manifest tells, and never writes over anything."""

import json
from pathlib import Path

import pytest

from fairway.cli import main
from fairway.core.facts import System
from fairway.declaration.load import load

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
SYSTEM = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
        - name: main
          image: acme/web:1
          env:
            - {name: ORDERS_ADDR, value: "orders:8080"}
            - {name: MODE, value: "orders"}
            - {name: CARDS_URL, value: "https://api.cards.example.com/v1"}
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: cards, key: token}}}
        - {name: helper, image: acme/helper:1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  template:
    metadata: {labels: {app: orders}}
    spec:
      containers: [{name: main, image: acme/orders:1, envFrom: [{configMapRef: {name: orders}}]}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: orders, namespace: shop}
data: {DATABASE_URL: "postgresql://orders@orders-db.shop.svc.cluster.local:5432/orders"}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {selector: {app: orders}, ports: [{port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: orders-db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: orders-db}}
    spec: {containers: [{name: db, image: "postgres:18"}]}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: 20Gi}}}}]
---
apiVersion: v1
kind: Service
metadata: {name: orders-db, namespace: shop}
spec: {selector: {app: orders-db}, ports: [{port: 5432}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {containers: [{name: main, image: acme/report:1}]}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: grafana, namespace: shop}
spec: {template: {metadata: {labels: {app: g}}, spec: {containers: [{name: main, image: "grafana/grafana:12"}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: orders, namespace: shop}
spec:
  podSelector: {matchLabels: {app: orders}}
  ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [ghost, web]}]}}]}]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "all.yaml").write_text(SYSTEM)
    return tmp_path


def adopted(*words: str) -> System:
    """Adopt, and load what was drafted."""
    assert main(["adopt", *words]) == 0
    return load(Path("fairway.yaml")).system


def test_what_manifests_tell_becomes_facts_that_load() -> None:
    """Services, calls, stores, secrets, sidecars, schedules, the way in, and what is outside."""
    system = adopted("k8s")
    assert system.system == "shop"
    assert set(system.services) == {"web", "orders", "report"}
    web, orders, report = (system.services[name] for name in ("web", "orders", "report"))
    assert (web.exposure, set(web.calls), web.secrets) == ("external", {"orders"}, ("cards-token",))
    assert web.sidecars == {"helper": "included"}
    assert (orders.exposure, orders.stores) == ("internal", ("orders-db",))
    assert (report.runs, report.schedule) == ("to-completion", "0 3 * * *")
    assert (system.stores["orders-db"].workload, system.stores["orders-db"].engine) == ("transactional", "postgresql")
    assert system.external_systems["api"].host == "api.cards.example.com"


def test_a_word_that_is_no_address_is_no_call(here: Path) -> None:
    """Nor does a policy for everybody tell who calls."""
    text = SYSTEM.replace('{name: ORDERS_ADDR, value: "orders:8080"}', '{name: GREETING, value: "orders"}')
    text = text.replace("{matchExpressions: [{key: app, operator: In, values: [ghost, web]}]}", "{}")
    (here / "k8s" / "all.yaml").write_text(text)
    assert adopted("k8s").services["web"].calls == {}


def test_a_policy_tells_of_a_call(here: Path) -> None:
    """Who is let in by name is meant to call."""
    text = SYSTEM.replace('{name: ORDERS_ADDR, value: "orders:8080"}', '{name: GREETING, value: "orders"}')
    (here / "k8s" / "all.yaml").write_text(text)
    assert set(adopted("k8s").services["web"].calls) == {"orders"}


def test_what_no_manifest_tells_is_asked_and_the_gaps_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A stranger knows what to do next."""
    adopted("k8s")
    printed = capsys.readouterr().out
    assert printed.startswith("Found 3 services, 1 call, 1 store.\n")
    assert "Who owns each service" in printed
    assert "orchestration/probes" in printed
    assert printed.endswith("Answer its lines with '# ?', then: fairway plan fairway.yaml\n")
    drafted = Path("fairway.yaml").read_text()
    assert "# grafana is left out" in drafted
    assert "k8s/all.yaml:2" in drafted


def test_the_draft_can_go_to_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """And the rest beside it."""
    assert main(["adopt", "k8s", "-o", "-"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("# Drafted by 'fairway adopt' from k8s.\n")
    assert "What manifests do not tell:" in printed.err
    assert not Path("fairway.yaml").exists()


def test_json_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """For a program."""
    assert main(["adopt", "k8s", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [service["name"] for service in said["draft"]["services"]] == ["web", "orders", "report"]
    assert said["questions"]
    assert said["gaps"]


def test_nothing_is_written_over_and_nothing_found_is_said(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    """With what to do."""
    Path("fairway.yaml").write_text("mine\n")
    (here / "empty").mkdir()
    for words in (["k8s"], ["nowhere"], ["empty"], ["k8s", "-o", "no/such/folder.yaml"]):
        assert main(["adopt", *words]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in said] == ["fairway.yaml", "nowhere", "empty", "no/such/folder.yaml"]
    assert Path("fairway.yaml").read_text() == "mine\n"


@pytest.mark.skipif(not CORPORA.is_dir(), reason=f"the public systems are not at {CORPORA}")
@pytest.mark.parametrize(
    ("scope", "services", "calls"),
    [
        ("boutique/kustomize", 11, 15),
        ("boutique/kustomize/base", 11, 15),
        ("sockshop/kubernetes/complete-demo.yaml", 8, 0),
    ],
)
def test_a_public_system_is_drafted_whole(scope: str, services: int, calls: int) -> None:
    """Facts that load, every service, and every call that its files tell of."""
    system = adopted(str(CORPORA / scope))
    assert len(system.services) == services
    assert sum(len(service.calls) for service in system.services.values()) == calls

"""Design's and delivery's checks on other people's manifests: what they find, and what they leave alone."""

import csv
from pathlib import Path

import pytest

from fairway.core.rule import Finding
from fairway.estate.index import Estate
from fairway.estate.read import read
from fairway.stages.s01_design import external_sessions, grpc_when_internal, rest_when_external, single_capability
from fairway.stages.s08_delivery import (
    automated_rollback,
    ci,
    feature_flags,
    metric_rollback,
    progressive,
    rolling,
)

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 3
  {strategy}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - name: web
        image: example/web:1
        ports: [{{name: grpc, containerPort: 8080}}]
        env: [{{name: {variable}, value: "true"}}]
      {more}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  {service}
  selector: {{app: web}}
  ports: [{{name: {port}, port: 80, targetPort: 8080}}]
"""
PLAIN = {"strategy": "", "variable": "PORT_OPEN", "more": "", "service": "", "port": "grpc"}


def estate(folder: Path, text: str, **hidden: str) -> Estate:
    """Read one file of manifests, and pipelines beside it by the names of their providers."""
    (folder / "all.yaml").write_text(text)
    for provider, content in hidden.items():
        file = folder / {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}[provider]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return read([folder])


def web(folder: Path, **changed: str) -> Estate:
    """Read a web service with something changed."""
    return estate(folder, WEB.format(**{**PLAIN, **changed}))


def said(found: list[Finding]) -> list[tuple[str, str]]:
    """Tell of each finding how grave it is, and at which key."""
    return [(one.severity, one.key) for one in found]


def test_a_plain_service_gives_no_finding(tmp_path: Path) -> None:
    """Of these rules, as nothing shows that customers meet it."""
    for rule in (rolling, progressive, automated_rollback, feature_flags, external_sessions, single_capability):
        assert list(rule.check(web(tmp_path))) == [], rule


@pytest.mark.parametrize(
    ("strategy", "key"),
    [
        ("strategy: {type: Recreate}", "spec.strategy.type"),
        ("strategy: {rollingUpdate: {maxUnavailable: 100%}}", "spec.strategy.rollingUpdate.maxUnavailable"),
        ("strategy: {rollingUpdate: {maxUnavailable: 3}}", "spec.strategy.rollingUpdate.maxUnavailable"),
    ],
)
def test_an_update_that_stops_all_replicas_is_found(tmp_path: Path, strategy: str, key: str) -> None:
    """However it says so."""
    assert said(list(rolling.check(web(tmp_path, strategy=strategy)))) == [("error", key)]


def test_what_is_reached_from_outside_and_replaced_at_once_is_found_once(tmp_path: Path) -> None:
    """For the whole system; Flagger, and weights between Services, are steps as well."""
    public = WEB.format(**{**PLAIN, "service": "type: LoadBalancer"})
    [found] = progressive.check(estate(tmp_path, public))
    assert (found.resource, found.severity) == ("System", "error")
    canary = """---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  analysis: {}
"""
    flagged = estate(tmp_path, public + canary)
    assert list(progressive.check(flagged)) == []
    assert said(list(metric_rollback.check(flagged))) == [("error", "spec.analysis")]
    weights = """---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {rules: [{backendRefs: [{name: web, port: 80, weight: 90}, {name: web-next, port: 80, weight: 10}]}]}
"""
    assert list(progressive.check(estate(tmp_path, public + weights))) == []


def test_a_rollout_that_nothing_judges_is_found_and_one_that_waits_for_a_person_is_a_remark(tmp_path: Path) -> None:
    """One that names a template that is not there stops with an error."""
    text = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: web}}
spec:
  progressDeadlineAbort: true
  strategy: {{canary: {{steps: [{{setWeight: 20}}, {{pause: {pause}}}, {{analysis: {analysis}}}]}}}}
"""
    for pause, severity in (("{duration: 10m}", "error"), ("{}", "warning")):
        found = list(metric_rollback.check(estate(tmp_path, text.format(pause=pause, analysis="{}"))))
        assert said(found) == [(severity, "spec.strategy.canary")]
    judged = text.format(pause="{duration: 1m}", analysis="{templates: [{templateName: health}]}")
    [found_] = metric_rollback.check(estate(tmp_path, judged))
    assert "health" in found_.says


def test_an_update_that_never_fails_or_keeps_nothing_to_go_back_to_is_found(tmp_path: Path) -> None:
    """What says nothing has ten minutes and ten versions, by default."""
    strategy = "progressDeadlineSeconds: 2147483647\n  revisionHistoryLimit: 0"
    found = list(automated_rollback.check(web(tmp_path, strategy=strategy)))
    assert said(found) == [("error", "spec.revisionHistoryLimit"), ("error", "spec.progressDeadlineSeconds")]


@pytest.mark.parametrize(("variable", "number"), [("FEATURE_GIFTS", 1), ("GIFTS_FLAG", 1), ("ENABLE_TRACING", 0)])
def test_a_toggle_is_known_by_its_name(tmp_path: Path, variable: str, number: int) -> None:
    """A setting that is on or off is no feature's toggle."""
    assert len(list(feature_flags.check(web(tmp_path, variable=variable)))) == number


def test_sessions_that_hold_a_caller_to_a_replica_are_found(tmp_path: Path) -> None:
    """By the Service, or in a folder that goes with the Pod; scratch space is no session."""
    assert said(list(external_sessions.check(web(tmp_path, service="sessionAffinity: ClientIP")))) == [
        ("error", "spec.sessionAffinity")
    ]
    kept = "volumes: [{name: sessions, emptyDir: {}}, {name: scratch, emptyDir: {}}]"
    assert len(list(external_sessions.check(web(tmp_path, more=kept)))) == 1


def test_a_grpc_port_that_does_not_say_so_is_a_remark(tmp_path: Path) -> None:
    """A proxy would balance its connections only."""
    assert said(list(grpc_when_internal.check(web(tmp_path, port="api")))) == [
        ("warning", "spec.ports[api].appProtocol")
    ]
    assert list(grpc_when_internal.check(web(tmp_path))) == []


def test_a_route_from_outside_to_grpc_is_found(tmp_path: Path) -> None:
    """Whoever calls from outside chooses the tools."""
    ingress = """---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
"""
    assert len(list(rest_when_external.check(estate(tmp_path, WEB.format(**PLAIN) + ingress)))) == 1
    other = WEB.format(**{**PLAIN, "port": "http"})
    assert list(rest_when_external.check(estate(tmp_path, other + ingress))) == []


@pytest.mark.parametrize(
    ("image", "number"), [("example/prices:2", 1), ("envoyproxy/envoy:v1.36", 0), ("nginx:1.29", 0)]
)
def test_two_applications_in_one_pod_are_found_and_helpers_are_not(tmp_path: Path, image: str, number: int) -> None:
    """A proxy in front of an application serves it."""
    second = f"- {{name: second, image: '{image}', ports: [{{containerPort: 9090}}]}}"
    text = WEB.format(**PLAIN).replace("        env:", f"      {second}\n        ENV:", 1)
    lines = [line for line in text.splitlines() if "ENV:" not in line]
    assert len(list(single_capability.check(estate(tmp_path, "\n".join(lines))))) == number


GITHUB = """\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
    - run: docker build -t example/web .
    - run: {run}
"""


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("docker push example/web", "none lints or validates, tests or scans"),
        ("npm run lint && npm test && docker push example/web", None),
        ("eslint . && jest && docker push example/web", "none scans"),
        ("eslint . && jest && trivy image example/web", None),
        ("./ci/everything.sh", None),
        ("pip install pytest ruff trivy-plugin", "none lints or validates, tests or scans"),
    ],
)
def test_a_pipeline_that_builds_and_leaves_something_out_is_found(tmp_path: Path, run: str, says: str | None) -> None:
    """What runs in scripts of its own cannot be told, and having a tool is not using it."""
    found = list(ci.check(estate(tmp_path, WEB.format(**PLAIN), github=GITHUB.format(run=run))))
    assert [one.says.partition(", and ")[2].rstrip(".") for one in found] == ([says] if says else [])


def test_a_gitlab_pipeline_is_read_and_one_that_includes_others_is_not_judged(tmp_path: Path) -> None:
    """Templates of others may do all of it."""
    text = "build:\n  script: [docker build -t web ., docker push web]\n"
    assert len(list(ci.check(estate(tmp_path, WEB.format(**PLAIN), gitlab=text)))) == 1
    text += "include:\n- template: Jobs/Container-Scanning.gitlab-ci.yml\n"
    assert list(ci.check(estate(tmp_path, WEB.format(**PLAIN), gitlab=text))) == []


def test_the_labelled_systems_lack_progressive_delivery() -> None:
    """Both do; the label of the missing scan is about a file that is not among the data."""
    if not CORPORA.is_dir():
        pytest.skip(f"NOT CHECKED: the labelled systems are not at {CORPORA}")
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["rule_area"] == "progressive-delivery"]
    assert rows
    for row in rows:
        found = {one.resource for one in progressive.check(read([CORPORA / row["corpus"]]))}
        assert (row["resource"] in found) is (row["violates"] == "yes"), row

"""Orchestration's checks of workloads, autoscalers and disks: each finding at its key, each cause once."""

from pathlib import Path
from types import ModuleType

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s03_orchestration import autoscale, deployment, manual_scaling, statefulset

SIZE = "resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}"
WORKLOAD = """\
apiVersion: apps/v1
kind: KIND
metadata:
  name: web
  namespace: shop
SPEC
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: IMAGE
          RESOURCES
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {TYPE, selector: {app: web}, ports: [{port: 80}]}
"""
SCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: NAME, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: KIND, name: web}
  minReplicas: 2
  maxReplicas: 4
"""


def workload(kind: str = "Deployment", image: str = "acme/web:1", spec: str = "spec:", resources: str = SIZE) -> str:
    """Write a workload."""
    text = WORKLOAD.replace("KIND", kind).replace("IMAGE", image).replace("SPEC", spec)
    return text.replace("RESOURCES", resources).replace("apps/v1", "batch/v1" if kind == "Job" else "apps/v1")


def service(kind: str = "type: ClusterIP") -> str:
    """Write a Service."""
    return SERVICE.replace("TYPE", kind)


def scaler(kind: str = "Deployment", name: str = "web") -> str:
    """Write an autoscaler."""
    return SCALER.replace("KIND", kind).replace("NAME", name)


def findings(module: ModuleType, folder: Path, *documents: str) -> list[Finding]:
    """Let one rule look at documents."""
    (folder / "a.yaml").write_text("---\n".join(documents))
    return sorted(module.check(read([folder])), key=lambda finding: finding.line)


def shown(found: list[Finding]) -> list[str]:
    """Write each finding as line, severity, key and what it says."""
    return [f"{f.line} {f.severity} {f.key}: {f.says}" for f in found]


def test_a_bare_pod_or_replicaset_is_found(tmp_path: Path) -> None:
    """Nothing replaces the one, nothing rolls out the other; one that ends belongs into a Job."""
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, {SIZE}}}]}}\n"
    once = pod.replace("name: p", "name: q").replace("spec: {", "spec: {restartPolicy: Never, ")
    hook = pod.replace("name: p", "name: h, annotations: {helm.sh/hook: test}")
    found = findings(deployment, tmp_path, pod, once, hook, workload("ReplicaSet"))
    assert shown(found) == [
        "2 error kind: a Pod of its own is gone with its machine; nothing starts it again.",
        "7 error kind: a Pod of its own is gone with its machine, done or not.",
        "17 error kind: a ReplicaSet of its own cannot roll out a new version, nor back.",
    ]
    assert [finding.resource for finding in found] == ["Pod/default/p", "Pod/default/q", "ReplicaSet/shop/web"]


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ("", "11 error {}: container 'main' has no cpu request, memory request, cpu limit or memory limit."),
        ("resources: {limits: {cpu: 1, memory: 1Gi}}", ""),
        (
            "resources: {requests: {cpu: 1, memory: 1Gi}}",
            "13 error {}: container 'main' has no cpu limit or memory limit.",
        ),
        (SIZE.replace("cpu: 1, memory: 1Gi}}", "memory: 1Gi}}"), "13 error {}: container 'main' has no cpu limit."),
        (
            "resources: {requests: {memory: null}}",
            "13 error {}: container 'main' has no cpu request, memory request, cpu limit or memory limit.",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "Job"])
def test_a_container_without_a_stated_size_is_one_finding(tmp_path: Path, kind: str, resources: str, says: str) -> None:
    """It names all that is missing; a limit is a request too."""
    found = findings(deployment, tmp_path, workload(kind, resources=resources))
    assert shown(found) == [says.format("spec.template.spec.containers[main].resources")] * bool(says)


def test_what_an_autoscaler_measures_is_missing_once(tmp_path: Path) -> None:
    """The missing CPU request belongs to the autoscaler's rule, the rest to the Deployment's."""
    documents = (workload(resources=""), scaler())
    assert shown(findings(deployment, tmp_path, *documents)) == [
        (
            "11 error spec.template.spec.containers[main].resources: "
            "container 'main' has no memory request, cpu limit or memory limit."
        )
    ]
    assert shown(findings(autoscale, tmp_path, *documents)) == [
        (
            "11 error spec.template.spec.containers[main].resources: HorizontalPodAutoscaler/shop/web measures cpu "
            "as a share of what is requested, and container 'main' requests none: nothing is ever scaled."
        )
    ]


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        (
            (workload(spec="spec:\n  replicas: 1"), service()),
            ["7 warning spec.replicas: there is only 1 replica: a restart is an outage for its callers."],
        ),
        (
            (workload(spec="spec:\n  replicas: 1"), service("type: LoadBalancer")),
            [
                (
                    "7 error spec.replicas: there is only 1 replica, which is reached from outside through "
                    "Service web: a restart is an outage."
                )
            ],
        ),
        (
            (workload(spec="  labels: {fairway.dev/criticality: mission-critical}\nspec:\n  replicas: 1"),),
            ["8 error spec.replicas: there is only 1 replica, which is mission-critical: a restart is an outage."],
        ),
        (
            (workload(), service(), scaler().replace("minReplicas: 2", "minReplicas: 1")),
            [
                (
                    "25 warning spec.minReplicas: it keeps only 1 replica of Deployment/shop/web: "
                    "a restart is an outage for its callers."
                )
            ],
        ),
        (
            (workload(), service(), scaler().replace("  minReplicas: 2\n", "")),
            [
                (
                    "23 warning spec.minReplicas: it keeps only 1 replica of Deployment/shop/web by default: "
                    "a restart is an outage for its callers."
                )
            ],
        ),
        ((workload(spec="spec:\n  replicas: 2"), service("type: LoadBalancer")), []),
        ((workload(spec="spec:\n  replicas: 0"), service()), []),
        ((workload(spec="spec:\n  replicas: 1"),), []),
        ((workload(), service(), scaler()), []),
        ((workload("DaemonSet"), service("type: NodePort")), []),
        (
            (
                workload(spec="  annotations: {fairway.dev/single-replica-because: a lock}\nspec:\n  replicas: 1"),
                service("type: LoadBalancer"),
            ),
            [],
        ),
        ((workload(spec="  labels: {fairway.dev/criticality: low}\nspec:\n  replicas: 1"), service()), []),
        ((workload(image="postgres", spec="spec:\n  replicas: 1"), service()), []),
    ],
)
def test_a_single_replica_is_as_bad_as_what_hangs_on_it(
    tmp_path: Path, documents: tuple[str, ...], says: list[str]
) -> None:
    """Nothing for a worker, a written reason or a database; an error where outsiders notice."""
    assert shown(findings(deployment, tmp_path, *documents)) == says


def test_how_many_run_is_one_cause_where_nothing_says_it(tmp_path: Path) -> None:
    """No autoscaler and no number: the autoscaler's rule says so, the Deployment's is silent."""
    documents = (workload(), service("type: LoadBalancer"))
    assert findings(deployment, tmp_path, *documents) == []
    assert shown(findings(autoscale, tmp_path, *documents)) == [
        (
            "6 error spec.replicas: nothing scales it: it stays at 1 replica by default whatever the traffic, "
            "and Service web sends it requests."
        )
    ]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job"])
def test_an_autoscaler_is_asked_of_stateless_services_only(tmp_path: Path, kind: str) -> None:
    """Neither of what keeps data, nor of node agents, nor of what ends; nor of a database or a worker."""
    assert findings(autoscale, tmp_path, workload(kind), service()) == []
    assert findings(autoscale, tmp_path, workload(image="redis:8"), service()) == []
    assert findings(autoscale, tmp_path, workload()) == []


def test_an_autoscaler_that_points_at_nothing_names_the_nearest(tmp_path: Path) -> None:
    """It and the workload that it was meant for are both found."""
    found = findings(autoscale, tmp_path, workload().replace("name: web", "name: webs", 1), service(), scaler())
    assert shown(found) == [
        (
            "6 error spec.replicas: nothing scales it: it stays at 1 replica by default whatever the traffic, "
            "and Service web sends it requests."
        ),
        (
            "24 error spec.scaleTargetRef.name: it scales Deployment 'web', which is not in namespace shop: "
            "it scales nothing."
        ),
    ]
    assert found[1].fix == "Did you mean 'webs'?"


def test_what_could_not_be_seen_may_hold_the_target(tmp_path: Path) -> None:
    """With templates about and nothing else in the namespace, it is a warning; kinds of others are unknown."""
    release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x}\nspec: {}\n"
    (found,) = findings(autoscale, tmp_path, release, scaler())
    assert found.severity == "warning"
    assert findings(autoscale, tmp_path, scaler("Crew")) == []


@pytest.mark.parametrize(
    ("documents", "line", "says"),
    [
        ((workload("DaemonSet"), scaler("DaemonSet")), 19, "it scales DaemonSet 'web', and a DaemonSet has no number"),
        (
            (workload(), scaler().replace("minReplicas: 2", "minReplicas: 5")),
            20,
            "minReplicas is 5 and maxReplicas is 4",
        ),
        ((workload(spec="spec:\n  replicas: 3"), scaler()), 7, "replicas: 3 undoes the work of"),
        ((workload(), scaler(), scaler(name="web-2")), 27, "HorizontalPodAutoscaler/shop/web and HorizontalPod"),
    ],
)
def test_an_autoscaler_that_cannot_do_its_work_is_found(
    tmp_path: Path, documents: tuple[str, ...], line: int, says: str
) -> None:
    """A target without a number, bounds the wrong way round, a number in the manifest, two hands on one number."""
    (found,) = findings(autoscale, tmp_path, *documents)
    assert (found.line, found.says[: len(says)]) == (line, says)


def test_an_autoscaler_of_a_template_is_sent_to_the_rollout(tmp_path: Path) -> None:
    """The Deployment runs nothing itself."""
    rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r, namespace: shop}\n"
    rollout += "spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n"
    (found,) = findings(autoscale, tmp_path, workload(), scaler(), rollout)
    assert (found.says, found.fix) == (
        "Deployment 'web' only lends its template to Rollout r, which runs the replicas.",
        "Target Rollout 'r'.",
    )


VOLUME = SIZE + "\n      volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]"
TEMPLATES = "spec:\n  serviceName: web\n  volumeClaimTemplates: [{metadata: {name: v}}]"
HEADLESS = service("clusterIP: None")


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        (
            (workload(resources=VOLUME),),
            [
                (
                    "14 error spec.template.spec.volumes[v].persistentVolumeClaim: a Deployment writes to claim data: "
                    "all replicas share it."
                )
            ],
        ),
        (
            (workload(image="postgres:17", resources=VOLUME),),
            [
                (
                    "14 error spec.template.spec.volumes[v].persistentVolumeClaim: a Deployment writes to claim data, "
                    "and container 'main' runs PostgreSQL: all replicas share it."
                )
            ],
        ),
        (
            (workload(image="mongo"),),
            [
                (
                    "2 error kind: container 'main' runs MongoDB, in a Deployment without a volume: "
                    "its data dies with its Pod."
                )
            ],
        ),
        ((workload(image="redis"),), []),
        ((workload(resources=VOLUME.replace("claimName: data", "claimName: data, readOnly: true")),), []),
        ((workload("Job", resources=VOLUME),), []),
        ((workload("StatefulSet", spec=TEMPLATES + "\n  replicas: 2", image="postgres"), HEADLESS), []),
        (
            (workload("StatefulSet", spec="spec:\n  serviceName: web\n  replicas: 2", image="postgres"), HEADLESS),
            [
                (
                    "6 error spec.volumeClaimTemplates: container 'main' runs PostgreSQL, without a lasting disk: "
                    "its data dies with its Pod."
                )
            ],
        ),
        ((workload("StatefulSet", spec="spec:\n  serviceName: web\n  replicas: 2", image="redis"), HEADLESS), []),
        (
            (workload("StatefulSet", spec="spec:\n  replicas: 2"),),
            ["6 error spec.serviceName: it names no headless Service, so its replicas have no DNS names."],
        ),
        (
            (workload("StatefulSet", spec="spec:\n  serviceName: wen\n  replicas: 2"), HEADLESS),
            ["7 error spec.serviceName: Service 'wen', which gives its replicas their DNS names, is not there."],
        ),
        (
            (workload("StatefulSet", spec="spec:\n  serviceName: web\n  replicas: 2"), service()),
            [
                (
                    "7 error spec.serviceName: Service 'web' is not headless, so its replicas have no DNS names "
                    "of their own."
                )
            ],
        ),
        (
            (workload("StatefulSet", spec=TEMPLATES, resources=""), HEADLESS),
            [
                "6 warning spec.replicas: there is only 1 replica by default: a restart is an outage for its callers.",
                (
                    "13 error spec.template.spec.containers[main].resources: container 'main' has no cpu request, "
                    "memory request, cpu limit or memory limit."
                ),
            ],
        ),
    ],
)
def test_what_keeps_data_is_a_statefulset_with_names_and_disks(
    tmp_path: Path, documents: tuple[str, ...], says: list[str]
) -> None:
    """A claim and a store in it are one cause; a cache and a read-only claim are none."""
    assert shown(findings(statefulset, tmp_path, *documents)) == says


@pytest.mark.parametrize(
    ("kind", "image", "spec", "severity"),
    [
        ("StatefulSet", "postgres", TEMPLATES, "error"),
        ("StatefulSet", "acme/web", TEMPLATES, "warning"),
        ("Deployment", "mongo", "spec:", "error"),
        ("Deployment", "redis", "spec:", "warning"),
        ("StatefulSet", "acme/web", "spec:\n  serviceName: web", None),
        ("Deployment", "acme/web", "spec:", None),
    ],
)
def test_what_keeps_data_has_no_autoscaler(
    tmp_path: Path, kind: str, image: str, spec: str, severity: str | None
) -> None:
    """A store for certain, a disk for each replica most likely; and it is one finding, of this rule alone."""
    documents = (workload(kind, image, spec), scaler(kind))
    found = findings(manual_scaling, tmp_path, *documents)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert [finding.key for finding in found] == ["spec.scaleTargetRef.name"] * bool(severity)
    assert findings(autoscale, tmp_path, *documents) == []

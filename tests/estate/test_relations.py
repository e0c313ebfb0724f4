"""Who refers to whom: across files and folders, within a namespace, and only within what belongs together."""

from pathlib import Path

import pytest

from fairway.estate.index import Estate
from fairway.estate.read import read
from fairway.estate.workload import Workload

WORKLOAD = """
apiVersion: {api}
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  template:
    metadata: {{labels: {{app: {name}, tier: back}}}}
    spec: {{containers: [{{name: main, image: example.com/app}}]}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{type: {type}, selector: {{app: {name}}}, ports: [{{port: 80}}]}}
"""
SCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: {kind}, name: {name}}}, minReplicas: 2, maxReplicas: 4}}
"""


def deployment(name: str = "web", namespace: str = "shop", kind: str = "Deployment", api: str = "apps/v1") -> str:
    """Write a workload."""
    return WORKLOAD.format(name=name, namespace=namespace, kind=kind, api=api)


def service(name: str = "web", namespace: str = "shop", kind: str = "ClusterIP") -> str:
    """Write a Service."""
    return SERVICE.format(name=name, namespace=namespace, type=kind)


def scaler(name: str = "web", namespace: str = "shop", kind: str = "Deployment") -> str:
    """Write a HorizontalPodAutoscaler."""
    return SCALER.format(name=name, namespace=namespace, kind=kind)


def object_(api: str, kind: str, name: str, spec: str) -> str:
    """Write an object of the shop."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n"


def estate(folder: Path, *documents: str, **files: str) -> Estate:
    """Write documents to one file, and others below folders (a__b is a/b.yaml), and read all."""
    for name, text in {"all": "\n---\n".join(documents), **files}.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read([folder])


def only(found: Estate) -> Workload:
    """Give the one workload."""
    (workload,) = found.workloads
    return workload


def services(found: Estate, workload: Workload) -> list[str]:
    """Name what selects a workload."""
    return [one.resource.id for one in found.services_of(workload)]


def test_objects_are_related_across_folders(tmp_path: Path) -> None:
    """A Service, an autoscaler and a budget in folders of their own belong to the Deployment in another."""
    selector = "selector: {matchExpressions: [{key: tier, operator: In, values: [back]}]}"
    budget = object_("policy/v1", "PodDisruptionBudget", "b", selector)
    found = estate(tmp_path, deployment(), svc__a=service(), scale__b=scaler(), pdb__c=budget)
    workload = only(found)
    assert services(found, workload) == ["Service/shop/web"]
    assert [one.resource.id for one in found.autoscalers_of(workload)] == ["HorizontalPodAutoscaler/shop/web"]
    assert [one.id for one in found.budgets_of(workload)] == ["PodDisruptionBudget/shop/b"]
    assert found.workloads_of(found.services[0]) == found.targets_of(found.autoscalers[0]) == (workload,)


def test_what_stands_in_another_namespace_does_not_count(tmp_path: Path) -> None:
    """The same name and labels elsewhere are something else."""
    found = estate(tmp_path, deployment(), service(namespace="other"), scaler(namespace="other"))
    workload = only(found)
    assert (found.services_of(workload), found.autoscalers_of(workload)) == ((), ())
    assert found.targets_of(found.autoscalers[0]) == ()


@pytest.mark.parametrize(("one", "other"), [("", "default"), ("default", ""), ("''", "")])
def test_no_namespace_is_the_default_namespace(tmp_path: Path, one: str, other: str) -> None:
    """Left out, empty or named outright."""
    found = estate(tmp_path, deployment(namespace=one), service(namespace=other))
    assert services(found, only(found)) == ["Service/default/web"]


def test_places_that_define_the_same_workload_do_not_see_each_other(tmp_path: Path) -> None:
    """An autoscaler of production is none for staging; what lies beside both counts for both."""
    found = estate(
        tmp_path,
        service(),
        staging__eu__w=deployment(),
        production__eu__w=deployment(),
        production__us__w=deployment(),
        production__eu__h=scaler(),
    )
    scaled = {
        Path(w.resource.file).parent.relative_to(tmp_path).as_posix(): found.autoscalers_of(w) for w in found.workloads
    }
    assert {place: bool(by) for place, by in scaled.items()} == {
        "production/eu": True,
        "production/us": False,
        "staging/eu": False,
    }
    assert [services(found, workload) for workload in found.workloads] == [["Service/shop/web"]] * 3
    assert found.alternatives == 1


def test_two_files_that_define_the_same_workload_are_alternatives_too(tmp_path: Path) -> None:
    """A rendered file often lies beside its sources."""
    found = estate(tmp_path, release=deployment() + "---" + service(), web=deployment())
    assert [bool(found.services_of(workload)) for workload in found.workloads] == [True, False]


def test_a_keda_scaledobject_is_an_autoscaler(tmp_path: Path) -> None:
    """Its target is a Deployment unless it says otherwise."""
    spec = "scaleTargetRef: {name: web}, triggers: [{type: cpu, metadata: {value: '60'}}]"
    text = object_("keda.sh/v1alpha1", "ScaledObject", "s", spec)
    found = estate(tmp_path, deployment(), text)
    (one,) = found.autoscalers_of(only(found))
    assert (one.least, one.most, one.utilization) == (0, 100, (("cpu", ""),))


def test_a_rollout_is_a_workload_and_lends_nothing_twice(tmp_path: Path) -> None:
    """One that borrows a Deployment's template has its Pods; the Deployment itself then runs nothing."""
    spec = "workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}"
    rollout = object_("argoproj.io/v1alpha1", "Rollout", "web", spec)
    found = estate(tmp_path, deployment(), rollout, service(), scaler(kind="Rollout"))
    workload = only(found)
    assert (workload.kind, [container.name for container in workload.containers]) == ("Rollout", ["main"])
    assert (len(found.services_of(workload)), len(found.autoscalers_of(workload))) == (1, 1)
    assert [(a.id, b.id) for a, b in found.lent.items()] == [("Deployment/shop/web", "Rollout/shop/web")]


def test_what_another_object_owns_is_not_judged_again(tmp_path: Path) -> None:
    """Exports of a cluster hold a Deployment's ReplicaSets and Pods."""
    owned = deployment(name="web-5d4").replace(
        "name: web-5d4,", "name: web-5d4, ownerReferences: [{kind: ReplicaSet}],", 1
    )
    assert [w.name for w in estate(tmp_path, deployment(), owned).workloads] == ["web"]


@pytest.mark.parametrize(
    ("kind", "api"),
    [
        ("Deployment", "apps/v1"),
        ("Deployment", "extensions/v1beta1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("ReplicationController", "v1"),
        ("Job", "batch/v1"),
        ("Rollout", "argoproj.io/v1alpha1"),
    ],
)
def test_every_kind_with_a_template_is_read_alike(tmp_path: Path, kind: str, api: str) -> None:
    """Old API groups too."""
    workload = only(estate(tmp_path, deployment(kind=kind, api=api)))
    assert ([c.name for c in workload.containers], workload.pod_labels["app"]) == (["main"], "web")
    assert workload.runs_to_completion == (kind == "Job")


def test_cronjobs_and_pods_are_read_alike(tmp_path: Path) -> None:
    """Their Pods are one level deeper, or none."""
    pod = "metadata: {name: a, labels: {app: a}}\nspec: {restartPolicy: %s, containers: [{name: main}]}\n"
    template = "template: {spec: {containers: [{name: main}]}}"
    found = estate(
        tmp_path,
        f"apiVersion: v1\nkind: Pod\n{pod % 'Always'}",
        f"apiVersion: v1\nkind: Pod\n{pod.replace('name: a,', 'name: b,', 1) % 'Never'}",
        object_("batch/v1", "CronJob", "c", f"jobTemplate: {{spec: {{{template}}}}}"),
        object_("serving.knative.dev/v1", "Service", "d", template),
    )
    assert [(w.name, len(w.containers), w.runs_to_completion) for w in found.workloads] == [
        ("a", 1, False),
        ("b", 1, True),
        ("c", 1, True),
    ]
    assert found.services == ()


def test_native_sidecars_are_told_from_init_containers(tmp_path: Path) -> None:
    """They go on running."""
    inits = "initContainers: [{name: setup}, {name: proxy, restartPolicy: Always}], containers"
    workload = only(estate(tmp_path, deployment().replace("containers", inits)))
    assert [c.name for c in workload.init_containers] == ["setup"]
    assert [c.name for c in workload.sidecars] == ["proxy"]


def test_limits_of_a_namespace_or_a_pod_count_for_its_containers(tmp_path: Path) -> None:
    """A LimitRange gives defaults, a limit without a request is a request, and a Pod may state them as a whole."""
    spec = "limits: [{type: Container, defaultRequest: {cpu: 1}, max: {memory: 1Gi}}]"
    limits = object_("v1", "LimitRange", "l", spec)
    whole = deployment("a", "other").replace(
        "containers", "resources: {requests: {cpu: 1}, limits: {memory: 1Gi}}, containers"
    )
    found = estate(tmp_path, limits, deployment(), whole)
    for workload in found.workloads:
        (container,) = workload.containers
        assert found.requests_of(workload, container) == {"cpu", "memory"}
        assert found.limits_of(workload, container) == {"memory"}


CLAIM = (
    "volumes: [{name: v, persistentVolumeClaim: {claimName: c%s}}], "
    "containers: [{name: main, volumeMounts: [{name: v, mountPath: /v%s}]}]"
)


@pytest.mark.parametrize(
    ("claim", "mount", "mode", "written"),
    [
        ("", "", "ReadWriteOnce", True),
        ("", "", "ReadWriteMany", True),
        (", readOnly: true", "", "ReadWriteOnce", False),
        ("", ", readOnly: true", "ReadWriteMany", False),
        ("", "", "ReadOnlyMany", False),
    ],
)
def test_a_claim_is_state_unless_it_is_read_only(
    tmp_path: Path, claim: str, mount: str, mode: str, *, written: bool
) -> None:
    """By its volume, by its mounts or by its own mode."""
    text = deployment().replace("containers: [{name: main, image: example.com/app}]", CLAIM % (claim, mount))
    pvc = object_("v1", "PersistentVolumeClaim", "c", f"accessModes: [{mode}]")
    found = estate(tmp_path, text, pvc)
    assert bool(found.written_claims(only(found))) is written
    assert found.keeps_state(only(found)) is written

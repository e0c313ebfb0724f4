"""Every two choices of the facts meet in a system that is built: each object is sound, and refers to what is there."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.stages import kinds_of_clouds
from tests.stages.combined_system import CHOICES, ROOT, Case, built, cases, objects

from fairway import stages
from fairway.core.operators import needed
from fairway.core.registry import rooms
from fairway.estate.read import read
from fairway.estate.schema import CustomSchemas, problems
from fairway.estate.semantics import faults
from fairway.verbs.check import check

BUNDLE: Final = ROOT.parent / "shared" / "schemas" / "crd-schemas-strict.json.gz"
UNBUNDLED: Final = {  # kinds whose schemas are not in the bundle: nothing here proves their fields
    "Alertmanager.monitoring.coreos.com",
    "Binding.rabbitmq.com",
    "ClusterImagePolicy.policy.sigstore.dev",
    "Exchange.rabbitmq.com",
    "Permission.rabbitmq.com",
    "Prometheus.monitoring.coreos.com",
    "Queue.rabbitmq.com",
    "User.rabbitmq.com",
    "VolumeSnapshotClass.snapshot.storage.k8s.io",
}
every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(value for _, value in case))


def test_every_two_choices_meet() -> None:
    """The cases are few, and leave out no pair."""
    assert len(cases()) < 40
    for name, values in CHOICES.items():
        for other, others in CHOICES.items():
            met = {(dict(case)[name], dict(case)[other]) for case in cases()}
            assert name == other or met == {(one, two) for one in values for two in others}


@every_case
def test_every_built_in_object_is_valid(case: Case) -> None:
    """Strictly, and in what a schema cannot say."""
    wrong = [f"{path}: {fault}" for path, obj in objects(case) for fault in (*problems(obj).faults, *faults(obj))]
    assert wrong == []


@every_case
@pytest.mark.skipif(not BUNDLE.is_file(), reason=f"NOT CHECKED: custom objects, as no schemas are at {BUNDLE}")
def test_every_custom_object_is_valid(case: Case) -> None:
    """Against the definitions of the operators' own kinds; those without one are named."""
    custom = CustomSchemas.load(BUNDLE)
    wrong = []
    for path, obj in objects(case):
        verdict = problems(obj, custom=custom)
        group = obj["apiVersion"].rpartition("/")[0]
        wrong += [f"{path}: {fault}" for fault in verdict.faults]
        if (
            not verdict.known
            and f"{obj['kind']}.{group}" not in UNBUNDLED
            and kinds_of_clouds.kind_of(obj) not in kinds_of_clouds.SPECS
        ):
            wrong.append(f"{path}: nothing is known of {obj['apiVersion']}/{obj['kind']}")
    assert wrong == []


@every_case
def test_every_kind_of_a_cloud_is_as_its_definition_says(case: Case) -> None:
    """Fields, values, and what they refer to."""
    assert [fault for objects_there in sites(case).values() for fault in kinds_of_clouds.faults(objects_there)] == []


@every_case
def test_no_two_objects_of_a_site_have_one_name(case: Case) -> None:
    """What is applied second would take the first one's place."""
    for objects_there in sites(case).values():
        counted = Counter(
            (obj["apiVersion"].rpartition("/")[0], obj["kind"], *name_of(obj)) for obj in objects_there.values()
        )
        assert [key for key, count in counted.items() if count > 1] == []


@every_case
def test_every_operator_that_is_needed_is_known(case: Case) -> None:
    """Each custom kind has somebody who acts on it, and the page of each site names them."""
    for site, objects_there in sites(case).items():
        kinds = {(obj["apiVersion"].rpartition("/")[0], obj["kind"]) for obj in objects_there.values()}
        found, unknown = needed(kinds)
        assert unknown == ()
        page = built(case)[f"{site}/platform/operators.md"].text
        assert all(f"| {operator.name} |" in page for operator in found)


@every_case
def test_what_pods_refer_to_is_there(case: Case) -> None:
    """ConfigMaps, Secrets that something fetches or makes, accounts and claims."""
    missing = []
    for objects_there in sites(case).values():
        names = Named(objects_there)
        for path, obj in objects_there.items():
            if (pod := pod_of(obj)) is None:
                continue
            namespace = obj["metadata"].get("namespace", "")
            missing += [
                f"{path}: {kind} {name}"
                for kind, name in references(pod)
                if not names.has(kind, namespace, name, template=obj)
            ]
    assert missing == []


@every_case
def test_routes_lead_to_ports_that_are_there(case: Case) -> None:
    """Of HTTPRoutes and Ingresses to Services, of autoscalers to workloads, of bindings to roles and accounts."""
    missing = []
    for objects_there in sites(case).values():
        names = Named(objects_there)
        for path, obj in objects_there.items():
            namespace = obj["metadata"].get("namespace", "")
            for service, port in backends(obj):
                if port not in names.ports.get((namespace, service), ()):
                    missing.append(f"{path}: port {port} of Service {service}")
            if obj["kind"] == "HorizontalPodAutoscaler":
                target = obj["spec"]["scaleTargetRef"]
                if (target["kind"], namespace, target["name"]) not in names.every:
                    missing.append(f"{path}: {target}")
            if obj["kind"] == "RoleBinding":
                role = obj["roleRef"]
                if (role["kind"], namespace if role["kind"] == "Role" else "", role["name"]) not in names.every:
                    missing.append(f"{path}: {role}")
    assert missing == []


@every_case
def test_our_own_audit_finds_nothing(case: Case, tmp_path: Path) -> None:
    """Whatever is chosen keeps the standard."""
    for path, file in built(case).items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text)
    found = check(rooms(stages), read([tmp_path])).findings
    assert [f"{one.rule} {one.file.removeprefix(f'{tmp_path}/')}:{one.line} {one.says}" for one in found] == []


def sites(case: Case) -> dict[str, dict[str, dict[str, Any]]]:
    """Give the objects of each site by file."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path, obj in objects(case):
        found.setdefault("/".join(path.split("/")[:2]), {})[path] = obj
    return found


def name_of(obj: dict[str, Any]) -> tuple[str, str]:
    """Give namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Named:
    """What one site has, by kind, namespace and name; Secrets with those that somebody makes."""

    def __init__(self, objects_there: dict[str, dict[str, Any]]) -> None:
        """Take the objects of a site."""
        self.every = {(obj["kind"], *name_of(obj)) for obj in objects_there.values()}
        self.ports: dict[tuple[str, str], set[object]] = {}
        self.secrets: set[tuple[str, str]] = set()
        for obj in objects_there.values():
            namespace, name = name_of(obj)
            spec = obj.get("spec", {})
            if obj["kind"] == "Service":
                ports = spec.get("ports", [])
                self.ports[namespace, name] = {port["port"] for port in ports} | {port.get("name") for port in ports}
            self.secrets |= {(namespace, made) for made in _made_secrets(obj["kind"], name, spec)}

    def has(self, kind: str, namespace: str, name: str, *, template: dict[str, Any]) -> bool:
        """Tell whether something is there."""
        if kind == "Secret":
            return (namespace, name) in self.secrets
        claims = template.get("spec", {}).get("volumeClaimTemplates", [])
        return (kind, namespace, name) in self.every or (
            kind == "PersistentVolumeClaim" and any(claim["metadata"]["name"] == name for claim in claims)
        )


def _made_secrets(kind: str, name: str, spec: dict[str, Any]) -> Iterator[str]:
    """Name the Secrets that come of an object: by External Secrets, cert-manager and the stores' operators."""
    if kind == "ExternalSecret":
        yield spec["target"].get("name", name)
    elif kind == "Certificate":
        yield spec["secretName"]
    elif kind == "Cluster":
        yield from (f"{name}-{part}" for part in ("app", "ca", "replication", "server", "superuser"))
    elif kind == "Kafka":
        yield from (f"{name}-{part}" for part in ("cluster-ca-cert", "clients-ca-cert"))
    elif kind == "KafkaUser":
        yield name
    elif kind == "RabbitmqCluster":
        yield f"{name}-default-user"
    elif kind == "Elasticsearch":
        yield from (f"{name}-es-{part}" for part in ("elastic-user", "http-certs-public", "http-certs-internal"))
    elif kind == "K8ssandraCluster":
        yield f"{name}-superuser"


def pod_of(obj: dict[str, Any]) -> dict[str, Any] | None:
    """Give the spec of the Pods that an object makes."""
    spec = obj.get("spec", {})
    if obj["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job", "Rollout"} and "template" in spec:
        spec = {"jobTemplate": {"spec": spec}}
    if "jobTemplate" not in spec:
        return None
    pod: dict[str, Any] = spec["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def references(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name what a Pod cannot start without."""
    if "serviceAccountName" in pod:
        yield "ServiceAccount", pod["serviceAccountName"]
    for volume in pod.get("volumes", []):
        projected = volume.get("projected", {}).get("sources", [])
        for source in (volume, *projected):
            if "configMap" in source and not source["configMap"].get("optional"):
                yield "ConfigMap", source["configMap"]["name"]
            secret = source.get("secret", {})
            if secret and not secret.get("optional"):
                yield "Secret", secret.get("secretName") or secret["name"]
            if "persistentVolumeClaim" in source:
                yield "PersistentVolumeClaim", source["persistentVolumeClaim"]["claimName"]
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        yield from from_environment(container)


def from_environment(container: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name the objects that a container's variables come from."""
    for source in container.get("envFrom", []):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if key in source:
                yield kind, source[key]["name"]
    for variable in container.get("env", []):
        value = variable.get("valueFrom", {})
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if key in value and not value[key].get("optional"):
                yield kind, value[key]["name"]


def backends(obj: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Give the Services of its own namespace that a route leads to, each with its port."""
    spec = obj.get("spec", {})
    if obj["kind"] == "HTTPRoute":
        for rule in spec.get("rules", []):
            for backend in rule.get("backendRefs", []):
                if backend.get("kind", "Service") == "Service" and "namespace" not in backend:
                    yield backend["name"], backend["port"]
    elif obj["kind"] == "Ingress":
        for rule in spec.get("rules", []):
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                yield service["name"], service["port"].get("number", service["port"].get("name"))

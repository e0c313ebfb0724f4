"""What public systems do and a rule once misjudged, or passed over: each habit in the fewest lines."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding, Rule
from fairway.estate.read import read
from fairway.estate.validity import judge as judge_validity
from fairway.stages.s02_containers import secrets_manager
from fairway.stages.s03_orchestration import autoscale, configmaps_and_secrets, statefulset
from fairway.stages.s04_routing import kubernetes_dns
from fairway.stages.s06_observability import dashboards, metrics, prometheus
from fairway.stages.s07_security import image_scan, mesh_mtls, mtls, rbac
from fairway.stages.s09_resilience import circuit_breakers, dead_letters
from fairway.stages.s10_data import encryption_at_rest


def judge(rule: Rule, folder: Path, *objects: str) -> list[Finding]:
    """Let a rule judge some manifests."""
    (folder / "system.yaml").write_text("---\n".join(objects))
    assert rule.check is not None
    return list(rule.check(read([folder])))


def said(rule: Rule, folder: Path, *objects: str) -> list[str]:
    """Say each finding in a line."""
    return [f"{one.severity} {one.resource} {one.key}" for one in judge(rule, folder, *objects)]


def workload(
    name: str, container: str = "", *, kind: str = "Deployment", image: str = "acme/app:1", more: str = ""
) -> str:
    """Write a workload with one container."""
    return f"""apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: 1
  {more}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: {name}
        image: {image}
        {container}
"""


def service(name: str, port: int = 8080, called: str = "http", app: str = "") -> str:
    """Write a Service for a workload."""
    return f"""apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{app: {app or name}}}
  ports: [{{name: {called}, port: {port}}}]
"""


def config(kind: str, name: str, entries: str, more: str = "") -> str:
    """Write a ConfigMap or a Secret."""
    key = "data" if kind == "ConfigMap" else "stringData"
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop{more}}}\n{key}:\n{entries}"


def role(groups: str, resources: str, verbs: str, binding: str = "") -> str:
    """Write a ClusterRole, and how it is bound to a program."""
    text = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: agent}\n"
        f"rules:\n- {{apiGroups: {groups}, resources: {resources}, verbs: {verbs}}}\n"
    )
    if binding:
        text += (
            f"---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {binding}\n"
            "metadata: {name: agent, namespace: shop}\n"
            "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: agent}\n"
            "subjects: [{kind: ServiceAccount, name: agent, namespace: shop}]\n"
        )
    return text


# Secrets


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ('args: ["--username", "root", "--password", "hunter2"]', 1),
        ('args: ["--requirepass=hunter2"]', 1),
        ("command: [run, --api-key, 5f2b9c77a1d04e]", 1),
        ('args: ["--password", "$(PASSWORD)", "--token-file", "/run/token"]', 0),
        ('args: ["--tls-secret", "shop/web", "--password", "--verbose"]', 0),
    ],
)
def test_a_secret_on_the_command_line_is_found_and_a_reference_to_one_is_not(
    tmp_path: Path, arguments: str, keys: int
) -> None:
    """Flags with the value after them, or joined to them."""
    found = judge(configmaps_and_secrets.RULE, tmp_path, workload("db", arguments))
    assert len(found) == keys
    assert all(one.severity == "error" and "hunter2" not in one.says for one in found)


def test_a_statement_that_sets_a_password_is_a_secret_in_a_config_map(tmp_path: Path) -> None:
    """Scripts that prepare a database; one that takes the password from a variable has none."""
    start = "  a.sql: |\n    CREATE USER shop\n    WITH PASSWORD 'hunter2';\n"
    clean = "  a.sql: |\n    CREATE USER shop\n    WITH PASSWORD '${SHOP_PASSWORD}';\n"
    assert said(configmaps_and_secrets.RULE, tmp_path, config("ConfigMap", "start", start)) == [
        "error ConfigMap/shop/start data[a.sql]"
    ]
    assert said(configmaps_and_secrets.RULE, tmp_path, config("ConfigMap", "start", clean)) == []


@pytest.mark.parametrize(
    ("entries", "labels", "expected"),
    [
        ("  url: git@git.example.com:acme/deploy\n", ", labels: {argocd.argoproj.io/secret-type: repository}", False),
        ("  password: hunter2\n", ", labels: {argocd.argoproj.io/secret-type: repository}", True),
        ("  token: op://vault/item/token\n", "", False),
        ("  scrape.yaml: |\n    - job_name: nodes\n      scheme: https\n", "", False),
        ("  settings.yaml: |\n    smtp:\n      password: hunter2\n", "", True),
        ("  webhook: https://hooks.example.com/T1/B2\n", "", True),
    ],
)
def test_a_secret_whose_values_are_none_is_let_be(tmp_path: Path, entries: str, labels: str, *, expected: bool) -> None:
    """An address for Argo CD, a reference to a vault, a file without a password in it."""
    found = judge(secrets_manager.RULE, tmp_path, config("Secret", "one", entries, labels))
    assert bool(found) is expected


# Stores


def test_a_broker_in_an_image_of_many_programs_is_known_by_its_name_and_port(tmp_path: Path) -> None:
    """It keeps events, is no service to scale, and is asked for dead letters; whoever reads from it is scaled."""
    kafka = (
        workload("kafka", "ports: [{containerPort: 9092}]", image="acme/demo:1-kafka")
        + "---\n"
        + service("kafka", 9092)
    )
    reader = workload("accounting", "env: [{name: KAFKA_ADDR, value: 'kafka:9092'}]")
    assert said(statefulset.RULE, tmp_path, kafka) == ["error Deployment/shop/kafka kind"]
    assert said(dead_letters.RULE, tmp_path, kafka) == ["error Deployment/shop/kafka spec"]
    assert said(autoscale.RULE, tmp_path, kafka, reader) == ["error Deployment/shop/accounting spec.replicas"]
    assert said(circuit_breakers.RULE, tmp_path, kafka, reader) == []


def test_a_store_is_called_by_its_own_name(tmp_path: Path) -> None:
    """OpenSearch is not Elasticsearch."""
    (found,) = judge(statefulset.RULE, tmp_path, workload("logs", image="opensearchproject/opensearch:3"))
    assert "runs OpenSearch" in found.says


def test_a_redis_that_is_called_cache_may_be_lost(tmp_path: Path) -> None:
    """On the machine's own disk; with one of its own somebody wants to keep it."""
    volume = "volumeMounts: [{name: data, mountPath: /data}]\n      volumes: [{name: data, emptyDir: {}}]"
    for rule in (statefulset.RULE, encryption_at_rest.RULE):
        assert said(rule, tmp_path, workload("cache", volume, image="redis:8")) == []
        assert len(judge(rule, tmp_path, workload("cart", volume, image="redis:8"))) == 1
    claimed = volume.replace("emptyDir: {}", "persistentVolumeClaim: {claimName: data}")
    assert len(judge(statefulset.RULE, tmp_path, workload("cache", claimed, image="redis:8"))) == 1


def test_a_single_replica_has_no_need_of_names_for_each(tmp_path: Path) -> None:
    """A Service that is not headless is a remark then, and an error where there are several."""
    claims = "serviceName: db\n  volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]"
    one = workload("db", kind="StatefulSet", more=claims)
    names = [line for line in said(statefulset.RULE, tmp_path, one, service("db")) if "serviceName" in line]
    assert names == ["warning StatefulSet/shop/db spec.serviceName"]
    several = one.replace("replicas: 1", "replicas: 3")
    names = [line for line in said(statefulset.RULE, tmp_path, several, service("db")) if "serviceName" in line]
    assert names == ["error StatefulSet/shop/db spec.serviceName"]


# Traffic


def test_a_port_that_is_called_as_its_program_is_for_whom_the_program_is(tmp_path: Path) -> None:
    """A shop's admin pages are used by people; an exporter by nobody but Prometheus."""
    admin = workload("shop-admin", "ports: [{name: shop-admin, containerPort: 8080}]")
    exporter = workload("exporter", "ports: [{name: exporter, containerPort: 9100}]")
    assert said(autoscale.RULE, tmp_path, admin, exporter) == ["error Deployment/shop/shop-admin spec.replicas"]


def test_what_only_watches_is_not_asked_for_an_autoscaler(tmp_path: Path) -> None:
    """It keeps what it saw, and no request waits for it; a gateway does serve."""
    port = "ports: [{containerPort: 8080}]"
    watching = workload("jaeger", port, image="jaegertracing/all-in-one:1.60")
    assert said(autoscale.RULE, tmp_path, watching, workload("door", port, image="envoyproxy/envoy:v1.31")) == [
        "error Deployment/shop/door spec.replicas"
    ]


def test_calls_that_settings_tell_of_need_a_breaker_whatever_the_port_is_called(tmp_path: Path) -> None:
    """Charts call every port tcp-service."""
    cart = workload("cart", "ports: [{containerPort: 8080}]") + "---\n" + service("cart", called="tcp-service")
    caller = workload("web", "env: [{name: CART_ADDR, value: 'cart:8080'}]")
    assert said(circuit_breakers.RULE, tmp_path, cart) == []
    assert said(circuit_breakers.RULE, tmp_path, cart, caller) == ["error Service/shop/cart spec"]


def test_a_service_beside_templates_that_were_not_rendered_may_lead_there(tmp_path: Path) -> None:
    """Its Pods are in the chart; another folder's Service has no such excuse."""
    templates = tmp_path / "chart" / "templates"
    templates.mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: shop\n")
    (templates / "cart.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ .Release.Name }}}\n"
    )
    (templates / "service.yaml").write_text(service("cart"))
    assert said(kubernetes_dns.RULE, tmp_path, workload("web")) == []
    assert said(kubernetes_dns.RULE, tmp_path, workload("web"), service("basket")) == [
        "warning Service/shop/basket spec.selector"
    ]


def test_labels_that_programs_put_on_their_own_pods_are_not_missed(tmp_path: Path) -> None:
    """Vault says itself which replica is active."""
    one = service("vault").replace("selector: {app: vault}", "selector: {app: vault, LABEL: 'true'}")
    vault = workload("vault")
    assert said(kubernetes_dns.RULE, tmp_path, vault, one.replace("LABEL", "vault-active")) == []
    assert len(judge(kubernetes_dns.RULE, tmp_path, vault, one.replace("LABEL", "vault-activ"))) == 1


# Observability


def test_metrics_that_are_sent_by_otlp_need_no_monitor(tmp_path: Path) -> None:
    """Unless metrics are turned off, or only traces are sent."""
    ports = "ports: [{containerPort: 8080}]\n        env: [{name: NAME, value: 'http://collector:4318'}MORE]"
    for name, more, expected in (
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "", 0),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", 0),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", 1),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ", {name: OTEL_METRICS_EXPORTER, value: none}", 1),
    ):
        text = workload("web", ports.replace("NAME", name).replace("MORE", more))
        assert len(judge(prometheus.RULE, tmp_path, text, service("web"))) == expected


def test_a_collector_that_discovers_what_is_annotated_scrapes_it(tmp_path: Path) -> None:
    """The annotations of OpenTelemetry count where a collector heeds them."""
    note = 'metadata: {annotations: {io.opentelemetry.discovery.metrics/enabled: "true"}, labels'
    asking = workload("web", "ports: [{containerPort: 8080}]").replace("metadata: {labels", note)
    collector = config("ConfigMap", "collector", "  relay: |\n    receivers:\n      receiver_creator/metrics: {}\n")
    assert said(prometheus.RULE, tmp_path, asking, service("web"), collector) == []
    (found,) = judge(prometheus.RULE, tmp_path, asking, service("web"))
    assert "io.opentelemetry.discovery.metrics/enabled" in found.says


def test_rabbitmq_tells_metrics_by_itself_and_somebody_must_collect_them(tmp_path: Path) -> None:
    """Its image has had an exporter inside for years."""
    queue = workload("rabbitmq", image="rabbitmq:4") + "---\n" + service("rabbitmq", 5672)
    assert said(metrics.RULE, tmp_path, queue) == []
    assert said(prometheus.RULE, tmp_path, queue) == ["error Service/shop/rabbitmq spec.selector"]


def test_three_versions_behind_one_service_are_one_finding(tmp_path: Path) -> None:
    """The cause is the monitor that is missing for the Service."""
    versions = [
        workload(f"web-{v}", "ports: [{containerPort: 8080}]").replace("app: web-", "app: web, v: web-") for v in "abc"
    ]
    (found,) = judge(prometheus.RULE, tmp_path, *versions, service("web"))
    assert found.says.startswith("nothing collects the metrics of Deployment/shop/web-a, Deployment/shop/web-b and")


def test_a_recording_that_the_platform_may_bring_is_a_remark(tmp_path: Path) -> None:
    """Of a level that rules here record themselves it is an error: there the name is wrong."""
    rules = (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r, namespace: shop}\n"
        "spec: {groups: [{name: g, rules: [{record: 'service:errors:rate5m', expr: 'rate(errors_total[5m])'}]}]}\n"
    )
    board = '  b.json: \'{"panels": [{"targets": [{"expr": "NAME"}]}]}\'\n'
    for name, expected in (
        ("service:errors:rate5m", []),
        ("service:errors:rate9m", ["error"]),
        ("cluster:capacity_cpu_cores:sum", ["warning"]),
    ):
        found = judge(dashboards.RULE, tmp_path, rules, config("ConfigMap", "board", board.replace("NAME", name)))
        assert [one.severity for one in found if "ask for" in one.says] == expected


# Security


@pytest.mark.parametrize("rule", [mtls.RULE, image_scan.RULE, mesh_mtls.RULE])
def test_what_the_whole_system_lacks_is_said_of_the_system(tmp_path: Path, rule: Rule) -> None:
    """Not of the workload that happens to come first."""
    mesh = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
    mesh += "metadata: {name: a, namespace: shop}\nspec: {host: a}\n"
    objects = [workload(name, "ports: [{containerPort: 8080}]") for name in "ab"]
    (found,) = judge(rule, tmp_path, *objects, *([mesh] if rule is mesh_mtls.RULE else []))
    assert found.resource == "System"
    assert found.says.endswith("It concerns a and b.")


def test_rights_over_one_group_are_not_said_to_reach_secrets(tmp_path: Path) -> None:
    """A star under resources means everything of the groups that are named."""
    (mesh,) = judge(rbac.RULE, tmp_path, role("[networking.istio.io]", '["*"]', "[get, patch]"))
    assert mesh.says == "it may get and patch everything of networking.istio.io."
    (core,) = judge(rbac.RULE, tmp_path, role('[""]', '["*"]', "[get, patch]"))
    assert core.says == "it may get and patch everything, secrets too."


def test_a_program_that_reads_every_secret_of_the_cluster_is_told(tmp_path: Path) -> None:
    """A remark, as operators need to; bound in one namespace, or for named Secrets, it is none."""
    reading = ('[""]', "[configmaps, secrets]", "[get, list]")
    assert said(rbac.RULE, tmp_path, role(*reading, "ClusterRoleBinding")) == [
        "warning ClusterRole/agent rules[0].resources"
    ]
    assert said(rbac.RULE, tmp_path, role(*reading, "RoleBinding")) == []
    named = ('[""]', "[secrets], resourceNames: [mine]", "[get]")
    assert said(rbac.RULE, tmp_path, role(*named, "ClusterRoleBinding")) == []


def test_calls_through_sidecars_of_dapr_are_encrypted_unless_that_is_turned_off(tmp_path: Path) -> None:
    """They have certificates by default, though no file shows one."""
    note = 'metadata: {annotations: {dapr.io/enabled: "true"}, labels'
    apps = [workload(name, "ports: [{containerPort: 80}]").replace("metadata: {labels", note) for name in "ab"]
    off = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec: {mtls: {enabled: false}}\n"
    assert said(mtls.RULE, tmp_path, *apps) == []
    assert said(mtls.RULE, tmp_path, *apps, off) == ["error System "]


def test_a_claim_on_a_directory_of_a_machine_is_not_encrypted(tmp_path: Path) -> None:
    """A volume that somebody made by hand; of a cloud's disks nobody can tell."""
    volume = "volumes: [{name: d, persistentVolumeClaim: {claimName: db}}]"
    mongo = workload("db", f"volumeMounts: [{{name: d, mountPath: /data/db}}]\n      {volume}", image="mongo:8")
    claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: db, namespace: shop}\n"
    claim += "spec: {storageClassName: s}\n"
    bare = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv}\nspec: {storageClassName: s, SOURCE}\n"
    (found,) = judge(encryption_at_rest.RULE, tmp_path, mongo, claim, bare.replace("SOURCE", "hostPath: {path: /x}"))
    assert (found.resource, "which is a directory of a machine" in found.says) == ("Deployment/shop/db", True)
    cloud = bare.replace("SOURCE", "csi: {driver: pd.csi.storage.gke.io, volumeHandle: x}")
    assert said(encryption_at_rest.RULE, tmp_path, mongo, claim, cloud) == []


def test_what_sops_has_encrypted_is_no_malformed_object(tmp_path: Path) -> None:
    """It is decrypted before it is applied."""
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: one, namespace: shop}\ndata: {a: 'ENC[AES256_GCM,x]'}\n"
    (tmp_path / "one.yaml").write_text(text + "sops: {version: 3.9.0}\n")
    assert judge_validity(read([tmp_path])).problems == ()
    (tmp_path / "one.yaml").write_text(text)
    assert len(judge_validity(read([tmp_path])).problems) == 1

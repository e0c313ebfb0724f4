"""Observability builds valid, hardened objects that find each other, whatever is chosen."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.stages.observed_systems import CHOICES, chosen, example, landscapes, objects

import yaml
from fairway.core.artefact import Manifest, Site
from fairway.core.labels import selector
from fairway.core.profile import Landscape
from fairway.estate.schema import CustomSchemas, problems
from fairway.estate.semantics import faults
from fairway.stages.s06_observability import build

BUNDLE = Path(__file__).parents[3] / "shared" / "schemas" / "crd-schemas-strict.json.gz"
EVERY = list(landscapes().items())
PODS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}


def each(kind: str, landscape: Landscape) -> dict[str, dict[str, Any]]:
    """Give the objects of a kind, by name."""
    found = [manifest.object for manifest in objects(landscape) if manifest.object["kind"] == kind]
    return {one["metadata"]["name"]: one for one in found}


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    """Give the Pod's spec of a workload."""
    spec = workload["spec"]
    found: dict[str, Any] = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]["spec"]
    return found


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_every_object_is_one_that_kubernetes_takes(name: str, landscape: Landscape) -> None:
    """By strict schemas, and by what schemas cannot say; each in a file of its own."""
    built = objects(landscape)
    custom = CustomSchemas.load(BUNDLE) if BUNDLE.exists() else None
    for manifest in built:
        found = [*problems(manifest.object, custom=custom).faults, *faults(manifest.object)]
        assert found == [], (name, manifest.path)
    assert [path for path, times in Counter(manifest.path for manifest in built).items() if times > 1] == []


@pytest.mark.skipif(not BUNDLE.exists(), reason=f"NOT CHECKED: there are no schemas of custom resources at {BUNDLE}")
def test_a_misspelt_field_of_a_custom_resource_would_be_seen() -> None:
    """The check above can fail."""
    custom = CustomSchemas.load(BUNDLE)
    monitor = next(iter(each("PodMonitor", example("hello")).values()))
    broken = {**monitor, "spec": {**monitor["spec"], "podMetricEndpoints": []}}
    assert problems(broken, custom=custom).faults


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_no_pod_may_more_than_its_work_needs(name: str, landscape: Landscape) -> None:
    """No root, no rights, no writing outside its volumes, and a token only for what asks the API server."""
    workloads = [manifest.object for manifest in objects(landscape) if manifest.object["kind"] in PODS]
    assert workloads
    for workload in workloads:
        spec = pod(workload)
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert {"cpu", "memory"} == set(container["resources"]["requests"]) == set(container["resources"]["limits"])
            assert ":" in container["image"].rpartition("/")[2]
            assert not container["image"].endswith(":latest")
        asks = spec["automountServiceAccountToken"]
        assert asks is (workload["metadata"]["name"] == "kube-state-metrics")


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_what_is_referred_to_is_there(name: str, landscape: Landscape) -> None:
    """ConfigMaps, Secrets and accounts of Pods exist, or an operator is known to make them."""
    made = {"elasticsearch-es-http-certs-public", "elasticsearch-es-elastic-user"}
    secrets = made | set(each("ExternalSecret", landscape))
    secrets |= {one["spec"]["secretName"] for one in each("Certificate", landscape).values()}
    maps, accounts = set(each("ConfigMap", landscape)), set(each("ServiceAccount", landscape))
    for kind in PODS:
        for workload in each(kind, landscape).values():
            spec = pod(workload)
            assert spec["serviceAccountName"] in accounts, name
            for volume in spec["volumes"]:
                if "configMap" in volume:
                    assert volume["configMap"]["name"] in maps
                if "secret" in volume:
                    assert volume["secret"]["secretName"] in secrets
    for dashboard in each("GrafanaDashboard", landscape).values():
        assert dashboard["spec"]["configMapRef"]["name"] in maps
    for text in re.findall(r"'name': '(alertmanager-receivers)'", str(each("AlertmanagerConfig", landscape))):
        assert text in secrets


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_every_service_is_scraped_alerted_on_and_shown(name: str, landscape: Landscape) -> None:
    """Each has a monitor that selects it, rules and a dashboard; a foreign run is told by its Job alone."""
    monitors, rules = each("PodMonitor", landscape), each("PrometheusRule", landscape)
    dashboards = each("GrafanaDashboard", landscape)
    for service, profile in landscape.services.items():
        if profile.foreign and profile.runs_to_completion:
            assert service not in monitors
        else:
            spec = monitors[service]["spec"]
            assert spec["selector"]["matchLabels"] == selector(landscape.system.system, service), name
            assert spec["namespaceSelector"] == {"matchNames": [landscape.system.system]}
        assert rules[service]["spec"]["groups"]
        assert f"dashboard-{service}" in dashboards


@pytest.mark.parametrize(("name", "landscape"), EVERY, ids=[name for name, _ in EVERY])
def test_only_what_reads_the_disks_of_nodes_stands_where_that_is_allowed(name: str, landscape: Landscape) -> None:
    """What watches stands in a restricted namespace; what it may read of the system is granted in the system's."""
    levels = {key: one["metadata"]["labels"] for key, one in each("Namespace", landscape).items()}
    enforced = {key: labels["pod-security.kubernetes.io/enforce"] for key, labels in levels.items()}
    assert enforced == {"observability": "restricted", "log-collection": "privileged"}
    homes = {
        manifest.object["metadata"]["name"]: manifest.object["metadata"]["namespace"]
        for manifest in objects(landscape)
        if manifest.object["kind"] in PODS
    }
    collector = landscape.system.platform.log_collector
    assert {part for part, home in homes.items() if home != "observability"} == {collector}, name
    for kind in PODS:
        for part, workload in each(kind, landscape).items():
            reads = [volume for volume in pod(workload)["volumes"] if "hostPath" in volume]
            assert bool(reads) is (part == collector)
    for manifest in objects(landscape):
        described = manifest.object["metadata"]
        if manifest.object["kind"] != "Namespace":
            granted = {landscape.system.system} if "Role" in manifest.object["kind"] else set()
            assert described["namespace"] in {"observability", "log-collection"} | granted, manifest.path
        assert described["labels"]["app.kubernetes.io/part-of"] == landscape.system.system


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_the_collector_reaches_its_store_and_trusts_its_certificate(choice: tuple[str, str, str]) -> None:
    """From a namespace of its own: policies on both sides let it, and one authority signed both certificates."""
    collector, store, _ = choice
    landscape = chosen(*choice)
    policies = each("NetworkPolicy", landscape)
    home = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "log-collection"}}}
    [let_in] = policies[store]["spec"]["ingress"]
    assert home in let_in["from"]
    out = policies["log-collection"]["spec"]["egress"][-1]
    assert out["to"][0]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": store}}
    assert out["ports"] == let_in["ports"]
    own, theirs = (each("Certificate", landscape)[name]["spec"] for name in (collector, store))
    assert own["issuerRef"] == theirs["issuerRef"]
    volumes = {volume["name"]: volume for volume in pod(each("DaemonSet", landscape)[collector])["volumes"]}
    assert volumes["certificates"]["secret"]["secretName"] == own["secretName"]
    if store == "elasticsearch":
        served = each("Elasticsearch", landscape)[store]["spec"]["http"]["tls"]["certificate"]["secretName"]
        assert served == theirs["secretName"]
        assert "elasticsearch-es-http.observability.svc.cluster.local" in theirs["dnsNames"]


def test_in_a_mesh_prometheus_has_a_certificate_of_the_mesh() -> None:
    """Strict mutual TLS lets nobody else read metrics."""
    inside = each("Prometheus", chosen("fluent-bit", "loki", "istio"))["prometheus"]["spec"]
    monitor = each("PodMonitor", chosen("fluent-bit", "loki", "istio"))["shop"]["spec"]
    assert monitor["scrapeClass"] == inside["scrapeClasses"][0]["name"]
    assert monitor["podMetricsEndpoints"][0]["scheme"] == "https"
    assert inside["scrapeClasses"][0]["tlsConfig"]["certFile"].startswith(inside["volumeMounts"][0]["mountPath"])
    outside = each("Prometheus", chosen("fluent-bit", "loki", "none"))["prometheus"]["spec"]
    assert "scrapeClasses" not in outside
    assert (
        "scheme"
        not in each("PodMonitor", chosen("fluent-bit", "loki", "none"))["shop"]["spec"]["podMetricsEndpoints"][0]
    )


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
def test_the_collector_sends_lines_to_the_store_that_is_there(choice: tuple[str, str, str]) -> None:
    """The configuration is what its program reads, names the store, and holds no password."""
    collector, store, _ = choice
    landscape = chosen(*choice)
    held = [one for name, one in each("ConfigMap", landscape).items() if name.startswith(collector)]
    ((text,),) = (one["data"].values() for one in held)
    assert f"{'elasticsearch-es-http' if store == 'elasticsearch' else 'loki'}.observability.svc.cluster.local" in text
    if collector == "fluent-bit":
        config = yaml.safe_load(text)
        names = {output["name"] for output in config["pipeline"]["outputs"]}
        assert names == {"loki" if store == "loki" else "es"}
        assert all(output["tls"] is True for output in config["pipeline"]["outputs"])
    else:
        opened = re.findall(r"^ *<([a-z]+)", text, re.MULTILINE)
        closed = re.findall(r"^ *</([a-z]+)>", text, re.MULTILINE)
        assert sorted(opened) == sorted(closed)
        assert f"@type {store}" in text
    if store == "elasticsearch":
        assert "/password/password" in text
        assert "logs-shop-personal" in text or "logs-shop-${data}" in text


def test_lines_are_kept_as_long_as_their_class_of_data_allows() -> None:
    """In Loki by a stream's service, in Elasticsearch by the template of each data stream."""
    maps = each("ConfigMap", chosen("fluentd", "loki", "none"))
    (loki,) = (yaml.safe_load(one["data"]["loki.yaml"]) for name, one in maps.items() if name.startswith("loki"))
    streams = {one["selector"]: one["period"] for one in loki["limits_config"]["retention_stream"]}
    assert streams['{system="shop",service=~"mailer"}'] == "14d"
    maps = each("ConfigMap", chosen("fluentd", "elasticsearch", "none"))
    (setup,) = (one["data"] for name, one in maps.items() if name.startswith("elasticsearch-setup"))
    assert '"data_retention": "14d"' in setup["template-personal.json"]


def test_traces_go_through_the_collector_to_jaeger_under_the_names_that_services_are_told() -> None:
    """The operator adds -collector to the name of a Service."""
    found = each("OpenTelemetryCollector", example("bookshop"))
    assert set(found) == {"opentelemetry", "jaeger"}
    exporter = found["opentelemetry"]["spec"]["config"]["exporters"]["otlp"]
    assert exporter["endpoint"] == "jaeger-collector.observability.svc.cluster.local:4317"
    assert found["jaeger"]["spec"]["image"].startswith("jaegertracing/jaeger:2.")
    backends = found["jaeger"]["spec"]["config"]["extensions"]["jaeger_storage"]["backends"]
    assert backends["traces"]["badger"]["ttl"] == {"spans": "168h"}
    shared = each("OpenTelemetryCollector", example("clinic"))["jaeger"]["spec"]["config"]
    assert "elasticsearch" in shared["extensions"]["jaeger_storage"]["backends"]["traces"]


def test_the_same_facts_give_the_same_objects_on_every_site_but_its_name() -> None:
    """Each region watches itself alike."""

    def built(region: str) -> list[Manifest]:
        return list(build.manifests(example("bookshop"), Site(environment="production", region=region)))

    here, there = built("eu-west-1"), built("us-east-1")
    differing = {one.path for one, other in zip(here, there, strict=True) if one != other}
    assert {path.partition("/")[2].partition("-")[0].removesuffix(".yaml") for path in differing} == {
        "prometheus",
        "configmap",
        "daemonset",
    }

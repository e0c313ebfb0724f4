"""What one room builds fits what another builds, in small systems that no example shows."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import yaml
from fairway.core.facts import System
from fairway.declaration.load import load
from fairway.estate.read import read
from fairway.verbs.check import check
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard

ROOT: Final = Path(__file__).parents[2]
TRAFFIC: Final = {"typical": 1, "peak": 2}


def tree(facts: dict[str, Any]) -> dict[str, str]:
    """Build a small system in memory."""
    loaded = msgspec.structs.replace(load(ROOT / "examples" / "hello"), system=msgspec.convert(facts, System))
    return {path: file.text for path, file in render(Workspace(loaded, standard())).items()}


@pytest.mark.parametrize("criticality", ["low", "standard", "mission-critical"])
def test_a_run_is_ended_long_after_somebody_was_told_that_it_takes_too_long(criticality: str) -> None:
    """Where it was ended first, the alert could never fire."""
    tidy = {"runs": "to-completion", "schedule": "0 1 * * *", "criticality": criticality}
    built = tree({"system": "attic", "services": {"tidy": tidy}})
    job = yaml.safe_load(built["production/main/services/tidy/cronjob.yaml"])["spec"]["jobTemplate"]["spec"]
    rules = yaml.safe_load(built["production/main/observability/prometheusrule-tidy.yaml"])["spec"]["groups"]
    [told] = [rule for group in rules for rule in group["rules"] if rule.get("alert") == "RunTooLong"]
    bound = int(re.findall(r"> (\d+)$", told["expr"].strip())[0])
    assert job["activeDeadlineSeconds"] >= 2 * bound


@pytest.mark.parametrize("mesh", ["istio", "none"])
@pytest.mark.parametrize("broker", ["nats", "kafka", "rabbitmq"])
def test_a_system_of_events_alone_passes_our_own_audit(broker: str, mesh: str, tmp_path: Path) -> None:
    """Its broker is scraped, guarded and reached like all else."""
    said, heard = {"publishes": ["said"]}, {"consumes": ["said"]}
    services = {name: {"owner": "us", "traffic": TRAFFIC, **one} for name, one in {"one": said, "two": heard}.items()}
    platform = {"broker": broker, "mesh": mesh}
    facts = {"system": "chat", "owners": {"us": "#us"}, "platform": platform, "channels": {"said": {}}}
    for path, text in tree(facts | {"services": services}).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert list(check(standard(), read([tmp_path])).findings) == []


EXAMPLES: Final = ["bookshop", "clinic", "cafe", "hello"]
CHOICES: Final = [(mesh, gateway) for mesh in ("istio", "none") for gateway in ("kong", "ambassador")]


@cache
def objects(example: str, mesh: str, gateway: str) -> dict[str, dict[str, Any]]:
    """Build an example with another mesh and gateway, and give its objects by path."""
    loaded = load(ROOT / "examples" / example)
    platform = msgspec.structs.replace(loaded.system.platform, mesh=mesh, gateway=gateway)
    loaded = msgspec.structs.replace(loaded, system=msgspec.structs.replace(loaded.system, platform=platform))
    files = render(Workspace(loaded, standard())).items()
    return {path: file.manifest.object for path, file in files if file.manifest is not None}


@pytest.mark.parametrize(("mesh", "gateway"), CHOICES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_service_reaches_the_issuers_whose_keys_its_binding_names(example: str, mesh: str, gateway: str) -> None:
    """A policy that lets nobody fetch keys would have every token refused."""
    built = objects(example, mesh, gateway)
    anybody = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    told = [path for path, one in built.items() if '"issuers"' in one.get("data", {}).get("binding.json", "")]
    assert told
    for path in told:
        policy = built[f"{path.rpartition('/')[0]}/networkpolicy.yaml"]
        assert [rule for rule in policy["spec"]["egress"] if rule == anybody] == [anybody], path


@pytest.mark.parametrize(("mesh", "gateway"), CHOICES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_prometheus_finds_what_it_scrapes_and_whom_it_tells(example: str, mesh: str, gateway: str) -> None:
    """Where it may not list Pods it finds nothing to scrape, and without endpoints no alert goes anywhere."""
    built = [one for path, one in objects(example, mesh, gateway).items() if path.startswith("production/")]
    roles = {one["metadata"]["namespace"]: one["rules"] for one in built if _is(one, "Role", "prometheus")}
    bound = {one["metadata"]["namespace"] for one in built if _is(one, "RoleBinding", "prometheus")}
    scraped = {
        name for one in built if one["kind"] == "PodMonitor" for name in one["spec"]["namespaceSelector"]["matchNames"]
    }
    assert scraped <= set(roles) == bound
    assert all("pods" in rules[0]["resources"] for rules in roles.values())
    listed = {
        (group, name) for rule in roles["observability"] for group in rule["apiGroups"] for name in rule["resources"]
    }
    assert listed == {("", "pods"), ("", "services"), ("discovery.k8s.io", "endpointslices")}
    [prometheus] = {repr(one["spec"]["serviceDiscoveryRole"]) for one in built if one["kind"] == "Prometheus"}
    assert prometheus == "'EndpointSlice'"


@pytest.mark.parametrize("gateway", ["kong", "ambassador"])
@pytest.mark.parametrize("mesh", ["istio", "none"])
def test_what_the_gateway_runs_beside_it_is_scraped_as_its_proxy_demands(mesh: str, gateway: str) -> None:
    """In a strict mesh plain text is refused, whoever asks."""
    built = objects("bookshop", mesh, gateway)
    site = "production/eu-west-1/platform"
    run = [one["metadata"]["name"] for path, one in built.items() if path.startswith(f"{site}/deployment-")]
    assert "dex" in run
    for name in run:
        spec = built[f"{site}/podmonitor-{name}.yaml"]["spec"]
        assert (spec.get("scrapeClass"), spec["podMetricsEndpoints"][0].get("scheme")) == (
            ("mesh", "https") if mesh == "istio" else (None, None)
        )


@pytest.mark.parametrize(("mesh", "gateway"), CHOICES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_who_may_not_be_root_is_named_by_a_number(example: str, mesh: str, gateway: str) -> None:
    """The kubelet cannot tell a user's name in an image from root, and does not start such a container."""
    pods = [pod for one in objects(example, mesh, gateway).values() for pod in _pods(one)]
    assert pods
    for pod in pods:
        every = pod.get("securityContext", {})
        for container in pod["containers"]:
            user = {**every, **container.get("securityContext", {})}
            assert not user.get("runAsNonRoot") or isinstance(user.get("runAsUser"), int), container


@pytest.mark.parametrize(("mesh", "gateway"), CHOICES)
def test_whoever_asks_prometheus_of_a_release_is_let_in_there(mesh: str, gateway: str) -> None:
    """An analysis that gets no answer ends every release."""
    built = objects("bookshop", mesh, gateway)
    asked = [one for one in built.values() if one["kind"] == "AnalysisTemplate"]
    assert "http://prometheus.observability.svc.cluster.local:9090" in str(asked)
    policy = built["production/eu-west-1/observability/networkpolicy-prometheus.yaml"]["spec"]
    rollouts = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "argo-rollouts"}}}
    assert {"from": [rollouts], "ports": [{"protocol": "TCP", "port": 9090}]} in policy["ingress"]


@pytest.mark.parametrize(("mesh", "gateway"), CHOICES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_no_policy_of_the_platform_opens_a_whole_namespace(example: str, mesh: str, gateway: str) -> None:
    """Policies add up: a wide one beside exact ones is the only one that counts."""
    for path, one in objects(example, mesh, gateway).items():
        if one["kind"] != "NetworkPolicy" or one["spec"]["podSelector"] != {}:
            continue
        for rule in (*one["spec"].get("ingress", []), *one["spec"].get("egress", [])):
            for peer in rule.get("from", []) or rule["to"]:
                assert "podSelector" in peer or peer["ipBlock"]["cidr"] == "169.254.20.10/32", path


@pytest.mark.parametrize("gateway", ["kong", "ambassador"])
def test_every_dashboard_is_shown_by_the_grafana_that_is_there(gateway: str) -> None:
    """Grafana's operator shows what it is told of; a ConfigMap alone stays where it lies."""
    built = objects("bookshop", "istio", gateway).values()
    held = {one["metadata"]["name"] for one in built if "grafana_dashboard" in one["metadata"].get("labels", {})}
    shown = [one["spec"] for one in built if one["kind"] == "GrafanaDashboard"]
    [grafana] = {tuple(sorted(one["metadata"]["labels"].items())) for one in built if one["kind"] == "Grafana"}
    assert held == {spec["configMapRef"]["name"] for spec in shown}
    assert all(spec["instanceSelector"]["matchLabels"].items() <= dict(grafana).items() for spec in shown)


@pytest.mark.parametrize("gateway", ["kong", "ambassador"])
def test_what_the_page_of_the_gateway_shows_is_scraped(gateway: str) -> None:
    """The gateway itself, and each program beside it."""
    built = objects("bookshop", "none", gateway)
    text = built["production/eu-west-1/platform/configmap-dashboard-gateway.yaml"]["data"]["gateway.json"]
    monitors = {path.rpartition("podmonitor-")[2] for path in built if "/platform/podmonitor-" in path}
    assert {f"{gateway}.yaml", "gateway-limits.yaml", "dex.yaml"} <= monitors
    assert "envoy_http_downstream_rq[" not in text  # Envoy counts answers of a listener by class of code only


def test_the_name_of_grafana_leads_to_the_port_that_its_operator_opens() -> None:
    """The operator calls it 'grafana-http'; by another name nothing stands behind the Service."""
    built = objects("hello", "none", "kong")
    [port] = built["production/main/observability/service-grafana.yaml"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (3000, "grafana-http")


HARD: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
SECURED: Final = {  # where the Pods of an operator that hardens none by itself are told how to be
    "RedisReplication": ("podSecurityContext", "securityContext", "redisExporter.securityContext"),
    "PerconaXtraDBCluster": (
        "pxc.podSecurityContext",
        "pxc.containerSecurityContext",
        "haproxy.podSecurityContext",
        "haproxy.containerSecurityContext",
        "backup.storages.backups.podSecurityContext",
        "backup.storages.backups.containerSecurityContext",
    ),
    "K8ssandraCluster": (
        "cassandra.podSecurityContext",
        "medusa.securityContext",
        "reaper.podSecurityContext",
    ),
}


@pytest.mark.parametrize(
    ("kind", "store"),
    [
        ("RedisReplication", {"workload": "cache"}),
        ("PerconaXtraDBCluster", {"workload": "transactional", "engine": "mysql"}),
        ("K8ssandraCluster", {"workload": "write-heavy", "engine": "cassandra"}),
    ],
)
def test_servers_of_stores_are_taken_in_by_the_namespace_they_stand_in(kind: str, store: dict[str, str]) -> None:
    """It is restricted, and what an operator makes there is refused where it is not told to be as harmless."""
    built = tree({"system": "shop", "services": {"shop": {"stores": ["kept"]}}, "stores": {"kept": store}})
    objects_there = [yaml.safe_load(text) for path, text in built.items() if "/data/kept/" in path]
    levels = yaml.safe_load(built["production/main/platform/namespace.yaml"])["metadata"]["labels"]
    assert levels["pod-security.kubernetes.io/enforce"] == "restricted"
    [made] = [one["spec"] for one in objects_there if one["kind"] == kind]
    for path in SECURED[kind]:
        told = made
        for key in path.split("."):
            told = told[key]
        if path.rpartition(".")[2] == "podSecurityContext":
            assert (told["runAsNonRoot"], told["seccompProfile"]["type"]) == (True, "RuntimeDefault"), path
            assert told["runAsUser"] > 0
        else:
            assert told == HARD, path


def test_an_old_version_keeps_its_configuration_until_the_new_one_is_healthy() -> None:
    """It would be taken away with the sync that brings the new one; a canary that fails goes back to it."""
    text = tree({"system": "shop", "services": {"shop": {}}})["gitops/argocd.yaml"]
    [every] = [one for one in yaml.safe_load_all(text) if one["kind"] == "ApplicationSet"]
    policy = every["spec"]["template"]["spec"]["syncPolicy"]
    assert policy["automated"]["prune"] is True
    assert "PruneLast=true" in policy["syncOptions"]


def test_limits_of_addresses_see_the_addresses_of_callers() -> None:
    """A load balancer on AWS that is not told to shows its own, and one caller would use up everybody's limit."""
    built = objects("bookshop", "istio", "kong")
    limits = [one["config"] for one in built.values() if one.get("plugin") == "rate-limiting"]
    assert "ip" in {one["limit_by"] for one in limits}
    notes = built["production/eu-west-1/platform/service-entrance.yaml"]["metadata"]["annotations"]
    key = "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes"
    assert notes[key] == "preserve_client_ip.enabled=true"


def _pods(one: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - whatever an object holds
    """Find Pods wherever they are described: in workloads, and in what operators make workloads of."""
    if isinstance(one, dict):
        if isinstance(one.get("containers"), list):
            yield one
        for held in one.values():
            yield from _pods(held)
    elif isinstance(one, list):
        for held in one:
            yield from _pods(held)


def _is(one: dict[str, Any], kind: str, name: str) -> bool:
    return bool(one["kind"] == kind and one["metadata"]["name"] == name)

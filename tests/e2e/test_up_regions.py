"""`fairway up --regions`: a gateway and a mesh in each region, and calls that move to another one as decided."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from local_system import System, ask, load, until

from fairway.local.run_folder import RunFolder

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
HOME, AWAY = "eu-west-1", "us-east-1"
LEFT_OUT = 30  # seconds, as was decided for a replica that fails
SERVICES = ("storefront", "orders", "inventory")


class Regions(System):
    """The part of the bookshop that shows it: readers are served from two regions."""

    @property
    def token(self) -> str:
        """Give a reader's authorization."""
        return f"Bearer {self.run('token', '--user', 'ann', '--tenant', 'riverside').stdout.strip()}"

    def envoy(self, name: str, path: str) -> str:
        """Ask the administration of a proxy."""
        admin = RunFolder(self.folder).socket(f"{name}.admin")
        asked = ["curl", "-sf", "--unix-socket", str(admin), f"http://envoy{path}"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    def targets(self, caller: str, callee: str) -> dict[int, str]:
        """Give the replicas that a caller's proxy knows of a callee, by priority."""
        ports = json.loads((self.folder / ".fairway" / "ports.json").read_text())
        names = {port: name.removeprefix("mtls.") for name, port in ports.items() if name.startswith("mtls.")}
        region = HOME if caller.endswith("-0") else AWAY
        said = json.loads(self.envoy(f"mesh.{region}", "/clusters?format=json"))["cluster_statuses"]
        [hosts] = [one["host_statuses"] for one in said if one["name"] == f"{caller}.to.{callee}"]
        return {one.get("priority", 0): names[one["address"]["socket_address"]["port_value"]] for one in hosts}

    def answered(self, replica: str) -> int:
        """Count the calls that a replica's proxy has let through."""
        region = HOME if replica.endswith("-0") else AWAY
        said = self.envoy(f"mesh.{region}", f"/stats?filter=^cluster.{replica}.grpc.upstream_rq_completed")
        return int(said.rpartition(": ")[2] or 0)


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    """Give a system in two regions that is up."""
    folder = tmp_path_factory.mktemp("regions") / "shop"
    left_out = shutil.ignore_patterns(".fairway", "__pycache__", "deploy", "tests")
    shutil.copytree(BOOKSHOP, folder, ignore=left_out)
    system = Regions(folder)
    try:
        system.run("up", "--detach", "--regions", "--no-console", "--only", ",".join(SERVICES))
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


def test_each_region_has_its_own_gateway_and_mesh(regions: Regions) -> None:
    """With replicas of every service behind it, and a port of its own that status names."""
    found = regions.status
    assert list(found["gateways"]) == [HOME, AWAY]
    assert len(set(found["gateways"].values())) == 2
    proxies = {one["name"]: one["state"] for one in found["processes"] if one["part"] == "proxy"}
    assert proxies == dict.fromkeys(
        [f"{what}.{where}" for what in ("gateway", "mesh") for where in (HOME, AWAY)], "ready"
    )
    for number, url in enumerate(found["gateways"].values()):
        before = regions.answered(f"inventory-{number}")
        assert ask(f"{url}/storefront/books")[0] == 200
        assert regions.answered(f"inventory-{number}") == before + 1
        assert url in regions.run("status").stdout


def test_only_what_is_to_be_rerouted_knows_another_region_and_its_own_comes_first(regions: Regions) -> None:
    """Orders are declared so, inventory is not: an autonomous region asks its own alone."""
    assert regions.targets("storefront-0", "orders") == {0: "orders-0", 1: "orders-1"}
    assert regions.targets("storefront-1", "orders") == {0: "orders-1", 1: "orders-0"}
    assert regions.targets("storefront-0", "inventory") == {0: "inventory-0"}
    assert regions.targets("storefront-1", "inventory") == {0: "inventory-1"}


def test_nothing_but_mutual_tls_goes_between_the_regions(regions: Regions) -> None:
    """Whoever has no certificate gets no answer from the other region's replica."""
    ports = json.loads((regions.folder / ".fairway" / "ports.json").read_text())
    with socket.create_connection(("127.0.0.1", ports["mtls.orders-1"]), timeout=5) as line:
        line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert line.recv(64) in {b"", b"\x15\x03\x01\x00\x02\x02F"}  # the second is TLS for: this is no TLS


def test_calls_move_to_the_other_region_while_their_own_has_nobody(regions: Regions) -> None:
    """And come back; the reader notices nothing: an order that is not there is not there in either region."""
    home, away = (regions.answered(f"orders-{number}") for number in range(2))
    pid = regions.process("orders-0")["pid"]
    url = f"{regions.status['gateway']}/storefront/orders/order-000009"
    with load(url, clients=3, pause=0.25, authorization=regions.token) as counted:
        until(lambda: regions.answered("orders-0") > home + 10)
        assert regions.answered("orders-1") == away
        os.kill(pid, signal.SIGKILL)
        until(lambda: regions.answered("orders-1") > away + 3)
        until(lambda: regions.process("orders-0")["state"] == "ready")
        home = regions.answered("orders-0")
        until(lambda: regions.answered("orders-0") > home + 10, LEFT_OUT + 15)
    assert {status for status, _ in counted} == {404}, counted


def test_a_lost_region_leaves_the_other_one_serving(regions: Regions) -> None:
    """Its gateway and mesh are killed and held down; what stands in the home region stays reachable."""
    names = [f"{what}.{AWAY}" for what in ("gateway", "mesh")]
    pids = [regions.process(name)["pid"] for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert ask(f"{regions.status['gateway']}/storefront/books")[0] == 200
            time.sleep(0.05)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    until(lambda: _well(regions, names))


def _well(regions: Regions, names: list[str]) -> bool:
    found = {one["name"]: one["state"] for one in regions.status["processes"]}
    return all(found[name] == "ready" for name in names)


def test_services_of_both_regions_are_replaced_one_after_the_other_under_load(regions: Regions) -> None:
    """REST and gRPC alike: no request fails, in neither region."""
    before = {name: regions.process(name)["pid"] for name in ("orders-0", "orders-1", "storefront-0", "storefront-1")}
    urls = [f"{url}/storefront/orders/order-000009" for url in regions.status["gateways"].values()]
    token = regions.token
    with (
        load(urls[0], clients=3, pause=0.25, authorization=token) as home,
        load(urls[1], clients=3, pause=0.25, authorization=token) as away,
    ):
        for service in ("orders", "storefront"):
            regions.run("restart", service)
            for number in range(2):
                until(lambda name=f"{service}-{number}": _anew(regions, name, before[name]), 30)  # type: ignore[misc]
        time.sleep(4)  # the old ones leave
    assert {status for status, _ in home} == {404}, home
    assert {status for status, _ in away} == {404}, away
    failed = regions.envoy(
        f"mesh.{HOME}", f"/stats?filter={quote('storefront-0.to.orders.*upstream_rq_(503|504|retry)$')}"
    )
    assert all(line.endswith(": 0") for line in failed.splitlines() if "503" in line), failed


def _anew(regions: Regions, name: str, before: int) -> bool:
    now = regions.process(name)
    return bool(now["state"] == "ready" and now["pid"] != before)

"""Which process carries what: everything is carried once, and nobody holds what is another's."""

from collections import Counter
from pathlib import Path

import pytest

from fairway.core.errors import FairwayError
from fairway.core.traffic import Traffic
from fairway.local import watchers
from fairway.local.envoy import accounts
from fairway.local.proxies import proxies
from fairway.local.run_folder import RunFolder
from fairway.targets.envoy.places import Places, Proxy, Replica, Store

REPLICAS = tuple(
    Replica(service=service, name=f"{service}-{number}", port=1, region=region)
    for service in ("shop", "stock")
    for number, region in enumerate(("north", "south"))
)
PORTS = {"north": 8080, "south": 8081}


def carried(found: list[Proxy]) -> dict[str, set[str]]:
    """Give what each process carries."""
    return {
        one.name: {*one.replicas, *one.stores, *([f"gateway {one.gateway.port}"] if one.gateway else [])}
        for one in found
    }


def test_one_region_has_one_gateway_and_one_mesh(tmp_path: Path) -> None:
    """Their names need no region."""
    here = [one for one in REPLICAS if one.region == "north"]
    found = list(proxies(RunFolder(tmp_path), here, ["db"], {"north": 8080}, isolated=False))
    assert carried(found) == {"gateway": {"gateway 8080"}, "mesh": {"shop-0", "stock-0", "db"}}


def test_each_region_has_its_own_and_the_stores_stand_in_the_first(tmp_path: Path) -> None:
    """So a region can be lost as a whole."""
    found = list(proxies(RunFolder(tmp_path), REPLICAS, ["db"], PORTS, isolated=False))
    assert carried(found) == {
        "gateway.north": {"gateway 8080"},
        "gateway.south": {"gateway 8081"},
        "mesh.north": {"shop-0", "stock-0", "db"},
        "mesh.south": {"shop-1", "stock-1"},
    }


def test_isolated_each_service_has_a_process_of_its_own(tmp_path: Path) -> None:
    """In each region; the stores have one together."""
    found = list(proxies(RunFolder(tmp_path), REPLICAS, ["db"], PORTS, isolated=True))
    assert carried(found)["mesh.shop.south"] == {"shop-1"}
    assert carried(found)["mesh.stores"] == {"db"}
    everything = Counter(what for whats in carried(found).values() for what in whats)
    assert everything == Counter({*(one.name for one in REPLICAS), "db", "gateway 8080", "gateway 8081"})
    assert len({one.folder for one in found} | {one.admin for one in found}) == 2 * len(found)


def test_a_process_has_the_certificates_of_what_it_carries_alone(tmp_path: Path) -> None:
    """Who breaks into the gateway is the gateway, and no service."""
    places = Places(system="demo", replicas=REPLICAS, stores=(Store(name="db", port=2, address="unix:/x"),))
    traffic = {name: Traffic(service=name) for name in ("shop", "stock")}
    for isolated, wanted in (
        (False, {"gateway": {"gateway"}, "mesh": {"shop", "stock", "store-db"}}),
        (True, {"gateway": {"gateway"}, "mesh.shop": {"shop"}, "mesh.stock": {"stock"}, "mesh.stores": {"store-db"}}),
    ):
        found = proxies(RunFolder(tmp_path), REPLICAS[::2], ["db"], {"north": 8080}, isolated=isolated)
        assert {one.name: set(accounts(traffic, places, [one])) for one in found} == wanted


def test_too_few_watchers_of_files_are_told_in_a_sentence() -> None:
    """Envoy itself would abort without one."""
    watchers.require(1)
    with pytest.raises(FairwayError, match=r"watchers of files are needed, .* sysctl fs\.inotify\.max_user_instances"):
        watchers.require(1_000_000)

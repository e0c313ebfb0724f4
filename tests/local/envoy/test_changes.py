"""What changes while requests go on, and what Envoy does not take: nothing of it is noticed from outside."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.local.envoy.conftest import free_ports

from fairway.local.envoy import Envoy, RefusedError, configuration
from fairway.targets.envoy.fields import Resource
from fairway.targets.envoy.places import Gateway, KeySet

if TYPE_CHECKING:
    from tests.local.envoy.conftest import Rig


pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def load(rig: "Rig") -> AsyncIterator[Counter[str]]:
    """Ask without a pause from four clients, through the gateway and inside, and count the answers."""
    counted: Counter[str] = Counter()
    over = asyncio.Event()

    async def outside() -> None:
        while not over.is_set():
            counted[f"outside {(await rig.ask('/shop/books')).status}"] += 1

    async def inside() -> None:
        while not over.is_set():
            counted[f"inside {(await rig.call('shop-0.to.stock', '/levels')).status}"] += 1

    async with asyncio.TaskGroup() as clients:
        for client in (outside(), outside(), inside()):
            clients.create_task(client)
        try:
            yield counted
        finally:
            over.set()


async def by(rig: "Rig", times: int = 40) -> Counter[str]:
    """Count which replica of the service with two versions answers."""
    return Counter([(await rig.ask("/desk/east/open")).seen["by"] for _ in range(times)])


async def test_weights_between_versions_change_without_a_failed_request(rig: "Rig") -> None:
    """None of the new version, all of it, half of it."""
    assert await by(rig) == {"desk-0": 40}
    async with load(rig) as counted:
        for new, wanted in ((100, {"desk-1"}), (50, {"desk-0", "desk-1"}), (0, {"desk-0"})):
            places = msgspec.structs.replace(rig.places, weights={"desk": {"v0": 100 - new, "v1": new}})
            await rig.envoy.write(rig.files(places))
            assert set(await by(rig)) == wanted
    assert set(counted) == {"outside 200", "inside 200"}


async def opens(rig: "Rig") -> bool:
    """Tell whether the service with two versions answers."""
    return (await rig.ask("/desk/east/open")).status == 200


async def test_a_service_comes_and_goes_without_a_failed_request(rig: "Rig") -> None:
    """Its clusters come before the routes to them, and leave after."""
    without = msgspec.structs.replace(
        rig.places, replicas=tuple(one for one in rig.places.replicas if one.service != "desk"), weights={}
    )
    fewer = {name: one for name, one in rig.traffic.items() if name != "desk"}
    async with load(rig) as counted:
        await rig.envoy.write(configuration(fewer, without, rig.proxy, rig.certificates))
        assert (await rig.ask("/desk/east/open")).status == 401
        await rig.envoy.write(rig.files())
        await rig.until(lambda: opens(rig), within=3)  # it is asked first whether it is well
    assert set(counted) == {"outside 200", "inside 200"}


async def test_authority_and_certificates_are_replaced_under_load_without_a_failed_request(rig: "Rig") -> None:
    """Both trusted, then the new one issues, then the old one is gone."""
    before, chain = rig.certificates.bundle, rig.certificates.leaves["shop"].chain
    async with load(rig) as counted:
        done = False
        while not done:
            done = rig.certificates.replace_authority()
            await rig.envoy.write(rig.files())
            await asyncio.sleep(0.2)
    assert set(counted) == {"outside 200", "inside 200"}
    assert counted.total() > 20
    assert rig.certificates.bundle != before
    assert rig.certificates.leaves["shop"].chain != chain
    shown = json.loads((await rig.envoy.ask("/certs"))[1])["certificates"]
    issuers = {one["ca_cert"][0]["serial_number"] for one in shown if one["ca_cert"]}
    assert len(issuers) == 1


async def test_keys_of_an_issuer_change_without_the_listener(rig: "Rig") -> None:
    """Its new token is good and its old one is not, at once and on open connections."""
    old = rig.mine()
    other = type(rig.staff)(rig.staff.issuer)
    keys = {**rig.places.issuers, other.issuer: other.key_set}
    try:
        await rig.envoy.write(rig.files(msgspec.structs.replace(rig.places, issuers=keys)))
        assert (await rig.ask("/shop/x", headers={"authorization": f"Bearer {other.token()}"})).status == 200
        assert (await rig.ask("/shop/x", headers=old)).status == 401
    finally:
        await rig.envoy.write(rig.files())
    assert (await rig.ask("/shop/x", headers=old)).status == 200


async def test_an_issuer_without_keys_vouches_for_nobody(rig: "Rig") -> None:
    """So it is until its first key is made; the other issuer's tokens stay good."""
    keys = rig.places.issuers | {rig.staff.issuer: KeySet(issuer=rig.staff.issuer, keys='{"keys": []}')}
    try:
        await rig.envoy.write(rig.files(msgspec.structs.replace(rig.places, issuers=keys)))
        assert (await rig.ask("/shop/x", headers=rig.mine())).status == 401
        other = {"authorization": f"Bearer {rig.partner.token()}"}
        assert (await rig.ask("/shop/x", headers=other)).status == 200
    finally:
        await rig.envoy.write(rig.files())


def misspelt(files: dict[str, list[Resource]]) -> None:
    """Write a key that Envoy does not know."""
    files["rds-gateway.json"][0]["virtual_host"] = []


def leads_nowhere(files: dict[str, list[Resource]]) -> None:
    """Route to a cluster that is not there, which Envoy would take and answer with 503."""
    files["rds-gateway.json"][0]["virtual_hosts"][0]["routes"][1]["route"] = {"cluster": "nowhere"}


def taken_port(files: dict[str, list[Resource]]) -> None:
    """Listen where another listener is."""
    [address] = [one["address"] for one in files["lds.json"] if one["name"] == "shop-0"]
    files["lds.json"].append(
        deepcopy(next(one for one in files["lds.json"] if one["name"] == "stock-0"))
        | {"name": "again", "address": address}
    )


@pytest.mark.parametrize("spoil", [misspelt, leads_nowhere, taken_port])
async def test_what_envoy_does_not_take_is_told_in_its_words_and_changes_nothing(rig: "Rig", spoil: object) -> None:
    """The last good configuration stays in force, also on disk, where a restart reads it."""
    files = deepcopy(rig.files())
    assert callable(spoil)
    spoil(files)
    async with load(rig) as counted:
        with pytest.raises(RefusedError, match=r"virtual_host|nowhere|address") as refused:
            await rig.envoy.write(files)
    assert set(counted) == {"outside 200", "inside 200"}, str(refused.value)
    assert json.loads((rig.envoy.folder / "lds.json").read_text())["resources"] == rig.files()["lds.json"]
    assert not (rig.envoy.folder / "trial.json").exists()


async def test_what_only_the_running_envoy_refuses_is_taken_back(rig: "Rig", monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial binds no port, so that a taken one shows only afterwards."""

    async def no_trial(*_: object) -> None:
        """Pretend the trial saw nothing."""

    monkeypatch.setattr(rig.envoy, "_try", no_trial)
    files = deepcopy(rig.files())
    misspelt(files)
    async with load(rig) as counted:
        with pytest.raises(RefusedError, match="virtual_host"):
            await rig.envoy.write(files)
    assert set(counted) == {"outside 200", "inside 200"}
    in_force = await rig.envoy.stats("http.gateway.rds.gateway.version_text")
    assert set(in_force.values()) == {json.loads((rig.envoy.folder / "rds-gateway.json").read_text())["version_info"]}


async def test_the_gateway_closes_while_what_is_under_way_ends(rig: "Rig") -> None:
    """A second Envoy, for this one comes back no more."""
    [port] = free_ports(1)
    envoy = Envoy(rig.run, rig.proxy_of("second", (), Gateway(port=port)))
    await envoy.prepare(rig.places, configuration({}, rig.places, envoy.proxy, rig.certificates))
    process = await asyncio.create_subprocess_exec(*envoy.command(drain=1.0))
    try:
        await rig.until(lambda: rig.works(envoy))
        await envoy.confirm()
        under_way = asyncio.create_task(slow(port))
        await rig.until(lambda: is_busy(envoy), within=3)
        await envoy.close_gateway()
        with pytest.raises(ConnectionError):
            await slow(port)
        assert not await envoy.idle()
        assert b" 200 " in await under_way
        assert await envoy.idle()
    finally:
        process.terminate()
        await process.wait()


async def is_busy(envoy: Envoy) -> bool:
    """Tell whether a request is under way."""
    return not await envoy.idle()


async def slow(port: int) -> bytes:
    """Ask for an answer that takes half a second, and give its first line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /-/idp/slow?for=0.5 HTTP/1.1\r\nhost: x\r\n\r\n")
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()

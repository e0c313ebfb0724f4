"""Resilience builds the broker as the SDK speaks to it, and for each channel a way back for what failed."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairway.core.artefact import Manifest, Site
from fairway.core.facts import System
from fairway.core.parts import Files
from fairway.core.profile import Landscape, survey
from fairway.declaration.load import load
from fairway.estate.schema import CustomSchemas, known, problems
from fairway.estate.semantics import faults
from fairway.stages.s01_design.binding import BROKERS as ADDRESSES
from fairway.stages.s09_resilience.binding import BROKER_AUTHORITY, bind
from fairway.stages.s09_resilience.build import manifests, nats, pages, parts
from fairway_sdk.contract import EVENT_PREFIX

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT.parent / "shared" / "schemas" / "crd-schemas-strict.json.gz"
HERE = Site(environment="production", region="main")
BROKERS = ("nats", "kafka", "rabbitmq")
FACTS: dict[str, Any] = {
    "owners": {"shop": "#shop"},
    "services": {
        "orders": {"stores": ["db"], "publishes": ["placed"], "criticality": "mission-critical"},
        "mailer": {"consumes": ["placed", "sent"], "stores": ["cache"]},
        "shipping": {"consumes": ["placed"], "publishes": ["sent"], "stores": ["db"]},
    },
    "stores": {"db": {"workload": "transactional"}, "cache": {"workload": "cache"}},
    "channels": {"placed": {"ordered-by": "order"}, "sent": {}},
}


def land(broker: str, *, level: str = "") -> Landscape:
    """Survey a small shop."""
    told = {"system": "shop", **FACTS, "platform": {"broker": broker}}
    if level:
        told["services"] = {name: {**facts, "criticality": level} for name, facts in FACTS["services"].items()}
    return survey(msgspec.convert(told, System))


def built(landscape: Landscape) -> dict[str, dict[str, Any]]:
    """Give the built objects by path."""
    return {manifest.path: manifest.object for manifest in manifests(landscape, HERE)}


@pytest.fixture(scope="module")
def custom() -> CustomSchemas:
    """Load the schemas of real operators."""
    if not BUNDLE.is_file():
        pytest.skip("NOT CHECKED: the bundle of custom schemas is not beside the project")
    return CustomSchemas.load(BUNDLE)


def wrong(made: list[Manifest], custom: CustomSchemas) -> list[str]:
    """Say everything that is wrong with what was built."""
    said = []
    for one in made:
        found = [*problems(one.object, custom=custom).faults, *faults(one.object)]
        said += [f"{one.path}: {fault.where}: {fault.says}" for fault in found]
    return said


@pytest.mark.parametrize("level", ["low", "standard"])
@pytest.mark.parametrize("broker", BROKERS)
def test_every_object_is_valid(broker: str, level: str, custom: CustomSchemas) -> None:
    """One server or three, with each broker."""
    made = list(manifests(land(broker, level=level), HERE))
    assert wrong(made, custom) == []
    assert len({one.path for one in made}) == len(made)
    unknown = {one.object["kind"] for one in made if not _known(one.object, custom)}
    assert unknown <= {"User", "Permission", "Exchange", "Queue", "Binding"}, "the bundle has no schemas of these"


def _known(obj: dict[str, Any], custom: CustomSchemas) -> bool:
    return known(obj["apiVersion"], obj["kind"]) or known(obj["apiVersion"], obj["kind"], custom=custom)


@pytest.mark.parametrize("example", ["hello", "bookshop", "clinic", "cafe"])
def test_the_examples_brokers_are_valid(example: str, custom: CustomSchemas) -> None:
    """On every site."""
    landscape = survey(load(ROOT / "examples" / example).system)
    for name, environment in landscape.system.environments.items():
        for region in environment.regions or landscape.system.regions:
            assert wrong(list(manifests(landscape, Site(environment=name, region=region))), custom) == []


@pytest.mark.parametrize("broker", BROKERS)
def test_services_are_told_the_address_that_is_built(broker: str) -> None:
    """The host is in the certificate, and the authority's file is mounted without the key."""
    landscape = land(broker)
    host = ADDRESSES[broker].format(namespace="shop").partition(":")[0]
    certificate = built(landscape)["data/broker/certificate.yaml"]["spec"]
    assert host in certificate["dnsNames"]
    mounted = {part.service: part for part in parts(landscape, HERE) if isinstance(part, Files)}
    assert set(mounted) == {"orders", "mailer", "shipping"}
    for name, part in mounted.items():
        told = {note.path: note.value for note in bind(landscape.services[name], landscape, HERE)}
        assert told["broker", "tls-authority"] == BROKER_AUTHORITY
        [item] = part.source["secret"]["items"]
        assert f"{part.folder}/{item['path']}" == BROKER_AUTHORITY
        assert (part.source["secret"]["secretName"], item["key"]) == (certificate["secretName"], "ca.crt")


def test_channels_have_the_names_that_the_sdk_speaks() -> None:
    """A stream, a topic, an exchange with a queue for each consumer."""
    from fairway_sdk.events.brokers.nats import named, subject  # noqa: PLC0415 - they load clients

    spec = built(land("nats"))["data/broker/stream-placed.yaml"]["spec"]
    assert (spec["name"], spec["subjects"]) == (named(subject("placed")), [subject("placed")])
    assert built(land("kafka"))["data/broker/kafkatopic-placed.yaml"]["spec"]["topicName"] == f"{EVENT_PREFIX}placed"
    made = built(land("rabbitmq"))
    assert made["data/broker/exchange-placed.yaml"]["spec"]["name"] == f"{EVENT_PREFIX}placed"
    queues = {one["spec"]["name"] for path, one in made.items() if "/queue-placed-" in path}
    assert queues == {f"{EVENT_PREFIX}placed.mailer", f"{EVENT_PREFIX}placed.shipping"}


def test_events_wait_on_as_many_servers_as_is_decided() -> None:
    """Three confirm by two; one stands alone, with the reason written beside it."""
    for broker, path, key in (
        ("nats", "statefulset", "replicas"),
        ("kafka", "kafkanodepool", "replicas"),
        ("rabbitmq", "rabbitmqcluster", "replicas"),
    ):
        for level, count in (("low", 1), ("mission-critical", 3)):
            assert built(land(broker, level=level))[f"data/broker/{path}.yaml"]["spec"][key] == count
    config = built(land("kafka"))["data/broker/kafka.yaml"]["spec"]["kafka"]["config"]
    assert (config["default.replication.factor"], config["min.insync.replicas"]) == (3, 2)


def test_a_service_may_use_its_own_channels_alone() -> None:
    """The publisher writes and does not read; a consumer reads, in its own group."""
    made = built(land("kafka"))
    acls = made["data/broker/kafkauser-mailer.yaml"]["spec"]["authorization"]["acls"]
    assert {(one["resource"]["name"], one["operations"][0]) for one in acls} == {
        ("fairway.placed", "Read"),
        ("fairway.sent", "Read"),
        ("mailer", "Read"),
    }
    pattern = re.compile(built(land("rabbitmq"))["data/broker/permission-mailer.yaml"]["spec"]["permissions"]["read"])
    assert pattern.match("fairway.placed.mailer")
    assert not pattern.match("fairway.placed.shipping")
    assert not pattern.match("fairway-placed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """Run a real NATS with the users that were built; TLS is left out."""
    from fairway_sdk.testing.servers.process import connects, free_port  # noqa: PLC0415

    program = shutil.which("nats-server") or "/usr/sbin/nats-server"
    if not Path(program).exists():
        pytest.skip("NOT CHECKED: nats-server is not installed")
    landscape = land("nats", level="low")
    text = built(landscape)["data/broker/externalsecret.yaml"]["spec"]["target"]["template"]["data"]["nats.conf"]
    port = free_port()
    text = re.sub(r"\{\{ \.\w+ \}\}", "secret", text)
    text = re.sub(r"^tls \{.*\}$", "", text, flags=re.MULTILINE)
    text = text.replace("$SERVER_NAME", "nats-0").replace("/data", str(tmp_path / "data"))
    text = text.replace("/run/nats/nats.pid", str(tmp_path / "pid")).replace("port: 4222", f"port: {port}")
    text = text.replace("http_port: 8222", f"http_port: {free_port()}").replace(
        "max_file_store: 18GB", "max_file_store: 64MB"
    )
    (tmp_path / "nats.conf").write_text(text)
    with subprocess.Popen([program, "--addr", "127.0.0.1", "--config", str(tmp_path / "nats.conf")]) as running:
        for _ in range(100):
            if connects(f"127.0.0.1:{port}") or running.poll() is not None:
                break
            asyncio.run(asyncio.sleep(0.05))
        assert running.poll() is None, text
        yield port
        running.terminate()


def test_a_real_nats_lets_each_service_do_its_work_and_no_other(server: int) -> None:
    """The publisher publishes, the consumer takes in; neither does the other's."""
    from nats.aio.client import Client  # noqa: PLC0415 - it is the SDK's
    from nats.js.api import ConsumerConfig, KeyValueConfig, StreamConfig  # noqa: PLC0415

    async def connect(user: str, refused: list[str]) -> Client:
        async def noted(error: Exception) -> None:
            refused.append(str(error))
            await asyncio.sleep(0)

        client = Client()
        await client.connect(f"nats://127.0.0.1:{server}", user=user, password="secret", error_cb=noted)  # noqa: S106
        return client

    async def play() -> tuple[bytes, list[str], list[str]]:
        refused: list[str] = []
        foreign: list[str] = []
        orders, mailer = await connect("orders", refused), await connect("mailer", refused)
        name = nats.stream("placed")
        stream = StreamConfig(name=name, subjects=["fairway.placed"])
        await orders.jetstream(timeout=2).add_stream(stream)
        await orders.jetstream(timeout=2).update_stream(stream)
        await orders.jetstream(timeout=2).publish("fairway.placed", b"one")
        js = mailer.jetstream(timeout=2)
        await js.account_info()
        await js.stream_info(name)
        await js.add_consumer(name, ConsumerConfig(durable_name="mailer", ack_wait=10, max_ack_pending=-1))
        turns = await js.create_key_value(KeyValueConfig(bucket="fairway-turns-mailer", ttl=5))
        revision = await turns.create("turn", b"me")
        await turns.update("turn", b"me", last=revision)
        await turns.get("turn")
        pulled = await js.pull_subscribe_bind("mailer", name)
        [message] = await pulled.fetch(1, timeout=2)
        await message.ack_sync(timeout=2)
        thief = await connect("mailer", foreign)
        await thief.publish("fairway.placed", b"forged")
        await thief.publish("$JS.API.STREAM.DELETE.fairway_placed", b"")
        await thief.publish("$JS.API.CONSUMER.MSG.NEXT.fairway_placed.shipping", b"")
        await thief.flush()
        await asyncio.sleep(0.2)
        for client in (orders, mailer, thief):
            await client.close()
        return message.data, refused, foreign

    data, refused, foreign = asyncio.run(play())
    assert data == b"one"
    assert refused == []
    assert len(foreign) == 3
    assert all("permissions violation" in one.lower() for one in foreign)


def test_a_new_password_lets_a_service_in_without_a_restart(server: int, tmp_path: Path) -> None:
    """The server reads its file again at the signal of the reloader beside it, which may see its process."""

    def lets_in(password: str) -> bool:
        with socket.create_connection(("127.0.0.1", server), timeout=2) as connection:
            told = json.dumps({"user": "orders", "pass": password, "verbose": False})
            connection.sendall(f"CONNECT {told}\r\nPING\r\n".encode())
            answered = connection.makefile("rb")
            assert answered.readline().startswith(b"INFO")
            return answered.readline().startswith(b"PONG")

    file = tmp_path / "nats.conf"
    file.write_text(file.read_text().replace("secret", "another"))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGHUP)
    time.sleep(0.5)
    assert lets_in("another")
    assert not lets_in("secret")
    pod = built(land("nats"))["data/broker/statefulset.yaml"]["spec"]["template"]["spec"]
    [reloader] = [one for one in pod["containers"] if one["name"] == "reloader"]
    mounted = [one["mountPath"] for one in reloader["volumeMounts"]]
    files = [word for word in reloader["args"] if word.startswith("/")]
    assert pod["shareProcessNamespace"] is True
    assert all(any(word.startswith(f"{folder}/") for folder in mounted) for word in files)
    assert {"/etc/nats/nats.conf", "/etc/nats-tls/tls.crt", "/run/nats/nats.pid"} <= set(files)


def test_each_channel_has_a_page_an_alert_and_commands_that_exist() -> None:
    """The page says where dead letters lie, and the commands are the SDK's."""
    landscape = land("nats")
    made = {page.path: page.text for page in pages(landscape)}
    assert set(made) == {"runbooks/dead-letters-placed.md", "runbooks/dead-letters-sent.md"}
    text = made["runbooks/dead-letters-placed.md"]
    assert "The broker holds no queue of dead letters" in text
    verbs = {
        line.split("dead-letters ")[1].split()[0] for line in text.splitlines() if "fairway_sdk dead-letters" in line
    }
    assert verbs == {"list", "show", "redrive", "drop"}
    for verb in sorted(verbs):
        words = [sys.executable, "-m", "fairway_sdk", "dead-letters", verb, "--help"]
        assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    rules = built(landscape)["observability/prometheusrule-dead-letters-placed.yaml"]["spec"]["groups"][0]["rules"]
    assert {rule["labels"]["service"] for rule in rules} == {"mailer", "shipping"}
    assert all(rule["annotations"]["runbook_url"] in made and rule["labels"]["owner"] == "shop" for rule in rules)


def test_a_system_without_events_has_no_broker() -> None:
    """Nothing is built for what nobody sends."""
    landscape = survey(msgspec.convert({"system": "shop", "services": {"web": {}}}, System))
    assert (list(manifests(landscape, HERE)), list(pages(landscape)), list(parts(landscape, HERE))) == ([], [], [])

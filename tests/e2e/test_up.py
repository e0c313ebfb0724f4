"""`fairway up` as a user meets it: real systems, real processes, and nothing of them left afterwards."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from local_system import System, alive, pasted, until

from fairway.local.run_folder import RunFolder

WHERE_INSTALLED = {"prometheus", "alertmanager"}
BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
FACTS = """
system: hello
owners: { hello: hello@example.com }
environments: { production: { domain: hello.example.com } }
identity-providers: { people: { issuer: "https://id.example.com" } }
services:
  greeter:
    capability: Greeting people by name
    exposure: external
    anonymous-routes: [GET /hello]
    stores: [greetings]
  clock:
    capability: Telling the time
    exposure: external
    anonymous-routes: [GET /]
    run: { command: [python, clock.py], ready: / }
  unwritten:
    capability: Being written some day
stores:
  greetings: { workload: transactional }
"""
ALONE = """
system: alone
owners: { hello: hello@example.com }
environments: { production: { domain: hello.example.com } }
identity-providers: { people: { issuer: "https://id.example.com" } }
services:
  clock:
    capability: Telling the time
    exposure: external
    anonymous-routes: [GET /]
    run: { command: [python, clock.py] }
"""
GREETER = '''"""Greets, and counts how often."""

from fairway_sdk import Service, needs
from sqlalchemy import text

service = Service("greeter")
WORD = "hello"


@service.get("/hello")
async def hello() -> dict[str, str]:
    """Greet anybody."""
    return {"says": WORD}


@service.post("/visits", dependencies=[needs()])
async def visit() -> dict[str, int]:
    """Count a visit."""
    async with service.transaction() as tx:
        await tx.execute(text("insert into visit default values"))
        return {"visits": (await tx.execute(text("select count(*) from visit"))).scalar_one()}
'''
REVISION = '''"""Make the table of visits."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make it."""
    op.execute("create table visit (id bigserial primary key)")
'''
CLOCK = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"12")
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def write(folder: Path, facts: str) -> System:
    """Write a system."""
    greeter, clock = folder / "services" / "greeter", folder / "services" / "clock"
    (greeter / "greeter" / "migrations" / "versions").mkdir(parents=True)
    (greeter / "greeter" / "migrations" / "versions" / "0001_visits.py").write_text(REVISION)
    (greeter / "greeter" / "__init__.py").touch()
    (greeter / "greeter" / "service.py").write_text(GREETER)
    clock.mkdir()
    (clock / "clock.py").write_text(CLOCK)
    (folder / "fairway.yaml").write_text(facts)
    return System(folder)


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a small system that is up."""
    system = write(tmp_path_factory.mktemp("hello"), FACTS)
    try:
        system.run("up", "--detach", "--only", "greeter,clock,unwritten")
        yield system
    finally:
        system.run("down", "--delete-data", "--yes", check=False)
    assert system.nothing_is_left()
    assert not (system.folder / ".fairway").exists()


def test_status_tells_every_process_and_where_it_is(hello: System) -> None:
    """Of what is left out, why."""
    found = hello.status
    states = {one["name"]: one["state"] for one in found["processes"] if one["name"] not in WHERE_INSTALLED}
    assert found["state"] == "up"
    assert states == {
        "postgresql": "ready",
        "identity": "ready",
        "gateway": "ready",
        "mesh": "ready",
        "console": "ready",
        "greeter.migrate": "done",
        "greeter-0": "ready",
        "clock-0": "ready",
    }
    assert any("unwritten: is left out: there is no folder" in note for note in found["notes"])
    text = hello.run("status").stdout
    assert found["gateway"] in text
    assert "greeter-0" in text


def test_requests_go_through_the_gateway_with_tokens_of_the_local_provider(hello: System) -> None:
    """To a service of the SDK and its store, and to one that knows no SDK."""
    assert hello.ask("/greeter/hello") == (200, b'{"says":"hello"}')
    assert hello.ask("/clock/") == (200, b"12")
    assert hello.ask("/greeter/visits", method="POST")[0] == 401
    token = hello.run("token", "--user", "ann").stdout.strip()
    before = visits(hello)
    assert hello.ask("/greeter/visits", method="POST", authorization=f"Bearer {token}") == (
        200,
        f'{{"visits":{before + 1}}}'.encode(),
    )


def test_a_second_up_is_refused(hello: System) -> None:
    """In a sentence; the first goes on."""
    for words in (("up",), ("up", "--detach")):
        done = hello.run(*words, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("hello: is up already. See it with 'fairway status'")
    assert hello.ask("/greeter/hello")[0] == 200


def test_a_crashed_service_comes_back_by_itself(hello: System) -> None:
    """And is counted."""
    before = hello.process("greeter-0")
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: (now := hello.process("greeter-0"))["state"] == "ready" and now["pid"] != before["pid"])
    assert hello.process("greeter-0")["restarts"] == before["restarts"] + 1
    until(lambda: hello.ask("/greeter/hello")[0] == 200)


def test_changed_code_runs_within_seconds(hello: System) -> None:
    """Without anybody asking."""
    (hello.folder / "services/greeter/greeter/service.py").write_text(GREETER.replace('"hello"', '"good morning"', 1))
    until(lambda: hello.ask("/greeter/hello") == (200, b'{"says":"good morning"}'))


def test_a_service_is_restarted_on_request(hello: System) -> None:
    """One that is not there is named in a sentence."""
    before = hello.process("clock-0")["pid"]
    assert hello.run("restart", "clock").stdout.startswith("clock-0 starts anew.")
    until(lambda: hello.process("clock-0")["pid"] not in {0, before} and hello.process("clock-0")["state"] == "ready")
    done = hello.run("restart", "clok", check=False)
    assert (done.returncode, done.stderr) == (2, "clok: nothing of this name runs. Did you mean 'clock'?\n")


def test_logs_show_a_service_and_its_migration(hello: System) -> None:
    """One line each, in front of it whose it is."""
    said = hello.run("logs", "greeter").stdout
    assert "greeter-0       | " in said
    assert "greeter.migrate | greeter: 2 applied." in said
    assert "clock" not in said
    here = hello.run("logs", "greeter", str(hello.folder), cwd=hello.folder.parent).stdout
    assert "greeter.migrate | greeter: 2 applied." in here
    assert "clock-0 " in hello.run("logs", ".").stdout


def test_two_systems_run_side_by_side(hello: System, tmp_path: Path) -> None:
    """Each with a gateway of its own; a port that is taken is told where it was named."""
    other = write(tmp_path, ALONE)
    taken = other.run("up", "--port", hello.status["gateway"].rpartition(":")[2], check=False)
    assert taken.returncode == 2
    assert "is taken by another program" in taken.stderr
    other.run("up", "--detach")
    try:
        assert other.status["gateway"] != hello.status["gateway"]
        assert (other.ask("/clock/")[1], hello.ask("/clock/")[1]) == (b"12", b"12")
    finally:
        other.run("down")
    assert other.nothing_is_left()
    assert hello.ask("/clock/")[0] == 200


def visits(hello: System) -> int:
    """Visit, and tell how many visits there have been."""
    token = hello.run("token", "--user", "ann").stdout.strip()
    status, body = hello.ask("/greeter/visits", method="POST", authorization=f"Bearer {token}")
    assert status == 200, body
    count: int = json.loads(body)["visits"]
    return count


def test_a_killed_up_leaves_nothing_and_the_next_one_finds_its_data(hello: System) -> None:
    """Processes and sockets go at once; rows stay."""
    port = int(hello.status["gateway"].rpartition(":")[2])
    before = visits(hello)
    os.kill(hello.status["pid"], signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in hello.pids))
    with socket.create_server(("127.0.0.1", port)):
        pass
    done = hello.run("status", check=False)
    assert done.returncode == 2
    assert "is not up. Start it with 'fairway up'." in done.stderr
    hello.run("up", "--detach", "--only", "greeter,clock")
    assert visits(hello) == before + 1


def test_down_ends_it_within_seconds_and_asks_before_it_deletes(hello: System) -> None:
    """Twice is no fault."""
    assert hello.status["state"] == "up"
    refused = hello.run("down", "--delete-data", check=False)
    assert (refused.returncode, "Add --yes" in refused.stderr) == (2, True)
    began = time.monotonic()
    assert "has ended; its data stays" in hello.run("down").stdout
    assert time.monotonic() - began < 6
    assert hello.nothing_is_left()
    assert "is not up" in hello.run("down").stdout


def test_ctrl_c_ends_an_attached_system_in_order(tmp_path: Path) -> None:
    """It tells what it does, and its exit code is clean."""
    system = write(tmp_path, ALONE)
    with subprocess.Popen(
        [sys.executable, "-m", "fairway", "up"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while "Try:" not in said:
            said += process.stdout.readline()
        assert system.status["state"] == "up"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert "alone has ended; its data stays." in said
    assert process.returncode == 0
    assert system.nothing_is_left()


def test_an_order_travels_through_the_whole_bookshop(tmp_path: Path) -> None:
    """Eight services, their stores, the broker and the world outside, from nothing to a confirmed order."""
    left_out = shutil.ignore_patterns(".fairway", "__pycache__", "deploy", "tests")
    shutil.copytree(BOOKSHOP, tmp_path / "shop", ignore=left_out)
    shop = System(tmp_path / "shop")
    try:
        said = shop.run("up", "--detach").stdout
        assert {one["state"] for one in shop.status["processes"]} == {"ready", "done"}
        shelves, _, ordered = pasted(said, shop.folder)
        assert "9780141439518" in shelves
        assert json.loads(ordered)["state"] in {"open", "confirmed"}
        token = shop.run("token", "--user", "ann", "--tenant", "riverside").stdout.strip()
        assert _order(shop, token)["state"] in {"open", "confirmed"}
        until(lambda: _json(shop, "/storefront/orders/order-000001", token)["state"] == "confirmed")
        until(lambda: len((RunFolder(shop.folder).data("mail") / "ledger.jsonl").read_text().splitlines()) >= 1)
    finally:
        shop.run("down", check=False)
    assert shop.nothing_is_left()


def _json(shop: System, path: str, token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shop.ask(path, authorization=f"Bearer {token}")[1])
    return found


def _order(shop: System, token: str) -> dict[str, Any]:
    """Fill a basket and go to the checkout, as a browser does."""
    cookie = ""
    found: dict[str, Any] = {}
    recipient = {"order_id": "order-000001", "card_token": "good", "name": "Ann", "address": "Road 1", "email": "a@b.c"}
    for method, path, content in (
        ("POST", "/session", None),
        ("PUT", "/basket/9780141439518?copies=1", None),
        ("POST", "/checkout", json.dumps(recipient).encode()),
    ):
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "cookie": cookie}
        url = f"{shop.status['gateway']}/storefront{path}"
        request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            if told := answer.headers.get("set-cookie"):
                cookie = "; ".join(f"{name}={one.value}" for name, one in SimpleCookie(told).items())
            found = json.loads(answer.read())
    return found

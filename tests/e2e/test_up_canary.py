"""A second version of a service beside the first, and requests that move to it while nobody notices."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_system import System, ask, load

FACTS = """
system: release
owners: { hello: hello@example.com }
environments: { production: { domain: hello.example.com } }
services:
  greeter:
    capability: Greeting people by name
    exposure: external
    customer-facing: true
    anonymous-routes: [GET /hello]
    traffic: { typical: 1000, peak: 50000, per-replica: 5000 }
"""
GREETER = '''"""Greets."""

from fairway_sdk import Service

service = Service("greeter")


@service.get("/hello")
async def hello() -> str:
    """Greet anybody."""
    return "WORD"
'''
OLD, NEW = b'"old"', b'"new"'


def write(folder: Path, word: str) -> None:
    """Write a version of the service."""
    (folder / "greeter").mkdir(parents=True)
    (folder / "greeter" / "__init__.py").touch()
    (folder / "greeter" / "service.py").write_text(GREETER.replace("WORD", word))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a system with two versions of its service that is up."""
    system = System(tmp_path_factory.mktemp("release"))
    (system.folder / "fairway.yaml").write_text(FACTS)
    write(system.folder / "services" / "greeter", "old")
    write(system.folder / "next", "new")
    system.run("up", "--detach", "--no-console", "--canary", "greeter=next")
    try:
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


def test_a_canary_begins_with_the_first_step_that_was_decided(release: System) -> None:
    """Both versions run, and status says who gets how much."""
    states = {one["name"]: one["state"] for one in release.status["processes"] if one["service"] == "greeter"}
    assert states == {"greeter-0": "ready", "greeter.canary-0": "ready"}
    said = release.run("traffic", "greeter").stdout
    first = int(said.partition(": ")[2].partition(" ")[0])
    assert said.endswith(f"Decided steps: {first} %, 25 %, 50 %, 100 %.\n")
    assert f"greeter: {first} % of its requests go to its canary." in release.run("status").stdout


def test_requests_move_to_the_canary_and_back_without_a_failure(release: System) -> None:
    """All, none, half, and by the decided steps: each as soon as the command comes back."""
    url = f"{release.status['gateway']}/greeter/hello"
    with load(url, clients=2, pause=0.3) as counted:
        for share, words in ((100, {NEW}), (0, {OLD}), (50, {OLD, NEW})):
            assert f"{share} % of its requests" in release.run("traffic", "greeter", "--canary", str(share)).stdout
            assert {ask(url)[1] for _ in range(12 if share == 50 else 5)} == words
            time.sleep(1.5)  # no limit stops us
        assert "100 % of its requests" in release.run("traffic", "greeter", "--next").stdout
        assert {ask(url)[1] for _ in range(5)} == {NEW}
        release.run("traffic", "greeter", "--canary", "0")
    assert {status for status, _ in counted} == {200}, counted


def test_what_is_no_share_or_has_no_canary_is_refused_in_a_sentence(release: System) -> None:
    """And changes nothing."""
    for words, said in (
        (("greeter", "--canary", "101"), "is no share. Write a number of percent"),
        (("greter",), "greter: has no canary. Start one: fairway up --canary greter=FOLDER"),
    ):
        done = release.run("traffic", *words, check=False)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    refused = release.run("up", "--canary", "greter=next", check=False)
    assert "Did you mean 'greeter'?" in refused.stderr

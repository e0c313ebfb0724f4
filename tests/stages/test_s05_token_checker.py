"""Ambassador's checker of tokens on a real Envoy: what it lets through, and what it says of the caller."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairway.core.artefact import Site
from fairway.core.errors import FairwayError
from fairway.core.facts import System
from fairway.core.profile import survey
from fairway.local.envoy import program
from fairway.stages.s05_gateway.build.token_checker import configuration
from fairway_sdk.testing.tokens import TokenIssuer

ISSUER = "https://id.example.com"
DEX = "https://shop.example.com/-/dex"
FACTS: dict[str, Any] = {
    "system": "shop",
    "environments": {"production": {"domain": "shop.example.com"}},
    "platform": {"gateway": "ambassador"},
    "identity-providers": {"people": {"issuer": ISSUER}},
    "tenants": {"names": ["north", "south"]},
    "services": {
        "front": {"exposure": "external", "anonymous-routes": ["GET /books/*"], "routed-by-tenant": True},
        "feed": {"exposure": "external", "anonymous-routes": ["/**"]},
    },
}
Answer = tuple[int, dict[str, str]]


class Checker:
    """A running checker, and the issuer that it trusts."""

    def __init__(self, folder: Path, by: str, *, joined: bool) -> None:
        """Start it for tenants by header or path; *joined*: behind a federation, which names tenants in its own way."""
        self.joined, trusted = joined, DEX if joined else ISSUER
        self.issuer = TokenIssuer(folder, trusted)
        facts = {**FACTS, "tenants": {**FACTS["tenants"], "by": by}}
        if joined:
            facts["identity-providers"] = {
                **FACTS["identity-providers"],
                "partners": {"issuer": "https://p.example.org"},
            }
        landscape = survey(msgspec.convert(facts, System))
        site = Site(environment="production", region="main")
        made = configuration(landscape, site, {trusted: self.issuer.file.name}, str(folder))
        self.port, admin = free(), free()
        made["admin"]["address"]["socket_address"] |= {"address": "127.0.0.1", "port_value": admin}
        [listener] = made["static_resources"]["listeners"]
        listener["address"]["socket_address"] |= {"address": "127.0.0.1", "port_value": self.port}
        (folder / "envoy.json").write_text(json.dumps(made))
        command = [str(program()), "--config-path", str(folder / "envoy.json"), "--use-dynamic-base-id", "-l", "error"]
        with (folder / "envoy.log").open("w") as log:
            self.process = subprocess.Popen([*command, "--concurrency", "1"], stderr=log)
        self._wait(folder)

    def _wait(self, folder: Path) -> None:
        for _ in range(200):
            try:
                self.ask("/feed")
            except OSError:
                assert self.process.poll() is None, (folder / "envoy.log").read_text()
                time.sleep(0.05)
            else:
                return
        raise AssertionError((folder / "envoy.log").read_text())

    def ask(self, path: str, method: str = "GET", token: str = "") -> Answer:
        """Ask as Ambassador does: with the path and method of a request, and its token."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request(method, path, headers={"authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, {name: told[name] for name in SAID if name in told}

    def token(self, **claims: Any) -> str:  # noqa: ANN401 - claims are any JSON
        """Give a token."""
        if self.joined and "tenant" in claims:
            claims["groups"] = ["readers", f"tenant:{claims.pop('tenant')}"]
        return self.issuer.token(**{"aud": "shop", "sub": "ada", **claims})


SAID = ("x-fairway-consumer", "x-fairway-unknown", "x-tenant", "x-envoy-auth-headers-to-remove")


def free() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module", params=["header", "path", "header joined", "path joined"])
def checker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Checker]]:
    """Run one for each way of naming tenants."""
    try:
        program()
    except FairwayError as error:
        pytest.skip(f"NOT CHECKED on a real Envoy: {error}")
    by, _, joined = request.param.partition(" ")
    running = Checker(tmp_path_factory.mktemp("checker"), by, joined=bool(joined))
    yield by, running
    running.process.terminate()
    running.process.wait(10)


def test_a_good_token_is_let_through_with_what_it_says(checker: tuple[str, Checker]) -> None:
    """The consumer and the tenant come from the token, and nothing that the caller wrote stays."""
    by, asked = checker
    path = "/front/north/orders" if by == "path" else "/front/orders"
    told = {"x-fairway-consumer": "ada", "x-tenant": "north", "x-envoy-auth-headers-to-remove": "x-fairway-unknown"}
    assert asked.ask(path, token=asked.token(tenant="north")) == (200, told)


@pytest.mark.parametrize(
    "wrong",
    [{"aud": "other"}, {"iss": "https://other.example.com"}, {"exp": 1_000_000_000}, {"exp": None}],
    ids=["audience", "issuer", "over", "endless"],
)
def test_a_token_that_is_not_good_is_refused(checker: tuple[str, Checker], wrong: dict[str, Any]) -> None:
    """Also where no token is needed: whoever shows one has to mean it."""
    by, asked = checker
    stem = "/front/north" if by == "path" else "/front"
    assert asked.ask(f"{stem}/orders", token=asked.token(tenant="north", **wrong))[0] in {401, 403}
    assert asked.ask(f"{stem}/books/7", token=asked.token(tenant="north", **wrong))[0] in {401, 403}


def test_without_a_token_only_the_declared_routes_are_open(checker: tuple[str, Checker]) -> None:
    """By their method, and no deeper than they say."""
    by, asked = checker
    stem = "/front/north" if by == "path" else "/front"
    status, told = asked.ask(f"{stem}/books/7")
    assert (status, told["x-fairway-unknown"]) == (200, "yes")
    assert "x-fairway-consumer" in told["x-envoy-auth-headers-to-remove"]
    closed = [
        (f"{stem}/books/7", "POST"),
        (f"{stem}/books/7/pages", "GET"),
        (f"{stem}/orders", "GET"),
        ("/elsewhere", "GET"),
    ]
    assert [asked.ask(path, method)[0] for path, method in closed] == [401] * len(closed)
    assert asked.ask("/feed/anything")[0] == 200


def test_a_forged_or_unsigned_token_is_refused(checker: tuple[str, Checker], tmp_path: Path) -> None:
    """The key of somebody else, and no key at all."""
    by, asked = checker
    path = "/front/north/orders" if by == "path" else "/front/orders"
    forged = TokenIssuer(tmp_path, DEX if asked.joined else ISSUER).token(aud="shop", sub="ada", tenant="north")
    head, body, _ = asked.token(tenant="north").split(".")
    assert [asked.ask(path, token=token)[0] for token in (forged, f"{head}.{body}.")] == [401, 401]


def test_a_token_of_another_tenant_gets_nowhere(checker: tuple[str, Checker]) -> None:
    """By path it is refused; by header the token's own tenant is what counts."""
    by, asked = checker
    if by == "path":
        assert asked.ask("/front/north/orders", token=asked.token(tenant="south"))[0] == 403
        assert asked.ask("/front/north/orders", token=asked.token())[0] == 403
        assert asked.ask("/front/north/books/7", token=asked.token(tenant="south"))[0] == 403
        return
    assert asked.ask("/front/orders", token=asked.token(tenant="south"))[1]["x-tenant"] == "south"
    told = asked.ask("/front/orders", token=asked.token())[1]
    assert "x-tenant" in told["x-envoy-auth-headers-to-remove"]

"""The bookshop as `fairway up` runs it: one order is one trace, and each way of the map has the right figures."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from fairway.local.observers import PROMETHEUS, program

BOOKSHOP = Path(__file__).parents[3] / "examples" / "bookshop"
VISITS = 30
ORDER = {
    "card_token": "good",
    "name": "Ann",
    "address": "Road 1",
    "email": "ann@reader.test",
}
WARM = 5.0  # seconds until the first requests are counted
ASKED = {
    ("gateway", "storefront", ""): VISITS + 3,
    ("storefront", "inventory", ""): VISITS + 1,
    ("storefront", "orders", ""): 1,
    ("orders", "inventory", ""): 1,
    ("orders", "payments", ""): 1,
    ("orders", "shipping", ""): 1,
    ("payments", "card-network", ""): 1,
    ("orders", "broker", "order-placed"): 1,
    ("broker", "recommendations", "order-placed"): 1,
    ("broker", "activity", "order-placed"): 1,
    ("gateway", "orders", ""): 0,
}  # on each way: source, target, channel


class Shop:
    """The bookshop that runs, with a reader and an open page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before: dict[tuple[str, str, str], float] = {}  # what was counted before the test's own requests
        self.failed = 0  # of the first requests
        self._cookies: dict[str, str] = {}  # by hand: they are for TLS only, which the local gateway does without
        self._page = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def fairway(self, *words: str) -> str:
        """Run a command of Fairway."""
        done = subprocess.run(
            [sys.executable, "-m", "fairway", *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def begin(self) -> None:
        """Look where it is, and log in to both sides."""
        self.status = json.loads(self.fairway("status", "--format", "json"))
        self.token = self.fairway("token", "--user", "ann", "--tenant", "riverside").strip()
        self._page.open(self.status["console"], timeout=10).close()
        self.settings = json.loads((self.folder / ".fairway" / "config" / "console.json").read_text())

    def order(self, number: str) -> None:
        """Browse to the checkout."""
        self.ask("POST", "/session")
        self.ask("PUT", "/basket/9780141439518?copies=1")
        self.ask("POST", "/checkout", {**ORDER, "order_id": number})

    def opens(self) -> bool:
        """Tell whether an order goes through: on a busy machine the first ones may take too long."""
        try:
            self.order("order-000000")
        except urllib.error.HTTPError as error:
            error.close()
            self.failed += 1
            return False
        return True

    def ask(self, method: str, path: str, content: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the storefront as a reader does."""
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json", "cookie": cookie}
        body = None if content is None else json.dumps(content).encode()
        url = f"{self.status['gateway']}/storefront{path}"
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            told = SimpleCookie(answer.headers.get("set-cookie", ""))
            self._cookies |= {name: one.value for name, one in told.items()}
            return json.loads(answer.read())

    def seen(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask what the page asks."""
        base = self.status["console"].partition("/?")[0]
        with self._page.open(f"{base}/console/api/{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def counted(self, source: str, target: str, channel: str = "") -> float:
        """Tell how much was counted on a way."""
        [flow] = [one for one in self.seen(f"flow?source={source}&target={target}") if one["channel"] == channel]
        return float(round(sum(flow["history"]) * flow["step"], 6))


def until(holds: Callable[[], object], within: float = 30.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Run it, browse, and order a book."""
    folder = tmp_path_factory.mktemp("seen") / "shop"
    left_out = shutil.ignore_patterns(".fairway", "__pycache__", "deploy", "tests")
    shutil.copytree(BOOKSHOP, folder, ignore=left_out)
    found = Shop(folder)
    try:
        found.fairway("up", "--detach")
        found.begin()
        until(found.opens)
        time.sleep(WARM)
        found.before = {way: found.counted(*way) for way in ASKED}
        for _ in range(VISITS):
            found.ask("GET", "/books")
        found.order("order-000001")
        yield found
    finally:
        found.fairway("down", "--delete-data", "--yes")


def test_each_way_has_the_right_figures(shop: Shop) -> None:
    """Exactly what was asked, each once, from the gateway to the events and the world outside."""

    def now() -> dict[tuple[str, str, str], float]:
        return {way: shop.counted(*way) - shop.before[way] for way in ASKED}

    until(lambda: now() == ASKED)
    [flow] = shop.seen("flow?source=gateway&target=storefront")
    total = shop.before["gateway", "storefront", ""] + ASKED["gateway", "storefront", ""]
    assert round(flow["failures"] * total) <= shop.failed
    assert 0.0005 < flow["p50"] < flow["p95"] < 5


def test_an_order_is_one_trace_from_the_gateway_to_the_last_event(shop: Shop) -> None:
    """Every span has its parent there, and names that a person understands."""
    wanted = {"gateway", "storefront", "orders", "inventory", "payments", "shipping", "notifications", "activity"}

    def summary() -> dict[str, Any]:
        found = shop.seen("traces?text=/storefront/checkout")
        return dict(found[0]) if found else {"services": ()}

    until(lambda: wanted <= set(summary()["services"]))
    assert (summary()["name"], summary()["service"]) == ("POST /storefront/checkout", "gateway")
    spans: list[dict[str, Any]] = []
    by_number: dict[str, dict[str, Any]] = {}

    def whole() -> bool:
        """Tell whether the last spans of a batch have come: only the gateway's has no parent."""
        spans[:] = shop.seen(f"traces/{summary()['trace']}")["spans"]
        by_number.update({span["span"]: span for span in spans})
        return [span["name"] for span in spans if span["parent"] not in by_number] == ["POST /storefront/checkout"]

    until(whole)
    [event] = [span for span in spans if span["name"] == "process order-placed" and span["service"] == "activity"]
    way = [event]
    while way[-1]["parent"]:
        way.append(by_number[way[-1]["parent"]])
    names = [f"{span['service']}: {span['name']}" for span in reversed(way)]
    assert names[0] == "gateway: POST /storefront/checkout"
    assert names[1].startswith("storefront: proxy: POST ")
    assert "storefront: POST /checkout" in names
    assert "storefront: proxy to orders: bookshop.orders.v1.Orders/PlaceOrder" in names
    assert "storefront: try orders" in names
    assert "orders: bookshop.orders.v1.Orders/PlaceOrder" in names
    assert any(name.startswith("orders: checkout ") for name in names)
    assert names[-1] == "activity: process order-placed"
    assert all("?" not in str(span["attributes"]) for span in spans), "a query may be personal"


def test_the_lines_of_an_order_are_found_by_its_trace(shop: Shop) -> None:
    """At the gateway, and in each service that it came to."""
    found = shop.seen("traces?text=/storefront/checkout")[0]

    def lines() -> list[dict[str, Any]]:
        return list(shop.seen(f"lines?trace={found['trace']}"))

    # Logs are read only now and then while nobody looks.
    until(lambda: {"gateway", "storefront-0", "orders-0", "payments-0"} <= {line["process"] for line in lines()})
    assert any(line["message"].startswith("POST /storefront/checkout 201 in ") for line in lines())


@pytest.mark.skipif(not program(PROMETHEUS), reason="Prometheus is not installed")
def test_prometheus_runs_by_the_generated_rules_where_it_is_installed(shop: Shop) -> None:
    """It reaches every replica through the collector, and understands every rule."""
    states = {one["name"]: one["state"] for one in shop.status["processes"] if one["part"] == "telemetry"}
    assert states["prometheus"] == "ready"

    def api(path: str) -> Any:  # noqa: ANN401 - JSON
        with urllib.request.urlopen(f"http://{shop.settings['prometheus']}/api/v1/{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    replicas = {one["replica"] for one in shop.settings["scraped"]}
    until(
        lambda: (
            {one["labels"].get("replica") for one in api("targets")["activeTargets"] if one["health"] == "up"}
            >= replicas
        )
    )
    until(lambda: all(rule["health"] == "ok" for group in api("rules")["groups"] for rule in group["rules"]), within=60)
    done = 'sum(http_server_request_duration_seconds_count{service="storefront"})'
    until(lambda: float(api(f"query?query={done}")["result"][0]["value"][1]) > VISITS + 3)


def test_a_call_that_fails_is_a_failure_on_its_way_and_in_its_trace(shop: Shop) -> None:
    """To HTTP a failed call of gRPC has ended well: it is counted by gRPC's own status."""
    [pid] = [one["pid"] for one in shop.status["processes"] if one["name"] == "recommendations-0"]
    os.kill(pid, signal.SIGSTOP)
    try:

        def failing() -> bool:
            shop.ask("GET", "/books/9780141439518")  # the page does without suggestions
            [flow] = shop.seen("flow?source=storefront&target=recommendations")
            return bool(flow["failures"] > 0.5)

        until(failing)
        until(lambda: "storefront" in {one["service"] for one in _failed(shop)})
    finally:
        os.kill(pid, signal.SIGCONT)


def _failed(shop: Shop) -> list[Any]:
    found = shop.seen("traces?failed=1&service=storefront&text=recommendations")
    return [span for one in found[:1] for span in shop.seen(f"traces/{one['trace']}")["spans"] if span["failed"]]

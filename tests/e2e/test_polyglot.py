"""The café: programs in two languages, three of four without the SDK, that live in a system as its own do."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import asyncpg  # type: ignore[import-untyped] # has no types
import pytest
from local_system import System, ask, pasted, until

CAFE = Path(__file__).parents[2] / "examples" / "cafe"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node: is not on this machine; the counter is its")


class Cafe(System):
    """The café, up."""

    said = ""

    def variable(self, process: str, name: str) -> str:
        """Give what a process was told by its environment."""
        lines = Path(f"/proc/{self.process(process)['pid']}/environ").read_text().split("\0")
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))

    @property
    def stock(self) -> dict[str, int]:
        """What is left, as guests see it."""
        left: dict[str, int] = json.loads(self.ask("/counter/menu")[1])["left"]
        return left

    def order(self, dish: str) -> tuple[int, bytes]:
        """Order as Ann."""
        token = self.run("token", "--user", "ann").stdout.strip()
        return self.ask(f"/counter/orders/{dish}", method="POST", authorization=f"Bearer {token}")


@pytest.fixture(scope="module")
def cafe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cafe]:
    """Give a café that is open."""
    folder = tmp_path_factory.mktemp("polyglot") / "cafe"
    shutil.copytree(CAFE, folder, ignore=shutil.ignore_patterns(".fairway", "__pycache__"))
    system = Cafe(folder)
    try:
        system.said = system.run("up", "--detach").stdout
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


def test_the_lines_to_try_work_when_they_are_pasted(cafe: Cafe) -> None:
    """A guest reads the menu, says who she is, and is served: by Node, the SDK, plain Python and PostgreSQL."""
    menu, _, meal = pasted(cafe.said, cafe.folder)
    assert menu == ('{"dishes":["omelette","pancakes","toast"],"left":{"bread":12,"butter":12,"eggs":24,"flour":10}}')
    assert meal == '{"meal":"omelette"}'
    assert b'"eggs":21' in cafe.ask("/counter/menu")[1]
    assert cafe.ask("/counter/orders/omelette", method="POST")[0] == 401


def test_one_trace_holds_what_all_of_them_did(cafe: Cafe) -> None:
    """Each passes `traceparent` on, and the pantry's spans are those of a stock SDK of OpenTelemetry."""
    cafe.order("toast")
    page = cafe.status["console"]
    browser = build_opener(HTTPCookieProcessor())
    browser.open(page).close()
    everywhere = ["gateway", "counter", "kitchen", "pantry"]

    def seen() -> bool:
        with browser.open(f"{page.partition('/?')[0]}/console/api/traces") as answer:
            return any(trace["services"] == everywhere for trace in json.load(answer))

    until(seen)


def test_who_calls_is_said_by_the_proxy_and_by_nobody_else(cafe: Cafe) -> None:
    """The counter may read what is in stock, and may not fill the shelves, whatever it says that it is."""
    pantry = cafe.variable("counter-0", "PANTRY_URL")
    assert ask(f"{pantry}/ingredients")[0] == 200
    forged = "URI=spiffe://cluster.local/ns/cafe/sa/restock"
    refused = ask(f"{pantry}/ingredients", b'{"eggs": 99}', method="PUT", x_forwarded_client_cert=forged)
    assert refused == (403, b'{"title":"counter may not fill the shelves"}')


def test_what_runs_to_completion_waits_for_its_time_and_runs_when_it_is_asked_to(cafe: Cafe) -> None:
    """How long it took, how it ended, and when it runs next, is shown."""
    before = cafe.process("restock")
    assert (before["state"], before["restarts"]) == ("done", 0)
    assert before["reason"].startswith("has not run yet; runs next at ")
    assert before["reason"].endswith(" 05:00 UTC")
    in_stock = cafe.stock["bread"]
    cafe.order("toast")
    assert cafe.stock["bread"] == in_stock - 2
    assert cafe.run("restart", "restock").stdout.startswith("restock starts anew.")
    until(lambda: cafe.process("restock")["reason"].startswith("ended well after "))
    assert cafe.stock["bread"] == 12
    assert "restock | filled:" in cafe.run("logs", "restock").stdout


def test_a_run_that_fails_is_shown_and_not_tried_again(cafe: Cafe) -> None:
    """With its exit code and its last words."""
    script = cafe.folder / "services" / "restock" / "restock.py"
    script.write_text("import sys; sys.exit('no delivery today')")
    cafe.run("restart", "restock")
    until(lambda: cafe.process("restock")["state"] == "failed")
    reason = cafe.process("restock")["reason"]
    assert reason.startswith("ended with code 1 after ")
    assert "s: no delivery today; runs next at " in reason
    assert cafe.run("status", check=False).returncode == 1


def test_a_store_asks_for_a_password_at_its_loopback_port_as_well(cafe: Cafe) -> None:
    """And lets nobody change the schema but the declared command, which has run."""
    url = cafe.variable("pantry-0", "DATABASE_URL")
    login, _, place = url.partition("@")

    async def ask_store() -> None:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"{login[:-1]}@{place}")
        connection = await asyncpg.connect(url)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("alter table ingredient add column price integer")
        await connection.close()

    asyncio.run(ask_store())


def test_changed_code_runs_within_seconds_and_others_run_on(cafe: Cafe) -> None:
    """JavaScript as well as Python."""
    others = {name: cafe.process(name)["pid"] for name in ("kitchen-0", "pantry-0")}
    code = cafe.folder / "services" / "counter" / "counter.js"
    code.write_text(code.read_text().replace('"There is nothing here."', '"Nothing like that here."'))
    token = cafe.run("token", "--user", "ann").stdout.strip()
    until(lambda: b"Nothing like that here." in cafe.ask("/counter/nothing", authorization=f"Bearer {token}")[1])
    assert {name: cafe.process(name)["pid"] for name in others} == others


def test_people_are_told_what_is_otherwise_than_for_services_of_the_sdk(cafe: Cafe) -> None:
    """A loopback port is open to all who work on this machine."""
    [note] = [note for note in cafe.status["notes"] if "Unix sockets" in note]
    assert note.startswith("counter, pantry and restock: know no Unix sockets,")
    assert "Any user of this machine may call them there, and others in their name" in note

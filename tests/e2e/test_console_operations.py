"""What a person mends from the console, by the SDK's own commands: dead letters and sagas of a system that runs."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from typing import Any, Final

import pytest
from local_system import System, alive, until

FACTS: Final = """
system: depot
owners: { depot: depot@example.com }
environments: { production: { domain: depot.example.com } }
identity-providers: { people: { issuer: "https://id.example.com" } }
services:
  desk:
    capability: Taking parcels in
    exposure: external
    anonymous-routes: [GET /version, GET /shelved, POST /parcels]
    stores: [parcels]
    publishes: [taken-in]
    consumes: [taken-in]
stores:
  parcels: { workload: transactional }
channels:
  taken-in: {}
"""
DESK: Final = '''"""Takes parcels in: shelves them by an event, and sends them by a saga."""

import msgspec
from sqlalchemy import text

from fairway_sdk import DeclinedError, Event, PoisonError, Saga, Service, Transaction, step

service = Service("desk")
VERSION = 1


class TakenIn(Event, frozen=True):
    """A parcel was taken in."""

    channel = "taken-in"

    parcel: str


class Parcel(msgspec.Struct, frozen=True):
    """What is sent."""

    id: str


@service.saga
class Sending(Saga[Parcel]):
    """Packs a parcel and sends it; nobody takes it, so it is unpacked again."""

    @step(undo="unpack")
    async def pack(self, parcel: Parcel) -> None:
        """Pack it."""

    async def unpack(self, parcel: Parcel) -> None:
        """Undo that."""
        raise ConnectionError("the knife is lost")

    @step(undo=None)
    async def hand_over(self, parcel: Parcel) -> None:
        """Give it to the carrier."""
        raise DeclinedError("FAILED_PRECONDITION", "no carrier comes today")


@service.on(TakenIn)
async def shelve(event: TakenIn, tx: Transaction) -> None:
    """Put it on its shelf."""
    raise PoisonError("there is no such shelf")
    await tx.execute(text("insert into shelved (parcel) values (:parcel)"), {"parcel": event.parcel})


@service.post("/parcels")
async def take_in(parcel: str) -> None:
    """Take a parcel in, and begin to send it."""
    async with service.transaction() as tx:
        await tx.emit(TakenIn(parcel))
    await service.sagas.start(Sending, Parcel(parcel), id=parcel)


@service.get("/shelved")
async def shelved() -> list[str]:
    """List what is on the shelves, as often as it was put there."""
    async with service.transaction() as tx:
        return list((await tx.execute(text("select parcel from shelved"))).scalars())


@service.get("/version")
async def version() -> int:
    """Tell which code runs."""
    return VERSION
'''
POISON: Final = '    raise PoisonError("there is no such shelf")\n'
LOST: Final = 'raise ConnectionError("the knife is lost")'
REVISION: Final = '''"""Make the table of shelves."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make it."""
    op.execute("create table shelved (parcel text not null)")
'''


class Depot:
    """A system of one service that runs, and its console as its page asks it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.file = system.folder / "services" / "desk" / "desk" / "service.py"
        self.page = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.version = 1

    def begin(self) -> None:
        """Open the page, and take a parcel in."""
        status = self.system.status
        self.gateway, self.console = status["gateway"], status["console"].partition("/?")[0]
        self.page.open(status["console"], timeout=10).close()
        until(self.takes_in)

    def takes_in(self) -> bool:
        """Tell whether a parcel is taken in: a request may be the first that a new process hears."""
        return self.system.ask("/desk/parcels?parcel=p-1", method="POST")[0] == 200

    def asked(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask the service."""
        status, body = self.system.ask(f"/desk/{path}")
        return json.loads(body) if status == 200 else None

    def seen(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask what the page asks."""
        with self.page.open(f"{self.console}/console/api/{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def do(self, action: str, *ids: str) -> tuple[int, Any]:
        """Do what a button of the page does."""
        headers = {"origin": self.console, "x-fairway": "console", "content-type": "application/json"}
        body = json.dumps({"service": "desk", "ids": ids}).encode()
        request = urllib.request.Request(f"{self.console}/console/api/do/{action}", body, headers)  # noqa: S310 - loopback
        try:
            with self.page.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def change(self, before: str, after: str) -> None:
        """Change the code, and wait until it runs alone: the run before takes events and sagas until it has left."""
        former = self.system.process("desk-0")["pid"]
        code = self.file.read_text()
        assert before in code
        self.version += 1
        self.file.write_text(
            code.replace(before, after).replace(f"VERSION = {self.version - 1}", f"VERSION = {self.version}")
        )
        until(lambda: self.asked("version") == self.version)
        until(lambda: not alive(former), within=40)

    def dead_letters(self) -> list[Any]:
        """List them."""
        return list(self.seen("dead-letters/desk"))

    def saga(self, *, ended: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Give the one saga as it is listed."""
        found = self.seen(f"saga/desk{'?ended=1' if ended else ''}")
        return found[0] if found else None

    def told(self, metric: str, **wanted: Any) -> bool:  # noqa: ANN401 - JSON
        """Tell whether the page's live figures say so, too: `channels`, `sagas`."""
        with self.page.open(f"{self.console}/console/api/stream?topics={metric}", timeout=10) as answer:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                line = answer.readline()
                if line.startswith(b"data: "):
                    return any(wanted.items() <= one.items() for one in json.loads(line.removeprefix(b"data: ")))
        return False


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    """Run a service whose handler parks its event, and whose saga cannot go back."""
    folder = tmp_path_factory.mktemp("depot")
    desk = folder / "services" / "desk" / "desk"
    (desk / "migrations" / "versions").mkdir(parents=True)
    (desk / "migrations" / "versions" / "0001_shelves.py").write_text(REVISION)
    (desk / "__init__.py").touch()
    (desk / "service.py").write_text(DESK)
    (folder / "fairway.yaml").write_text(FACTS)
    system = System(folder)
    try:
        system.run("up", "--detach")
        made = Depot(system)
        made.begin()
        yield made
    finally:
        system.run("down", "--delete-data", "--yes", check=False)
    assert system.nothing_is_left()


def test_a_parked_event_is_seen_put_back_after_the_fix_and_handled_once(depot: Depot) -> None:
    """The page lists it with its reason, shows what is in it, and puts it back; a second time there is none."""
    until(depot.dead_letters)
    [letter] = depot.dead_letters()
    assert (letter["channel"], letter["kind"], letter["attempts"]) == ("taken-in", "TakenIn", 1)
    assert letter["message"] == "there is no such shelf"
    until(lambda: depot.told("channels", channel="taken-in", dead_in=1))
    [shown] = depot.seen(f"dead-letters/desk/{letter['id']}")
    assert '"parcel":"p-1"' in shown["document"].replace(" ", "")
    depot.change(POISON, "")
    assert depot.asked("shelved") == [], "a reload alone handles nothing that was given up"
    assert depot.do("dead-letters/redrive", letter["id"]) == (200, {"count": 1})
    until(lambda: depot.asked("shelved") == ["p-1"])
    assert depot.dead_letters() == []
    assert depot.do("dead-letters/redrive", letter["id"]) == (200, {"count": 0})
    time.sleep(1)
    assert depot.asked("shelved") == ["p-1"]


def test_a_stuck_saga_is_seen_and_goes_on_after_the_fix(depot: Depot) -> None:
    """New code lacks the step that it has to undo; the page tells so, and lets it go on with code that has it."""
    until(lambda: depot.saga()["state"] == "compensating")
    depot.change("def pack", "def wrap")
    until(lambda: depot.saga()["state"] == "stuck", within=30)
    found = depot.saga()
    assert (found["id"], found["saga"]) == ("p-1", "sending")
    assert "step 'pack' was done, and the code no longer has the step" in found["trouble"]
    until(lambda: depot.told("sagas", saga="sending", stuck=1))
    depot.change("def wrap", "def pack")
    depot.change(LOST, '"""It is found again."""')
    assert depot.saga()["state"] == "stuck", "only a person lets it go on"
    assert depot.do("saga/resume", "p-1")[0] == 200
    until(lambda: depot.saga(ended=True) and depot.saga(ended=True)["state"] == "compensated")
    assert depot.saga() is None
    status, told = depot.do("saga/resume", "p-1")
    assert (status, told["fault"].partition(".")[0]) == (409, "saga p-1: has ended, it is compensated")

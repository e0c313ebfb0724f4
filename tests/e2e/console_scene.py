"""A small system as the console sees it: what is declared, what was seen, who answers; all of it can be changed."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from console_seen import Seen

from fairway.core.walk import Visit
from fairway.local.console.server import running
from fairway.local.control import Answer, Request, Status, serving
from fairway.local.run_folder import RunFolder, replace
from fairway.local.supervisor import View
from fairway.local.telemetry.settings import Link, Node, Operated, Settings, Shown
from fairway.targets.line_map import Line as WalkLine
from fairway.targets.line_map import Station, line_map

KEY: Final = "a-key-that-only-this-test-knows"
HOSTILE: Final = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">'

# Does what the SDK's commands do, on a file: the SDK's own tests hold the real ones.
COMMANDS: Final = """
import json, pathlib, sys
part, module, verb, *rest = sys.argv[1:]
file = pathlib.Path("letters.json")
letters = json.loads(file.read_text())
pathlib.Path("asked.txt").open("a").write(" ".join(sys.argv[1:]) + "\\n")
if part == "saga":
    print(json.dumps([])); sys.exit(0)
ids = [word for word in rest if word.startswith("in-")]
if verb == "list":
    print(json.dumps(letters)); sys.exit(1 if letters else 0)
if verb == "show":
    print(json.dumps([one | {"document": '{"name": "sealed"}'} for one in letters if one["id"] in ids])); sys.exit(0)
left = [one for one in letters if one["id"] not in ids]
file.write_text(json.dumps(left))
print(json.dumps({"count": len(letters) - len(left)}))
"""


class Scene:
    """The console of a system, and the system that it talks to."""

    def __init__(self, folder: Path) -> None:
        self.seen = Seen()
        self.run = RunFolder(folder)
        self.folder = folder
        self.restarted: list[str] = []
        self.states = {"shop-0": "ready", "money-0": "ready", "stock-0": "ready", "gateway": "ready"}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.settings = self._settings()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def entrance(self) -> str:
        """Where it is, with the key."""
        return f"{self.url}/?key={KEY}"

    async def answer(self, request: Request) -> Answer:
        """Answer as a system that is up."""
        if request.do == "restart":
            self.restarted.append(request.name)
            return Answer(names=[request.name])
        views = [
            View(
                name=name,
                part="proxy" if name == "gateway" else "service",
                service=name.removesuffix("-0") if name.endswith("-0") else "",
                state=state,  # type: ignore[arg-type]
                reason="" if state == "ready" else HOSTILE,
                pid=0,
                since=time.time() - 90,
                restarts=0,
                address="",
                log="",
            )
            for name, state in self.states.items()
        ]
        return Answer(
            status=Status(
                system="harbour",
                folder=str(self.folder),
                pid=1,
                since=0,
                state="up",
                gateway="http://127.0.0.1:8080",
                console=self.entrance,
                notes=["Nothing is as in a cluster."],
                processes=views,
            )
        )

    def _settings(self) -> Settings:
        letters = [
            {
                "id": f"in-{number}",
                "channel": "sold",
                "kind": "Sold",
                "event": "e",
                "attempts": 6,
                "received": 1.0,
                "parked": 2.0,
                "reason": "rejected",
                "message": HOSTILE,
            }
            for number in range(2)
        ]
        (self.folder / "letters.json").write_text(json.dumps(letters))
        (self.folder / "commands.py").write_text(COMMANDS)
        visit = Visit(stage="design", concern=None, because="every walk starts here")
        stations = [Station(id="design", title="Design"), Station(id="resilience", title="Resilience")]
        decisions = [
            {
                "rule": "design/single-capability",
                "topic": "capability",
                "answer": "Selling",
                "because": "the facts say so",
                "value": 1,
            },
            {
                "rule": "resilience/circuit-breakers",
                "topic": "breaker",
                "answer": "opens after 3",
                "because": HOSTILE,
                "value": 1,
                "subject": "call money",
                "instead": [{"option": "none", "why": "it would wait"}],
            },
        ]
        visits = [{"stage": "design", "concern": None, "because": "every walk starts here"}]
        plan = {
            "system": "harbour",
            "stages": ["design", "resilience"],
            "decisions": [],
            "services": {"shop": {"name": "shop", "visits": visits, "decisions": decisions}},
        }
        replace(self.run.secret("console-key"), KEY.encode())
        names = {
            "gateway": "gateway",
            "shop": "service",
            "money": "service",
            "stock": "service",
            "ledger": "store",
            "broker": "broker",
        }
        links = [
            ("gateway", "shop", "route"),
            ("shop", "money", "call"),
            ("shop", "stock", "call"),
            ("money", "ledger", "store"),
        ]
        return Settings(
            system="harbour",
            folder=str(self.folder),
            listen=f"127.0.0.1:{self.port}",
            collector="127.0.0.1:1",
            key=str(self.run.secret("console-key")),
            shown=Shown(
                plan=json.dumps(plan),
                walk=line_map("harbour", stations, [WalkLine(name="shop", visits=[visit])]),
                tries=(f"curl http://127.0.0.1:8080/shop {HOSTILE}",),
            ),
            logs=str(self.folder),
            proxies={},
            access_log="",
            nodes=tuple(Node(name=name, kind=kind) for name, kind in names.items()),  # type: ignore[arg-type]
            links=(
                *(Link(source=source, target=target, kind=kind) for source, target, kind in links),  # type: ignore[arg-type]
                Link(source="shop", target="broker", kind="publish", channel="sold"),
                Link(source="broker", target="money", kind="consume", channel="sold"),
            ),
            operated={
                "shop": Operated(
                    command=(sys.executable, "commands.py"),
                    module="shop.service:service",
                    cwd=str(self.folder),
                    variables={},
                )
            },
        )


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Serve a console for as long as this lasts."""
    made = Scene(folder)
    async with serving(made.run, made.answer), running(made.settings, made.seen):
        await _listening(made.port)
        yield made
    with contextlib.suppress(OSError):
        made.run.sockets.rmdir()


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


@asynccontextmanager
async def browser(made: Scene, *, entered: bool = True) -> AsyncIterator[aiohttp.ClientSession]:
    """Ask as a browser does, with the cookie that the key brings."""
    async with aiohttp.ClientSession(made.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        if entered:
            async with session.get("/", params={"key": KEY}) as answer:
                assert answer.status == 200, await answer.text()
        yield session


def acting(made: Scene, **changed: str | None) -> dict[str, str]:
    """Give the headers of an action; none leaves one out."""
    headers = {"origin": made.url, "x-fairway": "console", "content-type": "application/json"}
    told = headers | {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in told.items() if value is not None}


def decoded(text: bytes) -> Any:  # noqa: ANN401 - a test knows what it asked for
    """Read JSON."""
    return msgspec.json.decode(text)

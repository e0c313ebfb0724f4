"""What the page is told: all of the system, nothing that is secret, and only when something changed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from console_scene import HOSTILE, KEY, Scene, acting, browser
from console_seen import TRACE, order

from fairway.local.console.streams import MOST

API = "/console/api"
ALL = "status,figures,flows,traces,replicas,sagas,channels,alerts,objectives"


async def get(scene: Scene, path: str) -> Any:  # noqa: ANN401 - a test knows what it asked for
    """Ask for JSON."""
    async with browser(scene) as session, session.get(f"{API}/{path}") as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


class Stream:
    """The events of one open page."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.heard: list[tuple[str, Any]] = []

    async def until(self, topic: str, within: float = 5.0) -> Any:  # noqa: ANN401
        """Wait for the next event about a topic."""
        name = ""
        async with asyncio.timeout(within):
            async for raw in self._answer.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    self.heard.append((name, told))
                    if name == topic:
                        return told
        raise AssertionError(f"{topic} does not come: {self.heard}")


@asynccontextmanager
async def watching(session: aiohttp.ClientSession, query: str) -> AsyncIterator[Stream]:
    """Open a stream."""
    async with session.get(f"{API}/stream?{query}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer)


async def test_a_page_is_told_everything_at_once_and_then_what_changes(scene: Scene) -> None:
    """Each topic for itself."""
    async with browser(scene) as session, watching(session, f"topics={ALL}") as stream:
        assert (await stream.until("status"))["system"] == "harbour"
        assert [one["service"] for one in await stream.until("objectives")] == ["shop"]
        scene.seen.saw(*order())
        told = await stream.until("traces")
        assert told[0]["services"] == ["gateway", "shop", "money", "stock"]
        scene.states["money-0"] = "crashed"
        states = {one["name"]: one["state"] for one in (await stream.until("status"))["processes"]}
        assert states["money-0"] == "crashed"


async def test_nothing_is_sent_while_nothing_changes(scene: Scene) -> None:
    """But a sign of life."""
    async with browser(scene) as session, watching(session, "topics=flows,sagas") as stream:
        await stream.until("sagas")
        with pytest.raises(TimeoutError):
            await stream.until("anything", within=2.0)
        assert [topic for topic, _ in stream.heard] == ["flows", "sagas"]


async def test_nothing_is_looked_at_while_nobody_watches(scene: Scene) -> None:
    """So an open system costs nothing."""
    async with browser(scene) as session:
        async with watching(session, "topics=flows") as stream:
            await stream.until("flows")
        await asyncio.sleep(1.2)  # the page has gone, and that is noticed
        scene.seen.number += 1
        await asyncio.sleep(17)
        before = scene.seen.asked
        scene.seen.number += 1
        await asyncio.sleep(1.5)
        assert scene.seen.asked == before


async def test_lines_come_as_they_are_written_and_only_those_that_pass(scene: Scene) -> None:
    """What was there before comes first, and no line twice."""
    scene.seen.wrote("early")
    async with browser(scene) as session, watching(session, "lines=1&text=a") as stream:
        assert [line["message"] for line in await stream.until("lines")] == ["early"]
        scene.seen.wrote("no")
        scene.seen.wrote("late")
        assert [line["message"] for line in await stream.until("lines")] == ["late"]


async def test_so_many_pages_may_watch_and_no_more(scene: Scene) -> None:
    """The one that watched longest is told that it ends."""
    async with browser(scene) as session:
        first = await session.get(f"{API}/stream?topics=flows")
        await Stream(first).until("flows")
        others = [await session.get(f"{API}/stream?topics=flows") for _ in range(MOST)]
        assert await Stream(first).until("over") == "crowded"
        assert await Stream(others[-1]).until("flows")
        for one in (first, *others):
            one.close()


async def test_the_status_has_no_key_in_it(scene: Scene) -> None:
    """A picture of the page must open nothing."""
    async with browser(scene) as session, watching(session, f"topics={ALL}") as stream:
        status = await stream.until("status")
    assert KEY not in json.dumps(status)
    assert "folder" not in status
    assert KEY not in json.dumps(await get(scene, "system"))


async def test_the_map_has_everything_in_its_place(scene: Scene) -> None:
    """Callers left of those they call; a store under its service."""
    told = await get(scene, "system")
    boxes = told["chart"]["boxes"]
    assert boxes["gateway"]["x"] < boxes["shop"]["x"] < boxes["money"]["x"]
    assert boxes["money"]["stores"] == ["ledger"]
    assert "ledger" not in boxes
    assert boxes["broker"]["y"] > max(boxes[name]["y"] + boxes[name]["high"] for name in ("gateway", "shop", "money"))
    assert told["operated"] == ["shop"]
    assert told["regions"] == {}, "of one region nothing is said"


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        ("node=shop", ["capability", "breaker"]),
        ("process=shop-0", ["capability", "breaker"]),
        ("process=shop.migrate", ["capability", "breaker"]),
        ("source=shop&target=money", ["breaker"]),
        ("node=ledger", []),
    ],
)
async def test_why_gives_the_decisions_behind_a_thing(scene: Scene, query: str, topics: list[str]) -> None:
    """With the rule, the reason and what was not chosen."""
    told = await get(scene, f"why?{query}")
    assert [one["topic"] for one in told["decisions"]] == topics
    for one in told["decisions"]:
        assert one["rule"]
        assert one["because"]


@pytest.mark.parametrize("query", ["node=nobody", "process=nobody", "source=stock&target=shop", ""])
async def test_of_what_is_not_there_nothing_was_decided(scene: Scene, query: str) -> None:
    """And that is said."""
    async with browser(scene) as session, session.get(f"{API}/why?{query}") as answer:
        assert answer.status == 404
        assert (await answer.json())["fault"]


async def test_traces_are_narrowed(scene: Scene) -> None:
    """By service, failure, length and text."""
    scene.seen.saw(*order("a" * 32), *order("b" * 32, "GET /books", failed=True))
    assert [one["trace"][0] for one in await get(scene, "traces")] == ["b", "a"]
    assert [one["trace"][0] for one in await get(scene, "traces?failed=1")] == ["b"]
    assert [one["trace"][0] for one in await get(scene, "traces?text=checkout")] == ["a"]
    assert await get(scene, "traces?least=10") == []
    assert await get(scene, "traces?least=nonsense&service=nobody") == []


async def test_a_trace_comes_with_its_lines(scene: Scene) -> None:
    """Only its own."""
    scene.seen.saw(*order())
    scene.seen.wrote("of it", trace=TRACE)
    scene.seen.wrote("of another", trace="f" * 32)
    told = await get(scene, f"traces/{TRACE}")
    assert len(told["spans"]) == 4
    assert [line["message"] for line in told["lines"]] == ["of it"]


@pytest.mark.parametrize(("trace", "status"), [("f" * 32, 404), ("nonsense", 400), ("..%2f..", 404), (HOSTILE, 404)])
async def test_a_trace_that_is_not_known_is_said_to_be(scene: Scene, trace: str, status: int) -> None:
    """Or to be none."""
    async with browser(scene) as session, session.get(f"{API}/traces/{trace}") as answer:
        assert answer.status == status


async def test_dead_letters_are_listed_shown_put_back_and_dropped(scene: Scene) -> None:
    """By the SDK's commands, in the service's place."""
    assert [one["id"] for one in await get(scene, "dead-letters/shop")] == ["in-0", "in-1"]
    assert (await get(scene, "dead-letters/shop/in-1"))[0]["document"]
    async with browser(scene) as session:
        for verb, id_ in (("redrive", "in-0"), ("drop", "in-1")):
            told = {"service": "shop", "ids": [id_]}
            async with session.post(
                f"{API}/do/dead-letters/{verb}", data=json.dumps(told), headers=acting(scene)
            ) as answer:
                assert await answer.json() == {"count": 1}
    assert await get(scene, "dead-letters/shop") == []
    assert "dead-letters shop.service:service redrive" in (scene.folder / "asked.txt").read_text()


async def test_a_command_that_fails_is_told_by_its_last_words(scene: Scene) -> None:
    """Not by a traceback of ours."""
    (scene.folder / "letters.json").write_text("no JSON")
    async with browser(scene) as session, session.get(f"{API}/dead-letters/shop") as answer:
        assert answer.status == 409
        assert "JSONDecodeError" in (await answer.json())["fault"]


async def test_an_end_does_not_wait_for_open_pages(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`fairway down` takes no longer because somebody looks."""
    from console_scene import scene as play  # noqa: PLC0415 - the fixture has its name

    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with play(tmp_path_factory.mktemp("ending")) as made:
            await (await session.get(made.entrance)).read()
            stream = await session.get(f"{made.url}{API}/stream?topics=flows")
            await Stream(stream).until("flows")
            began = time.monotonic()
        assert time.monotonic() - began < 1.5
        stream.close()

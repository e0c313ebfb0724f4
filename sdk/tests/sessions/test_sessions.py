"""Sessions as people meet them: kept between requests and replicas, ended in time, worth nothing when stolen."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector
from redis.asyncio import Redis
from sdk.tests.sessions.conftest import Browser, Replicas, shop

from fairway_sdk import ANONYMOUS
from fairway_sdk.contract.binding import Listen, Sessions
from fairway_sdk.sessions.session import SessionEndedError
from fairway_sdk.testing.placing import place_files, placed
from fairway_sdk.testing.servers import Valkey

ROOT = Path(__file__).parents[3]


async def test_what_is_put_in_is_there_at_the_next_request(browser: Browser) -> None:
    """And a route that changes nothing sends no cookie."""
    assert await browser.get("/basket") == []
    assert browser.told == ""
    assert await browser.post("/basket/emma") == ["emma"]
    assert await browser.post("/basket/ulysses") == ["emma", "ulysses"]
    assert browser.told == ""
    assert await browser.get("/basket") == ["emma", "ulysses"]


async def test_two_replicas_share_sessions_and_one_may_vanish(replicas: Replicas) -> None:
    """Nothing of a session is in a process."""
    first, second = await replicas.start(), await replicas.start()
    await first.post("/basket/emma")
    moved = first.to(second.client)
    assert await moved.post("/basket/ulysses") == ["emma", "ulysses"]
    await replicas.services[1].stop()
    assert await first.get("/basket") == ["emma", "ulysses"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Browser) -> None:
    """And bound to the host, over HTTPS."""
    await browser.post("/basket/emma")
    name, *attributes = browser.told.split("; ")
    assert name.startswith("__Host-session-shop=")
    assert set(attributes) == {"Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Lax", "Secure"}
    assert browser.headers["cache-control"] == "no-store"


async def test_on_a_developers_machine_the_cookie_works_without_https(replicas: Replicas) -> None:
    """Not all browsers send secure cookies to loopback."""
    browser = await replicas.start(environment="local")
    await browser.post("/basket/emma")
    assert browser.told.startswith("session-shop=")
    assert "Secure" not in browser.told


async def test_a_login_gives_a_new_id_and_the_old_one_is_worth_nothing(browser: Browser) -> None:
    """Whoever planted the old one stays outside; the anonymous basket comes along."""
    await browser.post("/basket/emma")
    planted = browser.to(browser.client)
    await browser.post("/login/ada")
    assert browser.told
    assert await browser.get("/me") == "ada-lovelace"
    assert await browser.get("/basket") == ["emma"]
    assert await planted.get("/me") == ""
    assert await planted.get("/basket") == []


async def test_a_rotation_gives_a_new_id_also_to_a_session_without_values(browser: Browser) -> None:
    """It still says who has logged in."""
    await browser.post("/login/ada")
    before = browser.to(browser.client)
    await browser.post("/rotate")
    assert browser.cookie != before.cookie
    assert await browser.get("/me") == "ada-lovelace"
    assert await before.get("/me") == ""


async def test_an_id_that_the_store_never_gave_is_not_taken_on(browser: Browser) -> None:
    """A fixed id from outside begins a session under another one."""
    forged = "__Host-session-shop=" + "A" * 43
    browser.cookie = forged
    await browser.post("/basket/emma")
    assert browser.told
    assert browser.cookie != forged


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "!", "é" * 43, "A" * 9000, "../../etc/passwd"]
)
async def test_a_cookie_that_is_no_id_is_passed_over(value: str, browser: Browser) -> None:
    """Without asking the store."""
    browser.cookie = f"__Host-session-shop={value}"
    assert await browser.get("/basket") == []


async def test_a_cookie_that_comes_twice_is_passed_over(browser: Browser) -> None:
    """One of the two was planted."""
    await browser.post("/basket/emma")
    good = browser.cookie
    browser.cookie = f"{good}; {good}"
    assert await browser.get("/basket") == []
    browser.cookie = f"other=1; {good}; x__Host-session-shop=2"
    assert await browser.get("/basket") == ["emma"]


async def test_one_changed_letter_of_the_cookie_opens_nothing(browser: Browser) -> None:
    """Every letter counts."""
    await browser.post("/basket/emma")
    good = browser.cookie
    for at in (20, 40, len(good) - 2):
        browser.cookie = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        assert await browser.get("/basket") == []


async def test_a_session_ends_when_it_is_not_used(replicas: Replicas, browser: Browser) -> None:
    """Each use begins the idle time anew."""
    await browser.post("/basket/emma")
    for _ in range(3):
        replicas.later(1700)
        assert await browser.get("/basket") == ["emma"]
    replicas.later(1801)
    assert await browser.get("/basket") == []


async def test_a_session_ends_at_its_absolute_time_however_much_it_is_used(
    replicas: Replicas, browser: Browser
) -> None:
    """A login begins that time anew, a new id alone does not."""
    await browser.post("/basket/emma")
    for _ in range(24):
        replicas.later(1700)
        assert await browser.get("/basket") == ["emma"]
    await browser.post("/rotate")
    replicas.later(1700)
    assert await browser.get("/basket") == ["emma"]
    replicas.later(1700)
    assert await browser.get("/basket") == []
    await browser.post("/basket/ulysses")
    replicas.later(1700)
    await browser.post("/login/ada")
    for _ in range(25):
        replicas.later(1700)
        assert await browser.get("/basket") == ["ulysses"]
    replicas.later(1700)
    assert await browser.get("/me") == ""


async def test_the_store_forgets_an_ended_session_by_itself(replicas: Replicas, inside: Redis) -> None:
    """Nobody need come back for that."""
    browser = await replicas.start(sessions=Sessions(store="sessions", idle=1.0, absolute=1.5))
    await browser.post("/basket/emma")
    await browser.post("/login/ada")
    pattern = f"fairway:{replicas.folder.name}:*"
    assert len(await inside.keys(pattern)) == 2
    await asyncio.sleep(1.7)
    assert await inside.keys(pattern) == []


async def test_a_logout_ends_the_session_in_the_store_and_in_the_browser(browser: Browser) -> None:
    """The cookie is of no use to whoever kept a copy."""
    await browser.post("/basket/emma")
    await browser.post("/login/ada")
    kept = browser.to(browser.client)
    await browser.post("/logout")
    assert "Max-Age=0" in browser.told
    assert await kept.get("/me") == ""
    assert await kept.get("/basket") == []


async def test_another_person_who_logs_in_finds_nothing_of_the_one_before(browser: Browser) -> None:
    """On a shared machine."""
    await browser.post("/login/ada")
    await browser.post("/basket/emma")
    before = browser.to(browser.client)
    await browser.post("/login/eve")
    assert await browser.get("/me") == "eve"
    assert await browser.get("/basket") == []
    assert await before.get("/me") == ""


async def test_an_anonymous_caller_cannot_log_in(browser: Browser) -> None:
    """That is a fault of the route."""
    assert await browser.post("/login/anonymous") == 500


async def test_all_sessions_of_a_person_can_be_ended(replicas: Replicas, browser: Browser) -> None:
    """On all devices, whichever replica they visited; other people's stay."""
    devices = [browser, await replicas.start(), (await replicas.start())]
    for device in devices:
        await device.post("/login/ada")
    eve = browser.to(devices[1].client)
    eve.cookie = ""
    await eve.post("/login/eve")
    sessions = replicas.services[0].sessions
    assert await sessions.end_all("ada-lovelace", "https://another.test") == 0
    assert await sessions.end_all("ada-lovelace", "https://provider.test") == 3
    assert [await device.get("/me") for device in devices] == ["", "", ""]
    assert await eve.get("/me") == "eve"
    assert await sessions.end_all("ada-lovelace", "https://provider.test") == 0


async def test_requests_at_once_lose_nothing_to_one_another(browser: Browser) -> None:
    """Each value is a field of its own."""
    await browser.post("/basket/emma")
    await asyncio.gather(*(browser.to(browser.client).send("PUT", f"/values/v{n}", str(n)) for n in range(20)))
    found = await browser.get("/values")
    assert found == {"basket": ["emma"]} | {f"v{n}": str(n) for n in range(20)}
    await asyncio.gather(*(browser.to(browser.client).send("DELETE", f"/values/v{n}") for n in range(20)))
    assert await browser.get("/values") == {"basket": ["emma"]}


async def test_a_change_to_a_session_that_ended_meanwhile_does_not_bring_it_back(
    replicas: Replicas, browser: Browser
) -> None:
    """The request that lost is told so, and the logout stands."""
    await browser.post("/login/ada")
    sessions = replicas.services[0].sessions
    cookie = browser.cookie.partition("=")[2]
    slow, rotating = await sessions.load(cookie, ANONYMOUS), await sessions.load(cookie, ANONYMOUS)
    assert slow.caller.person == "ada-lovelace"
    await browser.post("/logout")
    slow["basket"] = ["emma"]
    rotating.rotate()
    rotating["basket"] = ["emma"]
    for session in (slow, rotating):
        with pytest.raises(SessionEndedError):
            await session.save()
    assert not (await sessions.load(cookie, ANONYMOUS)).caller.known


async def test_a_failed_request_saves_nothing_but_a_logout(browser: Browser) -> None:
    """Half of a change is none; a logout counts whatever happened after it."""
    await browser.post("/basket/emma")
    assert await browser.post("/fail/midway") == 500
    assert await browser.get("/basket") == ["emma"]
    await browser.post("/login/ada")
    kept = browser.to(browser.client)
    assert await browser.post("/fail/logout") == 500
    assert await kept.get("/me") == ""


async def test_a_replica_that_is_killed_takes_no_session_with_it(replicas: Replicas, valkey: Valkey) -> None:
    """Kill -9, in the middle of a visit."""
    place = replicas.folder / "doomed"
    doomed = placed(
        shop(),
        place,
        system=replicas.folder.name,
        environment="production",
        listen=Listen(rest=f"unix:{place}/rest", admin=f"unix:{place}/admin"),
        stores={"sessions": valkey.store()},
        sessions=Sessions(store="sessions"),
    )
    program = "from sdk.tests.sessions.conftest import shop; shop().run()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=os.environ | place_files(doomed), cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with ClientSession("http://x", connector=UnixConnector(f"{place}/rest")) as client:
            visitor = Browser(client)
            async with asyncio.timeout(20):
                while not (place / "rest").exists():  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(0.05)
            await visitor.post("/login/ada")
            await visitor.post("/basket/emma")
    finally:
        process.kill()
        await process.wait()
    survivor = visitor.to((await replicas.start()).client)
    assert await survivor.get("/me") == "ada-lovelace"
    assert await survivor.post("/basket/ulysses") == ["emma", "ulysses"]

"""Nobody but this machine's browser with the key sees the console or acts through it."""

import asyncio

import pytest
from console_scene import KEY, Scene, acting, browser

from fairway.local.console.operating import SAFE_ID
from fairway.local.console.pages import FOLDER, files

API = "/console/api"


async def test_without_the_key_there_is_a_page_that_says_how_to_get_it(scene: Scene) -> None:
    """And nothing of the system in it."""
    async with browser(scene, entered=False) as session, session.get("/console/") as answer:
        text = await answer.text()
        assert answer.status == 401
        assert "fairway status" in text
        assert "harbour" not in text
        assert KEY not in text


@pytest.mark.parametrize("path", ["system", "stream", "traces", "lines", "why?node=shop", "dead-letters/shop"])
async def test_without_the_key_nothing_is_told(scene: Scene, path: str) -> None:
    """Whatever is asked for."""
    async with browser(scene, entered=False) as session, session.get(f"{API}/{path}") as answer:
        assert answer.status == 401
        assert set(await answer.json()) == {"fault"}


@pytest.mark.parametrize("path", ["index.html", "js/main.js", "css/tokens.css", "nothing"])
async def test_without_the_key_no_file_is_given(scene: Scene, path: str) -> None:
    """So nobody can tell from outside what runs here."""
    async with browser(scene, entered=False) as session, session.get(f"/console/{path}") as answer:
        assert answer.status == 401


async def test_the_key_is_taken_once_and_does_not_stay_in_the_address(scene: Scene) -> None:
    """What stays is a cookie that no script reads, no other site sends, and no other server of this machine gets."""
    async with (
        browser(scene, entered=False) as session,
        session.get("/", params={"key": KEY}, allow_redirects=False) as answer,
    ):
        assert answer.status == 303
        assert answer.headers["location"] == "/console/"
        cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/console" in cookie
    assert KEY not in cookie


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x", KEY[:-1], "é", "%00"])
async def test_a_wrong_key_opens_nothing(scene: Scene, key: str) -> None:
    """Nor does one that is almost right."""
    async with (
        browser(scene, entered=False) as session,
        session.get("/", params={"key": key}, allow_redirects=False) as answer,
    ):
        assert answer.status == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["", "x", KEY, "0" * 64])
async def test_a_forged_cookie_opens_nothing(scene: Scene, cookie: str) -> None:
    """Not even the key itself."""
    async with (
        browser(scene, entered=False) as session,
        session.get(f"{API}/system", headers={"cookie": f"fairway-{scene.port}={cookie}"}) as answer,
    ):
        assert answer.status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
async def test_a_foreign_name_that_points_here_is_refused(scene: Scene, host: str) -> None:
    """A page could point a name of its own at this address, and read what it is told; the key does not help it."""
    async with (
        browser(scene) as session,
        session.get(f"{API}/system", headers={"host": host.format(port=scene.port)}) as answer,
    ):
        assert answer.status == 421
        assert "harbour" not in await answer.text()


async def test_two_names_at_once_are_refused(scene: Scene) -> None:
    """Whoever reads the first may be told another than who reads the last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(
        f"GET / HTTP/1.1\r\nhost: 127.0.0.1:{scene.port}\r\nhost: evil.example\r\nconnection: close\r\n\r\n".encode()
    )
    status = (await reader.readline()).split()[1]
    writer.close()
    assert status in {b"421", b"400"}


async def test_localhost_is_a_name_of_this_machine(scene: Scene) -> None:
    """With the port."""
    async with (
        browser(scene, entered=False) as session,
        session.get(
            "/", params={"key": KEY}, headers={"host": f"localhost:{scene.port}"}, allow_redirects=False
        ) as answer,
    ):
        assert answer.status == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_page_may_ask_for_nothing(scene: Scene, site: str) -> None:
    """A page at another port of this machine is sent our cookie, since cookies know no ports."""
    async with (
        browser(scene) as session,
        session.get(f"{API}/system", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}) as answer,
    ):
        assert answer.status == 403


async def test_a_link_from_another_page_arrives_with_the_second_try(scene: Scene) -> None:
    """A strict cookie is not sent with the redirect that a foreign page began: the page tries again by itself, once."""
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    async with browser(scene, entered=False) as session:
        async with session.get("/console/", headers=headers) as answer:
            assert "/console/?again" in await answer.text()
        async with session.get("/console/?again", headers=headers) as answer:
            assert answer.status == 401
            assert "refresh" not in await answer.text()


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"origin": None}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"x_fairway": None}, 403),
        ({"x_fairway": "other"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"sec_fetch_site": "cross-site"}, 403),
    ],
)
async def test_an_action_that_the_page_did_not_send_is_refused(
    scene: Scene, changed: dict[str, str | None], status: int
) -> None:
    """Though it brings the cookie."""
    async with (
        browser(scene) as session,
        session.post(f"{API}/do/restart", data='{"name":"shop"}', headers=acting(scene, **changed)) as answer,
    ):
        assert answer.status == status
    assert scene.restarted == []


async def test_an_action_of_the_page_is_done(scene: Scene) -> None:
    """Otherwise the refusals above would prove nothing."""
    async with (
        browser(scene) as session,
        session.post(f"{API}/do/restart", data='{"name":"shop"}', headers=acting(scene)) as answer,
    ):
        assert await answer.json() == {"names": ["shop"]}
    assert scene.restarted == ["shop"]


async def test_an_action_cannot_be_a_get(scene: Scene) -> None:
    """An image could send one."""
    async with browser(scene) as session:
        for path in ("restart", "dead-letters/redrive", "dead-letters/drop"):
            async with session.get(f"{API}/do/{path}") as answer:
                assert answer.status in {404, 405, 409}
    assert scene.restarted == []
    assert not (scene.folder / "asked.txt").exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
async def test_other_methods_are_refused(scene: Scene, method: str) -> None:
    """There are none."""
    async with browser(scene) as session, session.request(method, f"{API}/system") as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"name": 1}', '{"name":"a","more":1}', '{"name":"' + "a" * 70000 + '"}']
)
async def test_an_action_that_makes_no_sense_is_refused_with_a_sentence(scene: Scene, body: str) -> None:
    """Whatever was sent, and however much."""
    async with (
        browser(scene) as session,
        session.post(f"{API}/do/restart", data=body, headers=acting(scene)) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["fault"]
    assert scene.restarted == []


@pytest.mark.parametrize(
    "wanted",
    [
        '{"service":"shop","ids":["--all"]}',
        '{"service":"shop","ids":["-h"]}',
        '{"service":"shop","ids":["in-0; rm x"]}',
        '{"service":"shop","ids":[""]}',
        '{"service":"shop","ids":[]}',
        '{"service":"nobody","ids":["in-0"]}',
    ],
)
async def test_an_id_cannot_be_an_option_of_the_command(scene: Scene, wanted: str) -> None:
    """Nothing but ids reaches it: `--all` would drop all that there are."""
    async with (
        browser(scene) as session,
        session.post(f"{API}/do/dead-letters/drop", data=wanted, headers=acting(scene)) as answer,
    ):
        assert answer.status == 409
    assert not (scene.folder / "asked.txt").exists()


def test_an_id_of_the_sdk_is_one() -> None:
    """As its commands print them."""
    for one in ("in-0192b1c4-7b1e-7000-8000-000000000000", "out-7", "order-1795413421"):
        assert SAFE_ID.fullmatch(one)


async def test_every_answer_forbids_what_is_not_of_the_page(scene: Scene) -> None:
    """No script and no style but its files, no frame around it, no type that is guessed, nothing kept."""
    async with browser(scene) as session:
        for path in ("/console/", f"{API}/system", "/console/nothing", f"{API}/why?node=nobody"):
            async with session.get(path) as answer:
                policy = answer.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == "no-referrer"
                assert answer.headers["cross-origin-resource-policy"] == "same-origin"
                assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["../server.py", "..%2fserver.py", "%2e%2e/server.py", "js/../../server.py", "/etc/passwd", "js", "js/"]
)
async def test_no_file_but_those_of_the_page_is_given(scene: Scene, path: str) -> None:
    """However it is spelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    async with browser(scene) as session:
        cookies = "; ".join(f"{one.key}={one.value}" for one in session.cookie_jar)
    head = f"GET /console/{path} HTTP/1.1", f"host: 127.0.0.1:{scene.port}", f"cookie: {cookies}", "connection: close"
    writer.write("\r\n".join((*head, "", "")).encode())
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] == b"404", answer[:200]


def test_the_page_asks_nobody_else() -> None:
    """No file of it names another host, and none has a script or a style inside."""
    for name, path in files().items():
        text = path.read_text()
        assert "https://" not in text, name
        assert text.replace("http://www.w3.org/", "").count("http://") == 0, name
        if name.endswith(".html"):
            assert "<style" not in text
            assert " style=" not in text
            assert " on" not in text.replace(" one ", "")
        if name.endswith(".js"):
            assert "innerHTML" not in text, name
            assert "insertAdjacentHTML" not in text, name
            assert "eval(" not in text, name


def test_no_file_of_the_page_is_too_long() -> None:
    """A person can read each."""
    for name, path in files().items():
        assert len(path.read_text().splitlines()) <= 400, name
    assert FOLDER.is_dir()

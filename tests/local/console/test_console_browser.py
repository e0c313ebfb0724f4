"""The page in a real Chromium: every view, live, by keyboard, in both themes, on a phone, with hostile text."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import chromium_browser
import pytest
from chromium_browser import Page, chromium, tab
from console_scene import HOSTILE, Scene
from console_seen import TRACE, flow, order

from fairway.local.telemetry.records import Alert

pytestmark = pytest.mark.skipif(not chromium_browser.FOUND, reason="there is no Chromium: install 'chromium'")

VIEWS = ("start", "walk", "processes", "traces", "logs", "events", "alerts")
LONG = "x" * 20000


@pytest.fixture(scope="module")
def browser_port() -> Iterator[str]:
    """Run one Chromium for all tests; each has a tab and a console of its own."""
    with chromium() as port:
        yield port


@pytest.fixture
async def page(scene: Scene, browser_port: str) -> AsyncIterator[Page]:
    """Open the console."""
    async with tab(browser_port) as found:
        await found.size(1280)
        await found.open(scene.entrance)
        await found.until("document.querySelector('#system').textContent === 'harbour'")
        await found.until("document.querySelector('.box')")
        yield found
        assert found.complaints == []
        assert [url for url in found.asked if not url.startswith((scene.url, "about:"))] == []


async def go(page: Page, view: str) -> None:
    """Go to a view, and wait until it is there."""
    await page.run(f"location.hash = {view!r}")
    name = view.partition("?")[0]
    await page.until(f"document.querySelector('#tab-{name}').getAttribute('aria-selected') === 'true'")
    await page.until("document.querySelector('#view').children.length")


async def test_the_key_is_not_in_the_address(page: Page, scene: Scene) -> None:
    """Nor in the history."""
    assert await page.run("location.href") == f"{scene.url}/console/"
    assert await page.run("document.cookie") == ""


async def test_a_newcomer_sees_what_is_wrong_what_to_try_and_the_map(page: Page, scene: Scene) -> None:
    """At once."""
    scene.seen.all_channels = []
    scene.seen.all_flows = [flow("gateway", "shop", 4.0)]
    scene.seen.number += 1
    await page.until("document.querySelector('.how h2').textContent === 'All well'")
    assert await page.run("document.querySelector('.try code').textContent.startsWith('curl http')")
    assert await page.run("document.querySelectorAll('.box').length") == 5
    scene.states["money-0"] = "crashed"
    await page.until("document.querySelector('.how h2').textContent === 'One thing is wrong'")
    await page.until("document.querySelector('.troubles').textContent.includes('money-0 is crashed')")
    await page.until("document.querySelector('.box.down .title').textContent === 'money'")
    await page.until("document.querySelector('#tab-processes').classList.contains('trouble')")


async def test_every_view_shows_what_it_is_for(page: Page, scene: Scene) -> None:
    """With real contents."""
    scene.seen.saw(*order())
    scene.seen.wrote("the shop has opened")
    scene.seen.all_alerts = [
        Alert(
            name="ErrorBudgetBurn",
            service="shop",
            severity="page",
            state="firing",
            since=0,
            says="too many fail",
            figure=0.2,
        )
    ]
    scene.seen.number += 1
    holds = {
        "start": "document.querySelector('.latest .what')?.textContent.includes('POST /checkout')",
        "walk": "document.querySelector('.walk-sheet svg [role=button]')",
        "processes": "document.querySelectorAll('tbody tr td:first-child').length === 4",
        "traces": "document.querySelector('.trace-rows .what')?.textContent.includes('POST /checkout')",
        "logs": "document.querySelector('.lines .says')?.textContent.includes('the shop has opened')",
        "events": "document.querySelector('#view').textContent.includes('sold') && document.querySelector('.letters')",
        "alerts": "document.querySelector('#view').textContent.includes('too many fail')",
    }
    assert set(holds) == set(VIEWS)
    for view, script in holds.items():
        await go(page, view)
        await page.until(script)


async def test_traffic_and_failures_show_on_the_ways(page: Page, scene: Scene) -> None:
    """As they come and go."""
    await page.until("document.querySelector('.sea .failing text').textContent === '2.0/s · 25 % fail'")
    scene.seen.all_flows = [flow("shop", "stock", 30.0)]
    scene.seen.number += 1
    await page.until("document.querySelectorAll('.sea .busy').length === 1")
    await page.until("document.querySelector('.sea .busy text').textContent === '30/s · 200 ms'")
    await page.until("!document.querySelector('.sea .failing')")


async def test_an_order_travels_over_the_map(page: Page, scene: Scene) -> None:
    """From the gateway to all that it reached; who wants no motion is told of it only."""
    scene.seen.saw(*order())
    await page.until("document.querySelector('.caption .journey')?.textContent.includes('money')", within=12)
    await page.until("document.querySelector('.box.visited .title')?.textContent === 'shop'", within=12)


async def test_who_wants_no_motion_gets_none(page: Page, scene: Scene) -> None:
    """Not a dot."""
    await page.prefers(reduced_motion="reduce")
    await page.until("document.querySelector('.map .end button').textContent === 'Let it move'")
    scene.seen.saw(*order())
    await page.until("document.querySelector('.caption .journey')?.textContent.includes('money')", within=12)
    empty = "!document.querySelector('canvas').getContext('2d').getImageData(0, 0, 2000, 800).data.some(Boolean)"
    await page.until(empty)


async def test_a_waterfall_opens_its_spans(page: Page, scene: Scene) -> None:
    """With attributes, the reason of a failure, and the lines of the trace."""
    scene.seen.saw(*order(failed=True))
    scene.seen.wrote("charged", trace=TRACE, fields={"cents": 900})
    await go(page, f"traces?trace={TRACE}")
    await page.until("document.querySelectorAll('.flow .span').length === 4")
    await page.run("document.querySelector('.flow .failed button').click()")
    await page.until("document.querySelector('.more').textContent.includes('the card was refused')")
    await page.until("document.querySelector('.more').textContent.includes('http.response.status_code')")
    await page.until("document.querySelector('.trace-lines').textContent.includes('charged')")


async def test_why_is_this_here_tells_the_decisions(page: Page) -> None:
    """Of a box, a way, a stop of the walk, a process; Escape closes it, and the focus goes back."""
    await page.run("document.querySelector('[aria-label^=\"shop to money\"]').focus()")
    await page.press("Enter")
    await page.until("!document.querySelector('#drawer').hidden")
    await page.until("document.querySelector('#drawer').textContent.includes('opens after 3')")
    await page.until("document.querySelector('#drawer .rule')?.textContent === 'resilience/circuit-breakers'")
    assert await page.run("document.activeElement.id") == "drawer-title"
    await page.press("Escape")
    await page.until("document.querySelector('#drawer').hidden")
    assert await page.run("document.activeElement.getAttribute('aria-label').startsWith('shop to money')")
    await go(page, "walk")
    await page.until("document.querySelector('.walk-sheet svg [role=button]')")
    await page.run("document.querySelector('.walk-sheet svg [role=button]').focus()")
    await page.press("Enter")
    await page.until("document.querySelector('#drawer-title').textContent === 'shop'")


async def test_everything_can_be_reached_with_the_keyboard(page: Page) -> None:
    """The skip link first; views by arrows and numbers; help by a question mark."""
    await page.press("Tab")
    assert await page.run("document.activeElement.id") == "skip"
    await page.press("Enter")
    assert await page.run("document.activeElement.id") == "view"
    await page.run("document.querySelector('#tab-start').focus()")
    await page.press("ArrowRight")
    await page.until("document.activeElement.id === 'tab-walk'")
    await page.until("location.hash === '#walk'")
    await page.press("ArrowLeft")
    await page.press("ArrowLeft")
    await page.until("location.hash === '#alerts'")
    await page.press("4")
    await page.until("document.querySelector('.filters select')")
    await page.press("/")
    await page.until("document.activeElement.tagName === 'SELECT'")
    await page.run("document.activeElement.blur()")
    await page.press("?")
    await page.until("document.querySelector('dialog[open] kbd')")
    await page.press("Escape")
    await page.until("!document.querySelector('dialog')")
    assert await page.run("[...document.querySelectorAll('[role=tab]')].filter(tab => tab.tabIndex === 0).length") == 1


async def test_what_has_the_focus_shows_it(page: Page) -> None:
    """With a line around it."""
    await go(page, "processes")
    await page.until("document.querySelector('td button')")
    await page.press("Tab")
    for _ in range(12):
        await page.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.run(f"{outline} !== 'none' || document.activeElement === document.body")


async def test_every_button_and_field_has_a_name(page: Page, scene: Scene) -> None:
    """A screen reader says it."""
    scene.seen.saw(*order())
    nameless = """[...document.querySelectorAll('button, select, input, [role=button], [role=tab]')].filter(one =>
        !(one.getAttribute('aria-label') || one.textContent.trim() || one.closest('label') || one.id === 'theme'))
        .map(one => one.outerHTML)"""
    for view in VIEWS:
        await go(page, view)
        await asyncio.sleep(0.4)
        assert await page.run(nameless) == [], view


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_colours_follow_the_system_and_the_switch(page: Page, scheme: str) -> None:
    """And words can be told from what is behind them."""
    await page.prefers(color_scheme=scheme)
    shade = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)[0]"
    await page.until(f"{shade} {'<' if scheme == 'dark' else '>'} 100")
    press = "document.querySelector('#theme').click()"
    await page.run(press)  # light
    await page.until(f"{shade} > 100")
    await page.run(press)  # dark
    await page.until(f"{shade} < 100")
    await page.run("location.reload()")
    await page.until(f"document.querySelector('.box') && {shade} < 100")


async def test_words_stand_out_from_what_is_behind_them(page: Page) -> None:
    """4.5 to 1 at least, in both themes, of all words of the shared parts."""
    contrast = """(() => {
      const part = value => (value /= 255) <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
      const light = name => { const probe = document.createElement('i'); probe.style.color = `var(${name})`;
        document.body.append(probe);
        const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number);
        probe.remove(); return .2126 * part(r) + .7152 * part(g) + .0722 * part(b); };
      const ratio = (one, two) => { const [low, high] = [light(one), light(two)].sort((a, b) => a - b);
        return (high + .05) / (low + .05); };
      const words = ['--ink', '--quiet', '--accent', '--good', '--bad', '--warn', '--chart'];
      const backs = ['--panel', '--paper', '--raised', '--water'];
      return words.flatMap(word => backs.map(back => [word, back, ratio(word, back)]))
        .filter(([, , found]) => found < 4.5);
    })()"""
    for scheme in ("light", "dark"):
        await page.prefers(color_scheme=scheme)
        assert await page.run(contrast) == [], scheme


async def test_a_phone_shows_every_view_without_scrolling_sideways(page: Page, scene: Scene) -> None:
    """At 360 pixels."""
    scene.seen.saw(*order(name=f"GET /{LONG}"))
    scene.seen.wrote(LONG)
    await page.size(360, 740, phone=True)
    for view in (*VIEWS, f"traces?trace={TRACE}"):
        await go(page, view)
        await asyncio.sleep(0.8)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.run(wide) <= 0, view


async def test_what_comes_from_outside_stays_text(page: Page, scene: Scene) -> None:
    """Lines, spans, reasons, letters, lines to try: none of it becomes a part of the page."""
    hostile = order(name=HOSTILE)
    scene.seen.saw(*hostile)
    scene.seen.wrote(HOSTILE, "error", fields={HOSTILE: HOSTILE})
    scene.states["money-0"] = "failed"
    scene.seen.all_alerts = [
        Alert(name=HOSTILE, service=HOSTILE, severity="page", state="firing", since=0, says=HOSTILE)
    ]
    scene.seen.all_flows = [flow(HOSTILE, HOSTILE, 1.0), flow("gateway", HOSTILE, 1.0, failures=1)]
    scene.seen.number += 1
    for view in (*VIEWS, f"traces?trace={TRACE}"):
        await go(page, view)
        await asyncio.sleep(1.2)
        await page.run(
            "document.querySelectorAll('.flow button, .lines button, .try code').forEach(one => one.click())"
        )
        assert await page.run("document.querySelectorAll('#view script, #view img').length") == 0, view
    await go(page, "logs")
    await page.until("document.querySelector('.lines').textContent.includes('<script>')")
    assert await page.run("window.hacked === undefined")


async def test_thousands_of_lines_do_not_fill_the_page(page: Page, scene: Scene) -> None:
    """Only the newest are kept, and holding them holds them."""
    await go(page, "logs")
    for number in range(3000):
        scene.seen.wrote(f"line {number}")
        if number % 300 == 299:
            await asyncio.sleep(0.55)
    await page.until("document.querySelector('.lines').textContent.includes('line 2999')")
    assert await page.run("document.querySelectorAll('.lines .row').length") <= 800
    await page.run("[...document.querySelectorAll('.panel button')].find(one => one.textContent === 'Hold').click()")
    scene.seen.wrote("while held")
    await page.until("document.querySelector('.panel header').textContent.includes('1 new line')")
    assert not await page.run("document.querySelector('.lines').textContent.includes('while held')")


async def test_dead_letters_are_put_back_at_once_and_dropped_after_a_question(page: Page, scene: Scene) -> None:
    """A no leaves them."""
    button = "[...document.querySelectorAll('.letters button')].find(one => one.textContent.includes('%s'))"
    await go(page, "events")
    await page.until("document.querySelector('.letters .danger')")
    await page.run(button % "2 letters" + ".click()")
    await page.until("document.querySelectorAll('.letter').length === 2")
    await page.run("document.querySelector('.letter button').click()")
    await page.until("document.querySelector('.letter pre')?.textContent.includes('sealed')")
    tick = "document.querySelectorAll('.letter input')[0].click()"
    await page.run(tick)
    await page.run(button % "Drop" + ".click()")
    await page.until("document.querySelector('dialog[open]')")
    assert await page.run("document.activeElement.textContent") == "Leave it"
    await page.press("Escape")
    await page.until("!document.querySelector('dialog')")
    assert "drop" not in (scene.folder / "asked.txt").read_text()
    await page.run(button % "Put 1" + ".click()")
    await page.until("document.querySelectorAll('.letter').length === 1")
    await page.run(tick)
    await page.run(button % "Drop" + ".click()")
    await page.until("document.querySelector('dialog[open]')")
    await page.run("document.querySelector('dialog .danger').click()")
    await page.until("document.querySelector('#view').textContent.includes('has no dead letters')")
    assert json.loads((scene.folder / "letters.json").read_text()) == []


async def test_a_service_is_started_anew_by_a_button(page: Page, scene: Scene) -> None:
    """What others rely on only after a question."""
    await go(page, "processes")
    await page.until("document.querySelector('[aria-label=\"Restart money-0\"]')")
    await page.run("document.querySelector('[aria-label=\"Restart money-0\"]').click()")
    await page.until("document.querySelector('#told').textContent.includes('money-0 starts anew')")
    await page.run("document.querySelector('[aria-label=\"Restart gateway\"]').click()")
    await page.until("document.querySelector('dialog[open]')")
    await page.press("Escape")
    assert scene.restarted == ["money-0"]


async def test_the_page_says_when_the_console_has_gone(page: Page, tmp_path: Path) -> None:
    """Instead of showing what is no longer true as if it were."""
    (tmp_path / "unused").touch()
    await page.say(
        "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
    )
    await page.run("location.hash = 'logs'")
    await page.until("document.querySelector('#state').textContent.includes('no connection')")
    await page.say(
        "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )
    await page.until("!document.querySelector('#state').textContent.includes('no connection')")
    page.complaints.clear()  # Chromium says itself that it has no network

"""A real Chromium, driven over its own protocol: pages, keys, what the console says, pictures."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

FOUND: Final = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
STARTS_WITHIN: Final = 30.0
ANSWERS_WITHIN: Final = 20.0


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []  # errors that a developer would see
        self.asked: list[str] = []  # URLs
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                waiting = self._waiting.pop(told["id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
                continue
            self._hear(told["method"], told["params"])

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning"}:
            self.complaints.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(told["entry"]["text"] + " " + told["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])

    async def say(self, method: str, **told: Any) -> dict[str, Any]:  # noqa: ANN401 - Chromium's own words
        """Send a command, and wait for its answer."""
        self._number += 1
        waiting = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": told})
        async with asyncio.timeout(ANSWERS_WITHIN):
            answer = await waiting
        assert "error" not in answer, f"{method}: {answer['error']}"
        found: dict[str, Any] = answer["result"]
        return found

    async def open(self, url: str) -> None:
        """Go to a page, and wait until it is loaded."""
        await self.say("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:  # noqa: ANN401 - whatever it gives
        """Give what an expression is, awaited where it is a promise."""
        told = await self.say("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, script: str, within: float = 15.0) -> Any:  # noqa: ANN401
        """Wait until an expression holds, and give it."""
        end = time.monotonic() + within
        while True:
            with contextlib.suppress(AssertionError):
                if found := await self.run(f"(found => found instanceof Node || found)({script})"):
                    return found
            assert time.monotonic() < end, f"it does not come: {script}; {self.complaints}"
            await asyncio.sleep(0.05)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key as a person does."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "End": 35}
        told: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        if len(key) == 1 or key == "Enter":
            told["text"] = "\r" if key == "Enter" else key
        if shift:
            told["modifiers"] = 8
        await self.say("Input.dispatchKeyEvent", type="keyDown", **told)
        await self.say("Input.dispatchKeyEvent", type="keyUp", **told)

    async def size(self, wide: int, high: int = 900, *, phone: bool = False) -> None:
        """Make the window so large, in pixels."""
        await self.say("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=phone)

    async def prefers(self, **features: str) -> None:
        """Set what the reader prefers: `color_scheme="dark"`, `reduced_motion="reduce"`."""
        told = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        await self.say("Emulation.setEmulatedMedia", features=told)

    async def picture(self, file: Path, *, whole: bool = False) -> None:
        """Take a picture."""
        told = await self.say("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(told["data"]))

    async def close(self) -> None:
        """Leave it."""
        self._reading.cancel()
        await self._socket.close()


@contextmanager
def chromium() -> Iterator[str]:
    """Run a Chromium of our own, and give the port where it is driven."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [FOUND, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run"]
        command += ["--disable-gpu", "--disable-background-networking", "--disable-extensions", "--mute-audio"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # it refuses to start with one as root
        process = subprocess.Popen([*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield _port(Path(profile) / "DevToolsActivePort", process)
        finally:
            process.kill()
            process.wait()


@asynccontextmanager
async def tab(port: str) -> AsyncIterator[Page]:
    """Open a tab."""
    async with aiohttp.ClientSession() as session:
        async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
            told = await answer.json()
        page = Page(await session.ws_connect(told["webSocketDebuggerUrl"], max_msg_size=0))
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.say(f"{domain}.enable")
        await page.say("Page.bringToFront")
        await page.say("Emulation.setFocusEmulationEnabled", enabled=True)
        try:
            yield page
        finally:
            await page.close()
            async with session.get(f"http://127.0.0.1:{port}/json/close/{told['id']}"):
                pass


def _port(file: Path, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + STARTS_WITHIN
    while not (file.exists() and (told := file.read_text().splitlines())):
        assert process.poll() is None, "Chromium does not start"
        assert time.monotonic() < end, "Chromium does not start"
        time.sleep(0.05)
    return told[0]

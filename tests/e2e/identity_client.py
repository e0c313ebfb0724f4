"""The local identity provider as a process, and the browser and the application that ask it."""

import base64
import hashlib
import http.client
import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import msgspec

from fairway.core.facts import System
from fairway.local.identity.settings import Settings, settings
from fairway.local.run_folder import RunFolder

BACK: Final = "http://127.0.0.1:5173/back"
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


@contextmanager
def playing(system: System, folder: Path, joining: str = "", **changed: object) -> Iterator[Settings]:
    """Run a system's providers for as long as this lasts; it must end well and leave no socket behind."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    run = RunFolder(folder)
    made = settings(system, run, base=f"http://{listen}/-/idp", listen=listen, joining=[joining] if joining else [])
    assert made
    made = msgspec.structs.replace(made, **changed)
    file = run.config("identity.json")
    file.write_bytes(msgspec.json.encode(made))
    command = [sys.executable, "-m", "fairway.local.identity", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 20
    while not Path(made.admin).exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    try:
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)
        left = list(run.sockets.iterdir())
        shutil.rmtree(run.sockets)
        assert (process.returncode, said, left) == (0, "", [])


class Answer(msgspec.Struct):
    """One answer."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - a test knows what it asked for
        """Its JSON."""
        return json.loads(self.text)

    @property
    def sent_back(self) -> dict[str, str]:
        """The parameters of its redirect."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers["location"]).query).items()}


class Browser:
    """A browser with its cookies; it follows no redirect by itself."""

    def __init__(self, through: str = "") -> None:
        self.cookie = ""
        self.through = through  # path of a socket, instead of the URL's host and port

    def ask(self, method: str, url: str, body: str | None = None, **headers: str) -> Answer:
        """Send one request."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        if self.through:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self.through)
        told = {"cookie": self.cookie} if self.cookie else {}
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, body, told | {name.replace("_", "-"): say for name, say in headers.items()})
        raw = connection.getresponse()
        answer = Answer(url, raw.status, raw.headers, raw.read().decode())
        connection.close()
        if cookie := answer.headers["set-cookie"]:
            self.cookie = "" if "Max-Age=0" in cookie else cookie.partition(";")[0]
        return answer

    def choose(self, page: Answer, choice: str, **further: str) -> Answer:
        """Fill in the form of a page, and send it."""
        assert page.status == 200, page.text
        action, login = re.search(r'action="([^"]+)"', page.text), re.search(r'name="login" value="([^"]+)"', page.text)
        assert action
        assert login
        fields = {"login": unescape(login[1]), "choice": choice} | further
        return self.ask("POST", urljoin(page.url, action[1]), urlencode(fields), **FORM)


class Application:
    """An application of this machine that logs somebody in, with PKCE."""

    def __init__(self, issuer: str, through: str = "") -> None:
        self.through = through
        self.found = Browser(through).ask("GET", f"{issuer}/.well-known/openid-configuration").json
        self.verifier = secrets.token_urlsafe(48)
        self.state, self.nonce = secrets.token_urlsafe(8), secrets.token_urlsafe(8)

    def address(self, **other: str | None) -> str:
        """Say where it sends the browser; none takes a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": "local.app",
            "redirect_uri": BACK,
            "scope": "openid orders:read",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | other
        return f"{self.found['authorization_endpoint']}?{urlencode({k: v for k, v in asked.items() if v is not None})}"

    def code(self, choice: str = "ann riverside", **other: str | None) -> str:
        """Have somebody log in."""
        browser = Browser()
        sent = browser.choose(browser.ask("GET", self.address(**other)), choice)
        assert sent.status == 303, sent.text
        assert sent.headers["location"].startswith(f"{BACK}?")
        assert sent.sent_back["state"] == self.state
        assert sent.sent_back["iss"] == self.found["issuer"]
        return sent.sent_back["code"]

    def exchange(self, code: str, **other: str) -> Answer:
        """Ask for the tokens of a code."""
        told = {
            "grant_type": "authorization_code",
            "client_id": "local.app",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": self.verifier,
        } | other
        return Browser(self.through).ask("POST", self.found["token_endpoint"], urlencode(told), **FORM)

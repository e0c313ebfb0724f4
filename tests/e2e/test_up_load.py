"""The bookshop under load, while one asks too much, a replica dies, and certificates and keys are replaced."""

import datetime as dt
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography import x509
from local_system import System, until

from fairway.local.certificates import FILE, Authority, Certificates
from fairway.local.identity.asking import ADMIN_SOCKET, Asked, ask_token
from fairway.local.run_folder import RunFolder, private_folder
from fairway.local.state import free_port

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
BASKET, BOOKS = "/storefront/basket", "/storefront/books"
PRIDE = "9780141439518"
LIFETIME = 45.0  # seconds of the first authority: it is replaced when two thirds of that are over
BURST = 400  # requests: a consumer may send a hundred at once, and twenty a second


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give a storefront with a replica in each of two regions, and an authority that is soon due."""
    folder = tmp_path_factory.mktemp("shop") / "bookshop"
    shutil.copytree(BOOKSHOP, folder, ignore=shutil.ignore_patterns(".fairway", "__pycache__", "deploy", "tests"))
    system = System(folder)
    try:
        start(system, LIFETIME)
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


def start(system: System, lifetime: float) -> None:
    """Start it with an authority of its own that lives for so many seconds."""
    folder = private_folder(RunFolder(system.folder).state / "certificates")
    (folder / FILE).unlink(missing_ok=True)
    Certificates(folder, {}, authority_lifetime=dt.timedelta(seconds=lifetime))
    port = str(free_port())  # else two systems that start at once want the same
    system.run("up", "--detach", "--no-console", "--regions", "--only", "storefront,inventory", "--port", port)


class Reader:
    """A browser with a token and a cookie, on one connection."""

    def __init__(self, shop: System, user: str) -> None:
        self._connection = http.client.HTTPConnection("")
        self.go_to(shop.status["gateway"])
        self._admin = RunFolder(shop.folder).socket(ADMIN_SOCKET)
        self._user = user
        self.cookie = ""
        self.token = self.new_token()

    def go_to(self, gateway: str) -> None:
        """Use another gateway."""
        self._connection.close()
        self._connection = http.client.HTTPConnection(gateway.removeprefix("http://"), timeout=10)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def new_token(self) -> str:
        """Log in once more."""
        return ask_token(self._admin, Asked(user=self._user, tenant="riverside")).token

    def ask(self, path: str, method: str = "GET") -> tuple[int, Any]:
        """Ask, and keep the cookie; a connection that breaks is no answer, and counts as status 0."""
        headers = {"authorization": f"Bearer {self.token}", "cookie": self.cookie}
        try:
            self._connection.request(method, path, headers=headers)
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0, None
        if told := answer.headers["set-cookie"]:
            self.cookie = told.partition(";")[0]
        return answer.status, json.loads(said) if answer.status == http.client.OK else said


@pytest.fixture
def enter(shop: System) -> Iterator[Callable[[str], Reader]]:
    """Let a user come in, who leaves at the end."""
    with ExitStack() as stack:
        yield lambda user: stack.enter_context(closing(Reader(shop, user)))


@contextmanager
def load(*readers: Reader) -> Iterator[Counter[tuple[str, int]]]:
    """Have each reader ask for its basket, in Valkey, and for the books, in PostgreSQL; count the answers."""
    counted: Counter[tuple[str, int]] = Counter()
    over = threading.Event()

    def read(reader: Reader) -> None:
        while not over.wait(0.1):
            for path in (BASKET, BOOKS):
                counted[path, reader.ask(path)[0]] += 1

    threads = [threading.Thread(target=read, args=[reader]) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        yield counted
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_who_asks_too_much_is_stopped_and_nobody_else_is(enter: Callable[[str], Reader]) -> None:
    """Each consumer has a measure of their own, by their token and not by where they are."""
    greedy, modest = enter("ann"), enter("cleo")
    answers, others = Counter[int](), Counter[int]()
    for number in range(BURST):
        answers[greedy.ask(BASKET)[0]] += 1
        if number % 20 == 0:
            others[modest.ask(BASKET)[0]] += 1
    assert answers.keys() == {200, 429}, answers
    assert answers[200] >= 100
    assert answers[429] >= 50
    assert others == {200: BURST // 20}
    until(lambda: greedy.ask(BASKET)[0] == 200)


def test_a_session_survives_the_replica_that_has_it(shop: System, enter: Callable[[str], Reader]) -> None:
    """Killed, not ended: the other region's replica knows the basket at once, and so does the next one in its place."""
    reader = enter("cleo")
    assert reader.ask("/storefront/session", "POST")[0] == 200
    assert reader.ask(f"{BASKET}/{PRIDE}?copies=2", "PUT") == (200, {"lines": {PRIDE: 2}})
    mine = shop.process("storefront-0")
    elsewhere = enter("cleo")
    elsewhere.go_to(shop.status["gateways"]["us-east-1"])
    elsewhere.cookie = reader.cookie
    os.kill(mine["pid"], signal.SIGKILL)
    for _ in range(10):
        assert elsewhere.ask(BASKET) == (200, {"lines": {PRIDE: 2}})
    until(lambda: reader.ask(BASKET) == (200, {"lines": {PRIDE: 2}}))
    until(lambda: (now := shop.process("storefront-0"))["state"] == "ready" and now["pid"] != mine["pid"])
    assert reader.ask(BASKET) == (200, {"lines": {PRIDE: 2}})


def test_the_providers_keys_are_replaced_and_no_request_fails(shop: System, enter: Callable[[str], Reader]) -> None:
    """Tokens of the old key stay good, and those of the new one are from the first moment."""
    old, new = enter("ann"), enter("cleo")
    first = jwt.get_unverified_header(old.token)["kid"]
    with load(old, new) as counted:
        admin = http.client.HTTPConnection("localhost")
        admin.sock = socket.socket(socket.AF_UNIX)
        admin.sock.connect(str(RunFolder(shop.folder).socket(ADMIN_SOCKET)))
        admin.request("POST", "/rotate")
        assert admin.getresponse().status == 200
        admin.close()

        def replaced() -> bool:
            new.token = new.new_token()
            return bool(jwt.get_unverified_header(new.token)["kid"] != first)

        until(replaced, 30)
        time.sleep(1)
    assert jwt.get_unverified_header(old.token)["kid"] == first
    assert {status for _, status in counted} == {200}, counted


def test_the_authority_and_all_certificates_are_replaced_and_no_request_fails(
    shop: System, enter: Callable[[str], Reader]
) -> None:
    """Live, in every proxy: first both authorities are trusted, then the new one issues, then the old one is gone."""
    began = time.monotonic()
    if len(before := authorities(shop)) > 1 or not soon_due(before[0]):  # a machine too busy to get here in time
        shop.run("down")
        start(shop, LIFETIME + 3 * (time.monotonic() - began))
        [before] = [authorities(shop)]
    shown = {name: issuer(port) for name, port in meshed(shop).items()}
    with load(enter("ann"), enter("cleo")) as counted:
        until(lambda: len(authorities(shop)) > 1, 120)
        until(lambda: len(authorities(shop)) == 1, 60)
        until(lambda: all(issuer(port) != shown[name] for name, port in meshed(shop).items()), 30)
        time.sleep(2)
    [after] = authorities(shop)
    assert after.serial != before[0].serial
    assert {status for _, status in counted} == {200}, counted
    assert sum(counted.values()) > 20


def authorities(shop: System) -> list[Authority]:
    """Give the authorities of the system as they are now."""
    file = RunFolder(shop.folder).state / "certificates" / FILE
    return msgspec.json.decode(file.read_bytes(), type=list[Authority])


def soon_due(authority: Authority) -> bool:
    """Tell whether it is the short-lived one."""
    return authority.ends - authority.issued < dt.timedelta(hours=1)


def meshed(shop: System) -> dict[str, int]:
    """Give the ports of services and stores in the mesh."""
    ports: dict[str, int] = json.loads((RunFolder(shop.folder).state / "ports.json").read_bytes())
    return {name: port for name, port in ports.items() if name.startswith("mtls.")}


def issuer(port: int) -> str:
    """Tell who issued the certificate that is shown at a port; it is shown to those who show none, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, context.wrap_socket(plain) as line:
        shown = line.getpeercert(binary_form=True)
        assert shown
        return x509.load_der_x509_certificate(shown).issuer.rfc4514_string()

"""The bookshop as it runs, and somebody who tries every door of it: none opens to whom it should not."""

import datetime as dt
import http.client
import re
import shutil
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from forger import Forger
from intruder import HELLO, HOURS, Intruder, says
from local_system import System

from fairway.local.run_folder import RunFolder
from fairway.local.state import free_port

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
PROTECTED = "/orders/order-000001"  # of the storefront, and of nobody's yet
LISTENS = "0A"  # a TCP socket's state in Linux's table


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Give the part of the bookshop that is asked here, running."""
    folder = tmp_path_factory.mktemp("shop") / "bookshop"
    shutil.copytree(BOOKSHOP, folder, ignore=shutil.ignore_patterns(".fairway", "__pycache__", "deploy", "tests"))
    system = System(folder)
    try:
        port = str(free_port())  # else two systems that start at once want the same
        system.run("up", "--detach", "--no-console", "--only", "storefront,orders,inventory", "--port", port)
        yield system
    finally:
        system.run("down", check=False)
    assert system.nothing_is_left()


@pytest.fixture(scope="module")
def intruder(shop: System, tmp_path_factory: pytest.TempPathFactory) -> Intruder:
    """Give somebody with certificates."""
    return Intruder(shop.folder, "bookshop", tmp_path_factory.mktemp("intruder") / "own")


@pytest.fixture(scope="module")
def good(shop: System) -> str:
    """Give a good token."""
    return shop.run("token", "--user", "ann", "--tenant", "riverside").stdout.strip()


@pytest.fixture(scope="module")
def gateway(shop: System) -> int:
    """Give the gateway's port."""
    return int(shop.status["gateway"].rpartition(":")[2])


class Unix(http.client.HTTPConnection):
    """A connection to a socket with a path."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        """Reach it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def status_of(connection: http.client.HTTPConnection, path: str, **headers: str) -> int:
    """Ask once, and give the status."""
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): told for name, told in headers.items()})
        return connection.getresponse().status
    finally:
        connection.close()


def raw(port: int, target: bytes, *headers: bytes) -> tuple[int, bytes]:
    """Send a request line byte for byte; give the status, 0 where there is none, and the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(
            b"\r\n".join((b"GET " + target + b" HTTP/1.1", b"host: a", b"connection: close", *headers, b"", b""))
        )
        answer = b""
        while more := line.recv(65536):
            answer += more
    found = re.match(rb"HTTP/1\.1 (\d+)", answer)
    return (int(found[1]) if found else 0), answer


def test_only_declared_callers_reach_a_service(intruder: Intruder) -> None:
    """Each with a good certificate of this system: it is who they are that counts."""
    orders, inventory = intruder.ports["mtls.orders-0"], intruder.ports["mtls.inventory-0"]
    assert intruder.calls(orders, intruder.leaf("storefront")) == "404"  # the service itself knows no such path
    assert intruder.calls(orders, intruder.leaf("gateway")) == "404"
    assert intruder.calls(inventory, intruder.leaf("orders")) == "503"  # let in, and nobody there answers REST
    for account in ("inventory", "payments", "store-orders-db", "nobody"):
        assert intruder.calls(orders, intruder.leaf(account)) == "403", account
    assert intruder.calls(inventory, intruder.leaf("gateway")) == "403"  # it is not public


def test_a_certificate_that_is_not_a_good_one_of_this_system_is_refused(intruder: Intruder) -> None:
    """At the handshake, at every port of the mesh: of a service, and of each kind of store."""
    now = dt.datetime.now(dt.UTC)
    foreign = intruder.foreign_authority()
    callers = {"mtls.orders-0": "storefront", "mtls.inventory-0": "orders", "mtls.storefront-0": "gateway"}
    for name, caller in callers.items():
        port = intruder.ports[name]
        assert intruder.calls(port, intruder.leaf(caller)) != "refused"
        bad = {
            "none": None,
            "of a foreign authority": intruder.leaf(caller, authority=foreign),
            "of another system": intruder.leaf(caller, system="another"),
            "of another trust domain": intruder.leaf(caller, trust_domain="example.com"),
            "expired": intruder.leaf(caller, issued=now - 2 * HOURS),
            "not yet good": intruder.leaf(caller, issued=now + 2 * HOURS),
        }
        assert {what: intruder.calls(port, leaf) for what, leaf in bad.items()} == dict.fromkeys(bad, "refused"), name
        assert intruder.calls(port, intruder.leaf(caller), "--tls-max", "1.2") == "refused"


def test_a_store_answers_over_mutual_tls_to_who_uses_it_alone(intruder: Intruder) -> None:
    """And to nobody in plain text, with TLS 1.2, or with another's certificate."""
    port = intruder.ports["mtls.orders-db"]
    assert intruder.enters(port, intruder.leaf("orders"))
    assert not intruder.enters(port, intruder.leaf("orders"), ssl.TLSVersion.TLSv1_2)
    for account in ("storefront", "inventory", "gateway", "nobody"):
        assert not intruder.enters(port, intruder.leaf(account)), account
    assert not intruder.enters(port, None)
    assert not intruder.enters(port, intruder.leaf("orders", authority=intruder.foreign_authority()))
    assert not intruder.enters(port, intruder.leaf("orders", issued=dt.datetime.now(dt.UTC) - 2 * HOURS))


def test_nobody_speaks_in_plain_text_to_the_mesh(intruder: Intruder) -> None:
    """What comes back, if anything, is an alert of TLS."""
    meshed = {name: port for name, port in intruder.ports.items() if name.startswith("mtls.")}
    assert len(meshed) >= 6
    for name, port in meshed.items():
        for content in (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", HELLO, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PING\r\n"):
            assert says(port, content)[:1] in {b"", b"\x15"}, (name, content)


def test_services_and_stores_listen_on_sockets_of_their_owner_alone(shop: System) -> None:
    """No socket is open to anybody else, nor its folder; and neither services nor PostgreSQL nor Valkey know TCP."""
    folder = RunFolder(shop.folder).sockets
    found = [folder, *folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in found if path.exists()}
    sockets = {path for path in modes if path.is_socket()}
    assert len(sockets) > 15
    assert {modes[path] for path in sockets} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    plain = [one for one in shop.status["processes"] if one["pid"] and one["name"] not in {"gateway", "mesh", "broker"}]
    assert {"postgresql", "baskets", "storefront-0"} <= {one["name"] for one in plain}
    assert {one["name"]: listening(one["pid"]) for one in plain} == {one["name"]: [] for one in plain}
    ports = {port for one in shop.status["processes"] if one["pid"] for port in listening(one["pid"])}
    assert {host for host, _ in ports} == {"127.0.0.1"}


def listening(pid: int) -> list[tuple[str, int]]:
    """Give where a process listens on TCP."""
    own = set()
    for number in Path(f"/proc/{pid}/fd").iterdir():
        try:
            own.add(str(number.readlink()))
        except FileNotFoundError:  # it is the folder's own
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and f"socket:[{fields[9]}]" in own:
                host, _, port = fields[1].partition(":")
                told = socket.inet_ntoa(bytes.fromhex(host)[::-1]) if table == "tcp" else host
                found.append((told, int(port, 16)))
    return found


def test_no_bad_token_is_good_at_the_gateway_or_at_the_service_itself(shop: System, good: str, gateway: int) -> None:
    """The service trusts no gateway with that: whoever reaches its socket meets the same refusal."""
    path = RunFolder(shop.folder).socket("storefront-0.rest")
    who = "By=spiffe://cluster.local/ns/bookshop/sa/storefront;URI=spiffe://cluster.local/ns/bookshop/sa/gateway"

    def at_gateway(token: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", gateway, timeout=5)
        return status_of(connection, f"/storefront{PROTECTED}", authorization=f"Bearer {token}")

    def at_service(token: str) -> int:
        return status_of(
            Unix(path), PROTECTED, authorization=f"Bearer {token}", x_forwarded_client_cert=who, x_tenant="riverside"
        )

    assert (at_gateway(good), at_service(good)) == (404, 404)  # there is no such order, which only the known are told
    tried = dict(Forger(shop.folder, good).bad())
    assert len(tried) > 20
    assert {what for what, token in tried.items() if at_gateway(token) not in {401, 403}} == set()
    assert {what for what, token in tried.items() if at_service(token) not in {401, 403}} == set()
    assert status_of(Unix(path), PROTECTED, x_forwarded_client_cert=who, x_tenant="riverside") == 401


def test_what_a_stranger_says_of_themselves_opens_nothing(good: str, gateway: int) -> None:
    """Headers that only proxies set, a token where none belongs, and two tokens at once."""
    target = b"/storefront" + PROTECTED.encode()
    known = b"authorization: Bearer " + good.encode()
    assert raw(gateway, target, known)[0] == 404
    strange = [
        (b"x-forwarded-client-cert: URI=spiffe://cluster.local/ns/bookshop/sa/gateway",),
        (b"x-forwarded-client-cert: URI=spiffe://cluster.local/ns/bookshop/sa/storefront", b"x-tenant: riverside"),
        (b"x-tenant: riverside", b"x-fairway-user: ann", b"x-fairway-subject: ann@readers"),
        (b"x-envoy-original-path: /storefront/books", b"x-original-url: /storefront/books"),
        (b"x-envoy-internal: true", b"x-forwarded-for: 127.0.0.1", b"x-real-ip: 127.0.0.1"),
        (b"cookie: access_token=" + good.encode(),),
        (b"x-authorization: Bearer " + good.encode(), b"proxy-authorization: Bearer " + good.encode()),
        (b"authorization: Bearer nothing", known),
        (known, b"authorization: Bearer nothing"),
        (b"authorization : Bearer " + good.encode(),),
        (b"connection: authorization",),
    ]
    found = {told: raw(gateway, target, *told)[0] for told in strange}
    assert {told: status for told, status in found.items() if status not in {400, 401}} == {}
    assert raw(gateway, target + b"?access_token=" + good.encode())[0] == 401


@pytest.mark.parametrize(
    "target",
    [
        b"/storefront/books/../basket",
        b"/storefront/books/..;/basket",
        b"/storefront/books/%2e%2e/basket",
        b"/storefront/books/%2E%2E%2Fbasket",
        b"/storefront/books%2f..%2fbasket",
        b"/storefront/books\\..\\basket",
        b"/storefront/books/..%5cbasket",
        b"/storefront/books%00/../basket",
        b"/storefront/search/..%00/basket",
        b"/storefront//basket",
        b"//storefront/basket",
        b"/storefront/./basket",
        b"/storefront/basket/",
        b"/storefront/basket;/books",
        b"/storefront/basket?/../books",
        b"/storefront/basket#/../books",
        b"/STOREFRONT/BASKET",
        b"/Storefront/basket",
        b"/storefront/%62asket",
        b"/storefront/books/../../orders/orders",
        b"http://a/storefront/basket",
        b"http://a/storefront/books/../basket",
        b"/-/idp/../../storefront/basket",
    ],
)
def test_no_way_of_writing_a_path_leads_past_the_question_for_a_token(target: bytes, gateway: int) -> None:
    """The books are for all, the basket is not, however it is written."""
    assert raw(gateway, b"/storefront/books")[0] == 200
    status, answer = raw(gateway, target)
    assert status in {400, 401, 404}, answer
    assert b"lines" not in answer

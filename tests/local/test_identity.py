"""The local identity provider is a real one: asked over HTTP, in a process of its own, as an application asks."""

import asyncio
import base64
import json
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from identity_client import BACK, FORM, Application, Browser, playing

from fairway.declaration.load import load
from fairway.local.identity.asking import Asked, ask_token
from fairway.local.identity.settings import Settings
from fairway.local.run_folder import RunFolder
from fairway_sdk import Caller, RefusedError, Service
from fairway_sdk.contract.binding import Identity, Issuer
from fairway_sdk.identity.headers import from_asgi
from fairway_sdk.testing.placing import placed

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
JOINING = "https://bookshop.example.com/-/dex"
PUBLISHED_BEFORE = 4.0  # seconds
CODES_LAST = 3.0  # seconds


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Play the bookshop's providers for the tests of this file."""
    system, folder = load(BOOKSHOP).system, tmp_path_factory.mktemp("bookshop")
    with playing(system, folder, JOINING, code_lasts=CODES_LAST, published_before=PUBLISHED_BEFORE) as settings:
        yield settings


@pytest.fixture
def readers(told: Settings) -> Application:
    """Give an application of the issuer 'readers'."""
    return Application(told.issuer("readers").url)


def claims_of(token: str) -> dict[str, Any]:
    """Read a token without checking it."""
    read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read


def verified(told: Settings, token: str, folder: Path, audience: str = "bookshop") -> Caller:
    """Have a service of the SDK, which trusts the joining issuer alone, say who calls with a token."""

    async def ask() -> Caller:
        good = told.good
        identity = Identity(
            issuers=(Issuer(issuer=good.url, audience=audience, keys=good.published, algorithms=("RS256", "ES256")),),
            tenants=told.tenants,
        )
        service = placed(Service("orders"), folder, system="bookshop", identity=identity)
        await service.identity.start()
        try:
            return await service.identity.of(from_asgi([(b"authorization", f"Bearer {token}".encode())]))
        finally:
            await service.identity.stop()

    return asyncio.run(ask())


def test_discovery_names_what_is_there_and_promises_no_unsigned_tokens(told: Settings, readers: Application) -> None:
    """Each address answers below the issuer's own URL."""
    found = readers.found
    assert found["issuer"] == told.issuer("readers").url
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]
    keys = Browser().ask("GET", found["jwks_uri"]).json
    assert keys == json.loads(Path(told.issuer("readers").published).read_bytes())
    assert {"d", "p", "q"}.isdisjoint(keys["keys"][0])


def test_private_files_and_the_socket_for_commands_are_their_owners_alone(told: Settings) -> None:
    """Nobody else of this machine signs tokens or asks for them."""
    files = [Path(told.admin), *Path(told.folder).iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(Path(told.folder).stat().st_mode) == 0o700


def test_a_login_gives_an_access_token_and_an_id_token(readers: Application) -> None:
    """The tokens say who, for whom, of which tenant, and for how long."""
    answer = readers.exchange(readers.code())
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    access, identity = claims_of(answer.json["access_token"]), claims_of(answer.json["id_token"])
    expected = {"sub": "ann", "tenant": "riverside", "aud": "bookshop", "scope": "openid orders:read"}
    assert access | expected == access
    assert access["iss"] == readers.found["issuer"]
    assert access["exp"] - access["iat"] == answer.json["expires_in"] == 3600
    assert access["jti"]
    assert (identity["aud"], identity["nonce"], identity["name"]) == ("local.app", readers.nonce, "Ann Archer")
    header = jwt.get_unverified_header(answer.json["access_token"])
    assert (header["alg"], header["typ"]) == ("RS256", "at+jwt")


def test_userinfo_tells_who_a_token_is_for(readers: Application) -> None:
    """A token that was changed tells nothing."""
    token = readers.exchange(readers.code()).json["access_token"]
    where = readers.found["userinfo_endpoint"]
    told = Browser().ask("GET", where, authorization=f"Bearer {token}").json
    assert told == {"sub": "ann", "name": "Ann Archer", "tenant": "riverside"}
    refused = Browser().ask("GET", where, authorization=f"Bearer {token[:-8]}AAAAAAAA")
    assert (refused.status, refused.json["error"]) == (401, "invalid_token")


def test_a_code_serves_once(readers: Application) -> None:
    """Whoever finds it later in a log has nothing."""
    code = readers.code()
    assert readers.exchange(code).status == 200
    again = readers.exchange(code)
    assert (again.status, again.json["error"]) == (400, "invalid_grant")


def test_a_code_ends_soon(readers: Application) -> None:
    """After its time it is refused."""
    code = readers.code()
    time.sleep(CODES_LAST + 0.2)
    assert readers.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "other",
    [{"code_verifier": "a" * 43}, {"code_verifier": ""}, {"redirect_uri": "http://127.0.0.1:5173/"}],
    ids=["another verifier", "no verifier", "another address"],
)
def test_a_code_is_worth_nothing_without_all_that_belongs_to_it(readers: Application, other: dict[str, str]) -> None:
    """And one wrong try spends it."""
    code = readers.code()
    assert readers.exchange(code, **other).json["error"] == "invalid_grant"
    assert readers.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example.com/back",
        "http://127.0.0.1.evil.example.com/",
        "http://127.0.0.1:1@evil.example.com/",
        "http://evil.example.com\\@127.0.0.1/",
        "http://127.0.0.1:5173/#part",
        "javascript:alert(1)",
        "//127.0.0.1/",
        "",
    ],
)
def test_a_foreign_redirect_uri_gets_a_page_and_never_a_redirect(readers: Application, address: str) -> None:
    """An open redirect would give codes away."""
    answer = Browser().ask("GET", readers.address(redirect_uri=address))
    assert (answer.status, answer.headers["location"]) == (400, None)
    assert "leads away from this machine" in answer.text


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
        ({"audience": "another"}, "invalid_target"),
        ({"request": "eyJ"}, "request_not_supported"),
    ],
)
def test_a_faulty_request_is_sent_back_with_its_fault(
    readers: Application, other: dict[str, str | None], error: str
) -> None:
    """PKCE is required, and the state comes back."""
    answer = Browser().ask("GET", readers.address(**other))
    assert answer.status == 303
    assert (answer.sent_back["error"], answer.sent_back["state"]) == (error, readers.state)


def test_the_login_page_needs_no_script_says_what_it_is_and_may_not_be_framed(readers: Application) -> None:
    """Whatever an application sends is text on it."""
    page = Browser().ask("GET", readers.address(scope='openid <b>"x'))
    assert page.sent_back["error"] == "invalid_scope"
    page = Browser().ask("GET", readers.address(scope="openid <script>"))
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert "It asks for no password" in page.text
    for part in ('<html lang="en">', "<legend>", "<label>", '<button type="submit">'):
        assert part in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_login_goes_on_only_in_the_browser_that_began_it(readers: Application) -> None:
    """A foreign page can neither forge the form nor use one of its own."""
    page = Browser().ask("GET", readers.address())
    assert Browser().choose(page, "ann riverside").status == 403
    browser = Browser()
    browser.ask("GET", readers.address())
    forged = urlencode({"login": secrets.token_urlsafe(32), "choice": "ann riverside"})
    where = readers.found["issuer"] + "/login"
    assert browser.ask("POST", where, forged, **FORM).status == 403


def test_nobody_who_is_not_on_the_page_can_be_chosen(readers: Application) -> None:
    """Ann is not of campus; and a login may be cancelled."""
    browser = Browser()
    assert browser.choose(browser.ask("GET", readers.address()), "ann campus").sent_back["error"] == "access_denied"
    cancelled = browser.choose(browser.ask("GET", readers.address()), "ann riverside", cancel="yes")
    assert cancelled.sent_back["error"] == "access_denied"
    assert "code" not in cancelled.sent_back


def test_a_name_that_is_pointed_here_is_not_answered(readers: Application) -> None:
    """Otherwise a foreign page could read the login page under its own name."""
    assert Browser().ask("GET", readers.found["jwks_uri"], host="evil.example.com").status == 421


def test_a_machine_gets_a_token_for_its_secret_alone(told: Settings, readers: Application) -> None:
    """By HTTP Basic or by fields; its subject is nobody's name."""
    secret = json.loads(Path(told.folder, "clients.json").read_bytes())["orders"]
    where, asked = readers.found["token_endpoint"], {"grant_type": "client_credentials", "scope": "stock:read"}
    basic = base64.b64encode(f"orders:{secret}".encode()).decode()
    good = Browser().ask("POST", where, urlencode(asked), authorization=f"Basic {basic}", **FORM)
    assert claims_of(good.json["access_token"])["sub"] == "client:orders"
    fields = asked | {"client_id": "orders", "client_secret": secret}
    assert Browser().ask("POST", where, urlencode(fields), **FORM).json["scope"] == "stock:read"
    for name, shown in (("orders", "wrong"), ("orders", ""), ("payments", secret), ("nobody", "")):
        refused = Browser().ask("POST", where, urlencode(asked | {"client_id": name, "client_secret": shown}), **FORM)
        assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    public = Browser().ask("POST", where, urlencode(asked | {"client_id": "local.app"}), **FORM)
    assert public.json["error"] == "unauthorized_client"


def test_a_parameter_that_comes_twice_is_refused(readers: Application) -> None:
    """Two readers could each read another one."""
    answer = Browser().ask("GET", readers.address() + "&client_id=orders")
    assert (answer.status, answer.headers["location"]) == (400, None)


def test_the_end_of_a_session_leads_back_to_this_machine_only(readers: Application) -> None:
    """The state comes back."""
    where = readers.found["end_session_endpoint"]
    back = Browser().ask("GET", f"{where}?{urlencode({'post_logout_redirect_uri': BACK, 'state': 'x'})}")
    assert back.headers["location"] == f"{BACK}?state=x"
    away = Browser().ask("GET", f"{where}?{urlencode({'post_logout_redirect_uri': 'https://example.com'})}")
    assert (away.status, away.headers["location"]) == (400, None)


def way_back(told: Settings, joining: Application, browser: Browser, provider: str, choice: str) -> str:
    """Log in at a provider by way of the joining issuer, and give the address that leads back to that."""
    sent_on = browser.choose(browser.ask("GET", joining.address()), provider)
    assert sent_on.headers["location"].startswith(told.issuer(provider).url + "/authorize?")
    back = browser.choose(browser.ask("GET", sent_on.headers["location"]), choice)
    assert back.headers["location"].startswith(told.good.url + "/callback?")
    return str(back.headers["location"])


def joined(told: Settings, provider: str, choice: str, through: str = "") -> dict[str, Any]:
    """Log in by way of the joining issuer, and give the tokens."""
    joining, browser = Application(told.good.url, through), Browser(through)
    done = browser.ask("GET", way_back(told, joining, browser, provider, choice))
    assert done.sent_back["state"] == joining.state
    tokens: dict[str, Any] = joining.exchange(done.sent_back["code"]).json
    return tokens


def test_behind_a_federation_the_joining_issuer_vouches_for_what_another_said(told: Settings, tmp_path: Path) -> None:
    """A service that trusts the joining issuer alone takes its token, and no token of the provider behind it."""
    told_of = joined(told, "partners", "ben campus")
    claims = claims_of(told_of["access_token"])
    assert (claims["sub"], claims["aud"], claims["iss"]) == ("ben@partners", "bookshop-api", told.good.url)
    caller = verified(told, told_of["access_token"], tmp_path, "bookshop-api")
    assert (caller.person, caller.tenant) == ("ben@partners", "campus")
    assert "orders:read" in caller.scopes
    readers = Application(told.issuer("readers").url)
    own = readers.exchange(readers.code()).json["access_token"]
    with pytest.raises(RefusedError) as refused:
        verified(told, own, tmp_path)
    assert refused.value.kind == "issuer"
    with pytest.raises(RefusedError):
        verified(told, told_of["id_token"], tmp_path, "bookshop-api")


def test_the_way_back_is_for_one_browser_once_and_from_one_provider(told: Settings) -> None:
    """An answer that is mixed up, or sent to somebody else's browser, logs nobody in."""
    joining, browser = Application(told.good.url), Browser()
    address = way_back(told, joining, browser, "readers", "ann riverside")
    assert Browser().ask("GET", address).status == 403
    assert browser.ask("GET", address).status == 403
    mixed = way_back(told, joining, browser, "readers", "ann riverside").replace("readers", "partners")
    assert browser.ask("GET", mixed).sent_back["error"] == "server_error"


def test_behind_a_gateway_it_listens_at_a_socket_and_needs_no_gateway_to_ask_itself(tmp_path: Path) -> None:
    """The issuers' URLs are the gateway's; the joining issuer reaches the others before that is up."""
    path = str(RunFolder(tmp_path).socket("identity"))
    with playing(load(BOOKSHOP).system, tmp_path, JOINING, listen=f"unix:{path}") as settings:
        token = joined(settings, "readers", "cleo campus", path)["access_token"]
        assert verified(settings, token, tmp_path).person == "cleo@readers"
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_only_providers_whose_tokens_are_for_an_audience_are_offered(told: Settings) -> None:
    """Readers' tokens are not for the partners' audience."""
    page = Browser().ask("GET", Application(told.good.url).address(audience="bookshop-api"))
    assert 'value="partners"' in page.text
    assert 'value="readers"' not in page.text


def test_a_cancelled_login_comes_back_through_both(told: Settings) -> None:
    """The application learns it with its own state."""
    joining, browser = Application(told.good.url), Browser()
    sent_on = browser.choose(browser.ask("GET", joining.address()), "readers")
    back = browser.choose(browser.ask("GET", sent_on.headers["location"]), "", cancel="yes")
    done = browser.ask("GET", back.headers["location"])
    assert (done.sent_back["error"], done.sent_back["state"]) == ("access_denied", joining.state)


def test_a_new_key_is_published_first_and_signs_later_and_the_old_one_stays(told: Settings, tmp_path: Path) -> None:
    """No token is refused at any time of a rotation: services have read the key before they meet it."""

    def published() -> list[str]:
        return [key["kid"] for key in json.loads(Path(told.good.published).read_bytes())["keys"]]

    def token() -> str:
        return ask_token(Path(told.admin), Asked(user="ann")).token

    before, old = published(), token()
    begins = ask_rotation(told)[told.good.name]
    assert published()[:-1] == before
    assert ask_rotation(told)[told.good.name] == begins
    assert len(published()) == len(before) + 1  # one that waits is not overtaken
    assert jwt.get_unverified_header(token())["kid"] == before[-1]
    time.sleep(begins - time.time() + 0.1)
    new = token()
    assert jwt.get_unverified_header(new)["kid"] == published()[-1]
    assert {verified(told, one, tmp_path).person for one in (old, new)} == {"ann@readers"}


def ask_rotation(told: Settings) -> dict[str, float]:
    """Ask for new keys on the socket for commands."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(told.admin)
        sock.sendall(b"POST /rotate HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        said = b"".join(iter(lambda: sock.recv(65536), b""))
    begins: dict[str, float] = json.loads(said.partition(b"\r\n\r\n")[2])["signs_from"]
    return begins

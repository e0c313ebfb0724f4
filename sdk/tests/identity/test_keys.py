"""Keys of issuers: found in files and behind URLs, renewed without a stampede, withdrawn for good."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sdk.tests.identity.conftest import Refused, Verifying
from structlog.testing import capture_logs

from fairway_sdk import SetupError, UnavailableError
from fairway_sdk.identity.keys import read_keys
from fairway_sdk.testing.tokens import TokenIssuer


class Web:
    """An identity provider's web server, which counts what it is asked and answers as a test tells it."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.asked: list[str] = []
        self.answers: dict[str, Callable[[], web.Response]] = {}
        self.pause = 0.0
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer after the pause."""
        self.asked.append(request.path)
        await asyncio.sleep(self.pause)
        found = self.answers.get(request.path)
        return found() if found else web.Response(status=404)

    def give(self, path: str, body: bytes) -> None:
        """Answer a path with a document."""
        self.answers[path] = lambda: web.Response(body=body, content_type="application/json")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Web]:
    """Run the server on a loopback port and on a Unix socket."""
    made = Web()
    application = web.Application()
    application.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    port = web.TCPSite(runner, "127.0.0.1", 0)
    await port.start()
    await web.UnixSite(runner, str(tmp_path / "web.sock")).start()
    made.url = port.name
    yield made
    await runner.cleanup()


async def test_a_new_key_is_found_and_a_withdrawn_one_refused_within_a_second(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """Also for tokens that were verified before: the memory is emptied."""
    async with verifying(issuer.bound()) as asked:
        before = issuer.token(asked.now)
        assert (await asked.of(before)).known
        issuer.add("second", "ES256")
        withdrawn = issuer.keys.pop("first")
        issuer.publish()
        after = issuer.token(asked.now, kid="second")
        await asyncio.sleep(0.3)
        assert (await asked.of(after)).known
        await asyncio.sleep(0.7)
        assert await refused(asked.of(before)) == (401, "key")
        assert withdrawn


async def test_keys_that_became_unreadable_leave_the_old_ones_and_one_line(
    issuer: TokenIssuer, verifying: Verifying
) -> None:
    """A broken file locks nobody out."""
    async with verifying(issuer.bound()) as asked:
        assert (await asked.of(issuer.token(asked.now))).known
        issuer.file.write_text("{broken")
        with capture_logs() as lines:
            await asyncio.sleep(1.2)
        assert [line["event"] for line in lines] == ["key set not read"]
        assert (await asked.of(issuer.token(asked.now, sub="eve"))).known
        with pytest.raises(UnavailableError, match="cannot be read"):
            await asked.of(issuer.token(asked.now, header={"kid": "perhaps new"}))


async def test_a_key_set_that_cannot_be_had_is_no_reason_to_let_anybody_in(
    issuer: TokenIssuer, verifying: Verifying
) -> None:
    """The answer is 'later', and the service says that it is not ready; it heals by itself."""
    issuer.file.unlink()
    async with verifying(issuer.bound()) as asked:
        with pytest.raises(UnavailableError, match="no file"):
            await asked.of(issuer.token(asked.now))
        assert "no file" in (await asked.verifier.unready() or "")
        issuer.publish()
        await asyncio.sleep(1)
        assert (await asked.of(issuer.token(asked.now))).known
        assert await asked.verifier.unready() is None


async def test_one_issuer_that_is_down_does_not_close_the_service_to_the_others(
    issuer: TokenIssuer, another: TokenIssuer, verifying: Verifying
) -> None:
    """Readiness asks for any issuer's keys."""
    another.file.unlink()
    async with verifying(issuer.bound(), another.bound()) as asked:
        assert (await asked.of(issuer.token(asked.now))).known
        assert await asked.verifier.unready() is None


async def test_keys_are_found_by_discovery(issuer: TokenIssuer, verifying: Verifying, site: Web) -> None:
    """The issuer's URL is all that a binding needs."""
    issuer.name = f"{site.url}/tenant"
    about = {"issuer": issuer.name, "jwks_uri": f"{site.url}/keys"}
    site.give("/tenant/.well-known/openid-configuration", json.dumps(about).encode())
    site.give("/keys", issuer.document())
    async with verifying(issuer.bound(keys="")) as asked:
        assert (await asked.of(issuer.token(asked.now))).issuer == issuer.name


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.test", "jwks_uri": "KEYS"},
        {"issuer": "ISSUER", "jwks_uri": "http://evil.test/keys"},
        {"issuer": "ISSUER", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "ISSUER"},
        [],
    ],
)
async def test_a_discovery_document_that_leads_elsewhere_is_not_followed(
    about: object, issuer: TokenIssuer, verifying: Verifying, site: Web
) -> None:
    """It must speak of this issuer, and name a place that nobody on the way can forge."""
    issuer.name = site.url
    text = json.dumps(about).replace("ISSUER", site.url).replace("KEYS", f"{site.url}/keys")
    site.give("/.well-known/openid-configuration", text.encode())
    site.give("/keys", issuer.document())
    async with verifying(issuer.bound(keys="")) as asked:
        with pytest.raises(UnavailableError):
            await asked.of(issuer.token(asked.now))
    assert "/keys" not in site.asked


async def test_keys_may_be_asked_for_over_a_unix_socket(
    issuer: TokenIssuer, verifying: Verifying, site: Web, tmp_path: Path
) -> None:
    """As the local system does."""
    site.give("/keys", issuer.document())
    async with verifying(issuer.bound(keys=f"http://unix:{tmp_path / 'web.sock'}:/keys")) as asked:
        assert (await asked.of(issuer.token(asked.now))).known


async def test_junk_key_names_cost_the_issuer_one_question(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused, site: Web
) -> None:
    """A hundred at once, each with a name of its own, and good tokens are served meanwhile."""
    site.give("/keys", issuer.document())
    async with verifying(issuer.bound(keys=f"{site.url}/keys")) as asked:
        assert (await asked.of(issuer.token(asked.now))).known
        assert len(site.asked) == 1
        asked.service.clock.ahead = 11  # the pause since the first reading is over
        site.pause = 0.2
        junk = [asked.of(issuer.token(asked.now, header={"kid": f"junk-{number}"})) for number in range(100)]
        waiting = asyncio.gather(*(refused(one) for one in junk))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(0.05):
            assert (await asked.of(issuer.token(asked.now, sub="eve"))).known
        assert set(await waiting) == {(401, "key")}
        assert len(site.asked) == 2
        for number in range(100):
            assert await refused(asked.of(issuer.token(asked.now, header={"kid": f"more-{number}"}))) == (401, "key")
        assert len(site.asked) == 2


async def test_a_new_key_behind_a_url_is_found_when_it_is_first_used(
    issuer: TokenIssuer, verifying: Verifying, site: Web
) -> None:
    """Nobody waits for the next renewal."""
    site.give("/keys", issuer.document())
    async with verifying(issuer.bound(keys=f"{site.url}/keys")) as asked:
        assert (await asked.of(issuer.token(asked.now))).known
        issuer.add("second", "ES256")
        site.give("/keys", issuer.document())
        asked.service.clock.ahead = 11
        assert (await asked.of(issuer.token(asked.now, kid="second"))).known


async def test_an_issuer_that_hangs_stops_nobody_who_gave_up(
    issuer: TokenIssuer, verifying: Verifying, site: Web
) -> None:
    """One who waits may be cancelled; the reading goes on for the others."""
    site.give("/keys", issuer.document())
    site.pause = 0.3
    async with verifying(issuer.bound(keys=f"{site.url}/keys")) as asked:
        impatient = asyncio.create_task(asked.of(issuer.token(asked.now)))
        patient = asyncio.create_task(asked.of(issuer.token(asked.now, sub="eve")))
        await asyncio.sleep(0.05)
        impatient.cancel()
        assert (await patient).person == "eve"
        with pytest.raises(asyncio.CancelledError):
            await impatient
    assert len(site.asked) == 1


@pytest.mark.parametrize("fault", ["redirect", "error", "large", "empty"])
async def test_an_answer_that_is_no_key_set_is_not_taken(
    fault: str, issuer: TokenIssuer, verifying: Verifying, site: Web
) -> None:
    """A redirect could lead anywhere, and an endless answer would fill the memory."""
    site.give("/evil", issuer.document())
    answers = {
        "redirect": lambda: web.Response(status=302, headers={"location": "/evil"}),
        "error": lambda: web.Response(status=500, body=issuer.document()),
        "large": lambda: web.Response(body=issuer.document() + b" " * (2 << 20)),
        "empty": lambda: web.Response(body=b'{"keys": []}'),
    }
    site.answers["/keys"] = answers[fault]
    async with verifying(issuer.bound(keys=f"{site.url}/keys")) as asked:
        with pytest.raises(UnavailableError):
            await asked.of(issuer.token(asked.now))
    assert "/evil" not in site.asked


@pytest.mark.parametrize(
    ("further", "sentence"),
    [
        ({"keys": "http://provider.test/keys"}, "plain HTTP"),
        ({"keys": "keys.json"}, "neither a URL nor an absolute path"),
        ({"keys": "https:///keys"}, "no URL"),
        ({"algorithms": ("RS256", "HS256")}, "HS256"),
        ({"algorithms": ("none",)}, "none"),
        ({"algorithms": ()}, "needs an issuer"),
        ({"audience": ""}, "needs an issuer"),
    ],
)
async def test_a_binding_that_could_not_be_trusted_is_refused_at_the_start(
    further: dict[str, Any], sentence: str, issuer: TokenIssuer, verifying: Verifying
) -> None:
    """Before anything is asked."""
    with pytest.raises(SetupError, match=sentence):
        async with verifying(issuer.bound(**further)):
            pass


async def test_all_faults_of_issuers_are_told_at_once(
    issuer: TokenIssuer, another: TokenIssuer, verifying: Verifying
) -> None:
    """A line each."""
    with pytest.raises(SetupError) as told:
        async with verifying(issuer.bound(keys="a"), another.bound(algorithms=("HS256",))):
            pass
    assert len(str(told.value).splitlines()) == 2


def test_keys_that_are_unfit_for_signatures_are_left_out() -> None:
    """Secrets, keys for encryption, and RSA keys that are too short."""
    good = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key()))
    short = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))  # noqa: S505 - the point
    unfit = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        good | {"kid": "encrypts", "use": "enc"},
        good | {"kid": "wraps", "key_ops": ["wrapKey"]},
        good | {"kid": "other", "alg": "RS512"},
        good | {"kid": 7},
        short | {"kid": "short"},
        {"kty": "RSA", "kid": "broken"},
        "text",
    ]
    found = read_keys(json.dumps({"keys": [*unfit, good | {"kid": "good"}]}).encode(), ("RS256", "ES256"))
    assert set(found) == {("good", "RS256")}
    with pytest.raises(ValueError, match="holds no key"):
        read_keys(json.dumps({"keys": unfit}).encode(), ("RS256",))


async def test_an_only_key_may_go_without_a_name(issuer: TokenIssuer, verifying: Verifying, refused: Refused) -> None:
    """Some issuers name no key while they have one; with two, a name is needed."""
    async with verifying(issuer.bound()) as asked:
        assert (await asked.of(issuer.token(asked.now, header={"kid": ""}))).known
        issuer.add("second", "ES256")
        issuer.publish()
        await asyncio.sleep(1)
        assert await refused(asked.of(issuer.token(asked.now, header={"kid": ""}))) == (401, "key")

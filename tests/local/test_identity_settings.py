"""Who is played for a system, what a key ring keeps, and who may log in: all without a process."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import jwt
import msgspec
import pytest

from fairway.core.errors import FairwayError, WrongInputError
from fairway.core.facts import IdentityProvider, System
from fairway.local.identity.clients import Clients
from fairway.local.identity.grants import REMEMBERED, Once
from fairway.local.identity.keys import LEEWAY, KeyRing
from fairway.local.identity.settings import Settings, read_settings, settings
from fairway.local.identity.users import Users, read_users
from fairway.local.run_folder import RunFolder

BASE = "http://127.0.0.1:8080/-/idp"
ONE = System(system="shop", identity_providers={"people": IdentityProvider(issuer="https://id.example.com")})
TWO = msgspec.structs.replace(
    ONE,
    identity_providers={
        **ONE.identity_providers,
        "partners": IdentityProvider(issuer="https://p.example.com", audience="api"),
    },
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    """Open a run folder."""
    made = RunFolder(tmp_path)
    assert made.sockets.is_dir()
    yield made
    shutil.rmtree(made.sockets)


def told(run: RunFolder, system: System) -> Settings:
    """Give the settings of a system that has providers."""
    made = settings(system, run, base=BASE, listen="unix:/run/idp", joining=["https://shop.example.com/-/dex"])
    assert made
    return made


def test_an_only_provider_is_played_under_its_own_name(run: RunFolder) -> None:
    """Its audience is the system's name unless it declares one."""
    stand_in = told(run, ONE).stand_ins["https://id.example.com"]
    assert (stand_in.url, stand_in.audiences) == (f"{BASE}/people", ("shop",))


def test_the_joining_issuer_stands_in_for_all_that_it_joins(run: RunFolder) -> None:
    """No provider's own token is good behind it; their audiences stay."""
    made = told(run, TWO)
    declared = ["https://shop.example.com/-/dex", "https://id.example.com", "https://p.example.com"]
    assert {name: issuer.url for name, issuer in made.stand_ins.items()} == dict.fromkeys(declared, f"{BASE}/-/dex")
    assert made.good.audiences == ("shop", "api")
    assert [issuer.url for issuer in made.issuers[1:]] == [f"{BASE}/people", f"{BASE}/partners"]


def test_a_system_without_providers_needs_none(run: RunFolder) -> None:
    """There is nobody to play."""
    assert settings(System(system="shop"), run, base=BASE, listen="unix:/run/idp") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"base": "http://192.168.0.7:8080"}, "is not this machine's"),
        ({"base": "https://127.0.0.1"}, "is not this machine's"),
        ({"listen": "0.0.0.0:80"}, "listens to other machines"),
        ({"listen": ":80"}, "listens to other machines"),
        ({"issuers": ()}, "there is no issuer"),
    ],
)
def test_settings_that_would_open_it_to_others_are_refused(
    run: RunFolder, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    """It gives tokens to whoever asks."""
    file = tmp_path / "identity.json"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(told(run, ONE), **change)))
    with pytest.raises(FairwayError, match=says):
        read_settings(file)


class Time:
    """A clock that a test moves."""

    now = 1_000_000.0


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """Open a ring whose time stands still."""
    return made_ring(tmp_path)


def made_ring(folder: Path) -> KeyRing:
    """Open the ring of a folder."""
    kept, published = folder / "private.json", folder / "public.json"
    limits = {"published_before": 10.0, "token_lasts": 3600.0, "rotated_every": 86400.0}
    return KeyRing(kept, published, **limits, now=lambda: Time.now)


def names(folder: Path) -> list[str]:
    """Name the keys that are published."""
    return [key["kid"] for key in json.loads((folder / "public.json").read_bytes())["keys"]]


def signer(ring: KeyRing) -> str:
    """Name the key that signs."""
    name: str = jwt.get_unverified_header(ring.sign({"sub": "ann"}))["kid"]
    return name


def test_an_old_key_goes_when_its_last_token_has_ended(
    ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It signs until the new one does, and is published for as long as a token lasts after that."""
    (old,) = names(tmp_path)
    ring.rotate()
    _, new = names(tmp_path)
    assert signer(ring) == old
    monkeypatch.setattr(Time, "now", Time.now + 10)
    assert signer(ring) == new
    monkeypatch.setattr(Time, "now", Time.now + 3600 + LEEWAY - 1)
    ring.tend()
    assert names(tmp_path) == [old, new]
    monkeypatch.setattr(Time, "now", Time.now + 1)
    ring.tend()
    assert names(tmp_path) == [new]


def test_keys_are_kept_between_runs_and_replaced_after_a_day(
    ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token outlives a restart."""
    assert signer(made_ring(tmp_path)) == signer(ring)
    ring.tend()
    assert len(names(tmp_path)) == 1
    monkeypatch.setattr(Time, "now", Time.now + 86400)
    ring.tend()
    assert len(names(tmp_path)) == 2


def test_secrets_of_machines_are_kept_and_new_machines_get_one(tmp_path: Path) -> None:
    """A service that is added does not change the others'."""
    first = Clients(tmp_path, ("orders",)).secret("orders")
    again = Clients(tmp_path, ("orders", "payments"))
    assert again.secret("orders") == first != again.secret("payments")


def test_a_thing_is_given_away_once_in_its_time_and_too_many_are_not_kept() -> None:
    """Whoever begins logins without end fills no memory."""
    once: Once[int] = Once(60, lambda: Time.now)
    name = once.put(1)
    assert (once.take(name), once.take(name)) == (1, None)
    first = once.put(1)
    for _ in range(REMEMBERED):
        once.put(2)
    assert once.take(first) is None


def test_users_of_a_file_replace_the_demo_users_at_once(tmp_path: Path) -> None:
    """Whoever names no tenants or providers is of all."""
    file = tmp_path / "users.yaml"
    users = Users(file, ("north", "south"), ("people",))
    assert {name: user.tenants for name, user in users.all().items()} == {
        "ann": ("north",),
        "ben": ("south",),
        "cleo": ("north", "south"),
    }
    file.write_text("dora: { name: Dora Day, tenants: [south], scopes: [orders:read] }\neve:\n")
    dora, eve = users.of("people").values()
    assert (dora.shown, dora.tenants, dora.scopes) == ("Dora Day", ("south",), ("orders:read",))
    assert (eve.shown, eve.tenants, eve.scopes) == ("eve", ("north", "south"), None)


def test_everything_that_is_wrong_with_users_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    """Each fault in words, at the line of its user."""
    file = tmp_path / "users.yaml"
    file.write_text("Ann@x: {}\nben: { tenants: [nort] }\ncleo: { scope: [a] }\ndora: { scopes: a b }\neve: word\n")
    with pytest.raises(WrongInputError) as error:
        read_users(file, ("north",), ("people",))
    said = str(error.value)
    assert "users.yaml:1: user 'Ann@x' has no name for a token." in said
    assert "users.yaml:2: user 'ben' is of the tenant 'nort', which is not declared. Did you mean 'north'?" in said
    assert "users.yaml:3: user 'cleo' has 'scope', which nobody reads. Did you mean 'scopes'?" in said
    assert "users.yaml:4: user 'dora' has scopes that are no list of words." in said
    assert "users.yaml:5: user 'eve' is no map." in said


def test_a_file_without_users_says_how_to_write_one(tmp_path: Path) -> None:
    """An empty file is a slip; without a file there are demo users."""
    file = tmp_path / "users.yaml"
    file.write_text("")
    with pytest.raises(WrongInputError, match="it names no users"):
        read_users(file, (), ())

"""`fairway token` prints a real token of the local system, or says in one sentence why there is none."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from identity_client import Browser, playing

from fairway.cli import main
from fairway.declaration.load import load
from fairway.local.identity.settings import Settings

FACTS = """
system: shop
identity-providers: { people: { issuer: "https://id.example.com" } }
tenants: { names: [north, south] }
owners: { us: "us@example.com" }
services:
  front: { capability: The one thing it is for, owner: us }
"""
USERS = """
ann: { tenants: [north], scopes: ["orders:read", "orders:write"] }
ben: {}
root: { tenants: [] }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Declare a small system with users of its own."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "fairway.yaml").write_text(FACTS)
    (folder / "users.yaml").write_text(USERS)
    return folder


@pytest.fixture(scope="module")
def running(shop: Path) -> Iterator[Settings]:
    """Run its provider."""
    with playing(load(shop).system, shop) as settings:
        yield settings


def test_the_token_alone_is_printed_and_the_issuer_signed_it(
    shop: Path, running: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """So `curl -H "Authorization: Bearer $(fairway token --user ann)"` works."""
    assert main(["token", "--user", "ann", str(shop)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    keys = Browser().ask("GET", f"{running.good.url}/keys").json
    claims = jwt.decode(line, jwt.PyJWKSet.from_dict(keys).keys[0], ["RS256"], audience="shop", issuer=running.good.url)
    expected = {"sub": "ann", "tenant": "north", "scope": "orders:read orders:write"}
    assert claims | expected == claims


def test_json_tells_when_it_ends_and_what_is_in_it(
    shop: Path, running: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder may be named by its file as well."""
    arguments = ["--tenant", "south", "--scope", "a b", "--audience", "shop", "--format", "json"]
    assert main(["token", "--user", "ben", *arguments, str(shop / "fairway.yaml")]) == 0
    told = json.loads(capsys.readouterr().out)
    token, expires = told.pop("token"), datetime.fromisoformat(told.pop("expires"))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert datetime.fromtimestamp(claims["exp"], UTC) == expires
    about = {"audience": "shop", "subject": "ben", "tenant": "south", "scope": "a b"}
    assert told == {"issuer": running.good.url, **about}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--user", "anne"], "There is no user 'anne'. Did you mean 'ann'?"),
        (["--user", "ann", "--tenant", "nort"], "There is no tenant 'nort'. Did you mean 'north'?"),
        (["--user", "ann", "--tenant", "south"], "User 'ann' is of north, not of 'south'. Name another"),
        (["--user", "root", "--tenant", "south"], "User 'root' is of no tenant, not of 'south'. Name another"),
        (["--user", "ben"], "User 'ben' is of north and south. Choose one with --tenant."),
        (["--user", "ann", "--scope", "stock:read"], "does not have the scope stock:read, but orders:read and"),
        (["--user", "ann", "--scope", 'a"'], "is no scope."),
        (["--user", "ann", "--audience", "shp"], "There is no audience 'shp'. Did you mean 'shop'?"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    shop: Path, running: Settings, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """Nothing is printed where a token is expected."""
    assert Path(running.admin).is_socket()
    assert main(["token", *arguments, str(shop)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err


def test_a_system_that_does_not_run_says_how_to_start_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is made on the disk by asking."""
    (tmp_path / "fairway.yaml").write_text(FACTS)
    assert main(["token", "--user", "ann", str(tmp_path)]) == 2
    assert "the system does not run here. Start it with 'fairway up'" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["fairway.yaml"]


def test_a_folder_without_facts_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the path that is wrong, not the system."""
    assert main(["token", "--user", "ann", str(tmp_path)]) == 2
    assert "fairway.yaml: is not there." in capsys.readouterr().err

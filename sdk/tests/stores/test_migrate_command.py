"""What the command `migrate` prints and answers, in this process."""

import argparse
import json
from pathlib import Path

import pytest

from fairway_sdk import Service, SetupError, UnavailableError
from fairway_sdk.contract.binding import Store
from fairway_sdk.stores.command import add

from .conftest import Place

REVISION = '''"""Make books."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("book", sa.Column("id", sa.Integer, primary_key=True))
'''


@pytest.fixture
def service(store: Store, orders: Place, tmp_path: Path) -> Service:
    """Give a service with one revision of its own."""
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "books.py").write_text(REVISION)
    return orders(store)


async def run(service: Service, *words: str) -> int:
    """Run the command as the SDK's main module does."""
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    options = parser.parse_args(["migrate", *words])
    code: int = await options.act(service, options)
    return code


async def test_the_check_tells_what_is_pending_by_its_exit_code(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """As text and as JSON, and it changes nothing."""
    assert await run(service, "--check") == 1
    assert "orders-db: pending: 0001: Make books\n" in capsys.readouterr().out
    assert await run(service, "--check", "--format", "json") == 1
    assert {"store": "orders-db", "what": "0001: Make books"} in json.loads(capsys.readouterr().out)["pending"]
    assert await run(service, "--format", "json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["applied"][-1]["what"] == "0001: Make books"
    assert "orders-db: orders: 0001: Make books\n" in told.err
    assert await run(service, "--check") == 0
    assert capsys.readouterr().out == "orders: up to date.\n"


async def test_the_sql_of_what_is_pending_is_printed_and_not_run(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """For those whose databases are changed by others."""
    assert await run(service, "--sql") == 0
    printed = capsys.readouterr().out.lower()
    for statement in ("create table book", "create table fairway_outbox", "insert into alembic_version"):
        assert statement in printed
    assert await run(service, "--check") == 1
    assert "pending: 0001: Make books" in capsys.readouterr().out


async def test_a_new_revision_follows_the_last(
    orders: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its file is where the service's code is, and only its steps are missing."""
    service = orders(Store(kind="sqlite", database=str(tmp_path / "orders.db")))
    versions = tmp_path / "migrations" / "versions"
    for words, name in (("make books", "0001_make_books.py"), ("Add gift column.", "0002_add_gift_column.py")):
        assert await run(service, "--new", words) == 0
        assert capsys.readouterr().out.startswith(f"{versions / name}: is begun.")
    assert 'revision = "0002"\ndown_revision = "0001"\n' in (versions / "0002_add_gift_column.py").read_text()
    assert await run(service) == 0
    assert "orders-db: orders: 0002: Add gift column\n" in capsys.readouterr().out
    with pytest.raises(SetupError, match="in a few plain words"):
        await run(service, "--new", "...")


async def test_a_job_that_cannot_do_its_work_says_why(orders: Place, tmp_path: Path) -> None:
    """A store that stays away, one that is not bound, and none at all."""
    away = orders(Store(kind="postgresql", address=f"unix:{tmp_path}/.s.PGSQL.5432", database="x", user="x"))
    with pytest.raises(UnavailableError, match="store 'orders-db': does not let us in: "):
        await run(away, "--wait", "0")
    with pytest.raises(SetupError, match="--store other: service 'orders' is bound to: orders-db"):
        await run(away, "--store", "other")
    with pytest.raises(SetupError, match="is bound to no store with a schema"):
        await run(orders(Store(kind="redis", address="127.0.0.1:1")))

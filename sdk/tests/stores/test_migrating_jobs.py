"""Migrating jobs as processes: several at once, killed in the middle, waiting for a lock."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from fairway_sdk import Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.testing.placing import place_files
from fairway_sdk.testing.servers import PostgreSQL

from .conftest import Place

MODULE = """
from fairway_sdk import Service

service = Service("orders")
"""

SLOW = '''"""Make books slowly."""

import time
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("book", sa.Column("id", sa.Integer, primary_key=True){repeatable})
    op.execute("insert into book values (1)")
    print("in the middle", flush=True)
    until = time.monotonic() + 30
    while not Path({go!r}).exists() and time.monotonic() < until:
        time.sleep(0.01)
'''

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Give what starts a job beside the test."""

    def run(service: Service, *words: str) -> subprocess.Popen[str]:
        (tmp_path / "shop.py").write_text(MODULE)
        return subprocess.Popen(
            [sys.executable, "-m", "fairway_sdk", "migrate", "shop:service", *words],
            cwd=tmp_path,
            env=os.environ | place_files(service),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def done(job: "subprocess.Popen[str]", code: int = 0) -> tuple[str, str]:
    """Wait for a job, and give what it printed and what it complained."""
    out, complaint = job.communicate(timeout=60)
    assert job.returncode == code, out + complaint
    return out, complaint


def line_with(job: "subprocess.Popen[str]", words: str) -> str:
    """Wait until a job prints a line with these words."""
    assert job.stdout is not None
    found = next((line for line in job.stdout if words in line), "")
    assert found, done(job)
    return found


def write(folder: Path, text: str) -> None:
    """Write the only revision of the service's own."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / "books.py").write_text(text)


async def test_two_jobs_at_once_apply_each_revision_once(
    store: Store, orders: Place, start: Start, tmp_path: Path
) -> None:
    """The second waits for the first, says for whom, and finds nothing to do."""
    go = tmp_path / "go"
    write(tmp_path, SLOW.format(go=str(go), repeatable=""))
    service = orders(store)
    first = start(service)
    assert line_with(first, "in the middle")
    second = start(service)
    waiting = line_with(second, "waiting for another job that migrates this store: ")
    assert ("orders migrate, process " in waiting) == (store.kind == "postgresql")
    go.touch()
    assert "applied." in done(first)[0]
    assert done(second)[0] == "orders: up to date.\n"


async def test_a_job_that_is_killed_in_the_middle_is_simply_run_again(
    store: Store, orders: Place, start: Start, tmp_path: Path
) -> None:
    """Its turn ends with it, and what it had begun is gone; on MySQL a revision must be repeatable for that."""
    write(tmp_path, SLOW.format(go=str(tmp_path / "never"), repeatable=""))
    service = orders(store)
    job = start(service)
    assert line_with(job, "in the middle")
    job.send_signal(signal.SIGKILL)
    done(job, -signal.SIGKILL)
    repeatable = ", if_not_exists=True" if store.kind == "mysql" else ""
    write(tmp_path, SLOW.format(go=str(tmp_path), repeatable=repeatable).replace("(1)", "(2)"))
    begun = time.monotonic()
    assert "orders-db: orders: 0001: Make books slowly\n" in done(start(service))[0]
    assert time.monotonic() - begun < 30
    service.stores.open()
    async with service.sql().connection() as connection:
        assert set((await connection.execute(sa.text("select id from book"))).scalars()) == {2}
    await service.sql().stop()


async def test_a_job_lets_others_pass_while_it_waits_for_a_lock(
    database: Store, postgresql: PostgreSQL, orders: Place, start: Start, tmp_path: Path
) -> None:
    """A long transaction on the table holds the job up, and the job holds nobody up for long."""
    postgresql.query(database.database, "create table book (id int)")
    write(
        tmp_path, SLOW[: SLOW.index("    op.create")].format() + '    op.add_column("book", sa.Column("t", sa.Text))\n'
    )
    service = orders(database)
    service.stores.open()
    async with service.sql().connection() as reader:
        await reader.execute(sa.text("select * from book"))
        job = start(service)
        told = line_with(job, "again")
        assert told == "0001: another transaction holds a lock that it needs; it lets others pass and tries again\n"
        begun = time.monotonic()
        async with service.sql().connection() as writer:
            await writer.execute(sa.text("insert into book values (1)"))
        assert time.monotonic() - begun < 4
    await service.sql().stop()
    assert "applied." in done(job)[0]

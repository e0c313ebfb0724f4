"""PostgreSQL from its wheel, whoever runs the tests."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg  # type: ignore[import-untyped]  # the driver has no types
import pytest

from fairway_sdk.testing.servers import MissingServerError, PostgreSQL
from fairway_sdk.testing.servers.postgresql import NOBODY

ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a short path."""
    with TemporaryDirectory(prefix="fw-") as found:
        yield Path(found)


def test_it_runs_for_whoever_asks_and_its_data_outlives_a_kill(folder: Path) -> None:
    """Root included."""
    with PostgreSQL(folder) as server:
        server.create("orders")
        server.query("orders", "create table book as select 1 as id")
        server.kill()
        server.start()
        assert server.query("orders", "select id from book") == "1"


@pytest.mark.skipif(not ROOT, reason="only root has to give its rights away")
def test_where_root_has_no_namespaces_it_runs_as_nobody_or_says_what_to_do(folder: Path) -> None:
    """Nobody must be able to read the programs for that."""
    server = PostgreSQL(folder, namespaces=False)
    readable = all(above.stat().st_mode & 0o001 for above in server.programs.resolve().parents)
    if not readable:
        with pytest.raises(MissingServerError, match="does not run as root, and nobody may not use it here either"):
            server.start()
        return
    with server:
        assert server.process is not None
        assert f"Uid:\t{NOBODY}" in Path(f"/proc/{server.process.pid}/status").read_text()
        server.create("orders")
        assert server.query("orders", "select 1") == "1"


async def test_it_stops_though_somebody_forgot_to_leave(folder: Path) -> None:
    """At once, where a polite end would wait for them."""
    with PostgreSQL(folder) as server:
        forgotten = await asyncpg.connect(host=str(folder), user="postgres", database="postgres")
        begun = time.monotonic()
        await asyncio.to_thread(server.stop)
        assert time.monotonic() - begun < 10
        forgotten.terminate()

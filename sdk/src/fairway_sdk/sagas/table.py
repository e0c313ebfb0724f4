"""The table of sagas: one row holds all there is to know of one, so that every change of it is one statement."""

from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from fairway_sdk.contract import TABLE_PREFIX
from fairway_sdk.sagas.course import COMPENSATING, RUNNING, STUCK, Entry, Kept
from fairway_sdk.stores.schema import tables

LONGEST_ID: Final = 150  # characters
LONGEST_REASON: Final = 400

_EXACT = sa.String(LONGEST_ID).with_variant(mysql.VARCHAR(LONGEST_ID, collation="utf8mb4_bin"), "mysql", "mariadb")
_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_OPEN = sa.text(f"state in ('{RUNNING}', '{COMPENSATING}', '{STUCK}')")

SAGA: Final = sa.Table(
    f"{TABLE_PREFIX}saga",
    tables,
    sa.Column("id", _EXACT, primary_key=True),
    sa.Column("saga", sa.String(63), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("step", sa.String(60), nullable=False),
    sa.Column("tries", sa.Integer(), nullable=False),
    sa.Column("log", _LONG, nullable=False),  # JSON: what was done and undone, in order
    sa.Column("failed", sa.String(60), nullable=False),
    sa.Column("reason", sa.String(LONGEST_REASON), nullable=False),
    sa.Column("trouble", sa.String(LONGEST_REASON), nullable=False),
    sa.Column("document", _LONG, nullable=False),  # JSON: the input, its personal fields sealed
    sa.Column("person", sa.String(200), nullable=False),  # as the input names them
    sa.Column("alias", sa.String(200), nullable=False),  # as an erasure finds them
    sa.Column("tenant", sa.String(100), nullable=False),
    sa.Column("trace", sa.String(64), nullable=False),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("version", sa.BigInteger(), nullable=False),
    sa.Column("due", sa.Double()),  # from when on anybody may take it; once it has ended, may forget it
    sa.Column("created", sa.Double(), nullable=False),
    sa.Column("progressed", sa.Double(), nullable=False),
    sa.Index(f"{TABLE_PREFIX}saga_due", "due"),
    sa.Index(f"{TABLE_PREFIX}saga_open", "state", "saga", postgresql_where=_OPEN, sqlite_where=_OPEN),
    sa.Index(
        f"{TABLE_PREFIX}saga_alias",
        "alias",
        postgresql_where=sa.text("alias <> ''"),
        sqlite_where=sa.text("alias <> ''"),
    ),
)
"""The sagas that a service orchestrates: those under way, and those that ended not long ago."""

_read_log = msgspec.json.Decoder(tuple[Entry, ...]).decode
_write_log = msgspec.json.Encoder().encode

KEPT: Final = tuple(SAGA.c[name] for name in Kept.__struct_fields__)


def row_of(kept: Kept) -> dict[str, Any]:
    """Give the columns of a saga that change while it runs, and the version they are written over."""
    return {
        "id": kept.id,
        "version": kept.version,
        "state": kept.state,
        "step": kept.step,
        "tries": kept.tries,
        "log": log_text(kept),
        "failed": kept.failed,
        "reason": kept.reason[:LONGEST_REASON],
        "trouble": kept.trouble[:LONGEST_REASON],
        "owner": kept.owner,
    }


def log_text(kept: Kept) -> str:
    """Write a saga's log as JSON."""
    return _write_log(kept.log).decode()


def kept_of(row: Any, *, log: bool = True) -> Kept:
    """Read a saga from its row, its log where it is wanted; a `DecodeError` where that is not one this code knows."""
    content = dict(row._mapping)  # noqa: SLF001 - the public way to a row's names
    names = (name for name in Kept.__struct_fields__ if name != "log")
    return Kept(**{name: content[name] for name in names}, log=_read_log(row.log) if log else ())

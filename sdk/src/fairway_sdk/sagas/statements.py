"""The statements that change sagas: each for one row, and on PostgreSQL also for many rows at once."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from fairway_sdk.clock import Clock
from fairway_sdk.sagas.table import SAGA
from fairway_sdk.stores.now import store_now

_TYPES: Final[Mapping[str, Any]] = {column.name: column.type for column in SAGA.c} | {
    "wait": sa.Double(),  # seconds until it is due; none: never by itself
    "moved": sa.Boolean(),  # the change is progress
}
_TEXTS = {name for name, kind in _TYPES.items() if isinstance(kind, sa.String)}
_CHANGING: Final = ("state", "step", "tries", "log", "failed", "reason", "trouble", "owner")
_NEW: Final = tuple(column.name for column in SAGA.c if column.name not in {"due", "created", "progressed"})


class Write(Struct, frozen=True):
    """One kind of write."""

    one: Any
    many: Any
    columns: tuple[str, ...]

    def given(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Give the parameters for one row."""
        return {f"given_{name}": row[name] for name in self.columns}

    def given_many(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Give the parameters for many rows: a list for each column."""
        return {f"given_{name}": [row[name] for row in rows] for name in self.columns}


def writes(clock: Clock) -> dict[str, Write]:
    """Give the statements for a clock, the same ones until it is moved: so each is compiled once."""
    return _writes(clock.ahead)


@lru_cache(maxsize=4)
def _writes(ahead: float) -> dict[str, Write]:
    clock = Clock()
    clock.ahead = ahead
    return {"insert": _insert(clock), "change": _change(clock), "renew": _renew(clock)}


def _insert(clock: Clock) -> Write:
    columns = (*_NEW, "wait")
    now = store_now(clock)

    def values(given: Any) -> dict[str, Any]:
        return {name: given[name] for name in _NEW} | {"due": now + given["wait"], "created": now, "progressed": now}

    one = SAGA.insert().values(values(_single(columns)))
    # Its id is taken: no error, which would end a transaction on PostgreSQL.
    one = one.prefix_with("ignore", dialect="mysql").prefix_with("ignore", dialect="mariadb")
    one = one.prefix_with("or ignore", dialect="sqlite")
    source = _table(columns)
    chosen = values(source.c)
    many = (
        postgresql_insert(SAGA)
        .from_select(list(chosen), sa.select(*(value.label(name) for name, value in chosen.items())))
        .on_conflict_do_nothing()
        .returning(SAGA.c.id)
    )
    return Write(one, many, columns)


def _change(clock: Clock) -> Write:
    columns = ("id", "version", *_CHANGING, "wait", "moved")
    now = store_now(clock)

    def changed(given: Any) -> sa.Update:
        # The version fences: whoever lost the saga knows an older one.
        found = SAGA.update().where(SAGA.c.id == given["id"], SAGA.c.version == given["version"])
        return found.values(
            {name: given[name] for name in _CHANGING}
            | {
                "version": SAGA.c.version + 1,
                "due": now + given["wait"],
                "progressed": sa.case((given["moved"], now), else_=SAGA.c.progressed),
            }
        )

    return Write(changed(_single(columns)), changed(_table(columns).c).returning(SAGA.c.id), columns)


def _renew(clock: Clock) -> Write:
    columns = ("id", "owner", "wait")

    def renewed(given: Any) -> sa.Update:
        found = SAGA.update().where(SAGA.c.id == given["id"], SAGA.c.owner == given["owner"])
        return found.values(due=store_now(clock) + given["wait"])

    return Write(renewed(_single(columns)), renewed(_table(columns).c).returning(SAGA.c.id), columns)


def _single(columns: Sequence[str]) -> dict[str, Any]:
    return {name: sa.bindparam(f"given_{name}", type_=_TYPES[name]) for name in columns}


def _table(columns: Sequence[str]) -> Any:
    """Give the rows as a table: one array for each column."""
    arrays = [
        sa.bindparam(f"given_{name}", type_=ARRAY(sa.Text() if name in _TEXTS else _TYPES[name])) for name in columns
    ]
    types = [sa.column(name, sa.Text() if name in _TEXTS else _TYPES[name]) for name in columns]
    return sa.func.unnest(*arrays).table_valued(*types, name="given").render_derived()

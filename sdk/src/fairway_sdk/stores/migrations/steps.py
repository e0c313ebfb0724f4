"""Steps of a revision that may be repeated: what is there already is left as it is.

MySQL commits each change of a schema by itself, so a job that is killed leaves half a revision behind. A revision of
these steps is then simply run again. Elsewhere they are Alembic's own.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op


def create_table(name: str, *parts: Any, **options: Any) -> None:
    """Make a table unless it is there."""
    if _offline() or not _inspector().has_table(name):
        op.create_table(name, *parts, **options)


def create_index(name: str, table: str, columns: list[str], **options: Any) -> None:
    """Make an index unless the table has it."""
    if _offline() or name not in {index["name"] for index in _inspector().get_indexes(table)}:
        op.create_index(name, table, columns, **options)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column unless the table has it."""
    if _offline() or column.name not in {there["name"] for there in _inspector().get_columns(table)}:
        op.add_column(table, column)


def _offline() -> bool:
    return bool(op.get_context().as_sql)


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())  # anew each time: an inspector remembers, and the steps change what is there

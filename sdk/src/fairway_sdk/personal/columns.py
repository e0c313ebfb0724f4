"""Personal columns: sealed when an instance is flushed, open when it is loaded, under the key of the row's person.

    class Customer(Base):
        __tablename__ = "customer"
        __person__ = "reader"

        reader: Mapped[str] = mapped_column(String(64), primary_key=True)
        email: Mapped[str] = personal(searchable=True, normalise=folded)
        born: Mapped[date | None] = personal(date)

In `service.transaction()` they are used like any other column, and are read and written with whole instances:
`select(Customer)`, `transaction.add(customer)`. `where(personal_equals(Customer.email, "a@example.com"))` finds rows.
A select of single columns gives closed boxes, and a statement that writes plain values is refused. Values open for the
same person, table and column only; and in the same row only, where the primary key is known before the row is written
(a text, a number or a UUID that the service makes, not one that the database counts up).
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import MappedColumn, mapped_column

from fairway_sdk.personal import flushing, loading
from fairway_sdk.personal.column_type import (
    ERASED,
    INFO,
    Declared,
    IndexType,
    PersonalColumnError,
    PersonalType,
    Wanted,
    folded,
    index_name,
)
from fairway_sdk.personal.durations import seconds

__all__ = ["ERASED", "PersonalColumnError", "folded", "personal", "personal_equals"]

flushing.install()
loading.install()


def personal(  # noqa: PLR0913 - each is an option of its own
    kind: Any = str,
    *,
    searchable: bool = False,
    unique: bool = False,
    normalise: Callable[[str], str] | None = None,
    keep: str = "",
    sealed_as: str = "",
    **options: Any,
) -> MappedColumn[Any]:
    """Declare a personal column of text, or of another type that JSON can hold; `options` are mapped_column's.

    A searchable one gets a blind index beside it, `<name>_index`: equal values are found, and whoever reads the table
    sees which rows are equal, but not what they say. It can be unique. `normalise` says which spellings are equal.
    `keep` is how long after the class's `__since__` the value is emptied. `sealed_as` keeps the old `table.column`
    when either is renamed, since values open under that name alone.
    """
    declared = Declared(
        kind=kind,
        searchable=searchable or unique,
        unique=unique,
        normalise=normalise,
        keep=seconds(keep) if keep else None,
        sealed_as=sealed_as,
    )
    return mapped_column(PersonalType(), info={INFO: declared}, **options)


def personal_equals(attribute: Any, value: object) -> sa.ColumnElement[bool]:
    """Give the condition that a searchable personal column holds a value."""
    column: sa.Column[Any] = attribute.property.columns[0]
    declared: Declared | None = column.info.get(INFO)
    if declared is None or not declared.searchable:
        raise PersonalColumnError(f"{attribute}: has no blind index. Declare it personal(searchable=True).")
    index = column.table.columns[index_name(column.name)]
    found = getattr(attribute.parent.entity, attribute.parent.mapper.get_property_by_column(index).key)
    wanted = Wanted(declared.place(column), declared.text(value))
    condition: sa.ColumnElement[bool] = found == sa.bindparam(None, wanted, type_=IndexType())
    return condition

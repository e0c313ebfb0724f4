"""The type of a personal column: sealed bytes in the store, and nothing but sealed bytes is ever bound to it."""

import unicodedata
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator
from sqlalchemy.util import await_only

from fairway_sdk.errors import FairwayError
from fairway_sdk.personal.boxes import ALIAS

if TYPE_CHECKING:
    from fairway_sdk.personal.keyring import Keyring

INFO: Final = "fairway personal"  # in a column's info: what was declared
INDEX_INFO: Final = "fairway blind index of"  # in an index column's info: the name of its column
ERASED: Final = "[erased]"
"""What stands in a text column of a person who was erased; columns of other types give none."""

searching: ContextVar["Keyring | None"] = ContextVar("fairway_searching", default=None)


class PersonalColumnError(FairwayError):
    """A personal column is used in a way in which nothing can be sealed or found."""


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What an author said of a personal column."""

    kind: Any = str
    searchable: bool = False
    unique: bool = False
    normalise: Callable[[str], str] | None = None
    keep: float | None = None  # seconds after which it is emptied
    sealed_as: str = ""

    def place(self, column: sa.Column[Any]) -> str:
        """Name where values of the column are sealed: they open nowhere else."""
        return self.sealed_as or f"{column.table.name}.{column.name}"

    def text(self, value: object) -> str:
        """Give what a value is found by."""
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return self.normalise(text) if self.normalise else text


class Sealed:
    """A value as it stands in the store; loading an instance in `service.transaction()` opens it."""

    __slots__ = ("box",)

    def __init__(self, box: bytes) -> None:
        self.box = box

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<sealed>"


class Wanted:
    """A value to be found by its blind index; not printed with a statement's parameters."""

    __slots__ = ("place", "text")

    def __init__(self, place: str, text: str) -> None:
        self.place = place
        self.text = text

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<wanted>"


class PersonalType(TypeDecorator[Any]):
    """Bytes that only the key of the row's person opens."""

    impl = sa.LargeBinary
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Any]):
        """Refuses comparisons: two boxes with the same content differ."""

        def operate(self, op: Any, *other: Any, **options: Any) -> Any:
            """Allow asking whether a value is there, and nothing else."""
            if op in _ALLOWED or (other and isinstance(other[0], sa.Null | None)):
                return super().operate(op, *other, **options)
            raise PersonalColumnError(
                f"{self.expr}: is sealed and cannot be compared or sorted. Declare it personal(searchable=True), and"
                " find rows with personal_equals()."
            )

        reverse_operate = operate

    comparator_factory = Comparator

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Let sealed values through; a plain one is an error, wherever it comes from."""
        if value is None:
            return None
        if isinstance(value, Sealed):
            return value.box
        raise PersonalColumnError(
            "a plain value is bound to a personal column: it is sealed only when an instance is flushed by"
            " service.transaction(). Add or change instances; statements that write many rows cannot be used."
        )

    def process_literal_param(self, value: Any, dialect: sa.Dialect) -> str:  # noqa: ARG002 - likewise
        """Write no personal value into a statement's text."""
        raise PersonalColumnError("a personal column takes no literal values. Add or change instances instead.")

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> Sealed | None:  # noqa: ARG002 - likewise
        """Keep the box closed until the whole result is there: then keys are asked for once."""
        return None if value is None else Sealed(value)


class IndexType(TypeDecorator[str]):
    """The blind index of a wanted value, made when the statement runs: only then the keyring is known."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the index of a wanted value."""
        keyring = searching.get()
        if keyring is None:
            raise PersonalColumnError(
                "personal_equals() needs the keyring. Run the statement in service.transaction()."
            )
        if not keyring.opened:
            await_only(keyring.open())
        return keyring.index(value.place, value.text)


_ALLOWED: Final = {sa.sql.operators.is_, sa.sql.operators.is_not}


def folded(text: str) -> str:
    """Normalise a text so that spelling does not matter for finding it: width, case, and spaces around."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def index_name(column: str) -> str:
    """Name the column of a blind index."""
    return f"{column}_index"


@sa.event.listens_for(sa.Table, "after_parent_attach")
def _add_index_columns(table: sa.Table, _parent: sa.MetaData) -> None:
    """Give each searchable column its blind index beside it."""
    for column in list(table.columns):
        declared: Declared | None = column.info.get(INFO)
        if declared and declared.searchable and index_name(column.name) not in table.columns:
            index: sa.Column[str] = sa.Column(
                index_name(column.name),
                sa.String(ALIAS),
                index=not declared.unique,
                unique=declared.unique or None,
                info={INDEX_INFO: column.name},
            )
            table.append_column(index)

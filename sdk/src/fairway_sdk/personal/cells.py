"""One value of one row: how it becomes a box of bytes for its person, column and row, and comes out again."""

from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from fairway_sdk.personal.boxes import BrokenSealError, DataKey
from fairway_sdk.personal.column_type import ERASED, PersonalColumnError
from fairway_sdk.personal.declared import PersonalColumn
from fairway_sdk.personal.keyring import Keyring

OF_ROW: Final = b"\x11"  # opens in its own row only
OF_PERSON: Final = b"\x10"  # opens in any row of its person: the primary key was not known when it was sealed


def keyring_of(session: Session) -> Keyring:
    """Give the keyring of the service whose transaction a session is."""
    service = session.info.get("service")
    if service is None:
        raise PersonalColumnError("personal columns need the keyring. Use service.transaction() for this session.")
    keyring: Keyring = service.keyring
    return keyring


def seal_cell(key: DataKey, column: PersonalColumn, value: object, row: bytes | None) -> bytes:
    """Seal a value of a column; a `PersonalColumnError` for what loading gave instead of an erased one."""
    kind = column.declared.kind
    if kind is str:
        if not isinstance(value, str) or value == ERASED:
            raise PersonalColumnError(f"{column.place.decode()}: takes text, and not what stands for an erased value.")
        plain = value.encode()
    else:
        plain = msgspec.json.encode(value)
    if row is None:
        return OF_PERSON + key.seal(plain, column.place)
    return OF_ROW + key.seal(plain, column.place + b"\0" + row)


def open_cell(key: DataKey | None, column: PersonalColumn, box: bytes, row: bytes | None) -> Any:
    """Open a value of a column; without a key, or after its time of keeping, what stands for an erased one."""
    kind = column.declared.kind
    if key is None or not box:
        return ERASED if kind is str else None
    if box[:1] == OF_PERSON:
        plain = key.open(box[1:], column.place)
    elif box[:1] == OF_ROW and row is not None:
        plain = key.open(box[1:], column.place + b"\0" + row)
    else:
        raise BrokenSealError(f"{column.place.decode()}: is no sealed value of this row. Was the column plain before?")
    return plain.decode() if kind is str else _decoder(kind).decode(plain)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)

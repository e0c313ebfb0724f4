"""Seal the personal columns of instances while they are flushed, and give the instances their values back.

For the length of a flush an instance holds boxes where its personal values were: what the mapper writes is what it
holds. Keys of all persons in a flush are asked for at once.
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, Mapper, Session, attributes
from sqlalchemy.util import await_only

from fairway_sdk.personal.boxes import DataKey, ErasedError
from fairway_sdk.personal.cells import keyring_of, seal_cell
from fairway_sdk.personal.column_type import ERASED, PersonalColumnError, Sealed
from fairway_sdk.personal.declared import PersonalClass, PersonalColumn, personal_class

KEYS: Final = "fairway keys of the flush"
BOXED: Final = "fairway boxed values"


def install() -> None:
    """Listen to the mapper; once in a process."""
    sa.event.listen(Mapper, "after_mapper_constructed", _listen)
    sa.event.listen(Session, "before_flush", _ask_for_keys)
    sa.event.listen(Session, "after_flush", _forget)
    sa.event.listen(Session, "after_soft_rollback", _give_all_back)


def _listen(mapper: Mapper[Any], kind: type) -> None:
    personal = personal_class(mapper)
    if personal is None or not personal.columns:
        return

    def seal_new(_mapper: Mapper[Any], _connection: sa.Connection, state: InstanceState[Any]) -> None:
        _make_identity(personal, state)
        _box(state, personal, personal.columns)

    def seal_changed(_mapper: Mapper[Any], _connection: sa.Connection, state: InstanceState[Any]) -> None:
        _box(state, personal, _to_be_written(state, personal))

    sa.event.listen(kind, "before_insert", seal_new, raw=True)
    sa.event.listen(kind, "before_update", seal_changed, raw=True)
    sa.event.listen(kind, "after_insert", _give_back, raw=True)
    sa.event.listen(kind, "after_update", _give_back, raw=True)


# Before the flush


def _ask_for_keys(session: Session, _flush: object, _instances: object) -> None:
    persons: set[str] = set()
    classes: dict[Mapper[Any], PersonalClass | None] = {}
    for instance in (*session.new, *session.dirty):
        state = attributes.instance_state(instance)
        mapper: Mapper[Any] = state.mapper
        if mapper not in classes:
            classes[mapper] = personal_class(mapper)
        personal, values = classes[mapper], state.dict
        if personal is None or not values.get(personal.person):
            continue
        if any(values.get(column.key) is not None for column in _changed(state, personal)):
            persons.add(personal.person_of(values))
    if persons:
        session.info[KEYS] = await_only(keyring_of(session).keys(persons, create=True))


def _changed(state: InstanceState[Any], personal: PersonalClass) -> tuple[PersonalColumn, ...]:
    """List the personal columns that a flush will write: those that differ, or all where they come to other hands."""
    if state.key is None:
        return personal.columns
    before, now = state.committed_state, state.dict

    def differs(key: str) -> bool:
        return key in before and before[key] != now.get(key)

    if any(differs(key) for key in (personal.person, *personal.identity)):
        return personal.columns
    return tuple(column for column in personal.columns if differs(column.key))


# In the flush, instance by instance: by now foreign keys are known, and what points to a new parent has its person


def _to_be_written(state: InstanceState[Any], personal: PersonalClass) -> tuple[PersonalColumn, ...]:
    """List the columns to be sealed anew, and mark those that stay the same but come to other hands."""
    before, now = state.committed_state, state.dict
    # What stands for an erased value is no value to be sealed anew.
    columns = tuple(
        column for column in _changed(state, personal) if column.key in before or now.get(column.key) != ERASED
    )
    for column in columns:
        if column.key not in now:
            raise PersonalColumnError(
                f"{personal.name}: its person or primary key changes while '{column.key}' is not loaded, so it"
                " cannot be sealed anew. Load the whole instance first."
            )
        if column.key not in before:
            attributes.flag_modified(state.obj(), column.key)
    return columns


def _make_identity(personal: PersonalClass, state: InstanceState[Any]) -> None:
    """Make a primary key with a Python default now, so that values are bound to their row."""
    for key in personal.identity:
        default = personal.column(key).default
        if state.dict.get(key) is not None or default is None:
            continue
        if default.is_scalar:
            attributes.set_attribute(state.obj(), key, default.arg)  # type: ignore[attr-defined]  # a ColumnDefault
        elif default.is_callable and not default.is_clause_element:
            try:
                made = default.arg(None)  # type: ignore[attr-defined]  # likewise
            except AttributeError:  # it asks the statement's context, which is not there yet: the row stays unnamed
                continue
            attributes.set_attribute(state.obj(), key, made)


def _box(state: InstanceState[Any], personal: PersonalClass, columns: tuple[PersonalColumn, ...]) -> None:
    session = state.session
    assert session is not None  # it is being flushed
    values, key, row = state.dict, None, None
    mine: dict[str, Any] = {}
    for column in columns:
        value = values.get(column.key)
        if type(value) is Sealed:
            continue
        if column.index_key:
            _index(session, state, column, value)
        if value is None:
            continue
        if key is None:
            key, row = _key(session, personal.person_of(values)), personal.row_of(values)
            session.info.setdefault(BOXED, {})[state] = mine
        box = Sealed(seal_cell(key, column, value, row))
        mine[column.key], values[column.key] = value, box


def _index(session: Session, state: InstanceState[Any], column: PersonalColumn, value: object) -> None:
    keyring = keyring_of(session)
    if value is not None and not keyring.opened:
        await_only(keyring.open())
    found = None if value is None else keyring.index(column.place.decode(), column.declared.text(value))
    if state.dict.get(column.index_key) != found:
        attributes.set_attribute(state.obj(), column.index_key, found)


def _key(session: Session, person: str) -> DataKey:
    keys: dict[str, DataKey | None] = session.info.setdefault(KEYS, {})
    if person not in keys:  # it was not known before the flush
        keys |= await_only(keyring_of(session).keys([person], create=True))
    key = keys[person]
    if key is None:
        raise ErasedError("the person was erased: their key is destroyed, and nothing is sealed for them any more.")
    return key


# Afterwards


def _give_back(_mapper: Mapper[Any], _connection: sa.Connection, state: InstanceState[Any]) -> None:
    session = state.session
    if session is not None and (values := session.info.get(BOXED, {}).pop(state, None)):
        state.dict.update(values)


def _forget(session: Session, _flush: object) -> None:
    session.info.pop(KEYS, None)
    session.info.pop(BOXED, None)


def _give_all_back(session: Session, _previous: object) -> None:
    """After a flush that failed: its instances go on with their values, and may be flushed again."""
    for state, values in session.info.pop(BOXED, {}).items():
        state.dict.update(values)
    session.info.pop(KEYS, None)

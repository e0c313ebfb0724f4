"""Open the personal columns of instances once a whole result is there, so that keys are asked for once."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, QueryContext, Session
from sqlalchemy.util import await_only

from fairway_sdk.personal.boxes import UnknownPersonError
from fairway_sdk.personal.cells import keyring_of, open_cell
from fairway_sdk.personal.column_type import Sealed, searching
from fairway_sdk.personal.declared import PersonalClass, personal_class

PENDING: Final = "fairway closed instances"

Closed = tuple[InstanceState[Any], dict[str, Any], PersonalClass]


def install() -> None:
    """Listen to mapper and sessions; once in a process."""
    sa.event.listen(Mapper, "after_mapper_constructed", _listen)
    sa.event.listen(Session, "do_orm_execute", _execute)


def _listen(mapper: Mapper[Any], kind: type) -> None:
    personal = personal_class(mapper)
    if personal is None or not personal.columns:
        return
    keys = tuple(column.key for column in personal.columns)

    def loaded(state: InstanceState[Any], context: QueryContext | None, _attributes: object = None) -> None:
        values = state.dict
        for key in keys:
            if type(values.get(key)) is Sealed:
                break
        else:
            return
        if context is None:
            return
        if context.execution_options.get("prebuffer_rows"):
            context.session.info.setdefault(PENDING, []).append((state, values, personal))
        else:  # a stream: it has no end to wait for
            _open(context.session, [(state, values, personal)])

    sa.event.listen(kind, "load", loaded, raw=True)
    sa.event.listen(kind, "refresh", loaded, raw=True)


def _execute(execution: ORMExecuteState) -> Any:
    """Run a statement with its rows loaded whole, and open what it loaded; streams are left to flow."""
    session = execution.session
    service = session.info.get("service")
    if service is None:
        return None
    options = execution.execution_options
    flows = options.get("stream_results") or options.get("yield_per")
    token = searching.set(service.keyring)
    try:
        result = execution.invoke_statement(execution_options={} if flows else {"prebuffer_rows": True})
    finally:
        searching.reset(token)
    if closed := session.info.pop(PENDING, None):
        _open(session, closed)
    return result


def _open(session: Session, closed: list[Closed]) -> None:
    persons = [personal.person_of(_whole(state, values, personal)) for state, values, personal in closed]
    keys = await_only(keyring_of(session).keys(set(persons)))
    for (_, values, personal), person in zip(closed, persons, strict=True):
        if person not in keys:
            raise UnknownPersonError(
                f"{personal.name}: the keyring holds no key for the person of a row: another keyring sealed it, or this"
                " one was lost. Bind the store that holds their keys as personal.keys."
            )
        key, row = keys[person], personal.row_of(values)
        for column in personal.columns:
            value = values.get(column.key)
            if type(value) is Sealed:
                values[column.key] = open_cell(key, column, value.box, row)


def _whole(state: InstanceState[Any], values: dict[str, Any], personal: PersonalClass) -> dict[str, Any]:
    """Give an instance's values with its person, which a query may have left out."""
    if personal.person not in values:
        getattr(state.obj(), personal.person)
    return values

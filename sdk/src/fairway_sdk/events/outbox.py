"""The outbox: events and deferred work are written in the transaction that causes them, so both happen or neither.

Events of one ordered key must leave in the order of their commits. So the rows are written at the very end of the
transaction, and each ordered key has a row of its own (`LANES`) which gives out the numbers: who emits for a key holds
its row until the commit is done, and the next one reads a number that is sure to be the last. Keys are taken in one
order, so two transactions never wait for each other in a ring. Events without a key wait for nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, SessionTransaction

from fairway_sdk.errors import FairwayError
from fairway_sdk.events.event import Envelope, Event
from fairway_sdk.events.personal import alias, sealed
from fairway_sdk.events.tables import DUE, INBOX, LANES, OUTBOX, TASKS, digest, fitting, lane_of
from fairway_sdk.events.wake import INBOX_RUNG, OUTBOX_RUNG, bell
from fairway_sdk.stores.transaction import TransactionSession
from fairway_sdk.telemetry.traces import traceparent

if TYPE_CHECKING:
    from fairway_sdk.service import Service
    from fairway_sdk.stores.transaction import Transaction

_PENDING = "fairway_pending"
_RUNG = "fairway_rung"

watchers: list[Callable[["Service", Sequence[Event]], None]] = []
"""Told of the events of each commit, once it is done: for tests."""


class PublishError(FairwayError):
    """An event cannot be emitted: its channel is not this service's, or its key is missing."""


class Pending(msgspec.Struct):
    """A row that the commit will write, and the savepoints whose rollback takes it away."""

    table: str  # the bell of the table it goes to
    row: dict[str, Any]
    within: tuple[SessionTransaction, ...]
    event: Event | None = None


async def put(transaction: "Transaction", events: Iterable[Event]) -> None:
    """Add events to a transaction; a `PublishError` says which channel or key is wrong, before anything is written."""
    service = transaction.service
    keys = [(event, key_of(service, event)) for event in events]
    within = _savepoints(transaction.sync_session)
    trace = traceparent()
    pending = _pending(transaction.sync_session)
    for event, key in keys:
        person = str(getattr(event, event.person)) if event.person else ""
        now = service.clock.now()
        row = {
            "event": uuid4().hex,
            "channel": event.channel,
            "kind": type(event).__name__,
            "key": key,
            "lane": lane_of(event.channel, key),
            "number": int(now * 1e6),
            "after": 0,
            "person": person,
            "alias": alias(service, person),
            "trace": trace,
            "content": await sealed(service, event, person),
            "made_at": now,
            "state": DUE,
            "due_at": 0.0,
            **_UNTRIED,
        }
        pending.append(Pending(OUTBOX_RUNG, row, within, event))


async def defer(transaction: "Transaction", name: str, payload: msgspec.Struct, delay: float) -> None:
    """Add deferred work of this service to a transaction: a row of its own inbox, due after so many seconds."""
    service = transaction.service
    field = getattr(payload, "person", "") if isinstance(getattr(type(payload), "person", None), str) else ""
    person = str(getattr(payload, field)) if field else ""
    now = service.clock.now()
    envelope = Envelope(
        id=uuid4().hex,
        channel=TASKS,
        kind=name,
        content=msgspec.Raw(await sealed(service, payload, person)),
        number=int(now * 1e6),
        source=service.name,
        time=now,
        person=person,
        trace=traceparent(),
    )
    row = inbox_row(service.name, TASKS, envelope, envelope.encode(), alias(service, person)) | {
        "received_at": now,
        "state": DUE,
        "due_at": now + delay if delay > 0 else 0.0,
    }
    session = transaction.sync_session
    _pending(session).append(Pending(INBOX_RUNG, row, _savepoints(session)))


def key_of(service: "Service", event: Event) -> str:
    """Give the key that orders an event among others of its channel; empty where the channel has no order."""
    published = service.binding.publishes.get(event.channel)
    kind = type(event).__name__
    if published is None:
        known = ", ".join(service.binding.publishes) or "none"
        raise PublishError(
            f"service '{service.name}': {kind} goes to channel '{event.channel}', which the service does not publish"
            f" (it publishes: {known}). Add the channel to the service's publishes in the facts."
        )
    if published.ordered_by is None:
        return ""
    field = published.ordered_by.replace("-", "_")
    if field not in event.__struct_fields__:
        raise PublishError(
            f"service '{service.name}': channel '{event.channel}' is ordered by '{published.ordered_by}', and {kind}"
            f" has no such field. Add the field, or name another one in the facts."
        )
    value = getattr(event, field)
    return "" if value is None else fitting(str(value))


def inbox_row(consumer: str, channel: str, envelope: Envelope, document: bytes, person: str) -> dict[str, Any]:
    """Give the columns of an inbox row that come from its envelope."""
    return {
        "id": digest(consumer, channel, envelope.id),
        "consumer": consumer,
        "channel": channel,
        "kind": fitting(envelope.kind),
        "event": fitting(envelope.id, 64),
        "lane": lane_of(channel, envelope.key),
        "number": envelope.number,
        "after": envelope.after,
        "alias": person,
        "document": document,
        **_UNTRIED,
    }


_UNTRIED: Mapping[str, Any] = {"owner": "", "attempts": 0, "failed_at": 0.0, "reason": "", "error": "", "message": ""}


def _pending(session: Session) -> list[Pending]:
    found: list[Pending] = session.info.setdefault(_PENDING, [])
    return found


def _savepoints(session: Session) -> tuple[SessionTransaction, ...]:
    found = []
    above = session.get_nested_transaction()
    while above is not None and above.nested:
        found.append(above)
        above = above.parent
    return tuple(found)


@sa.event.listens_for(TransactionSession, "before_commit")
def _write(session: Session) -> None:
    """Write what is pending as the last thing before the commit, so that keys are held for a moment only."""
    pending: list[Pending] = session.info.get(_PENDING, [])
    if not pending or session.in_nested_transaction():
        return
    session.flush()
    connection = session.connection()
    service: Service = session.info["service"]
    sent = [each.row for each in pending if each.table == OUTBOX_RUNG]
    if sent:
        number(connection, sent)
        connection.execute(_ADD_OUTBOX, sent)
    deferred = [each.row for each in pending if each.table == INBOX_RUNG]
    if deferred:
        connection.execute(_ADD_INBOX, deferred)
    rung = {each.table for each in pending}
    for name in rung:
        # Where a relay runs in this process it is woken after the commit: NOTIFY, which PostgreSQL makes commits queue
        # for, is needed only where nobody in this process would hear.
        if connection.dialect.name == "postgresql" and not bell(service, name).heard:
            connection.execute(_NOTIFY, {"channel": name})
    session.info[_RUNG] = (rung, [each.event for each in pending if each.event is not None])
    pending.clear()


_ADD_OUTBOX = OUTBOX.insert().inline()
_ADD_INBOX = INBOX.insert().inline()
_NOTIFY = sa.text("select pg_notify(:channel, '')")


def number(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Give the rows of ordered keys their numbers: above the last of the key, and the time in microseconds."""
    lanes: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["lane"]:
            lanes.setdefault(row["lane"], []).append(row)
    for lane in sorted(lanes):
        ordered = lanes[lane]
        before = ordered[0]["number"] - 1
        last, after = _advance(connection, lane, before, len(ordered))
        for offset, row in enumerate(ordered, last - len(ordered) + 1):
            row["number"], row["after"] = offset, after
            after = offset


def _advance(connection: sa.Connection, lane: str, before: int, count: int) -> tuple[int, int]:
    given = {"lane": lane, "least": before + count, "before": before}
    if connection.dialect.name in {"mysql", "mariadb"}:
        connection.execute(_ADVANCE_MYSQL, given)
        found = connection.execute(_READ_LANE, {"lane": lane}).one()
    else:
        found = connection.execute(_ADVANCE, given).one()
    return found.number, found.after


_ADVANCE = sa.text(
    f"insert into {LANES.name} as held (lane, number, after) values (:lane, :least, 0)"  # noqa: S608 - our constant
    " on conflict (lane) do update set after = held.number, number = excluded.number"
    " + case when held.number > :before then held.number - :before else 0 end"
    " returning number, after"
).bindparams(sa.bindparam("before", type_=sa.BigInteger()), sa.bindparam("least", type_=sa.BigInteger()))
# MySQL assigns from left to right: `after` takes the old number first.
_ADVANCE_MYSQL = sa.text(
    f"insert into {LANES.name} (lane, number, `after`) values (:lane, :least, 0)"  # noqa: S608 - our constant
    " on duplicate key update `after` = number, number = :least + greatest(number - :before, 0)"
)
_READ_LANE = sa.select(LANES.c.number, LANES.c.after).where(LANES.c.lane == sa.bindparam("lane"))


@sa.event.listens_for(TransactionSession, "after_commit")
def _wake(session: Session) -> None:
    """Wake those in this process who wait for what is now committed."""
    if session.in_nested_transaction() or _RUNG not in session.info:
        return
    rung, events = session.info.pop(_RUNG)
    service: Service = session.info["service"]
    for name in rung:
        bell(service, name).ring()
    if events:
        for watcher in watchers:
            watcher(service, events)


@sa.event.listens_for(TransactionSession, "after_soft_rollback")
def _forget(session: Session, previous: SessionTransaction) -> None:
    """Take away what was emitted within what is rolled back now."""
    pending: list[Pending] = session.info.get(_PENDING, [])
    pending[:] = [each for each in pending if previous.nested and previous not in each.within]


@sa.event.listens_for(TransactionSession, "after_transaction_end")
def _end(session: Session, ended: SessionTransaction) -> None:
    """Let nothing of a transaction reach the next one of the same session."""
    if ended.parent is None:
        session.info.pop(_PENDING, None)
        session.info.pop(_RUNG, None)

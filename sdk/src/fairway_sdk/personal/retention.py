"""Let rows and values go when their time of keeping is over, in small steps, and never while their person is held.

What is kept how long stands on the mapped classes (`__keep__` and `__since__`, and `keep` of a personal column); where
a class says nothing, the binding's retention holds. Dead letters live as long as the binding lets queues remember.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fairway_sdk.personal import rows
from fairway_sdk.personal.declared import PersonalClass, PersonalColumn
from fairway_sdk.personal.durations import seconds
from fairway_sdk.personal.key_table import Row
from fairway_sdk.personal.naming import spelt
from fairway_sdk.personal.rows import Place

if TYPE_CHECKING:
    from fairway_sdk.service import Service

AT_ONCE: Final = 500  # rows of one step, which is one short transaction


class Purged(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What went from one table, or would go."""

    table: str  # store and table, and the column where only that is emptied; or the queue
    gone: int = 0
    held: int = 0  # rows whose time is over, and whose person is under legal hold
    fault: str = ""  # why nothing goes


async def purge(service: "Service", *, dry_run: bool = False) -> list[Purged]:
    """Delete rows, empty values and drop dead letters that are too old; tell what went, or what would."""
    found: list[Purged] = []
    async with rows.opened(service) as places:
        for place in places:
            for personal in place.classes:
                found += [one async for one in _of_class(service, place, personal, dry_run=dry_run)]
        found += await _dead_letters(service, dry_run=dry_run)
    return found


async def _of_class(
    service: "Service", place: Place, personal: PersonalClass, *, dry_run: bool
) -> AsyncIterator[Purged]:
    name = f"{place.name}.{personal.table.name}"
    keep = seconds(personal.keep) if personal.keep else service.keyring.settings.retention
    if keep is not None and not personal.since:
        yield Purged(
            table=name,
            fault=f'{personal.name} does not say from when it is kept. Name the column: __since__ = "created".',
        )
    elif keep is not None:
        steps = _Steps(service, place, personal, keep)
        yield await steps.run(name, sa.delete(personal.table), dry_run=dry_run)
    for column in personal.columns:
        if column.declared.keep is not None and column.column.table is personal.table:
            steps = _Steps(service, place, personal, column.declared.keep, column)
            change = sa.update(personal.table).values(rows.emptied(column))
            yield await steps.run(f"{name}.{column.column.name}", change, dry_run=dry_run)


class _Steps:
    """The steps over one table: each takes the next old rows, spares those of persons under hold, changes the rest."""

    def __init__(
        self,
        service: "Service",
        place: Place,
        personal: PersonalClass,
        keep: float,
        column: PersonalColumn | None = None,
    ) -> None:
        self._service = service
        self._place = place
        self._person = personal.column(personal.person)
        self._since = personal.column(personal.since)
        self._key = list(personal.table.primary_key.columns)
        before = _moment(self._since, service.clock.now() - keep)
        conditions = [self._since < before, *([rows.holds_something(column)] if column else [])]
        order = [self._since, *self._key]
        self._query = (
            sa.select(*order, self._person)
            .select_from(personal.mapper)
            .where(*conditions)
            .order_by(*order)
            .limit(AT_ONCE)
        )

    async def run(self, name: str, change: sa.Delete | sa.Update, *, dry_run: bool) -> Purged:
        gone = held = 0
        last: Sequence[Any] | None = None
        while lines := await self._next(last):
            last = lines[-1][:-1]
            persons = [spelt(self._person, line[-1]) for line in lines]
            kept = await self._service.keyring.holds(set(persons))
            free = [line[1:-1] for line, person in zip(lines, persons, strict=True) if person not in kept]
            held += len(lines) - len(free)
            try:
                gone += len(free) if dry_run else await self._change(change, free)
            except IntegrityError:
                fault = "other rows point to old ones, so they cannot be deleted. Let those go first, or with them."
                return Purged(table=name, gone=gone, held=held, fault=fault)
        return Purged(table=name, gone=gone, held=held)

    async def _next(self, last: Sequence[Any] | None) -> Sequence[Row]:
        query = self._query
        if last is not None:
            order = [self._since, *self._key]
            values = [sa.literal(value, column.type) for value, column in zip(last, order, strict=True)]
            query = query.where(sa.tuple_(*order) > sa.tuple_(*values))
        async with self._place.store.connection() as connection:
            return (await connection.execute(query)).all()

    async def _change(self, change: sa.Delete | sa.Update, keys: Sequence[Sequence[Any]]) -> int:
        if not keys:
            return 0
        which = self._key[0].in_([key[0] for key in keys])
        if len(self._key) > 1:
            which = sa.tuple_(*self._key).in_([tuple(key) for key in keys])
        async with self._place.store.connection() as connection:
            return (await connection.execute(change.where(which))).rowcount


def _moment(column: sa.Column[Any], at: float) -> Any:
    """Give a time as a column holds it."""
    moment = datetime.fromtimestamp(at, UTC)
    if isinstance(column.type, sa.DateTime):
        return moment if column.type.timezone else moment.replace(tzinfo=None)
    return date(moment.year, moment.month, moment.day) if isinstance(column.type, sa.Date) else at


async def _dead_letters(service: "Service", *, dry_run: bool) -> list[Purged]:
    """Drop dead letters that are too old, except those about persons under hold."""
    from fairway_sdk.events import dead_letters

    keepers = dead_letters.keepers(service)
    if not keepers:
        return []
    limit = service.clock.now() - service.keyring.settings.outside_stores
    old = [letter.id for letter in await dead_letters.find(service, limit=1 << 31) if letter.parked < limit]
    spared = {
        document
        async for alias in service.keyring.held()
        for keeper in keepers
        for document in await keeper.of_person(alias)
    }
    gone = held = 0
    for some in _cut(old):
        letters = await dead_letters.find(service, ids=some, limit=AT_ONCE)
        free = [letter.id for letter in letters if letter.document not in spared]
        held += len(letters) - len(free)
        gone += len(free) if dry_run else await dead_letters.drop(service, free)
    return [Purged(table="dead letters", gone=gone, held=held)]


def _cut(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))

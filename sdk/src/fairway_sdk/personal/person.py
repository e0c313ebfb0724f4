"""Export and erase a person: everything that a service keeps about them, in whatever form."""

import base64
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from fairway_sdk.errors import FairwayError
from fairway_sdk.personal import key_table, rows
from fairway_sdk.personal.boxes import DataKey
from fairway_sdk.personal.column_type import INDEX_INFO
from fairway_sdk.personal.rows import Place
from fairway_sdk.personal.sealing import open_all

if TYPE_CHECKING:
    from sqlalchemy.orm import InstanceState

    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")


class Erased(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What an erasure did in one service."""

    service: str
    before: bool  # the person was erased already; all was done again
    deleted: dict[str, int] = {}  # rows by store and table
    unlinked: dict[str, int] = {}  # rows that stay, whose blind indexes are gone
    unreadable: dict[str, int] = {}  # rows of the SDK that stay, with sealed content
    events: int = 0  # removed from inbox and outbox
    sessions: int = 0  # ended
    everywhere_within: float = 0.0  # seconds, after which no replica remembers the key


class Erasure(msgspec.Struct, frozen=True):
    """One line of a list of erasures: it names nobody."""

    alias: str
    erased: float  # seconds since the epoch


async def export(service: "Service", person: str) -> dict[str, Any]:
    """Give everything that a service keeps about a person, in plain values; what was sealed is none once erased."""
    async with rows.opened(service) as places:
        key = (await service.keyring.keys([person])).get(person)
        alias = service.keyring.alias(person)
        return {
            "person": person,
            "service": service.name,
            "exported": datetime.fromtimestamp(service.clock.now(), UTC).isoformat(timespec="seconds"),
            "rows": {place.name: await _rows(place, person) for place in places},
            "events": [open_all(document, key) for document in await _events(service, person)],
            "records": {place.name: await _records(place, alias, key) for place in places},
            "sessions": await _sessions(service, person, end=False),
        }


async def erase(service: "Service", person: str) -> Erased:
    """Destroy a person's key, and remove what a service need not keep about them; again does no harm.

    The key goes first: what is left after a crash in the middle opens for nobody. `HeldError` while they are held.
    """
    async with rows.opened(service) as places:
        done = await service.keyring.erase(person)
        alias = service.keyring.alias(person)
        await _note(service, places, [alias])
        found = Erased(
            service=service.name,
            before=not done,
            deleted=await _counted(places, person, delete=True),
            unlinked=await _counted(places, person, delete=False),
            unreadable={
                f"{place.name}.{table.name}": count
                for place in places
                for table in place.own_tables()
                if (count := await _count(place, table, alias))
            },
            events=await _forget_events(service, alias),
            sessions=await _sessions(service, person, end=True),
            everywhere_within=service.keyring.settings.remembered,
        )
    log.info("person erased", alias=alias, before=found.before)  # lines like this are a list of erasures, too
    return found


async def erasures(service: "Service", since: float = 0.0) -> list[Erasure]:
    """List all erasures that the keyring and the service's own stores know of, the earliest first."""
    async with rows.opened(service) as places:
        return await _erasures(service, places, since)


async def erase_again(service: "Service", listed: Iterable[Erasure] | None = None) -> int:
    """Destroy the keys of erased persons which a restored copy of the keyring brought back; tell how many.

    The erasures are those listed, or those noted in the service's own stores. A hold does not keep them: it is older.
    """
    async with rows.opened(service) as places:
        again = list(await _erasures(service, places, 0.0) if listed is None else listed)
        count = 0
        for erasure in again:
            count += await service.keyring.erase_alias(erasure.alias, despite_hold=True)
            await _forget_events(service, erasure.alias)
        await _note(service, places, [erasure.alias for erasure in again])
        return count


# Rows of the service's own classes


async def _rows(place: Place, person: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    async with place.store.begin() as transaction:
        for personal in place.classes:
            column = personal.column(personal.person)
            query = sa.select(personal.mapper.class_).where(column == rows.typed(column, person))
            lines = [_plain(instance) for instance in (await transaction.scalars(query)).unique()]
            if lines:
                found.setdefault(personal.table.name, []).extend(
                    line for line in lines if line not in found.get(personal.table.name, [])
                )
    return found


def _plain(instance: object) -> dict[str, Any]:
    state: InstanceState[Any] = sa.inspect(instance)
    loaded = {
        key: state.dict[key]
        for key, column in state.mapper.columns.items()
        if INDEX_INFO not in column.info and key in state.dict
    }
    plain: dict[str, Any] = msgspec.to_builtins(loaded, str_keys=True, enc_hook=str)
    return plain


async def _counted(places: Iterable[Place], person: str, *, delete: bool) -> dict[str, int]:
    """Delete, or unlink, a person's rows wherever their classes say so; give the counts that are not zero."""
    found: dict[str, int] = {}
    change = rows.delete_rows if delete else rows.forget_indexes
    for place in places:
        async with place.store.connection() as connection:
            for personal in place.classes:
                if (personal.on_erase == "delete") is not delete:
                    continue
                try:
                    count = await change(connection, personal, person)
                except IntegrityError as error:
                    raise FairwayError(
                        f"{personal.name}: rows of the person cannot be deleted, since other rows point to them. Their"
                        ' key is destroyed all the same. Declare __on_erase__ = "keep", or delete those rows, too.'
                    ) from error
                if count:
                    name = f"{place.name}.{personal.table.name}"
                    found[name] = found.get(name, 0) + count
    return found


# Rows of the SDK


async def _records(place: Place, alias: str, key: DataKey | None) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table in place.own_tables():
        async with place.store.connection() as connection:
            lines = (await connection.execute(sa.select(table).where(table.c.alias == alias))).mappings().all()
        if lines:
            found[table.name] = [{name: _read(value, key) for name, value in line.items()} for line in lines]
    return found


def _read(value: Any, key: DataKey | None) -> Any:
    """Give a cell with its sealed parts open: documents of JSON are read, whatever the table."""
    if isinstance(value, bytes | str):
        try:
            document = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return base64.b64encode(value).decode() if isinstance(value, bytes) else value
        return open_all(document, key) if isinstance(document, dict | list) else value
    return value


async def _count(place: Place, table: sa.Table, alias: str) -> int:
    async with place.store.connection() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.alias == alias)
        return await connection.scalar(query) or 0


async def _events(service: "Service", person: str) -> list[dict[str, Any]]:
    from fairway_sdk.events import dead_letters

    return await dead_letters.of_person(service, person)


async def _forget_events(service: "Service", alias: str) -> int:
    from fairway_sdk.events import dead_letters

    return sum([await keeper.erase_person(alias) for keeper in dead_letters.keepers(service)])


async def _sessions(service: "Service", person: str, *, end: bool) -> int:
    """Count a person's sessions, or end them, whoever vouched for them at the login."""
    if service.binding.sessions is None:
        return 0
    from fairway_sdk.sessions.store import Sessions

    sessions = Sessions(service)
    await sessions.start()
    ask = sessions.end_all if end else sessions.count
    return sum(
        [await ask(person, issuer) for issuer in {one.issuer for one in service.binding.identity.issuers} | {""}]
    )


# The list of erasures


async def _erasures(service: "Service", places: Iterable[Place], since: float) -> list[Erasure]:
    found: dict[str, float] = {alias: erased async for alias, erased in service.keyring.tombstones(since)}
    for place in places:
        if key_table.erasure.name in place.present:
            async for alias, erased in _noted(place, since):
                found.setdefault(alias, erased)
    return sorted((Erasure(*one) for one in found.items()), key=lambda one: one.erased)


async def _noted(place: Place, since: float) -> AsyncIterator[tuple[str, float]]:
    after = ""
    while True:
        async with place.store.connection() as connection:
            lines = await key_table.tombstones(connection, key_table.erasure, since, after)
        for line in lines:
            yield line.alias, line.erased
        if not lines:
            return
        after = lines[-1].alias


async def _note(service: "Service", places: Iterable[Place], aliases: Iterable[str]) -> None:
    """Note erasures in the service's own stores: their copies are of other times than the keyring's."""
    now = service.clock.now()
    for place in places:
        if key_table.erasure.name in place.present:
            for some in key_table.chunks(aliases):
                async with place.store.connection() as connection:
                    lines = [{"alias": alias, "erased": now} for alias in some]
                    await key_table.add(connection, key_table.erasure, lines)

"""Apply what a store lacks: each revision in a transaction of its own, with locks it waits for only briefly."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final, TextIO

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import FairwayError
from fairway_sdk.stores.migrations.pending import current
from fairway_sdk.stores.migrations.trees import Revision, Tree
from fairway_sdk.stores.migrations.turn import Tell

LOCK_TIMEOUT: Final = 3  # seconds: whoever queues for a table's lock makes all who come later queue behind it
LOCK_TRIES: Final = 40
LOCK_PAUSE: Final = 2.0  # seconds, in which those who came later get through
MYSQL_WAITED: Final = 1205


class MigrationError(FairwayError):
    """A revision could not be applied; what was applied before it stays."""


class Applied(Struct, frozen=True, kw_only=True):
    """A revision that this job applied."""

    store: str
    owner: str
    revision: str
    summary: str
    seconds: float


async def apply(
    connection: AsyncConnection, bound: Store, store: str, trees: Sequence[tuple[Tree, str]], tell: Tell
) -> list[Applied]:
    """Apply what each tree lacks up to a revision, or all of it where none is named; the job's turn must have come."""
    await _patience(connection, bound)
    done: list[Applied] = []
    for tree, to in trees:
        for revision in await connection.run_sync(_missing, tree, to):
            begun = monotonic()
            tell(f"{store}: {tree.owner}: {revision.id}: {revision.summary}")
            await _with_retries(connection, bound, tree, revision, tell)
            seconds = round(monotonic() - begun, 3)
            done.append(
                Applied(store=store, owner=tree.owner, revision=revision.id, summary=revision.summary, seconds=seconds)
            )
    return done


def missing(tree: Tree, at: Sequence[str], to: str) -> tuple[Revision, ...]:
    """Give what lacks up to and with a revision; a `MigrationError` where there is no such one."""
    lacking = tree.pending(at)
    if not to:
        return lacking
    if not any(revision.id == to for revision in tree.revisions):
        ids = ", ".join(revision.id for revision in tree.revisions)
        raise MigrationError(f"{tree.owner}: has no revision '{to}'. It has: {ids}.")
    wanted = {to}
    for revision in reversed(tree.revisions):
        if revision.id in wanted:
            wanted.update(revision.follows)
    return tuple(revision for revision in lacking if revision.id in wanted)


def run(connection: sa.Connection, tree: Tree, last: str, begun: Callable[[], None] | None = None) -> None:
    """Run Alembic from where the store is to a revision; `begun` is called when the first one starts."""
    directory = ScriptDirectory(str(tree.folder.parent), version_locations=[str(tree.folder)])

    def steps(at: Any, _context: object) -> Any:
        if begun is not None:
            begun()
        return directory._upgrade_revs(last, at)  # noqa: SLF001 - so do Alembic's own commands

    with EnvironmentContext(Config(), directory, fn=steps) as environment:
        environment.configure(
            connection=connection,
            version_table=tree.version_table,
            transaction_per_migration=True,
            # SQLite can roll a schema back, with the transactions that our engine begins.
            transactional_ddl=True if connection.dialect.name == "sqlite" else None,
        )
        with environment.begin_transaction():
            environment.run_migrations()


def as_sql(connection: sa.Connection, tree: Tree, to: str, into: TextIO) -> None:
    """Write the statements of what a store lacks, and change nothing."""
    at = current(connection, tree)
    lacking = missing(tree, at, to)
    if not lacking:
        return
    directory = ScriptDirectory(str(tree.folder.parent), version_locations=[str(tree.folder)])
    with EnvironmentContext(
        Config(),
        directory,
        fn=lambda at, _context: directory._upgrade_revs(lacking[-1].id, at),  # noqa: SLF001 - as above
        as_sql=True,
        starting_rev=at or None,
    ) as environment:
        environment.configure(
            dialect_name=connection.dialect.name,
            version_table=tree.version_table,
            transaction_per_migration=True,
            output_buffer=into,
            literal_binds=True,
        )
        with environment.begin_transaction():
            environment.run_migrations()


def _missing(connection: sa.Connection, tree: Tree, to: str) -> tuple[Revision, ...]:
    found = missing(tree, current(connection, tree), to)
    connection.rollback()
    return found


async def _patience(connection: AsyncConnection, bound: Store) -> None:
    settings = {
        "postgresql": f"set lock_timeout = '{LOCK_TIMEOUT}s'; set idle_in_transaction_session_timeout = 0",
        "mysql": f"set lock_wait_timeout = {LOCK_TIMEOUT}, innodb_lock_wait_timeout = {LOCK_TIMEOUT}",
    }
    for statement in settings.get(bound.kind, "").split("; "):
        if statement:
            await connection.execute(sa.text(statement))
    await connection.commit()


async def _with_retries(connection: AsyncConnection, bound: Store, tree: Tree, revision: Revision, tell: Tell) -> None:
    for attempt in range(1, LOCK_TRIES + 1):
        lasting = _Lasting(bound.kind)
        try:
            await connection.run_sync(lasting.watch, tree, revision)
        except DBAPIError as error:
            again = _waited_for_lock(error) and attempt < LOCK_TRIES and not lasting.count
            if not again:
                raise MigrationError(_sentence(bound, revision, error, half=bool(lasting.count))) from error
            await connection.rollback()
            tell(f"{revision.id}: another transaction holds a lock that it needs; it lets others pass and tries again")
            await asyncio.sleep(LOCK_PAUSE)
        else:
            return


class _Lasting:
    """Counts what a revision changed for good before it failed: then it cannot simply be run again."""

    def __init__(self, kind: str) -> None:
        self._event = "after_cursor_execute" if kind == "mysql" else "commit"
        self._listener: Callable[..., None] = self._executed if kind == "mysql" else self._committed
        self.count = 0

    def watch(self, connection: sa.Connection, tree: Tree, revision: Revision) -> None:
        connection.rollback()
        sa.event.listen(connection, self._event, self._listener)
        try:
            run(connection, tree, revision.id, self._begun)
        finally:
            sa.event.remove(connection, self._event, self._listener)

    def _begun(self) -> None:
        self.count = 0

    def _committed(self, _connection: sa.Connection) -> None:
        self.count += 1

    def _executed(self, _connection: sa.Connection, _cursor: object, statement: str, *_further: object) -> None:
        self.count += statement.lstrip().lower().startswith(("alter", "create", "drop", "rename", "truncate"))


def _waited_for_lock(error: DBAPIError) -> bool:
    origin = error.orig
    return getattr(origin, "sqlstate", None) == "55P03" or bool(
        origin and origin.args and origin.args[0] == MYSQL_WAITED
    )


def _sentence(bound: Store, revision: Revision, error: DBAPIError, *, half: bool) -> str:
    if half:
        why = "MySQL commits each change of a schema by itself" if bound.kind == "mysql" else "it committed in between"
        advice = (
            f"A part of it is in the store, since {why}: make its steps repeatable, with if_not_exists and if_exists,"
            " then run this again."
        )
    else:
        advice = "Nothing of it is in the store. Mend it, then run this again."
    return f"{revision.file}: revision '{revision.id}' failed: {error.orig}. {advice}"

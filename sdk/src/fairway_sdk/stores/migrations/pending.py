"""What the schema of a store lacks for this code to run on it."""

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fairway_sdk.stores.migrations.trees import SDK_VERSION, Revision, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence


def current(connection: sa.Connection, tree: Tree) -> tuple[str, ...]:
    """Read at which revisions a store is; none where no revision was ever applied."""
    table = sa.table(tree.version_table, sa.column("version_num", sa.String))
    if not sa.inspect(connection).has_table(tree.version_table):
        return ()
    return tuple(connection.execute(sa.select(table.c.version_num)).scalars())


async def pending(connection: AsyncConnection, trees: "Sequence[Tree]") -> list[Revision]:
    """Give the revisions that a store lacks, in the order in which they would be applied.

    SDK's tables that were made without a revision, as tests may, are taken as they are.
    """
    return await connection.run_sync(_pending, trees)


def _pending(connection: sa.Connection, trees: "Sequence[Tree]") -> list[Revision]:
    lacking: list[Revision] = []
    for tree in trees:
        at = current(connection, tree)
        if not at and tree.version_table == SDK_VERSION and _made_by_hand(connection):
            continue
        lacking += tree.pending(at)
    return lacking


def _made_by_hand(connection: sa.Connection) -> bool:
    from fairway_sdk.stores.schema import all_tables

    return set(all_tables().tables) <= set(sa.inspect(connection).get_table_names())

"""Bring the pantry's schema to what its code needs. It runs before the pantry, as a user that may change the schema."""

import asyncio
import os

import asyncpg  # type: ignore[import-untyped] # has no types

SCHEMA = """
create table if not exists ingredient (name text primary key, pieces integer not null check (pieces >= 0));
insert into ingredient values ('eggs', 24), ('butter', 12), ('flour', 10), ('bread', 12) on conflict do nothing;
"""


async def main() -> None:
    """Do it all, as often as anybody likes."""
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()


asyncio.run(main())

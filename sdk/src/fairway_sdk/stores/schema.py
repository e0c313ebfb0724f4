"""The SDK's own tables in a service's store: one collection, so that one tree of revisions makes them all."""

from importlib import import_module
from typing import Final

from sqlalchemy import MetaData

tables = MetaData()

HOMES: Final = ("fairway_sdk.events.tables", "fairway_sdk.personal.key_table", "fairway_sdk.sagas.table")
"""The modules that add to the collection."""


def all_tables() -> MetaData:
    """Give the collection with every table in it, whatever parts of the SDK are in use."""
    for home in HOMES:
        import_module(home)
    return tables

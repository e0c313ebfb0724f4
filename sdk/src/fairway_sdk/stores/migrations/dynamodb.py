"""Make the tables of DynamoDB that a service declares; several jobs may do so at once."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from botocore.exceptions import ClientError

from fairway_sdk.errors import UnavailableError
from fairway_sdk.stores.dynamodb import DynamoStore
from fairway_sdk.stores.dynamodb_declared import DynamoTable
from fairway_sdk.stores.migrations.turn import Tell

ASKED_EVERY: Final = 1.0  # seconds
ALREADY: Final = frozenset({"ResourceInUseException", "LimitExceededException"})  # another job is at it


async def lacking(store: DynamoStore) -> list[str]:
    """Name what a store lacks: tables, indexes, and the expiry of items."""
    found: list[str] = []
    for table in store.declared:
        there = await _described(store, table)
        if there is None:
            found.append(f"table {store.bound.database}{table.name}")
            continue
        name = there["TableName"]
        found += [f"index {index} of table {name}" for index in _indexes_lacking(table, there)]
        if table.expires and not await _expires(store, name):
            found.append(f"expiry of table {name}")
    return found


async def make(store: DynamoStore, wait: float, tell: Tell) -> list[str]:
    """Make what a store lacks, one thing after the other, and name it; the data that is there stays as it is."""
    done: list[str] = []
    for table in store.declared:
        description = table.description(store.bound.database)
        name: str = description["TableName"]
        if await _described(store, table) is None:
            tell(f"{store.name}: table {name}")
            await _unless_made(store, "create_table", **description)
            done.append(f"table {name}")
        there = await _active(store, table, wait)
        for index in _indexes_lacking(table, there):
            tell(f"{store.name}: index {index} of table {name}")
            found = next(one for one in description["GlobalSecondaryIndexes"] if one["IndexName"] == index)
            await _unless_made(
                store,
                "update_table",
                TableName=name,
                AttributeDefinitions=description["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[{"Create": found}],
            )
            await _active(store, table, wait)
            done.append(f"index {index} of table {name}")
        if table.expires and not await _expires(store, name):
            tell(f"{store.name}: expiry of table {name}")
            specification = {"Enabled": True, "AttributeName": table.expires}
            await store.call("update_time_to_live", TableName=name, TimeToLiveSpecification=specification)
            done.append(f"expiry of table {name}")
    return done


async def _described(store: DynamoStore, table: DynamoTable) -> Mapping[str, Any] | None:
    try:
        answer = await store.call("describe_table", TableName=store.bound.database + table.name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    found: Mapping[str, Any] = answer["Table"]
    return found


async def _active(store: DynamoStore, table: DynamoTable, wait: float) -> Mapping[str, Any]:
    until = monotonic() + wait
    while True:
        there = await _described(store, table)
        if there is not None:
            states = [
                there["TableStatus"],
                *(index["IndexStatus"] for index in there.get("GlobalSecondaryIndexes", ())),
            ]
            if set(states) == {"ACTIVE"}:
                return there
        if monotonic() > until:
            raise UnavailableError(f"{store.name}: table '{table.name}' is not ready after {wait:g} s. Run this again.")
        await asyncio.sleep(ASKED_EVERY)


async def _expires(store: DynamoStore, name: str) -> bool:
    answer = await store.call("describe_time_to_live", TableName=name)
    return answer["TimeToLiveDescription"].get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}


async def _unless_made(store: DynamoStore, operation: str, **parameters: Any) -> None:
    try:
        await store.call(operation, **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ALREADY:
            raise


def _indexes_lacking(table: DynamoTable, there: Mapping[str, Any]) -> list[str]:
    present = {index["IndexName"] for index in there.get("GlobalSecondaryIndexes", ())}
    return [index.name for index in table.indexes if index.name not in present]

"""One table of DynamoDB: how it is declared, and its items as plain dictionaries."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from fairway_sdk.stores.dynamodb_values import Item, read, written

if TYPE_CHECKING:
    from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder

    from fairway_sdk.stores.dynamodb import DynamoStore

Operation = Literal["Put", "Update", "Delete", "ConditionCheck"]


class Write(Struct, frozen=True, kw_only=True):
    """One write, to be made alone or in a transaction with others."""

    operation: Operation
    parameters: dict[str, Any]


class DynamoItems:
    """A table's items; conditions are `boto3.dynamodb.conditions`: `Attr("version").eq(3)`, `Key("reader").eq("7")`."""

    def __init__(self, find: Callable[[], "DynamoStore"], name: str, expires: str) -> None:
        self._find = find
        self._short = name
        self._expires = expires

    @property
    def name(self) -> str:
        """The table's name with the prefix that the deployment puts before it."""
        return self._find().bound.database + self._short

    async def get(self, key: Item, *, consistent: bool = False) -> Item | None:
        """Give an item by its whole key; `consistent` sees every write before, at twice the price."""
        answer = await self._find().call("get_item", TableName=self.name, Key=written(key), ConsistentRead=consistent)
        item = read(answer["Item"]) if "Item" in answer else None
        return item if item is not None and self._lives(item) else None

    async def put(self, item: Item, condition: "ConditionBase | None" = None) -> None:
        """Write a whole item, in place of one with the same key."""
        await self._find().call("put_item", **self.to_put(item, condition).parameters)

    async def update(
        self,
        key: Item,
        *,
        setting: Mapping[str, Any] | None = None,
        adding: Mapping[str, Any] | None = None,
        removing: Iterable[str] = (),
        condition: "ConditionBase | None" = None,
    ) -> Item:
        """Change attributes of an item, which is made where it is not there; gives the item as it is then.

        `adding` adds to a number, and to a set; it is what makes a counter right under many writers.
        """
        write = self.to_update(key, setting=setting, adding=adding, removing=removing, condition=condition)
        answer = await self._find().call("update_item", **write.parameters, ReturnValues="ALL_NEW")
        return read(answer.get("Attributes", {}))

    async def delete(self, key: Item, condition: "ConditionBase | None" = None) -> Item | None:
        """Remove an item; gives what it was, none where there was none."""
        parameters = self.to_delete(key, condition).parameters
        answer = await self._find().call("delete_item", **parameters, ReturnValues="ALL_OLD")
        return read(answer["Attributes"]) if "Attributes" in answer else None

    async def query(  # noqa: PLR0913 - each is an option of its own
        self,
        key: "ConditionBase",
        *,
        index: str = "",
        condition: "ConditionBase | None" = None,
        newest_first: bool = False,
        limit: int | None = None,
        consistent: bool = False,
    ) -> AsyncIterator[Item]:
        """Give the items of one partition in the order of their sort key, page by page as they are taken.

        `condition` leaves items out after they were read and paid for; `limit` counts what is given.
        """
        parameters: dict[str, Any] = {
            "TableName": self.name,
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        builder = _builder()
        _add_condition(parameters, "KeyConditionExpression", key, builder)
        if condition is not None:
            _add_condition(parameters, "FilterExpression", condition, builder)
        elif limit is not None:
            parameters["Limit"] = limit
        if index:
            parameters["IndexName"] = index
        given = 0
        while limit is None or given < limit:
            page = await self._find().call("query", **parameters)
            for item in map(read, page["Items"]):
                if self._lives(item):
                    yield item
                    given += 1
                    if given == limit:
                        return
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def to_put(self, item: Item, condition: "ConditionBase | None" = None) -> Write:
        """Give the write of a whole item, for a transaction."""
        return self._write("Put", {"Item": written(item)}, condition)

    def to_update(
        self,
        key: Item,
        *,
        setting: Mapping[str, Any] | None = None,
        adding: Mapping[str, Any] | None = None,
        removing: Iterable[str] = (),
        condition: "ConditionBase | None" = None,
    ) -> Write:
        """Give the write of an item's attributes, for a transaction."""
        names: dict[str, str] = {}
        values: dict[str, Any] = {}

        def named(attribute: str) -> str:
            names[f"#u{len(names)}"] = attribute
            return f"#u{len(names) - 1}"

        def valued(value: Any) -> str:
            values[f":u{len(values)}"] = value
            return f":u{len(values) - 1}"

        clauses = {
            "set": [f"{named(name)} = {valued(value)}" for name, value in (setting or {}).items()],
            "add": [f"{named(name)} {valued(value)}" for name, value in (adding or {}).items()],
            "remove": [named(name) for name in removing],
        }
        expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)
        parameters: dict[str, Any] = {"Key": written(key)}
        if expression:
            parameters |= {"UpdateExpression": expression, "ExpressionAttributeNames": names}
        if values:
            parameters["ExpressionAttributeValues"] = written(values)
        return self._write("Update", parameters, condition)

    def to_delete(self, key: Item, condition: "ConditionBase | None" = None) -> Write:
        """Give the removal of an item, for a transaction."""
        return self._write("Delete", {"Key": written(key)}, condition)

    def to_check(self, key: Item, condition: "ConditionBase") -> Write:
        """Give a condition on an item that a transaction does not write."""
        return self._write("ConditionCheck", {"Key": written(key)}, condition)

    def _write(self, operation: Operation, parameters: dict[str, Any], condition: "ConditionBase | None") -> Write:
        parameters["TableName"] = self.name
        if condition is not None:
            _add_condition(parameters, "ConditionExpression", condition, _builder())
            parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return Write(operation=operation, parameters=parameters)

    def _lives(self, item: Item) -> bool:
        # DynamoDB removes what has expired within days, not at once.
        until = item.get(self._expires) if self._expires else None
        return until is None or until > self._find().clock.now()


def _add_condition(
    parameters: dict[str, Any], name: str, condition: "ConditionBase", builder: "ConditionExpressionBuilder"
) -> None:
    built = builder.build_expression(condition, is_key_condition=name == "KeyConditionExpression")
    parameters[name] = built.condition_expression
    parameters.setdefault("ExpressionAttributeNames", {}).update(built.attribute_name_placeholders)
    if built.attribute_value_placeholders:
        parameters.setdefault("ExpressionAttributeValues", {}).update(written(built.attribute_value_placeholders))


def _builder() -> "ConditionExpressionBuilder":
    from boto3.dynamodb.conditions import ConditionExpressionBuilder

    return ConditionExpressionBuilder()

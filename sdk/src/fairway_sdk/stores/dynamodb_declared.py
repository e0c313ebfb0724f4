"""The tables of DynamoDB that a service declares: made by `migrate`, asked for by its readiness."""

from typing import Any, Literal

from msgspec import Struct

from fairway_sdk.stores.dynamodb_values import Item, written


class DynamoIndex(Struct, frozen=True, kw_only=True):
    """Another order of a table's items, a moment behind it."""

    name: str
    partition: str
    sort: str = ""


class DynamoTable(Struct, frozen=True, kw_only=True):
    """A table that a service declares: `migrate` makes it, `unready` asks for it."""

    name: str
    partition: str
    sort: str = ""
    numbers: frozenset[str] = frozenset()  # the key attributes that are numbers; the others are text
    indexes: tuple[DynamoIndex, ...] = ()
    expires: str = ""  # the attribute with the second since the epoch after which an item is gone
    store: str = ""

    def description(self, prefix: str) -> dict[str, Any]:
        """Give what DynamoDB is told to make it: paid by the request; backups and encryption are the platform's."""
        keys = [self.partition, self.sort, *(name for index in self.indexes for name in (index.partition, index.sort))]
        description: dict[str, Any] = {
            "TableName": prefix + self.name,
            "KeySchema": _key_schema(self.partition, self.sort),
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": self.type_of(name)} for name in dict.fromkeys(keys) if name
            ],
            "BillingMode": "PAY_PER_REQUEST",
        }
        if self.indexes:
            description["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index.name,
                    "KeySchema": _key_schema(index.partition, index.sort),
                    "Projection": {"ProjectionType": "ALL"},
                }
                for index in self.indexes
            ]
        return description

    def type_of(self, name: str) -> Literal["S", "N"]:
        """Tell the type of a key attribute."""
        return "N" if name in self.numbers else "S"

    def example(self) -> Item:
        """Give a key that no item has: asking for it shows that the table answers."""
        names = [name for name in (self.partition, self.sort) if name]
        return written({name: 0 if name in self.numbers else "fairway-ready" for name in names})


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": sort, "KeyType": "RANGE"}] if sort else schema

"""DynamoDB's stand-in without the rest of moto: what the SDK asks of it is answered as by the whole of it."""

import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from botocore.awsrequest import AWSHTTPConnection
from botocore.config import Config
from botocore.exceptions import ClientError

LIGHT = 45  # MB: the package's own server takes more than 70 with one table
TABLE = {
    "TableName": "views",
    "KeySchema": [{"AttributeName": "book", "KeyType": "HASH"}, {"AttributeName": "day", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "book", "AttributeType": "S"},
        {"AttributeName": "day", "AttributeType": "N"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


class Server:
    """A process, and the socket it listens on."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self.socket = folder / "dynamodb"
        self.socket.touch()  # as a run that was killed leaves something there
        words = [sys.executable, "-m", "fairway.local.dynamodb", str(self.socket)]
        self.process = subprocess.Popen(words, cwd=folder)
        until = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < until
            assert self.process.poll() is None
            time.sleep(0.05)

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        with socket.socket(socket.AF_UNIX) as line:
            return line.connect_ex(str(self.socket)) == 0

    @property
    def memory(self) -> float:
        """Give what it takes, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@pytest.fixture
def server() -> Iterator[Server]:
    """Give one that runs; a socket's path is a short one."""
    with tempfile.TemporaryDirectory(prefix="fw-") as folder:
        running = Server(Path(folder))
        yield running
        running.process.terminate()
        running.process.wait(10)


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - boto3 has no types
    """Give AWS's own client, whose connections go to the socket as a proxy's would."""

    def connect(self: AWSHTTPConnection) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(server.socket))

    monkeypatch.setattr(AWSHTTPConnection, "connect", connect)
    return boto3.resource(
        "dynamodb",
        endpoint_url="http://dynamodb.local",
        region_name="eu-central-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",  # noqa: S106 - nobody looks at it
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5),
    )


def test_only_its_owner_may_connect(server: Server) -> None:
    """Whoever reaches it may do everything: it looks at no signature."""
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600


def test_tables_keep_what_is_written_to_them(client: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """Written, changed under a condition, counted up, looked for by key and by range, and gone."""
    table = client.create_table(**TABLE)
    for day in range(5):
        table.put_item(Item={"book": "a", "day": day, "seen": 0, "who": {"ann", "bob"}})
    assert table.query(KeyConditionExpression=Key("book").eq("a") & Key("day").gt(2))["Count"] == 2
    changed = table.update_item(
        Key={"book": "a", "day": 1},
        UpdateExpression="add seen :one set note = if_not_exists(note, :none)",
        ConditionExpression="seen < :most",
        ExpressionAttributeValues={":one": 1, ":none": "-", ":most": 1},
        ReturnValues="ALL_NEW",
    )
    assert changed["Attributes"] == {"book": "a", "day": 1, "seen": 1, "note": "-", "who": {"ann", "bob"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        table.put_item(Item={"book": "a", "day": 1}, ConditionExpression="attribute_not_exists(book)")
    with table.batch_writer() as batch:
        for day in range(4):
            batch.delete_item(Key={"book": "a", "day": day})
    assert [item["day"] for item in table.scan()["Items"]] == [4]


def test_transactions_happen_whole_or_not_at_all(client: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """One condition that fails stops all of it, and says which."""
    client.create_table(**TABLE)
    put = {"TableName": "views", "Item": {"book": "b", "day": 1}}
    new = {"Put": put | {"ConditionExpression": "attribute_not_exists(book)"}}
    client.meta.client.transact_write_items(TransactItems=[new])
    other = {"Put": put | {"Item": {"book": "c", "day": 1}}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.meta.client.transact_write_items(TransactItems=[other, new])
    assert client.Table("views").scan()["Count"] == 1


def test_tables_are_described_and_expire_as_they_are_told(client: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """Migrations ask for both, and for what is not there."""
    client.create_table(**TABLE)
    asking = client.meta.client
    assert asking.list_tables()["TableNames"] == ["views"]
    assert asking.describe_table(TableName="views")["Table"]["TableStatus"] == "ACTIVE"
    asking.update_time_to_live(TableName="views", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    assert asking.describe_time_to_live(TableName="views")["TimeToLiveDescription"]["AttributeName"] == "expires"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        asking.describe_table(TableName="none")
    with pytest.raises(ClientError, match="ResourceInUseException"):
        client.create_table(**TABLE)


def test_it_takes_little_memory(server: Server, client: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """The first table must not load what it is there to leave out."""
    client.create_table(**TABLE).put_item(Item={"book": "a", "day": 1})
    assert server.memory < LIGHT

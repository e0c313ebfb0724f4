"""DynamoDB as a store: the cloud's own client in a few threads, with plain Python values and our deadlines."""

import asyncio
import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from fairway_sdk.calls.deadline import remaining
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import FairwayError, UnavailableError
from fairway_sdk.lifecycle import Level
from fairway_sdk.stores.conflicts import pause
from fairway_sdk.stores.dynamodb_table import DynamoItems, Write
from fairway_sdk.stores.dynamodb_values import read
from fairway_sdk.stores.metrics import UP, WAIT, forget_connections, tell_connections

if TYPE_CHECKING:
    from fairway_sdk.clock import Clock
    from fairway_sdk.service import Service
    from fairway_sdk.stores.dynamodb_declared import DynamoTable

TRIES: Final = 3  # of one request, by the cloud's own client
TRANSACT_TRIES: Final = 5  # of a transaction that met another on the same items
BUSY: Final = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"})


class ConditionFailedError(FairwayError):
    """A write's condition did not hold, so nothing was written; `item` is what is stored, where it is known."""

    def __init__(self, message: str, item: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.item = item


class DynamoStore:
    """A bound DynamoDB as a part of a service."""

    level = Level.STORES

    def __init__(self, service: "Service", name: str, bound: Store) -> None:
        import boto3  # noqa: F401 - a missing package is told at the start, not at the first request

        self.name = f"store {name}"
        self.bound = bound
        self.clock: Clock = service.clock
        self.declared: list[DynamoTable] = [table for table in service.dynamodb_tables if table.store in {"", name}]
        if "consumers" in service.__dict__:
            self.declared += service.consumers.dynamodb_tables(name)
        self._label = name
        self._service = service
        self._threads = ThreadPoolExecutor(bound.connections, f"dynamodb {name}")
        self._client: Any = None
        self._making = Lock()
        self._active = 0
        self._found = False

    def table(self, name: str) -> DynamoItems:
        """Give the items of a table by its name, without the prefix that the deployment puts before it."""
        declared = next((table for table in self.declared if table.name == name), None)
        return DynamoItems(lambda: self, name, declared.expires if declared else "")

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation of the cloud's client, `scan` for one, in DynamoDB's notation and with full table names.

        Raises `ConditionFailedError`, `UnavailableError`, or the client's own error for what is wrong with the request.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(remaining()):
                answer = await loop.run_in_executor(self._threads, self._send, operation, parameters, perf_counter())
        except TimeoutError as error:
            raise UnavailableError(f"{self.name}: {operation} had no answer by the deadline.") from error
        except BotoCoreError as error:
            raise UnavailableError(f"{self.name}: does not answer {operation}: {error}") from error
        except ClientError as error:
            self._explain(operation, error.response)
            raise
        found: dict[str, Any] = answer
        return found

    async def transact(self, *writes: Write) -> None:
        """Make all writes or none: up to 100, each of another item; again where they met others on the same items."""
        from botocore.exceptions import ClientError

        items = [{write.operation: write.parameters} for write in writes]
        attempt = 1
        while True:
            try:
                await self.call("transact_write_items", TransactItems=items)
            except ClientError as error:
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
                met = "TransactionConflict" in reasons
                if not met or attempt >= TRANSACT_TRIES or not await pause(attempt, self.clock):
                    raise
            else:
                return
            attempt += 1

    async def start(self) -> None:
        """Make the client beside everything else: reading the cloud's description of itself takes a while."""
        tell_connections(self._label, lambda: self._active, lambda: 0)
        asyncio.get_running_loop().run_in_executor(self._threads, self._warm_up)

    async def stop(self) -> None:
        """Let requests in flight end, as long as they have time, and close the connections."""
        forget_connections(self._label)
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    async def unready(self) -> str | None:
        """Ask for the declared tables once, then for an item; while all threads are busy that is no reason."""
        if self._active >= self.bound.connections:
            return None
        up = False
        try:
            reason = await self._asked()
            up = reason is None
        except UnavailableError as error:
            reason = str(error)
        finally:
            UP.labels(self._label).set(up)
        return reason

    async def _asked(self) -> str | None:
        from botocore.exceptions import ClientError

        if not self.declared:
            await self.call("list_tables", Limit=1)
            return None
        if self._found:
            first = self.declared[0]
            await self.call("get_item", TableName=self.bound.database + first.name, Key=first.example())
            return None
        for table in self.declared:
            try:
                answer = await self.call("describe_table", TableName=self.bound.database + table.name)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ResourceNotFoundException":
                    return f"{self.name}: has no table '{self.bound.database}{table.name}'. {MIGRATE}"
                if code == "AccessDeniedException":
                    continue  # it answers, and whether the table is there will be seen
                raise
            if answer["Table"]["TableStatus"] not in {"ACTIVE", "UPDATING"}:
                return f"{self.name}: table '{self.bound.database}{table.name}' is being made"
        self._found = True
        return None

    def _send(self, operation: str, parameters: dict[str, Any], asked: float) -> Any:
        WAIT.labels(self._label).observe(perf_counter() - asked)
        self._active += 1
        try:
            return getattr(self._made(), operation)(**parameters)
        finally:
            self._active -= 1

    def _made(self) -> Any:
        if self._client is None:
            with self._making:
                if self._client is None:
                    self._client = open_client(self.bound, self._service.placement.secrets)
        return self._client

    def _warm_up(self) -> None:
        with contextlib.suppress(Exception):  # the first request raises it again, to somebody who listens
            self._made()

    def _close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _explain(self, operation: str, response: Mapping[str, Any]) -> None:
        code = response.get("Error", {}).get("Code", "")
        if code == "ConditionalCheckFailedException":
            item = read(response["Item"]) if "Item" in response else None
            raise ConditionFailedError(f"{self.name}: the condition of {operation} does not hold.", item) from None
        reasons = response.get("CancellationReasons", ())
        failed = [at for at, reason in enumerate(reasons, 1) if reason.get("Code") == "ConditionalCheckFailed"]
        if failed:
            raise ConditionFailedError(f"{self.name}: the condition of write {failed[0]} does not hold.") from None
        if code in BUSY:
            raise UnavailableError(f"{self.name}: takes no more requests now: {code}.") from None


MIGRATE: Final = "Run `python -m fairway_sdk migrate MODULE:NAME`, which makes it."


def open_client(bound: Store, secrets: Secrets) -> Any:
    """Make the client: of the address that is bound, or of the cloud.

    Without credentials in the binding the cloud's own chain holds: the identity of the workload, where it has one.
    """
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    core = get_session()
    if bound.password_secret:
        from fairway_sdk.stores.dynamodb_credentials import provider

        core.get_component("credential_provider").insert_before("env", provider(bound, secrets))
    region = bound.region or ("us-east-1" if bound.address else None)
    return boto3.Session(botocore_session=core, region_name=region).client(
        "dynamodb",
        endpoint_url=bound.address or None,
        verify=bound.tls_authority or None,
        config=Config(
            connect_timeout=bound.connect_timeout,
            read_timeout=bound.answer_timeout,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            max_pool_connections=bound.connections,
        ),
    )

"""Redis or Valkey as a store: one pool whose users wait for their turn, credentials read at each connection."""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.maint_notifications import MaintNotificationsConfig

from fairway_sdk.calls.deadline import remaining
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import UnavailableError
from fairway_sdk.lifecycle import Level
from fairway_sdk.stores.metrics import UP, WAIT, forget_connections, tell_connections

if TYPE_CHECKING:
    from fairway_sdk.service import Service

PORT = 6379


class RedisUnavailableError(UnavailableError, RedisConnectionError):
    """No connection to the store came up, or none came free, in time."""


class RedisStore:
    """A bound Redis or Valkey as a part of a service; `client` speaks to it, in bytes.

    A command is sent once: whether it may be sent again is known to its caller only.
    """

    level = Level.STORES

    def __init__(self, service: "Service", name: str, bound: Store) -> None:
        self.name = f"store {name}"
        self._label = name
        self._pool = open_pool(name, bound, service.placement.secrets)
        self.client: Redis = Redis(connection_pool=self._pool)
        self._told: str | None = None

    async def start(self) -> None:
        """Open nothing yet: the pool connects when it is first asked."""
        tell_connections(self._label, lambda: len(self._pool.taken), lambda: len(self._pool.free))

    async def stop(self) -> None:
        """Close every connection."""
        forget_connections(self._label)
        await self._pool.disconnect()

    async def unready(self) -> str | None:
        """Ask the store; while all connections are in use the last word holds, since asking would wait its turn."""
        if len(self._pool.taken) >= self._pool.max_connections:
            return self._told
        self._told = f"{self.name}: gave no answer"
        try:
            await self.client.ping()
            self._told = None
        except RedisError as error:
            self._told = str(error)
        finally:
            UP.labels(self._label).set(self._told is None)
        return self._told


def open_pool(name: str, bound: Store, secrets: Secrets) -> "MeasuredPool":
    """Make the pool of a store; user and password are read at each connection, so a rotation needs no restart."""
    arguments: dict[str, Any] = {
        "db": int(bound.database or 0),
        "socket_connect_timeout": bound.connect_timeout,
        "socket_timeout": bound.answer_timeout,
        "retry": Retry(NoBackoff(), 0),
        # Only Redis Enterprise tells of its maintenance; asking costs each connection a refused command.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if bound.user or bound.user_secret or bound.password_secret:
        arguments["credential_provider"] = FileCredentials(bound, secrets)
    kind: type[AbstractConnection] = Connection
    if bound.address.startswith("unix:"):
        kind = UnixDomainSocketConnection
        arguments["path"] = bound.address.removeprefix("unix:")
    else:
        host, _, port = bound.address.rpartition(":")
        arguments |= {"host": host or bound.address, "port": int(port) if host else PORT}
        if bound.tls:
            kind = SSLConnection
            arguments["ssl_ca_certs"] = bound.tls_authority or None
    return MeasuredPool(
        name, max_connections=bound.connections, timeout=bound.connect_timeout, connection_class=kind, **arguments
    )


class FileCredentials(CredentialProvider):
    """User and password as the secrets' files say now."""

    def __init__(self, bound: Store, secrets: Secrets) -> None:
        self._bound = bound
        self._secrets = secrets

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Give the password, with the user before it where there is one."""
        bound = self._bound
        user = self._secrets.text(bound.user_secret) if bound.user_secret else bound.user
        password = self._secrets.text(bound.password_secret) if bound.password_secret else ""
        return (user, password) if user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Give the same; reading a small file is quicker than handing it to a thread."""
        return self.get_credentials()


class MeasuredPool(BlockingConnectionPool):
    """A pool whose users wait for a connection, as long as they may, and are told in a sentence when none came."""

    def __init__(self, store: str, **options: Any) -> None:
        super().__init__(**options)
        self._store = store
        self._waits = WAIT.labels(store)

    @property
    def taken(self) -> set[AbstractConnection]:
        """The connections in use."""
        found: set[AbstractConnection] = self._in_use_connections
        return found

    @property
    def free(self) -> list[AbstractConnection]:
        """The open connections that wait for work."""
        found: list[AbstractConnection] = self._available_connections
        return found

    async def get_connection(self, *_ignored: Any, **_options: Any) -> AbstractConnection:
        """Give a connection that answers."""
        begun = perf_counter()
        try:
            async with asyncio.timeout(remaining()):
                connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]  # theirs
                return connection
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisUnavailableError(f"store '{self._store}': {self._why(error, perf_counter() - begun)}") from error
        finally:
            self._waits.observe(perf_counter() - begun)

    def _why(self, error: Exception, waited: float) -> str:
        if isinstance(error, TimeoutError) or str(error) == "No connection available.":
            return f"all {self.max_connections} connections are in use, and none came free within {waited:.1f} s."
        if isinstance(error.__cause__, AuthenticationError):  # the driver wraps what stops a connection
            return f"does not let us in: {error}"
        return f"does not answer: {error}"

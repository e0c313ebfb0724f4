"""Cassandra as a store: the driver's threads behind an asyncio face, connected beside everything else."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from cassandra import ConsistencyLevel, DriverException, OperationTimedOut, RequestExecutionException
from cassandra.auth import AuthProvider, PlainTextAuthenticator
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, ResponseFuture, Session
from cassandra.policies import DCAwareRoundRobinPolicy, RoundRobinPolicy, TokenAwarePolicy
from cassandra.query import PreparedStatement, SimpleStatement

from fairway_sdk.calls.deadline import remaining
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import UnavailableError
from fairway_sdk.lifecycle import Background, Level
from fairway_sdk.stores.metrics import UP, WAIT, forget_connections

if TYPE_CHECKING:
    from fairway_sdk.service import Service

PORT: Final = 9042
FIRST_PAUSE: Final = 0.5  # seconds between attempts to connect at the start; later the driver reconnects by itself
LONGEST_PAUSE: Final = 10.0


class CassandraStore:
    """A bound keyspace as a part of a service; statements run at LOCAL_QUORUM."""

    level = Level.STORES

    def __init__(self, service: "Service", name: str, bound: Store) -> None:
        self.name = f"store {name}"
        self.bound = bound
        self._label = name
        self._secrets = service.placement.secrets
        self._session: Session | None = None
        self._prepared: dict[str, PreparedStatement] = {}
        self._reason = "no attempt to connect has ended yet"
        self._connecting = Background()
        self._ending = False

    @property
    def session(self) -> Session:
        """The driver's own session, for what is missing here: its calls block. `UnavailableError` until it connects."""
        if self._session is None:
            raise UnavailableError(f"{self.name}: is not connected: {self._reason}")
        return self._session

    async def execute(self, statement: str, parameters: Sequence[Any] = (), *, idempotent: bool = False) -> list[Any]:
        """Run a statement and give all its rows as named tuples; with parameters, for `?`, it is prepared once.

        An idempotent statement may be sent to another node when the first one is silent.
        """
        return [row async for row in self.rows(statement, parameters, idempotent=idempotent)]

    async def rows(
        self, statement: str, parameters: Sequence[Any] = (), *, idempotent: bool = False, page: int = 1000
    ) -> AsyncIterator[Any]:
        """Run a statement and give its rows, so many at a time from the server."""
        session = self.session
        try:
            if parameters:
                query: Any = (await self._prepare(statement)).bind(parameters)
            else:
                query = SimpleStatement(statement)
            query.is_idempotent, query.fetch_size = idempotent, page
            left = remaining()
            timeout = self.bound.answer_timeout if left is None else min(left, self.bound.answer_timeout)
            response: ResponseFuture = session.execute_async(query, timeout=timeout)
            while True:
                for row in await answered(response) or ():
                    yield row
                if not response.has_more_pages:
                    return
                response.start_fetching_next_page()
        except (NoHostAvailable, OperationTimedOut, RequestExecutionException) as error:
            raise UnavailableError(f"{self.name}: does not answer: {error}") from error

    async def start(self) -> None:
        """Begin to connect; a cluster that is away makes the service unready, and is tried again."""
        self._ending = False
        self._connecting.start(self._connect(), self.name)

    async def stop(self) -> None:
        """Close the session and the driver's threads."""
        self._ending = True
        await self._connecting.stop()
        forget_connections(self._label)
        session, self._session = self._session, None
        if session is not None:
            await asyncio.to_thread(session.cluster.shutdown)

    async def unready(self) -> str | None:
        """Ask the nearest node who it is."""
        up = False
        try:
            await self.execute("select key from system.local", idempotent=True)
            up = True
        except UnavailableError as error:
            return str(error)
        finally:
            UP.labels(self._label).set(up)
        return None

    async def _prepare(self, statement: str) -> PreparedStatement:
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = await asyncio.to_thread(self.session.prepare, statement)
        return found

    async def _connect(self) -> None:
        wait = FIRST_PAUSE
        while True:
            begun = perf_counter()
            try:
                self._session = await asyncio.to_thread(self._open)
            except (DriverException, NoHostAvailable, OSError) as error:
                self._reason = str(error)
            else:
                WAIT.labels(self._label).observe(perf_counter() - begun)
                return
            await asyncio.sleep(wait)
            wait = min(LONGEST_PAUSE, wait * 2)

    def _open(self) -> Session:
        cluster = open_cluster(self.bound, self._secrets)
        try:
            session = cluster.connect(self.bound.database or None)
        except BaseException:
            cluster.shutdown()
            raise
        if self._ending:  # nobody waits for this thread any more
            cluster.shutdown()
        return session


def open_cluster(bound: Store, secrets: Secrets) -> Cluster:
    """Describe the cluster to the driver: several addresses are parted by commas, the region is its data centre."""
    nodes = [node.strip().rpartition(":") for node in bound.address.split(",")]
    nearest = DCAwareRoundRobinPolicy(bound.region) if bound.region else RoundRobinPolicy()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(nearest),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=bound.answer_timeout,
    )
    context = ssl.create_default_context(cafile=bound.tls_authority or None) if bound.tls else None
    return Cluster(
        [(host, int(port)) if host else (port, PORT) for host, _, port in nodes],
        auth_provider=FileCredentials(bound, secrets) if bound.password_secret else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        ssl_context=context,
        ssl_options={"server_hostname": nodes[0][0] or nodes[0][2]} if context else None,
        connect_timeout=bound.connect_timeout,
        control_connection_timeout=bound.connect_timeout,
    )


class FileCredentials(AuthProvider):  # type: ignore[misc]  # the driver has no types
    """User and password as the secrets' files say at each connection."""

    def __init__(self, bound: Store, secrets: Secrets) -> None:
        self._bound = bound
        self._secrets = secrets

    def new_authenticator(self, host: str) -> PlainTextAuthenticator:  # noqa: ARG002 - the driver's signature
        """Give what answers one node's challenge."""
        bound = self._bound
        user = self._secrets.text(bound.user_secret) if bound.user_secret else bound.user
        return PlainTextAuthenticator(user, self._secrets.text(bound.password_secret))


def answered(response: ResponseFuture) -> "asyncio.Future[Any]":
    """Give a future of asyncio for one of the driver's, which are settled in its own thread."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return  # whoever waited has gone
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def settle_soon(result: Any, error: BaseException | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    response.add_callbacks(lambda rows: settle_soon(rows, None), lambda error: settle_soon(None, error))
    return future

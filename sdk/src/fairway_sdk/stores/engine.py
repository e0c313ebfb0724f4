"""The engine under a SQL store: how it connects, signs in, waits its turn, and notices what has died."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from time import monotonic, perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from fairway_sdk.calls.deadline import remaining
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.contract.binding import Store
from fairway_sdk.errors import SetupError, UnavailableError
from fairway_sdk.stores.metrics import WAIT

DRIVERS = {"postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy", "sqlite": "sqlite+aiosqlite"}
PORTS = {"postgresql": 5432, "mysql": 3306}
IDLE = 1.0  # seconds: a connection that rested longer is tried before it is given out
NEEDED = 30.0  # seconds: a connection is closed when for so long fewer were in use at once
RECYCLED = 1800.0  # seconds: then a connection is made anew, which also balances replicas over servers
SQLITE_WAITS = 30.0  # seconds for other writers


def open_engine(bound: Store, secrets: Secrets, name: str = "", application: str = "") -> AsyncEngine:
    """Make the engine of a SQL store; user and password are read at each connection, so a rotation needs no restart.

    Both servers run at READ COMMITTED, in UTC, with a limit on each statement; `application` is what an operator sees
    beside its connections. SQLite takes the one lock it has at each transaction's beginning, as if all rows it reads
    were locked: slow for many writers, and never wrong.
    """
    if bound.kind == "sqlite":
        if bound.database in {"", ":memory:"}:
            raise SetupError(f"store '{name}': SQLite needs the path of a file as its database. Give one.")
        arguments: dict[str, Any] = {"timeout": SQLITE_WAITS}
        url = sa.URL.create(DRIVERS[bound.kind], database=bound.database)
    else:
        url, arguments = _reached(bound)
        arguments |= _limits(bound, application)
        if bound.tls:
            arguments["ssl"] = ssl.create_default_context(cafile=bound.tls_authority or None)
        elif bound.kind == "postgresql":
            arguments["ssl"] = False
    engine = create_async_engine(
        url,
        connect_args=arguments,
        poolclass=measured_pool(name, bound.connect_timeout),
        pool_size=bound.connections,
        max_overflow=0,  # the bound is a promise to the database, which many replicas share
        pool_recycle=RECYCLED,
        pool_use_lifo=True,  # what rested least is surest to live
        hide_parameters=True,  # an error's text goes to logs and dead letters, and parameters are of persons
        **({"isolation_level": "READ COMMITTED"} if bound.kind == "mysql" else {}),
    )
    if bound.kind == "sqlite":
        sa.event.listen(engine.sync_engine, "do_connect", _make_sqlite_private(bound.database))
        sa.event.listen(engine.sync_engine, "connect", _let_sqlite_write_beside_readers)
        sa.event.listen(engine.sync_engine, "begin", _lock_sqlite)
    else:
        _sign_in(engine, bound, secrets, name)
        _try_rested(engine)
        _explain_breaks(engine, name)
    if bound.kind == "mysql":
        _limit_mysql(engine, bound)
    return engine


def measured_pool(name: str, patience: float) -> type[AsyncAdaptedQueuePool]:
    """Give the class of a pool that tells how long its users wait, lets none wait past its deadline, and says why.

    It keeps as many connections as were lately in use at once, since each takes a megabyte or two of the server.
    """
    waits = WAIT.labels(name)

    class MeasuredPool(AsyncAdaptedQueuePool):
        _at_once = _at_once_before = 0  # since this time, and in the time before it
        _since = 0.0

        def _do_get(self) -> ConnectionPoolEntry:
            left = remaining()
            self._timeout = patience if left is None else min(patience, left)
            begun = perf_counter()
            try:
                record = super()._do_get()
            except PoolTimeoutError:
                raise UnavailableError(
                    f"store '{name}': all {self.size()} connections are in use, and none came free within"
                    f" {perf_counter() - begun:.1f} s. Shorten its transactions, or bind more connections."
                ) from None
            finally:
                waits.observe(perf_counter() - begun)
            self._at_once = max(self._at_once, self.checkedout())
            return record

        def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
            now = monotonic()
            if now - self._since > NEEDED:
                self._since = now
                self._at_once, self._at_once_before = self.checkedout(), self._at_once
            if self.checkedout() + self.checkedin() <= max(self._at_once, self._at_once_before):
                super()._do_return_conn(record)
                return
            try:
                record.close()
            finally:
                self._dec_overflow()

    return MeasuredPool


def _reached(bound: Store) -> tuple[sa.URL, dict[str, Any]]:
    url = sa.URL.create(DRIVERS[bound.kind], database=bound.database or None)
    if not bound.address.startswith("unix:"):
        host, _, port = bound.address.rpartition(":")
        return url.set(host=host or bound.address, port=int(port) if host else PORTS[bound.kind]), {}
    path = bound.address.removeprefix("unix:")
    if bound.kind == "mysql":
        return url, {"unix_socket": path}
    # PostgreSQL names its socket after the port: the driver wants the folder and the number.
    file = PurePosixPath(path)
    port = file.name.rpartition(".")[2]
    return url, {"host": str(file.parent), "port": int(port) if port.isdigit() else PORTS["postgresql"]}


def _limits(bound: Store, application: str) -> dict[str, Any]:
    # The driver gives up a second after the server should have: then the server is gone, not slow.
    if bound.kind == "mysql":
        return {
            "charset": "utf8mb4",
            "connect_timeout": bound.connect_timeout,
            "read_timeout": bound.answer_timeout + 1,
            "program_name": application,
        }
    milliseconds = str(int(bound.answer_timeout * 1000))
    return {
        "timeout": bound.connect_timeout,
        "command_timeout": bound.answer_timeout + 1,
        # After a failover the old primary may still answer, and refuse writes; a copy does so until it is promoted.
        "target_session_attrs": "any" if bound.follows else "read-write",
        "server_settings": {
            "application_name": application[:63],
            "timezone": "UTC",
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,  # a replica that hangs must not keep its locks
            "jit": "off",  # short statements pay for it and gain nothing
        },
    }


def _sign_in(engine: AsyncEngine, bound: Store, secrets: Secrets, name: str) -> None:
    def connect(dialect: sa.Dialect, _record: object, arguments: Any, given: dict[str, Any]) -> Any:
        user = secrets.text(bound.user_secret) if bound.user_secret else bound.user
        if user:
            given["user"] = user
        if bound.password_secret:
            given["password"] = secrets.text(bound.password_secret)
        try:
            return dialect.connect(*arguments, **given)
        except (OSError, TimeoutError, dialect.loaded_dbapi.Error) as error:
            reason = str(error) or f"no connection within {bound.connect_timeout:g} s"
            raise UnavailableError(f"store '{name}': does not let us in: {reason}") from error

    sa.event.listen(engine.sync_engine, "do_connect", connect)


def _try_rested(engine: AsyncEngine) -> None:
    """Try a connection before use only where it rested a while or is known to be closed.

    The pool's own way tries each time, which is three round trips more with PostgreSQL's driver.
    """
    dialect = engine.sync_engine.dialect

    def try_connection(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        returned = record.info.get("returned")
        if returned is None:
            return
        driver = connection.driver_connection
        closed = driver.is_closed() if hasattr(driver, "is_closed") else not driver.connected
        if not closed and monotonic() - returned > IDLE:
            try:
                closed = not dialect.do_ping(connection)
            except (OSError, dialect.loaded_dbapi.Error):
                closed = True
        if closed:
            raise InvalidatePoolError

    def note_return(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["returned"] = monotonic()

    sa.event.listen(engine.sync_engine, "checkout", try_connection)
    sa.event.listen(engine.sync_engine, "checkin", note_return)


def _explain_breaks(engine: AsyncEngine, name: str) -> None:
    """Tell of a broken connection as of a store that is not there now, and of a silent one as of a broken one."""

    def explain(context: sa.ExceptionContext) -> UnavailableError | None:
        if not isinstance(context.original_exception, Exception):
            return None  # a cancellation breaks the connection, and stays a cancellation
        if isinstance(context.original_exception, TimeoutError):
            context.is_disconnect = True
            return UnavailableError(f"store '{name}': gave no answer in the middle of a transaction.")
        if context.is_disconnect:
            reason = context.original_exception
            return UnavailableError(f"store '{name}': broke the connection within a transaction: {reason}.")
        return None

    sa.event.listen(engine.sync_engine, "handle_error", explain)


def _limit_mysql(engine: AsyncEngine, bound: Store) -> None:
    def limit(connection: Any, _record: object) -> None:
        seconds = max(1, int(bound.answer_timeout))
        cursor = connection.cursor()
        # UTC: in another zone an hour comes twice a year, and the store's clock would go back.
        cursor.execute(f"set time_zone = '+00:00', innodb_lock_wait_timeout = {seconds}, wait_timeout = 28800")
        if "mariadb" in str(connection.driver_connection.get_server_info()).lower():
            cursor.execute(f"set max_statement_time = {bound.answer_timeout}")
        else:
            cursor.execute(f"set max_execution_time = {int(bound.answer_timeout * 1000)}")  # it limits reading only
        cursor.close()

    sa.event.listen(engine.sync_engine, "connect", limit)


def _make_sqlite_private(database: str) -> Callable[..., None]:
    """Make the file before SQLite does: for this user alone, as are the files that SQLite adds beside it."""

    def make(*_given: object) -> None:
        with suppress(OSError):  # a folder that is not there is SQLite's to tell
            Path(database).touch(mode=0o600)

    return make


def _let_sqlite_write_beside_readers(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself: see below
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode=wal")
    cursor.execute("pragma synchronous=normal")
    cursor.execute("pragma foreign_keys=on")
    cursor.close()


def _lock_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("begin immediate")

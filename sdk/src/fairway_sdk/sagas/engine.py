"""The sagas of a service, as its author sees them: registered, started once for each id, awaited if one likes."""

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import json
from msgspec.structs import replace
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from fairway_sdk.errors import UnavailableError
from fairway_sdk.identity.caller import caller
from fairway_sdk.sagas import metrics
from fairway_sdk.sagas.course import Kept
from fairway_sdk.sagas.definition import Definition, Saga
from fairway_sdk.sagas.errors import DefinitionError, StartError
from fairway_sdk.sagas.handle import Run
from fairway_sdk.sagas.orchestrator import Orchestrator
from fairway_sdk.sagas.table import LONGEST_ID
from fairway_sdk.sagas.values import UnreadableError, Values
from fairway_sdk.stores.transaction import TransactionSession
from fairway_sdk.telemetry.traces import span, traceparent

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from fairway_sdk.service import Service
    from fairway_sdk.stores.transaction import Transaction

K = TypeVar("K", bound=type[Saga[Any]])
I = TypeVar("I")  # noqa: E741 - the input's type

ID: Final = re.compile(rf"[!-~]{{1,{LONGEST_ID}}}")
_STARTED: Final = "fairway_sagas_started"


class Sagas:
    """The sagas that a service orchestrates; `service.sagas`."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._definitions: dict[str, Definition] = {}
        self._values = Values(service)
        self.part = Orchestrator(service, self._definitions, self._values)

    def register(self, kind: K) -> K:
        """Let this service run a saga; use it as a decorator of the class."""
        definition = getattr(kind, "definition", None)
        if definition is None:
            raise DefinitionError(
                f"{kind.__qualname__}: is a parent of sagas: its input is open. Register its children."
            )
        known = self._definitions.get(definition.name)
        if known is not None and known is not definition:
            raise DefinitionError(
                f"{kind.__qualname__}: a saga of service '{self._service.name}' is named '{definition.name}' already,"
                f" {type(known.saga).__qualname__}. Set `name` to another one."
            )
        self._definitions[definition.name] = definition
        return kind

    async def start(
        self,
        kind: type[Saga[I]],
        value: I,
        *,
        id: object,  # noqa: A002 - the word that says it; nothing here asks for the builtin
        tx: "Transaction | None" = None,
    ) -> Run:
        """Start a saga unless this id was started before: the same id is the same saga, and is joined.

        The id is text without blanks or a UUID, 150 characters at most, unique among all sagas of the service; keys of
        steps begin with it. With `tx` the saga exists if, and only if, that transaction commits, and runs after it.
        `StartError` where the id is another saga's, or its input was another; `UnavailableError` where the store does
        not answer: then start it again with the same id, since it may have been written.
        """
        definition = self._known(kind)
        identity = str(id)
        if not ID.fullmatch(identity):
            raise StartError(
                f"saga '{definition.name}': the id {identity[:40]!r} does not fit. Give 1 to {LONGEST_ID} ASCII"
                " characters without blanks: it travels in headers."
            )
        document = await self._values.keep_input(definition, value)
        with span(f"{definition.name} start", attributes={"fairway.saga.id": identity}):
            kept = Kept(
                id=identity,
                saga=definition.name,
                step=next(iter(definition.steps)),
                document=document.text,
                person=document.person,
                tenant=caller.get().tenant,
                trace=traceparent(),
                created=self._service.clock.now(),
            )
            if tx is None:
                started = await self._start(kept, document.alias)
            else:
                started = await self._start_in(tx, kept, document.alias)
        if started:
            metrics.STARTED.labels(definition.name).inc()
        else:
            await self._join(definition, kept, value, tx)
        return Run(self.part, self._values, definition, identity)

    async def find(self, kind: type[Saga[Any]], id: object) -> Run | None:  # noqa: A002 - as above
        """Give the run of a saga that was started before; none for an unknown id."""
        definition = self._known(kind)
        kept = await self.part.log.read(str(id))
        if kept is None or kept.saga != definition.name:
            return None
        return Run(self.part, self._values, definition, kept.id)

    async def _start(self, kept: Kept, alias: str) -> bool:
        holder = self.part.holder
        with self.part.place() as free:
            asked = holder.time()
            if free:
                kept = replace(kept, owner=holder.owner)
            try:
                started = await holder.log.insert(kept, alias, holder.settings.lease if free else 0.0)
            except (SQLAlchemyError, OSError) as error:
                raise UnavailableError(f"saga '{kept.saga}': its store does not answer.") from error
        if started and free:
            self.part.run(kept, asked)
        elif started:
            self.part.look()
        return started

    async def _start_in(self, tx: "Transaction", kept: Kept, alias: str) -> bool:
        log = self.part.holder.log
        if tx.info["store"] is not log.store:
            raise StartError(
                f"saga '{kept.saga}': the transaction is of another store than the log of sagas, {log.store.name}."
                " Take a transaction of that one, or start the saga without."
            )
        started = await log.insert_in(await tx.connection(), kept, alias)
        if started:
            tx.sync_session.info[_STARTED] = self.part
        return started

    async def _join(self, definition: Definition, kept: Kept, value: Any, tx: "Transaction | None") -> None:
        connection = None if tx is None else await tx.connection()
        found = await self.part.log.read(kept.id, connection)
        if found is None:  # it was forgotten, or its transaction rolled back, a moment ago
            raise UnavailableError(f"saga '{definition.name}': the id '{kept.id}' was taken a moment ago. Try again.")
        if found.saga != definition.name:
            raise StartError(
                f"saga '{definition.name}': the id '{kept.id}' belongs to saga '{found.saga}'. Give each saga its own"
                f" ids, such as '{definition.name}-{kept.id}'."
            )
        if found.tenant and kept.tenant and found.tenant != kept.tenant:
            raise StartError(
                f"saga '{definition.name}': the id '{kept.id}' was started for another tenant. Give each tenant its own"
                " ids."
            )
        try:
            before = await self._values.read_input(definition, found)
        except UnreadableError:  # of a person who was erased, or of older code: the id alone decides
            return
        if before != json.decode(json.encode(value), type=definition.input):
            raise StartError(
                f"saga '{definition.name}': the id '{kept.id}' was started with another input. The same id is the same"
                " saga: give another id, or the same input."
            )

    def _known(self, kind: type[Saga[Any]]) -> Definition:
        definition: Definition | None = getattr(kind, "definition", None)
        if definition is None or definition is not self._definitions.get(definition.name):
            raise StartError(
                f"{kind.__qualname__}: is no saga of service '{self._service.name}'. Decorate it with @service.saga."
            )
        return definition


@event.listens_for(TransactionSession, "after_commit")
def _look(session: "Session") -> None:
    """Run what a transaction started, once it is committed."""
    if not session.in_nested_transaction() and _STARTED in session.info:
        session.info.pop(_STARTED).look()

"""Sessions in the bound Redis or Valkey; nothing of them stays in the process, so any replica serves any request."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from fairway_sdk.contract import binding
from fairway_sdk.errors import SetupError, UnavailableError
from fairway_sdk.identity.caller import Caller
from fairway_sdk.lifecycle import Level
from fairway_sdk.sessions import scripts
from fairway_sdk.sessions.metrics import SESSIONS
from fairway_sdk.sessions.sealing import SessionId
from fairway_sdk.sessions.session import OWNER, Kept, Owner, Session

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

    from fairway_sdk.service import Service


log = structlog.get_logger("fairway")


class Sessions:
    """The part that loads, keeps and ends sessions: one round trip to load, one to save, none where nothing changed.

    Each value is a field of its own, so requests at once lose nothing to one another unless they change the same value.
    """

    name = "sessions"
    level = Level.CALLS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._scripts: dict[str, AsyncScript] = {}
        self._prefix = ""

    @property
    def bound(self) -> binding.Sessions:
        """The limits that the binding sets; a `SetupError` where it knows no sessions."""
        bound = self._service.binding.sessions
        if bound is None:
            raise SetupError(
                f"service '{self._service.name}': is bound to no store for sessions. Say 'sessions' in its facts."
            )
        return bound

    @property
    def secure(self) -> bool:
        """Tell whether the browser may send the cookie over HTTPS only: everywhere but on the developer's machine."""
        return self._service.binding.environment != "local"

    @property
    def cookie(self) -> str:
        """The cookie's name: bound to this host where it is secure, and another for each service of the host."""
        return f"{'__Host-' if self.secure else ''}session-{self._service.name}"

    async def start(self) -> None:
        """Take the client of the bound store; a `SetupError` where that is no Redis or Valkey."""
        client, bound = self._service.stores.redis(self.bound.store), self._service.binding
        self._prefix = f"fairway:{bound.system}:{bound.service}:"
        names = ("LOAD", "CHANGE", "BEGIN", "END", "END_ALL")
        self._scripts = {name: client.register_script(getattr(scripts, name)) for name in names}

    async def stop(self) -> None:
        """Let go of nothing: the store's part closes its client."""

    async def unready(self) -> str | None:
        """Be ready always: without the store only those routes fail that use a session."""
        return None

    async def load(self, cookie: str | None, caller: Caller) -> Session:
        """Give the session of a cookie's value, or a new one: where it has ended, or is another person's or tenant's.

        A value that the store does not know is never taken on as an id.
        """
        fresh = Session(self, Owner(tenant=caller.tenant))
        found = SessionId.parse(cookie) if cookie else None
        if found is None:
            return fresh
        fields = scripts.parts(await self._run("LOAD", [self._key(found)], self._limits()))
        stored = dict(zip(fields[::2], fields[1::2], strict=True))
        sealed = found.open(OWNER, stored.pop(OWNER.encode(), b""))
        if sealed is None:
            return fresh
        owner = msgspec.json.decode(sealed, type=Owner)
        if not _agree(owner, caller):
            return fresh
        created = stored.pop(b"~created").decode()
        values = {}
        for field, sealed in stored.items():
            name = field.decode()
            if not name.startswith("~"):
                value = found.open(name, sealed)
                if value is None:
                    log.error("session value that was not sealed for its session passed over", field=name)
                else:
                    values[name] = value
        return Session(self, owner, Kept(id=found, owner=owner, created=created), values)

    async def begin(
        self, owner: Owner, values: Mapping[str, bytes], replaced: Kept | None, *, login: bool
    ) -> Kept | None:
        """Keep a session under a new id, in place of another; none where that one has ended meanwhile.

        With a login its time begins anew, and it need not be there any more.
        """
        new = SessionId.new()
        key = self._key(new)
        keys = [key, self._key(replaced.id) if replaced else key, self._index(owner) if owner.person else key]
        created = replaced.created if replaced and not login else ""
        names = [new.name, replaced.id.name if replaced else ""]
        fields = {OWNER: msgspec.json.encode(owner), **values}
        pairs = [part for name, value in fields.items() for part in (name, new.seal(name, value))]
        arguments = [*self._limits(), created, "0" if login or replaced is None else "1", *names, *pairs]
        written = await self._run("BEGIN", keys, arguments)
        if not written:
            return None
        SESSIONS.labels("rotated" if replaced else "begun").inc()
        return Kept(id=new, owner=owner, created=written.decode())

    async def change(self, found: SessionId, values: Mapping[str, bytes], removed: Sequence[str]) -> bool:
        """Write and remove values; false where the session has ended meanwhile."""
        pairs = [part for name, value in values.items() for part in (name, found.seal(name, value))]
        return bool(await self._run("CHANGE", [self._key(found)], [len(removed), *removed, *pairs]))

    async def end(self, kept: Kept) -> None:
        """End a session."""
        key = self._key(kept.id)
        index = self._index(kept.owner) if kept.owner.person else key
        if await self._run("END", [key, index], [kept.id.name]):
            SESSIONS.labels("ended").inc()

    async def count(self, person: str, issuer: str) -> int:
        """Count the sessions of a person that may still be alive: for an export of what is kept about them."""
        client = self._service.stores.redis(self.bound.store)
        index = self._index(Owner(person=person, issuer=issuer))
        return int(await client.zcount(index, self._service.clock.now(), "+inf"))

    async def end_all(self, person: str, issuer: str) -> int:
        """End all sessions of a person, on all devices, and tell how many: for a lost device, or an erasure."""
        index = self._index(Owner(person=person, issuer=issuer))
        ended: int = await self._run("END_ALL", [index], [f"{self._prefix}session:"])
        if ended:
            SESSIONS.labels("ended").inc(ended)
        return ended

    def _key(self, found: SessionId) -> str:
        return f"{self._prefix}session:{found.name}"

    def _index(self, owner: Owner) -> str:
        """Name the list of a person's sessions by an alias, so that keys tell nobody who is here."""
        named = msgspec.json.encode((owner.issuer, owner.person))
        return f"{self._prefix}person:{blake2b(named, digest_size=32, person=b'session person').hexdigest()}"

    def _limits(self) -> list[float]:
        bound = self.bound
        return [self._service.clock.ahead, bound.idle, bound.absolute]

    async def _run(self, name: str, keys: list[str], arguments: Sequence[str | bytes | float]) -> Any:
        from redis.exceptions import RedisError

        try:
            return await self._scripts[name](keys=keys, args=arguments)
        except UnavailableError:
            raise
        except (RedisError, OSError) as error:
            raise UnavailableError(f"sessions: the store does not answer: {type(error).__name__}") from error


def _agree(owner: Owner, caller: Caller) -> bool:
    """Tell whether a session may be the caller's: not where it is another person's or tenant's."""
    same_person = (owner.person, owner.issuer) == (caller.person, caller.issuer)
    same_tenant = owner.tenant == caller.tenant
    return (same_person or not owner.person or not caller.person) and (
        same_tenant or not owner.tenant or not caller.tenant
    )

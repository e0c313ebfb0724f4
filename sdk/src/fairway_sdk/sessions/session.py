"""One session while a request uses it: small named values, and who it belongs to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import msgspec
import structlog

from fairway_sdk.errors import FairwayError
from fairway_sdk.identity.caller import ANONYMOUS, Caller
from fairway_sdk.sessions.sealing import SessionId

if TYPE_CHECKING:
    from fairway_sdk.sessions.store import Sessions

T = TypeVar("T")
log = structlog.get_logger("fairway")

OWNER: Final = "~owner"  # fields that begin so are the SDK's own
FIELD_COST: Final = 32  # bytes that a field counts for beside its name and value


class SessionEndedError(FairwayError):
    """The session ended while this request was changing it: by a logout elsewhere, or by its time."""


class OversizeSessionError(FairwayError):
    """A value does not fit into the session any more."""


class Owner(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose session it is; empty before a login, but for the tenant."""

    person: str = ""
    issuer: str = ""
    tenant: str = ""
    scopes: frozenset[str] = frozenset()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A session as the store has it."""

    id: SessionId
    owner: Owner
    created: str  # seconds, as the store writes them


class Session:
    """The session of whoever sent the request; it is kept once something was put into it.

    Values are whatever msgspec writes as JSON. What `get` gives is a copy: put it back to keep a change. Two requests
    at once may change different names without losing either; of the same name, the later one stays.
    """

    def __init__(
        self, sessions: "Sessions", owner: Owner, kept: Kept | None = None, values: dict[str, bytes] | None = None
    ) -> None:
        self._sessions = sessions
        self._owner = owner
        self._kept = kept
        self._values = values or {}  # JSON
        self._changed: set[str] = set()
        self._rotate = self._login = self._logout = self._closed = False
        self.cookie: str | None = None  # for the browser: a new value, an empty one to forget it, none for no change

    # What is in it

    @overload
    def get(self, name: str) -> Any: ...
    @overload
    def get(self, name: str, kind: type[T]) -> T | None: ...
    @overload
    def get(self, name: str, kind: type[T], default: T) -> T: ...
    def get(self, name: str, kind: Any = Any, default: Any = None) -> Any:
        """Give a copy of a value as a type; the default where it is not there, or of another release's type."""
        content = self._values.get(name)
        if content is None:
            return default
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.ValidationError:
            log.warning("session value of another type passed over", field=name)
            return default

    def __getitem__(self, name: str) -> Any:
        """Give a copy of a value; `KeyError` where it is not there."""
        content = self._values.get(name)
        if content is None:
            raise KeyError(name)
        return msgspec.json.decode(content)

    def __setitem__(self, name: str, value: Any) -> None:
        """Put a value in; an `OversizeSessionError` where the session would become too large."""
        self._open_for_change(name)
        content = msgspec.json.encode(value)
        if self._values.get(name) == content:
            return
        total = sum(_cost(*pair) for pair in self._values.items() if pair[0] != name) + _cost(name, content)
        largest = self._sessions.bound.largest
        if total > largest:
            raise OversizeSessionError(
                f"session: with '{name}' it would have {total} bytes, and {largest} are the limit."
                " Keep what is large in a store, and its id in the session."
            )
        self._values[name] = content
        self._changed.add(name)

    def __delitem__(self, name: str) -> None:
        """Take a value out; `KeyError` where it is not there."""
        self._open_for_change(name)
        del self._values[name]
        self._changed.add(name)

    def __contains__(self, name: object) -> bool:
        """Tell whether a value is there."""
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        """Go over the names of all values."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the values."""
        return len(self._values)

    def __bool__(self) -> bool:
        """Be true even when it is empty."""
        return True

    def clear(self) -> None:
        """Take all values out."""
        for name in list(self):
            del self[name]

    # Whose it is

    @property
    def caller(self) -> Caller:
        """Who has logged in, without a token; anonymous before."""
        owner = self._owner
        if not owner.person:
            return Caller(tenant=owner.tenant) if owner.tenant else ANONYMOUS
        return Caller(person=owner.person, issuer=owner.issuer, tenant=owner.tenant, scopes=owner.scopes)

    def login(self, person: Caller) -> None:
        """Make it this person's, under a new id: an id that somebody planted before is worth nothing.

        What an anonymous visitor put in stays in; what another person put in does not. The absolute time begins anew.
        """
        self._open_for_change()
        if not person.known:
            raise ValueError("session: an anonymous caller cannot log in. Give a caller whose token was verified.")
        owner = Owner(person=person.person, issuer=person.issuer, tenant=person.tenant, scopes=person.scopes)
        if self._owner.person and (self._owner.person, self._owner.issuer) != (owner.person, owner.issuer):
            self.logout()
        self._owner = owner
        self._rotate = self._login = True

    def rotate(self) -> None:
        """Give it a new id; the old one ends. For any change of what its holder may do."""
        self._open_for_change()
        self._rotate = True

    def logout(self) -> None:
        """End it in the store and in the browser; what is put in afterwards begins a new one."""
        self._open_for_change()
        self._owner = Owner(tenant=self._owner.tenant)
        self._values, self._changed = {}, set()
        self._rotate, self._login, self._logout = False, False, True

    async def save(self) -> None:
        """Write what changed; the middleware does so before the answer begins, a WebSocket does so itself.

        A `SessionEndedError` where the session has ended meanwhile, an `UnavailableError` where the store is down.
        """
        if self._logout and self._kept is not None:
            await self._sessions.end(self._kept)
            self._kept, self.cookie = None, ""
        if self._rotate if self._kept is not None else (self._values or self._login):
            begun = await self._sessions.begin(self._owner, self._values, self._kept, login=self._login)
        elif self._kept is not None and self._changed:
            removed = [name for name in self._changed if name not in self._values]
            values = {name: self._values[name] for name in self._changed if name in self._values}
            begun = self._kept if await self._sessions.change(self._kept.id, values, removed) else None
        else:
            return
        if begun is None:
            raise SessionEndedError("session: it has ended while it was changed. Begin a new one.")
        if begun is not self._kept:
            self.cookie = begun.id.cookie
        self._kept = begun
        self._changed = set()
        self._rotate = self._login = self._logout = False

    def discard(self) -> None:
        """Forget all changes but a logout: for an answer that is an error of ours."""
        if self._kept is None or self._logout:
            self._values = {}
        self._changed = set()
        self._rotate = self._login = False

    def close(self) -> None:
        """Allow no more changes: the answer begins."""
        self._closed = True

    def __repr__(self) -> str:
        """Show no value and no id."""
        return f"Session(new={self._kept is None}, known={bool(self._owner.person)})"

    def _open_for_change(self, name: str = "") -> None:
        if self._closed:
            raise RuntimeError("session: the answer has begun, so its cookie cannot change. Change the session before.")
        if name.startswith("~"):
            raise ValueError(f"session: '{name}' begins with ~, as the SDK's own names do. Choose another.")


def _cost(name: str, content: bytes) -> int:
    return len(name.encode()) + len(content) + FIELD_COST

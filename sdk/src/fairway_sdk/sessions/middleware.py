"""Sessions around an ASGI application: loaded when a route first asks, saved before its answer begins."""

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairway_sdk.errors import RefusedError, SetupError
from fairway_sdk.identity.caller import caller
from fairway_sdk.sessions.browser import is_foreign, read_cookie, write_cookie
from fairway_sdk.sessions.session import Session, SessionEndedError

if TYPE_CHECKING:
    from fairway_sdk.service import Service

VISIT: Final = "fairway.visit"  # in the scope
BEGINS: Final = frozenset({"http.response.start", "websocket.accept"})
SERVER_ERROR: Final = 500


class SessionMiddleware:
    """Gives each request its session, lazily: a route that does not ask for it costs and needs no store.

    An answer of 500 or more saves nothing but a logout.
    """

    def __init__(self, app: ASGIApp, service: "Service") -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; when its session cannot be saved, that is the answer."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        visit = scope[VISIT] = Visit(self._service, scope)
        failure: Exception | None = None

        async def sending(message: Message) -> None:
            nonlocal failure
            if visit.session is not None and message["type"] in BEGINS and failure is None:
                try:
                    message = await visit.finish(message)
                except Exception as error:  # noqa: BLE001 - told below, once the application has ended
                    failure = error
            if failure is None:
                await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            if failure is None:
                raise
        if isinstance(failure, SessionEndedError) and scope["type"] == "http":
            from fairway_sdk.rest.problems import problem

            await problem(409, "The session has ended meanwhile.")(scope, receive, send)
        elif failure is not None:
            raise failure


class Visit:
    """One request and the session that it may ask for."""

    __slots__ = ("_loading", "_scope", "_service", "session")

    def __init__(self, service: "Service", scope: Scope) -> None:
        self._service = service
        self._scope = scope
        self._loading: asyncio.Lock | None = None
        self.session: Session | None = None

    async def load(self) -> Session:
        """Give the request's session, the same each time; a `RefusedError` for a request from another site's page."""
        self._loading = self._loading or asyncio.Lock()
        async with self._loading:
            if self.session is None:
                sessions, headers = self._service.sessions, self._scope["headers"]
                # A page may open a WebSocket to any site: it counts as a request that may change something.
                if is_foreign(self._scope.get("method", "CONNECT"), headers, self._service.binding.domain):
                    raise RefusedError(403, "the request was sent by another site's page", "foreign")
                self.session = await sessions.load(read_cookie(headers, sessions.cookie), caller.get())
            return self.session

    async def finish(self, message: Message) -> Message:
        """Save the session, and add its cookie to the beginning of the answer."""
        session, sessions = self.session, self._service.sessions
        assert session is not None
        if message.get("status", 0) >= SERVER_ERROR:
            session.discard()
        session.close()
        await session.save()
        headers = list(message.get("headers", ()))
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))  # what rests on a session is one person's
        if session.cookie is not None:
            seconds = sessions.bound.absolute
            value = write_cookie(sessions.cookie, session.cookie, seconds, secure=sessions.secure)
            headers.append((b"set-cookie", value))
        return {**message, "headers": headers}


def visit(scope: Scope) -> Visit:
    """Give the visit of a request; a `SetupError` where the application was made without sessions."""
    found = scope.get(VISIT)
    if not isinstance(found, Visit):
        raise SetupError("sessions: the application is not within SessionMiddleware. Bind a store for sessions.")
    return found

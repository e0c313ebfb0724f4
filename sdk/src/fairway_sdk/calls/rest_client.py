"""An HTTP client for one declared call, inside or outside of the system, with the guard before it."""

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import aiohttp
import msgspec
from yarl import URL

from fairway_sdk.calls import marks
from fairway_sdk.calls.deadline import limit
from fairway_sdk.calls.declared import passed_on
from fairway_sdk.calls.failures import CallError, DeadlineError, DeclinedCallError
from fairway_sdk.contract import SKIPPED_HEADER, STALE_HEADER
from fairway_sdk.contract.binding import Call
from fairway_sdk.lifecycle import Level

if TYPE_CHECKING:
    from fairway_sdk.calls.guard import Guard
    from fairway_sdk.service import Service

T = TypeVar("T")

LARGEST: Final = 4 * 1024 * 1024  # bytes of an answer, unpacked
TIME_LEFT: Final = "x-envoy-expected-rq-timeout-ms"  # by this the proxies of a mesh, and our servers, know our deadline
WORTH_ANOTHER: Final = frozenset({502, 503, 504})  # nobody was there, or too many were
OUR_IDLE: Final = 15.0  # seconds that an idle connection is kept to a service of ours, which keeps it for longer
OTHERS_IDLE: Final = 4.0  # and to others, some of which hang up after 5, perhaps just as we ask


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer below 500; from there on it is a `CallError`. A 4xx is an answer, and the author's to read."""

    callee: str
    status: int
    headers: Mapping[str, str]  # their names in any case
    body: bytes

    @property
    def ok(self) -> bool:
        """Tell whether it is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, kind: type[T]) -> T: ...
    def json(self, kind: Any = Any) -> Any:
        """Read the body of a 2xx, checked against a type; `DeclinedCallError` for another status.

        A body that does not fit is a `CallError`: the callee does not keep to what was agreed.
        """
        if not self.ok:
            raise DeclinedCallError(self.callee, str(self.status), self.text[:200])
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.DecodeError as error:
            raise CallError(self.callee, f"answered with another document than agreed: {error}") from error


class RestClient:
    """A session with one callee as a part of a service."""

    level = Level.CALLS

    def __init__(self, service: "Service", callee: str, largest: int = LARGEST) -> None:
        """Take a callee of the facts; an answer of more than `largest` bytes is a `CallError`."""
        self.name = f"client {callee}"
        self.callee = callee
        self._service = service
        self._largest = largest
        self._guard: Guard | None = None
        self._session: aiohttp.ClientSession | None = None
        self._base = ""
        service.calls.want(callee, "rest")

    async def start(self) -> None:
        """Make the session; it connects with the first call."""
        self._guard = self._service.calls.guard(self.callee)
        bound = self._guard.bound
        host = self.callee if bound.address.startswith("unix:") else bound.address
        self._base = f"{'https' if bound.tls else 'http'}://{host}"
        self._session = aiohttp.ClientSession(
            connector=_connector(bound),
            cookie_jar=aiohttp.DummyCookieJar(),  # one caller's cookies are not the next one's
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the guard's is the only one
            headers={"user-agent": "fairway"},
            middlewares=(_once,),
            trust_env=False,  # the binding says where a callee is, not the environment
        )

    async def stop(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = self._guard = None

    async def unready(self) -> str | None:
        """Stay ready though the callee may be down."""
        return None

    async def get(self, path: str, **options: Any) -> Response:
        """Call GET; see `request`."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Response:
        """Call POST; see `request`."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Response:
        """Call PUT; see `request`."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Any) -> Response:
        """Call PATCH; see `request`."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Any) -> Response:
        """Call DELETE; see `request`."""
        return await self.request("DELETE", path, **options)

    async def request(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - shortens the guard's own
    ) -> Response:
        """Call a path, which begins with a slash; redirects are answers, not followed.

        `json` is a Struct, a pydantic model, or plain data; `timeout` may only shorten what the facts declare. It is
        tried again where the facts call it idempotent, whatever the method.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"{path!r}: a path that begins with one slash is wanted; where it is, the binding says.")
        guard, session = self._guard, self._session
        if guard is None or session is None:
            raise RuntimeError(f"{self.callee}: is called before the service has started, or after it has ended.")
        url = URL(self._base + path)
        given = dict(headers or {})
        if json is not None:
            body = msgspec.json.encode(json, enc_hook=_model)
            given.setdefault("content-type", "application/json")

        async def attempt(seconds: float) -> Response:
            sent = {**given, **dict(passed_on(guard.bound))}
            if guard.bound.internal:
                sent[TIME_LEFT] = str(max(1, int(seconds * 1000)))
            timer = limit(seconds)
            try:
                with timer:
                    async with session.request(
                        method, url, params=params, data=body, headers=sent, allow_redirects=False
                    ) as answer:
                        return self._judged(answer, await self._body(answer))
            except TimeoutError as error:
                if timer.expired:
                    raise DeadlineError(self.callee, f"gave no answer within {seconds:.2g} s") from error
                raise CallError(self.callee, "does not answer: TimeoutError", again=True) from error
            except (aiohttp.ClientError, OSError) as error:
                raise CallError(self.callee, f"does not answer: {type(error).__name__}", again=True) from error

        return await guard.run(f"{method} {self.callee}", attempt, timeout)

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        parts, size = [], 0
        async for part in answer.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._largest:
                answer.close()
                raise CallError(self.callee, f"answered with more than {self._largest} bytes", counts=False)
        return b"".join(parts)

    def _judged(self, answer: aiohttp.ClientResponse, body: bytes) -> Response:
        status = answer.status
        if status >= 500:  # noqa: PLR2004 - HTTP's
            # Whoever says when to come back is not helped by a call before that.
            again = status in WORTH_ANOTHER and "retry-after" not in answer.headers
            raise CallError(self.callee, f"answered {status}", code=str(status), again=again)
        marks.take_over(answer.headers.get(STALE_HEADER), answer.headers.get(SKIPPED_HEADER))
        return Response(callee=self.callee, status=status, headers=answer.headers, body=body)


class _BrokenOffError(aiohttp.ClientError):
    """A connection ended in mid-call, under a name that the library does not try again at."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request once: by itself the library repeats a PUT or DELETE whose connection broke off."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenOffError(type(error).__name__) from error


def _connector(bound: Call) -> aiohttp.BaseConnector:
    idle = OUR_IDLE if bound.internal else OTHERS_IDLE
    if bound.address.startswith("unix:"):
        return aiohttp.UnixConnector(bound.address.removeprefix("unix:"), limit=0, keepalive_timeout=idle)
    context: ssl.SSLContext | bool = ssl.create_default_context() if bound.tls else True
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=idle, ttl_dns_cache=5, ssl=context)


def _model(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__qualname__} cannot be written as JSON")

"""Errors as application/problem+json (RFC 9457): what went wrong, the trace to look up, never what was sent."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, get_args

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from pydantic_core import core_schema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fairway_sdk.calls.deadline import remaining
from fairway_sdk.errors import DeclinedError, RefusedError, UnavailableError
from fairway_sdk.telemetry.traces import trace_id

if TYPE_CHECKING:
    from fairway_sdk.rest.application import Application

log = structlog.get_logger("fairway")

MEDIA_TYPE: Final = "application/problem+json"
ERROR: Final = "fairway.error"  # in a scope: what kind of error the application answered with a 500
TRY_AGAIN_AFTER: Final = 1  # seconds, where nobody knows better
WITHOUT_BODY: Final = frozenset({204, 205, 304})

LATE: Final = "The request took longer than it may."
UNAVAILABLE: Final = "Something that is needed for this does not answer now. Try again later."
ENDING: Final = "This replica is ending. Try again."
BROKEN: Final = "The service failed. The trace says where."
INVALID: Final = "The request does not fit the description of the interface."

# The author's own messages, and those with a part that the parser made from what was sent; of times, the part is fixed.
_KNOWN: Final = frozenset(get_args(core_schema.ErrorType))
_QUOTES: Final = ("error", "tag", "encoding_error")
_FIXED: Final = ("date_", "time_", "datetime_")

# Of a service's no: RFC 9110 has no word for most of a business's reasons.
_DECLINED: Final = {
    "INVALID_ARGUMENT": 400,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
}
_PLACES: Final = frozenset({"body", "query", "path", "header", "cookie"})

SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "required": ["title", "status"],
    "properties": {
        "type": {"type": "string", "default": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string", "description": "what to look for in logs and traces"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def problem(
    status: int, detail: str = "", headers: Mapping[str, str] | None = None, further: Mapping[str, Any] | None = None
) -> Response:
    """Make the answer of an error; `further` are members of its document beside the standard ones."""
    if status in WITHOUT_BODY:
        return Response(status_code=status, headers=dict(headers or {}))
    return Response(document(status, detail, further), status, dict(headers or {}), MEDIA_TYPE)


def document(status: int, detail: str = "", further: Mapping[str, Any] | None = None) -> bytes:
    """Write the JSON document of an error."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    members: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        members["detail"] = detail
    if trace := trace_id():
        members["trace_id"] = trace
    for name, value in (further or {}).items():
        members.setdefault(name, value)
    return orjson.dumps(members, str, orjson.OPT_NON_STR_KEYS)


async def on_http(_request: Request, error: HTTPException) -> Response:
    """Answer an error that a handler raised on purpose, with its own words and headers."""
    detail: Any = error.detail
    if isinstance(detail, str):
        text = "" if detail == _phrase(error.status_code) else detail
        return problem(error.status_code, text, error.headers)
    return problem(error.status_code, "", error.headers, detail if isinstance(detail, dict) else {"errors": detail})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def on_invalid(request: Request, error: RequestValidationError) -> Response:
    """Say what of a request does not fit, and where; not what was there instead."""
    known = request.app.names
    errors = [
        {"place": place(found["loc"], known), "detail": found["msg"] if _quotes_nothing(found) else "is not valid"}
        for found in error.errors()
    ]
    return problem(422, INVALID, None, {"errors": errors})


def _quotes_nothing(found: Mapping[str, Any]) -> bool:
    kind: str = found["type"]
    if kind not in _KNOWN:
        return False
    context = found.get("ctx") or {}
    return kind.startswith(_FIXED) or not any(word in context for word in _QUOTES)


def place(where: tuple[str | int, ...], known: frozenset[str]) -> str:
    """Write where in a request something is; a name that the interface does not have came from the caller: `*`."""
    parts = [str(part) if isinstance(part, int) or part in _PLACES or part in known else "*" for part in where]
    return ".".join(parts)


async def on_refused(_request: Request, error: RefusedError) -> Response:
    """Answer a caller who may not do this."""
    return refused(error)


def refused(error: RefusedError) -> Response:
    """Make the answer to a caller who may not do this; without a good token, it says that one is wanted."""
    headers = {"www-authenticate": 'Bearer error="invalid_token"'} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem(error.status, error.reason, headers)


async def on_declined(_request: Request, error: DeclinedError) -> Response:
    """Answer with the service's own no."""
    return problem(_DECLINED.get(error.code, 400), error.message, None, {"code": error.code})


async def on_unavailable(_request: Request, error: UnavailableError) -> Response:
    """Answer that something is needed that does not answer."""
    return unavailable(error)


def unavailable(error: UnavailableError) -> Response:
    """Make the answer that a later try may succeed; or that it took too long, where the request's own time is over."""
    if remaining() == 0:
        return problem(504, LATE)
    log.warning("a request failed: something does not answer", error=type(error).__qualname__, reason=str(error))
    wait = getattr(error, "wait", 0) or TRY_AGAIN_AFTER
    return problem(503, UNAVAILABLE, {"retry-after": str(max(1, round(wait)))})


async def on_late(_request: Request, _error: TimeoutError) -> Response:
    """Answer that something took too long."""
    return problem(504, LATE)


async def on_broken(request: Request, error: Exception) -> Response:
    """Answer that the service is at fault; the log says how."""
    request.scope[ERROR] = type(error).__qualname__
    return problem(500, BROKEN)


Handler = Callable[[Request, Any], Awaitable[Response]]

HANDLERS: Final[dict[type[Exception], Handler]] = {
    HTTPException: on_http,
    RequestValidationError: on_invalid,
    RefusedError: on_refused,
    DeclinedError: on_declined,
    UnavailableError: on_unavailable,
    TimeoutError: on_late,
}


def register(application: "Application") -> None:
    """Let an application answer its errors this way; an author may register others later."""
    for kind, handler in HANDLERS.items():
        application.add_exception_handler(kind, handler)
    application.add_exception_handler(Exception, on_broken)

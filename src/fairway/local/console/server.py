"""Serves the page: its files, what never changes, what is asked for, what changes, and what a person does."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fairway.core.errors import FairwayError
from fairway.local.console.drawing import apart, drawing
from fairway.local.console.guard import ROOT, Guard
from fairway.local.console.operating import ACTIONS, PARTS, Operators, Part
from fairway.local.console.pages import Pages
from fairway.local.console.streams import Streams, Wanted
from fairway.local.console.topics import Topics
from fairway.local.console.why import Reasons, read_plan
from fairway.local.run_folder import RunFolder
from fairway.local.serving import serving, until_told
from fairway.local.telemetry.records import Seen
from fairway.local.telemetry.settings import Settings

MOST_TRACES: Final = 200
MOST_LINES: Final = 1000
LONGEST: Final = 200  # letters of a filter
TRACE: Final = re.compile(r"[0-9a-f]{1,32}")

Answer = Callable[[Request], Awaitable[Response]]


class Restart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is started anew."""

    name: str


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to dead letters or sagas."""

    service: str
    ids: list[str]


class Api:
    """Answers what the page asks."""

    def __init__(self, settings: Settings, seen: Seen) -> None:
        """Take what is there, and what was seen."""
        run = RunFolder(Path(settings.folder))
        plan = read_plan(settings.shown.plan)
        self._seen = seen
        self._topics = Topics(run, seen)
        self.streams = Streams(self._topics, seen)
        self._reasons = Reasons(settings, plan)
        self._operators = Operators(run, settings.operated)
        self._drawing = msgspec.json.encode(drawing(settings, plan))
        self._walk, self._style = apart(settings.shown.walk)

    def routes(self) -> list[Route]:
        """Say where each answer is."""
        reading: dict[str, Answer] = {
            "system": self._system,
            "walk.svg": self._walk_map,
            "walk.css": self._walk_style,
            "stream": self._stream,
            "traces": self._traces,
            "traces/{trace}": self._trace,
            "lines": self._lines,
            "flow": self._flow,
            "why": self._why,
        }
        acting: dict[str, Answer] = {"restart": self._restart}
        for part in PARTS:
            reading[f"{part}/{{service}}"] = partial(self._list, part)
            reading[f"{part}/{{service}}/{{id}}"] = partial(self._show, part)
            acting[f"{part}/{{verb}}"] = partial(self._operate, part)
        return [
            *(Route(f"{ROOT}api/{path}", _told(answer), methods=["GET"]) for path, answer in reading.items()),
            *(Route(f"{ROOT}api/do/{path}", _told(answer), methods=["POST"]) for path, answer in acting.items()),
        ]

    async def _system(self, _request: Request) -> Response:
        return _json(self._drawing)

    async def _walk_map(self, _request: Request) -> Response:
        return Response(self._walk, media_type="image/svg+xml") if self._walk else _fault("There is no plan.", 404)

    async def _walk_style(self, _request: Request) -> Response:
        return Response(self._style, media_type="text/css")

    async def _stream(self, request: Request) -> Response:
        asked = request.query_params
        wanted = Wanted(
            topics=frozenset(asked.get("topics", "").split(",")) & self._topics.names,
            lines="lines" in asked,
            process=asked.get("process", "")[:LONGEST],
            level=asked.get("level", ""),
            text=asked.get("text", "")[:LONGEST],
            trace=asked.get("trace", "")[:LONGEST],
        )
        return StreamingResponse(self.streams.follow(wanted), media_type="text/event-stream")

    async def _traces(self, request: Request) -> Response:
        asked = request.query_params
        found = self._seen.traces(
            service=asked.get("service", "")[:LONGEST],
            failed=asked.get("failed") == "1",
            least=_number(asked.get("least", "")),
            text=asked.get("text", "")[:LONGEST],
            limit=min(MOST_TRACES, int(_number(asked.get("limit", "100"))) or 1),
        )
        return _json(msgspec.json.encode(found))

    async def _trace(self, request: Request) -> Response:
        trace = request.path_params["trace"]
        if not TRACE.fullmatch(trace):
            return _fault("This is no trace.", 400)
        spans, lines = self._seen.trace(trace), self._seen.lines(trace=trace, limit=MOST_LINES)
        if not spans:
            return _fault("This trace is not known, or no longer.", 404)
        return _json(msgspec.json.encode({"spans": spans, "lines": lines}))

    async def _lines(self, request: Request) -> Response:
        asked = request.query_params
        found = self._seen.lines(
            process=asked.get("process", "")[:LONGEST],
            level=asked.get("level", ""),
            trace=asked.get("trace", "")[:LONGEST],
            text=asked.get("text", "")[:LONGEST],
            limit=min(MOST_LINES, int(_number(asked.get("limit", "200"))) or 1),
        )
        return _json(msgspec.json.encode(found))

    async def _flow(self, request: Request) -> Response:
        ends = request.query_params.get("source"), request.query_params.get("target")
        return _json(msgspec.json.encode([flow for flow in self._seen.flows() if (flow.source, flow.target) == ends]))

    async def _why(self, request: Request) -> Response:
        asked = request.query_params
        if "process" in asked:
            found = self._reasons.process(asked["process"])
        elif "source" in asked:
            found = self._reasons.way(asked["source"], asked.get("target", ""))
        else:
            found = self._reasons.node(asked.get("node", ""))
        return _json(msgspec.json.encode(found)) if found else _fault("Nothing was decided about this.", 404)

    async def _list(self, part: Part, request: Request) -> Response:
        ended = part == "saga" and request.query_params.get("ended") == "1"
        return _json(
            msgspec.json.encode(
                await self._operators.command(part, "list", request.path_params["service"], ended=ended)
            )
        )

    async def _show(self, part: Part, request: Request) -> Response:
        path = request.path_params
        return _json(msgspec.json.encode(await self._operators.command(part, "show", path["service"], [path["id"]])))

    async def _restart(self, request: Request) -> Response:
        wanted = await _read(request, Restart)
        return _json(msgspec.json.encode({"names": await self._operators.restart(wanted.name)}))

    async def _operate(self, part: Part, request: Request) -> Response:
        wanted = await _read(request, Operation)
        verb = request.path_params["verb"]
        if verb not in ACTIONS[part]:
            return _fault("There is no such action.", 404)
        done = await self._operators.command(part, verb, wanted.service, wanted.ids)
        return _json(msgspec.json.encode(done))


def application(settings: Settings, seen: Seen) -> tuple[Starlette, Streams]:
    """Put the page together; the streams are ended before the server is."""
    api = Api(settings, seen)
    guard = Middleware(Guard, key=Path(settings.key).read_text().strip(), listen=settings.listen)
    page = Route(f"{ROOT}{{path:path}}", Pages().give, methods=["GET"])
    return Starlette(routes=[*api.routes(), page], middleware=[guard]), api.streams


@contextlib.asynccontextmanager
async def running(settings: Settings, seen: Seen) -> AsyncIterator[asyncio.Task[None]]:
    """Serve for as long as the body lasts; a `FairwayError` where the address cannot be listened at."""
    app, streams = application(settings, seen)
    async with serving(app, settings.listen) as task:
        try:
            yield task
        finally:
            streams.close()


async def serve(settings: Settings, seen: Seen) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with running(settings, seen) as task:
        await until_told(task)


def _told(answer: Answer) -> Answer:
    """Say what went wrong as JSON."""

    @wraps(answer)
    async def tell(request: Request) -> Response:
        try:
            return await answer(request)
        except FairwayError as error:
            return _fault(str(error), 409)
        except msgspec.DecodeError as error:
            return _fault(f"This cannot be read: {error}.", 400)

    return tell


async def _read(request: Request, kind: type[Any]) -> Any:  # noqa: ANN401 - of the kind that is asked for
    return msgspec.json.decode(await request.body(), type=kind)


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


def _json(text: bytes) -> Response:
    return Response(text, media_type="application/json")


def _fault(says: str, status: int) -> Response:
    return Response(msgspec.json.encode({"fault": says}), status, media_type="application/json")

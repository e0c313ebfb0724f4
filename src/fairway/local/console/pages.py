"""The files of the page as they are shipped: only what is in the folder, by its own name."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FOLDER: Final = Path(__file__).parent / "static"
START: Final = "index.html"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def files() -> dict[str, Path]:
    """Find what can be asked for, by its path below the page's."""
    return {
        path.relative_to(FOLDER).as_posix(): path
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.suffix in TYPES
    }


class Pages:
    """Gives out the files."""

    def __init__(self) -> None:
        """Find them once."""
        self._files = files()

    async def give(self, request: Request) -> Response:
        """Give the file that is asked for."""
        path = self._files.get(request.path_params["path"] or START)
        if path is None:
            return PlainTextResponse("There is no such page.", 404)
        return Response(path.read_bytes(), media_type=TYPES[path.suffix])

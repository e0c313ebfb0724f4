"""Public routes that need no token, and how their paths are read: the same wherever they are matched."""

import re
from typing import Final

import msgspec

WILD: Final = re.compile(r"\*\*|\*|\{[^/{}]*\}")
SPECIAL: Final = re.compile(r"[.^$*+?()\[\]{}|\\]")


class OpenRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route that needs no token: its method, if only one, and its path below the service's prefix."""

    method: str
    path: str

    @property
    def plain(self) -> bool:
        """Tell whether its path has no wild part."""
        return WILD.search(self.path) is None

    @property
    def pattern(self) -> str:
        """Write its path as a regular expression: one part for `*` and `{name}`, any number for `**`."""
        if self.path == "/":
            return "/?"
        parts, end = [], 0
        for wild in WILD.finditer(self.path):
            parts += [_plain(self.path[end : wild.start()]), ".*" if wild[0] == "**" else "[^/]+"]
            end = wild.end()
        return "".join(parts) + _plain(self.path[end:])

    @property
    def template(self) -> str:
        """Write its path as Istio's policies do."""
        return WILD.sub(lambda wild: "{**}" if wild[0] == "**" else "{*}", self.path)


def open_route(declared: str) -> OpenRoute:
    """Read a route as it is declared: 'GET /books', or a path alone for all methods."""
    method, _, path = declared.rpartition(" ")
    return OpenRoute(method=method, path=path)


def _plain(text: str) -> str:
    return SPECIAL.sub(lambda one: f"\\{one[0]}", text)

"""Which route a request took, as a template: what metrics, logs and traces name it by."""

from collections.abc import Iterable
from typing import Any, Final

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from fairway_sdk.rest.metrics import UNMATCHED

_FASTAPI: Final = "fastapi"  # FastAPI's own corner of a scope
_EFFECTIVE: Final = "effective_route_context"  # there, of routes that came with a router: the route with its prefixes


class Routes:
    """The templates of an application's routes, and never a path as it was asked for."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._plain: dict[Any, str] = {}  # by their endpoints: Starlette does not say which of its routes matched
        self._mounts: set[str] = set()
        self._add("", routes)

    def _add(self, prefix: str, routes: Iterable[BaseRoute]) -> None:
        for route in routes:
            if isinstance(route, Mount):
                self._mounts.add(prefix + route.path)
                self._add(prefix + route.path, route.routes)
            elif isinstance(route, Route):
                self._plain.setdefault(route.endpoint, prefix + route.path_format)

    def of(self, scope: Scope, root: str) -> str:
        """Give the template of the route that a request took; `root` is where the application stood at its begin."""
        corner = scope.get(_FASTAPI)
        effective = corner.get(_EFFECTIVE) if corner else None
        template = getattr(effective or scope.get("route"), "path_format", None)
        if template is None:
            endpoint = scope.get("endpoint")
            return UNMATCHED if endpoint is None else self._plain.get(endpoint, UNMATCHED)
        mount = scope.get("root_path", "")
        if mount == root:
            return str(template)
        mount = mount.removeprefix(root)
        # A mount whose own path has a parameter would be a label for each of its values.
        return f"{mount}{template}" if mount in self._mounts else UNMATCHED

"""The whole application of a service: what the server runs, and what tests may call without one."""

from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from fairway_sdk.rest.edge import Edge

if TYPE_CHECKING:
    from fairway_sdk.service import Service


def asgi(service: "Service") -> ASGIApp:
    """Compose what surrounds the author's routes, now that it is known where the service stands."""
    application = service.rest
    application.version = service.binding.version
    inner: ASGIApp = application
    if service.binding.sessions is not None:
        from fairway_sdk.sessions.middleware import SessionMiddleware

        inner = SessionMiddleware(application, service)
    return Edge(inner, service)

"""The FastAPI application of a service: its interface served as OpenAPI, its errors as problems."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from fairway_sdk.rest import problems

if TYPE_CHECKING:
    from fairway_sdk.service import Service

OPENAPI_PATH = "/openapi.json"

# Every operation may answer so. With it, FastAPI leaves out its own description of errors, which is not how we answer.
_ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class Application(FastAPI):
    """FastAPI as a service uses it; what surrounds it is composed when the service starts, see `rest.asgi`."""

    def openapi(self) -> dict[str, Any]:
        """Describe the interface, how it tells errors included."""
        document = super().openapi()
        document.setdefault("components", {}).setdefault("schemas", {}).setdefault("Problem", problems.SCHEMA)
        return document

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that the interface has: whatever else is in a request was the caller's idea."""
        try:
            return frozenset(_names(self.openapi()))
        except Exception:  # noqa: BLE001 - an interface that cannot be described still answers
            return frozenset()


def application(service: "Service") -> Application:
    """Make the application of a service; it reads nothing and listens nowhere."""
    made = Application(
        title=service.name,
        openapi_url=OPENAPI_PATH,
        docs_url=None,  # its pages load scripts from somebody else's servers
        redoc_url=None,
        redirect_slashes=False,  # behind a gateway that ends TLS it would send callers to plain HTTP
        responses=_ERRORS,
        # Ours has names by the contract, one span a request, and nothing personal: theirs notes what was sent.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    problems.register(made)
    return made


def _names(part: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(part, dict):
        if isinstance(part.get("name"), str):  # of a parameter
            found.add(part["name"])
        if isinstance(part.get("properties"), dict):
            found |= part["properties"].keys()
        for member in part.values():
            found |= _names(member)
    elif isinstance(part, list):
        for member in part:
            found |= _names(member)
    return found

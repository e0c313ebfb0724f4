"""For tests of services: a broker in memory, a clock moved by hand, crashes at named places, real servers."""

from typing import TYPE_CHECKING, Any

_HOMES = dict.fromkeys(("create_tables", "migrate", "placed", "write_secret"), "fairway_sdk.testing.placing")

if TYPE_CHECKING:
    from fairway_sdk.testing.placing import create_tables as create_tables
    from fairway_sdk.testing.placing import migrate as migrate
    from fairway_sdk.testing.placing import placed as placed
    from fairway_sdk.testing.placing import write_secret as write_secret


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

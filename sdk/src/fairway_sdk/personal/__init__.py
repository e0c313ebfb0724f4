"""Personal data: sealed under a key for each person, exported on demand, and gone once that key is destroyed.

Mark a field of an event or of a saga's input with `Annotated[str, PERSONAL]`, declare a column with `personal()`.
"""

from typing import TYPE_CHECKING, Any

# Loaded when first asked for: an event with a marked field needs neither the object mapper nor cryptography to be made.
_HOMES = {
    "ERASED": "fairway_sdk.personal.columns",
    "PERSONAL": "fairway_sdk.personal.marks",
    "BrokenSealError": "fairway_sdk.personal.boxes",
    "ErasedError": "fairway_sdk.personal.boxes",
    "HeldError": "fairway_sdk.personal.boxes",
    "PersonalColumnError": "fairway_sdk.personal.columns",
    "UnknownPersonError": "fairway_sdk.personal.boxes",
    "folded": "fairway_sdk.personal.columns",
    "personal": "fairway_sdk.personal.columns",
    "personal_equals": "fairway_sdk.personal.columns",
}

if TYPE_CHECKING:
    from fairway_sdk.personal.boxes import BrokenSealError as BrokenSealError
    from fairway_sdk.personal.boxes import ErasedError as ErasedError
    from fairway_sdk.personal.boxes import HeldError as HeldError
    from fairway_sdk.personal.boxes import UnknownPersonError as UnknownPersonError
    from fairway_sdk.personal.columns import ERASED as ERASED
    from fairway_sdk.personal.columns import PersonalColumnError as PersonalColumnError
    from fairway_sdk.personal.columns import folded as folded
    from fairway_sdk.personal.columns import personal as personal
    from fairway_sdk.personal.columns import personal_equals as personal_equals
    from fairway_sdk.personal.marks import PERSONAL as PERSONAL


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(_HOMES)

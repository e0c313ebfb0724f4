"""Configuration that may change while the service runs: one file a key, read anew when it changes.

A variable of the environment goes before the file, so that a developer may try a value: `FAIRWAY_VALUE_PAGE_SIZE` for
the key `page-size`. Variables do not change while the service runs, and they are for values only: the environment of a
process is printed, logged and inherited, so no secret is ever read from it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, overload

import msgspec

from fairway_sdk import contract
from fairway_sdk.configuration.files import Folder
from fairway_sdk.errors import SetupError

T = TypeVar("T")

PLAIN: Final = frozenset({int, float, bool})  # read as they are written; all other types are JSON
MISSING: Final[Any] = object()


class Values:
    """The folder of configuration; each reading is the value of now."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = environment or {}
        self._files = Folder(folder)

    def text(self, key: str, default: str | None = None) -> str:
        """Give a key's text without the line end; its default where it is not set, else a `SetupError`."""
        found, where = self._find(key)
        if found is not None:
            return found
        if default is None:
            raise SetupError(f"{where}: the key is not set. Set it in the service's configuration.")
        return default

    @overload
    def get(self, key: str, kind: type[T]) -> T: ...
    @overload
    def get(self, key: str, kind: type[T], default: T) -> T: ...
    def get(self, key: str, kind: type[T], default: T = MISSING) -> T:
        """Give a key's value as a type: a number, true or false, a text, or whatever is written as JSON.

        The default where it is not set; a `SetupError` where it is of another kind, or not set and without a default.
        """
        found, where = self._find(key)
        if found is None:
            if default is MISSING:
                raise SetupError(f"{where}: the key is not set. Set it in the service's configuration.")
            return default
        if kind is str:
            text: Any = found
            return text  # type: ignore[no-any-return]  # it is T, which is str
        try:
            if kind in PLAIN:
                return msgspec.convert(found.strip(), kind, strict=False)
            return msgspec.json.decode(found, type=kind)
        except msgspec.DecodeError as error:
            raise SetupError(f"{where}: {error}. Write a value of this kind.") from None

    def _find(self, key: str) -> tuple[str | None, str]:
        """Give a key's text, and where it is or should be."""
        variable = contract.VALUE_VARIABLES + re.sub(r"[^A-Z0-9]", "_", key.upper())
        told = self._environment.get(variable)
        if told is not None:
            return told, variable
        where = str(self.folder / key)
        try:
            file = self._files.read(key)
            return None if file is None else file.content.decode().rstrip("\r\n"), where
        except OSError as error:
            raise SetupError(f"{where}: cannot be read: {error.strerror}. Let the service's user read it.") from None
        except UnicodeDecodeError:
            raise SetupError(f"{where}: is no text. Write it as UTF-8.") from None

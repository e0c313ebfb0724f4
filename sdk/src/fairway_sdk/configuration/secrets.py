"""Secrets are files that somebody else rotates: each reading is the value of now."""

from pathlib import Path

from fairway_sdk.configuration.files import File, Folder
from fairway_sdk.errors import SetupError


class Secrets:
    """The folder of secrets; never printed with a value."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = Folder(folder)

    def has(self, name: str) -> bool:
        """Tell whether a secret is there and not empty."""
        return self.fault(name) is None

    def fault(self, name: str) -> str | None:
        """Say what is wrong with a secret and what to do; none where it can be used."""
        try:
            self.read(name)
        except SetupError as error:
            return str(error)
        return None

    def text(self, name: str) -> str:
        """Give a secret as it is now, without the line end that editors add; a `SetupError` as for `read`."""
        try:
            return self.read(name).content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            # The error itself carries the whole secret.
            raise SetupError(f"{self.folder / name}: the secret is no text. Write it as UTF-8.") from None

    def read(self, name: str) -> File:
        """Give a secret's bytes and the time they were written; a `SetupError` where it is missing or unreadable."""
        try:
            file = self._files.read(name)
        except OSError as error:
            raise SetupError(
                f"{self.folder / name}: the secret cannot be read: {error.strerror}. Let the service's user read it."
            ) from None
        if file is None or not file.content.strip():
            raise SetupError(
                f"{self.folder / name}: the secret is {'missing' if file is None else 'empty'}. Put its value into this"
                " file, or let the secrets manager do so."
            )
        return file

    def __repr__(self) -> str:
        """Say where the secrets are, and never what they are."""
        return f"Secrets({str(self.folder)!r})"

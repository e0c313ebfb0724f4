"""The secrets of a local system: made once, kept, and handed to the services that are entitled to them."""

import base64
import secrets
from pathlib import Path

from fairway.local.run_folder import RunFolder, private_folder, replace
from fairway.local.state import kept_secret


class Credentials:
    """Who knows what. A value in `.fairway/secrets` may be replaced by hand: it is handed out at the next start."""

    def __init__(self, run: RunFolder) -> None:
        """Take the folder of the system."""
        self._run = run

    def folder(self, service: str) -> Path:
        """Give the folder of what a service, or its migration, may know."""
        return private_folder(private_folder(self._run.secret("services")) / service)

    def password(self, service: str, name: str) -> Path:
        """Give the file of a password that nobody else has."""
        file = self.folder(service) / name
        kept_secret(file)
        return file

    def hand_out(self, service: str, name: str) -> None:
        """Give a service a secret that others may have, too."""
        file = self._run.secret(name)
        kept_secret(file)
        replace(self.folder(service) / name, file.read_bytes())

    def tell(self, service: str, name: str, value: str) -> None:
        """Give a service a secret that somebody named."""
        replace(self.folder(service) / name, value.encode())

    def master_key(self, name: str) -> None:
        """Make the key that all keys of persons are kept under, unless it is there."""
        file = self._run.secret(name)
        if not file.exists():
            replace(file, base64.b64encode(secrets.token_bytes(32)))

"""Ask the running provider, over its socket for commands; cheap to import, since a command line does."""

import http.client
import socket
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from fairway.core.errors import FairwayError

ADMIN_SOCKET: Final = "identity.admin"
ANSWERS_WITHIN: Final = 10.0  # seconds

T = TypeVar("T")


class NotRunningError(FairwayError):
    """Nobody listens."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which token is wanted; what is empty is chosen."""

    user: str
    tenant: str = ""
    scope: str = ""
    audience: str = ""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A token, and what is in it."""

    token: str
    expires: int  # seconds since 1970
    issuer: str
    audience: str
    subject: str
    tenant: str
    scope: str


class _Refused(msgspec.Struct):
    error: str = ""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWERS_WITHIN)
        self._path = path

    def connect(self) -> None:
        """Reach the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_token(admin: Path, asked: Asked) -> Given:
    """Ask for a token; a `FairwayError` says why there is none, a `NotRunningError` that nobody listens."""
    return _post(admin, "/token", msgspec.json.encode(asked), Given)


def _post(admin: Path, path: str, body: bytes, kind: type[T]) -> T:
    connection = _Connection(admin)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status == http.client.OK:
            return msgspec.json.decode(said, type=kind)
        says = msgspec.json.decode(said, type=_Refused).error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(f"{admin}: nobody listens. Start the system with 'fairway up'.") from error
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise FairwayError(f"{admin}: gives no answer: {error}. Look at the log of the identity provider.") from error
    finally:
        connection.close()
    raise FairwayError(says or f"{admin}: answers {answer.status}. Look at the log of the identity provider.")

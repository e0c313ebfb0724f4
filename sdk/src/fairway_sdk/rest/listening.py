"""Sockets to listen on, by their addresses in the binding: `host:port`, `[host]:port` or `unix:/absolute/path`."""

import contextlib
import os
import socket
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from pathlib import Path

from fairway_sdk.errors import SetupError

BACKLOG = 2048
UNIX = "unix:"

_files: dict[Path, int] = {}  # the socket files that this process made, by their numbers


def listen(address: str, purpose: str) -> socket.socket:
    """Open a socket that listens; a `SetupError` says why that cannot be, and names what the socket is for."""
    try:
        if address.startswith(UNIX):
            return _unix(Path(address.removeprefix(UNIX)))
        return _tcp(address)
    except (OSError, ValueError, OverflowError) as error:
        raise SetupError(f"{address}: cannot listen here for {purpose}: {_why(error)}") from error


def _tcp(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():  # without a host it would be every address of the machine
        raise ValueError("it is no address. Write host:port or unix:/absolute/path in the binding.")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, int(port)))
        found.listen(BACKLOG)
        found.setblocking(False)  # noqa: FBT003 - the library's
    except BaseException:
        found.close()
        raise
    return found


def _unix(path: Path) -> socket.socket:
    if not path.is_absolute():
        raise ValueError("its path is not absolute. Write unix:/absolute/path in the binding.")
    if path.is_socket():
        remove_stale(path)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        old = os.umask(0o177)  # nobody else may connect, from the first moment on
        try:
            found.bind(str(path))
        finally:
            os.umask(old)
        found.listen(BACKLOG)
        found.setblocking(False)  # noqa: FBT003 - the library's
    except BaseException:
        found.close()
        raise
    _files[path] = path.stat().st_ino
    return found


def remove_stale(path: Path) -> None:
    """Remove the socket file of a process that was killed; leave one that somebody answers on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except TimeoutError:
            pass
    raise OSError(EADDRINUSE, "in use")


def _why(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno == EADDRINUSE:
        return "another process listens here. End it, or bind the service elsewhere."
    if error.errno == EACCES:
        return "the service's user may not. Bind it to a port above 1023, or to a folder it may write to."
    if error.errno == EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "this machine has no such address. Bind the service to one that it has."
    if isinstance(error, FileNotFoundError):
        return "the folder is not there. Make it first."
    return f"{error.strerror or error}."


def close(listening: socket.socket, address: str) -> None:
    """Take no new connections, and leave no file behind."""
    listening.close()
    if address.startswith(UNIX):
        _forget(Path(address.removeprefix(UNIX)))


def forget_all() -> None:
    """Remove the files of all sockets of this process: for one that ends at once."""
    for path in list(_files):
        _forget(path)


def _forget(path: Path) -> None:
    number = _files.pop(path, None)
    with contextlib.suppress(OSError):
        if path.stat().st_ino == number:  # else a successor listens there already
            path.unlink()

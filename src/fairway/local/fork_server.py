"""A process that has loaded what services are made of, and becomes one in a moment: `-m fairway.local.fork_server FD`.

Each service would load the same hundreds of modules for more than a second; a fork has them, and shares their memory.
So do identity provider and console. They are forked as soon as what they need is loaded, before anybody asks for them:
others wait for them, and what is loaded later would be a burden to them.
It is told what to become by JSON lines on a socket, and tells there which process that is and how it ended.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, Final

EARLY: Final = (
    "fairway.local.identity.server",  # whom the gateway waits for
    "fairway.local.console.server",
    "fairway.local.telemetry",
)
PUT_BY: Final = 2  # identity provider and console
LOADED: Final = (
    *EARLY,
    "fairway_sdk.__main__",
    "fairway_sdk.process",
    "cryptography.fernet",
    "fairway_sdk.identity.dependencies",
    "fairway_sdk.identity.verifier",
    "fairway_sdk.rest.application",
    "fairway_sdk.rest.server",
    "fairway_sdk.telemetry.setup",
    "fairway_sdk.telemetry.traces",
    "fastapi",
    "httptools",
    "jwt",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "pydantic.v1",  # which FastAPI looks into once a route is declared
    "requests",
    "rich.traceback",
    "structlog",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
LARGEST: Final = 1 << 20  # bytes that are read at once


class Server:
    """Forks for one supervisor, until that is gone."""

    def __init__(self, line: socket.socket) -> None:
        """Take the socket to the supervisor."""
        self._line = line
        self._kept = b""
        self._lacking = deque(LOADED)
        self._waiting = deque[dict[str, Any]]()
        self._children: set[int] = set()
        self._put_by: dict[int, socket.socket] = {}  # who wait to be told what to become
        self._ended, self._wake = os.pipe()
        for number in (self._ended, self._wake):
            os.set_blocking(number, False)

    def serve(self) -> Callable[[], object] | None:
        """Serve; come back in the child with what it is to do, or in the parent with nothing to do any more."""
        gc.disable()  # nothing of what is loaded ever goes
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake)
        with selectors.DefaultSelector() as selector:
            selector.register(self._line, selectors.EVENT_READ)
            selector.register(self._ended, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select(0 if self._lacking or self._waiting else None)}
                if self._ended in ready:
                    self._tell_ends()
                if self._line in ready:
                    content = self._line.recv(LARGEST)
                    if not content:
                        return None
                    self._hear(content)
                while asked := self._next():
                    if act := self._fork(asked):
                        return act
                if self._lacking:
                    load(name := self._lacking.popleft())
                    if name == EARLY[-1] and (act := self._put_some_by()):
                        return act

    def _hear(self, content: bytes) -> None:
        *lines, self._kept = (self._kept + content).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if "load" in asked:
                write_to(asked["log"])
                self._lacking += asked["load"]
            else:
                self._waiting.append(asked)

    def _next(self) -> dict[str, Any] | None:
        """Give whom to fork now: who is in a hurry, and all others once everything is loaded."""
        found = next((one for one in self._waiting if not self._lacking or _is_loaded(one["after"])), None)
        if found is not None:
            self._waiting.remove(found)
        return found

    def _fork(self, asked: dict[str, Any]) -> Callable[[], object] | None:
        if asked["after"] and self._put_by:
            pid, its_line = self._put_by.popitem()
            with its_line:
                its_line.sendall(json.dumps(asked).encode())
        elif not (pid := self._forked()):
            return lambda: become(asked)
        self._tell({"id": asked["id"], "pid": pid})
        return None

    def _put_some_by(self) -> Callable[[], object] | None:
        for _ in range(PUT_BY):
            line, its = socket.socketpair()
            if not (pid := self._forked()):
                line.close()
                return lambda its=its: wait_and_become(its)  # type: ignore[misc] # mypy knows no lambda's default
            its.close()
            self._put_by[pid] = line
        return None

    def _forked(self) -> int:
        """Fork; give the child's number, or 0 in the child, which has nothing of the server left."""
        gc.freeze()  # so that the collector of a fork does not touch, and copy, the memory of what is loaded
        pid = os.fork()
        if pid:
            self._children.add(pid)
            return pid
        gc.enable()
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._line.close()
        os.close(self._ended)
        os.close(self._wake)
        for line in self._put_by.values():
            line.close()
        return 0

    def _tell_ends(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._ended, LARGEST)
        for pid in tuple(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._children.discard(pid)
                if (unasked := self._put_by.pop(pid, None)) is not None:
                    unasked.close()
                    continue
                self._tell({"pid": pid, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, what: dict[str, int]) -> None:
        self._line.sendall(json.dumps(what).encode() + b"\n")


def wait_and_become(line: socket.socket) -> object:
    """Be what is asked for once somebody asks, or end when nobody will."""
    with line:
        content = b"".join(iter(lambda: line.recv(LARGEST), b""))
    return become(json.loads(content)) if content else 0


def become(asked: dict[str, Any]) -> object:
    """Be the process that is asked for: its folder, its environment, its log, its words."""
    write_to(asked["log"])
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    module, *words = asked["words"]
    sys.argv = [module, *words]
    return importlib.import_module(module).main(words)


def write_to(path: str) -> None:
    """Send all output to the end of a log."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def load(name: str) -> None:
    """Load a module for good, so that forks share it; who needs one that is not installed says so itself."""
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _is_loaded(name: str) -> bool:
    return bool(name) and name in sys.modules


def serve(number: int) -> object:
    """Load what all services need, and serve over the socket of this number."""
    act = Server(socket.socket(fileno=number)).serve()
    return act() if act is not None else 0


if __name__ == "__main__":
    sys.exit(serve(int(sys.argv[1])))  # type: ignore[arg-type] # an exit code

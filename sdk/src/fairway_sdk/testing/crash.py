"""Crashes at named places of a saga: what a power cut leaves behind, at the moment that a test chooses.

with crash_after(service, "pay") as crashed:
    run = await service.sagas.start(Checkout, order, id=order.id)
    await crashed.wait()
service.clock.advance(60)  # the lease has ended
await run.result(5)
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairway_sdk.service import Service


class Crash(BaseException):
    """Ends a saga's run as a power cut would: nothing is recorded, and the lease stays until it ends by itself."""


@contextmanager
def crash_before(service: "Service", method: str, *, times: int = 1, kill: bool = False) -> Iterator[asyncio.Event]:
    """Crash a run before it enters a step or an undo of this name; `kill` ends the whole process, as kill -9 does."""
    with _crashing(service, "before", method, times, kill=kill) as crashed:
        yield crashed


@contextmanager
def crash_after(service: "Service", method: str, *, times: int = 1, kill: bool = False) -> Iterator[asyncio.Event]:
    """Crash a run after a step or an undo has had its effect and before that is recorded: the moment that hurts most.

    With `tx` effect and record commit together, so the effect is rolled back.
    """
    with _crashing(service, "after", method, times, kill=kill) as crashed:
        yield crashed


@contextmanager
def _crashing(service: "Service", moment: str, method: str, times: int, *, kill: bool) -> Iterator[asyncio.Event]:
    left = times
    crashed = asyncio.Event()
    before = service.sagas.part.witness

    def witness(at: str, name: str) -> None:
        nonlocal left
        if before is not None:
            before(at, name)
        if left > 0 and (at, name) == (moment, method):
            left -= 1
            if kill:
                os.kill(os.getpid(), signal.SIGKILL)
            crashed.set()
            raise Crash(f"{moment} '{method}'")

    service.sagas.part.witness = witness
    try:
        yield crashed
    finally:
        service.sagas.part.witness = before

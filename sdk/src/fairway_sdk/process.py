"""The process of a service: its event loop, its admin port, its signals, and its exit code."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import structlog
import uvloop
from prometheus_client import disable_created_metrics

from fairway_sdk.admin import AdminServer
from fairway_sdk.errors import SetupError
from fairway_sdk.lifecycle import UNDONE_WITHIN
from fairway_sdk.rest.listening import forget_all
from fairway_sdk.telemetry import lines
from fairway_sdk.telemetry.redaction import redact_text

if TYPE_CHECKING:
    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

FINE = 0
FAILED = 1
MISPLACED = 2  # what is wrong is in the files of the deployment, so a restart mends nothing

LAST_LINES_WITHIN = 1.0  # seconds, if nobody reads the log
LETTING_GO = 5.0  # seconds beyond the drain, for stores, brokers and the last spans
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(service: "Service") -> NoReturn:
    """Serve until told to end, then exit.

    The code is 0 after a signal, 2 where the placement is at fault, told in sentences, and 1 where a part did not
    start, died, or did not stop in time: whatever runs the service may then start it anew.
    """
    # A second time series for each would say only when the process began to count.
    disable_created_metrics()  # type: ignore[no-untyped-call] # theirs
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_Process(service).serve())
        sys.stdout.flush()
        lines.finish(LAST_LINES_WITHIN)
        _insist(code)
    sys.exit(code)


class _Process:
    """One run of a service from its first probe to its exit code."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._end = asyncio.Event()
        self._code = FINE

    async def serve(self) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._crashed)
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            self._log_from_now()
            admin = AdminServer(self._service)
            await admin.start()
            try:
                await self._live()
            finally:
                await admin.stop()
        except SetupError as error:
            _tell(str(error))
            return MISPLACED
        return self._code

    def _log_from_now(self) -> None:
        """Write JSON lines before the service has begun and after it has ended, too."""
        service, level = self._service, self._service.binding.telemetry.level
        lines.install(lines.Lines(service.name, service.replica, level, service.clock.now))
        logging.captureWarnings(capture=True)

    async def _live(self) -> None:
        service = self._service
        starting = asyncio.create_task(service.start(), name="start")
        ending = asyncio.create_task(self._end.wait(), name="end")
        await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():  # told to end before it was up: the life stops what it had started
            starting.cancel()
            _, late = await asyncio.wait({starting}, timeout=UNDONE_WITHIN + LETTING_GO)
            if late:
                self._give_up()
                return
        try:
            await starting
        except asyncio.CancelledError:
            return
        except SetupError:
            raise
        except Exception as error:
            log.exception("the service did not start")
            why = redact_text(f"{type(error).__name__}: {error}")
            _tell(f"{service.name}: did not start: {why}. The log says more.")
            self._code = FAILED
            return
        gc.collect()
        gc.freeze()  # what is loaded by now stays: the collector need not look through it again and again
        log.info("the service has started", version=service.binding.version)
        await ending
        stopping = asyncio.create_task(service.stop(), name="stop")
        # Not a timeout, which waits for what it cancels: a part that does not listen would have no end.
        _, late = await asyncio.wait({stopping}, timeout=service.binding.drain + LETTING_GO)
        if late:
            stopping.cancel()
            self._give_up()
        else:
            await stopping

    def _give_up(self) -> None:
        """Leave what does not end to the end of the process, which `run` insists on."""
        service = self._service
        still = ", ".join(service.life.stopping) or "its start"
        _tell(f"{service.name}: did not stop in time: {still}. Give it a longer drain, or its work a shorter one.")
        self._code = FAILED

    def _signalled(self, number: signal.Signals) -> None:
        if self._end.is_set():
            _leave(128 + number)
        self._end.set()

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what nobody waits for; the end of a part's own task is the end of the process."""
        error = context.get("exception")
        log.error(context.get("message", "something failed in the event loop"), exc_info=error)
        if context.get("part"):
            self._code = FAILED
            self._end.set()


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _insist(code: int) -> None:
    """End the process in a while, even if a thread still works for a request that was cut off."""
    timer = threading.Timer(LETTING_GO, _leave, [code])
    timer.daemon = True
    timer.start()


def _leave(code: int) -> NoReturn:
    forget_all()
    lines.finish(0)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)

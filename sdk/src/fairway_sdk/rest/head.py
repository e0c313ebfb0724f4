"""uvicorn's protocol with a bound to its patience: a head has an end, and comes within a while.

Its parser keeps whatever comes until a head or a trailer is complete, and copies it with each piece that is added: one
connection with a header that never ends would take all memory, and all time of the event loop.
"""

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

LONGEST: Final = 65536  # bytes of a head beyond its first piece, as much as proxies let through
WITHIN: Final = 30.0  # seconds from a head's first byte to its last


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._waiting = 0  # bytes that led to nothing yet
        self._late: asyncio.TimerHandle | None = None
        self._moved = False
        self._in_head = False

    def data_received(self, data: bytes) -> None:
        """Take in a piece; give up on one who sends and sends, and never comes to a head's end."""
        self._moved = False
        super().data_received(data)
        if self._moved:
            self._waiting = 0
            if self._late is not None:
                self._late.cancel()
                self._late = None
            return
        self._waiting += len(data)
        if self._waiting > LONGEST:
            self._give_up()
        elif self._late is None and self._in_head:
            self._late = self.loop.call_later(WITHIN, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind the body is none, though the parser calls it so."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        self._moved = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._moved = True
        super().on_message_complete()

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_head and getattr(self.cycle, "response_complete", True):
            self.send_400_response("The head of the request is too long, or takes too long.")
        else:  # an answer is on its way, to one who does not wait for it
            self.transport.close()

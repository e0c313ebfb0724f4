"""The key that makes a repeated request have one effect: read where it comes in, sent along where it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

received: ContextVar[str] = ContextVar("fairway_idempotency_received", default="")
sent: ContextVar[str] = ContextVar("fairway_idempotency_sent", default="")


def idempotency_key() -> str:
    """Give the key of the request at hand; empty where its sender gave none.

    It is not passed on by itself: two different calls made for one request are two effects, and need two keys.
    """
    return received.get()


@contextmanager
def idempotency(key: str) -> Iterator[None]:
    """Send this key with the calls of the body; make one call to each callee in it.

        with idempotency(f"{order.id}:charge"):
            await payments.Charge(request)

    Letters, digits and signs of ASCII only: it travels in a header.
    """
    if not key.isascii() or not key.isprintable():
        raise ValueError("an idempotency key of printable ASCII signs is wanted, since it travels in a header.")
    token = sent.set(key)
    try:
        yield
    finally:
        sent.reset(token)

"""The tables of events in a service's own store: what is to be sent, in what order, and what is to be handled."""

from hashlib import blake2b
from typing import Final

import sqlalchemy as sa

from fairway_sdk.contract import TABLE_PREFIX
from fairway_sdk.stores.schema import tables

NAME: Final = 200  # characters of a channel, a kind, a key or a person; what is longer is told by its digest
LARGEST: Final = 1 << 24  # bytes of a document on MySQL

DUE: Final = "due"  # to be sent, or handled, once its time has come
PARKED: Final = "parked"  # a dead letter
HANDLED: Final = "handled"  # kept to know a repetition; without its content
UNKNOWN: Final = "unknown"  # of a kind that no handler here knows; a newer replica may

TURN: Final = "turn"
TASKS: Final = "fairway.tasks"  # where deferred work stands among the channels of an inbox; no channel has a dot

OUTBOX: Final = sa.Table(
    f"{TABLE_PREFIX}outbox",
    tables,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("channel", sa.String(NAME), nullable=False),
    sa.Column("kind", sa.String(NAME), nullable=False),
    sa.Column("key", sa.String(NAME), nullable=False),
    sa.Column("lane", sa.String(32), nullable=False),
    sa.Column("number", sa.BigInteger(), nullable=False),
    sa.Column("after", sa.BigInteger(), nullable=False),
    sa.Column("person", sa.String(NAME), nullable=False),  # as the envelope names them
    sa.Column("alias", sa.String(NAME), nullable=False),  # as an erasure finds them
    sa.Column("trace", sa.String(64), nullable=False),
    sa.Column("content", sa.LargeBinary(LARGEST), nullable=False),
    sa.Column("made_at", sa.Double(), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("due_at", sa.Double(), nullable=False),  # a row that is taken is due again when its lease ends
    sa.Column("owner", sa.String(32), nullable=False),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("failed_at", sa.Double(), nullable=False),
    sa.Column("reason", sa.String(NAME), nullable=False),
    sa.Column("error", sa.String(NAME), nullable=False),
    sa.Column("message", sa.String(400), nullable=False),
    sa.Index(f"{TABLE_PREFIX}outbox_next", "state", "number", "id"),
    sa.Index(f"{TABLE_PREFIX}outbox_taken", "state", "due_at"),
)
"""Events that were caused and are not yet safe at the broker."""

LANES: Final = sa.Table(
    f"{TABLE_PREFIX}lane",
    tables,
    sa.Column("lane", sa.String(32), primary_key=True),
    sa.Column("number", sa.BigInteger(), nullable=False),  # of the last event
    sa.Column("after", sa.BigInteger(), nullable=False),  # of the last event before the latest transaction
)
"""The last number of each ordered key: a transaction that emits for a key holds its row to the end of its commit.

One row more, `TURN`, is no key's: on MySQL a relay holds it while it takes a batch."""

INBOX: Final = sa.Table(
    f"{TABLE_PREFIX}inbox",
    tables,
    sa.Column("id", sa.String(32), primary_key=True),  # of consumer, channel and event: the same event is the same row
    sa.Column("consumer", sa.String(100), nullable=False),
    sa.Column("channel", sa.String(NAME), nullable=False),
    sa.Column("kind", sa.String(NAME), nullable=False),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("lane", sa.String(32), nullable=False),
    sa.Column("number", sa.BigInteger(), nullable=False),
    sa.Column("after", sa.BigInteger(), nullable=False),
    sa.Column("alias", sa.String(NAME), nullable=False, index=True),
    sa.Column("document", sa.LargeBinary(LARGEST), nullable=False),  # the envelope; empty once it is handled
    sa.Column("received_at", sa.Double(), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("due_at", sa.Double(), nullable=False),  # to handle it, to end its lease; of a handled one, to forget it
    sa.Column("owner", sa.String(32), nullable=False),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("failed_at", sa.Double(), nullable=False),
    sa.Column("reason", sa.String(NAME), nullable=False),
    sa.Column("error", sa.String(NAME), nullable=False),
    sa.Column("message", sa.String(400), nullable=False),
    sa.Index(f"{TABLE_PREFIX}inbox_next", "consumer", "channel", "state", "due_at"),
    sa.Index(f"{TABLE_PREFIX}inbox_lane", "lane", "number"),
)
"""Events that came in and deferred work: to be handled, handled, or parked."""


def digest(*words: str) -> str:
    """Give 32 characters that stand for some words: of one length in every store, and told apart letter by letter."""
    return blake2b("\0".join(words).encode(), digest_size=16).hexdigest()


def lane_of(channel: str, key: str) -> str:
    """Name the lane of events that wait for one another; empty for an event without a key."""
    return digest(channel, key) if key else ""


def fitting(text: str, length: int = NAME) -> str:
    """Give a text, or what stands for it where its column cannot hold it: too long, or with a zero in it."""
    return text if len(text) <= length and "\0" not in text else digest(text)

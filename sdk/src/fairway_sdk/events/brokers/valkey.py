"""Valkey, or Redis from 7.0: a stream for each channel, read by consumer groups.

An event is as safe as the server keeps it: `appendonly yes` with `appendfsync always`, and `maxmemory-policy
noeviction`; with replicas, an event is confirmed once they have it, too. A group that reads a channel for the first
time begins with the oldest event that is still kept. What a group has not taken in is never removed, however old.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ResponseError

from fairway_sdk.contract import EVENT_PREFIX
from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.brokers.intake import LARGEST_BATCH, Subscription
from fairway_sdk.events.brokers.outcomes import CONFIRMED_WITHIN, headers
from fairway_sdk.events.brokers.remote import RemoteBroker
from fairway_sdk.events.brokers.valkey_retention import trim
from fairway_sdk.events.brokers.valkey_turn import TURN_TRIED_EVERY, Turn
from fairway_sdk.events.event import Envelope
from fairway_sdk.lifecycle import Background

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairway_sdk.service import Service

log = structlog.get_logger("fairway")

PROBED_EVERY = 1.0  # seconds
TRIMMED_EVERY = 60.0  # seconds; sooner where events are kept for minutes
FORGOTTEN_AFTER = 3600.0  # seconds of silence, after which a member that holds nothing is struck off its group

Entry = tuple[bytes, dict[bytes, bytes] | None]


def stream(channel: str) -> str:
    """Name a channel's stream; the braces keep what belongs to it on one node of a cluster."""
    return f"{{{EVENT_PREFIX}{channel}}}"


class ValkeyBroker(RemoteBroker["Redis"]):
    """Streams of a Valkey or Redis server."""

    def __init__(self, service: "Service") -> None:
        super().__init__(service)
        self._trimming: Background | None = None
        self._member = f"{service.replica}-{uuid4().hex[:6]}"  # stays over reconnects: what it held comes back at once

    async def start(self) -> None:
        """Begin to connect, and to remove what need not be kept any more."""
        await super().start()
        if self.service.binding.publishes:
            self._trimming = Background()
            self._trimming.start(self._trim(), "trim streams")

    async def stop(self) -> None:
        """Finish what is being taken in, and disconnect."""
        if self._trimming:
            await self._trimming.stop()
        await super().stop()

    async def open(self) -> "Redis":
        """Connect; further connections of the pool log in with the credentials of their time."""
        bound = self.bound
        where: dict[str, Any] = {"unix_socket_path": bound.address.removeprefix("unix:")}
        if not bound.address.startswith("unix:"):
            host, _, port = bound.address.rpartition(":")
            where = {"host": host.strip("[]"), "port": int(port)}
            if bound.tls:
                where |= {"ssl": True, "ssl_ca_certs": bound.tls_authority or None}
        client = Redis(
            **where,
            credential_provider=_Credentials(self.credentials) if bound.password_secret else None,
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # trying again is the outbox's
            socket_timeout=CONFIRMED_WITHIN,
            socket_connect_timeout=CONFIRMED_WITHIN,
        )
        try:
            await client.ping()
        except BaseException:
            await client.aclose()
            raise
        return client

    async def lost(self, connection: "Redis") -> None:
        """Ask now and then whether the server is there."""
        while True:
            await asyncio.sleep(PROBED_EVERY)
            await connection.ping()

    async def close(self, connection: "Redis") -> None:
        """Close all connections of the pool."""
        await connection.aclose()

    async def hand_over(self, connection: "Redis", envelopes: Sequence[Envelope]) -> Sequence[Exception | None]:
        """Add all in one round trip; with replicas, wait until so many of them have it."""
        copies = self.bound.replicas - 1
        pipeline = connection.pipeline(transaction=False)
        for envelope in envelopes:
            seen = [part for pair in headers(envelope).items() for part in pair]
            pipeline.execute_command("XADD", stream(envelope.channel), "*", "document", envelope.encode(), *seen)
        if copies > 0:
            pipeline.execute_command("WAIT", copies, int(CONFIRMED_WITHIN * 500))
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        if copies > 0 and (isinstance(have := answers.pop(), Exception) or have < copies):
            lacking = UnavailableError(f"fewer than {copies} replicas of the broker have it")
            return [lacking] * len(envelopes)
        return [answer if isinstance(answer, Exception) else None for answer in answers]

    @asynccontextmanager
    async def intake(self, connection: "Redis", subscription: Subscription) -> AsyncIterator["_Intake"]:
        """Join the group, which begins with the oldest event; let another have the turn at the end."""
        intake = _Intake(connection, subscription, self._member, self.bound.takeover)
        await intake.join()
        try:
            yield intake
        finally:
            await intake.leave()

    async def _trim(self) -> None:
        told: set[tuple[str, str]] = set()
        while True:
            published = self.service.binding.publishes.items()
            await asyncio.sleep(min(TRIMMED_EVERY, *(bound.kept / 4 for _, bound in published)))
            if (connection := self._connection) is None:
                continue
            for channel, bound in published:
                try:
                    behind = {(channel, group) for group in await trim(connection, stream(channel), bound.kept)}
                except Exception as error:  # noqa: BLE001 - a later round removes it
                    log.debug("stream was not trimmed", channel=channel, error=type(error).__name__)
                    continue
                for _, group in sorted(behind - told):
                    log.warning("events are kept for a group that does not take them in", channel=channel, group=group)
                told = {known for known in told if known[0] != channel} | behind


class _Credentials(CredentialProvider):
    """User and password, asked for whenever a connection is made."""

    def __init__(self, now: "Callable[[], tuple[str, str]]") -> None:
        self._now = now

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Give them as the client wants them: without a name, the password is the default user's."""
        user, password = self._now()
        return (user, password) if user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Give them likewise."""
        return self.get_credentials()


class _Intake:
    """Reads as one member of a group: first what it or a silent member held, then what is new."""

    def __init__(self, client: "Redis", subscription: Subscription, member: str, takeover: float) -> None:
        self._client = client
        self._stream, self._group, self._member = stream(subscription.channel), subscription.group, member
        self._takeover = takeover
        self._turn = Turn(client, f"{self._stream}:{self._group}", member, takeover) if subscription.ordered else None
        self._held: list[bytes] = []  # ids of what was given and is not forgotten
        self._older = True  # whether something older than what is new may be there for us
        self._claimed = float("-inf")

    async def join(self) -> None:
        """Make the group where it is missing, and strike off members that are gone and hold nothing."""
        try:
            await self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        for member in await self._client.xinfo_consumers(self._stream, self._group):
            if not member["pending"] and member["idle"] > FORGOTTEN_AFTER * 1000:
                await self._client.xgroup_delconsumer(self._stream, self._group, member["name"])

    async def leave(self) -> None:
        """Let another have the turn at once; what is still in hand stays pending, and goes to whoever claims it."""
        if self._turn:
            await self._turn.release()

    async def holds(self) -> bool:
        """Ask for our turn, where there is one; an unordered batch may be claimed meanwhile, which does no harm."""
        return self._turn is None or await self._turn.keep() == "kept"

    async def more(self, wait: float) -> Sequence[bytes]:
        """Read older documents by their age, then new ones."""
        if self._turn and not await self._has_turn(self._turn):
            await asyncio.sleep(min(wait, TURN_TRIED_EVERY))
            return []
        now = asyncio.get_running_loop().time()
        if now - self._claimed > self._takeover / 2:
            self._claimed = now
            await self._claim()
        entries = await self._read("0", None) if self._older else []
        self._older = bool(entries)
        entries = entries or await self._read(">", int(min(wait, self._takeover / 4) * 1000))
        self._held = [identity for identity, _ in entries]
        if documents := [fields[b"document"] for _, fields in entries if fields]:
            return documents
        await self.forget()  # entries that somebody has deleted
        return []

    async def forget(self) -> None:
        """Acknowledge what was given."""
        if self._held:
            await self._client.xack(self._stream, self._group, *self._held)
            self._held = []

    async def _has_turn(self, turn: Turn) -> bool:
        state = await turn.keep()
        if state == "gained":
            self._claimed = float("-inf")
        return state != "others"

    async def _claim(self) -> None:
        """Take over what silent members hold; all that others hold, where it is our turn alone."""
        silent = 0 if self._turn else int(self._takeover * 1000)
        cursor = b"0-0"
        while True:
            cursor, claimed, *_ = await self._client.xautoclaim(
                self._stream, self._group, self._member, silent, cursor, count=LARGEST_BATCH
            )
            self._older = self._older or bool(claimed)
            if cursor == b"0-0":
                return

    async def _read(self, after: str, block: int | None) -> list[Entry]:
        found: Any = await self._client.xreadgroup(
            self._group, self._member, {self._stream: after}, count=LARGEST_BATCH, block=block
        )
        return found[0][1] if found else []

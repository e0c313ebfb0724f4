"""What tests of a broker's adapter need: publishers, members that take in, and one that can be killed while it does."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import structlog

from fairway_sdk.configuration.placement import Placement
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract import BINDING_FILE, CONFIGURATION_VARIABLE, SECRETS_VARIABLE
from fairway_sdk.contract.binding import Binding, Broker, Consumed, Published
from fairway_sdk.events.broker import Broker as Carrier
from fairway_sdk.events.event import Envelope
from fairway_sdk.service import Service

PATIENCE = 60.0  # seconds that a test waits for what must come


class Reader:
    """Takes documents in, unless it is told to fail; several may share what was taken, as they do an inbox."""

    def __init__(self, taken: list[Envelope] | None = None, takes: float = 0.0) -> None:
        self.taken: list[Envelope] = [] if taken is None else taken
        self.takes = takes  # seconds, for a batch
        self.failing = False
        self.tries = 0

    async def take(self, documents: Sequence[bytes]) -> None:
        """Take a batch in."""
        self.tries += 1
        await asyncio.sleep(self.takes)
        if self.failing:
            raise RuntimeError("the inbox is away")
        self.taken.extend(Envelope.decode(document) for document in documents)

    @property
    def ids(self) -> list[str]:
        """Name what was taken in, in this order; what came twice is named twice."""
        return [envelope.id for envelope in self.taken]

    async def has(self, wanted: Sequence[Envelope]) -> None:
        """Wait until all of some envelopes were taken in."""
        names = {envelope.id for envelope in wanted}
        await until(lambda: names <= set(self.ids))


class Site:
    """Where services of one broker run; of each only its side of the broker."""

    def __init__(self, folder: Path, bound: Broker) -> None:
        self.folder, self.bound = folder, bound

    def binding(self, name: str, channel: str, *, ordered: bool = False, published: Published | None = None) -> Binding:
        """Bind a service of this name to one channel: as its publisher, if it is called so, else as its consumer."""
        key = "key" if ordered else None
        publisher = name == "publisher"
        return Binding(
            service=name,
            broker=self.bound,
            replica=f"{name}-{uuid4().hex[:6]}",
            publishes={channel: published or Published(ordered_by=key)} if publisher else {},
            consumes={} if publisher else {channel: Consumed(ordered_by=key)},
        )

    def broker(self, binding: Binding) -> Carrier:
        """Give the broker of a service that is placed so."""
        service = Service(binding.service)
        service.place(Placement(binding=binding, values=Values(self.folder), secrets=Secrets(self.folder)))
        return service.broker

    @asynccontextmanager
    async def publisher(
        self, channel: str, *, ordered: bool = False, published: Published | None = None
    ) -> AsyncIterator[Carrier]:
        """Run the broker of a publisher."""
        broker = self.broker(self.binding("publisher", channel, ordered=ordered, published=published))
        await broker.start()
        try:
            yield broker
        finally:
            await broker.stop()

    @asynccontextmanager
    async def reader(
        self, channel: str, group: str = "shop", *, ordered: bool = False, reader: Reader | None = None
    ) -> AsyncIterator[Reader]:
        """Run the broker of one member of a group, until it has joined it."""
        reader = reader or Reader()
        broker = self.broker(self.binding(group, channel, ordered=ordered))
        broker.subscribe(channel, group, reader.take)
        await broker.start()
        try:
            async with asyncio.timeout(PATIENCE):
                while await broker.unready():  # noqa: ASYNC110 - it changes without telling
                    await asyncio.sleep(0.01)
            yield reader
        finally:
            await broker.stop()

    @contextmanager
    def holder(self, channel: str, *, ordered: bool = False) -> Iterator[subprocess.Popen[str]]:
        """Run a member of the group 'shop' in a process of its own: it says what it is given, and never takes it in."""
        folder = self.folder / uuid4().hex
        folder.mkdir()
        (folder / BINDING_FILE).write_bytes(msgspec.json.encode(self.binding("shop", channel, ordered=ordered)))
        command = [sys.executable, __file__, channel, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


def envelope(channel: str, number: int = 0, key: str = "", content: object = None) -> Envelope:
    """Make an envelope."""
    document = msgspec.Raw(json.dumps(content or {"number": number}).encode())
    return Envelope(id=uuid4().hex, channel=channel, kind="OrderPlaced", content=document, key=key, number=number)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a test may."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - it changes without telling
            await asyncio.sleep(0.01)


async def published(broker: Carrier, envelopes: Sequence[Envelope]) -> None:
    """Publish as the outbox does: what was not confirmed is sent again, until all is."""
    left = list(envelopes)
    async with asyncio.timeout(PATIENCE):
        while left:
            outcomes = await broker.publish(left)
            left = [one for one, outcome in zip(left, outcomes, strict=True) if outcome is not None]
            if left:
                await asyncio.sleep(0.05)


async def hold(channel: str) -> None:
    """Be given documents, say so, and never take them in."""

    async def take(documents: Sequence[bytes]) -> None:
        sys.stdout.write(" ".join(Envelope.decode(document).id for document in documents) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    service = Service("shop")
    service.broker.subscribe(channel, "shop", take)
    await service.broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.environ |= {CONFIGURATION_VARIABLE: sys.argv[2], SECRETS_VARIABLE: sys.argv[2]}
    asyncio.run(hold(sys.argv[1]))

"""What no broker may lose: members are killed in mid-batch, brokers in mid-publish."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from fairway_sdk.contract.binding import Broker, Published
from fairway_sdk.errors import UnavailableError
from fairway_sdk.events.broker import Broker as Carrier
from fairway_sdk.testing.servers import Kafka, Nats, RabbitMQ, Valkey
from fairway_sdk.testing.servers.process import free_port

from .carrying import PATIENCE, Reader, Site, envelope, published, until

Server = Valkey | Nats | RabbitMQ | Kafka


def away(server: Server) -> None:
    """Take a broker away as a power cut would; Kafka's stand-in keeps nothing on disk, so it is cut off the network."""
    if isinstance(server, Kafka):
        server.cut()
    else:
        server.kill()


def back(server: Server) -> None:
    """Bring it back with what it had stored."""
    if isinstance(server, Kafka):
        server.mend()
    else:
        server.start()


@pytest.mark.parametrize("ordered", [False, True], ids=["unordered", "ordered"])
async def test_what_a_killed_member_held_goes_to_another(site: Site, channel: str, *, ordered: bool) -> None:
    """A member that dies by kill -9 while it takes documents in has taken none of them away."""
    sent = [envelope(channel, number, "key") for number in range(40)]
    bound = Published(consumers=("shop",))
    async with site.publisher(channel, ordered=ordered, published=bound) as broker:
        await published(broker, sent[:20])
        with site.holder(channel, ordered=ordered) as member:
            assert member.stdout is not None
            given = await asyncio.to_thread(member.stdout.readline)
            assert set(given.split()) <= {one.id for one in sent}
            assert given
            member.kill()
            member.wait()
        async with site.reader(channel, ordered=ordered) as reader:
            await published(broker, sent[20:])
            await reader.has(sent)
    if ordered:
        assert reader.ids == [one.id for one in sent]


async def test_a_broker_that_dies_while_it_is_busy_loses_nothing_it_confirmed(
    site: Site, channel: str, server: Server
) -> None:
    """The broker is killed by kill -9 while events come and go, and comes back: all that it confirmed arrives.

    Meanwhile the outbox hears at once that it is away, and the log says once that it went, and once that it is back.
    """
    confirmed: list[str] = []
    refused: list[Exception] = []
    async with site.publisher(channel) as broker, site.reader(channel) as reader:

        async def publish() -> None:
            for number in count():
                batch = [envelope(channel, number, f"key-{step}") for step in range(20)]
                outcomes = await broker.publish(batch)
                confirmed.extend(one.id for one, outcome in zip(batch, outcomes, strict=True) if outcome is None)
                refused.extend(outcome for outcome in outcomes if outcome is not None)
                await asyncio.sleep(0.01)

        with structlog.testing.capture_logs() as logged:
            publishing = asyncio.create_task(publish())
            await until(lambda: len(confirmed) >= 200 and bool(reader.taken))
            await asyncio.to_thread(away, server)
            before = len(confirmed)
            try:
                await until(lambda: _told(logged, "broker does not answer") == 2)  # the publisher's and the reader's
                started = asyncio.get_running_loop().time()
                (outcome,) = await broker.publish([envelope(channel)])
                assert isinstance(outcome, UnavailableError)
                assert asyncio.get_running_loop().time() - started < 0.2
                assert await broker.unready() is None  # the outbox waits, and requests need no broker
            finally:
                await asyncio.to_thread(back, server)
            await until(lambda: len(confirmed) >= before + 200)
            await until(lambda: _told(logged, "broker answers again") == 2)
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing
        await until(lambda: set(confirmed) <= set(reader.ids))
    assert _told(logged, "broker does not answer") == 2
    assert all(isinstance(error, UnavailableError) for error in refused)


def _told(logged: Sequence[Mapping[str, Any]], event: str) -> int:
    return sum(line["event"] == event for line in logged)


@pytest.mark.parametrize("kind", ["redis", "nats", "rabbitmq", "kafka"])
async def test_a_service_starts_without_its_broker(tmp_path: Path, channel: str, kind: str) -> None:
    """Starting waits for nothing: a consumer is not ready until it has reached the broker, a publisher is."""
    bound = Broker(kind=kind, address=f"127.0.0.1:{free_port()}")  # type: ignore[arg-type] # one of the kinds
    site = Site(tmp_path, bound)
    consumer, publisher = _consumer(site, channel), site.broker(site.binding("publisher", channel))
    try:
        async with asyncio.timeout(0.5):
            await consumer.start()
            await publisher.start()
        assert await consumer.unready() is not None
        assert await publisher.unready() is None
        (outcome,) = await publisher.publish([envelope(channel)])
        assert isinstance(outcome, UnavailableError)
    finally:
        async with asyncio.timeout(PATIENCE):
            await consumer.stop()
            await publisher.stop()


def _consumer(site: Site, channel: str) -> Carrier:
    found = site.broker(site.binding("shop", channel))
    found.subscribe(channel, "shop", Reader().take)
    return found


async def test_one_event_that_is_refused_does_not_hold_up_the_others(site: Site, channel: str, server: Server) -> None:
    """Each envelope has an outcome of its own."""
    if isinstance(server, Valkey | RabbitMQ):
        pytest.skip("it takes events of any size that a test could make")
    sent = [envelope(channel, number) for number in range(3)]
    sent[1] = msgspec.structs.replace(sent[1], content=msgspec.Raw(b'"' + b"x" * 2_000_000 + b'"'))
    async with site.publisher(channel) as broker, site.reader(channel) as reader:
        outcomes = await broker.publish(sent)
        assert [outcome is None for outcome in outcomes] == [True, False, True]
        await reader.has([sent[0], sent[2]])

"""What is NATS's own: settings of streams, events sent twice, a password that changes, and TLS."""

from pathlib import Path

import msgspec
import nats as client_of_nats
import pytest

from fairway_sdk.contract.binding import Published
from fairway_sdk.events.brokers.nats import named, subject
from fairway_sdk.testing.servers import Nats

from ...stores.certificates import issue  # noqa: TID252 - tests are no package that has a name
from .carrying import Site, envelope, published


@pytest.fixture
def own(tmp_path: Path, nats: Nats) -> Nats:
    """Give a server of the test's own, not started yet."""
    assert nats.process, "it is installed"
    return Nats(tmp_path)


async def test_a_stream_follows_its_publishers_binding(nats: Nats, tmp_path: Path, channel: str) -> None:
    """Whoever comes first makes the stream; how long it keeps events is the publisher's to say, and to change."""
    site = Site(tmp_path, nats.broker())
    operator = await client_of_nats.connect(f"nats://{nats.address}")
    try:
        async with site.reader(channel) as reader:
            for kept in (3600.0, 7200.0):
                one = envelope(channel)
                async with site.publisher(channel, published=Published(kept=kept)) as broker:
                    await published(broker, [one])
                    await reader.has([one])
                found = await operator.jetstream().stream_info(named(subject(channel)))
                assert found.config.max_age == kept
    finally:
        await operator.close()


async def test_an_event_that_is_sent_twice_is_stored_once(nats: Nats, tmp_path: Path, channel: str) -> None:
    """What the outbox sends again since it did not hear the confirmation is known by its id; a redriven one is new."""
    site = Site(tmp_path, nats.broker())
    one = envelope(channel)
    redriven = msgspec.structs.replace(one, attempt=1)
    async with site.publisher(channel) as broker:
        for _ in range(3):
            assert await broker.publish([one, redriven]) == [None, None]
        async with site.reader(channel) as reader:
            await reader.has([one])
        assert reader.taken == [one, redriven]


async def test_a_password_that_changes_is_read_again(own: Nats, tmp_path: Path, channel: str) -> None:
    """When the server insists on a new password, the next connection shows it, without a restart of the service."""
    secret = tmp_path / "broker-password"
    bound = msgspec.structs.replace(own.broker(), user="shop", password_secret=secret.name)
    site = Site(tmp_path, bound)
    sent = [envelope(channel) for _ in range(2)]
    secret.write_text("first\n")
    own.options = ["--user", "shop", "--pass", "first"]
    with own:
        async with site.publisher(channel) as broker, site.reader(channel) as reader:
            await published(broker, sent[:1])
            await reader.has(sent[:1])
            own.stop()
            secret.write_text("second\n")
            own.options = ["--user", "shop", "--pass", "second"]
            own.start()
            await published(broker, sent[1:])
            await reader.has(sent)


async def test_a_server_must_prove_its_name_where_tls_is_bound(own: Nats, tmp_path: Path, channel: str) -> None:
    """With the right authority events flow over TLS; with another one, the service does not talk to the server."""
    right, wrong = issue(tmp_path / "right"), issue(tmp_path / "wrong")
    own.options = ["--tls", "--tlscert", str(right.certificate), "--tlskey", str(right.key)]
    one = envelope(channel)
    with own:
        site = Site(tmp_path, msgspec.structs.replace(own.broker(), tls=True, tls_authority=str(right.authority)))
        async with site.publisher(channel) as broker, site.reader(channel) as reader:
            await published(broker, [one])
            await reader.has([one])
        site.bound = msgspec.structs.replace(site.bound, tls_authority=str(wrong.authority))
        async with site.publisher(channel) as broker:
            (outcome,) = await broker.publish([one])
            assert "certificate" in str(outcome).lower()

"""What is Valkey's own: how long a stream keeps events, whose turn it is, and a password that changes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from fairway_sdk.contract.binding import Published
from fairway_sdk.events.brokers.valkey import stream
from fairway_sdk.testing.servers import Valkey

from .carrying import Reader, Site, envelope, published, until


@pytest.fixture
async def client(valkey: Valkey) -> AsyncIterator[Redis]:
    """Give an operator's client."""
    async with Redis(unix_socket_path=valkey.address.removeprefix("unix:"), protocol=2) as client:
        yield client


@pytest.fixture
def site(valkey: Valkey, tmp_path: Path) -> Site:
    """Give a site on Valkey."""
    return Site(tmp_path, msgspec.structs.replace(valkey.broker(), takeover=1.0))


async def test_events_are_removed_when_their_time_is_over(site: Site, channel: str, client: Redis) -> None:
    """A stream holds what was published within its time, once every group has taken it in."""
    sent = [envelope(channel, number) for number in range(20)]
    bound = Published(kept=0.4)
    async with site.publisher(channel, published=bound) as broker, site.reader(channel) as reader:
        await published(broker, sent)
        await reader.has(sent)
        async with asyncio.timeout(5):
            while await client.xlen(stream(channel)):  # noqa: ASYNC110 - the server does not tell
                await asyncio.sleep(0.05)


async def test_what_a_group_has_not_taken_in_is_kept_beyond_its_time(site: Site, channel: str, client: Redis) -> None:
    """Neither what a member holds nor what nobody was given yet is removed, while another group is long past it."""
    sent = [envelope(channel, number) for number in range(150)]  # more than one batch
    bound = Published(kept=0.4)
    async with site.publisher(channel, published=bound) as broker:
        async with site.reader(channel, "shop") as holds:
            holds.failing = True
            async with site.reader(channel, "mail") as mail:
                await published(broker, sent)
                await mail.has(sent)
                await until(lambda: holds.tries > 0)
        await asyncio.sleep(1.0)
        assert await client.xlen(stream(channel)) == len(sent)
        async with site.reader(channel, "shop") as reader:
            await reader.has(sent)
            async with asyncio.timeout(5):
                while await client.xlen(stream(channel)):  # noqa: ASYNC110 - the server does not tell
                    await asyncio.sleep(0.05)


async def test_an_ordered_channel_is_taken_in_by_one_member_at_a_time(site: Site, channel: str) -> None:
    """While one member has its turn the others get nothing; when it leaves, another follows at once."""
    sent = [envelope(channel, number, "key") for number in range(400)]
    async with site.publisher(channel, ordered=True) as broker, site.reader(channel, ordered=True) as first:
        await published(broker, sent[:1])
        await first.has(sent[:1])
        async with site.reader(channel, ordered=True) as second:
            for start in range(1, 200, 20):
                await published(broker, sent[start : start + 20])
            await first.has(sent[:200])
            assert not second.taken


async def test_a_member_that_was_gone_too_long_does_not_take_in_its_old_turn(
    site: Site, channel: str, client: Redis
) -> None:
    """A member whose turn went to another while its inbox failed lets go of what it held."""
    sent = [envelope(channel, number, "key") for number in range(10)]
    async with site.publisher(channel, ordered=True) as broker, site.reader(channel, ordered=True) as stuck:
        stuck.failing = True
        await published(broker, sent)
        await until(lambda: stuck.tries > 0)
        await client.set(f"{stream(channel)}:shop", "another member", px=700)
        stuck.failing = False
        async with site.reader(channel, ordered=True) as follows:
            await until(lambda: len(stuck.ids) + len(follows.ids) >= len(sent))
            await asyncio.sleep(0.5)
    assert sorted(stuck.ids + follows.ids) == sorted(one.id for one in sent)


async def test_a_password_that_changes_is_read_again(tmp_path: Path, channel: str) -> None:
    """A rotated password is used by the next connection, without a restart of the service."""
    with Valkey(tmp_path) as valkey:
        secret = tmp_path / "broker-password"
        secret.write_text("first\n")
        async with Redis(unix_socket_path=valkey.address.removeprefix("unix:")) as client:
            await client.acl_setuser("shop", enabled=True, passwords=["+first"], keys="*", categories=["+@all"])
            bound = msgspec.structs.replace(valkey.broker(), user="shop", password_secret=secret.name)
            site = Site(tmp_path, bound)
            sent = [envelope(channel) for _ in range(2)]
            async with site.publisher(channel) as broker, site.reader(channel) as reader:
                await published(broker, sent[:1])
                await reader.has(sent[:1])
                secret.write_text("second\n")
                await client.acl_setuser("shop", enabled=True, passwords=["+second", "-first"])
                await client.client_kill_filter(user="shop")
                await published(broker, sent[1:])
                await reader.has(sent[1:])


async def test_a_group_may_be_removed_by_an_operator(site: Site, channel: str, client: Redis) -> None:
    """A group that was destroyed while its members live is made again; it begins with what is still kept."""
    sent = [envelope(channel, number) for number in range(2)]
    async with site.publisher(channel) as broker, site.reader(channel, reader=Reader()) as reader:
        await published(broker, sent[:1])
        await reader.has(sent[:1])
        await client.xgroup_destroy(stream(channel), "shop")
        await published(broker, sent[1:])
        await reader.has(sent)

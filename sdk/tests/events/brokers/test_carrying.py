"""Every broker carries envelopes alike, while it is there."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from uuid import uuid4

import pytest

from fairway_sdk.contract.binding import Broker, Published
from fairway_sdk.events.brokers import rabbitmq
from fairway_sdk.testing.servers import Kafka

from .carrying import Reader, Site, envelope, published, until

KEYS = 7


class Memory:
    """The hub within this process, which has no server."""

    def broker(self) -> Broker:
        """Give the binding of a hub of the test's own."""
        return Broker(kind="memory", address=uuid4().hex)


@pytest.fixture(params=["memory", "valkey", "nats", "rabbitmq", "kafka"])
def server(request: pytest.FixtureRequest) -> object:
    """Give a running server of each kind, and the hub for tests, which must do the same."""
    found: object = Memory() if request.param == "memory" else request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use new queues at once: here no broker dies."""
    monkeypatch.setattr(rabbitmq, "RECORDED_AFTER", 0.0)


async def test_what_is_published_arrives_as_it_was(site: Site, channel: str) -> None:
    """Nothing of an envelope is lost or changed on the way, whatever its content holds."""
    sent = envelope(channel, 1, "a key: ü/ß\n", {"title": "Ünïcode\r\n\x00", "list": [1, None, 2.5]})
    async with site.publisher(channel) as broker, site.reader(channel) as reader:
        await published(broker, [sent])
        await reader.has([sent])
    assert reader.taken == [sent]


async def test_each_group_is_given_everything(site: Site, channel: str) -> None:
    """Two services that consume a channel do not take from one another."""
    sent = [envelope(channel, number) for number in range(30)]
    bound = Published(consumers=("shop", "mail"))
    async with (
        site.publisher(channel, published=bound) as broker,
        site.reader(channel, "shop") as shop,
        site.reader(channel, "mail") as mail,
    ):
        await published(broker, sent)
        await shop.has(sent)
        await mail.has(sent)
    assert len(shop.ids) == len(mail.ids) == len(sent)


async def test_what_was_published_before_a_group_first_came_waits_for_it(site: Site, channel: str) -> None:
    """A consumer that is deployed after its publisher misses nothing."""
    sent = [envelope(channel, number) for number in range(10)]
    async with site.publisher(channel, published=Published(consumers=("shop",))) as broker:
        await published(broker, sent)
    async with site.reader(channel) as reader:
        await reader.has(sent)


async def test_members_of_a_group_share_and_none_is_given_what_another_took(
    site: Site, channel: str, server: object
) -> None:
    """A document goes to one member; when one leaves, the other goes on."""
    if isinstance(server, Kafka):
        pytest.skip("Kafka's stand-in has no groups of several members that join at once")
    sent = [[envelope(channel, number) for number in range(60)] for _ in range(2)]
    async with site.publisher(channel) as broker, site.reader(channel) as stays:
        async with site.reader(channel) as leaves:
            await published(broker, sent[0])
            await until(lambda: len(stays.ids) + len(leaves.ids) >= 60)
        await published(broker, sent[1])
        await until(lambda: len(stays.ids) + len(leaves.ids) >= 120)
    everything = stays.ids + leaves.ids
    assert sorted(everything) == sorted(one.id for part in sent for one in part)


async def test_equal_keys_keep_their_order_while_members_come_and_go(site: Site, channel: str, server: object) -> None:
    """On an ordered channel nothing is taken in before what was published earlier under its key."""
    sent = [envelope(channel, number, f"key-{number % KEYS}") for number in range(600)]
    inbox = Reader()

    def member(takes: float) -> AbstractAsyncContextManager[Reader]:
        return site.reader(channel, ordered=True, reader=Reader(inbox.taken, takes))

    bound = Published(ordered_by="key", consumers=("shop",))
    async with site.publisher(channel, published=bound) as broker, AsyncExitStack() as members:
        async with member(takes=0.03):  # a slow one, which a quick one would overtake
            if not isinstance(server, Kafka):  # its stand-in has no groups of several members that join at once
                await members.enter_async_context(member(takes=0.0))
            for start in range(0, 300, 25):
                await published(broker, sent[start : start + 25])
        await members.enter_async_context(member(takes=0.02))
        for start in range(300, 600, 25):
            await published(broker, sent[start : start + 25])
        await inbox.has(sent)
    first = dict.fromkeys(inbox.ids)  # a batch may come again, to a member that takes over
    for key in range(KEYS):
        order = [one.id for one in sent if one.number % KEYS == key]
        assert [name for name in first if name in set(order)] == order


async def test_what_cannot_be_taken_in_comes_again_and_nothing_overtakes_it(site: Site, channel: str) -> None:
    """A member whose inbox fails is given the same documents after a pause, in the same order."""
    sent = [envelope(channel, number, "one key") for number in range(20)]
    async with site.publisher(channel, ordered=True) as broker, site.reader(channel, ordered=True) as reader:
        reader.failing = True
        await published(broker, sent[:10])
        await until(lambda: reader.tries >= 3)
        await published(broker, sent[10:])
        assert not reader.taken
        reader.failing = False
        await reader.has(sent)
    assert list(dict.fromkeys(reader.ids)) == [one.id for one in sent]


async def test_what_could_not_be_taken_in_goes_to_the_next_member(site: Site, channel: str) -> None:
    """A member that stops while its inbox fails loses nothing."""
    sent = [envelope(channel, number) for number in range(10)]
    async with site.publisher(channel) as broker, site.reader(channel) as fails:
        fails.failing = True
        await published(broker, sent)
        await until(lambda: fails.tries >= 1)
    async with site.reader(channel) as reader:
        await reader.has(sent)
    assert not fails.taken


async def test_what_was_taken_in_does_not_come_again(site: Site, channel: str) -> None:
    """A member that stops in good order has told the broker of all that it took."""
    sent = [[envelope(channel, number) for number in range(10)] for _ in range(2)]
    async with site.publisher(channel) as broker:
        async with site.reader(channel) as before:
            await published(broker, sent[0])
            await before.has(sent[0])
        await published(broker, sent[1])
        async with site.reader(channel) as after:
            await after.has(sent[1])
    assert set(after.ids) == {one.id for one in sent[1]}


async def test_a_broker_may_be_stopped_and_started_again(site: Site, channel: str) -> None:
    """Starting makes anew what stopping let go of."""
    sent = [envelope(channel, number) for number in range(4)]
    reader = Reader()
    broker = site.broker(site.binding("publisher", channel))
    broker.subscribe(channel, "shop", reader.take)
    for one in sent:
        await broker.start()
        await published(broker, [one])
        await reader.has([one])
        await broker.stop()
    assert reader.ids == [one.id for one in sent]


async def test_a_batch_goes_over_in_one_go(site: Site, channel: str) -> None:
    """Publishing many at once is far quicker than one after the other would be."""
    sent = [envelope(channel, number) for number in range(500)]
    async with site.publisher(channel) as broker, site.reader(channel) as reader:
        await published(broker, sent[:1])
        started = asyncio.get_running_loop().time()
        assert not any(await broker.publish(sent[1:]))
        assert asyncio.get_running_loop().time() - started < 2.0
        await reader.has(sent)


async def test_nothing_is_published_by_an_empty_batch(site: Site, channel: str) -> None:
    """A relay that finds nothing to do may say so."""
    async with site.publisher(channel) as broker:
        assert not await broker.publish([])

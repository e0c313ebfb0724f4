"""Sealed documents: personal fields open for one person at one place, everything else stays readable."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairway_sdk import Event, Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.personal.boxes import BrokenSealError, ErasedError
from fairway_sdk.personal.keyring import Keyring
from fairway_sdk.personal.marks import marks
from fairway_sdk.personal.sealing import PERSONAL, has_personal, open_all, seal, unseal

MakeService = Callable[..., Service]

Email = Annotated[str, PERSONAL]


class Address(msgspec.Struct, frozen=True):
    """Half of it is personal."""

    street: Annotated[str, PERSONAL]
    country: str


class ByPost(msgspec.Struct, frozen=True, tag="post"):
    """One member of a union."""

    to: Address


class ByMail(msgspec.Struct, frozen=True, tag="mail"):
    """The other member, with the same field of another kind."""

    to: Email


class Point(msgspec.Struct, frozen=True, array_like=True, tag="point"):
    """Is written as an array."""

    name: Annotated[str, PERSONAL]
    weight: float


class Pair(NamedTuple):
    """Is written as an array, too."""

    label: str
    phone: Annotated[str, PERSONAL]


class OrderPlaced(Event, frozen=True, rename="camel"):
    """Every way in which a field can be personal."""

    channel = "order-placed"
    person = "reader"

    order_id: UUID
    reader: str
    email: Email
    born: Annotated[date | None, PERSONAL] = None
    total: Annotated[Decimal, PERSONAL] = Decimal("0.10")
    weights: Annotated[dict[int, float], PERSONAL] = msgspec.field(default_factory=dict)
    addresses: list[Address] = msgspec.field(default_factory=list)
    by_name: dict[str, Address] = msgspec.field(default_factory=dict)
    delivery: ByPost | ByMail | None = None
    nickname: Annotated[str, PERSONAL] | None = None
    point: Point | None = None
    pair: Pair | None = None
    fixed: tuple[int, Annotated[int, PERSONAL]] = (1, 2)
    note: str = "gift"


class Node(msgspec.Struct):
    """Contains itself."""

    name: Email
    below: list["Node"] = []


class Plain(msgspec.Struct):
    """Has nothing personal."""

    name: str
    below: list["Plain"] = []


@pytest.fixture
async def keyring(make_service: MakeService, sqlite: Store) -> AsyncIterator[Keyring]:
    """Give an open keyring."""
    async with make_service(sqlite).running() as service:
        yield service.keyring


def placed(**further: Any) -> OrderPlaced:  # noqa: ANN401 - whatever its fields take
    """Make an event."""
    return OrderPlaced(order_id=uuid4(), reader="ada", email="ada@example.com", **further)


FULL = {
    "born": date(1815, 12, 10),
    "total": Decimal("1234567890.123456789"),
    "weights": {1: 0.5, 2: 1e300},
    "addresses": [Address("12 St James's Square", "UK"), Address("Ockham Park", "UK")],
    "by_name": {"home": Address("Ockham Park", "UK")},
    "delivery": ByPost(Address("Kirkby Mallory", "UK")),
    "nickname": "Enchantress",
    "point": Point("Here", 2.5),
    "pair": Pair("mobile", "+44 20 7946 0000"),
    "fixed": (7, 8),
}
SECRETS = (
    *(
        "ada@example.com",
        "1815",
        "123456789",
        "1e300",
        "1e+300",
        "James",
        "Ockham",
        "Kirkby",
        "Enchantress",
        "Here",
        "7946",
    ),
)


async def test_only_the_personal_fields_are_hidden(keyring: Keyring) -> None:
    """At any depth and of any type; names, keys and plain fields stay readable."""
    event = placed(**FULL)
    document = await seal(event, "ada", keyring)
    text = document.decode()
    assert not [secret for secret in SECRETS if secret in text]
    seen = json.loads(document)
    assert seen["orderId"] == str(event.order_id)
    assert seen["note"] == "gift"
    assert seen["addresses"][1]["country"] == "UK"
    assert seen["email"]["place"] == "OrderPlaced/email"
    assert seen["addresses"][1]["street"]["place"] == "OrderPlaced/addresses/1/street"
    assert await unseal(document, OrderPlaced, "ada", keyring) == event
    assert await unseal(msgspec.Raw(document), OrderPlaced, "ada", keyring) == event


async def test_a_document_without_marks_is_plain_json(keyring: Keyring) -> None:
    """It costs no key, and needs no person."""
    assert not has_personal(Plain)
    document = await seal(Plain("x"), "", keyring)
    assert document == b'{"name":"x","below":[]}'
    assert (await unseal(document, Plain, "", keyring)).name == "x"


async def test_a_type_that_contains_itself_is_sealed_at_every_level(keyring: Keyring) -> None:
    """A tree's names are sealed down to its leaves."""
    tree = Node("root", [Node("branch", [Node("leaf")])])
    document = await seal(tree, "ada", keyring)
    assert b"leaf" not in document
    assert await unseal(document, Node, "ada", keyring) == tree


async def test_nothing_opens_once_the_person_is_erased(keyring: Keyring) -> None:
    """Neither an old document nor a new one."""
    document = await seal(placed(), "ada", keyring)
    await keyring.erase("ada")
    with pytest.raises(ErasedError):
        await unseal(document, OrderPlaced, "ada", keyring)
    with pytest.raises(ErasedError):
        await seal(placed(), "ada", keyring)


async def test_a_document_of_another_person_does_not_open(keyring: Keyring) -> None:
    """Neither as a whole nor field by field."""
    document = await seal(placed(), "ada", keyring)
    await keyring.key("bob")
    with pytest.raises(BrokenSealError, match="OrderPlaced/email"):
        await unseal(document, OrderPlaced, "bob", keyring)


async def test_a_sealed_field_opens_at_its_own_place_only(keyring: Keyring) -> None:
    """Moved to another field, another type, or under a forged place, it is refused."""
    parts = json.loads(await seal(placed(nickname="E"), "ada", keyring))
    moved = parts | {"nickname": parts["email"]}
    with pytest.raises(BrokenSealError, match="was moved or renamed"):
        await unseal(json.dumps(moved).encode(), OrderPlaced, "ada", keyring)
    moved["nickname"] = parts["email"] | {"place": "OrderPlaced/nickname"}
    with pytest.raises(BrokenSealError, match="does not open"):
        await unseal(json.dumps(moved).encode(), OrderPlaced, "ada", keyring)
    with pytest.raises(BrokenSealError, match="was moved or renamed"):
        await unseal(json.dumps({"to": parts["email"], "type": "mail"}).encode(), ByMail, "ada", keyring)


async def test_a_changed_byte_is_noticed(keyring: Keyring) -> None:
    """Of the layout's version, the nonce, the ciphertext and the proof alike."""
    parts = json.loads(await seal(placed(), "ada", keyring))
    box = base64.b64decode(parts["email"]["sealed"])
    for at in (0, 5, 14, len(box) - 1):
        changed = box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :]
        parts["email"]["sealed"] = base64.b64encode(changed).decode()
        with pytest.raises(BrokenSealError):
            await unseal(json.dumps(parts).encode(), OrderPlaced, "ada", keyring)


async def test_a_field_that_became_personal_later_is_still_read(keyring: Keyring) -> None:
    """Documents from before the mark hold the plain value."""
    await keyring.key("ada")
    document = msgspec.json.encode(placed(nickname="E"))
    assert (await unseal(document, OrderPlaced, "ada", keyring)).nickname == "E"


async def test_a_renamed_type_reads_what_its_old_name_sealed(keyring: Keyring) -> None:
    """`sealed_as` keeps the name that stands in the documents."""

    class Placed(msgspec.Struct):
        sealed_as: ClassVar[str] = "OrderPlaced"
        email: Email

    document = await seal(placed(), "ada", keyring)
    assert (await unseal(document, Placed, "ada", keyring)).email == "ada@example.com"


async def test_personal_fields_without_a_person_are_refused(keyring: Keyring) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="OrderPlaced: has personal fields, and names no person"):
        await seal(placed(), "", keyring)


def test_personal_keys_of_a_mapping_are_refused() -> None:
    """They could not be read without the key, so the whole mapping is to be marked."""

    class Wrong(msgspec.Struct):
        by_mail: dict[Email, int]

    assert has_personal(Wrong)
    with pytest.raises(TypeError, match="keys of a mapping cannot be personal"):
        marks(Wrong)


async def test_a_document_opens_without_its_type(keyring: Keyring) -> None:
    """An export needs no code of the service; for an erased person the fields are none."""
    document = json.loads(await seal(placed(**FULL), "ada", keyring))
    wrapped = {"input": [document]}
    opened = open_all(wrapped, await keyring.key("ada"))["input"][0]
    assert opened["addresses"][0]["street"] == "12 St James's Square"
    assert opened["pair"] == ["mobile", "+44 20 7946 0000"]
    assert open_all(wrapped, None)["input"][0]["email"] is None


TEXTS = st.text(max_size=30)
ADDRESSES = st.builds(Address, street=TEXTS, country=TEXTS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    event=st.builds(
        OrderPlaced,
        order_id=st.uuids(),
        reader=st.just("ada"),
        email=TEXTS,
        born=st.none() | st.dates(),
        total=st.decimals(allow_nan=False, allow_infinity=False),
        weights=st.dictionaries(st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False)),
        addresses=st.lists(ADDRESSES, max_size=3),
        by_name=st.dictionaries(TEXTS, ADDRESSES, max_size=3),
        delivery=st.none() | st.builds(ByPost, to=ADDRESSES) | st.builds(ByMail, to=TEXTS),
        nickname=st.none() | TEXTS,
        point=st.none() | st.builds(Point, name=TEXTS, weight=st.floats(allow_nan=False, allow_infinity=False)),
        pair=st.none() | st.builds(Pair, label=TEXTS, phone=TEXTS),
        note=TEXTS,
    )
)
async def test_whatever_is_sealed_comes_back_the_same(keyring: Keyring, event: OrderPlaced) -> None:
    """For any values: seal and unseal are each other's inverse."""
    assert await unseal(await seal(event, "ada", keyring), OrderPlaced, "ada", keyring) == event

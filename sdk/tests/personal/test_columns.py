"""Personal columns, as the author of a service uses them: sealed in the store, open in an instance."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import ForeignKey, String
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, joinedload, mapped_column, relationship, selectinload

from fairway_sdk import Service
from fairway_sdk.contract.binding import Store
from fairway_sdk.personal.boxes import BrokenSealError, ErasedError, UnknownPersonError
from fairway_sdk.personal.columns import ERASED, PersonalColumnError, folded, personal, personal_equals
from fairway_sdk.personal.key_table import person_key

MakeService = Callable[..., Service]
Migrate = Callable[..., Awaitable[None]]


class Base(DeclarativeBase):
    """The tables of a shop."""


class Customer(Base):
    """Personal columns of three kinds; the key is the person."""

    __tablename__ = "customer"
    __person__ = "reader"

    reader: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = personal(searchable=True, normalise=folded)
    phone: Mapped[str | None] = personal()
    born: Mapped[date | None] = personal(date)
    colour: Mapped[str] = mapped_column(String(20), default="blue")
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


CUSTOMERS = Base.metadata.tables["customer"]


class Order(Base):
    """The key is made by the service, so values are bound to their row."""

    __tablename__ = "orders"
    __person__ = "reader"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    reader: Mapped[str] = mapped_column(ForeignKey("customer.reader"))
    note: Mapped[str] = personal()
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Visit(Base):
    """The key is counted up by the database, so values are bound to their person only."""

    __tablename__ = "visit"
    __person__ = "reader"

    id: Mapped[int] = mapped_column(primary_key=True)
    reader: Mapped[str] = mapped_column(String(64))
    page: Mapped[str] = personal()


class Login(Base):
    """A value that is there once."""

    __tablename__ = "login"
    __person__ = "reader"

    reader: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = personal(unique=True)


@pytest.fixture
async def service(make_service: MakeService, store: Store, migrate: Migrate) -> AsyncIterator[Service]:
    """Give a running service on each kind of store."""
    await migrate(store, Base.metadata)
    async with make_service(store).running() as running:
        yield running


@pytest.fixture
async def small(make_service: MakeService, sqlite: Store, migrate: Migrate) -> AsyncIterator[Service]:
    """Give a running service on SQLite."""
    await migrate(sqlite, Base.metadata)
    async with make_service(sqlite).running() as running:
        yield running


async def add_ada(service: Service) -> None:
    """Add a customer."""
    async with service.transaction() as transaction:
        ada = Customer(reader="ada", email="Ada@Example.com", phone="+44 1", born=date(1815, 12, 10))
        transaction.add(ada)
        await transaction.flush()
        assert ada.email == "Ada@Example.com"  # the instance goes on with its values


async def raw(service: Service, statement: str) -> list[Any]:
    """Run a statement behind the mapper's back."""
    async with service.sql().connection() as connection:
        found = await connection.execute(sa.text(statement))
        return list(found) if found.returns_rows else []


async def load_all(service: Service) -> None:
    """Load every row there is."""
    async with service.transaction() as transaction:
        await transaction.scalars(sa.select(Customer))
        await transaction.scalars(sa.select(Order))


async def test_values_are_sealed_in_the_store_and_open_in_instances(service: Service) -> None:
    """Of every type, through insert, select, update and get; an empty one stays empty."""
    await add_ada(service)
    for cell in (await raw(service, "select * from customer"))[0]:
        assert b"xample" not in (cell if isinstance(cell, bytes) else str(cell).encode())
    async with service.transaction() as transaction:
        ada = (await transaction.scalars(sa.select(Customer))).one()
        assert (ada.email, ada.phone, ada.born) == ("Ada@Example.com", "+44 1", date(1815, 12, 10))
        ada.phone = None
        ada.email = "ada@new.example"
    async with service.transaction() as transaction:
        ada = await transaction.get_one(Customer, "ada")
        assert (ada.email, ada.phone) == ("ada@new.example", None)
        assert ada not in transaction.dirty
        ada.email = "ada@third.example"
        await transaction.flush()
        await transaction.refresh(ada)
        assert ada.email == "ada@third.example"


async def test_rows_are_found_by_equality(service: Service) -> None:
    """However the value is spelt, where so declared; also by an alias; not by what it was before."""
    await add_ada(service)
    other = aliased(Customer)
    async with service.transaction() as transaction:
        for kind in (Customer, other):
            query = sa.select(kind).where(personal_equals(kind.email, " ADA@example.COM"))
            assert (await transaction.scalars(query)).one().reader == "ada"
        found = await transaction.scalar(sa.select(Customer).where(personal_equals(Customer.email, "bob@example.com")))
        assert found is None
        (await transaction.get_one(Customer, "ada")).email = "ada@new.example"
    async with service.transaction() as transaction:
        query = sa.select(Customer).where(personal_equals(Customer.email, "ada@example.com"))
        assert (await transaction.scalars(query)).all() == []


async def test_a_unique_value_is_there_once(service: Service) -> None:
    """The blind index keeps two persons from the same value, and the message does not tell it."""
    async with service.transaction() as transaction:
        transaction.add(Login(reader="ada", name="enchantress"))
    with pytest.raises(IntegrityError) as told:
        async with service.transaction() as transaction:
            transaction.add(Login(reader="bob", name="enchantress"))
    assert "enchantress" not in str(told.value)


async def test_a_list_of_many_persons_asks_for_keys_a_few_times(service: Service) -> None:
    """Two thousand rows of five hundred persons: one or two questions, however the rows are loaded."""
    persons = [f"person-{number}" for number in range(500)]
    async with service.transaction() as transaction:
        transaction.add_all(Customer(reader=person, email=f"{person}@example.com") for person in persons)
        await transaction.flush()
        transaction.add_all(Order(reader=persons[at % 500], note=f"note {at}") for at in range(2000))
    questions = 0

    def count(*_: object) -> None:
        nonlocal questions
        questions += 1

    engine = service.keyring._engine  # noqa: SLF001 - its statements are what is counted
    assert engine is not None
    sa.event.listen(engine.sync_engine, "before_cursor_execute", count)
    for option in (None, selectinload(Order.customer), joinedload(Order.customer)):
        service.keyring._remembered.clear()  # noqa: SLF001 - as after thirty seconds
        questions = 0
        query = sa.select(Order) if option is None else sa.select(Order).options(option)
        async with service.transaction() as transaction:
            orders = (await transaction.scalars(query)).all()
            assert {order.note for order in orders} == {f"note {at}" for at in range(2000)}
            if option is not None:
                assert all(order.customer.email == f"{order.reader}@example.com" for order in orders)
        assert questions <= 3
    service.keyring._remembered.clear()  # noqa: SLF001 - likewise
    questions = 0
    async with service.transaction() as transaction:
        orders = await transaction.run_sync(lambda session: session.scalars(sa.select(Order)).all())
        assert len({order.note for order in orders}) == 2000
    assert questions <= 3


async def test_an_erased_person_does_not_break_a_list(service: Service) -> None:
    """Their values are told as erased, the others are read, and their row can still be changed elsewhere."""
    await add_ada(service)
    async with service.transaction() as transaction:
        transaction.add(Customer(reader="bob", email="bob@example.com"))
    await service.keyring.erase("ada")
    async with service.transaction() as transaction:
        customers = (await transaction.scalars(sa.select(Customer).order_by(Customer.reader))).all()
        assert [one.email for one in customers] == [ERASED, "bob@example.com"]
        assert (customers[0].phone, customers[0].born) == (ERASED, None)
        customers[0].colour = "red"
    with pytest.raises(ErasedError):
        async with service.transaction() as transaction:
            transaction.add(Visit(reader="ada", page="/again"))
    with pytest.raises(PersonalColumnError, match="what stands for an erased value"):
        async with service.transaction() as transaction:
            (await transaction.get_one(Customer, "bob")).email = ERASED


@pytest.mark.parametrize(
    ("moved", "places"),
    [
        ("update customer set email = (select phone from customer)", "customer.email"),
        ("update orders set note = (select email from customer)", "orders.note"),
        ("update orders set note = (select max(note) from orders where reader = 'ada')", "orders.note"),
    ],
)
async def test_a_value_moved_to_another_place_is_refused(small: Service, moved: str, places: str) -> None:
    """To another column, another table, or another row of the same person."""
    await add_ada(small)
    async with small.transaction() as transaction:
        transaction.add_all([Order(reader="ada", note="one"), Order(reader="ada", note="two")])
    await raw(small, moved)
    with pytest.raises(BrokenSealError, match=places):
        await load_all(small)


async def test_a_value_moved_to_another_person_is_refused(small: Service) -> None:
    """Also where the row's number comes from the database, and so is not part of the seal."""
    async with small.transaction() as transaction:
        transaction.add_all([Visit(reader="ada", page="/ada"), Visit(reader="bob", page="/bob")])
    await raw(small, "update visit set reader = 'bob' where reader = 'ada'")
    with pytest.raises(BrokenSealError):
        async with small.transaction() as transaction:
            await transaction.scalars(sa.select(Visit))


async def test_a_row_that_comes_to_another_person_is_sealed_anew(small: Service) -> None:
    """Through the mapper it is a change like any other."""
    async with small.transaction() as transaction:
        visit = Visit(reader="ada", page="/ada")
        transaction.add(visit)
        await transaction.flush()
        visit.reader = "bob"
    await small.keyring.erase("ada")
    async with small.transaction() as transaction:
        assert (await transaction.scalars(sa.select(Visit))).one().page == "/ada"


async def test_a_person_that_comes_by_a_relationship_is_found(small: Service) -> None:
    """The foreign key is set in the middle of the flush."""
    async with small.transaction() as transaction:
        transaction.add(Customer(reader="ada", email="a@b.c", orders=[Order(note="one")]))
    async with small.transaction() as transaction:
        ada = await transaction.get_one(Customer, "ada", options=[selectinload(Customer.orders)])
        assert ada.orders[0].note == "one"


async def test_a_failed_flush_gives_instances_their_values_back(small: Service) -> None:
    """They can be mended and flushed again."""
    await add_ada(small)
    twice = Customer(reader="ada", email="again@example.com")
    with pytest.raises(IntegrityError):
        async with small.transaction() as transaction:
            transaction.add(twice)
    assert twice.email == "again@example.com"


async def test_streams_open_row_by_row(small: Service) -> None:
    """A stream has no end to wait for."""
    await add_ada(small)
    async with small.transaction() as transaction:
        stream = await transaction.stream_scalars(sa.select(Customer))
        assert [one.email async for one in stream] == ["Ada@Example.com"]
        found = await transaction.scalars(sa.select(Customer).options(sa.orm.load_only(Customer.email)))
        assert found.one().email == "Ada@Example.com"


async def test_a_plain_value_never_reaches_the_column(small: Service) -> None:
    """Statements that bypass the mapper are refused, and the message does not show the value."""
    await add_ada(small)
    statements: list[Any] = [
        sa.insert(Customer).values(reader="bob", email="bob@example.com"),
        sa.update(Customer).values(email="bob@example.com"),
        sa.insert(CUSTOMERS).values(reader="bob", email="bob@example.com"),
    ]
    for statement in statements:
        with pytest.raises(StatementError, match="a plain value is bound to a personal column") as told:
            async with small.transaction() as transaction:
                await transaction.execute(statement)
        assert "bob@example.com" not in str(told.value)
    for comparison in (
        lambda: Customer.email == "a@b.c",
        lambda: Customer.email.like("a%"),
        Customer.email.desc,
    ):
        with pytest.raises(PersonalColumnError, match="personal_equals"):
            comparison()
    with pytest.raises(PersonalColumnError, match="has no blind index"):
        personal_equals(Customer.phone, "x")
    async with small.transaction() as transaction:
        assert (await transaction.scalars(sa.select(Customer.reader).where(Customer.phone.is_not(None)))).all() == [
            "ada"
        ]
        assert str(await transaction.scalar(sa.select(Customer.email))) == "<sealed>"


async def test_mistakes_of_a_declaration_are_told_at_once() -> None:
    """When the class is made, not when the first person is lost."""

    class Other(DeclarativeBase):
        pass

    with pytest.raises(PersonalColumnError, match="does not say whose"):

        class Nobody(Other):
            __tablename__ = "nobody"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = personal()

    with pytest.raises(PersonalColumnError, match="__person__ names 'raeder', which is no column"):

        class Misspelt(Other):
            __tablename__ = "misspelt"
            __person__ = "raeder"
            reader: Mapped[int] = mapped_column(primary_key=True)

            name: Mapped[str] = personal()


async def test_a_row_without_a_person_is_refused(small: Service) -> None:
    """Nobody's key could seal it."""
    with pytest.raises(PersonalColumnError, match="nothing in 'reader'"):
        async with small.transaction() as transaction:
            transaction.add(Visit(reader="", page="/"))


async def test_a_lost_key_is_an_error_and_no_erasure(small: Service) -> None:
    """Whoever binds the wrong keyring is told so, and not that all persons are erased."""
    await add_ada(small)
    small.clock.ahead = 60
    engine = small.keyring._engine  # noqa: SLF001 - SQLite's keyring is a file of its own
    assert engine is not None
    async with engine.connect() as connection:
        await connection.execute(sa.delete(person_key).where(person_key.c.alias != "*"))
        await connection.commit()
    with pytest.raises(UnknownPersonError):
        async with small.transaction() as transaction:
            await transaction.scalars(sa.select(Customer))

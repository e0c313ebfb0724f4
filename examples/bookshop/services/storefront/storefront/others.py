"""Whom the storefront asks, and what it shows when they do not answer: as the facts say of each call."""

from collections.abc import Iterator
from contextlib import contextmanager

from bookshop_protos import activity_pb2, inventory_pb2, orders_pb2, recommendations_pb2
from bookshop_protos.activity_pb2_grpc import ActivityStub
from bookshop_protos.inventory_pb2_grpc import InventoryStub
from bookshop_protos.orders_pb2_grpc import OrdersStub
from bookshop_protos.recommendations_pb2_grpc import RecommendationsStub
from fairway_sdk import DeclineCode, DeclinedCallError, DeclinedError, Service
from storefront.pages import Book, OrderPage, Recipient

STATES = {orders_pb2.STATE_CONFIRMED: "confirmed", orders_pb2.STATE_CANCELLED: "cancelled"}


class Others:
    """The storefront's callees."""

    def __init__(self, service: Service) -> None:
        self._inventory = service.client("inventory", InventoryStub)
        self._orders = service.client("orders", OrdersStub)
        self._recommendations = service.client("recommendations", RecommendationsStub)
        self._activity = service.client("activity", ActivityStub)
        self.find_books = service.fallback("inventory", shared=True)(self._find_books)
        self.book = service.fallback("inventory", shared=True)(self._book)
        self.suggestions = service.fallback("recommendations", shared=True, default=[])(self._suggestions)
        self.recently_seen = service.fallback("activity", default=[])(self._recently_seen)

    async def _find_books(self, words: str) -> list[Book]:
        found = await self._inventory.FindBooks(inventory_pb2.FindBooksRequest(words=words))
        return [_book(book) for book in found.books]

    async def _book(self, isbn: str) -> Book:
        with passing_on("NOT_FOUND"):
            return _book(await self._inventory.GetBook(inventory_pb2.GetBookRequest(isbn=isbn)))

    async def _suggestions(self, isbn: str) -> list[str]:
        return list((await self._recommendations.Suggest(recommendations_pb2.SuggestRequest(isbn=isbn))).isbns)

    async def _recently_seen(self, isbn: str) -> list[str]:
        """Note a view, and give the ones before."""
        latest = await self._activity.RecentViews(activity_pb2.RecentViewsRequest())
        await self._activity.RecordView(activity_pb2.RecordViewRequest(isbn=isbn))
        return list(dict.fromkeys(view.isbn for view in latest.views if view.isbn != isbn))

    async def place_order(self, lines: dict[str, int], to: Recipient) -> OrderPage:
        """Place an order for whoever is calling."""
        wanted = [orders_pb2.Line(isbn=isbn, copies=copies) for isbn, copies in lines.items()]
        request = orders_pb2.PlaceOrderRequest(
            id=to.order_id,
            lines=wanted,
            card_token=to.card_token,
            name=to.name,
            address=to.address,
            email=to.email,
            gift_wrapping=to.gift_wrapping,
        )
        with passing_on("INVALID_ARGUMENT", "ALREADY_EXISTS"):
            return _order(await self._orders.PlaceOrder(request))

    async def order(self, order_id: str) -> OrderPage:
        """Give an order of whoever is calling."""
        with passing_on("NOT_FOUND"):
            return _order(await self._orders.GetOrder(orders_pb2.GetOrderRequest(id=order_id)))


@contextmanager
def passing_on(*codes: DeclineCode) -> Iterator[None]:
    """Make a callee's no our own where it is about what our caller asked for; any other no is a fault of ours."""
    try:
        yield
    except DeclinedCallError as no:
        for code in codes:
            if no.code == code:
                raise DeclinedError(code, no.message) from no
        raise


def _book(book: inventory_pb2.Book) -> Book:
    return Book(isbn=book.isbn, title=book.title, author=book.author, price_cents=book.price_cents, copies=book.copies)


def _order(order: orders_pb2.Order) -> OrderPage:
    return OrderPage.model_validate(
        {
            "id": order.id,
            "state": STATES.get(order.state, "open"),
            "lines": {line.isbn: line.copies for line in order.lines},
            "price_cents": order.price_cents,
            "reason": order.reason,
        }
    )

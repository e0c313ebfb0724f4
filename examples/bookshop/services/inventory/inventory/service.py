"""The inventory as its callers see it: find books, reserve copies, give them back."""

from bookshop_protos.inventory_pb2 import (
    Book,
    FindBooksReply,
    FindBooksRequest,
    GetBookRequest,
    ReleaseReply,
    ReleaseRequest,
    Reservation,
    ReserveRequest,
)
from bookshop_protos.inventory_pb2_grpc import InventoryServicer, add_InventoryServicer_to_server
from fairway_sdk import Service
from inventory import stock

service = Service("inventory")


class Inventory(InventoryServicer):
    """Each call is one transaction."""

    async def FindBooks(self, request: FindBooksRequest, context: object) -> FindBooksReply:
        """Find books by words of their title or author."""
        async with service.transaction() as tx:
            found = await stock.find(tx, request.words, request.most or 20)
        return FindBooksReply(books=[Book(**book) for book in found])

    async def GetBook(self, request: GetBookRequest, context: object) -> Book:
        """Give one book."""
        async with service.transaction() as tx:
            return Book(**await stock.book(tx, request.isbn))

    async def Reserve(self, request: ReserveRequest, context: object) -> Reservation:
        """Hold copies back for an order."""
        wanted = {line.isbn: line.copies for line in request.lines}
        async with service.transaction() as tx:
            price = await stock.reserve(tx, request.order_id, wanted)
        return Reservation(order_id=request.order_id, price_cents=price)

    async def Release(self, request: ReleaseRequest, context: object) -> ReleaseReply:
        """Give back what an order held."""
        async with service.transaction() as tx:
            await stock.release(tx, request.order_id)
        return ReleaseReply()


service.grpc.add(add_InventoryServicer_to_server, Inventory())

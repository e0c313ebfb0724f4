"""Activity as its callers see it: remember a view, give the latest. DynamoDB keeps them, and forgets by itself."""

from boto3.dynamodb.conditions import Key

from activity.events import OrderPlaced
from bookshop_protos import activity_pb2 as pb
from bookshop_protos.activity_pb2_grpc import ActivityServicer, add_ActivityServicer_to_server
from fairway_sdk import DynamoTable, DynamoTransaction, Service, require

service = Service("activity")
views = service.dynamodb_table(
    DynamoTable(name="views", partition="reader", sort="seen", expires="expires", store="views")
)

KEPT = 180 * 86400  # seconds


class Activity(ActivityServicer):
    """What one reader looked at; nobody sees another's."""

    async def RecordView(self, request: pb.RecordViewRequest, context: object) -> pb.RecordViewReply:
        """Remember a view."""
        await views.put(_seen(require(service.caller).person, request.isbn, service.clock.now()))
        return pb.RecordViewReply()

    async def RecentViews(self, request: pb.RecentViewsRequest, context: object) -> pb.Views:
        """Give the latest views."""
        reader = require(service.caller).person
        latest = views.query(Key("reader").eq(reader), newest_first=True, limit=request.most or 10)
        return pb.Views(
            views=[
                pb.View(isbn=str(item["isbn"]), at=float(item["at"]), bought=bool(item["bought"]))
                async for item in latest
            ]
        )


@service.on(OrderPlaced)
async def bought(event: OrderPlaced, tx: DynamoTransaction) -> None:
    """Remember what was bought, together with the note that this event was handled."""
    now = service.clock.now()
    for isbn in event.isbns:
        tx.add(views.to_put(_seen(event.reader, isbn, now, bought=True)))


def _seen(reader: str, isbn: str, at: float, *, bought: bool = False) -> dict[str, str | int | bool]:
    """Give a view as an item; times of one length sort as they passed."""
    moment = f"{at:017.6f}"
    return {
        "reader": reader,
        "seen": f"{moment}#{isbn}",
        "isbn": isbn,
        "at": moment,
        "bought": bought,
        "expires": int(at) + KEPT,
    }


service.grpc.add(add_ActivityServicer_to_server, Activity())

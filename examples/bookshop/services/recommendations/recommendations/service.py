"""Recommendations as its callers see it: what readers of a book also bought, learnt from orders.

The counts are in Redis, which may lose them: they grow again. An event is handled at least once; one that is handled
twice after a crash counts twice, which a suggestion survives.
"""

from itertools import permutations
from pathlib import Path

from bookshop_protos import recommendations_pb2 as pb
from bookshop_protos.recommendations_pb2_grpc import (
    RecommendationsServicer,
    add_RecommendationsServicer_to_server,
)
from fairway_sdk import Service
from recommendations.events import OrderPlaced
from recommendations.model import load

service = Service("recommendations")

KEPT = 90 * 86400  # seconds that a pair is remembered after it was last bought
PREFIX = "recommendations:with:"


class Recommendations(RecommendationsServicer):
    """Suggestions by what was bought together."""

    async def Suggest(self, request: pb.SuggestRequest, context: object) -> pb.Suggestions:
        """Suggest books."""
        most = request.most or 5
        together = await service.redis("suggestions").zrevrange(f"{PREFIX}{request.isbn}", 0, most - 1)
        known = [member.decode() if isinstance(member, bytes) else str(member) for member in together]
        model = load(Path(service.binding.volumes["model"]))
        rest = [isbn for isbn in model if isbn not in known and isbn != request.isbn]
        return pb.Suggestions(isbns=[*known, *rest][:most])


@service.on(OrderPlaced)
async def learn(event: OrderPlaced) -> None:
    """Count every pair of books that one order holds."""
    async with service.redis("suggestions").pipeline(transaction=True) as pipe:
        for isbn, other in permutations(event.isbns, 2):
            pipe.zincrby(f"{PREFIX}{isbn}", 1, other)
            pipe.expire(f"{PREFIX}{isbn}", KEPT)
        await pipe.execute()


service.grpc.add(add_RecommendationsServicer_to_server, Recommendations())

"""The card network: charges and refunds over HTTP, each once for its idempotency key."""

from collections.abc import Mapping
from http import HTTPStatus

from fairway_sdk import DeclinedError, Service


class CardNetwork:
    """The network as payments sees it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._http = service.http("card-network")

    async def charge(self, order_id: str, card_token: str, cents: int) -> None:
        """Take money from a card, once for each order; `DeclinedError` where the card is refused."""
        question: dict[str, str | int] = {"order": order_id, "token": card_token, "cents": cents}
        if await self._ask("/charges", f"{order_id}:charge", question) == HTTPStatus.PAYMENT_REQUIRED:
            raise DeclinedError("FAILED_PRECONDITION", "the card was refused")

    async def refund(self, order_id: str) -> None:
        """Give back what was taken for an order, if anything was; from then on a charge for it is refused."""
        await self._ask("/refunds", f"{order_id}:refund", {"order": order_id})

    async def _ask(self, path: str, key: str, question: Mapping[str, str | int]) -> int:
        signature = self._service.secrets.text("card-network-key")
        headers = {"idempotency-key": key, "authorization": f"Bearer {signature}"}
        answer = await self._http.post(path, json=question, headers=headers)
        if answer.status != HTTPStatus.PAYMENT_REQUIRED:
            answer.json()  # raises for any other no
        return answer.status

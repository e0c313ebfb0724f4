"""The carrier: parcels over HTTP, each once for its idempotency key."""

from http import HTTPStatus

from msgspec import Struct

from fairway_sdk import DeclinedError, Service


class Booked(Struct):
    """The carrier's answer."""

    tracking: str


class Carrier:
    """The carrier as shipping sees it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._http = service.http("carrier")

    async def book(self, order_id: str, address: str) -> str:
        """Book a parcel, once for each order, and give its tracking number; `DeclinedError` where nobody delivers."""
        question = {"order": order_id, "address": address}
        answer = await self._http.post("/parcels", json=question, headers=self._headers(f"{order_id}:book"))
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise DeclinedError("FAILED_PRECONDITION", "nobody delivers to that address")
        return answer.json(Booked).tracking

    async def recall(self, order_id: str) -> None:
        """Call an order's parcel back; from then on the carrier books none for it."""
        question = {"order": order_id}
        answer = await self._http.post("/recalls", json=question, headers=self._headers(f"{order_id}:recall"))
        answer.json()

    def _headers(self, key: str) -> dict[str, str]:
        token = self._service.secrets.text("carrier-token")
        return {"idempotency-key": key, "authorization": f"Bearer {token}"}

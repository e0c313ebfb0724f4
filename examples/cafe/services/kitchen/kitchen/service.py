"""The kitchen: what can be ordered, and cooking it. The one program of the café that the SDK runs."""

from typing import Annotated

from fastapi import Path

from fairway_sdk import DeclinedError, Service, needs

service = Service("kitchen")
pantry = service.http("pantry")

USED_UP = 409  # the pantry's word for it

DISHES = {
    "omelette": {"eggs": 3, "butter": 1},
    "pancakes": {"eggs": 2, "butter": 1, "flour": 2},
    "toast": {"bread": 2, "butter": 1},
}

Dish = Annotated[str, Path(pattern="^[a-z]{1,40}$")]


@service.get("/dishes")
async def dishes() -> list[str]:
    """Name what can be ordered."""
    return sorted(DISHES)


@service.post("/meals/{dish}", dependencies=[needs()])
async def cook(dish: Dish) -> dict[str, str]:
    """Take what a dish needs out of the pantry, and cook it."""
    if dish not in DISHES:
        raise DeclinedError("NOT_FOUND", "there is no such dish")
    answer = await pantry.post("/taken", json=DISHES[dish])
    if answer.status == USED_UP:
        raise DeclinedError("FAILED_PRECONDITION", answer.json()["title"])
    return {"meal": dish}

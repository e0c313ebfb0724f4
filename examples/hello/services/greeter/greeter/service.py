"""Greets people by name, and remembers how often."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Path

from fairway_sdk import Service, needs

service = Service("greeter")

GREET = sa.text(
    "insert into greeting (name, times) values (:name, 1)"
    " on conflict (name) do update set times = greeting.times + 1 returning times"
)


@service.get("/hello/{name}", dependencies=[needs()])
async def hello(name: Annotated[str, Path(max_length=80)]) -> dict[str, str | int]:
    """Greet somebody, and say how often that was done."""
    async with service.transaction() as tx:
        times = (await tx.execute(GREET, {"name": name})).scalar_one()
    return {"says": f"Hello, {name}!", "times": times}

"""What is done again and again does not die in silence, and its end is bounded."""

import asyncio
from typing import Any

from fairway_sdk.clock import Clock
from fairway_sdk.sagas.loop import Loop


async def test_a_loop_that_dies_is_told_as_a_part_that_died() -> None:
    """The process then ends and is started anew: a replica that takes over nothing any more would only look alive."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))

    async def turn() -> None:
        raise LookupError

    loop = Loop(turn, 0.01, Clock(), "take due sagas")
    await asyncio.sleep(0.05)
    assert [context["part"] for context in told] == ["take due sagas"]
    assert not loop.running
    await loop.stop()  # its death was told: the parts that stop after it must not be kept from it

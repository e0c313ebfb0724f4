"""A client's answers, read to their end."""

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse


async def read_whole(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Read an answer before it is given: one that nobody reads keeps its connection, and warns of that much later."""
    answer = await handler(request)
    await answer.read()
    return answer

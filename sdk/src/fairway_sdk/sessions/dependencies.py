"""What a route asks for to use the session: `async def add(book: str, session: CurrentSession)`."""

from typing import Annotated, TypeAlias

from fastapi import Depends
from fastapi.requests import HTTPConnection

from fairway_sdk.sessions.middleware import visit
from fairway_sdk.sessions.session import Session


async def _session(connection: HTTPConnection) -> Session:
    return await visit(connection.scope).load()


CurrentSession: TypeAlias = Annotated[Session, Depends(_session)]
"""The session of whoever sent the request; 403 for another site's page, 503 while the store does not answer."""

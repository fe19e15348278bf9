"""One link to a node, without a collector around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from collectors.connection import Link

_STALE_AFTER = 30.0


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    """A link as collectors have it, closed at the end."""
    async with connect(url, max_size=None, proxy=None, ping_interval=None) as socket:
        yield Link(socket, url, _STALE_AFTER, acknowledge_at_once=True)

"""An embedded bus at the start: it may die then as it may later, and is started again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from pipeline.bus.connection import Bus, BusUnavailable
from pipeline.bus.embedded import EmbeddedServer, EmbeddedServerFailed, EmbeddedServerKilled

log = structlog.get_logger(__name__)

#: So often a server is started that ends again before anything runs.
MOST_STARTS = 5
PAUSE = 0.5


async def open_embedded(server: EmbeddedServer, open_bus: Callable[[], Awaitable[Bus]]) -> Bus:
    """Start the server, and open it. Raises EmbeddedServerFailed and what `open_bus` raises.

    A bus that lives and refuses has a reason, which starting it again won't mend.
    """
    for left in reversed(range(MOST_STARTS)):
        try:
            await server.start()
            if (bus := await _open_while_alive(server, open_bus)) is not None:
                return bus
        except (BusUnavailable, EmbeddedServerKilled):
            await asyncio.sleep(PAUSE)  # that it was killed may be known a moment later
            if server.alive or not left:
                raise
        log.error("the embedded bus ended and is started again")
        await server.stop()
    raise EmbeddedServerFailed(
        f"nats-server was ended {MOST_STARTS} times before anything ran: see who does that, or "
        f"whether there is too little memory; its log is in {server.path}"
    )


async def _open_while_alive(
    server: EmbeddedServer, open_bus: Callable[[], Awaitable[Bus]]
) -> Bus | None:
    """None if the server ended: what is asked of it then would wait in vain."""
    opening = asyncio.ensure_future(open_bus())
    ended = asyncio.ensure_future(server.ended())
    try:
        await asyncio.wait((opening, ended), return_when=asyncio.FIRST_COMPLETED)
        return opening.result() if opening.done() else None
    finally:
        opening.cancel()
        ended.cancel()
        await asyncio.gather(opening, ended, return_exceptions=True)


__all__ = ["open_embedded"]

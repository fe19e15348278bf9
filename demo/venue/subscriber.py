"""One client of the feed: what it reads, and its bounded queue of frames."""

import asyncio
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from demo.venue.requests import Channel

WRITE_BATCH = 256


class Subscriber:
    """Frames wait in a queue until the client takes them; a client that is too slow is told so
    and dropped, as Coinbase does (`ErrSlowConsume`)."""

    def __init__(self, connection: ServerConnection, queue_limit: int) -> None:
        self.connection = connection
        self.authenticated = False
        self.operator = False
        self.channels: dict[Channel, dict[str, None]] = {}
        self._overflow = asyncio.Event()
        self._queue_limit = queue_limit
        self._queue: list[bytes] = []
        self._wake = asyncio.Event()
        self._taken = asyncio.Event()

    @property
    def queued(self) -> int:
        """Frames that wait."""
        return len(self._queue)

    @property
    def overflowed(self) -> bool:
        """Whether the client was too slow and is to be dropped."""
        return self._overflow.is_set()

    async def wait_for_overflow(self) -> None:
        """Return once the client was too slow."""
        await self._overflow.wait()

    def offer(self, frames: Sequence[bytes]) -> None:
        """Queue frames. Past the limit the subscriber is marked as overflowed and gets no more."""
        if self.overflowed:
            return
        if len(self._queue) + len(frames) > self._queue_limit:
            self._queue.clear()
            self._overflow.set()
            return
        self._queue.extend(frames)
        self._wake.set()

    async def wait_until_taken(self, at_most: int) -> None:
        """Return once no more than `at_most` frames wait, or the client is gone."""
        while len(self._queue) > at_most and self.connection.state is State.OPEN:
            self._taken.clear()
            await self._taken.wait()

    async def write_forever(self) -> None:
        """Send what is queued; returns when the connection has ended."""
        connection = self.connection
        protocol, transport = connection.protocol, connection.transport
        try:
            while connection.state is State.OPEN:
                await self._wake.wait()
                self._wake.clear()
                while self._queue and connection.state is State.OPEN:
                    batch = self._queue[:WRITE_BATCH]
                    del self._queue[:WRITE_BATCH]
                    # One write for many frames costs a third of `connection.send` for each.
                    for frame in batch:
                        protocol.send_text(frame)
                    transport.write(b"".join(protocol.data_to_send()))
                    self._taken.set()
                    await connection.drain()
        except ConnectionClosed:
            pass  # the reader of the same connection sees it too and cleans up
        finally:
            self._queue.clear()
            self._taken.set()

"""A venue that trades until it is told to stop: `demo.venue`'s load, with a book at any moment."""

import asyncio
import os
import time
from typing import Self

import msgspec

from demo.venue.authentication import new_credential
from demo.venue.clock import iso_time
from demo.venue.load_feed import LoadFeed
from demo.venue.messages import OrderBook
from demo.venue.server import FeedServer
from demo.workspace import KEY_VARIABLES
from tests.servers.loop_thread import LoopThread

#: Frames per second.
RATE = 600
QUEUE_LIMIT = 200_000
TICK_SECONDS = 0.005
#: What each execution begins with; where one ends, no order is filled and still on the book.
BEGINS = b'"type":"received"'


class _Feed(LoadFeed):
    """A load feed whose book is as of now, also before the first trade."""

    def order_book(self, product_id: str) -> OrderBook:
        return msgspec.structs.replace(
            super().order_book(product_id), time=iso_time(time.time_ns())
        )


class LoadVenue:
    """Trades from its first subscriber on. Its key is in the environment meanwhile."""

    def __enter__(self) -> Self:
        key = new_credential(operator=True)
        self._environment = {
            KEY_VARIABLES["api_key"]: key.key,
            KEY_VARIABLES["api_secret"]: key.secret,
            KEY_VARIABLES["passphrase"]: key.passphrase,
        }
        os.environ.update(self._environment)
        self._feed = _Feed()
        self._server = FeedServer(self._feed, credentials=[key], queue_limit=QUEUE_LIMIT)
        self._thread = LoopThread()
        self._thread.__enter__()
        self._thread.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.run(self._server.stop())
        self._thread.__exit__()
        for name in self._environment:
            os.environ.pop(name, None)

    def addresses(self) -> dict[str, str]:
        """Of its WebSocket and REST, which have one port."""
        return {"url": self._server.url, "rest_url": self._server.rest_url}

    def stop(self) -> int:
        """Trade no more. Returns the sequence of the last frame."""
        return self._thread.run(self._stop())

    def book(self) -> OrderBook:
        """The orders that rest on its book, by its own word."""
        return self._feed.order_book(self._feed.product.id)

    async def _start(self) -> None:
        await self._server.start()
        self._trading = asyncio.create_task(self._trade())

    async def _stop(self) -> int:
        self._trading.cancel()
        await asyncio.gather(self._trading, return_exceptions=True)
        return self._feed.sequence(self._feed.product.id)

    async def _trade(self) -> None:
        await self._server.wait_for_subscriber()
        loop, product = asyncio.get_running_loop(), self._feed.product.id
        start = loop.time()
        while True:
            now = iso_time(time.time_ns())
            due = int((loop.time() - start) * RATE) - self._feed.sequence(product)
            frames = self._feed.next_frames(due, now, operator=True)
            whole = max((n for n, frame in enumerate(frames) if BEGINS in frame), default=0)
            self._server.publish_frames(product, "full", frames[:whole], operator=True)
            self._feed.advance(whole, now)
            await asyncio.sleep(TICK_SECONDS)


__all__ = ["LoadVenue"]

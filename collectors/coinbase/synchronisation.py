"""Puts a product's book snapshot into its place among the product's messages.

Downstream reads frames strictly one after another, so the snapshot has to stand behind the messages
that it contains and before those that it doesn't. While it is being fetched, the product's messages
are held back.
"""

import asyncio
from collections.abc import Callable

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from collectors.coinbase.ordering import Held, ProductFeed
from collectors.coinbase.rest_books import BookTooLarge, RestBook, RestBooks, SnapshotFailed
from collectors.gaps import count_gap
from collectors.websocket_feed import WebSocketFeed, encode_notice
from pipeline.config.sources import Reconnection
from pipeline.frames import GapNotice
from pipeline.source_state import now
from pipeline.units import SECOND

#: How long messages that the snapshot contains may still be under way.
GRACE = 1.0
_LOOK_EVERY = 0.01
#: A snapshot from a cache may be older than the feed: it is asked for again, so often.
_FETCHES_PER_ATTEMPT = 5
_STALE_PAUSE = 0.2

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Synchroniser:
    """Holds back, fetches, and lets go. One per collector; at most one run per product."""

    def __init__(
        self, feed: WebSocketFeed, books: RestBooks, policy: Reconnection, *, most_held: int
    ) -> None:
        self._feed = feed
        self._books = books
        self._policy = policy
        self._most_held = most_held
        self._let_go = asyncio.Event()
        #: Whether the feed's reader waits for the venue, rather than for room to put a frame.
        self.reader_waits = False
        self._log = _log.bind(source=feed.state.source)
        self._failures: dict[str, str] = {}

    async def keep(self, product: ProductFeed, held: Held) -> None:
        """Hold a frame back. Waits when too many are held back already."""
        while product.held is not None and product.held_bytes > self._most_held:
            self._let_go.clear()
            await self._let_go.wait()
        if product.held is None:
            await self._feed.send(held.payload, held.received, held.kind)
        else:
            product.keep(held)

    async def gap(self, product: ProductFeed, notice: GapNotice, sequence: int) -> None:
        """Put a gap notice into the feed, where the message ``sequence`` is missing."""
        if product.held is None:
            await self._feed.gap(notice)
        else:
            count_gap(self._feed.state)
            product.keep(Held(sequence, now(), encode_notice(notice), "gap"))

    async def run(self, product: ProductFeed) -> None:
        """Return when the product's book is in the feed. Tries for ever."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(SnapshotFailed),
            wait=wait_random_exponential(
                multiplier=self._policy.initial / SECOND,
                max=self._policy.maximum / SECOND,
                min=min(self._policy.initial, self._policy.maximum) / SECOND / 2,
            ),
            before_sleep=self._report(product.product),
        )
        async for attempt in retrying:
            with attempt:
                await self._attempt(product)
        self._failures.pop(product.product, None)
        self._feed.state.trouble = next(iter(self._failures.values()), "")

    async def release(self, product: ProductFeed) -> None:
        """Hand on what is held back, without a snapshot."""
        while product.held:
            await self._send_first(product)
        product.held = None
        self._let_go.set()

    async def _attempt(self, product: ProductFeed) -> None:
        product.hold()
        try:
            book = await self._usable(product)
        except BookTooLarge as problem:
            await self._feed.dead(str(problem), context=product.product, kind="snapshot")
            await self.release(product)
            raise
        except SnapshotFailed:
            await self.release(product)
            raise
        await self._place(product, book)

    async def _usable(self, product: ProductFeed) -> RestBook:
        sequence = 0
        for fetch in range(_FETCHES_PER_ATTEMPT):
            if fetch:
                await asyncio.sleep(_STALE_PAUSE)
            book = await self._books.fetch(product.product)
            sequence = book.sequence
            await self._catch_up(product, sequence)
            # Looked at only now: a gap behind the snapshot may have come meanwhile.
            if sequence >= product.needed:
                return book
        raise SnapshotFailed(
            f"the book of {product.product} stays older (sequence {sequence}) than the feed needs "
            f"({product.needed})"
        )

    async def _catch_up(self, product: ProductFeed, sequence: int) -> None:
        """Wait for messages that the book contains and that are still under way.

        What is held back of them can go on: it stands before this snapshot or any later one.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + GRACE
        while product.newest < sequence and loop.time() < end:
            await asyncio.sleep(_LOOK_EVERY)
            sent = False
            while product.held and product.held[0].sequence <= sequence:
                await self._send_first(product)
                sent = True
            if sent or not self.reader_waits:
                end = loop.time() + GRACE

    async def _place(self, product: ProductFeed, book: RestBook) -> None:
        last = product.last
        if not product.heard and (last is None or last < book.sequence):
            if last is not None:
                notice = GapNotice(
                    instrument=product.product,
                    reason="messages were missed while there was no connection",
                    expected=last + 1,
                    received=book.sequence,
                )
                await self.gap(product, notice, last + 1)
            product.skip_to(book.sequence)
        placed = False
        while True:
            assert product.held is not None
            if product.held and (placed or product.held[0].sequence <= book.sequence):
                await self._send_first(product)
            elif not placed:
                await self._feed.send(book.body, now(), "snapshot", product.product)
                placed = True
                product.placed = book.sequence
            else:
                product.held = None
                self._let_go.set()
                return

    async def _send_first(self, product: ProductFeed) -> None:
        assert product.held is not None
        held = product.held[0]
        context = product.product if held.kind == "gap" else ""
        await self._feed.send(held.payload, held.received, held.kind, context)
        # Only now: a cancellation while sending must not lose the frame.
        product.drop_first()
        if product.held_bytes <= self._most_held:
            self._let_go.set()

    def _report(self, product: str) -> Callable[[RetryCallState], None]:
        def report(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            self._failures[product] = self._feed.state.trouble = str(error)
            self._log.warning(
                "no book; trying again",
                product=product,
                reason=str(error),
                attempt=state.attempt_number,
                seconds=round(state.upcoming_sleep, 3),
            )

        return report

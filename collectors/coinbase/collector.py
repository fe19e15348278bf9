"""Coinbase Exchange's WebSocket feed into raw frames, each message byte for byte.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/overview

``full`` and ``level3`` number a product's messages densely. Where one is missing, a gap notice
stands in the place, and a book by REST follows (see :mod:`collectors.coinbase.synchronisation`).
``matches`` alone is checked by the trades' ids; ``heartbeat`` shows that the newest message came.
A message whose number was known already is not handed on a second time.
"""

import asyncio
import time

import msgspec
import structlog

from collectors.coinbase import wire
from collectors.coinbase.credentials import credentials_of
from collectors.coinbase.ordering import Held, ProductFeed
from collectors.coinbase.rest_books import RestBooks
from collectors.coinbase.subscription import Subscription, refusal_text
from collectors.coinbase.synchronisation import Synchroniser
from collectors.connection import Connector, EndpointFault, Link, LinkLost
from collectors.feed_lag import note_lag
from collectors.websocket_feed import WebSocketFeed
from pipeline.config.sources import CoinbaseSource
from pipeline.frames import GapNotice
from pipeline.logs import worth_a_line
from pipeline.outlet import FrameOutlet
from pipeline.units import SECOND, format_duration

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class CoinbaseCollector:
    """Collects the frames of one source until cancelled."""

    def __init__(self, config: CoinbaseSource, outlet: FrameOutlet) -> None:
        """Raises SourceMisconfigured."""
        self._config = config
        self._state = outlet.state
        self._log = _log.bind(source=config.name)
        credentials = credentials_of(config)
        self._subscription = Subscription(config, credentials)
        channels = self._subscription.channels
        self._objects_sequenced = "full" in channels
        self._rows_sequenced = "level3" in channels and not self._objects_sequenced
        self._trades_checked = "matches" in channels and not self._objects_sequenced
        self._beats = "heartbeat" in channels
        products = self._subscription.products
        self._products = {product: ProductFeed(product) for product in products}
        self._trades = {product: ProductFeed(product) for product in products}
        self._feed = WebSocketFeed(outlet)
        self._books = RestBooks(config, credentials)
        self._synchroniser = Synchroniser(
            self._feed, self._books, config.reconnection, most_held=config.buffer
        )
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self._closing: asyncio.Future[None] | None = None
        self._beaten: dict[str, float] = {}
        self._looked_at_beats = 0.0
        self._unreadable = 0

    async def run(self) -> None:
        """Connect, and stay connected, until cancelled. Raises SourceMisconfigured."""
        connector = Connector(
            [self._config.url],
            self._config.reconnection,
            self._state,
            max_frame=self._config.max_frame,
            pongs_are_life=not self._beats,
        )
        async with self._books:
            if self._sequenced and not self._books.available:
                self._log.warning(
                    "no rest_url: after a gap the book can't be fetched anew",
                    products=self._subscription.products,
                )
            await connector.run(self._session)

    @property
    def _sequenced(self) -> bool:
        return self._objects_sequenced or self._rows_sequenced

    # --- a connection ---------------------------------------------------------------------------

    async def _session(self, link: Link) -> None:
        self._feed.begin()
        self._failure = None
        self._beaten.clear()
        request = self._subscription.request()
        # No number of `level2` can show what was missed.
        await self._feed.tell_of_interruption(after_a_loss="level2" in self._subscription.channels)
        for product in self._products.values():
            product.begin_connection()
            if self._sequenced and self._books.available:
                product.hold()
        for trades in self._trades.values():
            trades.begin_connection()
        try:
            await link.send(request)
            await self._read(link)
        except LinkLost as lost:
            if self._failure is not None:
                raise self._failure from None
            if lost.too_large:
                await self._feed.too_large(lost, self._config.max_frame)
            raise
        finally:
            await self._end_synchronisation()

    async def _read(self, link: Link) -> None:
        receive, send, synchroniser = link.receive, self._feed.send, self._synchroniser
        decode_header, decode_row = wire.decode_header, wire.decode_row
        clock, sequenced = time.time_ns, wire.SEQUENCED
        objects_sequenced, rows_sequenced = self._objects_sequenced, self._rows_sequenced
        while True:
            synchroniser.reader_waits = True
            payload = await receive()
            synchroniser.reader_waits = False
            received = clock()
            try:
                if payload[:1] == b"[":
                    if rows_sequenced:
                        row = decode_row(payload)
                        await self._ordered(
                            link, row.product_id, int(row.sequence), payload, received
                        )
                        continue
                else:
                    header = decode_header(payload)
                    kind = header.type
                    if kind in sequenced:
                        if objects_sequenced:
                            await self._ordered(
                                link, header.product_id, header.sequence, payload, received
                            )
                            continue
                        if kind == "match" and not await self._trade(header):
                            continue
                    else:
                        # In the record first, whatever comes of it.
                        await send(payload, received)
                        await self._note(link, header, payload)
                        continue
            except (msgspec.MsgspecError, ValueError, RecursionError):
                pass  # the normalizer says what is wrong with it; the next message shows the gap
            await send(payload, received)

    async def _ordered(
        self, link: Link, product_id: str, sequence: int, payload: bytes, received: int
    ) -> None:
        """A message of a dense sequence."""
        product = self._products.get(product_id)
        if product is None:
            await self._feed.send(payload, received)
            return
        last = product.last
        step = product.take(sequence)
        if step != "next":
            if step == "again":
                return
            await self._lost(link, product, last, sequence, step == "restart")
        if product.held is None:
            await self._feed.send(payload, received)
            return
        if not self._running:
            self._synchronise_all(link)
        await self._synchroniser.keep(product, Held(sequence, received, payload))

    async def _lost(
        self, link: Link, product: ProductFeed, last: int | None, sequence: int, restart: bool
    ) -> None:
        assert last is not None
        reason = "the venue numbers anew" if restart else "messages are missing"
        notice = GapNotice(
            instrument=product.product, reason=reason, expected=last + 1, received=sequence
        )
        self._log.warning(
            "gap", product=product.product, expected=last + 1, received=sequence, reason=reason
        )
        # It stands where the first missing one would: a snapshot that has those comes behind it.
        await self._synchroniser.gap(product, notice, min(last + 1, sequence))
        self._synchronise(link, product)

    async def _trade(self, header: wire.Header) -> bool:
        """Check a trade's number, where nothing else is numbered. False if it is known already."""
        trades = self._trades.get(header.product_id)
        if trades is None or not self._trades_checked or not header.trade_id:
            return True
        last = trades.last
        step = trades.take(header.trade_id)
        if step in ("gap", "restart"):
            reason = "trades are missing" if step == "gap" else "the venue numbers trades anew"
            await self._trades_lost(header.product_id, last, header.trade_id, reason)
        return step != "again"

    async def _trades_lost(self, product: str, last: int | None, received: int, why: str) -> None:
        expected = None if last is None else last + 1
        await self._feed.gap(
            GapNotice(instrument=product, reason=why, expected=expected, received=received)
        )

    # --- what isn't market data -----------------------------------------------------------------

    async def _note(self, link: Link, header: wire.Header, payload: bytes) -> None:
        try:
            await self._control(link, header, payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self._unreadable += 1
            if worth_a_line(self._unreadable):
                reason = f"{header.type[:40]}: {str(error)[:200]}"
                self._log.warning("unreadable messages", count=self._unreadable, reason=reason)

    async def _control(self, link: Link, header: wire.Header, payload: bytes) -> None:
        match header.type:
            case "heartbeat":
                await self._heartbeat(link, header)
            case "last_match":
                trades = self._trades.get(header.product_id)
                # On a first connection it is older than what was asked for, but numbers start here.
                if trades is not None and self._trades_checked:
                    last = trades.last
                    if trades.take(header.trade_id) == "gap":
                        await self._trades_lost(
                            header.product_id, last, header.trade_id, "trades are missing"
                        )
            case "subscriptions":
                self._subscription.check(payload)
                self._synchronise_all(link)
            case "error":
                raise EndpointFault(f"the venue refused: {refusal_text(payload)}")
            case "level3":
                if self._rows_sequenced and not wire.rows_begin_as_expected(payload):
                    self._rows_sequenced = False
                    raise EndpointFault("unknown columns in level3: gaps can't be found any more")
            case _:
                pass

    async def _heartbeat(self, link: Link, header: wire.Header) -> None:
        product = self._products.get(header.product_id)
        if product is None:
            return
        at = asyncio.get_running_loop().time()
        self._beaten[header.product_id] = at
        if header.time:
            note_lag(self._state, header.time)
        if self._sequenced:
            last = product.last
            if product.announce(header.sequence) and product.held is None:
                await self._lost(link, product, last, header.sequence, restart=False)
                product.skip_to(header.sequence)
        elif self._trades_checked:
            trades = self._trades[header.product_id]
            last = trades.last
            if trades.announce(header.last_trade_id):
                await self._trades_lost(
                    header.product_id, last, header.last_trade_id, "trades are missing"
                )
                trades.skip_to(header.last_trade_id)
        if at - self._looked_at_beats >= 1:
            self._looked_at_beats = at
            self._check_beats(at)

    def _check_beats(self, at: float) -> None:
        """A product whose heartbeat stopped is as dead as a connection without any."""
        limit = self._config.reconnection.stale_after / SECOND
        for product, beaten in self._beaten.items():
            if at - beaten > limit:
                silence = format_duration(self._config.reconnection.stale_after)
                raise EndpointFault(f"no heartbeat of {product} for {silence}")

    # --- snapshots ------------------------------------------------------------------------------

    def _synchronise_all(self, link: Link) -> None:
        for product in self._products.values():
            if product.held is not None:
                self._synchronise(link, product)

    def _synchronise(self, link: Link, product: ProductFeed) -> None:
        if product.product in self._running or not self._books.available:
            return
        # From now on, not from when the task begins to run.
        product.hold()
        task = asyncio.create_task(self._synchroniser.run(product))
        self._running[product.product] = task
        self._state.connection = "backfilling"

        def ended(task: asyncio.Task[None]) -> None:
            self._running.pop(product.product, None)
            if task.cancelled():
                return
            self._failure = task.exception()
            if self._failure is not None:
                # Whoever reads the link must learn of it.
                self._closing = asyncio.ensure_future(link.close())
            elif product.needed > product.placed:
                self._synchronise(link, product)  # a gap came while the snapshot was placed
            elif not self._running and self._state.connection == "backfilling":
                self._state.connection = "connected"

        task.add_done_callback(ended)

    async def _end_synchronisation(self) -> None:
        """Stop what runs, and hand on what was held back: nothing that came is lost."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for product in self._products.values():
            if product.held is not None:
                await self._synchroniser.release(product)

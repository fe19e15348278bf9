"""Kraken's WebSocket v2 into raw frames, each message byte for byte.

Sources: https://docs.kraken.com/api/docs/guides/spot-ws-intro and the channels' pages.

The feed has no sequence numbers: the checksum of a book's messages is the proof that none is
missing. Where it fails, a gap notice stands behind the message, and the symbol is subscribed anew,
which brings a snapshot. Trades are checked by their ids.
"""

import asyncio
import time

import msgspec
import structlog

from collectors.connection import (
    Connector,
    EndpointFault,
    Link,
    LinkLost,
    SourceMisconfigured,
)
from collectors.feed_lag import note_lag
from collectors.kraken import wire
from collectors.kraken.subscriptions import Subscribed, Subscriptions
from collectors.websocket_feed import WebSocketFeed
from pipeline.config.sources import KrakenSource
from pipeline.frames import GapNotice
from pipeline.logs import worth_a_line
from pipeline.outlet import FrameOutlet
from pipeline.secrets import DEFAULT_RESOLVER, SecretError

#: A subscription that got neither answer nor snapshot by then is asked for again, in seconds.
ANSWER_TIMEOUT = 15.0
_LOOK_EVERY = 0.05
_ALREADY = "already subscribed"
_NEVER = "subscription not found"

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class KrakenCollector:
    """Collects the frames of one source until cancelled."""

    def __init__(self, config: KrakenSource, outlet: FrameOutlet) -> None:
        """Raises SourceMisconfigured."""
        if "level3" in config.channels and config.token is None:
            raise SourceMisconfigured(
                f"source {config.name}: level3 needs a token "
                "(REST GetWebSocketsToken), such as token: ${env:KRAKEN_TOKEN}"
            )
        self._config = config
        self._state = outlet.state
        self._feed = WebSocketFeed(outlet)
        self._subscriptions = Subscriptions(config)
        self._log = _log.bind(source=config.name)
        self._unreadable = 0
        self._measured = 0.0

    async def run(self) -> None:
        """Connect, and stay connected, until cancelled."""
        connector = Connector(
            [self._config.url],
            self._config.reconnection,
            self._state,
            max_frame=self._config.max_frame,
        )
        await connector.run(self._session)

    async def _session(self, link: Link) -> None:
        self._feed.begin()
        await self._feed.tell_of_interruption()
        self._subscriptions.begin_connection(_loop_time())
        self._show()
        failure: list[Exception] = []

        async def mend() -> None:
            try:
                await self._mend(link)
            except LinkLost:
                pass  # the reader learns of it as well
            except Exception as error:
                failure.append(error)
                await link.close()

        mending = asyncio.create_task(mend())
        try:
            for group in self._subscriptions.by_channel():
                await link.send(self._subscriptions.subscribe(group, self._token(group[0])))
            await self._read(link)
        except LinkLost as lost:
            if failure:
                raise failure[0] from None
            if lost.too_large:
                await self._feed.too_large(lost, self._config.max_frame)
            raise
        finally:
            mending.cancel()
            await asyncio.gather(mending, return_exceptions=True)

    def _token(self, one: Subscribed) -> str | None:
        if one.channel != "level3" or self._config.token is None:
            return None
        try:
            return self._config.token.reveal()
        except SecretError as error:
            raise EndpointFault(str(error)) from None

    # --- reading --------------------------------------------------------------------------------

    async def _read(self, link: Link) -> None:
        receive, send, decode = link.receive, self._feed.send, wire.decode_envelope
        clock, verify = time.time_ns, self._config.verify_checksum
        while True:
            payload = await receive()
            # In the record first, whatever comes of it.
            await send(payload, clock())
            try:
                message = decode(payload)
                match message.channel:
                    case "book" if verify:
                        await self._books(message)
                    case "level3" if verify:
                        await self._orders(message)
                    case "book" | "level3":
                        self._unverified(message)
                    case "trade":
                        await self._trades(message)
                    case "" if message.method:
                        self._answer(message)
                    case _:
                        pass
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                # The normalizer says what is wrong with it; the next checksum shows what it cost.
                self._unreadable += 1
                if worth_a_line(self._unreadable):
                    reason = str(error)[:200]
                    self._log.warning("unreadable messages", count=self._unreadable, reason=reason)

    def _measure(self, timestamp: str) -> None:
        """Take the lag from a message's time, at most once in a second."""
        at = _loop_time()
        if timestamp and at - self._measured >= 1:
            self._measured = at
            note_lag(self._state, timestamp)

    async def _books(self, message: wire.Envelope) -> None:
        for data in wire.decode_books(message.data):
            one = self._subscriptions.find("book", data.symbol)
            if one is None or not _expected(one, message.type):
                continue
            take = one.book.replace if message.type == "snapshot" else one.book.update
            try:
                take(wire.levels(data.bids), wire.levels(data.asks))
            except ValueError as error:
                await self._broken(one, str(error))
                continue
            await self._check(one, data.checksum, one.book.checksum())
            self._measure(data.timestamp)

    async def _orders(self, message: wire.Envelope) -> None:
        for data in wire.decode_level3(message.data):
            one = self._subscriptions.find("level3", data.symbol)
            if one is None or not _expected(one, message.type):
                continue
            take = one.orders.replace if message.type == "snapshot" else one.orders.update
            try:
                take(wire.changes(data.bids), wire.changes(data.asks))
            except ValueError as error:
                await self._broken(one, str(error))
                continue
            await self._check(one, data.checksum, one.orders.checksum())
            self._measure(data.timestamp)

    async def _check(self, one: Subscribed, expected: int, computed: int) -> None:
        if expected != computed:
            await self._broken(one, f"checksum {expected}, computed {computed}")
            return
        mended = one.standing != "live"
        one.passed()
        if mended:
            self._show()

    async def _broken(self, one: Subscribed, why: str) -> None:
        self._log.warning("book is wrong", symbol=one.symbol, channel=one.channel, reason=why)
        await self._feed.gap(
            GapNotice(instrument=one.symbol, reason=f"the {one.name} is wrong: {why}")
        )
        problem = f"the {one.name} is wrong and is fetched anew: {why}"
        one.failed("broken", problem, _loop_time(), self._config.reconnection)
        self._show()

    def _unverified(self, message: wire.Envelope) -> None:
        if message.type != "snapshot":
            return
        for data in msgspec.json.decode(message.data, type=list[wire.Result]):
            one = self._subscriptions.find(message.channel, data.symbol)
            if one is not None:
                one.passed()
        self._show()

    async def _trades(self, message: wire.Envelope) -> None:
        for trade in wire.decode_trades(message.data):
            one = self._subscriptions.find("trade", trade.symbol)
            if one is None:
                continue
            last = one.last_trade
            if last is not None and trade.trade_id > last + 1:
                await self._feed.gap(
                    GapNotice(
                        instrument=trade.symbol,
                        reason="trades are missing",
                        expected=last + 1,
                        received=trade.trade_id,
                    )
                )
            one.last_trade = max(trade.trade_id, last or 0)
            self._measure(trade.timestamp)

    # --- subscriptions --------------------------------------------------------------------------

    def _answer(self, message: wire.Envelope) -> None:
        if message.method not in ("subscribe", "unsubscribe"):
            return
        asked = self._subscriptions.of_request(message.req_id)
        symbol = message.symbol or (message.result.symbol if message.result else "")
        about = [one for one in asked if not symbol or one.symbol == symbol]
        if message.success:
            if message.method == "subscribe":
                for one in about:
                    if one.channel == "trade":
                        one.passed()
                self._show()
            return
        error = DEFAULT_RESOLVER.mask(message.error)[:300] or "without a reason"
        self._log.warning("refused", method=message.method, symbol=symbol, reason=error)
        if message.method == "unsubscribe" or _ALREADY in error.lower() or _NEVER in error.lower():
            return
        for one in about:
            if one.standing != "live":
                problem = f"the venue refused {one.name}: {error}"
                one.failed("refused", problem, _loop_time(), self._config.reconnection)
        self._show()
        standings = {one.standing for one in self._subscriptions}
        if standings == {"refused"}:
            raise EndpointFault(f"the venue refused everything: {error}")

    async def _mend(self, link: Link) -> None:
        """Ask again for what is due."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            at = _loop_time()
            for one in self._subscriptions:
                if one.due is not None and one.due <= at:
                    await self._ask_again(link, one, at)
                elif (
                    one.standing == "asked"
                    and one.due is None
                    and at - one.asked_at > ANSWER_TIMEOUT
                ):
                    problem = f"the venue does not answer for {one.name}"
                    one.failed("asked", problem, at, self._config.reconnection)
                    self._show()

    async def _ask_again(self, link: Link, one: Subscribed, at: float) -> None:
        refused = one.standing == "refused"
        one.due = None
        one.asked_at = at
        # Until the snapshot is there, updates are of the old subscription.
        one.standing = "asked"
        if not refused:
            await link.send(self._subscriptions.unsubscribe(one, self._token(one)))
        await link.send(self._subscriptions.subscribe((one,), self._token(one)))

    def _show(self) -> None:
        """Tell operators how it stands."""
        problems = [one.problem for one in self._subscriptions if one.problem]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self._state.trouble = problems[0] + more if problems else ""
        waiting = any(one.standing in ("broken", "asked") for one in self._subscriptions)
        if self._state.connection in ("connected", "backfilling"):
            self._state.connection = "backfilling" if waiting else "connected"


def _expected(one: Subscribed, kind: str) -> bool:
    """Whether a message takes part in the book: updates only once a snapshot is there."""
    return kind == "snapshot" or one.standing == "live"


def _loop_time() -> float:
    return asyncio.get_running_loop().time()

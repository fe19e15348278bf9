"""INX.One to events: books by price level, trades.

Source: Digital Assets Trading Platform API (V1), https://apidoc.inx.co. An ``ORDER_BOOK`` that the
collector marks as ``snapshot`` is the whole book, to the depth that was asked for; any other holds
levels' new amounts, 0 removes.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from normalizer.decoders.collected import Normalized
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.times import plausible
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.decoders.venue_messages import MOST_LEVELS, Price, Product, Quantity
from normalizer.enrichment import Enrichment
from pipeline.frames import Frame
from pipeline.units import MILLISECOND

_Time = Annotated[int, Meta(ge=0, le=10**14)]


class _Level(Struct, gc=False):
    price: Price
    amount: Quantity


_Levels = Annotated[list[_Level], Meta(max_length=MOST_LEVELS)]


class OrderBook(Struct, tag_field="event", tag="ORDER_BOOK", kw_only=True):
    """Levels of one market. Times in milliseconds since 1970, amounts in whole units."""

    sentTime: _Time
    marketName: Product
    buy: _Levels = []
    sell: _Levels = []


class _Trade(Struct, kw_only=True, gc=False):
    marketName: Product
    executedPrice: Price
    executedQuantity: Quantity
    takerSide: str | None = None


class AllTrades(Struct, tag_field="event", tag="ALL_TRADES", kw_only=True):
    """Trades, without ids."""

    sentTime: _Time
    trades: Annotated[list[_Trade], Meta(max_length=100_000)]


class _Event(Struct):
    event: str | None = None
    error: str | None = None


_decoder = msgspec.json.Decoder(OrderBook | AllTrades, strict=False)
_event_decoder = msgspec.json.Decoder(_Event)
_READ = frozenset(("ORDER_BOOK", "ALL_TRADES"))
_SIDES = {"BUY": "buy", "SELL": "sell"}


class InxDecoder:
    """Decodes the frames of one source. It keeps nothing."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._instruments = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._instruments))
            return
        try:
            kind = _event_decoder.decode(frame.payload)
            if kind.event not in _READ:
                out.ignore("error" if kind.error else "message of another kind")
                return
            message = _decoder.decode(frame.payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        time = plausible(message.sentTime * MILLISECOND, frame.received, "sentTime")
        if isinstance(message, OrderBook):
            self._book(message, time, frame, original, out)
        else:
            self._trades(message, time, frame, original, out)

    def _book(
        self, message: OrderBook, time: int, frame: Frame, original: str, out: Normalized
    ) -> None:
        blanks = self._instruments[message.marketName]
        kind, _, depth = frame.context.partition(":")
        if kind == "snapshot":
            event = blanks.snapshot()
            event.depth = int(depth) if depth.isdecimal() and len(depth) < 10 else None
        else:
            event = blanks.update()
        event.id = f"{self._instruments.provider}:{frame.position}"
        event.timestamp = time
        event.ingested = frame.received
        event.original = original
        event.bid_prices = tuple([level.price for level in message.buy])
        event.bid_quantities = tuple([level.amount for level in message.buy])
        event.ask_prices = tuple([level.price for level in message.sell])
        event.ask_quantities = tuple([level.amount for level in message.sell])
        out.events.append(event)

    def _trades(
        self, message: AllTrades, time: int, frame: Frame, original: str, out: Normalized
    ) -> None:
        for index, trade in enumerate(message.trades):
            event = self._instruments[trade.marketName].trade()
            event.trade_id = f"{frame.position}:{index}"
            event.id = f"{self._instruments.provider}:{frame.position}:{index}"
            event.timestamp = time
            event.ingested = frame.received
            event.original = original
            event.price = trade.executedPrice
            event.quantity = trade.executedQuantity
            event.notional = trade.executedPrice * trade.executedQuantity
            if trade.takerSide is not None:
                side = _SIDES.get(trade.takerSide)
                if side is None:
                    raise Unreadable(
                        f"{trade.takerSide[:20]!r} is neither BUY nor SELL",
                        f"trades[{index}].takerSide",
                    )
                event.side = "buy" if side == "buy" else "sell"
            out.events.append(event)

"""Kraken spot WebSocket v2 frames to events: ``book``, ``trade``, ``level3``."""

from collections.abc import Sized

import msgspec
from msgspec import Struct

from normalizer.decoders import kraken_messages as wire
from normalizer.decoders.collected import Normalized
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import InstrumentBlanks, Instruments
from normalizer.decoders.times import event_time
from normalizer.decoders.unreadable import unreadable
from normalizer.decoders.venue_messages import Side
from normalizer.enrichment import Enrichment
from normalizer.events import MarketEvent
from normalizer.events.market import BookSnapshot, BookUpdate, MarketRecord, OrderEvent
from pipeline.frames import Frame

_message_decoder = msgspec.json.Decoder(wire.Message)
_acknowledgement_decoder = msgspec.json.Decoder(wire.Acknowledgement)
#: What a subscription to the book may ask for.
_DEPTHS = (10, 25, 100, 500, 1_000)
_PASSED: dict[type[Struct], str] = {
    wire.Heartbeat: "heartbeat",
    wire.Status: "status",
    wire.Ticker: "ticker",
    wire.Candles: "ohlc",
    wire.Instruments: "instrument",
}


class KrakenDecoder:
    """Decodes the frames of one source. Without state."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._instruments = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`~normalizer.decoders.unreadable.Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._instruments))
            return
        try:
            message = _message_decoder.decode(frame.payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            if (kind := _acknowledged(frame.payload)) is None:
                raise unreadable(error) from None
            out.ignore(kind)
            return
        match message:
            case wire.Book():
                self._book(message, frame, original, out)
            case wire.Trades():
                self._trades(message, frame, original, out)
            case wire.Level3():
                self._level3(message, frame, original, out)
            case _:
                out.ignore(_PASSED[type(message)])

    def _book(self, message: wire.Book, frame: Frame, original: str, out: Normalized) -> None:
        snapshot = message.type == "snapshot"
        for number, data in enumerate(message.data):
            blanks = self._instruments[data.symbol]
            event: BookSnapshot | BookUpdate = blanks.snapshot() if snapshot else blanks.update()
            self._place(event, frame, original, number)
            event.timestamp = _time(data.timestamp, frame)
            if data.bids:
                event.bid_prices = tuple([level.price for level in data.bids])
                event.bid_quantities = tuple([level.qty for level in data.bids])
            if data.asks:
                event.ask_prices = tuple([level.price for level in data.asks])
                event.ask_quantities = tuple([level.qty for level in data.asks])
            if isinstance(event, BookSnapshot):
                event.depth = _depth_of(data.bids, data.asks)
            out.events.append(event)
        if not message.data:
            out.ignore("empty")

    def _trades(self, message: wire.Trades, frame: Frame, original: str, out: Normalized) -> None:
        for data in message.data:
            blanks = self._instruments[data.symbol]
            event = blanks.trade()
            event.trade_id = trade_id = str(data.trade_id)
            event.id = f"{blanks.prefix}trade:{trade_id}"
            event.sequence = data.trade_id
            event.timestamp = event_time(data.timestamp, frame.received, "timestamp")
            event.ingested = frame.received
            event.original = original
            event.price = data.price
            event.quantity = data.qty
            event.notional = data.price * data.qty
            event.side = data.side
            out.events.append(event)
        if not message.data:
            out.ignore("empty")

    def _level3(self, message: wire.Level3, frame: Frame, original: str, out: Normalized) -> None:
        number = 0
        for data in message.data:
            blanks = self._instruments[data.symbol]
            if message.type == "snapshot":
                event = blanks.snapshot()
                self._place(event, frame, original, number)
                event.timestamp = _time(data.timestamp, frame)
                event.bid_prices = tuple([order.limit_price for order in data.bids])
                event.bid_quantities = tuple([order.order_qty for order in data.bids])
                event.bid_order_ids = tuple([order.order_id for order in data.bids])
                event.ask_prices = tuple([order.limit_price for order in data.asks])
                event.ask_quantities = tuple([order.order_qty for order in data.asks])
                event.ask_order_ids = tuple([order.order_id for order in data.asks])
                out.events.append(event)
                number += 1
                continue
            sides: tuple[tuple[Side, list[wire.OrderData]], ...] = (
                ("buy", data.bids),
                ("sell", data.asks),
            )
            for side, orders in sides:
                for order in orders:
                    step = _order_step(blanks, order, side, frame)
                    self._place(step, frame, original, number)
                    out.events.append(_as_record(step))
                    number += 1
        if not number:
            out.ignore("empty")

    def _place(self, event: MarketEvent, frame: Frame, original: str, number: int) -> None:
        # The feed has no sequence: the frame's position is the identity.
        suffix = f":{number}" if number else ""
        event.id = f"{self._source}:{frame.position}{suffix}"
        event.ingested = frame.received
        event.original = original


def _depth_of(bids: Sized, asks: Sized) -> int | None:
    """How many levels of each side the feed carries: a side that it fills tells.

    What falls out of it is told no more, and has to be forgotten. No message says the number; where
    neither side is full, the whole book is there.
    """
    most = max(len(bids), len(asks))
    return most if most in _DEPTHS else None


def _order_step(
    blanks: InstrumentBlanks, order: wire.OrderData, side: Side, frame: Frame
) -> OrderEvent:
    match order.event:
        case "delete":
            event: OrderEvent = blanks.removed()
        case "modify":
            event = blanks.changed()
            event.quantity = order.order_qty
        case _:
            event = blanks.placed()
            event.quantity = order.order_qty
    event.timestamp = event_time(order.timestamp, frame.received, "timestamp")
    event.order_id = order.order_id
    event.side = side
    event.price = order.limit_price
    event.remaining = order.order_qty
    return event


def _as_record(event: OrderEvent) -> MarketRecord:
    return event  # pyright: ignore[reportReturnType]  # made by one of the blanks: a leaf record


def _time(text: str | None, frame: Frame) -> int:
    """Snapshots may lack a time; then it is when they came."""
    if text is None:
        return frame.received
    return event_time(text, frame.received, "timestamp")


def _acknowledged(payload: bytes) -> str | None:
    """The request that this message answers, if it is an answer."""
    try:
        method = _acknowledgement_decoder.decode(payload).method
    except (msgspec.MsgspecError, RecursionError):
        return None
    known = ("subscribe", "unsubscribe", "ping", "pong")
    return f"answer-{method}" if method in known else "answer"

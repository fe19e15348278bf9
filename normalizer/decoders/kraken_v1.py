"""Kraken WebSocket v1 frames to events, such as older recordings hold.

Source: https://docs.kraken.com/api/docs/websocket-v1/book and .../trade. A frame is an array of
channel id, one or two maps or a list, channel name and pair. Updates may hold two maps, one a side.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from normalizer.decoders.collected import Normalized
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.times import parse_seconds, plausible
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.decoders.venue_messages import (
    MOST_LEVELS,
    Identifier,
    Price,
    Product,
    Quantity,
)
from normalizer.enrichment import Enrichment
from pipeline.frames import Frame

_Seconds = Annotated[str, Meta(min_length=1, max_length=32)]


class _Level(Struct, array_like=True):
    """Price, volume, time and, where a level is said again, ``r``."""

    price: Price
    volume: Quantity
    time: _Seconds
    republished: str | None = None


_Levels = Annotated[list[_Level], Meta(max_length=MOST_LEVELS)]


class _Book(Struct, kw_only=True):
    snapshot_asks: _Levels | None = msgspec.field(name="as", default=None)
    snapshot_bids: _Levels | None = msgspec.field(name="bs", default=None)
    asks: _Levels = msgspec.field(name="a", default_factory=list[_Level])
    bids: _Levels = msgspec.field(name="b", default_factory=list[_Level])


class _Trade(Struct, array_like=True):
    price: Price
    volume: Quantity
    time: _Seconds
    side: str
    order_type: str = ""
    extra: str = ""


class _Event(Struct):
    event: Identifier


_array_decoder = msgspec.json.Decoder(list[Any])
_event_decoder = msgspec.json.Decoder(_Event)
_EVENTS = frozenset({"heartbeat", "systemStatus", "subscriptionStatus", "pong", "error"})


class KrakenV1Decoder:
    """Decodes the frames of one source. Without state."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._instruments = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._instruments))
            return
        try:
            if frame.payload[:1] != b"[":
                event = _event_decoder.decode(frame.payload).event
                if event not in _EVENTS:
                    raise Unreadable(f"{event[:40]!r} is no known event", "event")
                out.ignore(event)
                return
            self._array(_array_decoder.decode(frame.payload), frame, original, out)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None

    def _array(self, values: list[Any], frame: Frame, original: str, out: Normalized) -> None:
        if not 4 <= len(values) <= 5:
            raise Unreadable(f"an array of {len(values)}, not of 4 or 5")
        channel, pair = msgspec.convert(values[-2:], tuple[Identifier, Product])
        if channel == "trade":
            trades = msgspec.convert(values[1], list[_Trade], strict=False)
            self._trades(trades, pair, frame, original, out)
        elif channel.startswith("book"):
            parts = msgspec.convert(values[1:-2], list[_Book], strict=False)
            self._book(parts, channel, pair, frame, original, out)
        elif channel in ("spread", "ticker") or channel.startswith("ohlc"):
            out.ignore(channel.partition("-")[0])
        else:
            raise Unreadable(f"{channel[:40]!r} is no known channel", "[-2]")

    def _book(
        self,
        parts: list[_Book],
        channel: str,
        pair: str,
        frame: Frame,
        original: str,
        out: Normalized,
    ) -> None:
        blanks = self._instruments[pair]
        first = parts[0]
        if first.snapshot_asks is not None or first.snapshot_bids is not None:
            event = blanks.snapshot()
            depth = channel.partition("-")[2]  # as in book-1000
            event.depth = int(depth) if depth.isdecimal() and len(depth) <= 4 else None
            bids, asks = first.snapshot_bids or [], first.snapshot_asks or []
        else:
            event = blanks.update()
            bids = [level for part in parts for level in part.bids]
            asks = [level for part in parts for level in part.asks]
        if not bids and not asks:
            out.ignore("empty")
            return
        event.id = f"{self._source}:{frame.position}"
        event.ingested = frame.received
        event.original = original
        newest = max(parse_seconds(level.time) for side in (bids, asks) for level in side)
        event.timestamp = plausible(newest, frame.received)
        event.bid_prices = tuple([level.price for level in bids])
        event.bid_quantities = tuple([level.volume for level in bids])
        event.ask_prices = tuple([level.price for level in asks])
        event.ask_quantities = tuple([level.volume for level in asks])
        out.events.append(event)

    def _trades(
        self, trades: list[_Trade], pair: str, frame: Frame, original: str, out: Normalized
    ) -> None:
        blanks = self._instruments[pair]
        for number, trade in enumerate(trades):
            if trade.side not in ("b", "s"):
                raise Unreadable(f"{trade.side[:40]!r} is neither b nor s", f"[1][{number}][3]")
            event = blanks.trade()
            # v1 has no trade id: the frame's position is the identity.
            event.trade_id = f"{frame.position}:{number}"
            event.id = f"{self._source}:{frame.position}" + (f":{number}" if number else "")
            event.timestamp = plausible(parse_seconds(trade.time), frame.received)
            event.ingested = frame.received
            event.original = original
            event.price = trade.price
            event.quantity = trade.volume
            event.notional = trade.price * trade.volume
            event.side = "buy" if trade.side == "b" else "sell"
            out.events.append(event)
        if not trades:
            out.ignore("empty")

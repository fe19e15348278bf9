"""Messages of Kraken's spot WebSocket v2, as far as they are read.

Source: https://docs.kraken.com/api/docs/websocket-v2/book (and trade, level3). Numbers come as JSON
numbers. Checksums are the collector's matter.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from normalizer.decoders.venue_messages import (
    MOST_LEVELS,
    Identifier,
    Price,
    Product,
    Quantity,
    Sequence,
    Side,
    Time,
)

Kind = Literal["snapshot", "update"]


class Level(Struct, gc=False):
    """A price level; quantity 0 removes it."""

    price: Price
    qty: Quantity


Levels = Annotated[list[Level], Meta(max_length=MOST_LEVELS)]


class BookData(Struct, kw_only=True, gc=False):
    """Levels of one symbol. The time may lack in snapshots."""

    symbol: Product
    bids: Levels = []
    asks: Levels = []
    timestamp: Time | None = None


class Book(Struct, tag_field="channel", tag="book", kw_only=True, gc=False):
    """Channel ``book``."""

    type: Kind
    data: Annotated[list[BookData], Meta(max_length=1000)]


class TradeData(Struct, kw_only=True, gc=False):
    """A trade; ``side`` is the taker's."""

    symbol: Product
    side: Side
    price: Price
    qty: Quantity
    trade_id: Sequence
    timestamp: Time


class Trades(Struct, tag_field="channel", tag="trade", kw_only=True, gc=False):
    """Channel ``trade``; its snapshot holds the newest trades before the subscription."""

    type: Kind
    data: Annotated[list[TradeData], Meta(max_length=100_000)]


class OrderData(Struct, kw_only=True, gc=False):
    """A resting order; ``event`` is missing in snapshots."""

    order_id: Identifier
    limit_price: Price
    order_qty: Quantity
    timestamp: Time
    event: Literal["add", "modify", "delete"] | None = None


Orders = Annotated[list[OrderData], Meta(max_length=MOST_LEVELS)]


class Level3Data(Struct, kw_only=True, gc=False):
    """Orders of one symbol."""

    symbol: Product
    bids: Orders = []
    asks: Orders = []
    timestamp: Time | None = None


class Level3(Struct, tag_field="channel", tag="level3", kw_only=True, gc=False):
    """Channel ``level3``."""

    type: Kind
    data: Annotated[list[Level3Data], Meta(max_length=1000)]


class _Passed(Struct, tag_field="channel"):
    pass


class Heartbeat(_Passed, tag="heartbeat"):
    """Nothing else was to be sent."""


class Status(_Passed, tag="status"):
    """The exchange's state."""


class Ticker(_Passed, tag="ticker"):
    """Says again what trades and books say."""


class Candles(_Passed, tag="ohlc"):
    """Says again what the trades say."""


class Instruments(_Passed, tag="instrument"):
    """Assets and pairs."""


Message = Book | Trades | Level3 | Heartbeat | Status | Ticker | Candles | Instruments


class Acknowledgement(Struct):
    """Answer to a request such as ``subscribe``; it has no channel."""

    method: Identifier

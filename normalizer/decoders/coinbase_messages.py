"""Messages of the Coinbase Exchange feed, as far as they are read.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels. Prices and sizes come as
texts; the decoder reads them as numbers (``strict=False``), with the bounds checked on the way.
"""

from typing import Annotated

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


class _Owned(Struct, tag_field="type", kw_only=True, gc=False):
    order_id: Identifier
    side: Side
    product_id: Product
    sequence: Sequence
    time: Time
    user_id: Identifier | None = None
    profile_id: Identifier | None = None


class Received(_Owned, tag="received", kw_only=True, gc=False):
    """A market order has ``funds``, ``size`` or both, and no price."""

    size: Quantity | None = None
    price: Price | None = None
    order_type: Identifier | None = None
    client_oid: Identifier | None = None


class Open(_Owned, tag="open", kw_only=True, gc=False):
    """An order rests on the book."""

    price: Price
    remaining_size: Quantity


class Done(_Owned, tag="done", kw_only=True, gc=False):
    """An order is off the book; a market order has neither price nor remaining size."""

    reason: Identifier
    price: Price | None = None
    remaining_size: Quantity | None = None
    cancel_reason: str | None = None


class Change(_Owned, tag="change", kw_only=True, gc=False):
    """A resting order changed, by its owner or by self-trade prevention."""

    reason: Identifier | None = None
    price: Price | None = None
    old_size: Quantity | None = None
    new_size: Quantity | None = None
    old_price: Price | None = None
    new_price: Price | None = None


class Match(Struct, tag_field="type", tag="match", kw_only=True, gc=False):
    """A trade; ``side`` is the maker's."""

    trade_id: Sequence
    side: Side
    size: Quantity
    price: Price
    product_id: Product
    time: Time
    sequence: Sequence | None = None
    maker_order_id: Identifier | None = None
    taker_order_id: Identifier | None = None
    maker_user_id: Identifier | None = None
    maker_profile_id: Identifier | None = None
    taker_user_id: Identifier | None = None
    taker_profile_id: Identifier | None = None


class LastMatch(Match, tag="last_match", kw_only=True, gc=False):
    """The newest trade before the subscription began."""


Levels = Annotated[list[tuple[Price, Quantity]], Meta(max_length=MOST_LEVELS)]


class Snapshot(Struct, tag_field="type", tag="snapshot", kw_only=True, gc=False):
    """The whole book by level, best first."""

    product_id: Product
    bids: Levels
    asks: Levels
    time: Time | None = None


class L2Update(Struct, tag_field="type", tag="l2update", kw_only=True, gc=False):
    """Levels' new totals; 0 removes."""

    product_id: Product
    changes: Annotated[list[tuple[Side, Price, Quantity]], Meta(max_length=MOST_LEVELS)]
    time: Time


class Level3Schema(Struct, tag_field="type", tag="level3", kw_only=True, gc=False):
    """First message of ``level3``: the columns of each kind of row."""

    schema: Annotated[
        dict[Identifier, Annotated[list[Identifier], Meta(max_length=64)]], Meta(max_length=64)
    ]


class _Passed(Struct, tag_field="type"):
    pass


class Heartbeat(_Passed, tag="heartbeat"):
    """The collector proves by it that nothing is missing."""


class Subscriptions(_Passed, tag="subscriptions"):
    """Acknowledges a subscription."""


class Ticker(_Passed, tag="ticker"):
    """Says again what the trades say."""


class Status(_Passed, tag="status"):
    """Products and currencies."""


class Activate(_Passed, tag="activate"):
    """A stop order was triggered; what it does comes as an order of its own."""


class Auction(_Passed, tag="auction"):
    """Indicative prices of an auction."""


class ErrorMessage(_Passed, tag="error"):
    """The venue refused something; the collector deals with it."""


Message = (
    Received
    | Open
    | Done
    | Change
    | Match
    | LastMatch
    | Snapshot
    | L2Update
    | Level3Schema
    | Heartbeat
    | Subscriptions
    | Ticker
    | Status
    | Activate
    | Auction
    | ErrorMessage
)


class RestBook(Struct, kw_only=True, gc=False):
    """Answer of ``/products/{id}/book``: by order (level 3) or by level (level 1 and 2)."""

    bids: Annotated[list[tuple[Price, Quantity, Identifier | int]], Meta(max_length=MOST_LEVELS)]
    asks: Annotated[list[tuple[Price, Quantity, Identifier | int]], Meta(max_length=MOST_LEVELS)]
    sequence: Sequence
    time: Time | None = None


class _Row(Struct, kw_only=True, gc=False):
    product_id: Product
    sequence: Sequence
    time: Time


class OpenRow(_Row, kw_only=True, gc=False):
    """``open`` of ``level3``."""

    order_id: Identifier
    side: Side
    price: Price
    size: Quantity


class DoneRow(_Row, kw_only=True, gc=False):
    """``done`` of ``level3``: neither side nor reason."""

    order_id: Identifier


class ChangeRow(_Row, kw_only=True, gc=False):
    """``change`` of ``level3``: the new price and size."""

    order_id: Identifier
    price: Price
    size: Quantity


class MatchRow(_Row, kw_only=True, gc=False):
    """``match`` of ``level3``: neither trade id nor side."""

    maker_order_id: Identifier
    taker_order_id: Identifier
    price: Price
    size: Quantity


class NoopRow(_Row, kw_only=True, gc=False):
    """Keeps the sequence dense."""


Row = OpenRow | DoneRow | ChangeRow | MatchRow | NoopRow

ROWS: dict[str, type[Row]] = {
    "open": OpenRow,
    "done": DoneRow,
    "change": ChangeRow,
    "match": MatchRow,
    "noop": NoopRow,
}

#: Columns as documented; what a feed's own schema message says goes before it.
DOCUMENTED_COLUMNS: dict[str, list[str]] = {
    "change": ["type", "product_id", "sequence", "order_id", "price", "size", "time"],
    "done": ["type", "product_id", "sequence", "order_id", "time"],
    "match": [
        *("type", "product_id", "sequence", "maker_order_id", "taker_order_id"),
        *("price", "size", "time"),
    ],
    "noop": ["type", "product_id", "sequence", "time"],
    "open": ["type", "product_id", "sequence", "order_id", "side", "price", "size", "time"],
}

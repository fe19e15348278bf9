"""The Coinbase Exchange messages that this venue sends, as records.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels and the REST reference of
`/products/{id}/book`, `/trades` and `/time`. Prices and sizes are decimal strings. The fields that
Coinbase documents for the authenticated user's own messages (`user_id`, `profile_id`,
`maker_user_id`, `cancel_reason`, ...) are absent, not null, where the reader may not see them.
"""

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

Side = Literal["buy", "sell"]


class _Owned(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What every message about one order has."""

    private: ClassVar[tuple[str, ...]] = ("user_id", "profile_id")

    order_id: str
    side: Side
    product_id: str
    sequence: int
    time: str
    user_id: str | UnsetType = UNSET
    profile_id: str | UnsetType = UNSET


class Received(_Owned, tag_field="type", tag="received", kw_only=True):
    """A valid order came in and is being matched; it does not rest on the book yet."""

    private: ClassVar[tuple[str, ...]] = ("user_id", "profile_id", "client_oid")

    order_type: Literal["limit", "market"]
    size: str
    price: str | UnsetType = UNSET
    client_oid: str | UnsetType = UNSET


class Open(_Owned, tag_field="type", tag="open", kw_only=True):
    """What was not filled at once now rests on the book."""

    price: str
    remaining_size: str


class Done(_Owned, tag_field="type", tag="done", kw_only=True):
    """No more messages for this order. Market orders have neither price nor remaining size."""

    private: ClassVar[tuple[str, ...]] = ("user_id", "profile_id", "cancel_reason")

    reason: Literal["filled", "canceled"]
    price: str | UnsetType = UNSET
    remaining_size: str | UnsetType = UNSET
    cancel_reason: str | UnsetType = UNSET


class Change(_Owned, tag_field="type", tag="change", kw_only=True):
    """A resting order became smaller by a Modify Order Request; it keeps its place."""

    reason: Literal["modify_order"]
    old_size: str
    new_size: str
    old_price: str
    new_price: str


class Match(msgspec.Struct, tag_field="type", tag="match", omit_defaults=True, kw_only=True):
    """A trade. `side` is the maker's: `sell` is an up-tick."""

    private: ClassVar[tuple[str, ...]] = (
        "maker_user_id",
        "maker_profile_id",
        "taker_user_id",
        "taker_profile_id",
    )

    trade_id: int
    maker_order_id: str
    taker_order_id: str
    side: Side
    size: str
    price: str
    product_id: str
    sequence: int
    time: str
    maker_user_id: str | UnsetType = UNSET
    maker_profile_id: str | UnsetType = UNSET
    taker_user_id: str | UnsetType = UNSET
    taker_profile_id: str | UnsetType = UNSET


class LastMatch(Match, tag_field="type", tag="last_match", kw_only=True):
    """First message of `matches`: the trade before the subscription."""


Event = Received | Open | Done | Change | Match

_HIDDEN: dict[type, dict[str, UnsetType]] = {
    kind: dict.fromkeys(kind.private, UNSET) for kind in (Received, Open, Done, Change, Match)
}


def public_view(event: Event) -> Event:
    """The event without the fields that only its owner and the venue's operator may see."""
    return msgspec.structs.replace(event, **_HIDDEN[type(event)])


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat", kw_only=True):
    """Sent each second, so that a reader can prove that it missed nothing."""

    sequence: int
    last_trade_id: int
    product_id: str
    time: str


class Snapshot(msgspec.Struct, tag_field="type", tag="snapshot", kw_only=True):
    """First message of `level2`: `[price, size]`, best first."""

    product_id: str
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]


class L2Update(msgspec.Struct, tag_field="type", tag="l2update", kw_only=True):
    """`[side, price, size]` of levels; size is the new total, "0" removes the level."""

    product_id: str
    changes: list[tuple[Side, str, str]]
    time: str


class ChannelProducts(msgspec.Struct, kw_only=True):
    """One line of `subscriptions`."""

    name: str
    product_ids: list[str]
    account_ids: None = None


class Subscriptions(msgspec.Struct, tag_field="type", tag="subscriptions", kw_only=True):
    """All that the connection is subscribed to now; the answer to (un)subscribe."""

    channels: list[ChannelProducts]


class ErrorMessage(msgspec.Struct, tag_field="type", tag="error", omit_defaults=True):
    """What the client did wrong, or why it is being disconnected."""

    message: str
    reason: str | UnsetType = UNSET


class Level3Schema(msgspec.Struct, tag_field="type", tag="level3"):
    """First message of `level3`: the columns of each kind of row."""

    schema: dict[str, list[str]]


LEVEL3_SCHEMA: dict[str, list[str]] = {
    "change": ["type", "product_id", "sequence", "order_id", "price", "size", "time"],
    "done": ["type", "product_id", "sequence", "order_id", "time"],
    "match": [
        "type",
        "product_id",
        "sequence",
        "maker_order_id",
        "taker_order_id",
        "price",
        "size",
        "time",
    ],
    "noop": ["type", "product_id", "sequence", "time"],
    "open": ["type", "product_id", "sequence", "order_id", "side", "price", "size", "time"],
}


def level3_row(event: Event) -> tuple[str, ...]:
    """The event in the compact form of `level3`. All values are strings, `sequence` too.

    `received` changes no book and becomes `noop`, which keeps the sequence dense.
    """
    product, sequence, time = event.product_id, str(event.sequence), event.time
    match event:
        case Open():
            return (
                "open",
                product,
                sequence,
                event.order_id,
                event.side,
                event.price,
                event.remaining_size,
                time,
            )
        case Done():
            return ("done", product, sequence, event.order_id, time)
        case Match():
            return (
                "match",
                product,
                sequence,
                event.maker_order_id,
                event.taker_order_id,
                event.price,
                event.size,
                time,
            )
        case Change():
            return (
                "change",
                product,
                sequence,
                event.order_id,
                event.new_price,
                event.new_size,
                time,
            )
        case Received():
            return ("noop", product, sequence, time)


class OrderBook(msgspec.Struct, kw_only=True):
    """REST book at level 3: `[price, size, order_id]`, best first, oldest first in a level."""

    bids: list[tuple[str, str, str]]
    asks: list[tuple[str, str, str]]
    sequence: int
    auction_mode: bool = False
    auction: None = None
    time: str


class LevelBook(msgspec.Struct, kw_only=True):
    """REST book at level 1 and 2: `[price, size, number of orders]`, best first."""

    bids: list[tuple[str, str, int]]
    asks: list[tuple[str, str, int]]
    sequence: int
    auction_mode: bool = False
    auction: None = None
    time: str


class Trade(msgspec.Struct, kw_only=True):
    """One element of REST `/products/{id}/trades`. `side` is the maker's."""

    time: str
    trade_id: int
    price: str
    size: str
    side: Side


class ServerTime(msgspec.Struct):
    """REST `/time`: ISO text and seconds since the epoch."""

    iso: str
    epoch: float


class ProductInfo(msgspec.Struct, kw_only=True):
    """One element of REST `/products`."""

    id: str
    base_currency: str
    quote_currency: str
    base_increment: str
    quote_increment: str
    display_name: str
    status: str = "online"
    trading_disabled: bool = False


class RestError(msgspec.Struct):
    """Body of every answer that is not 2xx."""

    message: str

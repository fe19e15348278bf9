"""Just enough of Kraken's v2 messages to check that books are right and trades complete.

Numbers are kept as they stand on the wire (``Raw``). Source:
https://docs.kraken.com/api/docs/websocket-v2/book (and trade, level3).
"""

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from collectors.kraken.checksum import Level, OrderChange


class Result(Struct):
    """What an acknowledgement is about."""

    channel: str = ""
    symbol: str = ""


class Envelope(Struct):
    """Any message: of a channel, or the answer to a request (``method``)."""

    channel: str = ""
    type: str = ""
    data: Raw = Raw()
    method: str = ""
    req_id: int = 0
    success: bool = True
    error: str = ""
    symbol: str = ""
    result: Result | None = None


class BookLevel(Struct, gc=False):
    """A price level."""

    price: Raw
    qty: Raw


class BookData(Struct):
    """Levels of one symbol."""

    symbol: str
    checksum: int
    bids: list[BookLevel] = []
    asks: list[BookLevel] = []
    timestamp: str = ""


class Order(Struct, gc=False):
    """An order of ``level3``; in a snapshot it has no event."""

    order_id: str
    limit_price: Raw
    order_qty: Raw
    event: Literal["add", "modify", "delete"] = "add"


class Level3Data(Struct):
    """Orders of one symbol."""

    symbol: str
    checksum: int
    bids: list[Order] = []
    asks: list[Order] = []
    timestamp: str = ""


class TradeData(Struct, gc=False):
    """A trade's number."""

    symbol: str
    trade_id: int
    timestamp: str = ""


decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_books = msgspec.json.Decoder(list[BookData]).decode
decode_level3 = msgspec.json.Decoder(list[Level3Data]).decode
decode_trades = msgspec.json.Decoder(list[TradeData]).decode


def levels(rows: list[BookLevel]) -> list[Level]:
    """Rows as the checksum's book takes them."""
    return [(_number(row.price), _number(row.qty)) for row in rows]


def changes(orders: list[Order]) -> list[OrderChange]:
    """Orders as the checksum's book takes them."""
    return [
        OrderChange(one.event, one.order_id, _number(one.limit_price), _number(one.order_qty))
        for one in orders
    ]


def _number(raw: Raw) -> bytes:
    # The documentation's examples show numbers both bare and in quotes.
    return bytes(raw).strip(b'"')

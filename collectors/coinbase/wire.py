"""Just enough of Coinbase's messages to prove that none is missing.

Every frame is decoded here once, before the normalizer decodes it whole, so only the fields that
order the feed are read. Source:
https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

import msgspec
from msgspec import Struct

#: Messages of ``full`` that take part in a product's dense sequence. ``activate`` has none;
#: ``ticker`` and ``last_match`` repeat the number of another message.
SEQUENCED = frozenset({"received", "open", "done", "match", "change"})


class Header(Struct, gc=False):
    """The ordering fields of a message."""

    type: str
    product_id: str = ""
    sequence: int = 0
    trade_id: int = 0
    last_trade_id: int = 0
    time: str = ""


class Row(Struct, array_like=True, gc=False):
    """The first columns of a ``level3`` row; all its values are texts."""

    type: str
    product_id: str
    sequence: str | int


class Level3Schema(Struct):
    """First message of ``level3``: the columns of each kind of row."""

    schema: dict[str, list[str]]


class ChannelProducts(Struct):
    """One line of ``subscriptions``."""

    name: str
    product_ids: list[str] = []


class Subscriptions(Struct):
    """What the connection is subscribed to."""

    channels: list[ChannelProducts]


class Refusal(Struct):
    """An ``error`` message."""

    message: str = ""
    reason: str = ""


class BookSequence(Struct):
    """The only field of a REST book that is read here."""

    sequence: int


decode_header = msgspec.json.Decoder(Header).decode
decode_row = msgspec.json.Decoder(Row).decode
decode_subscriptions = msgspec.json.Decoder(Subscriptions).decode
decode_refusal = msgspec.json.Decoder(Refusal).decode
decode_level3_schema = msgspec.json.Decoder(Level3Schema).decode
decode_book_sequence = msgspec.json.Decoder(BookSequence).decode


def rows_begin_as_expected(payload: bytes) -> bool:
    """Whether every kind of ``level3`` row has type, product and sequence as its first columns.

    Raises :class:`msgspec.MsgspecError` when the schema message can't be read.
    """
    expected = ["type", "product_id", "sequence"]
    return all(columns[:3] == expected for columns in decode_level3_schema(payload).schema.values())

"""From executions to encoded frames, each encoded once for all who read the same."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from demo.venue.matching import Execution
from demo.venue.messages import (
    ErrorMessage,
    Event,
    L2Update,
    LevelBook,
    Match,
    OrderBook,
    Trade,
    level3_row,
    public_view,
)
from demo.venue.product import Product
from demo.venue.requests import Channel

_encode = msgspec.json.Encoder().encode


class MarketData(Protocol):
    """What the server asks of an exchange, or of whatever plays one. Unknown products never
    reach it; the server checks against `products` first."""

    @property
    def products(self) -> tuple[Product, ...]: ...
    def sequence(self, product_id: str, /) -> int: ...
    def last_trade_id(self, product_id: str, /) -> int: ...
    def last_match(self, product_id: str, /) -> Match | None: ...
    def order_book(self, product_id: str, /) -> OrderBook: ...
    def level_book(self, product_id: str, limit: int | None = None, /) -> LevelBook: ...
    def trades(self, product_id: str, /) -> Iterable[Trade]: ...


def encode_frame(message: msgspec.Struct) -> bytes:
    """One message as the text of a WebSocket frame."""
    return _encode(message)


def error_frame(message: str, reason: str | None = None) -> bytes:
    """An `error` message."""
    return _encode(ErrorMessage(message, msgspec.UNSET if reason is None else reason))


def execution_frames(
    execution: Execution, events: Sequence[Event], channel: Channel, *, operator: bool
) -> list[bytes]:
    """What `channel` says of an execution; `events` are those of its events that arrive.

    `level2` is built from the levels and does not depend on `events`.
    """
    match channel:
        case "full":
            return [_encode(event if operator else public_view(event)) for event in events]
        case "matches":
            return [
                _encode(event if operator else public_view(event))
                for event in events
                if isinstance(event, Match)
            ]
        case "level3":
            return [_encode(level3_row(event)) for event in events]
        case "level2":
            if not execution.levels:
                return []
            last = execution.events[-1]
            changes = list(execution.levels)
            return [_encode(L2Update(product_id=last.product_id, changes=changes, time=last.time))]
        case "heartbeat":
            return []

"""The tape as public data, without accounts: Coinbase's full channel and Kraken's v2 feed."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from zlib import crc32

import msgspec

from demo.venue.clock import iso_time
from demo.venue.messages import Match, public_view
from simulation.venue.listing import Listing, Printed

_encode = msgspec.json.Encoder(decimal_format="number").encode

PublicFrame = tuple[int, bytes, str, str]
"""Time in nanoseconds, payload, kind and context, as of :class:`pipeline.frames.Frame`."""


def coinbase_frames(tape: Iterable[Printed], listing: Listing) -> Iterator[PublicFrame]:
    """Frames of channel ``full`` as anybody gets them, after the empty book they begin with.

    Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
    """
    first = True
    for printed in tape:
        if printed.listing is not listing:
            continue
        if first:
            book = {"bids": (), "asks": (), "sequence": 0, "time": iso_time(printed.time)}
            yield printed.time, _encode(book), "snapshot", listing.product.id
            first = False
        for event in printed.execution.events:
            yield printed.time, _encode(public_view(event)), "message", ""


_DEPTH = 100


def kraken_frames(tape: Iterable[Printed], listing: Listing) -> Iterator[PublicFrame]:
    """Frames of the channels ``book`` (depth 100, with its checksum) and ``trade``.

    Source: https://docs.kraken.com/api/docs/websocket-v2/book
    """
    book = _Levels(listing)
    symbol = listing.product.id.replace("-", "/")
    first = True
    for printed in tape:
        if printed.listing is not listing:
            continue
        time = iso_time(printed.time)
        if first:
            data = {"symbol": symbol, "bids": (), "asks": (), "checksum": 0, "timestamp": time}
            yield printed.time, _frame("book", "snapshot", (data,)), "message", ""
            first = False
        trades = tuple(_trade(match, symbol, time) for match in printed.execution.matches)
        if trades:
            yield printed.time, _frame("trade", "update", trades), "message", ""
        changes = book.apply(printed)
        if changes["buy"] or changes["sell"]:
            data = {
                "symbol": symbol,
                "bids": changes["buy"],
                "asks": changes["sell"],
                "checksum": book.checksum(),
                "timestamp": time,
            }
            yield printed.time, _frame("book", "update", (data,)), "message", ""


def _frame(channel: str, kind: str, data: tuple[object, ...]) -> bytes:
    return _encode({"channel": channel, "type": kind, "data": data})


def _trade(match: Match, symbol: str, time: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "side": "sell" if match.side == "buy" else "buy",
        "price": Decimal(match.price),
        "qty": Decimal(match.size),
        "ord_type": "market",
        "trade_id": match.trade_id,
        "timestamp": time,
    }


class _Levels:
    """The levels as a subscriber of the book at depth 100 has them."""

    def __init__(self, listing: Listing) -> None:
        self._product = listing.product
        self._sides: dict[str, dict[int, int]] = {"buy": {}, "sell": {}}

    def apply(self, printed: Printed) -> dict[str, list[dict[str, Decimal]]]:
        """What a subscriber is told; levels that come back into the depth are told as well."""
        product = self._product
        told: dict[str, list[dict[str, Decimal]]] = {"buy": [], "sell": []}
        for side, before in [(side, self._shown(side)) for side in ("buy", "sell")]:
            levels = self._sides[side]
            for changed, price, size in printed.execution.levels:
                if changed == side:
                    ticks, lots = (
                        product.ticks(price),
                        int(Decimal(size).scaleb(product.size_decimals)),
                    )
                    if lots:
                        levels[ticks] = lots
                    else:
                        levels.pop(ticks, None)
            after = self._shown(side)
            for ticks in before:
                if ticks not in levels:
                    told[side].append(_level(product.price_text(ticks), "0"))
            for ticks, lots in after.items():
                if before.get(ticks) != lots:
                    told[side].append(_level(product.price_text(ticks), product.size_text(lots)))
        return told

    def checksum(self) -> int:
        """CRC32 over the best ten levels, asks first, without points and leading zeros."""
        text = ""
        for side in ("sell", "buy"):
            for ticks, lots in list(self._shown(side).items())[:10]:
                price, size = self._product.price_text(ticks), self._product.size_text(lots)
                text += price.replace(".", "").lstrip("0") + size.replace(".", "").lstrip("0")
        return crc32(text.encode())

    def _shown(self, side: str) -> dict[int, int]:
        levels = self._sides[side]
        return {price: levels[price] for price in sorted(levels, reverse=side == "buy")[:_DEPTH]}


def _level(price: str, size: str) -> dict[str, Decimal]:
    return {"price": Decimal(price), "qty": Decimal(size)}

"""Kraken's books, kept just far enough to reproduce their CRC32. Pure.

Sources: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2 (and spot-ws-book-v1, the same for
texts), https://docs.kraken.com/api/docs/guides/spot-ws-l3-v2.

Numbers are taken as the digits that stand on the wire, never as floats: the checksum is over the
digits, trailing zeros included, and v2 sends prices and quantities with an instrument's full
precision.
"""

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

#: The checksum covers so many price levels of each side, whatever the depth of the subscription.
CHECKED_LEVELS = 10

_LONGEST_NUMBER = 64
_FRACTION_DIGITS = 18

Level = tuple[bytes, bytes]
"""Price and quantity, as digits on the wire."""
Event = Literal["add", "modify", "delete"]


def price_key(text: bytes) -> int:
    """A price in units of 1e-18, exact. Raises ValueError for what is no plain, positive number."""
    whole, _, fraction = text.partition(b".")
    if len(text) > _LONGEST_NUMBER or not (whole + fraction).isdigit() or not whole:
        return _unusual_key(text)
    if len(fraction) > _FRACTION_DIGITS:
        raise ValueError(f"{text[:40]!r} has more than {_FRACTION_DIGITS} decimals")
    return int(whole + fraction.ljust(_FRACTION_DIGITS, b"0"))


def _unusual_key(text: bytes) -> int:
    try:
        if len(text) > _LONGEST_NUMBER:
            raise ValueError
        value = Decimal(text.decode("ascii"))
        if not 0 <= value < 10**18:
            raise ValueError
    except (ValueError, InvalidOperation):
        raise ValueError(f"{text[:40]!r} is no price") from None
    return int(value.scaleb(_FRACTION_DIGITS))


def digits(text: bytes) -> bytes:
    """What the checksum takes of a number: no point, no leading zeros."""
    return text.replace(b".", b"").lstrip(b"0")


class _Side:
    """Price levels; ``sign`` is 1 for asks and -1 for bids, so the best key comes first."""

    __slots__ = ("keys", "sign", "tokens")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.tokens: dict[int, bytes] = {}

    def set(self, levels: Iterable[Level]) -> None:
        keys, tokens, sign = self.keys, self.tokens, self.sign
        for price, quantity in levels:
            key = price_key(price) * sign
            amount = digits(quantity)
            if not amount:
                if tokens.pop(key, None) is not None:
                    del keys[bisect_left(keys, key)]
                continue
            if key not in tokens:
                insort(keys, key)
            tokens[key] = digits(price) + amount

    def clear(self) -> None:
        self.keys.clear()
        self.tokens.clear()

    def truncate(self, depth: int) -> None:
        for key in self.keys[depth:]:
            del self.tokens[key]
        del self.keys[depth:]

    def best(self) -> bytes:
        tokens = self.tokens
        return b"".join([tokens[key] for key in self.keys[:CHECKED_LEVELS]])


class PriceBook:
    """The ``book`` channel of one symbol. Levels beyond ``depth`` are forgotten, as documented."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._asks = _Side(1)
        self._bids = _Side(-1)

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Take a snapshot. Raises ValueError, as does update."""
        self._bids.clear()
        self._asks.clear()
        self.update(bids, asks)

    def update(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Take all changes of one message, in their order. Quantity 0 removes a level."""
        self._bids.set(bids)
        self._asks.set(asks)
        # Only when the message is whole: levels may come and go within it.
        self._bids.truncate(self.depth)
        self._asks.truncate(self.depth)

    def checksum(self) -> int:
        """CRC32 of the best ten asks, then the best ten bids, unsigned."""
        return zlib.crc32(self._asks.best() + self._bids.best())


class OrderChange(NamedTuple):
    """What happens to an order; price and quantity as digits on the wire."""

    event: Event
    order_id: str
    price: bytes
    quantity: bytes


class _Queues:
    """Orders of one side, level by level in the order of their priority."""

    __slots__ = ("keys", "levels", "sign", "where")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, dict[str, bytes]] = {}
        self.where: dict[str, int] = {}

    def set(self, changes: Iterable[OrderChange]) -> None:
        for event, order_id, price, quantity in changes:
            known = self.where.get(order_id)
            amount = digits(quantity)
            if event == "delete" or not amount:
                if known is not None:
                    self._remove(order_id, known)
                continue
            if event == "modify" and known is None:
                continue  # it fell out of the depth
            key = price_key(price) * self.sign
            if known is not None and (key != known or event == "add"):
                self._remove(order_id, known)
            if key not in self.levels:
                insort(self.keys, key)
                self.levels[key] = {}
            # A new quantity at the same price keeps the order's place in the queue.
            self.levels[key][order_id] = digits(price) + amount
            self.where[order_id] = key

    def _remove(self, order_id: str, key: int) -> None:
        del self.where[order_id]
        level = self.levels[key]
        del level[order_id]
        if not level:
            del self.levels[key]
            del self.keys[bisect_left(self.keys, key)]

    def clear(self) -> None:
        self.keys.clear()
        self.levels.clear()
        self.where.clear()

    def truncate(self, depth: int) -> None:
        for key in self.keys[depth:]:
            for order_id in self.levels.pop(key):
                del self.where[order_id]
        del self.keys[depth:]

    def best(self) -> bytes:
        levels = self.levels
        tokens = [token for key in self.keys[:CHECKED_LEVELS] for token in levels[key].values()]
        return b"".join(tokens)


class OrderBook:
    """The ``level3`` channel of one symbol."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._asks = _Queues(1)
        self._bids = _Queues(-1)

    def replace(self, bids: Iterable[OrderChange], asks: Iterable[OrderChange]) -> None:
        """Take a snapshot, whose orders are all ``add``. Raises ValueError, as does update."""
        self._bids.clear()
        self._asks.clear()
        self.update(bids, asks)

    def update(self, bids: Iterable[OrderChange], asks: Iterable[OrderChange]) -> None:
        """Take all changes of one message, in their order."""
        self._bids.set(bids)
        self._asks.set(asks)
        self._bids.truncate(self.depth)
        self._asks.truncate(self.depth)

    def checksum(self) -> int:
        """CRC32 of each order in the best ten ask levels, then bid levels, unsigned."""
        return zlib.crc32(self._asks.best() + self._bids.best())

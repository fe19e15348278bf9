"""What is traded, and the exact conversion between decimal text and the engine's integers."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec


class OrderRejected(Exception):
    """The venue does not take the order or instruction; nothing changed and nothing was published.

    Attributes: `reason` says why, in Coinbase's manner, e.g. `Insufficient size`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@lru_cache(maxsize=65_536)
def _fixed(value: int, decimals: int) -> str:
    if not decimals:
        return str(value)
    whole, rest = divmod(value, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


@lru_cache(maxsize=65_536)
def _trimmed(value: int, decimals: int) -> str:
    text = _fixed(value, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A market. Prices are counted in ticks of 10^-price_decimals of the quote currency, sizes in
    lots of 10^-size_decimals of the base currency; both are exact integers."""

    id: str
    base_currency: str
    quote_currency: str
    price_decimals: int = 2
    size_decimals: int = 2

    def price_text(self, ticks: int) -> str:
        """Fixed number of decimals: 10050 is `100.50`."""
        return _fixed(ticks, self.price_decimals)

    def size_text(self, lots: int) -> str:
        """Without trailing zeros: 150 is `1.5`, 0 is `0`."""
        return _trimmed(lots, self.size_decimals)

    def ticks(self, price: Decimal | str) -> int:
        """Price to ticks; raises OrderRejected where it is no positive multiple of the tick."""
        return _units(price, self.price_decimals, "price")

    def lots(self, size: Decimal | str) -> int:
        """Size to lots; raises OrderRejected where it is no positive multiple of the lot."""
        return _units(size, self.size_decimals, "size")


def _units(value: Decimal | str, decimals: int, field: str) -> int:
    try:
        scaled = Decimal(value).scaleb(decimals)
    except InvalidOperation:
        raise OrderRejected(f"Invalid {field} {str(value)[:40]!r}: not a number") from None
    if not scaled.is_finite() or scaled <= 0 or scaled != scaled.to_integral_value():
        raise OrderRejected(
            f"Invalid {field} {str(value)[:40]!r}: must be a positive multiple of 1e-{decimals}"
        )
    return int(scaled)

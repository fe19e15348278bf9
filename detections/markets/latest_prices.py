"""What a token was last worth, by trades, swaps and oracles: enough to hold amounts to limits.

The price of a trade that its venue takes back was none: then it is the one before it, of the newest
eight.
"""

import math
from typing import Any

from msgspec import Struct, field

from detections.idlest import latest
from normalizer.events.market import Trade

_MOST_TOKENS = 10_000
_MOST_PRICES = 8


class LatestPrice(Struct, array_like=True):
    """A price of one whole token."""

    price: float = 0.0
    """0: none is known."""
    currency: str = ""
    newest: list[tuple[str, float, str]] = field(default_factory=list[tuple[str, float, str]])
    """The newest prices, this one the last: of which event, and in which currency."""

    def note(self, event_id: str, price: float, currency: str) -> None:
        """A newer one."""
        self.price, self.currency = price, currency
        self.newest.append((event_id, price, currency))
        if len(self.newest) > _MOST_PRICES:
            del self.newest[0]

    def revise(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back, or corrected."""
        corrected = None if now is None or not 0 < now.price < math.inf else now.price
        self.newest = [
            (of, price if of != was.id or corrected is None else corrected, currency)
            for of, price, currency in self.newest
            if of != was.id or corrected is not None
        ]
        _, self.price, self.currency = self.newest[-1] if self.newest else ("", 0.0, "")


#: By the token's id, the idlest first.
LatestPrices = dict[str, LatestPrice]


def note_price(prices: LatestPrices, event: Any) -> None:
    """Take the price of a trade, a swap or an oracle's answer, where it has token and currency."""
    token, price, currency = event.token_id, event.price, event.currency
    if token is None or price is None or currency is None or not 0 < price < math.inf:
        return
    latest(prices, token, _MOST_TOKENS, LatestPrice).note(event.id, price, currency)


def revise_price(prices: LatestPrices, was: Trade, now: Trade | None) -> None:
    """A trade was taken back, or corrected."""
    known = prices.get(was.token_id or "")
    if known is not None:
        known.revise(was, now)
        if not known.newest:
            del prices[was.token_id or ""]

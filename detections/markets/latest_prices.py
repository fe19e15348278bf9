"""What a token was last worth, by trades, swaps and oracles: enough to hold amounts to limits."""

import math
from typing import Any

from msgspec import Struct

from detections.idlest import drop_idlest

_MOST_TOKENS = 10_000


class LatestPrice(Struct, array_like=True):
    """A price of one whole token."""

    price: float
    currency: str


#: By the token's id, the longest known first.
LatestPrices = dict[str, LatestPrice]


def note_price(prices: LatestPrices, event: Any) -> None:
    """Take the price of a trade, a swap or an oracle's answer, where it has token and currency."""
    token, price, currency = event.token_id, event.price, event.currency
    if token is None or price is None or currency is None or not 0 < price < math.inf:
        return
    known = prices.get(token)
    if known is not None:
        known.price, known.currency = price, currency
        return
    if len(prices) >= _MOST_TOKENS:
        drop_idlest(prices, _MOST_TOKENS - 1)
    prices[token] = LatestPrice(price, currency)

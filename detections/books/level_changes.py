"""What happened at a price, inferred where the feed doesn't say.

A feed by level tells only how much stands at a price. What went is explained by trades at that
price and side, as far as these are of the same moment; the rest is believed to have been cancelled.
What came was added. Several orders may have come and gone between two updates: of these only the
balance is seen. The same goes for orders that were removed, where the feed doesn't say why.

Books and trades come by different channels: a trade may come before its level has changed, or
after, as on Coinbase. In the latter case what was believed to be cancelled is taken back with the
trade (`BookChange.taken_back`): who judges by cancellations must wait for a moment.
"""

from msgspec import Struct

from pipeline.units import MILLISECOND

#: Of one moment: how far, in event time, a trade may be from the change of its level. In recorded
#: frames of Coinbase both have the same time; the rest is room for venues that stamp their channels
#: apart. What is longer takes later cancellations for trades.
MOMENT = 100 * MILLISECOND
#: Prices of a book at which something is waited for.
_MOST_PRICES = 64


class Quantity(Struct, gc=False, array_like=True):
    """A quantity at a price, and when the newest part of it came."""

    quantity: float
    timestamp: int


#: By price, of offers its negative.
Lately = dict[float, Quantity]


class LevelChange(Struct, frozen=True, gc=False, array_like=True):
    """What an update says of a level, and what is inferred from it: it is marked by being one."""

    buy: bool
    price: float
    before: float
    after: float
    traded: float = 0.0
    """Of what went, by trades at this price and moment."""

    @property
    def added(self) -> float:
        """What came, at least."""
        return max(0.0, self.after - self.before)

    @property
    def cancelled(self) -> float:
        """What went and no trade explains."""
        return max(0.0, self.before - self.after - self.traded)


def note(lately: Lately, key: float, quantity: float, at: int) -> None:
    """So much came at a price."""
    known = lately.pop(key, None)
    if known is not None and abs(at - known.timestamp) <= MOMENT:
        quantity += known.quantity
        at = max(at, known.timestamp)
    while lately:  # the first is the oldest
        first, oldest = next(iter(lately.items()))
        if len(lately) < _MOST_PRICES and at - oldest.timestamp <= MOMENT:
            break
        del lately[first]
    lately[key] = Quantity(quantity, at)


def take(lately: Lately, key: float, most: float, at: int) -> float:
    """Take out of what came at a price in this moment. Returns how much."""
    known = lately.get(key)
    if known is None:
        return 0.0
    if abs(at - known.timestamp) > MOMENT:
        del lately[key]
        return 0.0
    if known.quantity <= most:
        del lately[key]
        return known.quantity
    known.quantity -= most
    return most

"""Trades that a venue took back or corrected, and what had been counted of them.

A bust (FIX ``ExecType`` H) takes a trade out of what a correlator keeps; a correction (G) gives it
another price or quantity. Alerts that were given stay: they told what was known then. What is only
counted, and not kept trade by trade, isn't changed: one trade in a count of many makes no
difference that matters.
"""

from typing import Protocol, Self, TypeVar

from detections.alerting.findings import Witness
from normalizer.events.market import TradeBusted, TradeCorrected

#: What a correlator that keeps trades listens to as well.
REVISIONS = frozenset({"trade-busted", "trade-corrected"})


class KeptTrade(Protocol):
    """What a correlator keeps of a trade."""

    @property
    def witness(self) -> Witness: ...

    def corrected(self, price: float | None, quantity: float | None) -> Self:
        """The same with another price or quantity, where they are given."""
        ...


K = TypeVar("K", bound=KeptTrade)


def revise(kept: list[K], event: TradeBusted | TradeCorrected) -> bool:
    """Take a bust or a correction into account; whether it was about one of these trades."""
    for place, one in enumerate(kept):
        if one.witness.trade == event.trade_id:
            if event.__class__ is TradeBusted:
                del kept[place]
            else:
                kept[place] = one.corrected(event.price, event.quantity)
            return True
    return False

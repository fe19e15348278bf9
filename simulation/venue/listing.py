"""An instrument at a venue, with the matching engine, and the tape of all that happened."""

import random
from collections.abc import Callable

import msgspec

from demo.venue.clock import Clock
from demo.venue.matching import Execution, MatchingEngine
from demo.venue.messages import Side
from demo.venue.product import Product


class Printed(msgspec.Struct, frozen=True):
    """One instruction's outcome on the tape; `time` in nanoseconds."""

    time: int
    listing: "Listing"
    execution: Execution
    auction: bool = False
    """Whether its trades are an auction's, in which nobody takes."""


Tape = list[Printed]
"""All venues' instructions, in the order of time."""


class Listing:
    """One instrument at one venue. Prices in ticks, quantities in lots.

    The engine is that of the demo's venue: price-time priority, without self-trade prevention.
    """

    def __init__(
        self,
        venue: str,
        product: Product,
        *,
        clock: Clock,
        order_ids: Callable[[], str],
        tape: Tape,
    ) -> None:
        self.venue = venue
        self.product = product
        self.engine = MatchingEngine(product, clock=clock, order_ids=order_ids)
        self.last_price: int | None = None
        """Of the newest trade, in ticks."""
        self._clock = clock
        self._tape = tape

    def print(self, execution: Execution) -> Execution:
        """Put an instruction's outcome on the tape."""
        self._tape.append(Printed(self._clock(), self, execution))
        if execution.filled:
            self.last_price = self.product.ticks(execution.matches[-1].price)
        return execution

    def mid(self, fallback: float) -> float:
        """Half way between the best prices; of one side alone that; else the fallback."""
        bid, ask = self.engine.best("buy"), self.engine.best("sell")
        if bid is None or ask is None:
            return fallback if bid is None and ask is None else float(bid or ask or 0)
        return (bid + ask) / 2

    def near_depth(self, side: Side, levels: int) -> int:
        """Lots at the best price levels of a side."""
        total = 0
        for place, (_, lots, _) in enumerate(self.engine.levels(side)):
            if place >= levels:
                break
            total += lots
        return total


class OrderIds:
    """Order ids as Coinbase has them: UUIDs, here of a seeded generator."""

    def __init__(self, seed: str) -> None:
        self._rng = random.Random(seed)

    def __call__(self) -> str:
        text = f"{self._rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

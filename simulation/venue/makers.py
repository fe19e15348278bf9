"""Market makers: they quote both sides, lean against their inventory and step back at news."""

import random
from math import ceil, floor

import msgspec

from demo.venue.messages import Side
from simulation.clockwork import Clockwork, Script
from simulation.venue.desk import Desk
from simulation.venue.value import Value

SIDES: tuple[Side, ...] = ("buy", "sell")


class Quoting(msgspec.Struct, frozen=True, kw_only=True):
    """How a market maker quotes. Distances in ticks, sizes in lots, times in seconds."""

    half_spread: float
    step: int
    """Between its price levels."""
    levels: int
    size: int
    """Of an order at the best level; deeper ones are larger."""
    most_inventory: int
    """At which it leans by a whole half spread."""
    pause: tuple[float, float]
    """Between looks at the market."""
    tolerance: float
    """How far a quote may be off before it is moved."""
    away_after_news: float = 3.0
    grid: int = 1
    """Prices are multiples of it: the venue's tick, where that isn't one."""


class _Quote(msgspec.Struct):
    order_id: str | None = None
    price: int = 0


def market_maker(
    desk: Desk, rng: random.Random, clockwork: Clockwork, value: Value, quoting: Quoting
) -> Script:
    """Quotes `levels` prices a side around its own estimate of the value.

    The estimate lies between the value and the middle of the book, so makers follow what others
    show, as makers do. Quotes further off than `tolerance` are moved: that is most of a real
    market's messages. The inventory moves the middle of the quotes (Avellaneda and Stoikov, 2008).
    """
    ladder: dict[tuple[Side, int], _Quote] = {
        (side, level): _Quote() for level in range(quoting.levels) for side in SIDES
    }
    own_error = 0.0
    yield rng.random()
    while True:
        if value.just_told(clockwork.now, quoting.away_after_news):
            for quote in ladder.values():
                desk.cancel(quote.order_id)
                quote.order_id = None
            yield rng.uniform(0.3, 1.5)
            continue
        own_error += rng.gauss(-0.2 * own_error, 0.15 * quoting.half_spread)
        middle = 0.6 * value.ticks + 0.4 * desk.listing.mid(value.ticks) + own_error
        lean = max(-2.0, min(2.0, desk.position / quoting.most_inventory))
        middle -= lean * quoting.half_spread
        for (side, level), quote in ladder.items():
            away = quoting.half_spread + level * quoting.step
            grid = quoting.grid
            price = (
                floor((middle - away) / grid) if side == "buy" else ceil((middle + away) / grid)
            ) * grid
            gone = quote.order_id is None or not desk.remaining(quote.order_id)
            loose = quoting.tolerance * (1 + 0.5 * level)
            if not gone and abs(price - quote.price) <= loose:
                continue
            if not gone:
                desk.cancel(quote.order_id)
            lots = round(quoting.size * (1 + 0.35 * level) * rng.uniform(0.7, 1.3))
            quote.order_id = desk.quote(side, lots, price)
            if quote.order_id is None and value.just_told(clockwork.now, 900):
                # What others still show is of before the news: a maker takes it.
                desk.take(side, lots, price)
            quote.price = price
        yield rng.uniform(*quoting.pause)

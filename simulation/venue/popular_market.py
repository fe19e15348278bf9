"""A token that many private people trade every day, in sizes that people choose.

Those spread over orders of magnitude, so their first digits are Benford's, and half of them are
round (Cong, Li, Tang and Yang, "Crypto Wash Trading", 2023: what regulated exchanges show). Before
the close people hurry, and funds work their orders to the last second.
"""

import random
from math import exp

from demo.venue.messages import Side
from pipeline.units import DAY, MINUTE, SECOND
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.makers import SIDES, Quoting, market_maker
from simulation.venue.market import CLOSE, MONDAY, OPEN, Market, in_hours
from simulation.venue.value import Value

SIZE_DECIMALS = 2
_MEDIAN, _MOST = 500, 20_000


def chosen_lots(rng: random.Random) -> int:
    """A size as somebody chooses it: any, or one of one or two digits and zeros."""
    lots = min(_MOST, takers.lognormal_lots(rng, _MEDIAN, 1.5))
    digits = rng.choice((None, None, 1, 2))
    if digits is None:
        return lots
    unit = 10 ** max(0, len(str(lots)) - digits)
    return max(unit, round(lots / unit) * unit)


def popular(seed: int, days: int = 5) -> Market:
    """The market, with its people."""
    market = Market("popular", seed, MONDAY + OPEN - 10 * SECOND)
    market.days = [MONDAY + day * DAY for day in range(days)]
    value = Value(10_000.0)
    listing = market.admit("sim-p", "POP-USD", "pop", value, size_decimals=SIZE_DECIMALS)
    market.begin(value.wander(market.fork("value"), 0.003, 30.0))
    for number in range(3):
        quoting = Quoting(
            half_spread=9.0 + 4 * number,
            step=5,
            levels=4,
            size=6_000,
            most_inventory=90_000,
            pause=(15.0, 45.0),
            tolerance=8.0,
            away_after_news=120.0,
        )
        rng = market.fork(f"maker:{number}")
        maker = market_maker(market.maker(listing), rng, market.clockwork, value, quoting)
        market.begin(in_hours(market, maker), 10)
    crowd = takers.crowd_of([market.desk(listing) for _ in range(300)])
    market.begin(in_hours(market, _takers(crowd, market.fork("crowd"))), 40)
    for number in range(50):
        script = _patient(market.desk(listing), market.fork(f"patient:{number}"))
        market.begin(in_hours(market, script), 30)
    rng = market.fork("closes")
    for day in market.days:
        hurried = _hurried(market, crowd, market.fork(f"close:{day}"), day + CLOSE)
        market.clockwork.begin_at(hurried, day + CLOSE - 3 * MINUTE)
        if rng.random() < 0.6:
            market.clockwork.begin_at(_fund(market, listing, day), day + CLOSE - 10 * MINUTE)
    return market


def _takers(crowd: takers.Crowd, rng: random.Random) -> Script:
    while True:
        yield rng.expovariate(1 / 25)
        crowd.one(rng).take(rng.choice(SIDES), chosen_lots(rng))


def _patient(desk: Desk, rng: random.Random) -> Script:
    while True:
        yield rng.expovariate(1 / 2_400)
        mid = desk.listing.mid(0.0)
        if not mid:
            continue
        side = rng.choice(SIDES)
        away = rng.randint(1, 20)
        price = round(mid) - away if side == "buy" else round(mid) + away
        order_id = desk.quote(side, chosen_lots(rng), price)
        yield rng.expovariate(1 / 600)
        desk.cancel(order_id)


def _hurried(market: Market, crowd: takers.Crowd, rng: random.Random, close: int) -> Script:
    """Ever more in the last minutes: some twenty trades a minute at the end."""
    while True:
        left = (close - market.clockwork.now) / SECOND
        yield rng.expovariate(0.02 + 0.8 * exp(-left / 20))
        if market.clockwork.now >= close:
            return
        crowd.one(rng).take(rng.choice(SIDES), chosen_lots(rng))


def _fund(market: Market, listing: Listing, day: int) -> Script:
    """A fund that wants the closing price trades in parts until then."""
    rng = market.fork(f"fund:{day}")
    side: Side = rng.choice(SIDES)
    lots = rng.randint(6_000, 30_000)
    return takers.execution_algorithm(market.desk(listing), rng, side, lots, 597, 60)

"""A share that opens and closes with an auction, as on exchanges, and the honest in its auctions.

Those are patient ones, who leave an order; those who move theirs with the price that is shown,
until the last seconds; those who change their mind; those who follow what the others show; those
who want too much and give up; and now and then somebody large. Numbers are choices.
"""

import random

from demo.venue.messages import Side
from pipeline.reference_records import Venue
from pipeline.units import DAY, MINUTE, SECOND
from pipeline.venue_sessions import ReferenceTime
from pipeline.venue_sessions import Session as Hours
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.auction import AuctionListing
from simulation.venue.desk import Desk
from simulation.venue.makers import SIDES, Quoting, market_maker
from simulation.venue.market import CLOSE, MONDAY, OPEN, Market
from simulation.venue.value import Value

BEFORE_OPEN, AFTER_CLOSE = 10 * MINUTE, 5 * MINUTE
#: A call phase ends at a random moment within so long after the scheduled one.
_RANDOM_END = 30 * SECOND
_SETTLED = _RANDOM_END + 5 * SECOND
_PEOPLE = 34


class Call:
    """One auction: when it is called, and when its price may be made at the earliest (ns)."""

    def __init__(self, begin: int, end: int) -> None:
        self.begin, self.end = begin, end
        self.length = (end - begin) / SECOND


class AuctionMarket(Market):
    """Five days, two auctions each."""

    def __init__(self, seed: int, days: int = 5) -> None:
        super().__init__("auctions", seed, MONDAY + OPEN - BEFORE_OPEN - 10 * SECOND)
        self.days = [MONDAY + day * DAY for day in range(days)]
        self.until = self.days[-1] + CLOSE + AFTER_CLOSE + 2 * MINUTE
        self.value = Value(10_000.0)
        self.share = self.admit("sim-x", "AUC-USD", "auc", self.value, made=AuctionListing)
        self.calls = [
            call
            for day in self.days
            for call in (
                Call(day + OPEN - BEFORE_OPEN, day + OPEN),
                Call(day + CLOSE, day + CLOSE + AFTER_CLOSE),
            )
        ]
        self.calendar = Venue(
            id="sim-x",
            sessions=(
                Hours(phase="opening-auction", start="07:50", end="08:00"),
                Hours(phase="continuous", start="08:00", end="16:00"),
                Hours(phase="closing-auction", start="16:00", end="16:05"),
            ),
            references=(
                ReferenceTime(name="open", at="08:00", purpose="open"),
                ReferenceTime(name="close", at="16:05", purpose="close"),
            ),
        )

    def continuous(self) -> bool:
        """Whether orders meet at once now."""
        now = self.clockwork.now
        return any(day + OPEN + _SETTLED <= now < day + CLOSE for day in self.days)


def auctions(seed: int) -> Market:
    """The market, with its people."""
    market = AuctionMarket(seed)
    listing, value = market.share, market.value
    market.begin(value.wander(market.fork("value"), 0.003, 20.0))
    for number in range(2):
        quoting = Quoting(
            half_spread=14.0 + 6 * number,
            step=8,
            levels=4,
            size=900,
            most_inventory=12_000,
            pause=(25.0, 70.0),
            tolerance=10.0,
            away_after_news=120.0,
        )
        rng = market.fork(f"maker:{number}")
        maker = market_maker(market.maker(listing), rng, market.clockwork, value, quoting)
        market.begin(_continuously(market, maker), 60)
    for number in range(90):
        name = f"retail:{number}"
        script = takers.retail(market.desk(listing), market.fork(name), 1 / 3_600, 180, 40, 900.0)
        market.begin(_continuously(market, script), 60)
    people = [market.desk(listing) for _ in range(_PEOPLE * 3)]
    rng = market.fork("calls")
    for number, call in enumerate(market.calls):
        market.clockwork.begin_at(_phase(market, rng.randrange(_RANDOM_END), call), call.begin)
        coming = market.fork(f"call:{number}")
        for desk in coming.sample(people, _PEOPLE):
            begin = call.begin + round(call.length * SECOND * coming.betavariate(1.6, 1.2))
            who = random.Random(coming.getrandbits(64))
            script = _participant(market, desk, who, call)
            market.clockwork.begin_at(script, min(begin, call.end - SECOND))
        if coming.random() < 0.5:
            script = _large(market, coming.choice(people), coming, call)
            market.clockwork.begin_at(script, call.begin + 20 * SECOND)
    return market


def _phase(market: AuctionMarket, longer: int, call: Call) -> Script:
    market.share.call()
    yield (call.end + longer - market.clockwork.now) / SECOND
    market.share.uncross()


def _continuously(market: AuctionMarket, script: Script) -> Script:
    """Sleeps while orders don't meet at once."""
    for pause in script:
        yield pause
        while not market.continuous():
            now = market.clockwork.now
            later = [day for day in market.days if day + OPEN + _SETTLED > now]
            if not later:
                return
            yield (later[0] + OPEN + _SETTLED - now) / SECOND + 1


def _price(market: AuctionMarket, rng: random.Random, side: Side, eager: float) -> int:
    """What somebody would pay at most, or take at least."""
    worth = market.value.ticks * (1 + rng.gauss(0, 0.002))
    return round(worth * (1 + eager if side == "buy" else 1 - eager))


def _left(market: AuctionMarket, call: Call) -> float:
    """Seconds until the price may be made."""
    return (call.end - market.clockwork.now) / SECOND


def _participant(market: AuctionMarket, desk: Desk, rng: random.Random, call: Call) -> Script:
    """One order, and what becomes of it."""
    side: Side = rng.choice(SIDES)
    lots = takers.lognormal_lots(rng, 300)
    kind = rng.random()
    if kind < 0.15:
        # Follows what others show.
        found = market.share.indicative()
        if found is not None and abs(found[0] / market.value.ticks - 1) > 0.002:
            side = "buy" if found[0] > market.value.ticks else "sell"
        order = desk.limit(side, lots, _price(market, rng, side, 0.006))
    elif kind < 0.35:
        # Moves it with the price that is shown, at times in the last seconds.
        order = desk.limit(side, lots, _price(market, rng, side, rng.uniform(-0.001, 0.004)))
        for _ in range(rng.randint(1, 3)):
            yield max(0.5, rng.uniform(0.2, 1.0) * _left(market, call))
            if market.share.engine.calling:
                desk.cancel(order)
                order = desk.limit(side, lots, _price(market, rng, side, rng.uniform(0, 0.005)))
    elif kind < 0.43 and _left(market, call) > 10:
        # Changes its mind, at times in the last seconds.
        order = desk.limit(side, lots, _price(market, rng, side, rng.uniform(0, 0.005)))
        yield rng.uniform(0.1, 1.0) * (_left(market, call) - 1)
        desk.cancel(order)
        return
    elif kind < 0.55:
        # Wants too much, sees it, and gives up before the end.
        order = desk.limit(side, 2 * lots, _price(market, rng, side, -rng.uniform(0.006, 0.015)))
        yield max(0.5, _left(market, call) - rng.uniform(0, 40))
        desk.cancel(order)
        return
    else:
        order = desk.limit(side, lots, _price(market, rng, side, rng.uniform(-0.002, 0.006)))
    yield _left(market, call) + _SETTLED / SECOND
    desk.cancel(order)


def _large(market: AuctionMarket, desk: Desk, rng: random.Random, call: Call) -> Script:
    """Somebody who has much to trade and wants the auction's price. The order is in early; some
    move it shortly before the end, or take half of it away for the continuous market."""
    side: Side = rng.choice(SIDES)
    yield rng.uniform(0.05, 0.5) * call.length
    lots = rng.randint(3_000, 6_000)
    order = desk.limit(side, lots, _price(market, rng, side, 0.004))
    kind = rng.random()
    if kind < 0.5:
        yield max(0.5, _left(market, call) - rng.uniform(2, 25))
        desk.cancel(order)
        if kind < 0.15:
            lots //= 2
        order = desk.limit(side, lots, _price(market, rng, side, 0.006))
    yield max(0.0, _left(market, call)) + _SETTLED / SECOND
    desk.cancel(order)

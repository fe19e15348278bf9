"""Orders that are there for the price that an auction shows, and gone before it is made.

Regulation 2016/522, Annex II, Section 1: large orders are entered into the book a few minutes
before an auction's price is determined, and cancelled a few seconds before the book is frozen for
it, so that the theoretical price looks higher or lower than it would (MAR Annex I A(f), A(g)).
"""

from pipeline.units import SECOND
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue.auction_market import AuctionMarket


def orders_before_the_price(stage: Stage) -> Script:
    """Two or three orders that would trade at any price around, some two to four minutes before the
    end of a call, withdrawn two to eight seconds before the earliest moment at which it may end,
    and an order of his own on the other side, which stays. Medium: they are together as large as
    all that would trade of their side.
    """
    market, rng, side = stage.market, stage.rng, stage.side
    if not isinstance(market, AuctionMarket):
        raise TypeError("played in the market with auctions")
    listing = market.share
    call = market.calls[1 + 2 * stage.number + rng.randrange(2)]
    desk = stage.desk()
    yield (call.end - stage.now()) / SECOND - rng.uniform(150, 240)
    found = listing.indicative()
    price = found[0] if found else stage.best(stage.other_side)
    worse = 0.002 if stage.other_side == "buy" else -0.002
    own = desk.limit(
        stage.other_side,
        max(100, round(0.15 * listing.interest(stage.other_side))),
        round(price * (1 + worse)),
    )
    yield rng.uniform(2, 10)
    episode = stage.begin((desk,), "large orders withdrawn just before the auction's price")
    total = stage.scale * max(1_500, listing.interest(side))
    count = rng.randint(2, 3)
    orders: list[str] = []
    for _ in range(count):
        away = rng.uniform(0.008, 0.015)
        limit = round(price * (1 + away if side == "buy" else 1 - away))
        orders.append(desk.limit(side, round(total / count), limit))
        yield rng.uniform(3, 20)
    yield (call.end - stage.now()) / SECOND - rng.uniform(2, 8)
    for order_id in orders:
        desk.cancel(order_id)
        stage.end(episode)
        yield rng.uniform(0.05, 0.4)
    yield (call.end - stage.now()) / SECOND + 40
    desk.cancel(own)

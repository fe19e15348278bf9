"""Sarao, Coscia, Oystacher: orders that weren't meant to trade."""

from datetime import UTC, datetime

from demo.venue.messages import Side
from pipeline.units import MINUTE, SECOND
from simulation.clockwork import Script
from simulation.known_cases.case import KnownCase, Surroundings, accused, surround
from simulation.session import Session, written
from simulation.truth import Episode
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.market import Market


def at(
    year: int, month: int, day: int, hour: int, minute: int, second: int, millisecond: int = 0
) -> int:
    """A time, UTC, in nanoseconds."""
    whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return round(whole.timestamp()) * SECOND + millisecond * 10**6


def begin(market: Market, name: str, typology: str, desk: Desk, note: str) -> Episode:
    """An episode of a case."""
    account = desk.account
    return market.truth.add(
        Episode(
            abuse=name,
            typology=typology,
            accepted=(),
            parties=(account, market.people.owner(account)),
            intensity=1.0,
            begin=market.clockwork.now,
            note=note,
            tail=MINUTE,
        )
    )


def _sarao() -> Session:
    start = at(2010, 5, 6, 16, 17, 38, millisecond=782)
    market = Market("sarao", 1, start - 3 * MINUTE)
    listing = surround(
        market,
        Surroundings(
            venue="cme",
            symbol="ESM0-USD",
            price=115_560.0,
            grid=25,
            makers=3,
            levels=10,
            size=110,
            taking=0.5,
            taken=25,
            volatility=0.006,
        ),
    )
    desk = accused(market, listing)
    market.clockwork.begin_at(_layers(market, listing, desk), start)
    market.clockwork.run(start + 6 * MINUTE)
    return written(market)


def _layers(market: Market, listing: Listing, desk: Desk) -> Script:
    rng = market.fork("sarao")
    episode = begin(market, "sarao", "layering", desk, "five sell orders of 600, moved with it")
    prices = [115_650, 115_675, 115_700, 115_725, 115_750]
    orders = [desk.quote("sell", 600, price) for price in prices]
    anchor = listing.engine.best("sell")
    end = market.clockwork.now + 5 * MINUTE
    count = 0
    bid: str | None = None
    while market.clockwork.now < end:
        yield rng.uniform(0.2, 0.7)
        count += 1
        best = listing.engine.best("sell")
        if best is not None and best != anchor:
            anchor = best
            for order_id in orders:
                desk.cancel(order_id)
            orders = [desk.quote("sell", 600, best + 75 + 25 * level) for level in range(5)]
        if count % 80 == 30:
            desk.take("sell", 24)
        if count % 80 == 45:
            bid = desk.quote("buy", 24, listing.engine.best("buy") or 115_500)
        if count % 80 == 70:
            desk.cancel(bid)
        episode.end = market.clockwork.now
    for order_id in orders:
        desk.cancel(order_id)
    desk.cancel(bid)
    episode.end = market.clockwork.now


def _coscia() -> Session:
    start = at(2011, 10, 3, 14, 0, 0)
    market = Market("coscia", 1, start - 2 * MINUTE)
    listing = surround(
        market,
        Surroundings(
            venue="ice",
            symbol="BRN-USD",
            price=11_586.5,
            grid=1,
            makers=2,
            levels=6,
            size=9,
            taking=0.5,
            taken=3,
            volatility=0.0005,
        ),
    )
    desk = accused(market, listing)
    seller, buyer = market.desk(listing), market.desk(listing)
    market.clockwork.begin_at(_both_ways(market, listing, desk, seller, buyer), start)
    market.clockwork.run(start + 2 * MINUTE)
    return written(market)


def _both_ways(market: Market, listing: Listing, desk: Desk, seller: Desk, buyer: Desk) -> Script:
    """The first is the FCA's chart; the second, the other way round, is what it goes on with."""
    episode = begin(market, "coscia", "spoofing", desk, "17 lots, and 261 on the other side")
    for round_ in range(2):
        small: Side = "buy" if round_ == 0 else "sell"
        large: Side = "sell" if small == "buy" else "buy"
        sign = 1 if small == "buy" else -1
        touch = listing.engine.best(large) or 11_587
        price = touch - sign  # a tick before the other side's best
        bait = desk.limit(small, 17, price)
        yield 0.012
        orders: list[str | None] = []
        for lots, away in ((54, 1), (85, 2), (122, 3)):
            orders.append(desk.quote(large, lots, price + sign * away))
            yield 0.006
        yield 0.11
        counterparty = seller if small == "buy" else buyer
        counterparty.take(large, 3, price)
        yield 0.02
        counterparty.take(large, 14, price)
        if desk.remaining(bait):
            counterparty.take(large, desk.remaining(bait), price)
        yield 0.004
        for order_id in orders:
            desk.cancel(order_id)
        desk.cancel(bait)
        episode.end = market.clockwork.now
        yield 0.14


def _oystacher() -> Session:
    start = at(2012, 12, 12, 15, 30, 0)
    market = Market("oystacher", 1, start - 3 * MINUTE)
    listing = surround(
        market,
        Surroundings(
            venue="comex",
            symbol="HGH3-USD",
            price=36_850.0,
            grid=5,
            makers=3,
            levels=6,
            size=16,
            taking=0.5,
            taken=4,
            volatility=0.0015,
        ),
    )
    desk = accused(market, listing)
    market.clockwork.begin_at(_flips(market, listing, desk), start)
    market.clockwork.run(start + 4 * MINUTE)
    return written(market)


def _flips(market: Market, listing: Listing, desk: Desk) -> Script:
    rng = market.fork("oystacher")
    episode = begin(market, "oystacher", "spoofing", desk, "large bids doubled the touch, flipped")
    for number in range(5):
        side: Side = "sell" if number % 2 == 0 else "buy"
        other: Side = "buy" if side == "sell" else "sell"
        best = listing.engine.best(side) or 36_850
        behind = 5 if side == "sell" else -5
        shown = listing.near_depth(side, 2)
        orders = [
            desk.quote(side, max(40, shown), best),
            desk.quote(side, max(40, shown), best + behind),
        ]
        yield rng.uniform(0.3, 0.9)
        # The platform cancels what an own order would cross: within five milliseconds.
        for order_id in orders:
            desk.cancel(order_id)
        yield 0.004
        desk.take(other, max(20, shown), (listing.engine.best(side) or best))
        episode.end = market.clockwork.now
        yield rng.uniform(15, 30)


SARAO = KnownCase(
    name="sarao",
    title="Sarao, E-mini S&P 500, 6 May 2010: layers kept off the market",
    documents=(
        "CFTC v. Nav Sarao Futures Limited PLC and Navinder Singh Sarao, 15-cv-3398 (N.D. Ill.)",
        "United States v. Navinder Singh Sarao, criminal complaint and affidavit, 11 February 2015",
    ),
    told=(
        "at 11:17:38.782 (Chicago) five sell orders nearly at once: 600 lots each at 1156.50, "
        "1156.75, 1157.00, 1157.25 and 1157.50",
        "replaced or modified more than 19,000 times until 13:40:12.553, which is some 130 a "
        "minute, so that they stayed at least three levels from the best offer",
        "all cancelled, none executed; he traded at the same time",
    ),
    assumed=(
        "five minutes of the two hours and 23 are played; the sixth order of 13:13 is not",
        "the orders are moved when the best offer moves; a modification is a cancel and a new one",
        "honest depth is such that 3,000 lots are about a quarter of the ten levels' offers, as "
        "the complaint says of the larger days",
        "in between he sells 24 lots and bids for 24 below, some twice a minute: the times of his "
        "trades are not in the text",
    ),
    typologies=frozenset({"layering", "spoofing"}),
    play=_sarao,
)
COSCIA = KnownCase(
    name="coscia",
    title="Coscia, Brent, 2011: 17 lots against 261",
    documents=(
        "FCA, Final Notice to Michael Coscia, 3 July 2013, Appendix 1 (animated example)",
        "United States v. Coscia, 866 F.3d 782 (7th Cir. 2017)",
    ),
    told=(
        "a buy order of 17 lots at 115.86; then sell orders of 54 lots at 115.87, 85 at 115.88 and "
        "122 at 115.89",
        "the 17 lots trade in two parts, of 3 and 14; that cancels the three sell orders",
        "then the same the other way round; all of it within 609 milliseconds",
    ),
    assumed=(
        "the day and the hour are not in the text",
        "prices are the market's of the moment, a tick before the other side's best as there",
        "the large orders of the second half have the sizes of the first",
    ),
    typologies=frozenset({"spoofing", "layering"}),
    play=_coscia,
)
OYSTACHER = KnownCase(
    name="oystacher",
    title="Oystacher and 3 Red, copper, 2012: flipped",
    documents=(
        "CFTC v. Oystacher and 3 Red Trading LLC, 15-cv-9196 (N.D. Ill.), complaint of 19 October "
        "2015 and opinion of 12 July 2016, by which the preliminary injunction was denied; see "
        "also 203 F. Supp. 3d 934, of 23 August 2016",
    ),
    told=(
        "large passive orders at or near the best price that at least double the contracts shown "
        "at those prices, placed by hand",
        "all cancelled, and within 5 milliseconds an aggressive order against it at the same "
        'or a better price, by the platform\'s function "avoid orders that cross"',
        "repeated, on 51 days, in copper, crude oil, natural gas, VIX and E-mini futures",
    ),
    assumed=("five flips in two minutes; prices, sizes and times are ours",),
    typologies=frozenset({"spoofing", "layering"}),
    play=_oystacher,
)

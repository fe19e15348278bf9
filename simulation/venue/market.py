"""The kinds of market that are simulated at venues, each with the honest who make it.

Rates and sizes are choices that give each kind its character: messages to trades of ten to one and
more where makers quote, trades in clusters, sizes skewed to the right, and in a thin market most of
the time nothing.
"""

import random
from typing import Literal, TypeVar

import msgspec

from demo.venue.clock import iso_time
from demo.venue.messages import Side
from demo.venue.product import Product
from pipeline.reference_records import CorporateEvent, Instrument, ListEntry, Token, Venue
from pipeline.units import DAY, HOUR, SECOND
from simulation.clockwork import Clockwork, Script
from simulation.truth import Truth
from simulation.venue import takers
from simulation.venue.crowd import Crowd
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing, OrderIds, Tape
from simulation.venue.makers import Quoting, market_maker
from simulation.venue.people import People
from simulation.venue.value import Value

MONDAY = 1_772_409_600 * SECOND
"""2026-03-02T00:00:00Z, a Monday."""
SIZE_DECIMALS = 1
"""A lot is a tenth of a share. At some 100 dollars a share, the median of trades is some hundred to
some thousand dollars, as on venues for crypto-assets and private shares."""
OPEN, CLOSE = 8 * HOUR, 16 * HOUR
"""Of the thin market's continuous session, UTC."""


_Listing = TypeVar("_Listing", bound=Listing)


class Market:
    """A running market: its listings, people, time and truth. Participants are added to it."""

    def __init__(self, kind: str, seed: int, start: int) -> None:
        self.kind = kind
        self.seed = seed
        self.rng = random.Random(f"{kind}:{seed}")
        self.clockwork = Clockwork(start)
        self.people = People()
        self.truth = Truth()
        self.tape: Tape = []
        self.listings: list[Listing] = []
        self.values: list[Value] = []
        self.tokens: list[Token] = []
        self.days: list[int] = []
        """Beginnings of the trading days, of a market that closes; nanoseconds."""
        self.until = 0
        """When it is over, of a market without hours that is played to an end; nanoseconds."""
        self.calendar: Venue | None = None
        """Of the first venue, where it isn't the thin market's."""
        self.announcements: list[CorporateEvent] = []
        self.planned: list[CorporateEvent] = []
        """What everybody knows beforehand that it will be made known, and when."""
        self.lists: list[ListEntry] = []
        """Of insiders, of managers, of what may not be traded."""
        self.crowd: Crowd | None = None
        """Who talks about the first token in public, where that is played."""
        self._order_ids = OrderIds(f"orders:{kind}:{seed}")

    @property
    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self.clockwork.now

    def fork(self, name: str) -> random.Random:
        """A generator of one's own, so that one participant more changes no other's draws."""
        return random.Random(f"{self.kind}:{self.seed}:{name}")

    def admit(
        self,
        venue: str,
        symbol: str,
        token: str,
        value: Value,
        *,
        size_decimals: int = SIZE_DECIMALS,
        made: type[_Listing] = Listing,
    ) -> _Listing:
        """A new instrument at a venue: prices in hundredths, sizes in tenths."""
        base, _, quote = symbol.partition("-")
        product = Product(
            id=symbol, base_currency=base, quote_currency=quote, size_decimals=size_decimals
        )
        listing = made(
            venue,
            product,
            clock=self.clockwork.clock,
            order_ids=self._order_ids,
            tape=self.tape,
        )
        self.listings.append(listing)
        self.values.append(value)
        instrument = Instrument(venue=venue, symbol=symbol)
        for place, one in enumerate(self.tokens):
            if one.id == token:
                self.tokens[place] = msgspec.structs.replace(
                    one, instruments=(*one.instruments, instrument)
                )
                return listing
        self.tokens.append(Token(id=token, symbol=base, instruments=(instrument,)))
        return listing

    def desk(self, listing: Listing, account: str | None = None) -> Desk:
        """A desk at a listing, of a new account unless one is named."""
        return Desk(listing, account or self.people.account(listing.venue))

    def maker(self, listing: Listing) -> Desk:
        """A desk of a market maker, whom the venue knows as one: reference data says so."""
        investor = self.people.investor(labels=("market_maker",))
        return Desk(listing, self.people.account(listing.venue, investor))

    def begin(self, script: Script, after: float = 0.0) -> None:
        """Let somebody start."""
        self.clockwork.begin(script, after)

    def announce(self, time: int, kind: Literal["financial-results", "listing"]) -> None:
        """Something is made known about the first token."""
        number = len(self.announcements) + 1
        self.announcements.append(
            CorporateEvent(
                id=f"news-{number}",
                token=self.tokens[0].id,
                type=kind,
                announced=iso_time(time),
                title=f"Announcement {number}",
                inside=True,
            )
        )

    def open_hours(self, time: int) -> bool:
        """Whether the market is open."""
        return not self.days or any(day + OPEN <= time < day + CLOSE for day in self.days)


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much goes on in a market of the liquid kind."""

    makers: int = 4
    levels: int = 6
    size: int = 400
    taking: float = 0.35
    """Base rate of clustered market orders, a second."""
    retail: int = 40
    half_spread: float = 4.0


def _liquid_people(market: Market, listing: Listing, value: Value, size: Size) -> None:
    fork, begin, desk = market.fork, market.begin, market.desk
    for number in range(size.makers):
        name = f"{listing.venue}:maker:{number}"
        quoting = Quoting(
            half_spread=size.half_spread * (1 + 0.3 * number),
            step=2 + number % 3,
            levels=size.levels,
            size=size.size,
            most_inventory=size.size * 12,
            pause=(0.25, 0.7),
            tolerance=2.0 + number % 2,
        )
        begin(market_maker(market.maker(listing), fork(name), market.clockwork, value, quoting))
    crowd = takers.crowd_of([desk(listing) for _ in range(160)])
    hawkes = takers.Hawkes(base=size.taking, jump=0.6, decay=1.2)
    begin(takers.hawkes_takers(crowd, fork(f"{listing.venue}:crowd"), hawkes, size.size * 0.12), 5)
    for number in range(size.retail):
        name = f"{listing.venue}:retail:{number}"
        begin(takers.retail(desk(listing), fork(name), 0.04, size.size * 0.08, 25, 20.0), 4)
    trend = takers.Trend(
        pause=(1.0, 4.0),
        back=12,
        least=0.0012,
        median=size.size * 0.2,
        most_position=size.size * 6,
    )
    for number in range(3):
        name = f"{listing.venue}:momentum:{number}"
        begin(takers.momentum_trader(desk(listing), fork(name), trend), 20)
    for number in range(2):
        name = f"{listing.venue}:imbalance:{number}"
        begin(takers.imbalance_trader(desk(listing), fork(name), size.size * 0.15), 10)
    for number in range(2):
        name = f"{listing.venue}:value:{number}"
        begin(
            takers.value_trader(
                desk(listing), fork(name), market.clockwork, value, 0.0012, size.size * 0.4
            ),
            8,
        )
    firm = market.people.investor()
    first = market.people.account(listing.venue, firm)
    second = market.people.account(listing.venue, firm)
    both = takers.two_algorithms(
        desk(listing, first), desk(listing, second), fork("two"), size.size * 0.1
    )
    for script in both:
        begin(script, 12)
    begin(_funds(market, listing, size), 60)


def _funds(market: Market, listing: Listing, size: Size) -> Script:
    """Now and then a fund works a large order: slowly, one side, honest."""
    rng = market.fork(f"{listing.venue}:funds")
    number = 0
    while True:
        number += 1
        side: Side = rng.choice(("buy", "sell"))
        script = takers.execution_algorithm(
            market.desk(listing),
            market.fork(f"{listing.venue}:fund:{number}"),
            side,
            size.size * rng.randint(6, 14),
            rng.uniform(240, 420),
            rng.randint(20, 40),
        )
        market.begin(script)
        yield rng.uniform(300, 700)


def _jumps(market: Market, value: Value, name: str, every: float) -> Script:
    rng = market.fork(f"{name}:news")
    while True:
        yield rng.expovariate(1 / every)
        yield from value.tell(market.clockwork, rng.gauss(0, 0.004))


def liquid(seed: int) -> Market:
    """A liquid pair that trades around the clock, as large crypto-assets do."""
    market = Market("liquid", seed, MONDAY + 10 * HOUR)
    value = Value(10_000.0)
    listing = market.admit("sim-x", "LIQ-USD", "liq", value)
    market.begin(value.wander(market.fork("value"), 0.006, 1.0))
    market.begin(_jumps(market, value, "liq", 1_500))
    _liquid_people(market, listing, value, Size())
    return market


def linked(seed: int) -> Market:
    """One asset at two venues, with arbitrage between them and a dealer who hedges at the other."""
    market = Market("linked", seed, MONDAY + 10 * HOUR)
    value = Value(10_000.0)
    here = market.admit("sim-a", "LNK-USD", "lnk", value)
    there = market.admit("sim-b", "LNK-USD", "lnk", value)
    market.begin(value.wander(market.fork("value"), 0.006, 1.0))
    market.begin(_jumps(market, value, "lnk", 1_500))
    _liquid_people(market, here, value, Size(makers=3, retail=28))
    _liquid_people(market, there, value, Size(makers=2, retail=20, size=250, taking=0.2))

    def both(investor: str) -> tuple[Desk, Desk]:
        account = market.people.account(here.venue, investor)
        market.people.open_at(there.venue, account, investor)
        return Desk(here, account), Desk(there, account)

    for number in range(2):
        first, second = both(market.people.investor())
        rng = market.fork(f"arbitrage:{number}")
        market.begin(takers.arbitrageur(first, second, rng, 0.0003, 200), 10)
    dealt, hedge = both(market.people.investor())
    market.begin(takers.passive_dealer(dealt, market.fork("dealer"), 60, 4), 10)
    market.begin(takers.hedger(dealt, hedge, market.fork("hedger"), 120), 10)
    return market


def thin(seed: int, days: int = 9) -> Market:
    """A security token: few trades, wide spreads, a session a day whose last price is the
    reference price, and on most days a rebalancer who trades into it."""
    market = Market("thin", seed, MONDAY + OPEN - 10 * SECOND)
    market.days = [MONDAY + day * DAY for day in range(days + days // 5 * 2) if day % 7 < 5][:days]
    value = Value(10_000.0)
    listing = market.admit("sim-ats", "THIN-USD", "thin", value)
    market.begin(value.wander(market.fork("value"), 0.0025, 60.0))
    market.crowd = Crowd(listing, "thin", market.fork("talk"))
    market.clockwork.begin_at(market.crowd.talk(MONDAY + OPEN), MONDAY + OPEN)
    for number in range(2):
        quoting = Quoting(
            half_spread=22.0 + 10 * number,
            step=12,
            levels=4,
            size=1_500,
            most_inventory=12_000,
            pause=(25.0, 70.0),
            tolerance=14.0,
            away_after_news=120.0,
        )
        maker = market_maker(
            market.maker(listing), market.fork(f"maker:{number}"), market.clockwork, value, quoting
        )
        market.begin(in_hours(market, maker), 10)
    for number in range(120):
        name = f"retail:{number}"
        script = takers.retail(market.desk(listing), market.fork(name), 1 / 3_600, 220, 60, 900.0)
        market.begin(in_hours(market, script), 30)
    for number in range(2):
        script = takers.value_trader(
            market.desk(listing),
            market.fork(f"value:{number}"),
            market.clockwork,
            value,
            0.006,
            180,
        )
        market.begin(in_hours(market, slower(script, 60)), 30)
    rng = market.fork("rebalancer")
    index = market.desk(listing)
    for day in market.days:
        if rng.random() < 0.7:
            side: Side = rng.choice(("buy", "sell"))
            script = takers.execution_algorithm(
                index, market.fork(f"rebalance:{day}"), side, rng.randint(9, 22) * 100, 1_740, 12
            )
            market.clockwork.begin_at(script, day + CLOSE - 1_800 * SECOND)
    return market


def slower(script: Script, times: float) -> Script:
    """Waits so many times longer between its steps."""
    for pause in script:
        yield pause * times


def in_hours(market: Market, script: Script) -> Script:
    """Sleeps while the market is closed."""
    for pause in script:
        yield pause
        while not market.open_hours(market.clockwork.now):
            later = [day + OPEN for day in market.days if day + OPEN > market.clockwork.now]
            if not later:
                return
            yield (later[0] - market.clockwork.now) / SECOND + 1

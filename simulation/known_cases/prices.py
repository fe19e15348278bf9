"""Athena, Mango Markets, Wahi, SQUID: prices that were made, known before, or pulled away."""

from pipeline.reference_records import Venue
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from pipeline.venue_sessions import ReferenceTime
from pipeline.venue_sessions import Session as Hours
from simulation.chain.market import DOLLAR, REMOVE_CALL, UNIT, ChainMarket, Play
from simulation.clockwork import Script
from simulation.known_cases.case import KnownCase, Surroundings, accused, surround
from simulation.known_cases.false_orders import at, begin
from simulation.session import Session, Source, written
from simulation.truth import Episode
from simulation.venue import takers
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.makers import Quoting, market_maker
from simulation.venue.market import CLOSE, OPEN, Market, thin
from simulation.venue.value import Value


def _athena() -> Session:
    close = at(2009, 11, 16, 21, 0, 0)  # 16:00 in New York
    market = Market("athena", 1, close - 40 * MINUTE)
    listing = surround(
        market,
        Surroundings(
            venue="nasdaq",
            symbol="ACMX-USD",
            price=4_210.0,
            grid=1,
            makers=3,
            levels=6,
            size=60,
            taking=0.15,
            taken=20,
            volatility=0.002,
        ),
    )
    market.calendar = Venue(
        id="nasdaq",
        time_zone="America/New_York",
        sessions=(Hours(phase="continuous", start="09:30", end="16:00"),),
        references=(ReferenceTime(name="close", at="16:00", purpose="close"),),
    )
    desk = accused(market, listing)
    market.clockwork.begin_at(_gravy(market, desk, close), close - 10 * MINUTE)
    market.clockwork.run(close + MINUTE)
    return written(market)


def _gravy(market: Market, desk: Desk, close: int) -> Script:
    # What it would sell in the auction is a position that it has by then bought, in small parts.
    for _ in range(10):
        desk.take("buy", 40)
        yield 50.0
    yield (close - 2 * SECOND - market.clockwork.now) / SECOND
    episode = begin(market, "athena", "marking_the_close", desk, "bought in the last two seconds")
    for _ in range(24):
        desk.take("buy", 60)
        episode.end = market.clockwork.now
        yield 0.075


def _mango() -> Session:
    start = at(2022, 10, 11, 22, 25, 0)
    market = Market("mango", 1, start - 8 * HOUR)
    quiet = Surroundings(
        venue="ftx",
        symbol="MNGO-USD",
        price=382.0,
        grid=1,
        makers=2,
        levels=6,
        size=20_000,
        taking=0.004,
        taken=9_000,
        volatility=0.002,
    )
    listings = [_slow(market, quiet, venue) for venue in ("ftx", "ascendex", "gate")]
    investor = market.people.investor()
    desks = [accused(market, listing, investor) for listing in listings]
    market.clockwork.begin_at(_pump(market, desks), start)
    market.clockwork.run(start + 90 * MINUTE)
    return written(market)


def _slow(market: Market, told: Surroundings, venue: str) -> Listing:
    """A market as thin as that coin's: its people come by every minute or so."""
    value = Value(told.price)
    listing = market.admit(venue, told.symbol, told.symbol.lower(), value, size_decimals=0)
    market.begin(value.wander(market.fork(f"{venue}:value"), told.volatility, 60.0))
    for number in range(2):
        quoting = Quoting(
            half_spread=3.0 + number,
            step=3,
            levels=6,
            size=told.size,
            most_inventory=told.size * 40,
            pause=(15.0, 45.0),
            tolerance=3.0,
        )
        rng = market.fork(f"{venue}:maker:{number}")
        market.begin(market_maker(market.maker(listing), rng, market.clockwork, value, quoting))
    crowd = takers.crowd_of([market.desk(listing) for _ in range(40)])
    hawkes = takers.Hawkes(base=0.012, jump=0.004, decay=0.02)
    market.begin(takers.hawkes_takers(crowd, market.fork(f"{venue}:crowd"), hawkes, told.taken), 60)
    return listing


def _pump(market: Market, desks: list[Desk]) -> Script:
    rng = market.fork("mango")
    episode = begin(market, "mango", "cross_market", desks[0], "thirteenfold at three venues")
    for step in range(120):
        wanted = 382 * 13 ** ((step + 1) / 120)
        for value in market.values:
            value.ticks += 0.8 * (wanted - value.ticks)
        for desk in desks:
            desk.take("buy", rng.randint(40_000, 110_000), round(wanted * 1.05))
        episode.end = market.clockwork.now
        yield 1_800 / 120 * rng.uniform(0.8, 1.2)
    for step in range(40):
        for value in market.values:
            value.ticks = max(240.0, value.ticks * 0.9)
        if step < 12:
            for desk in desks:
                if desk.position > 0:
                    desk.take("sell", min(desk.position, 120_000))
            episode.end = market.clockwork.now
        yield rng.uniform(20, 40)


def _wahi() -> Session:
    market = thin(5)
    rng = market.fork("wahi")
    listing = market.listings[0]
    cluster = "friend-of-an-employee"
    desks = [accused(market, listing, market.people.investor(cluster=cluster)) for _ in range(2)]
    announced = market.days[7] + OPEN + 4 * HOUR

    def trade() -> Script:
        episode = begin(market, "wahi", "insider_dealing", desks[0], "bought for two days")
        episode.parties = tuple(
            name for desk in desks for name in (desk.account, market.people.owner(desk.account))
        )
        episode.tail = 2 * DAY
        spent = 0.0
        while spent < 80_000:
            if market.open_hours(market.clockwork.now):
                desk = rng.choice(desks)
                got = desk.take("buy", rng.randint(500, 900))
                spent += got / 10 * (listing.last_price or 0) / 100
                episode.end = market.clockwork.now
            yield rng.uniform(2_000, 5_000)

    def tell() -> Script:
        market.announce(announced, "listing")
        yield from market.values[0].tell(market.clockwork, 0.11)
        yield 600.0
        for desk in desks:
            while desk.position > 0:
                desk.take("sell", min(desk.position, 800))
                market.truth.episodes[0].end = market.clockwork.now
                yield rng.uniform(30, 120)

    market.clockwork.begin_at(trade(), announced - 2 * DAY)
    market.clockwork.begin_at(tell(), announced)
    market.clockwork.run(market.days[-1] + CLOSE)
    return written(market)


def _squid() -> Session:
    market = ChainMarket(11)
    market.now = at(2021, 10, 26, 9, 0, 0)
    maker = market.wallet(market.people.investor())
    pool = market.pools[1]
    market.mint(maker, 800_000 * UNIT)
    logs = pool.add(maker, market.router, 600_000 * UNIT, 6_000 * DOLLAR)
    market.ledger.send(maker, market.router, logs, data="0xe8e33700")
    market.ledger.close_block(market.now)
    market.block += 1
    market.now += 12 * SECOND
    market.begin(_crowd_buys(market, maker), 5)
    market.run(1_900)
    # Nobody comes back: a day later there is still nothing in it.
    market.sleep(2.0)
    market.begin(_last_swaps(market), 0)
    market.run(40)
    return Session(
        sources=(Source("chain", "evm"),),
        frames=[(0, frame) for frame in market.ledger.frames],
        reference=market.reference(),
        episodes=tuple(market.truth.episodes),
    )


def _crowd_buys(market: ChainMarket, maker: str) -> Play:
    rng = market.fork("squid")
    pool = market.pools[1]
    buyers = [market.wallet(market.people.investor()) for _ in range(300)]
    while pool.reserves[1] < 3_380_000 * DOLLAR:
        cash = rng.uniform(0.004, 0.02) * pool.reserves[1]
        market.swap(rng.choice(buyers), True, int(cash), 1)
        yield rng.randint(1, 4)
    owner = market.people.records()[0].id
    episode = market.truth.add(
        Episode(
            abuse="squid",
            typology="liquidity_removal",
            accepted=(),
            parties=(maker, owner, pool.address),
            intensity=1.0,
            begin=market.now,
            end=market.now,
            note="all liquidity taken out at the top",
            tail=3 * DAY,
        )
    )
    _, _, logs = pool.remove(maker, market.router, 0.9999)
    market.ledger.send(maker, market.router, logs, data=REMOVE_CALL)
    episode.end = market.now
    yield 2
    for _ in range(12):
        market.swap(rng.choice(buyers), False, market.tokens(rng.uniform(2, 40)), 1)
        yield rng.randint(1, 10)


def _last_swaps(market: ChainMarket) -> Play:
    holder = market.wallet(market.people.investor())
    for _ in range(6):
        market.swap(holder, False, market.tokens(1), 1)
        yield 5


ATHENA = KnownCase(
    name="athena",
    title="Athena Capital Research, 2009: the last two seconds",
    documents=("SEC, In re Athena Capital Research, LLC, Release 34-73369, 16 October 2014",),
    told=(
        "after the first imbalance message at 15:50 it took the other side by an order on "
        "close, and accumulated in small parts until 16:00",
        "most of it in the last two seconds, in many rapid trades",
        "above 70 percent of the stock's volume at the venue in those seconds; the closing price "
        "moved by fractions of a percent",
    ),
    assumed=(
        "one stock on one day, of a price and depth of our own",
        "the order on close and the auction are not played: the closing price is the last trade's, "
        "and the market goes on for a minute",
    ),
    typologies=frozenset({"marking_the_close"}),
    play=_athena,
)
MANGO = KnownCase(
    name="mango",
    title="Mango Markets, 11 October 2022: thirteenfold in half an hour",
    documents=("CFTC v. Eisenberg, 23-cv-173 (S.D.N.Y.), complaint of 9 January 2023",),
    told=(
        "large amounts of MNGO bought at three exchanges, the inputs of the oracle that valued his "
        "swaps",
        "the oracle's price rose more than thirteenfold within 30 minutes",
        "he borrowed against it and let the price fall back",
    ),
    assumed=(
        "prices are per thousand MNGO in cents: from 3.82 on",
        "the makers follow the price up; depths and single trades are ours",
        "the swaps, the loan and the oracle were on Solana and are not played: what is found is "
        "what he did at the exchanges",
    ),
    typologies=frozenset(
        {"cross_market", "oracle_manipulation", "pump_and_dump", "momentum_ignition", "ramping"}
    ),
    play=_mango,
)
WAHI = KnownCase(
    name="wahi",
    title="Wahi and Ramani, AMP, June 2021: bought before the listing was announced",
    documents=("SEC v. Wahi, Wahi and Ramani, 22-cv-1009 (W.D. Wash.), complaint of 21 July 2022",),
    told=(
        "on 6 June 2021 he learned that AMP would be listed; in the next two days two addresses "
        "bought nearly 80,000 dollars' worth",
        "the listing was announced on 8 June, and the price rose by more than 11 percent",
        "nearly all was sold at once, for a gain of 17,950 dollars",
    ),
    assumed=(
        "a venue with a session a day, a price of about 100, accounts instead of wallets; "
        "reference data links the two",
    ),
    typologies=frozenset({"insider_dealing"}),
    play=_wahi,
)
SQUID = KnownCase(
    name="squid",
    title="SQUID, 1 November 2021: the pool emptied at the top",
    documents=(
        "press and chain data of 1 November 2021 (CoinDesk, CoinMarketCap)",
        "Mazorra et al., 2022, Do not rug on me",
    ),
    told=(
        "from a cent to 2,861.80 dollars within a week; holders could buy and not sell",
        "then its makers took what was in the pool, some 3.38 million dollars; the price fell to "
        "0.0008 within minutes and never came back",
    ),
    assumed=(
        "a pair of Uniswap v2 (PancakeSwap's is a copy of it) on Ethereum; the week is six hours",
        "the pool begins with 6,000 dollars, so the rise is some 300,000-fold less than it was",
    ),
    typologies=frozenset({"liquidity_removal", "pump_and_dump"}),
    play=_squid,
)

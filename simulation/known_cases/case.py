"""What a known case is, and the quiet market that it is played in."""

from collections.abc import Callable

import msgspec

from simulation.session import Session
from simulation.venue import takers
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.makers import Quoting, market_maker
from simulation.venue.market import Market
from simulation.venue.value import Value


class KnownCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case, by its public documents."""

    name: str
    title: str
    documents: tuple[str, ...]
    told: tuple[str, ...]
    """What the documents say, as far as it is played; the numbers are theirs."""
    assumed: tuple[str, ...]
    """What they don't say, or what is scaled, and how it is played here."""
    typologies: frozenset[str]
    """An alert of one of these finds it."""
    play: Callable[[], Session]


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """A market around a case; prices in hundredths, sizes in lots."""

    venue: str
    symbol: str
    price: float
    grid: int
    makers: int
    levels: int
    size: int
    """Of a maker's order at its best level."""
    taking: float
    """Clusters of market orders, a second."""
    taken: float
    """Median size of one."""
    volatility: float = 0.004
    """Of an hour's return."""


def surround(market: Market, told: Surroundings) -> Listing:
    """List an instrument and let honest people trade it."""
    value = Value(told.price)
    listing = market.admit(told.venue, told.symbol, told.symbol.lower(), value, size_decimals=0)
    market.begin(value.wander(market.fork(f"{told.venue}:value"), told.volatility, 1.0))
    for number in range(told.makers):
        quoting = Quoting(
            half_spread=0.4 * told.grid * (1 + 0.5 * number),
            step=told.grid,
            levels=told.levels,
            size=told.size,
            most_inventory=told.size * 15,
            pause=(0.25, 0.7),
            tolerance=0.9 * told.grid,
            grid=told.grid,
        )
        rng = market.fork(f"{told.venue}:maker:{number}")
        market.begin(market_maker(market.maker(listing), rng, market.clockwork, value, quoting))
    crowd = takers.crowd_of([market.desk(listing) for _ in range(80)])
    hawkes = takers.Hawkes(base=told.taking, jump=0.5, decay=1.2)
    market.begin(
        takers.hawkes_takers(crowd, market.fork(f"{told.venue}:crowd"), hawkes, told.taken), 3
    )
    for number in range(2):
        rng = market.fork(f"{told.venue}:imbalance:{number}")
        market.begin(takers.imbalance_trader(market.desk(listing), rng, told.taken), 5)
    return listing


def accused(market: Market, listing: Listing, investor: str | None = None) -> Desk:
    """The desk of who did it."""
    owner = investor or market.people.investor()
    account = market.people.account(listing.venue, owner)
    return Desk(listing, account, prevents=False)

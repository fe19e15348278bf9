"""A venue whose accounts are wallets, and the chain that shows where their first money came from.

Everybody needs the chain's currency before he can trade. Most have it from an exchange's hot
wallet, which reference data knows, or from a small exchange or a bridge's that nobody has labelled;
some from a friend who trades here himself, some from an employer. All of them trade with whomever
the book has, so that two of one source meet by chance. Some wallets are old: nobody sees who filled
them.
"""

import random

from pipeline.units import DAY, HOUR
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.makers import Quoting, market_maker
from simulation.venue.market import MONDAY
from simulation.venue.value import Value
from simulation.venue.wallets import ETHER, WalletMarket

_LENGTH = 3 * DAY
_FROM_EXCHANGES, _FROM_UNKNOWN, _OLD = 70, 45, 40
_FRIENDS, _EMPLOYED = 4, 5


class WalletVenue(WalletMarket):
    """The venue: its instrument, its contract that keeps deposits, and where money comes from."""

    def __init__(self, seed: int) -> None:
        super().__init__("wallets", seed, MONDAY + 8 * HOUR)
        self.until = self.clockwork.start_time + _LENGTH
        self.value = Value(10_000.0)
        self.listing = self.admit("sim-dex", "WLT-USD", "wlt", self.value)
        new = self.ledger.new_address
        self.vault = new()
        self.exchanges = (new(), new())
        self.unknown, self.employer = new(), new()
        for exchange in self.exchanges:
            self.label(exchange, "exchange")
            self.ledger.used(exchange, 4_000_000)
        self.ledger.used(self.unknown, 60_000)
        self.ledger.used(self.employer, 400)

    def fund(self, source: str, wallet: str, rng: random.Random) -> None:
        """A wallet gets the chain's currency."""
        self.send(source, wallet, value=round(rng.uniform(0.05, 2.5) * 1_000) * (ETHER // 1_000))

    def deposit(self, wallet: str) -> None:
        """A wallet's first own transaction: its money is at the venue, and it may trade."""
        self.send(wallet, self.vault, data="0xd0e30db0", value=ETHER // 25)


def _new_trader(market: WalletVenue, source: str, name: str) -> Script:
    rng = market.fork(name)
    wallet = market.people.account("sim-dex")
    yield rng.uniform(0.01, 0.6) * _LENGTH / 10**9
    market.fund(source, wallet, rng)
    yield rng.uniform(120, 14_400)
    market.deposit(wallet)
    yield rng.uniform(60, 3_600)
    market.begin(_trades(market, wallet, name))


def _trades(market: WalletVenue, wallet: str, name: str) -> Script:
    rng = market.fork(f"{name}:trades")
    return takers.retail(market.desk(market.listing, wallet), rng, 1 / 7_200, 40, 20, 1_200.0)


def _old_trader(market: WalletVenue, name: str) -> str:
    wallet = market.people.account("sim-dex")
    market.ledger.used(wallet, market.fork(name).randint(5, 2_000))
    market.begin(_trades(market, wallet, name), 60)
    return wallet


def wallets(seed: int) -> WalletVenue:
    """Three days of a venue with wallets."""
    market = WalletVenue(seed)
    rng = market.fork("sources")
    market.begin(market.value.wander(market.fork("value"), 0.004, 30.0))
    for number in range(3):
        quoting = Quoting(
            half_spread=6.0 + 2 * number,
            step=4,
            levels=3,
            size=300,
            most_inventory=4_000,
            pause=(40.0, 120.0),
            tolerance=8.0,
        )
        maker = market.wallets.maker("sim-dex")
        market.ledger.used(maker, 20_000)
        own = market.fork(f"maker:{number}")
        desk = market.desk(market.listing, maker)
        market.begin(market_maker(desk, own, market.clockwork, market.value, quoting), 10)
    old = [_old_trader(market, f"old:{number}") for number in range(_OLD)]
    sources = [rng.choice(market.exchanges) for _ in range(_FROM_EXCHANGES)]
    sources += [market.unknown] * _FROM_UNKNOWN + [market.employer] * _EMPLOYED + old[:_FRIENDS]
    for number, source in enumerate(sources):
        market.begin(_new_trader(market, source, f"new:{number}"))
    return market

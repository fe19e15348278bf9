"""Trades between wallets that had their first money from one purse."""

from simulation.abusers.false_trades import cross
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue.desk import Desk
from simulation.venue.wallet_market import WalletVenue


def one_purse(stage: Stage) -> Script:
    """One owner fills two new wallets, both from his purse or the second from the first, and has
    them trade with each other to and fro (Dune's filter 4 of wash trades: buyer and seller were
    first funded by the same wallet, or one by the other). Nobody knows that they are one owner's.
    Medium: eight trades within an hour or so.
    """
    market, rng = stage.market, stage.rng
    assert isinstance(market, WalletVenue)
    yield rng.uniform(4 + 13 * stage.number, 10 + 13 * stage.number) * 3_600
    purse, first, second = (market.people.account("sim-dex") for _ in range(3))
    if stage.number % 2 == 0:  # an old wallet of his own
        market.ledger.used(purse, rng.randint(20, 300))
    else:
        market.fund(rng.choice(market.exchanges), purse, rng)
        yield rng.uniform(600, 7_200)
    market.fund(purse, first, rng)
    yield rng.uniform(30, 3_000)
    market.fund(purse if stage.number < 2 else first, second, rng)
    for wallet in (first, second):
        yield rng.uniform(60, 1_800)
        market.deposit(wallet)
    yield rng.uniform(600, 7_200)
    desks = [Desk(market.listing, wallet, prevents=False) for wallet in (first, second)]
    episode = stage.begin(desks, "two wallets of one purse trade to and fro", tail=3_600)
    for number in range(stage.count(8, 2)):
        seller, buyer = desks if number % 2 == 0 else desks[::-1]
        yield from cross(seller, buyer, stage, rng.randint(30, 120), rng.uniform(0.5, 20))
        stage.end(episode)
        yield rng.uniform(120, 720) / max(1.0, stage.scale)

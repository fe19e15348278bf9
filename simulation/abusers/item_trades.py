"""Single items sold among accounts of one owner, for their price or their volume.

V. von Wachter, J. R. Jensen, F. Regner and O. Ross, NFT Wash Trading (2022): closed cycles among an
item's sales, most of them between a few addresses that alternate. Dune's filters of the same: the
pair that goes back and forth, the address that bought one item three times. No reference data links
the accounts.
"""

from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.truth import Episode
from simulation.venue.desk import Desk
from simulation.venue.items import Item, Items


def _market(stage: Stage) -> Items:
    assert isinstance(stage.market, Items)
    return stage.market


def _episode(stage: Stage, count: int, note: str) -> Script:
    """One episode, on its day: buys an item, sells it round, and at last to somebody else."""
    market, rng = _market(stage), stage.rng
    yield rng.uniform(4 + 8 * stage.number, 9 + 8 * stage.number) * 86_400
    item = None
    while item is None:
        item = market.free_item(rng)
        yield 30.0
    item.busy = True
    accounts = [market.people.account("sim-nft") for _ in range(count)]
    yield from market.sell(item, accounts[0], market.price(item, rng), rng.uniform(300, 7_200))
    yield rng.uniform(3_600, 40_000)
    desks = [Desk(item.listing, account, prevents=False) for account in accounts]
    episode = stage.begin(desks, note, tail=3_600)
    yield from _rounds(stage, item, accounts, episode)
    yield rng.uniform(3_600, 160_000)
    victim = market.somebody(rng, item)
    yield from market.sell(item, victim, market.price(item, rng), rng.uniform(600, 20_000))
    stage.end(episode)
    item.busy = False


def _rounds(stage: Stage, item: Item, accounts: list[str], episode: Episode) -> Script:
    market, rng = _market(stage), stage.rng
    price = market.price(item, rng)
    rounds = stage.count(3 if len(accounts) == 2 else 2)
    for _ in range(rounds):
        for place in range(len(accounts)):
            buyer = accounts[(place + 1) % len(accounts)]
            yield from market.sell(item, buyer, price, rng.uniform(10, 900))
            stage.end(episode)
            price = round(price * rng.uniform(1.02, 1.4))
            yield rng.uniform(0.2, 1.8) * 36_000 / rounds


def back_and_forth(stage: Stage) -> Script:
    """Two accounts of one owner sell an item to and fro, dearer each time, to make others believe
    its price (von Wachter et al., 2022; Dune's filter 2). Medium: three times there and back within
    two days or so.
    """
    return _episode(stage, 2, "an item sold to and fro between two accounts")


def in_a_circle(stage: Stage) -> Script:
    """Three to five accounts hand an item round until who had it first has it again, dearer each
    time (von Wachter et al., 2022: closed cycles). Medium: twice round in three days or so.
    """
    return _episode(stage, stage.rng.randint(3, 5), "an item sold in a circle of accounts")


def passed_back(stage: Stage) -> Script:
    """The same on a chain: two wallets of one owner move an item to and fro by a marketplace's
    contract (Dune's filter 2). Medium: three times there and back within two days or so.
    """
    return _episode(stage, 2, "an item moved to and fro between two wallets")

"""The same collectors on a chain: items of an ERC-721 token, which marketplaces' contracts move.

Nobody tells what was paid for what; there are transfers, each in a transaction of somebody's who
calls a contract: a marketplace of two, or the collection itself. Beside sales, honest owners have
items come back to them that were never sold: they pledge them for a loan and redeem them, list them
where a marketplace keeps them until they are sold or not, stake them for a while, and move them to
another wallet of their own and back.
"""

import random

from pipeline.reference_records import Token, TokenContract
from simulation.chain.ledger import CHAIN_ID, TRANSFER_FROM_CALL, address_word, item_log, word
from simulation.clockwork import Script
from simulation.venue.items import Item, Items, peopled
from simulation.venue.wallets import ETHER, WalletMarket

_BUY, _ACCEPT, _PUT, _GET = "0xfb0f3ee1", "0x87201b41", "0xb1a1a882", "0x5c19a95c"


class ChainItems(Items, WalletMarket):
    """The collection, its marketplaces, and where else items are put."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "chain-items")
        new = self.ledger.new_address
        self.collection = new()
        self.marketplaces = (new(), new())
        self.lender, self.stake, self.keeper = new(), new(), new()
        contract = TokenContract(chain=CHAIN_ID, address=self.collection)
        self.tokens.append(
            Token(id="apes", symbol="APES", standard="ERC-721", decimals=0, contracts=(contract,))
        )
        rng = self.fork("nonces")
        for wallet in self.collectors:
            self.ledger.used(wallet, rng.randint(20, 4_000))

    def pass_on(
        self, item: Item, signer: str, called: str, target: str, data: str, value: int = 0
    ) -> None:
        """An item goes to an address, by a contract that somebody calls."""
        log = item_log(self.collection, item.owner, target, item.number)
        self.send(signer, called, (log,), data=data, value=value)
        item.owner = target

    def move(self, item: Item, target: str) -> None:
        """Its owner sends it by the collection itself."""
        owner = item.owner
        data = TRANSFER_FROM_CALL + address_word(owner) + address_word(target) + word(item.number)
        self.pass_on(item, owner, self.collection, target, data)

    def offer(self, item: Item, price: int, wait: float) -> Script:
        """The chain knows nothing of offers."""
        yield wait

    def sell(self, item: Item, buyer: str, price: int, wait: float, *, bid: bool = False) -> Script:
        """Who takes the other's offer calls the marketplace, which moves the item."""
        yield wait
        marketplace = self.marketplaces[item.number % 5 == 0]
        item.had.add(buyer)
        if bid:
            self.pass_on(item, item.owner, marketplace, buyer, _ACCEPT)
        else:
            self.pass_on(item, buyer, marketplace, buyer, _BUY, price * ETHER // 100)


def _put_away(market: ChainItems, name: str, place: str, every: float, days: float) -> Script:
    """Owners put items into a contract and get them back, `every` so many seconds one."""
    rng = market.fork(name)
    while True:
        yield rng.expovariate(1 / every)
        item = market.free_item(rng)
        if item is not None:
            market.begin(_there_and_back(market, item, place, rng.expovariate(1 / days), rng))


def _there_and_back(
    market: ChainItems, item: Item, place: str, days: float, rng: random.Random
) -> Script:
    item.busy = True
    owner = item.owner
    market.pass_on(item, owner, place, place, _PUT)
    yield 600 + days * 86_400
    if place == market.keeper and rng.random() < 0.6:  # sold from there
        buyer = market.somebody(rng, item)
        market.pass_on(item, buyer, place, buyer, _BUY)
        item.had.add(buyer)
    else:
        market.pass_on(item, owner, place, owner, _GET)
    item.busy = False


def _own_wallets(market: ChainItems) -> Script:
    rng = market.fork("vaults")
    vaults: dict[str, str] = {}
    while True:
        yield rng.expovariate(1 / 30_000)
        item = market.free_item(rng)
        if item is not None:
            vault = vaults.setdefault(item.owner, market.people.account("sim-nft"))
            market.begin(_to_vault(market, item, vault, rng.expovariate(1 / 864_000)))


def _to_vault(market: ChainItems, item: Item, vault: str, wait: float) -> Script:
    item.busy = True
    owner = item.owner
    market.move(item, vault)
    yield 3_600 + wait
    market.move(item, owner)
    item.busy = False


def chain_items(seed: int) -> ChainItems:
    """A month and a half of a collection, as its chain shows it."""
    market = ChainItems(seed)
    peopled(market)
    for name, place, every, days in (
        ("loans", market.lender, 40_000, 8.0),
        ("stakes", market.stake, 40_000, 10.0),
        ("kept", market.keeper, 40_000, 3.0),
    ):
        market.begin(_put_away(market, name, place, every, days), 90)
    market.begin(_own_wallets(market), 120)
    return market

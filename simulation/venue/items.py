"""A venue where single items are sold: those of an NFT collection, each a market of its own.

Collectors list what they have, and somebody takes it hours or days later; some sales are bids that
an owner hits. Flippers list what they bought within hours, dearer. Now and then, once in some four
hundred sales, a collector regrets one and buys the item back, weeks later, from who bought it or
from whom that one sold it to.
Sales are skewed: some people trade much, some items are sold again and again.
"""

import random
from math import exp

import msgspec

from demo.venue.product import Product
from pipeline.units import DAY, HOUR, SECOND
from simulation.clockwork import Script
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.market import MONDAY, Market

_LENGTH = 45 * DAY
_ITEMS, _COLLECTORS, _FLIPPERS = 300, 900, 12
_SALES_A_DAY = 36.0


class Item(msgspec.Struct, kw_only=True):
    """One item: its market and whose it is."""

    number: int
    listing: Listing
    owner: str
    worth: float
    """As a part of the collection's usual price."""
    had: set[str] = msgspec.field(default_factory=set[str])
    """Who has had it."""
    busy: bool = False
    """Whether somebody sells it now, or keeps it to himself."""


class Items(Market):
    """The venue with its items. Prices are in hundredths of an ether."""

    def __init__(self, seed: int, kind: str = "items") -> None:
        super().__init__(kind, seed, MONDAY)
        self.until = MONDAY + _LENGTH
        self.usual = 250.0
        """What an item of the collection costs, in ticks."""
        self.items: list[Item] = []
        rng = self.fork("items")
        self.collectors = [self.people.account("sim-nft") for _ in range(_COLLECTORS)]
        self.weights = [exp(rng.gauss(0, 1.0)) for _ in self.collectors]
        self.flippers = frozenset(rng.sample(self.collectors, _FLIPPERS))
        self.popular = [exp(rng.gauss(0, 0.8)) for _ in range(_ITEMS)]
        for number in range(_ITEMS):
            self.items.append(self._mint(number, rng.choice(self.collectors), rng))

    def somebody(self, rng: random.Random, item: Item) -> str:
        """A collector who may want an item: who has had it sold it because he would rather not."""
        while True:
            found = rng.choices(self.collectors, self.weights)[0]
            if found not in item.had:
                return found

    def free_item(self, rng: random.Random) -> Item | None:
        """An item that is at rest; None where chance finds none."""
        item = rng.choices(self.items, self.popular)[0]
        return None if item.busy else item

    def price(self, item: Item, rng: random.Random) -> int:
        """What its owner asks now."""
        return max(1, round(self.usual * item.worth * exp(rng.gauss(0.02, 0.12))))

    def sell(self, item: Item, buyer: str, price: int, wait: float, *, bid: bool = False) -> Script:
        """Its owner sells it to somebody, by an offer that is taken or a bid that is hit."""
        seller = item.owner
        first, second = (buyer, seller) if bid else (seller, buyer)
        resting = Desk(item.listing, first, prevents=False)
        order = resting.limit("buy" if bid else "sell", 1, price)
        yield wait
        if resting.remaining(order):
            Desk(item.listing, second, prevents=False).take("sell" if bid else "buy", 1, price)
            item.owner = buyer
            item.had.add(buyer)

    def offer(self, item: Item, price: int, wait: float) -> Script:
        """Its owner offers it for a while, to nobody's interest."""
        desk = Desk(item.listing, item.owner)
        order = desk.limit("sell", 1, price)
        yield wait
        desk.cancel(order)

    def _mint(self, number: int, owner: str, rng: random.Random) -> Item:
        product = Product(
            id=f"APES#{number}",
            base_currency=f"APES#{number}",
            quote_currency="ETH",
            size_decimals=0,
        )
        listing = Listing(
            "sim-nft",
            product,
            clock=self.clockwork.clock,
            order_ids=self._order_ids,
            tape=self.tape,
        )
        self.listings.append(listing)
        worth = exp(abs(rng.gauss(0, 0.5)))
        return Item(number=number, listing=listing, owner=owner, worth=worth, had={owner})


def _sales(market: Items) -> Script:
    rng = market.fork("sales")
    count = 0
    while True:
        yield rng.expovariate(_SALES_A_DAY / 86_400)
        item = market.free_item(rng)
        if item is not None:
            count += 1
            market.begin(_sale(market, item, market.fork(f"sale:{count}")))


def _sale(market: Items, item: Item, rng: random.Random) -> Script:
    item.busy = True
    for _ in range(3):
        price = market.price(item, rng)
        if rng.random() < 0.1:  # nobody wants it at that
            yield from market.offer(item, 3 * price, rng.expovariate(1 / 172_800))
            break
        buyer = market.somebody(rng, item)
        bid = rng.random() < 0.2
        yield from market.sell(item, buyer, price, rng.expovariate(1 / 36_000), bid=bid)
        if buyer not in market.flippers:
            break
        yield rng.uniform(1_800, 28_800)
        item.worth *= rng.uniform(1.02, 1.15)
    item.busy = False


def _regret(market: Items, number: int) -> Script:
    """Somebody sells, and has it back weeks later; of three, one from a third who has it then."""
    rng = market.fork(f"regret:{number}")
    yield rng.uniform(1, 9) * 86_400
    item = None
    while item is None:
        item = market.free_item(rng)
        yield 60.0
    item.busy = True
    first = item.owner
    hands = 2 if number % 3 == 2 else 1
    for _ in range(hands):
        buyer = market.somebody(rng, item)
        yield from market.sell(item, buyer, market.price(item, rng), rng.uniform(600, 40_000))
        yield rng.uniform(10, 30) / hands * 86_400
    yield from market.sell(
        item, first, market.price(item, rng), rng.uniform(600, 40_000), bid=rng.random() < 0.5
    )
    item.busy = False


def _usual_price(market: Items) -> Script:
    rng = market.fork("usual")
    while True:
        yield HOUR / SECOND
        market.usual *= 1 + rng.gauss(0, 0.012)


def items(seed: int) -> Items:
    """A month and a half of a collection."""
    return peopled(Items(seed))


def peopled(market: Items) -> Items:
    """Everybody is at work."""
    market.begin(_usual_price(market))
    market.begin(_sales(market), 60)
    for number in range(3):
        market.begin(_regret(market, number), 30)
    return market

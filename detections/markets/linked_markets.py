"""All markets of one asset together: where their prices were, and what each party did where."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from detections.alerting.findings import Witness
from normalizer.events.market import Trade

#: Venues and pools of one asset, the idlest go first, for anybody may open a pool; prices kept of
#: each, parties, and trades of each party.
MOST_MARKETS = 50
MOST_PRICES = 600
MOST_PARTIES = 1_000
MOST_TRADES = 100

#: Provider, venue and instrument.
MarketKey = tuple[str, str, str]


class Prices(Struct):
    """Prices of one market within a window."""

    currency: str
    times: list[int] = field(default_factory=list[int])
    prices: list[float] = field(default_factory=list[float])

    def add(self, time: int, price: float, floor: int, step: int) -> None:
        """A trade. Of those of one `step` by the clock the first is kept, and the last."""
        times, prices = self.times, self.prices
        if times and time < times[-1]:
            time = times[-1]
        if len(times) > 1 and times[-2] // step == time // step:
            times[-1], prices[-1] = time, price
        else:
            times.append(time)
            prices.append(price)
        # One that is older tells what held when the window began.
        if len(times) > 1 and (times[1] < floor or len(times) > MOST_PRICES):
            gone = max(1, min(bisect_right(times, floor) - 1, len(times) - 1))
            del times[:gone], prices[:gone]

    def take_back(self, time: int, step: int, left: Sequence[Trade], earlier: Trade | None) -> None:
        """A trade counts no more, or at another price. `left` are those of its step that do, and
        `earlier` is the one before these."""
        begin = time // step * step
        first, behind = bisect_left(self.times, begin), bisect_left(self.times, begin + step)
        if first == behind:
            return  # it is forgotten
        kept = [left[0], left[-1]] if len(left) > 1 else list(left)
        if not first and not kept and earlier is not None:
            kept = [earlier]  # one that is older tells what held when the window began
        self.times[first:behind] = [one.timestamp for one in kept]
        self.prices[first:behind] = [one.price for one in kept]

    def at(self, time: int) -> float | None:
        """The price that held at a time; None where nothing was traded before."""
        place = bisect_right(self.times, time)
        return self.prices[place - 1] if place else None

    @property
    def last(self) -> float:
        """The newest price; 0 before any."""
        return self.prices[-1] if self.prices else 0.0


class Deal(Struct, frozen=True, array_like=True):
    """What a party did in one trade."""

    time: int
    market: MarketKey
    buy: bool
    came_in: bool
    """It took what rested."""
    quantity: float
    price: float
    before: float
    """The market's price before it."""
    after: float
    """Where it left the market: a pool's price after the swap, else its own."""
    seen: Witness


class Asset(Struct):
    """One asset."""

    markets: dict[MarketKey, Prices] = field(default_factory=dict[MarketKey, Prices])
    deals: dict[str, list[Deal]] = field(default_factory=dict[str, list[Deal]])
    """By the widest name of a party, the idlest first; within the window."""
    alerted: dict[str, int] = field(default_factory=dict[str, int])
    """When a party was found last."""

    def market(self, key: MarketKey, currency: str) -> Prices:
        """One of its markets, known from now on."""
        prices = self.markets.get(key)
        if prices is None:
            if len(self.markets) >= MOST_MARKETS:
                del self.markets[min(self.markets, key=lambda one: self.markets[one].times[-1])]
            prices = self.markets[key] = Prices(currency)
        return prices

    def change(self, name: str, trade: str, how: Callable[[Deal], Deal | None]) -> Deal | None:
        """A party's part in a trade is another, or none; as it was, if it is known."""
        deals = self.deals.get(name, [])
        for place, one in enumerate(deals):
            if one.seen.id == trade:
                changed = how(one)
                deals[place : place + 1] = [] if changed is None else [changed]
                if not deals:
                    del self.deals[name]
                return one
        return None

    @property
    def size(self) -> int:
        """Prices, parties and what these did."""
        prices = sum([len(one.times) for one in self.markets.values()])
        return prices + len(self.deals) + sum([len(one) for one in self.deals.values()])

    def begin_with_two(self) -> None:
        """A market began later than was thought: what was done before there were two of them says
        nothing."""
        began = sorted(one.times[0] for one in self.markets.values())
        if len(began) < 2:
            self.deals.clear()
            return
        for name, deals in list(self.deals.items()):
            self.deals[name] = [one for one in deals if one.time >= began[1]]
            if not self.deals[name]:
                del self.deals[name]

    def note(self, name: str, deal: Deal, floor: int) -> list[Deal]:
        """A party traded; what it did within the window."""
        deals = self.deals.pop(name, None)
        if deals is None:
            deals = []
            if len(self.deals) >= MOST_PARTIES:
                del self.deals[next(iter(self.deals))]
        self.deals[name] = deals
        deals.append(deal)
        gone = 0
        while deals[gone].time < floor:
            gone += 1
        gone = max(gone, len(deals) - MOST_TRADES)
        if gone:
            del deals[:gone]
        return deals

"""All markets of one asset together: where their prices were, and what each party did where."""

from bisect import bisect_right

from msgspec import Struct, field

from detections.alerting.findings import Witness

#: Venues and pools of one asset, prices kept of each, parties, and trades of each party.
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
        """A trade. Of those within `step` of one another the first is kept, and the last."""
        times, prices = self.times, self.prices
        if len(times) > 1 and time - times[-2] < step:
            times[-1], prices[-1] = max(time, times[-1]), price
        else:
            times.append(max(time, times[-1]) if times else time)
            prices.append(price)
        # One that is older tells what held when the window began.
        if len(times) > 1 and (times[1] < floor or len(times) > MOST_PRICES):
            gone = max(1, min(bisect_right(times, floor) - 1, len(times) - 1))
            del times[:gone], prices[:gone]

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

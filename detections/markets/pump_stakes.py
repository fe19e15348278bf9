"""Who bought before a pump, and sells into it."""

from msgspec import Struct

from detections.alerting.findings import Witness
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from normalizer.events.market import Trade
from pipeline.units import HOUR

#: What is bought and sold is summed up by so long a time.
STEP = 2 * HOUR
#: Parties in all markets together; the one that did nothing for longest goes first.
MOST_STAKES = 50_000
#: Trades of one party that are kept: the newest purchases, and sales while a pump lasts.
MOST_PURCHASES, MOST_SALES = 16, 64


class Step(Struct, array_like=True):
    """What a party bought and sold in two hours, in whole units, and what it paid."""

    number: int
    bought: float = 0.0
    cost: float = 0.0
    sold: float = 0.0


class Accumulated(Struct, frozen=True):
    """What a party had bought and sold when a pump began."""

    bought: float
    sold: float
    price: float
    """What it paid for each of all that it bought, also since."""

    @property
    def held(self) -> float:
        """What is left of it."""
        return self.bought - self.sold

    @property
    def one_sided(self) -> float:
        """What is left, as a part of all that it traded: a market maker has little of that."""
        return self.held / (self.bought + self.sold) if self.bought > 0 else 0.0


class Stake(Struct):
    """One party in one market."""

    steps: list[Step] = []
    purchases: list[Witness] = []
    pump: int = 0
    """When the pump began that the rest is of."""
    bought_since: float = 0.0
    sold_since: float = 0.0
    proceeds: float = 0.0
    sales: list[Witness] = []
    alerted: bool = False

    def step(self, time: int, oldest: int) -> Step:
        """What it does now; what is older than `oldest` is forgotten."""
        number = time // STEP
        steps = self.steps
        if not steps or number > steps[-1].number:
            steps.append(Step(number))
            while steps[0].number < oldest // STEP:
                del steps[0]
        return steps[-1]

    def accumulated(self, since: int) -> "Accumulated":
        """What it had bought and sold since a time, when the pump began."""
        first = since // STEP
        bought = cost = sold = 0.0
        for step in self.steps:
            if step.number >= first:
                bought += step.bought
                cost += step.cost
                sold += step.sold
        return Accumulated(
            bought - self.bought_since, sold - self.sold_since, cost / bought if bought else 0.0
        )

    def handed_on(self, since: int, elsewhere: "list[Stake]") -> float:
        """What of its purchases since a time it sold on other markets within the same two hours:
        whoever carries from one market to another has accumulated nothing."""
        first = since // STEP
        sold: dict[int, float] = {}
        for other in elsewhere:
            for step in other.steps:
                sold[step.number] = sold.get(step.number, 0.0) + step.sold
        return float_sum(
            min(step.bought, sold.get(step.number, 0.0))
            for step in self.steps
            if step.number >= first
        )

    @property
    def distributed(self) -> float:
        """What it has sold since the pump began, less what it bought."""
        return self.sold_since - self.bought_since

    def buy_since(self, pump: int, quantity: float) -> None:
        """It bought while a pump lasted that began then."""
        self._of(pump)
        self.bought_since += quantity

    def sell_since(self, pump: int, quantity: float, price: float, sale: Witness) -> None:
        """It sold while a pump lasted that began then."""
        self._of(pump)
        self.sold_since += quantity
        self.proceeds += quantity * price
        self.sales.append(sale)
        if len(self.sales) > MOST_SALES:
            del self.sales[0]

    def revise(self, was: Trade, now: Trade | None, *, buys: bool) -> None:
        """A trade of it was taken back or corrected."""
        price, quantity = (0.0, 0.0) if now is None else (float(now.price), float(now.quantity))
        more, value = quantity - was.quantity, quantity * price - was.quantity * was.price
        number, since = was.timestamp // STEP, was.timestamp > self.pump > 0
        step = next((one for one in self.steps if one.number == number), None)
        if buys:
            if step is not None:
                step.bought, step.cost = max(0.0, step.bought + more), max(0.0, step.cost + value)
            self.bought_since = max(0.0, self.bought_since + more * since)
            if now is None:
                self.purchases = [one for one in self.purchases if one.id != was.id]
            return
        if step is not None:
            step.sold = max(0.0, step.sold + more)
        if since:
            self.sold_since = max(0.0, self.sold_since + more)
            self.proceeds = max(0.0, self.proceeds + value)
        if now is None:
            self.sales = [one for one in self.sales if one.id != was.id]

    def _of(self, pump: int) -> None:
        if self.pump != pump:
            self.pump, self.alerted = pump, False
            self.bought_since = self.sold_since = self.proceeds = 0.0
            self.sales.clear()


def tally(traded: list[tuple[int, float]], time: int, oldest: int, quantity: float) -> None:
    """Add to quantities by hour; hours before that of `oldest` are forgotten."""
    hour = time // HOUR
    if not traded or hour > traded[-1][0]:
        traded.append((hour, quantity))
        while traded[0][0] < oldest // HOUR:
            del traded[0]
    else:  # what is late counts in the newest
        hour, before = traded[-1]
        traded[-1] = (hour, before + quantity)


def restate(traded: list[tuple[int, float]], hour: int, more: float) -> None:
    """Of quantities by hour, one is more, or less, after all."""
    for place, (number, quantity) in enumerate(traded):
        if number == hour:
            traded[place] = (number, max(0.0, quantity + more))


Stakes = dict[str, Stake]
"""By market and the widest name of a party, the idlest first."""


def stake_of(stakes: Stakes, name: str) -> Stake:
    """A party's stake, now the last of all."""
    stake = stakes.pop(name, None)
    if stake is None:
        stake = Stake()
        if len(stakes) >= MOST_STAKES:
            drop_idlest(stakes, MOST_STAKES - 1)
    stakes[name] = stake
    return stake

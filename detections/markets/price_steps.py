"""Purchases (or sales) of one party that each take the price further than the one before."""

from bisect import bisect_left

from msgspec import Struct

from detections.alerting.findings import Witness
from detections.float_sum import float_sum
from detections.markets.slips import is_slip
from pipeline.units import MINUTE

#: Steps of one party that are kept: the newest.
MOST_STEPS = 200
#: How far the price goes up and down is told from one such stretch of time to the next.
STRETCH = 5 * MINUTE
#: Trades of a market's window that are told apart; of more it is the newest, or twice as many.
MOST_TRADES = 20_000


class Step(Struct, frozen=True, array_like=True):
    """A trade of the party that took the price beyond where it was, and beyond its last step."""

    time: int
    before: float
    """The price before it."""
    price: float
    seen: Witness


class Ramp(Struct):
    """What one party takes in one direction."""

    steps: list[Step] = []
    taken: list[tuple[int, float]] = []
    """Time and quantity of all that it took in that direction, steps or not."""
    given: list[tuple[int, float]] = []
    """And of what it traded the other way."""
    alerted: int = 0
    """Steps at the last alert; 0 while there is none."""

    @property
    def newest(self) -> int:
        """When it traded last."""
        return max(one[-1][0] if one else 0 for one in (self.taken, self.given))

    @property
    def size(self) -> int:
        """How much is known of it: itself, steps and trades."""
        return 1 + len(self.steps) + len(self.taken) + len(self.given)

    @property
    def orders_of_steps(self) -> int:
        """How many orders made a step or more: what is traded at one time is one."""
        return len({one.time for one in self.steps})

    def take(self, step: Step | None, time: int, quantity: float, floor: int) -> None:
        """It came in and took so much; what was before `floor` is forgotten."""
        _add(self.taken, time, quantity, floor)
        steps = self.steps
        if step is not None:
            steps.append(step)
        gone = 0
        while gone < len(steps) and steps[gone].time < floor:
            gone += 1
        if len(steps) - gone > MOST_STEPS:
            gone = len(steps) - MOST_STEPS
        if gone:
            del steps[:gone]
        if not steps:
            self.alerted = 0

    def undo(self) -> None:
        """The price is back where the first step was: nothing is left of them."""
        self.steps.clear()
        self.alerted = 0

    def give(self, time: int, quantity: float, floor: int) -> None:
        """It traded the other way."""
        _add(self.given, time, quantity, floor)

    def orders(self, floor: int) -> int:
        """How many orders took something since a time: what is traded at one time is one."""
        return len({time for time, _ in self.taken if time >= floor})

    def quantities(self, floor: int) -> tuple[float, float]:
        """What it took since a time, and what it traded the other way."""
        return (
            float_sum([quantity for time, quantity in self.taken if time >= floor]),
            float_sum([quantity for time, quantity in self.given if time >= floor]),
        )


class Traded(Struct):
    """All that is traded in a market within a window, and how far its price goes to and fro."""

    price: float = 0.0
    earlier: float = 0.0
    """The price before that of the newest trade."""
    mark: float = 0.0
    """The price when the stretch began: the way is that from one stretch to the next, so that what
    bounces between bid and offer is hardly any."""
    stretch: int = -1
    times: list[int] = []
    """Of the trades of the window, and some before."""
    quantities: list[float] = []
    """What was traded until each of them, and with it."""
    ways: list[float] = []
    """How far the price had gone, up and down, until the stretch of each of them."""
    orders: list[int] = []
    """How many orders came in until each of them: what is traded at one time is one."""
    quantity: float = 0.0
    way: float = 0.0
    count: int = 0
    gone: tuple[float, float, int] = (0.0, 0.0, 0)
    """Quantity, way and orders before the first of them."""

    def add(self, time: int, price: float, quantity: float, floor: int) -> float:
        """A trade of anybody, and the price before it; what was before `floor` is out of the
        window."""
        stretch, before = time // STRETCH, self.before(price)
        if stretch > self.stretch:
            if self.mark:
                self.way += abs(before - self.mark)
            self.stretch, self.mark = stretch, before or price
        self.earlier, self.price = before, price
        self.quantity += quantity
        times = self.times
        if not times or time > times[-1]:
            self.count += 1
            times.append(time)
        else:
            times.append(times[-1])
        self.quantities.append(self.quantity)
        self.ways.append(self.way)
        self.orders.append(self.count)
        if times[0] < floor and (times[len(times) // 2] < floor or len(times) > MOST_TRADES):
            self._forget(min(bisect_left(times, floor), len(times) - 1))
        elif len(times) > 2 * MOST_TRADES:
            self._forget(MOST_TRADES)
        return before

    def before(self, price: float) -> float:
        """The price until somebody trades at this one, 0 before any; a slip never was one."""
        if self.earlier and is_slip(self.earlier, self.price, price):
            return self.earlier
        return self.price

    def clear(self) -> None:
        """Let go of all trades but the newest."""
        if len(self.times) > 1:
            self._forget(len(self.times) - 1)

    def _forget(self, gone: int) -> None:
        self.gone = self.quantities[gone - 1], self.ways[gone - 1], self.orders[gone - 1]
        del self.times[:gone], self.quantities[:gone], self.ways[:gone], self.orders[:gone]

    def since(self, time: int) -> tuple[float, float, int]:
        """What was traded since a time, how far the price went up and down, by stretches, and
        how many orders came in."""
        place = bisect_left(self.times, time)
        if place >= len(self.times):
            return 0.0, 0.0, 0
        quantity, way, orders = (
            (self.quantities[place - 1], self.ways[place - 1], self.orders[place - 1])
            if place
            else self.gone
        )
        return (
            self.quantity - quantity,
            self.way + abs(self.price - self.mark) - way,
            self.count - orders,
        )


def _add(found: list[tuple[int, float]], time: int, quantity: float, floor: int) -> None:
    found.append((time, quantity))
    gone = 0
    while found[gone][0] < floor:
        gone += 1
    if len(found) - gone > 4 * MOST_STEPS:
        gone = len(found) - 4 * MOST_STEPS
    if gone:
        del found[:gone]

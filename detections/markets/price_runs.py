"""Runs of a party's aggressive trades through prices, and what it trades against them after."""

import itertools

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.float_sum import float_sum
from detections.markets.usual_moves import UsualMoves

#: Trades that are kept of a party's window, and of a run and its reversal.
MOST_TRADES = 256
_MANY = 64


class Execution(Struct, frozen=True, gc=False):
    """A trade of a party."""

    price: float
    quantity: float
    witness: Witness


def pushes(executions: list[Execution], *, up: bool) -> int:
    """How often one of them went on, at the same time, to a further price than the one before."""
    count = 0
    for before, one in itertools.pairwise(executions):
        further = one.price > before.price if up else one.price < before.price
        count += further and one.witness.timestamp == before.witness.timestamp
    return count


class Run(Struct):
    """Trades that took a price one way, and those of the same party that then went the other."""

    taken: list[Execution]
    quantity: float
    value: float
    share: float
    """Of all that was traded in the window, when it became a run."""
    far: bool = True
    """The price went far with it."""
    back: list[Execution] = []
    back_quantity: float = 0.0
    back_value: float = 0.0
    back_prices: list[float] = []
    """Prices at which it came in to take the other side."""

    @property
    def ended(self) -> int:
        """Time of its last trade."""
        return self.taken[-1].witness.timestamp

    @property
    def moved(self) -> float:
        """By how much the price went up (or down), as a part of what it was."""
        return self.taken[-1].price / self.taken[0].price - 1

    def go_on(self, execution: Execution) -> None:
        """It took another price."""
        self.quantity += execution.quantity
        self.value += execution.quantity * execution.price
        self.taken.append(execution)
        if len(self.taken) > MOST_TRADES:
            del self.taken[1]  # the first tells where the price was

    def turn(self, execution: Execution, *, came_in: bool) -> None:
        """A trade against it."""
        if came_in and execution.price not in self.back_prices:
            self.back_prices.append(execution.price)
        self.back_quantity += execution.quantity
        self.back_value += execution.quantity * execution.price
        self.back.append(execution)
        if len(self.back) > MOST_TRADES:
            del self.back[0]
        if len(self.back_prices) > MOST_TRADES:
            del self.back_prices[0]


class Direction(Struct, gc=False):
    """What a party takes in one direction: offers, or bids."""

    taken: list[Execution] = []
    """Of the window from `front` on."""
    front: int = 0
    prices: dict[float, int] = {}
    """How many trades of the window are at a price."""
    quantity: float = 0.0
    """Of the window's trades."""
    run: Run | None = None

    def take(self, execution: Execution, floor: int) -> int:
        """Take a trade; at how many prices there are trades since `floor`."""
        taken, prices, front = self.taken, self.prices, self.front
        taken.append(execution)
        self.quantity += execution.quantity
        prices[execution.price] = prices.get(execution.price, 0) + 1
        while taken[front].witness.timestamp < floor or len(taken) - front > MOST_TRADES:
            price = taken[front].price
            if prices[price] == 1:
                del prices[price]
            else:
                prices[price] -= 1
            self.quantity -= taken[front].quantity
            front += 1
        if front >= _MANY and 2 * front >= len(taken):
            del taken[:front]
            front = 0
            self.quantity = float_sum(one.quantity for one in taken)  # what rounding has left goes
        self.front = front
        return len(prices)

    def window(self) -> list[Execution]:
        """The trades of the window."""
        return self.taken[self.front :]

    @property
    def size(self) -> int:
        """How many trades are kept of it."""
        run = self.run
        return len(self.taken) + (0 if run is None else len(run.taken) + len(run.back))


class Trader(Struct, gc=False):
    """One party in one market."""

    seen: int
    """Time of its newest trade."""
    up: Direction | None = None
    down: Direction | None = None
    """None until it takes something: most who trade take nothing, or on one side only."""

    @property
    def size(self) -> int:
        """How much is known of it: itself, and trades."""
        return 1 + sum(way.size for way in (self.up, self.down) if way is not None)


class Tape(Struct):
    """One market: who trades there, and how much was traded lately."""

    traders: dict[str, Trader] = {}
    """By the widest name of a party, the idlest first."""
    times: list[int] = []
    quantities: list[float] = []
    front: int = 0
    traded: float = 0.0
    """Quantity of the window: added up as trades come and go, for there may be many."""
    moves: UsualMoves = field(default_factory=UsualMoves)
    """How far its price usually goes in the time of a run."""

    def add(self, time: int, quantity: float, floor: int) -> None:
        """A trade of anybody; what was before `floor` is out of the window."""
        times, front = self.times, self.front
        times.append(time)
        self.quantities.append(quantity)
        self.traded += quantity
        while times[front] < floor:
            self.traded -= self.quantities[front]
            front += 1
        if front >= _MANY and 2 * front >= len(times):
            del times[:front], self.quantities[:front]
            front = 0
            self.traded = float_sum(self.quantities)  # what rounding has left goes
        self.front = front

    def clear(self) -> None:
        """Let go of how much was traded."""
        self.times, self.quantities = [], []
        self.front, self.traded = 0, 0.0

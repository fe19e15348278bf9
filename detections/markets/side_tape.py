"""What was taken of each side of a market lately, and how much usually is.

What is usual is learnt by steps shorter than what is looked at, so that it is known the sooner; and
what was found is not learnt.
"""

from collections.abc import Sequence
from math import inf, sqrt

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.baselines.rate import SURE, BlockRate, kept
from detections.float_sum import float_sum
from detections.markets.usual_moves import UsualMoves
from normalizer.events.market import Trade
from pipeline.units import HOUR

#: Trades that are kept of a window.
MOST_TRADES = 512
_MANY = 64
_HALF_LIFE = 7 * HOUR // 2


class Print(Struct, frozen=True, gc=False):
    """A trade, by who came in."""

    bought: bool
    price: float
    quantity: float
    seen: Witness


class Taken(Struct, frozen=True):
    """What those who came in on one side took, of some trades that follow each other."""

    trades: tuple[Print, ...]
    """Of that side."""
    quantity: float
    share: float
    """Of all that was traded meanwhile."""

    @property
    def times(self) -> int:
        """At how many different times."""
        return len({one.seen.timestamp for one in self.trades})

    @property
    def prices(self) -> int:
        """At how many different prices."""
        return len({one.price for one in self.trades})

    @property
    def average(self) -> float:
        """What was paid for it (or got), on average."""
        return float_sum(one.price * one.quantity for one in self.trades) / self.quantity


def taken(trades: Sequence[Print], *, bought: bool) -> Taken | None:
    """What one side took of these trades; None of nothing."""
    own = tuple(one for one in trades if one.bought is bought)
    quantity = float_sum(one.quantity for one in own)
    if not quantity:
        return None
    return Taken(own, quantity, quantity / float_sum(one.quantity for one in trades))


class SideTape(Struct):
    """One market; each call is told the same window and the same step."""

    trades: list[Print] = field(default_factory=list[Print])
    """Of the window, from `front` on."""
    front: int = 0
    before: float = 0.0
    """The price before the window; 0 before any."""
    bought: float = 0.0
    sold: float = 0.0
    """In the window, by those who came in."""
    moves: UsualMoves = field(default_factory=UsualMoves)
    """How far its price usually goes in a step."""
    volumes: BlockRate = field(default_factory=BlockRate)
    """Quantity by steps."""
    number: int = -1
    """Of the step that goes on."""
    quantity: float = 0.0
    """Traded in it; less than 0 where it is not to be learnt."""
    buying: float = 0.0
    """So much more was bought than sold, at most, by the newest trades, however many one takes."""
    selling: float = 0.0
    """The same the other way round."""
    ended: list[tuple[int, float, int]] = field(default_factory=list[tuple[int, float, int]])
    """Steps that may be of what goes on, and so aren't learnt yet: their numbers, what was traded,
    and how many there were after it in which nothing was."""

    def add(self, trade: Print, window: int, step: int, began: int | None) -> None:
        """A trade; `began` is when the session did, where the venue has such."""
        time = trade.seen.timestamp
        self._step(trade, window, step, began)
        self.trades.append(trade)
        quantity = trade.quantity
        if trade.bought:
            self.bought += quantity
            self.buying += quantity
            self.selling = max(0.0, self.selling - quantity)
        else:
            self.sold += quantity
            self.selling += quantity
            self.buying = max(0.0, self.buying - quantity)
        self.pass_to(time - window)

    def pass_to(self, floor: int) -> None:
        """Trades before a time, and all but the newest, are out of the window."""
        trades, front = self.trades, self.front
        while front < len(trades) and (
            trades[front].seen.timestamp < floor or len(trades) - front > MOST_TRADES
        ):
            gone = trades[front]
            self.before = gone.price
            if gone.bought:
                self.bought -= gone.quantity
            else:
                self.sold -= gone.quantity
            front += 1
        if front and (front == len(trades) or (front >= _MANY and 2 * front >= len(trades))):
            del trades[:front]
            front = 0
            # Anew, so that no rounding is left.
            self.bought = float_sum(one.quantity for one in trades if one.bought)
            self.sold = float_sum(one.quantity for one in trades if not one.bought)
        self.front = front

    def window(self) -> list[Print]:
        """The trades of the window."""
        return self.trades[self.front :]

    def revise(self, was: Trade, now: Trade | None, step: int) -> None:
        """A trade of the window was taken back or corrected."""
        trades = self.trades
        place = next((n for n, one in enumerate(trades) if one.seen.id == was.id), None)
        if place is None:
            return  # out of the window, or of what was found
        if now is None:
            del trades[place]
            self.front -= place < self.front
        else:
            trades[place] = Print(trades[place].bought, now.price, now.quantity, trades[place].seen)
        self.bought = self.sold = self.buying = self.selling = 0.0
        for number, one in enumerate(trades):
            bought, sold = (one.quantity, 0.0) if one.bought else (0.0, one.quantity)
            self.buying = max(0.0, self.buying + bought - sold)
            self.selling = max(0.0, self.selling + sold - bought)
            if number >= self.front:
                self.bought += bought
                self.sold += sold
        more = (0.0 if now is None else now.quantity) - was.quantity
        number = was.timestamp // step
        if number == self.number and self.quantity >= 0:
            self.quantity = max(0.0, self.quantity + more)
        self.ended = [
            (one, max(0.0, quantity + more) if one == number and quantity >= 0 else quantity, empty)
            for one, quantity, empty in self.ended
        ]

    def found(self, since: int, step: int) -> None:
        """What was traded since a time is nothing usual; what comes next is looked at by itself."""
        first = since // step
        self.ended = [
            (number, -1.0 if number >= first else quantity, empty)
            for number, quantity, empty in self.ended
        ]
        self.quantity = -1.0
        if self.trades:
            self.before = self.trades[-1].price
        self.trades.clear()
        self.front = 0
        self.bought = self.sold = self.buying = self.selling = 0.0

    @property
    def known(self) -> bool:
        """Whether it is known what is usual."""
        return self.volumes.weight >= SURE and self.volumes.mean > 0

    def usual(self, steps: float) -> float:
        """What is traded in so many steps, usually."""
        return self.volumes.mean * steps

    def stands_out(self, quantity: float, steps: float, multiple: float, deviations: float) -> bool:
        """Whether a quantity of so many steps is such a multiple of what is usual, and so many
        standard deviations above it."""
        enough = quantity >= multiple * self.usual(steps)
        return enough and self.deviations(quantity, steps) >= deviations

    def deviations(self, quantity: float, steps: float) -> float:
        """How many standard deviations a quantity of so many steps is above what is usual; infinite
        where it always was the same."""
        above, sigma = quantity - self.usual(steps), self.volumes.sigma * sqrt(steps)
        if not sigma:
            return inf if above > 0 else 0.0
        return above / sigma

    def _step(self, trade: Print, window: int, step: int, began: int | None) -> None:
        time, last = trade.seen.timestamp, self.moves.time
        number = time // step
        if number > self.number:
            if self.number >= 0:
                first = self.number + 1
                if began is not None and began > last:
                    first = max(first, began // step)
                self.ended.append((self.number, self.quantity, max(0, number - first)))
            self.number, self.quantity = number, 0.0
            self._learn(number - -(-window // step), kept(_HALF_LIFE / step))
        if self.quantity >= 0:
            self.quantity += trade.quantity
        self.moves.add(time, trade.price, step, began)

    def _learn(self, oldest: int, keep: float) -> None:
        """Steps from before this one tell what is usual."""
        learnt = 0
        for number, quantity, empty in self.ended:
            if number >= oldest:
                break
            if quantity >= 0:
                self.volumes.learn(quantity, keep)
            self.volumes.pass_empty(empty, keep)
            learnt += 1
        del self.ended[:learnt]

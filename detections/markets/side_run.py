"""The run of one side within some minutes of a market: the stretch of its trades in which those who
came in on one side took most more than those who came in on the other.

Where a feed names nobody this is what is left of a party that takes offer after offer: what others
traded before and after it, as quotes of the night meet at an open, is no part of it. One order that
takes all that is there is no run, so what counts as its quantity is what came in beside the largest
of its times. Each side is followed twice, with that largest time and without it: else an order as
large as the whole run would hide it, if it comes before it and is sold again. A price far off those
before and behind it took the run nowhere.
"""

from msgspec import Struct, field

from detections.markets.slips import is_slip
from detections.rounding import reaches


class Run(Struct, frozen=True, array_like=True):
    """A stretch of trades, by those who came in on one side."""

    up: bool
    """Whether they bought."""
    quantity: float = 0.0
    """What they took,"""
    largest: float = 0.0
    """of it at one time at most,"""
    against: float = 0.0
    """and what was taken of the other side meanwhile."""
    times: int = 0
    """Different times at which they came in."""
    moved: float = 0.0
    """How far the price at which they came in went their way, as a part of it: 0 or with the sign
    of their side."""
    price: float = 0.0
    """Where it went to."""

    @property
    def share(self) -> float:
        """Of all that was traded meanwhile."""
        whole = self.quantity + self.against
        return self.quantity / whole if whole else 0.0

    @property
    def repeated(self) -> float:
        """What they took but for the largest of its times."""
        return self.quantity - self.largest


class SideRun(Struct):
    """One side, trade by trade in the order of time."""

    up: bool
    whole: bool
    """Whether the largest of its times counts as to where a run begins and ends."""
    quantity: float = 0.0
    against: float = 0.0
    largest: float = 0.0
    times: int = 0
    time: int = 0
    """The newest at which somebody came in,"""
    at_once: float = 0.0
    """and what was taken then."""
    near: float = 0.0
    """The price farthest from where the side goes."""
    moved: float = 0.0
    price: float = 0.0
    best: Run | None = None
    """The one with most more of its side; None before any."""
    most: float = 0.0
    """How much more that is."""

    @property
    def _more(self) -> float:
        """How much more it is than was taken of the other side."""
        return self.quantity - self.against - (0.0 if self.whole else self.largest)

    def add(self, time: int, price: float, quantity: float, bought: bool) -> None:
        """A trade by somebody who came in on either side."""
        if bought is not self.up:
            self.against += quantity
            if self._more <= 0:
                self._begin()
            return
        if time != self.time or not self.times:
            self.times += 1
            self.time, self.at_once = time, 0.0
        self.quantity += quantity
        self.at_once += quantity
        self.largest = max(self.largest, self.at_once)
        if not self.near or (price < self.near if self.up else price > self.near):
            self.near = price
        moved = price / self.near - 1
        if abs(moved) > abs(self.moved) or not self.price:
            self.moved, self.price = moved, price
        if self.best is None or self._more > self.most:
            self.most = self._more
            self.best = Run(
                self.up, self.quantity, self.largest, self.against, self.times, self.moved,
                self.price,
            )  # fmt: skip

    def _begin(self) -> None:
        """What comes next is another run."""
        self.quantity = self.against = self.largest = self.at_once = 0.0
        self.times = 0
        self.near = self.moved = self.price = 0.0


class SideRuns(Struct):
    """Both sides of some minutes of a market."""

    sides: list[SideRun] = field(
        default_factory=lambda: [
            SideRun(up, whole) for whole in (True, False) for up in (True, False)
        ]
    )

    newest: tuple[int, float, float, bool] | None = None
    """The newest trade, of which the next one tells whether its price was a slip."""
    before: float = 0.0
    """The price before it."""

    def add(self, time: int, price: float, quantity: float, bought: bool) -> None:
        """A trade, by who came in."""
        self._settle(price)
        self.newest = (time, price, quantity, bought)

    def _settle(self, behind: float | None = None) -> None:
        """Take the newest trade; where its price never was one, at that before it."""
        if self.newest is None:
            return
        time, price, quantity, bought = self.newest
        if behind is not None and self.before and is_slip(self.before, price, behind):
            price = self.before
        for side in self.sides:
            side.add(time, price, quantity, bought)
        self.newest, self.before = None, price

    def longest(self, times: int = 1, share: float = 0.0) -> Run | None:
        """The run that took most but for the largest of its times, of those with so many times and
        such a share; None of nothing."""
        self._settle()  # nothing behind it tells that its price was a slip
        runs = [
            one
            for one in (side.best for side in self.sides)
            if one is not None and one.times >= times and reaches(one.share, share)
        ]
        return max(runs, key=lambda one: one.repeated, default=None)

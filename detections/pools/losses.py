"""What is known of a pool from which liquidity, or what it is worth, may be taken away."""

from msgspec import Struct, field
from msgspec.structs import replace

from detections.engine.correlator_state import Whole
from detections.pools.collapse import Collapse, Step
from detections.pools.liquidity import InRange
from detections.rounding import reaches
from normalizer.events.chain import LiquidityAdded

_MARKS = 8
"""Of the price, in a window."""


class Pool(Struct, array_like=True):
    """What is known of a pool."""

    in_range: InRange = field(default_factory=InRange)
    price: float = 0.0
    """Quote per token; 0 while it isn't known."""
    traders: list[str] = field(default_factory=list[str])
    providers: dict[str, Whole] = field(default_factory=dict[str, Whole])
    changes: list[Step] = field(default_factory=list[Step])
    sales: list[Step] = field(default_factory=list[Step])
    high: float = 0.0
    """The highest price before a sale, of the window or from before it."""
    collapse: Collapse | None = None
    bought: list[tuple[int, str, float]] = field(default_factory=list[tuple[int, str, float]])
    """When who bought, and at what price before."""
    unswapped: int = 0
    """Changes of liquidity since the newest swap."""
    opened: int = 0
    """When it got its first liquidity; 0 if that wasn't seen."""
    active: int = 0
    """When somebody swapped or added last."""
    token: str = ""
    marks: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    """The price before some of the swaps, from the last one before the window on."""
    behind: Collapse | None = None
    """What another party took, and less, which is looked at where nothing is said of that."""

    def added(self, event: LiquidityAdded) -> None:
        """Take what was added: a pair of Uniswap v2 that holds nothing else begins with it. What is
        emptied and filled again keeps a rest for ever, so it never begins anew."""
        if event.reserve0_raw is not None and (event.reserve0_raw, event.reserve1_raw) == (
            event.amount0_raw,
            event.amount1_raw,
        ):
            self.opened = event.timestamp

    def mark(self, now: int, window: int) -> None:
        """Keep the price after a swap of this time: the last one of each eighth of a window."""
        marks, part = self.marks, window // _MARKS
        if marks and marks[-1][0] // part == now // part:
            marks.pop()
        marks.append((now, self.price))
        while len(marks) > 1 and marks[1][0] <= now - window:
            del marks[0]

    def stood(self, at: int) -> float | None:
        """The price that stood about this time, out of the marks; None if they begin later."""
        return next((price for when, price in reversed(self.marks) if when <= at), None)

    def fell_since(self, at: int, part: float) -> bool:
        """Whether it is lower by this part than the price at that time, if that is known."""
        stood = self.stood(at)
        return stood is None or reaches(stood - self.price, part * stood)

    def of_age(self, first: Step, minimum: int, maximum: int) -> bool:
        """Whether it was older than the minimum at the first step, and not older than the maximum.

        One of which the age isn't known is old.
        """
        if not self.opened:
            return not maximum
        age = first.timestamp - self.opened
        return (age > minimum or not minimum) and not 0 < maximum < age


def one_step(first: Step, second: Step) -> Step:
    """What an owner took out after adding to it, with no swap between."""
    return replace(
        second,
        before=first.before,
        price=first.price,
        quote=first.quote + second.quote,
        tokens=first.tokens + second.tokens,
        unsure=first.unsure or second.unsure,
    )


def sold_down(pool: Pool, owner: str, since: int) -> tuple[list[Step], float, float]:
    """One owner's sales, the price before them, and how much of its fall they were.

    What the owner raised the price by before, buying since that time, is not part of the fall.
    """
    own = [one for one in pool.sales if one.owner == owner]
    before = own[0].price
    for at, buyer, price in pool.bought:
        if buyer == owner and since <= at <= own[0].timestamp:
            before = min(before, price)
    # Each sale's own part of the fall: from the price before it to that before the next one.
    by_own, after = 0.0, pool.price
    for one in reversed(pool.sales):
        if one.owner == owner:
            by_own += max(0.0, one.price - after)
        after = one.price
    return own, before, by_own

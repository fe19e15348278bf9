"""What is known of a pool from which liquidity, or what it is worth, may be taken away."""

from msgspec import Struct, field
from msgspec.structs import replace

from detections.engine.correlator_state import Whole
from detections.pools.collapse import Collapse, Step
from detections.pools.liquidity import InRange


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

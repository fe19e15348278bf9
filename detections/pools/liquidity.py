"""How much liquidity a pool has in range, from its events alone.

Of Uniswap v3 and v4 it is told by each swap, and moved on by what is added and removed around the
price since; a pool of which neither a swap nor its beginning was seen is unknown. Of Uniswap v2 it
is the square root of the reserves' product, told by each event. Of Curve it is the supply of the
pool's shares, told by most changes, and unknown before the first.
"""

from math import isqrt

from msgspec import Struct

from detections.engine.correlator_state import Whole
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityRemoved,
    PoolInitialized,
    PoolSwap,
)


class InRange(Struct, array_like=True):
    """The liquidity in range; -1 while it isn't known."""

    amount: Whole = Whole(-1)
    tick: int | None = None
    """Of Uniswap v3 and v4."""

    def swapped(self, event: PoolSwap) -> None:
        """Take a swap. One of a subgraph doesn't tell the liquidity, and changes nothing."""
        if event.liquidity is not None and (event.tick is not None or event.reserve0_raw):
            self.amount, self.tick = Whole(int(event.liquidity)), event.tick

    def opened(self, event: PoolInitialized) -> None:
        """The pool begins, with nothing in it."""
        self.amount, self.tick = Whole(0), event.tick

    def changed(self, event: LiquidityAdded | LiquidityRemoved) -> tuple[int, int] | None:
        """Take a change: what was in range before, and is now; None if that isn't known, or if the
        change is out of range or of nothing.
        """
        sign = 1 if isinstance(event, LiquidityAdded) else -1
        if event.supply_raw is not None:  # Curve
            before, after = self.amount, int(event.supply_raw)
        elif event.reserve0_raw is not None and event.reserve1_raw is not None:  # Uniswap v2
            after = isqrt(int(event.reserve0_raw) * int(event.reserve1_raw))
            before = after - sign * int(event.liquidity or 0)
        elif event.tick_lower is not None and event.tick_upper is not None:
            if self.tick is None or not event.tick_lower <= self.tick < event.tick_upper:
                return None
            before = self.amount
            after = max(0, before + sign * int(event.liquidity or 0))
        else:
            return None
        self.amount = Whole(after)
        return None if before < 0 or before == after else (before, after)

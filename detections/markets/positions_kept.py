"""Positions that stay where they were, and what their owners risked on the way.

Who trades on his own account goes where the market takes him: now and then several purchases follow
each other. Who passes something to and fro never gets far. How likely that is by chance is bounded
without knowing anything about sizes or prices. Let a position have moved within some range in all.
If, at a trade, one of the two directions would have led out of that range, the trade could only go
the other way, which chance does one time in two; and so on for each such trade. The positions need
not come back exactly, and it doesn't matter where the first trade that is known began.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

from detections.markets.counterparties import Deal
from detections.markets.trading_circles import Flow

#: Sums of quantities are equal up to such a part.
_ROUNDING = 1e-9


def chance_of_staying(flows: Sequence[Flow]) -> float:
    """How likely, at most, random trades of these sizes leave each position within its range.

    The least likely of the positions counts, times their number. That the range isn't given, but
    what was seen, makes it likelier: of random trades of any sizes by less than the root of their
    number.
    """
    paths: dict[str, list[float]] = {}
    for flow in flows:
        paths.setdefault(flow.seller, []).append(-flow.quantity)
        paths.setdefault(flow.buyer, []).append(flow.quantity)
    forced = max((_forced(path) for path in paths.values()), default=0)
    return min(1.0, math.sqrt(len(flows)) * len(paths) * 2.0**-forced)


def _forced(steps: Sequence[float]) -> int:
    """How many steps could only go one way, if the path was to stay within its range."""
    at = low = high = 0.0
    for step in steps:
        at += step
        low, high = min(low, at), max(high, at)
    most = (high - low) * (1 + _ROUNDING)
    at = low = high = 0.0
    forced = 0
    for step in steps:
        size = abs(step)
        forced += at + size - low > most or high - at + size > most
        at += step
        low, high = min(low, at), max(high, at)
    return forced


def risked_share(deals: Sequence[Deal]) -> float:
    """What parties gained or lost on what came back, added up, as a part of its value.

    Purchases and sales of each are matched first in, first out; the party with the largest part
    counts. It is 0 where all goes to and fro at one price, whichever way the market went in
    between, and half the spread at least for a maker and its customers. 0 without prices.
    """
    names: dict[str, None] = {}
    for deal in deals:
        if deal.price is None:
            return 0.0
        names[deal.seller] = names[deal.buyer] = None
    return max((_risked(name, deals) for name in names), default=0.0)


def _risked(name: str, deals: Iterable[Deal]) -> float:
    """Of one party, which is on one side of each trade that counts."""
    held: deque[tuple[float, float]] = deque()
    sign, gained, matched = 1.0, 0.0, 0.0
    for deal in deals:
        if name not in (deal.seller, deal.buyer):
            continue
        way = 1.0 if deal.buyer == name else -1.0
        left, price = deal.quantity, deal.price or 0.0
        while left > 0 and held and way != sign:
            quantity, paid = held.popleft()
            part = min(left, quantity)
            gained += part * abs(price - paid)
            matched += part * (price + paid) / 2
            left -= part
            if quantity > part:
                held.appendleft((quantity - part, paid))
        if left > 0:
            sign = way
            held.append((left, price))
    return gained / matched if matched else 1.0

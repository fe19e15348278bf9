"""Trades as they are drawn: marks by their size, bars of what was traded, and what both mean."""

from collections.abc import Callable, Iterator, Sequence
from math import sqrt

from detections.market_replay.clock import Times
from detections.market_replay.scene import Deal
from pipeline.page.canvas import Panel, box, swatch, y_axis
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import LARGEST, Scale
from pipeline.page.words import amount, compact, shortened

#: Of these the largest, behind all that alerts rest on.
_MOST_DEALS = 2_500


def deal_marks(
    deals: Sequence[Deal], x: Callable[[Deal, int], float], y: Scale, times: Times
) -> Html:
    """Marks of trades: circles by their size, and triangles for theirs. `x` has a trade's place,
    of the trade and its number."""
    largest = max((one.quantity for one in deals), default=0.0) or 1.0
    numbered = list(enumerate(deals))
    # What matters is drawn last, and left out last.
    numbered.sort(key=lambda one: (one[1].evidence, one[1].bought or one[1].sold, one[1].quantity))
    marks: list[Html] = []
    for place, deal in numbered[-_MOST_DEALS:]:
        size = 2.2 + 5.5 * sqrt(max(deal.quantity, 0.0) / largest)
        marks.append(_deal_mark(deal, x(deal, place), y(deal.price), size, _deal_said(deal, times)))
    return join(*marks)


def _deal_mark(deal: Deal, x: float, y: float, size: float, said: str) -> Html:
    title = el("title", said)
    classes = " ".join(
        one for one, holds in (("evidence", deal.evidence), ("busted", deal.busted)) if holds
    )
    if deal.bought or deal.sold:
        size += 2.0
        # Both turn the same way round, since where two that don't overlap there is a hole.
        up = f"M{x:.2f} {y - size:.2f}l{size:.2f} {1.6 * size:.2f}h{-2 * size:.2f}z"
        down = f"M{x:.2f} {y + size:.2f}l{-size:.2f} {-1.6 * size:.2f}h{2 * size:.2f}z"
        paths = [up] if deal.bought else []
        paths += [down] if deal.sold else []
        side = "both" if len(paths) == 2 else "buy" if deal.bought else "sell"
        return el("path", title, d=" ".join(paths), class_=f"own deal {side} {classes}".strip())
    return el("circle", title, cx=x, cy=y, r=size, class_=f"deal {classes}".strip())


def _deal_said(deal: Deal, times: Times) -> str:
    block = "" if deal.block is None else f", block {deal.block}"
    busted = " (it counts no more)" if deal.busted else ""
    name = f", {shortened(deal.trade_id)}" if deal.trade_id else ""
    return (
        f"{shortened(deal.buyer) or 'somebody'} bought {amount(deal.quantity)} from "
        f"{shortened(deal.seller) or 'somebody'} at {amount(deal.price)}, "
        f"{times(deal.time)}{name}{block}{busted}"
    )


def volume_bars(
    panel: Panel, all_: Sequence[float], own: Sequence[float], told: Callable[[int], str]
) -> Html:
    """Bars of what was traded, and in front of them of what they traded. `told` names a bar."""
    most = min(max(all_, default=0.0) or 1.0, LARGEST)
    y = panel.y(0, most * 1.05)
    width = (panel.right - panel.left) / max(1, len(all_))
    bars: list[Html] = [
        y_axis(panel, y, "traded", [0.0, most], ["0", compact(float(f"{most:.4g}"))]),
    ]
    for place, (everybody, theirs) in enumerate(zip(all_, own, strict=True)):
        left = panel.left + place * width
        right = left + max(0.6, width - 0.8)
        tip = f"{told(place)}: {amount(everybody)}, of it theirs {amount(theirs)}"
        if everybody:
            bars.append(box(left, y(0), right, y(_within(everybody, most)), "volume", tip))
        if theirs:
            bars.append(box(left, y(0), right, y(_within(theirs, most)), "own volume", tip))
    return join(*bars)


def _within(value: float, most: float) -> float:
    return max(-most, min(value, most))


def deal_legend(deals: Sequence[Deal], *, unnamed: bool = False) -> Iterator[tuple[Html, str]]:
    """What the marks of trades mean, of those that there are."""
    if deals:
        yield swatch("deal", "dot"), "trade, by size"
    if any(one.bought and not one.sold for one in deals):
        yield sample("M9 1l7 11h-14z", "own deal buy"), "these bought" if unnamed else "they bought"
    if any(one.sold and not one.bought for one in deals):
        yield sample("M9 13l7 -11h-14z", "own deal sell"), "these sold" if unnamed else "they sold"
    if any(one.bought and one.sold for one in deals):
        yield sample("M9 -1l7 11h-14zM9 15l-7 -11h14z", "own deal both"), "both sides are theirs"
    if any(one.evidence for one in deals):
        yield swatch("deal evidence", "dot"), "an alert rests on it"
    if any(one.busted for one in deals):
        yield swatch("deal busted", "dot"), "counts no more"


def sample(path: str, class_: str) -> Html:
    """A small sample of a mark, for a legend."""
    drawn = el("path", d=path, class_=class_)
    return el(
        "svg", drawn, viewBox="0 0 18 14", width=18, height=14, class_="key", aria_hidden="true"
    )

"""Orders as they are drawn: bars from when they came to when they left, and how that ended."""

from collections.abc import Callable, Sequence
from math import sqrt

from detections.alerting.wording import lapse
from detections.market_replay.scene import OrderLife
from pipeline.page.canvas import box
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import Scale
from pipeline.page.words import amount, plural, shortened

#: Of orders the largest, behind all that alerts rest on; and of their bars as many.
_MOST_LIVES, _MOST_BARS = 1_500, 4_000
#: Of more orders than this only those that alerts rest on have a mark where they end, and where
#: these are more, a small one: the bars must be seen.
_MANY_LIVES = 200
_ENDED = {"cancelled": "then cancelled", "filled": "then filled", "gone": "then gone"}


def order_bars(lives: Sequence[OrderLife], at: Callable[[int], float], y: Scale) -> Html:
    """Bars as thick as the orders are large."""
    largest = max((one.quantity for life in lives for one in life.stretches), default=1.0)
    bars: list[Html] = []
    few = len(lives) <= _MANY_LIVES
    size = 4.0 if sum(life.evidence for life in lives) <= _MANY_LIVES else 1.8
    shown = _shown(lives)
    bars_of_each = max(1, _MOST_BARS // max(1, len(shown)))
    for life in shown:
        tip = _life_said(life)
        side = f"{'buy' if life.buy else 'sell'}{' evidence' if life.evidence else ''}"
        side += " level" if life.of_level else ""
        # Of one that changes all the time the newest: the others can't be told apart.
        for one in life.stretches[-bars_of_each:]:
            tall = 2.5 + 6.5 * sqrt(one.quantity / largest)
            left, right = at(one.since), at(one.until)
            middle = y(one.price)
            bars.append(
                box(left, middle - tall / 2, right, middle + tall / 2, f"own order {side}", tip)
            )
        if life.end != "open" and not life.of_level and (few or life.evidence):
            last = life.stretches[-1]
            bars.append(_end_mark(life, at(last.until), y(last.price), size, (side, tip)))
    return join(*bars)


def _shown(lives: Sequence[OrderLife]) -> list[OrderLife]:
    def weight(life: OrderLife) -> tuple[bool, float]:
        return life.evidence, max(one.quantity for one in life.stretches)

    return sorted(lives, key=weight)[-_MOST_LIVES:]


def _end_mark(life: OrderLife, x: float, y: float, size: float, said: tuple[str, str]) -> Html:
    side, tip = said
    if life.end == "filled":
        return el("circle", el("title", tip), cx=x, cy=y, r=size - 0.5, class_=f"own end {side}")
    path = (
        f"M{x - size:.2f} {y - size:.2f}l{2 * size:g} {2 * size:g}m0 {-2 * size:g}"
        f"l{-2 * size:g} {2 * size:g}"
    )
    return el("path", el("title", tip), d=path, class_=f"own end cross {side}")


def _life_said(life: OrderLife) -> str:
    first, last = life.stretches[0], life.stretches[-1]
    ended = _ENDED.get(life.end, "still there at the end")
    side = "bid" if life.buy else "offer"
    if life.of_level:
        return (
            f"{amount(first.quantity)} more at the {side} of {amount(first.price)}, for "
            f"{lapse(last.until - first.since)}, {ended}"
        )
    moved = "" if len(life.stretches) == 1 else f" ({plural(len(life.stretches) - 1, 'change')})"
    return (
        f"{side} of {amount(first.quantity)} at {amount(first.price)}{moved} by "
        f"{shortened(life.party)}, for {lapse(last.until - first.since)}, {ended}; "
        f"order {shortened(life.order_id)}"
    )

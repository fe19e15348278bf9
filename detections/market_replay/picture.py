"""A market as a picture: prices with whose orders and trades, the depth of both sides, volume.

What is theirs has a form of its own, so that no colour is needed to tell it: bars for orders,
triangles up for what they bought, down for what they sold, both for trades with themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import sqrt

from msgspec import Struct

from detections.alerting.wording import lapse
from detections.market_replay.clock import clock, time_axis
from detections.market_replay.scene import Deal, OrderLife, Quote, Scene
from normalizer.events import Alert
from pipeline.page.canvas import (
    Panel,
    area,
    box,
    label,
    line,
    steps,
    swatch,
    y_axis,
)
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import Linear, Scale, padded, ticks
from pipeline.page.words import compact, number, plural
from pipeline.units import MILLISECOND

_LANE = 26.0
PRICE = Panel(52, 330)
_DEPTH = Panel(386, 496)
_VOLUME = Panel(552, 612)
_HEIGHT = 656.0
#: Points of a line: there are not many more pixels.
_COLUMNS = 900
_BINS = 120
#: Of these the largest, behind all that alerts rest on.
_MOST_LIVES, _MOST_DEALS = 1_500, 2_500
#: Of more orders than this only those that alerts rest on have a mark where they end.
_MANY_LIVES = 200
_ENDED = {"cancelled": "then cancelled", "filled": "then filled", "gone": "then gone"}


class Picture(Struct, frozen=True, kw_only=True):
    """A market as it is drawn, for a page or for a file of its own."""

    title: str
    said: str
    """What it shows, in a sentence."""
    height: float
    drawn: Html
    legend: tuple[tuple[Html, str], ...]
    """Marks and what they mean."""


def picture(scene: Scene, alerts: Sequence[Alert], name: str) -> Picture:
    """The picture of a market with a book, or with trades only. `name` is unique in the page."""
    x = Linear(0, max(1, scene.until - scene.since), PRICE.left, PRICE.right)
    low, high = _prices(scene)
    y = PRICE.y(low, high)
    unit = f"price, {scene.currency}" if scene.currency else "price"

    def at(time: int) -> float:
        return min(max(x(time - scene.since), PRICE.left), PRICE.right)

    drawn = join(
        _clip(name),
        y_axis(PRICE, y, unit, ticks(low, high, 5)),
        _alert_marks(alerts, at),
        el(
            "g",
            _line_of(scene.quotes, scene.until, at, y, lambda one: one.bid, "bid"),
            _line_of(scene.quotes, scene.until, at, y, lambda one: one.ask, "ask"),
            _lives(scene, at, y),
            deal_marks(scene.deals, lambda deal, _: at(deal.time), y),
            clip_path=f"url(#{name}-clip)",
        ),
        _gaps(scene, at),
        _depth(scene, at) if scene.quotes else label(PRICE.left, 440, "No book was told."),
        _volume(scene),
        time_axis(_VOLUME, x, scene.since, scene.until),
        line(PRICE.left, PRICE.top, PRICE.left, _VOLUME.bottom, "playhead"),
    )
    return Picture(
        title=f"{scene.place.instrument} on {scene.place.venue}",
        said=_said(scene),
        height=_HEIGHT,
        drawn=drawn,
        legend=tuple(_legend(scene)),
    )


def deal_marks(deals: Sequence[Deal], x: Callable[[Deal, int], float], y: Scale) -> Html:
    """Marks of trades: circles by their size, and triangles for theirs. `x` has a trade's place,
    of the trade and its number."""
    largest = max((one.quantity for one in deals), default=0.0) or 1.0
    numbered = list(enumerate(deals))
    # What matters is drawn last, and left out last.
    numbered.sort(key=lambda one: (one[1].evidence, one[1].bought or one[1].sold, one[1].quantity))
    marks: list[Html] = []
    for place, deal in numbered[-_MOST_DEALS:]:
        size = 2.2 + 5.5 * sqrt(max(deal.quantity, 0.0) / largest)
        marks.append(_deal_mark(deal, x(deal, place), y(deal.price), size))
    return join(*marks)


def _deal_mark(deal: Deal, x: float, y: float, size: float) -> Html:
    title = el("title", _deal_said(deal))
    classes = " ".join(
        one for one, holds in (("evidence", deal.evidence), ("busted", deal.busted)) if holds
    )
    if deal.bought or deal.sold:
        size += 2.0
        up = f"M{x:.2f} {y - size:.2f}l{size:.2f} {1.6 * size:.2f}h{-2 * size:.2f}z"
        down = f"M{x:.2f} {y + size:.2f}l{size:.2f} {-1.6 * size:.2f}h{-2 * size:.2f}z"
        paths = [up] if deal.bought else []
        paths += [down] if deal.sold else []
        side = "both" if len(paths) == 2 else "buy" if deal.bought else "sell"
        return el("path", title, d=" ".join(paths), class_=f"own deal {side} {classes}".strip())
    return el("circle", title, cx=x, cy=y, r=size, class_=f"deal {classes}".strip())


def _deal_said(deal: Deal) -> str:
    block = "" if deal.block is None else f", block {deal.block}"
    busted = " (it counts no more)" if deal.busted else ""
    return (
        f"{deal.buyer or 'somebody'} bought {number(deal.quantity, 8)} from "
        f"{deal.seller or 'somebody'} at {number(deal.price, 8)}, {clock(deal.time, MILLISECOND)}, "
        f"{deal.trade_id}{block}{busted}"
    )


def _prices(scene: Scene) -> tuple[float, float]:
    """The range to draw: of the trades, of most quotes, and of their orders that aren't far off."""
    traded = [one.price for one in scene.deals]
    quoted = sorted(
        price for one in scene.quotes for price in (one.bid, one.ask) if price is not None
    )
    odd = len(quoted) // 50
    core = [*traded, *quoted[odd : len(quoted) - odd]]
    if not core:
        core = [one.price for life in scene.lives for one in life.stretches]
    low, high = padded(core)
    room = 1.5 * (high - low)
    near = [
        one.price
        for life in scene.lives
        for one in life.stretches
        if low - room <= one.price <= high + room
    ]
    return padded([*core, *near])


def _clip(name: str) -> Html:
    width = PRICE.right - PRICE.left
    rect = el("rect", x=PRICE.left, y=PRICE.top, width=width, height=PRICE.bottom - PRICE.top)
    return el("defs", el("clipPath", rect, id=f"{name}-clip"))


def _alert_marks(alerts: Iterable[Alert], at: Callable[[int], float]) -> Html:
    marks: list[Html] = []
    for one in alerts:
        x = at(one.timestamp)
        marks.append(line(x, _LANE, x, _VOLUME.bottom, "alarm-line"))
        tip = el("title", f"{one.rule_name}: {one.reason}")
        path = f"M{x:.2f} {_LANE + 4:.2f}l7 -12h-14z"
        marks.append(el("path", tip, d=path, class_="alarm"))
    return join(*marks)


def _line_of(
    quotes: Sequence[Quote],
    until: int,
    at: Callable[[int], float],
    y: Scale,
    value: Callable[[Quote], float | None],
    class_: str,
) -> Html:
    points: list[tuple[float, float]] = []
    parts: list[Html] = []
    for one in quotes:
        price = value(one)
        if price is not None:
            points.append((at(one.time), y(price)))
        elif points:  # nobody is there: the line has a hole
            points.append((at(one.time), points[-1][1]))
            parts.append(steps(_thinned(points), class_))
            points = []
    if points:
        points.append((at(until), points[-1][1]))
        parts.append(steps(_thinned(points), class_))
    return join(*parts)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of each column first, lowest, highest and last: what is left out can't be seen."""
    if len(points) <= _COLUMNS:
        return list(points)
    width = (PRICE.right - PRICE.left) / _COLUMNS
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int((point[0] - PRICE.left) / width), []).append(point)
    kept: list[tuple[float, float]] = []
    for found in columns.values():
        chosen = (found[0], min(found, key=_height), max(found, key=_height), found[-1])
        kept += sorted(dict.fromkeys(chosen))
    return kept


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _lives(scene: Scene, at: Callable[[int], float], y: Scale) -> Html:
    largest = max((one.quantity for life in scene.lives for one in life.stretches), default=1.0)
    bars: list[Html] = []
    few = len(scene.lives) <= _MANY_LIVES
    for life in _shown(scene.lives):
        tip = _life_said(life)
        side = f"{'buy' if life.buy else 'sell'}{' evidence' if life.evidence else ''}"
        side += " level" if life.of_level else ""
        for one in life.stretches:
            tall = 2.5 + 6.5 * sqrt(one.quantity / largest)
            left, right = at(one.since), at(one.until)
            middle = y(one.price)
            bars.append(
                box(left, middle - tall / 2, right, middle + tall / 2, f"own order {side}", tip)
            )
        if life.end != "open" and not life.of_level and (few or life.evidence):
            last = life.stretches[-1]
            bars.append(_end_mark(life, at(last.until), y(last.price), side, tip))
    return join(*bars)


def _shown(lives: Sequence[OrderLife]) -> list[OrderLife]:
    def weight(life: OrderLife) -> tuple[bool, float]:
        return life.evidence, max(one.quantity for one in life.stretches)

    return sorted(lives, key=weight)[-_MOST_LIVES:]


def _end_mark(life: OrderLife, x: float, y: float, side: str, tip: str) -> Html:
    if life.end == "filled":
        return el("circle", el("title", tip), cx=x, cy=y, r=3.5, class_=f"own end {side}")
    path = f"M{x - 4:.2f} {y - 4:.2f}l8 8m0 -8l-8 8"
    return el("path", el("title", tip), d=path, class_=f"own end cross {side}")


def _life_said(life: OrderLife) -> str:
    first, last = life.stretches[0], life.stretches[-1]
    ended = _ENDED.get(life.end, "still there at the end")
    side = "bid" if life.buy else "offer"
    if life.of_level:
        return (
            f"{number(first.quantity, 8)} more at the {side} of {number(first.price, 8)}, for "
            f"{lapse(last.until - first.since)}, {ended}"
        )
    moved = "" if len(life.stretches) == 1 else f" ({plural(len(life.stretches) - 1, 'change')})"
    return (
        f"{side} of {number(first.quantity, 8)} at {number(first.price, 8)}{moved} by "
        f"{life.party}, for {lapse(last.until - first.since)}, {ended}; order {life.order_id}"
    )


def _gaps(scene: Scene, at: Callable[[int], float]) -> Html:
    return join(
        *(
            line(at(time), PRICE.top, at(time), _VOLUME.bottom, "gap", said)
            for time, said in scene.gaps
        )
    )


def _depth(scene: Scene, at: Callable[[int], float]) -> Html:
    """Bids upwards, offers downwards, so that an imbalance is seen at once; theirs in front."""
    quotes = scene.quotes
    most = max(max(one.bid_depth, one.ask_depth) for one in quotes)
    own = max(max(one.bid_theirs, one.ask_theirs) for one in quotes)
    # What they have far from the market must not flatten all that others see.
    top = max(most, min(own, 1.5 * most)) * 1.1 or 1.0
    y = _DEPTH.y(-top, top)

    def drawn(value: Callable[[Quote], float], class_: str) -> Html:
        points = [(at(one.time), y(max(-top, min(top, value(one))))) for one in quotes]
        points.append((at(scene.until), points[-1][1]))
        return area(_thinned(points), y(0), class_)

    values = ticks(0, top, 2)
    both = [-one for one in reversed(values) if one] + values
    texts = [compact(abs(one)) for one in both]
    parts = [
        y_axis(_DEPTH, y, "depth within ten levels: bids above, offers below", both, texts),
        drawn(lambda one: one.bid_depth, "bid-area"),
        drawn(lambda one: -one.ask_depth, "ask-area"),
    ]
    if own:
        parts.append(drawn(lambda one: one.bid_theirs, "own depth buy"))
        parts.append(drawn(lambda one: -one.ask_theirs, "own depth sell"))
    parts.append(line(_DEPTH.left, y(0), _DEPTH.right, y(0), "axis"))
    return join(*parts)


def _volume(scene: Scene) -> Html:
    size = max(1, (scene.until - scene.since) / _BINS)
    all_, own = [0.0] * _BINS, [0.0] * _BINS
    for one in scene.deals:
        if not one.busted:
            place = min(_BINS - 1, max(0, int((one.time - scene.since) / size)))
            all_[place] += one.quantity
            own[place] += one.quantity if one.bought or one.sold else 0.0

    def began(place: int) -> str:
        return clock(round(scene.since + place * size), MILLISECOND)

    return volume_bars(_VOLUME, all_, own, began)


def volume_bars(
    panel: Panel, all_: Sequence[float], own: Sequence[float], told: Callable[[int], str]
) -> Html:
    """Bars of what was traded, and in front of them of what they traded. `told` names a bar."""
    most = max(all_, default=0.0) or 1.0
    y = panel.y(0, most * 1.05)
    width = (panel.right - panel.left) / max(1, len(all_))
    bars: list[Html] = [
        y_axis(panel, y, "traded", [0.0, most], ["0", compact(float(f"{most:.4g}"))]),
    ]
    for place, (everybody, theirs) in enumerate(zip(all_, own, strict=True)):
        left = panel.left + place * width
        right = left + max(0.6, width - 0.8)
        tip = f"{told(place)}: {number(everybody, 8)}, of it theirs {number(theirs, 8)}"
        if everybody:
            bars.append(box(left, y(0), right, y(everybody), "volume", tip))
        if theirs:
            bars.append(box(left, y(0), right, y(theirs), "own volume", tip))
    return join(*bars)


def _said(scene: Scene) -> str:
    events = plural(len(scene.moments) + scene.left_out, "event")
    within = f"{events} within {lapse(scene.until - scene.since)}"
    trades = plural(len(scene.deals), "trade")
    own = sum(one.bought or one.sold for one in scene.deals)
    orders = sum(not one.of_level for one in scene.lives)
    if not own and not orders:
        return f"{within}, with {trades}."
    of_theirs = f"{plural(orders, 'order')} and {plural(own, 'trade')} of theirs"
    return f"{within}, with {of_theirs} among {trades}."


def _legend(scene: Scene) -> Iterator[tuple[Html, str]]:
    if scene.quotes:
        yield swatch("bid", "line"), "best bid"
        yield swatch("ask", "line"), "best offer"
    if any(not one.of_level for one in scene.lives):
        yield swatch("own order buy evidence"), "their bids"
        yield swatch("own order sell evidence"), "their offers"
        yield _sample("M5 3l8 8m0 -8l-8 8", "own end cross evidence"), "cancelled"
        yield swatch("own end buy evidence", "dot"), "filled"
    if any(one.of_level for one in scene.lives):
        yield swatch("own order buy evidence level"), "came to a level of bids, and went"
        yield swatch("own order sell evidence level"), "the same of offers"
    yield from deal_legend(scene.deals)
    yield _sample("M9 13l6 -11h-12z", "alarm"), "alert"


def deal_legend(deals: Sequence[Deal]) -> Iterator[tuple[Html, str]]:
    """What the marks of trades mean, of those that there are."""
    if deals:
        yield swatch("deal", "dot"), "trade, by size"
    if any(one.bought for one in deals):
        yield _sample("M9 1l7 11h-14z", "own deal buy"), "they bought"
    if any(one.sold for one in deals):
        yield _sample("M9 13l7 -11h-14z", "own deal sell"), "they sold"
    if any(one.evidence for one in deals):
        yield swatch("deal evidence", "dot"), "an alert rests on it"


def _sample(path: str, class_: str) -> Html:
    drawn = el("path", d=path, class_=class_)
    return el(
        "svg", drawn, viewBox="0 0 18 14", width=18, height=14, class_="key", aria_hidden="true"
    )

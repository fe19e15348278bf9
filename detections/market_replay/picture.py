"""A market as a picture: prices with whose orders and trades, the depth of both sides, volume.

What is theirs has a form of its own, so that no colour is needed to tell it: bars for orders,
triangles up for what they bought, down for what they sold, both for trades with themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from detections.alerting.wording import lapse
from detections.market_replay.clock import time_axis
from detections.market_replay.deal_marks import deal_legend, deal_marks, sample, volume_bars
from detections.market_replay.order_bars import order_bars
from detections.market_replay.price_range import at_the_edge, beyond, market_range
from detections.market_replay.scene import Quote, Scene
from normalizer.events import Alert
from pipeline.page.canvas import (
    Panel,
    area,
    label,
    line,
    steps,
    swatch,
    y_axis,
)
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import LARGEST, Linear, Scale, ticks
from pipeline.page.words import compact, plural

_LANE = 26.0
PRICE = Panel(52, 330)
_DEPTH = Panel(386, 496)
_VOLUME = Panel(552, 612)
_HEIGHT = 656.0
#: Points of a line: there are not many more pixels.
_COLUMNS = 900
_BINS = 120
#: What is at the edge isn't cut in two.
_ROOM = 10.0


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
    low, high = market_range(scene)
    scale = PRICE.y(low, high)
    unit = f"price, {scene.currency}" if scene.currency else "price"

    def at(time: int) -> float:
        return min(max(x(time - scene.since), PRICE.left), PRICE.right)

    def y(price: float) -> float:
        # What is far off is behind the edge, however far.
        return min(max(scale(price), PRICE.top - 99), PRICE.bottom + 99)

    drawn = join(
        _clip(name),
        y_axis(PRICE, scale, unit, ticks(low, high, 5)),
        _alert_marks(alerts, at),
        el(
            "g",
            _line_of(scene.quotes, scene.until, at, y, lambda one: one.bid, "bid"),
            _line_of(scene.quotes, scene.until, at, y, lambda one: one.ask, "ask"),
            order_bars(scene.lives, at, y),
            deal_marks(
                scene.deals, lambda deal, _: at(deal.time), at_the_edge(scale, PRICE), scene.times
            ),
            clip_path=f"url(#{name}-clip)",
        ),
        _gaps(scene, at),
        _depth(scene, at) if scene.quotes else label(PRICE.left, 440, "No book was told."),
        _volume(scene),
        time_axis(_VOLUME, x, scene.since, scene.until),
        line(PRICE.left, PRICE.top, PRICE.left, _VOLUME.bottom, "playhead"),
    )
    return Picture(
        title=scene.title,
        said=_said(scene) + beyond(scene, low, high),
        height=_HEIGHT,
        drawn=drawn,
        legend=tuple(_legend(scene)),
    )


def _clip(name: str) -> Html:
    rect = el(
        "rect",
        x=PRICE.left - _ROOM,
        y=PRICE.top - _ROOM,
        width=PRICE.right - PRICE.left + 2 * _ROOM,
        height=PRICE.bottom - PRICE.top + 2 * _ROOM,
    )
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
    top = min(max(most, min(own, 1.5 * most)) * 1.1, LARGEST) or 1.0
    y = _DEPTH.y(-top, top)

    def drawn(value: Callable[[Quote], float], class_: str) -> Html:
        points = [(at(one.time), y(max(-top, min(top, value(one))))) for one in quotes]
        points.append((at(scene.until), points[-1][1]))
        return area(_thinned(points), y(0), class_)

    values = ticks(0, top, 2)
    both = [-one for one in reversed(values) if one] + values
    texts = [compact(abs(one)) for one in both]
    unit = "depth within ten levels: bids above, offers below"
    if own:
        unit += f"; {'those in evidence' if scene.unnamed else 'theirs'} at any price in front"
    parts = [
        y_axis(_DEPTH, y, unit, both, texts),
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

    times = scene.times

    def began(place: int) -> str:
        return times(round(scene.since + place * size))

    return volume_bars(_VOLUME, all_, own, began)


def _said(scene: Scene) -> str:
    events = plural(len(scene.moments) + scene.left_out, "event")
    within = f"{events} within {lapse(scene.until - scene.since)}"
    trades = plural(len(scene.deals), "trade")
    own = sum(one.bought or one.sold for one in scene.deals)
    orders = sum(not one.of_level for one in scene.lives)
    if not own and not orders:
        return f"{within}, with {trades}."
    of_theirs = f"{plural(orders, 'order')} and {plural(own, 'trade')} of theirs"
    if scene.unnamed:
        of_theirs = f"{plural(orders, 'order')} in evidence and {plural(own, 'trade')} of these"
    return f"{within}, with {of_theirs} among {trades}."


def _legend(scene: Scene) -> Iterator[tuple[Html, str]]:
    if scene.quotes:
        yield swatch("bid", "line"), "best bid"
        yield swatch("ask", "line"), "best offer"
    if any(not one.of_level for one in scene.lives):
        yield (
            swatch("own order buy evidence"),
            "bids in evidence" if scene.unnamed else "their bids",
        )
        yield (
            swatch("own order sell evidence"),
            "offers in evidence" if scene.unnamed else "their offers",
        )
        yield sample("M5 3l8 8m0 -8l-8 8", "own end cross evidence"), "cancelled"
        yield swatch("own end buy evidence", "dot"), "filled"
    if any(one.of_level for one in scene.lives):
        yield swatch("own order buy evidence level"), "came to a level of bids"
        yield swatch("own order sell evidence level"), "the same of offers"
    yield from deal_legend(scene.deals, unnamed=scene.unnamed)
    yield sample("M9 13l6 -11h-12z", "alarm"), "alert"

"""A pool as a picture: its swaps in their order, since all of a block have the same time."""

from collections.abc import Iterator, Sequence

from detections.alerting.wording import lapse
from detections.market_replay.clock import clock, day_and_clock, days
from detections.market_replay.deal_marks import deal_legend, deal_marks, volume_bars
from detections.market_replay.picture import Picture
from detections.market_replay.price_range import at_the_edge, pool_range, swaps_beyond
from detections.market_replay.scene import Scene
from normalizer.events import Alert
from pipeline.page.canvas import Panel, label, line, steps, swatch, y_axis
from pipeline.page.markup import Html, join
from pipeline.page.scales import ticks
from pipeline.page.words import plural
from pipeline.units import SECOND

_PRICE = Panel(52, 330)
_VOLUME = Panel(386, 456)
_HEIGHT = 500.0
#: Blocks beyond so many have no line of their own.
_MOST_LINES = 60
#: Room for a block's number and time.
_LABEL = 180.0
_WAY = {True: "came", False: "left"}


def pool_picture(scene: Scene, _alerts: Sequence[Alert], _name: str) -> Picture:
    """The picture of a pool."""
    deals = scene.deals
    width = (_PRICE.right - _PRICE.left) / max(1, len(deals))

    def middle(place: int) -> float:
        return _PRICE.left + (place + 0.5) * width

    after = [one.price_after for one in deals]
    low, high = pool_range(scene)
    scale = _PRICE.y(low, high)
    y = at_the_edge(scale, _PRICE)
    path = [
        (_PRICE.left + (place + 1) * width, y(price))
        for place, price in enumerate(after)
        if price is not None and not deals[place].busted
    ]
    unit = f"price, {scene.currency}" if scene.currency else "price"
    all_ = [0.0 if one.busted else one.quantity for one in deals]
    own = [size if one.bought or one.sold else 0.0 for one, size in zip(deals, all_, strict=True)]
    unit_of_time = f"swaps in the order of the chain, {days(scene.since, scene.until)}, UTC"
    drawn = join(
        y_axis(_PRICE, scale, unit, ticks(low, high, 5)),
        _blocks(scene, width),
        _liquidity(scene, width),
        steps(path, "mid"),
        deal_marks(deals, lambda _, place: middle(place), y, scene.times),
        volume_bars(_VOLUME, all_, own, lambda at: f"swap {at + 1:,}"),
        label(_VOLUME.right, _VOLUME.bottom + 38, unit_of_time, "end", "unit"),
        line(_PRICE.left, _PRICE.top, _PRICE.left, _VOLUME.bottom, "playhead"),
    )
    theirs = sum(one.bought or one.sold for one in deals)
    return Picture(
        title=scene.title,
        said=f"{plural(len(deals), 'swap')} within {lapse(scene.until - scene.since)}, of which "
        f"{theirs:,} are theirs. A mark is what was paid for one, the line the pool's price after "
        f"it.{swaps_beyond(scene, low, high)}",
        height=_HEIGHT,
        drawn=drawn,
        legend=tuple(_legend(scene)),
    )


def _legend(scene: Scene) -> Iterator[tuple[Html, str]]:
    yield swatch("mid", "line"), "the pool's price"
    yield from deal_legend(scene.deals)
    for added, told in ((True, "liquidity came"), (False, "liquidity left")):
        if any(one.added is added for one in scene.liquidity):
            yield swatch(f"liquidity {_WAY[added]} evidence", "line"), told


def _liquidity(scene: Scene, width: float) -> Html:
    """Lines between swaps; those that an alert rests on are strong."""
    marks: list[Html] = []
    for one in sorted(scene.liquidity, key=lambda move: move.evidence):
        x = _PRICE.left + one.before * width
        class_ = f"liquidity {_WAY[one.added]}{' evidence' if one.evidence else ''}"
        marks.append(line(x, _PRICE.top, x, _VOLUME.bottom, class_, one.said))
    return join(*marks)


def _blocks(scene: Scene, width: float) -> Html:
    """Where blocks begin, as many as there is room for with their number and time."""
    first: dict[int | None, int] = {}
    for place, one in enumerate(scene.deals):
        first.setdefault(one.block, place)
    parts = [line(_VOLUME.left, _VOLUME.bottom, _VOLUME.right, _VOLUME.bottom, "axis")]
    free, with_day = _PRICE.left, scene.times.with_day
    for block, place in first.items():
        x = _PRICE.left + place * width
        if len(first) <= _MOST_LINES:
            parts.append(line(x, _PRICE.top, x, _VOLUME.bottom, "grid"))
        if free <= x <= _PRICE.right - _LABEL:
            free = x + _LABEL
            moment = scene.deals[place].time
            time = day_and_clock(moment)[5:16] if with_day else clock(moment, SECOND)
            text = time if block is None else f"{block} {time}"
            parts.append(label(x, _VOLUME.bottom + 19, text))
    return join(*parts)

"""Price and trades of the venue over the whole session, with the alerts above."""

import math

from demo.report.book_replay import BookMoment
from demo.report.palette import colour_class, legend_mark, marker
from demo.report.story import Story
from demo.verdict import JudgedAlert
from demo.words import shortened, typology_name
from normalizer.events.market import Trade
from pipeline.page.canvas import (
    Panel,
    figure,
    key,
    label,
    line,
    steps,
    swatch,
    x_axis,
    y_axis,
)
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import Linear, padded, ticks
from pipeline.page.words import number, plural

_PRICE = Panel(70, 320)
_LANE = 28.0
_LANE_STEP = 16.0


def venue_chart(story: Story, place: tuple[str, str, str], book: list[BookMoment]) -> Html | None:
    """The chart, or None where nothing was traded."""
    trades = [t for t in story.of(Trade) if (t.provider, t.venue, t.instrument) == place]
    if not trades:
        return None
    alerts = [one for one in story.verdict.alerts if one.alert.provider == place[0]]
    x = _PRICE.x(0, max(story.seconds(story.end), 1.0))
    traded = [trade.price for trade in trades]
    prices = (
        traded + [m.bid for m in book if m.bid and m.ask] + [m.ask for m in book if m.bid and m.ask]
    )
    low, high = padded(_central(prices, set(traded)))
    y = _PRICE.y(low, high)
    currency = trades[0].currency or "quote currency"
    drawn = join(
        y_axis(_PRICE, y, f"{currency} per unit of {place[2]}", ticks(low, high, 5)),
        x_axis(_PRICE, x, "seconds of event time since the first event"),
        _alert_lines(story, alerts, x),
        el("g", _quotes(story, book, x, y), clip_path="url(#venue-clip)"),
        _clip(),
        _trades(story, trades, x, y),
        _alert_marks(story, alerts, x),
        label(_PRICE.left - 66, _LANE - 12, "alerts", "start", "unit"),
    )
    typologies = dict.fromkeys(one.alert.typology for one in alerts)
    legend = join(
        key(swatch("bid", "line"), "best bid"),
        key(swatch("ask", "line"), "best ask"),
        key(swatch("dot quiet", "dot"), "trade, by size"),
        *(key(legend_mark(t), f"{typology_name(t)}, alert and its trades") for t in typologies),
    )
    said = (
        f"{plural(len(trades), 'trade')} of {place[2]} at {place[1]}, between "
        f"{number(min(traded))} and {number(max(traded))} {currency}; "
        f"{plural(len(alerts), 'alert')} at the moment of the event that completed them."
    )
    return figure(
        title="Venue: quotes, trades and alerts",
        said=said,
        height=366,
        drawn=drawn,
        legend=legend,
        name="venue",
    )


def _central(prices: list[float], always: set[float]) -> list[float]:
    """Prices without the odd quote of a nearly empty book, which would flatten all others."""
    ordered = sorted(prices)
    low, high = ordered[len(ordered) // 50], ordered[-1 - len(ordered) // 50]
    return [price for price in ordered if low <= price <= high or price in always]


def _clip() -> Html:
    rect = el(
        "rect",
        x=_PRICE.left,
        y=_PRICE.top,
        width=_PRICE.right - _PRICE.left,
        height=_PRICE.bottom - _PRICE.top,
    )
    return el("defs", el("clipPath", rect, id="venue-clip"))


def _quotes(story: Story, book: list[BookMoment], x: Linear, y: Linear) -> Html:
    bids = [(x(story.seconds(m.timestamp)), y(m.bid)) for m in book if m.bid is not None]
    asks = [(x(story.seconds(m.timestamp)), y(m.ask)) for m in book if m.ask is not None]
    return join(steps(bids, "bid"), steps(asks, "ask"))


def _trades(story: Story, trades: list[Trade], x: Linear, y: Linear) -> Html:
    of = story.by_event()
    largest = max(trade.quantity for trade in trades) or 1.0
    dots: list[Html] = []
    for trade in sorted(trades, key=lambda one: one.id in of):
        judged = of.get(trade.id)
        classes = f"dot {colour_class(judged.alert.typology)}" if judged else "dot quiet"
        tip = (
            f"{number(trade.quantity, 8)} at {number(trade.price, 8)}, trade {trade.trade_id}, "
            f"{trade.buyer_account or '?'} bought from {trade.seller_account or '?'}, "
            f"{story.seconds(trade.timestamp):.3f} s"
        )
        dots.append(
            el(
                "circle",
                el("title", tip),
                cx=x(story.seconds(trade.timestamp)),
                cy=y(trade.price),
                r=3.0 + 8.0 * math.sqrt(max(trade.quantity, 0) / largest),
                class_=classes,
            )
        )
    return join(*dots)


def _alert_lines(story: Story, alerts: list[JudgedAlert], x: Linear) -> Html:
    return join(
        *(
            line(at, _LANE, at, _PRICE.bottom, f"drop {colour_class(one.alert.typology)}")
            for one in alerts
            for at in [x(story.seconds(one.alert.timestamp))]
        )
    )


def _alert_marks(story: Story, alerts: list[JudgedAlert], x: Linear) -> Html:
    marks: list[Html] = []
    ends = [-1e9, -1e9]
    for one in alerts:
        at = x(story.seconds(one.alert.timestamp))
        row = 0 if at - ends[0] >= _LANE_STEP else 1
        ends[row] = at
        tip = f"{one.alert.rule_name}: {shortened(one.alert.reason)}"
        mark = marker(
            one.alert.typology, at, _LANE + row * _LANE_STEP, 6.5, title=tip, hollow=False
        )
        marks.append(el("a", mark, href=f"#{anchor(one)}"))
    return join(*marks)


def anchor(one: JudgedAlert) -> str:
    """The id of an alert's card: letters and digits of its own id only."""
    return "alert-" + "".join(char for char in one.alert.id if char.isalnum() and char.isascii())

"""The book around the first spoofing alert: prices above, depth of both sides below."""

from msgspec import Struct

from demo.report.book_replay import BookMoment
from demo.report.palette import legend_mark, marker
from demo.report.story import Story
from demo.verdict import JudgedAlert
from normalizer.events.market import OrderCancelled, OrderPlaced, Trade
from pipeline.page.canvas import (
    Panel,
    area,
    box,
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
from pipeline.page.words import number, span
from pipeline.units import SECOND

_PRICE = Panel(40, 230)
_DEPTH = Panel(290, 470)
_BEFORE, _AFTER = 2 * SECOND, 2 * SECOND


class _Life(Struct, frozen=True):
    """The large order from its placing to its cancellation."""

    placed: OrderPlaced
    cancelled: OrderCancelled


def spoofing_chart(story: Story, book: list[BookMoment]) -> Html | None:
    """The chart, or None where no spoofing was found with its order's life in the evidence."""
    found = next((o for o in story.verdict.alerts if o.alert.typology == "spoofing"), None)
    life = _life(story, found) if found else None
    if found is None or life is None or life.placed.price is None:
        return None
    start, end = life.placed.timestamp - _BEFORE, life.cancelled.timestamp + _AFTER
    moments = _within(book, start, end)
    if not moments:
        return None
    zero = life.placed.timestamp
    x = _PRICE.x((start - zero) / SECOND, (end - zero) / SECOND)
    born, gone = x(0.0), x((life.cancelled.timestamp - zero) / SECOND)
    trades = _trades(story, found, start, end)
    order = _order_said(life)
    drawn = join(
        box(born, _PRICE.top, gone, _DEPTH.bottom, "life", f"{order} was on the book"),
        _prices(moments, trades, life, x, zero),
        _depths(moments, x, zero, end),
        line(born, _PRICE.top, born, _DEPTH.bottom, "edge"),
        line(gone, _PRICE.top, gone, _DEPTH.bottom, "edge"),
        label((born + gone) / 2, _PRICE.top - 8, order, "middle", "note"),
        x_axis(_DEPTH, x, "seconds of event time since the large order was placed"),
    )
    lived = life.cancelled.timestamp - life.placed.timestamp
    peak = _peak(moments, life)
    said = (
        f"{order[0].upper()}{order[1:]} by {life.placed.investor_account or 'an unknown account'} "
        f"stood at {number(life.placed.price, 8)} for {span(lived)}. It lifted the depth of its "
        f"side to {number(peak)}. Meanwhile its owner traded on the other side; then it was gone."
    )
    legend = join(
        key(swatch("bid", "line"), "best bid, bid depth"),
        key(swatch("ask", "line"), "best ask, ask depth"),
        key(swatch("life"), "life of the large order"),
        key(legend_mark("spoofing"), "trade in the alert's evidence"),
        key(swatch("dot quiet", "dot"), "other trade"),
    )
    return figure(
        title="Spoofing: the book around the first alert",
        said=said,
        height=516,
        drawn=drawn,
        legend=legend,
        name="spoofing",
    )


def _life(story: Story, found: JudgedAlert) -> _Life | None:
    """Of the orders that the alert rests on, the largest that was cancelled."""
    orders = set(found.alert.evidence_orders)
    evidence = set(found.alert.evidence_events)
    cancelled = {
        event.order_id: event
        for event in story.of(OrderCancelled)
        if event.order_id in orders and event.id in evidence
    }
    placed = [
        event
        for event in story.of(OrderPlaced)
        if event.order_id in cancelled and event.quantity is not None
    ]
    if not placed:
        return None
    largest = max(placed, key=lambda event: event.quantity or 0)
    return _Life(largest, cancelled[largest.order_id])


def _order_said(life: _Life) -> str:
    side = life.placed.side or "unknown side"
    return f"a {side} order of {number(life.placed.quantity or 0, 8)} {life.placed.instrument}"


def _within(book: list[BookMoment], start: int, end: int) -> list[BookMoment]:
    """The moments of a window, beginning with how the book stood when it began."""
    before = [moment for moment in book if moment.timestamp <= start]
    return before[-1:] + [moment for moment in book if start < moment.timestamp <= end]


def _trades(story: Story, found: JudgedAlert, start: int, end: int) -> list[tuple[Trade, bool]]:
    evidence = set(found.alert.evidence_events)
    return [
        (trade, trade.id in evidence)
        for trade in story.of(Trade)
        if start <= trade.timestamp <= end and trade.instrument == found.alert.instrument
    ]


def _prices(
    moments: list[BookMoment],
    trades: list[tuple[Trade, bool]],
    life: _Life,
    x: Linear,
    zero: int,
) -> Html:
    price = life.placed.price or 0.0
    values = [p for m in moments for p in (m.bid, m.ask) if p is not None]
    low, high = padded([*values, price, *(trade.price for trade, _ in trades)], 0.12)
    y = _PRICE.y(low, high)

    def at(timestamp: int) -> float:
        return min(max(x((timestamp - zero) / SECOND), _PRICE.left), _PRICE.right)

    end = _PRICE.right
    bids = [(at(m.timestamp), y(m.bid)) for m in moments if m.bid is not None]
    asks = [(at(m.timestamp), y(m.ask)) for m in moments if m.ask is not None]
    dots = [
        marker(
            "spoofing",
            at(trade.timestamp),
            y(trade.price),
            6,
            title=_trade_said(trade),
            hollow=False,
        )
        if proof
        else el(
            "circle",
            el("title", _trade_said(trade)),
            cx=at(trade.timestamp),
            cy=y(trade.price),
            r=4.0,
            class_="dot quiet",
        )
        for trade, proof in trades
    ]
    return join(
        y_axis(_PRICE, y, f"price, {life.placed.currency or 'quote'}", ticks(low, high, 4)),
        steps([*bids, (end, bids[-1][1])] if bids else [], "bid"),
        steps([*asks, (end, asks[-1][1])] if asks else [], "ask"),
        line(
            at(life.placed.timestamp),
            y(price),
            at(life.cancelled.timestamp),
            y(price),
            "order k-spoofing",
            _order_said(life),
        ),
        *dots,
    )


def _depths(moments: list[BookMoment], x: Linear, zero: int, end: int) -> Html:
    """Bids upwards, asks downwards, so that the imbalance is seen at once."""
    most = max(max(m.bid_depth, m.ask_depth) for m in moments) * 1.1 or 1.0
    y = _DEPTH.y(-most, most)

    def at(timestamp: int) -> float:
        return min(max(x((timestamp - zero) / SECOND), _DEPTH.left), _DEPTH.right)

    last = moments[-1]
    bids = [(at(m.timestamp), y(m.bid_depth)) for m in moments] + [(at(end), y(last.bid_depth))]
    asks = [(at(m.timestamp), y(-m.ask_depth)) for m in moments] + [(at(end), y(-last.ask_depth))]
    values = ticks(0, most, 2)
    both = [-value for value in reversed(values) if value] + values
    return join(
        y_axis(
            _DEPTH,
            y,
            "depth of the ten best levels: bids above, asks below",
            both,
            [number(abs(value)) for value in both],
        ),
        area(bids, y(0), "bid-area"),
        area(asks, y(0), "ask-area"),
        steps(bids, "bid"),
        steps(asks, "ask"),
        line(_DEPTH.left, y(0), _DEPTH.right, y(0), "axis"),
    )


def _peak(moments: list[BookMoment], life: _Life) -> float:
    alive = [
        m.bid_depth if life.placed.side == "buy" else m.ask_depth
        for m in moments
        if life.placed.timestamp <= m.timestamp < life.cancelled.timestamp
    ]
    return max(alive, default=0.0)


def _trade_said(trade: Trade) -> str:
    return (
        f"{trade.buyer_account or '?'} bought {number(trade.quantity, 8)} from "
        f"{trade.seller_account or '?'} at {number(trade.price, 8)}, trade {trade.trade_id}"
    )

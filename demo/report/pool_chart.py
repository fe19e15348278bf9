"""The pool's price by block, and what was bought and sold, with the wash trades marked."""

from itertools import pairwise

from demo.report.palette import colour_class, legend_mark, marker
from demo.report.story import Story
from demo.verdict import JudgedAlert
from demo.words import shortened
from normalizer.events.chain import PoolSwap
from pipeline.page.canvas import Panel, box, figure, key, line, steps, swatch, x_axis, y_axis
from pipeline.page.markup import Html, join
from pipeline.page.scales import Linear, padded, ticks
from pipeline.page.words import number, plural

_PRICE = Panel(40, 220)
_VOLUME = Panel(280, 400)


def pool_chart(story: Story) -> Html | None:
    """The chart, or None where nothing was swapped."""
    swaps = [s for s in story.of(PoolSwap) if s.pool_price is not None and s.quantity is not None]
    if not swaps:
        return None
    of = story.by_event()
    place = _places(swaps)
    first, last = swaps[0].block_number, swaps[-1].block_number
    x = _PRICE.x(first, max(last + 1, first + 2))
    washed = [swap for swap in swaps if swap.id in of]
    drawn = join(
        _trips(washed, of, place, x),
        _prices(swaps, of, place, x),
        _volumes(swaps, of, place, x),
        x_axis(_VOLUME, x, "block number", _blocks(first, last + 1)),
    )
    volume = sum(swap.quantity or 0 for swap in washed)
    net = sum((swap.quantity or 0) * (1 if swap.side == "buy" else -1) for swap in washed)
    symbol = swaps[0].token_symbol or "tokens"
    said = (
        f"{plural(len(swaps), 'swap')} in the pool {swaps[0].instrument}. The "
        f"{len(washed)} in the alerts' evidence traded {number(volume)} {symbol} to and fro; "
        f"{number(abs(net)) if abs(net) > 1e-6 else 'nothing'} was left of it as a position."
    )
    legend = join(
        key(swatch("price", "line"), "pool price after each swap"),
        key(legend_mark("wash_trading"), "wash purchase"),
        key(legend_mark("wash_trading", hollow=True), "wash sale"),
        key(swatch("trip k-wash"), "round trip"),
        key(swatch("bar quiet"), "other swaps"),
    )
    return figure(
        title="Pool: price and round trips",
        said=said,
        height=446,
        drawn=drawn,
        legend=legend,
        name="pool",
    )


def _places(swaps: list[PoolSwap]) -> dict[str, float]:
    """Where on the axis each swap stands: spread over the width of its block."""
    by_block: dict[int, list[str]] = {}
    for swap in swaps:
        by_block.setdefault(swap.block_number, []).append(swap.id)
    return {
        swap_id: block + (at + 0.5) / len(ids)
        for block, ids in by_block.items()
        for at, swap_id in enumerate(ids)
    }


def _blocks(first: int, last: int) -> list[float]:
    return [value for value in ticks(first, last, 10) if value == int(value)]


def _trips(
    washed: list[PoolSwap], of: dict[str, JudgedAlert], place: dict[str, float], x: Linear
) -> Html:
    """A band from each purchase to the sale that follows it."""
    bands: list[Html] = []
    for buy, sell in pairwise(washed):
        if buy.side == "buy" and sell.side == "sell":
            tip = (
                f"bought {number(buy.quantity or 0)} in block {buy.block_number}, "
                f"sold {number(sell.quantity or 0)} in block {sell.block_number}"
            )
            classes = f"trip {colour_class(of[buy.id].alert.typology)}"
            left, right = x(place[buy.id]), x(place[sell.id])
            bands.append(box(left, _PRICE.top, right, _VOLUME.bottom, classes, tip))
    return join(*bands)


def _prices(
    swaps: list[PoolSwap], of: dict[str, JudgedAlert], place: dict[str, float], x: Linear
) -> Html:
    low, high = padded([swap.pool_price or 0 for swap in swaps], 0.12)
    y = _PRICE.y(low, high)
    points = [(x(place[swap.id]), y(swap.pool_price or 0)) for swap in swaps]
    marks: list[Html] = []
    for swap, (at, height) in zip(swaps, points, strict=True):
        judged = of.get(swap.id)
        if judged is not None:
            marks.append(
                marker(
                    judged.alert.typology,
                    at,
                    height,
                    5,
                    title=_swap_said(swap),
                    hollow=swap.side == "sell",
                )
            )
    unit = f"price, {swaps[0].currency or 'quote asset'} per {swaps[0].token_symbol or 'token'}"
    return join(y_axis(_PRICE, y, unit, ticks(low, high, 4)), steps(points, "price"), *marks)


def _volumes(
    swaps: list[PoolSwap], of: dict[str, JudgedAlert], place: dict[str, float], x: Linear
) -> Html:
    most = max(swap.quantity or 0 for swap in swaps) * 1.1 or 1.0
    y = _VOLUME.y(-most, most)
    bars: list[Html] = []
    for swap in swaps:
        judged = of.get(swap.id)
        signed = (swap.quantity or 0) * (1 if swap.side == "buy" else -1)
        at = x(place[swap.id])
        classes = f"bar {colour_class(judged.alert.typology)}" if judged else "bar quiet"
        bars.append(box(at - 2.5, y(0), at + 2.5, y(signed), classes, _swap_said(swap)))
    values = ticks(-most, most, 4)
    return join(
        y_axis(
            _VOLUME,
            y,
            f"{swaps[0].token_symbol or 'tokens'}: bought above, sold below",
            values,
            [number(abs(value)) for value in values],
        ),
        *bars,
        line(_VOLUME.left, y(0), _VOLUME.right, y(0), "axis"),
    )


def _swap_said(swap: PoolSwap) -> str:
    done = "bought" if swap.side == "buy" else "sold"
    price = f" at {number(swap.price)}" if swap.price is not None else ""
    return (
        f"{swap.investor_id or shortened(swap.transaction_from or 'somebody')} {done} "
        f"{number(swap.quantity or 0)}{price}, block {swap.block_number}"
    )

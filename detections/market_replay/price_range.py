"""Which prices a picture of a market reaches, so that a single absurd one doesn't flatten it."""

from collections.abc import Iterable, Iterator, Sequence

from detections.market_replay.scene import Deal, Scene
from pipeline.page.canvas import Panel
from pipeline.page.scales import Scale, padded
from pipeline.page.words import amount, plural

#: So far from the market, as a share of its price, is shown what an alert rests on, and trades.
_FAR = 0.5
#: Of fewer trades nobody can say which one is odd.
_FEW = 5
#: So far behind the edge a mark stands of what is far behind it.
_EDGE = 6.0


def market_range(scene: Scene) -> tuple[float, float]:
    """Of most quotes and trades, and of what isn't far off these."""
    traded = [one.price for one in scene.deals]
    quoted = [price for one in scene.quotes for price in (one.bid, one.ask) if price is not None]
    core = _most(quoted, len(quoted) // 50)
    if not core or len(traded) >= _FEW:
        core += _most(traded, _odd(len(traded)))
    if not core:
        core = [one.price for life in scene.lives for one in life.stretches]
    low, high = padded(core)
    room, far = _room(low, high)
    near = [
        one.price
        for life in scene.lives
        for one in life.stretches
        if _within(one.price, low, high, far if life.evidence else room)
    ]
    return padded([*core, *near, *_those_within(traded, low, high, far)])


def pool_range(scene: Scene) -> tuple[float, float]:
    """Of what an alert rests on, of most other swaps, and of what isn't far off these."""
    own = [price for one in scene.deals if one.evidence for price in _prices_of(one)]
    others = [price for one in scene.deals if not one.evidence for price in _prices_of(one)]
    core = [*own, *_most(others, 2 * _odd(len(others) // 2))]
    low, high = padded(core)
    return padded([*core, *_those_within(others, low, high, _room(low, high)[1])])


def swaps_beyond(scene: Scene, low: float, high: float) -> str:
    """What is said of swaps that the picture of a pool doesn't reach."""
    prices = [_prices_of(one) for one in scene.deals]
    off = [price for one in prices for price in one if not low <= price <= high]
    count = sum(any(not low <= price <= high for price in one) for one in prices)
    return _said([plural(count, "swap")] if count else [], count, off)


def beyond(scene: Scene, low: float, high: float) -> str:
    """What is said of trades, and of orders in evidence, that the picture doesn't reach."""
    orders = [
        [one.price for one in life.stretches]
        for life in scene.lives
        if life.evidence and not any(low <= one.price <= high for one in life.stretches)
    ]
    traded = [one.price for one in scene.deals if not low <= one.price <= high]
    what = [f"{plural(len(orders), 'order')} in evidence"] if orders else []
    what += [plural(len(traded), "trade")] if traded else []
    off = [*traded, *(price for one in orders for price in one)]
    return _said(what, len(orders) + len(traded), off)


def at_the_edge(scale: Scale, panel: Panel) -> Scale:
    """The scale, with all that is behind an edge of the panel at that edge."""
    return lambda price: min(max(scale(price), panel.top - _EDGE), panel.bottom + _EDGE)


def _odd(count: int) -> int:
    """How many of so many may be odd, at either end."""
    return max(count // 50, 1) if count >= _FEW else 0


def _most(values: Sequence[float], odd: int) -> list[float]:
    """All but so many at either end."""
    return sorted(values)[odd : len(values) - odd]


def _room(low: float, high: float) -> tuple[float, float]:
    """How far off something is shown, and what matters more."""
    room = 1.5 * (high - low)
    return room, max(room, _FAR * max(abs(low), abs(high)))


def _within(price: float, low: float, high: float, room: float) -> bool:
    return low - room <= price <= high + room


def _those_within(prices: Iterable[float], low: float, high: float, room: float) -> Iterator[float]:
    return (one for one in prices if _within(one, low, high, room))


def _prices_of(swap: Deal) -> tuple[float, ...]:
    """What was paid for it, and what the pool's price was after it."""
    return (swap.price,) if swap.price_after is None else (swap.price, swap.price_after)


def _said(what: Sequence[str], count: int, prices: Sequence[float]) -> str:
    if not what:
        return ""
    first, last = amount(min(prices)), amount(max(prices))
    where = f"at {first}" if first == last else f"at {first} to {last}"
    return f" {' and '.join(what)} {'is' if count == 1 else 'are'} beyond the picture, {where}."

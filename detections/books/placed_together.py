"""Which of a party's orders make up layers: those that were placed together, at most prices."""

from collections.abc import Sequence

from detections.books.layer import Layer


def placed_together(pulled: Sequence[Layer], placement_window: int) -> list[Layer]:
    """Of these orders, by time of placing, those within a window that have most prices.

    Of several as good, the newest.
    """
    ordered = sorted(pulled, key=_placed_at)
    best: list[Layer] = []
    start = most = 0
    for end, layer in enumerate(ordered):
        while layer.placed.timestamp - ordered[start].placed.timestamp > placement_window:
            start += 1
        prices = len({one.price for one in ordered[start : end + 1]})
        if prices >= most:
            most, best = prices, ordered[start : end + 1]
    return best


def complete_at(layers: Sequence[Layer], levels: int) -> int | None:
    """When so many prices had an order; None if they never had."""
    prices: set[float] = set()
    for layer in layers:
        prices.add(layer.price)
        if len(prices) >= levels:
            return layer.placed.timestamp
    return None


def _placed_at(layer: Layer) -> tuple[int, str]:
    return layer.placed.timestamp, layer.order_id

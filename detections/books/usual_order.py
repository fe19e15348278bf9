"""How large an order usually is, in a book."""

from statistics import median_low

from detections.books.order_book import OrderBook


def usual_order(book: OrderBook, levels: int, width: float) -> float:
    """The median of what is left of the visible orders of both sides (see `BookSide.is_near`); 0
    where there are none, or the feed gives levels only."""
    found: list[float] = []
    for side in (book.bids, book.asks):
        worst = side.furthest(levels, width)
        for key in reversed(side.keys[-levels:]):
            if key < worst:
                break
            found.extend(side.queues.get(key, {}).values())
    return median_low(found) if found else 0.0

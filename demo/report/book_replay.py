"""How a venue's book looked over time, by the same book that the detections keep."""

from msgspec import Struct

from demo.report.story import Story
from detections.books.order_book import OrderBook
from detections.books.order_books import OrderBooks
from normalizer.events import MarketEvent

#: As the spoofing rule measures depth.
LEVELS, RANGE = 10, 0.05


class BookMoment(Struct, frozen=True):
    """The book after an event. Depth: quantity of the ten best levels within 5 % of the best."""

    timestamp: int
    bid: float | None
    ask: float | None
    bid_depth: float
    ask_depth: float


def replay(story: Story, place: tuple[str, str, str]) -> list[BookMoment]:
    """The book's moments, one for each instant at which it changed."""
    books = OrderBooks()
    moments: list[BookMoment] = []
    for event in story.of(MarketEvent):
        if (event.provider, event.venue, event.instrument) != place:
            continue
        book = books.of(event)
        books.apply(event, book)
        moment = _moment(event.timestamp, book)
        if moments and moments[-1].timestamp == event.timestamp:
            moments[-1] = moment
        elif not moments or _differs(moments[-1], moment):
            moments.append(moment)
    return moments


def _moment(timestamp: int, book: OrderBook) -> BookMoment:
    bids, asks = book.side(True), book.side(False)
    return BookMoment(
        timestamp, bids.best, asks.best, bids.depth(LEVELS, RANGE), asks.depth(LEVELS, RANGE)
    )


def _differs(one: BookMoment, other: BookMoment) -> bool:
    return (one.bid, one.ask, one.bid_depth, one.ask_depth) != (
        other.bid,
        other.ask,
        other.bid_depth,
        other.ask_depth,
    )

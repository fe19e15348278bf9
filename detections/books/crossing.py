"""Whether a book is crossed for so long that it can't be the venue's.

In continuous trading orders that could trade with each other do so. A book that stays crossed lacks
ends of orders or changes of levels, or has another book's: what is weighed against its depth is
wrong.
"""

from detections.books.order_book import OrderBook
from normalizer.events.market import Trade
from pipeline.units import MINUTE

#: When orders may stand against each other until a price is made, or nothing is traded. Without a
#: calendar a venue's phase is unknown, and no auction lasts for so long after its first trade.
NOT_CONTINUOUS: frozenset[str] = frozenset(
    ("pre-open", "opening-auction", "intraday-auction", "closing-auction", "halted", "closed")
)
#: Trades in a row that find a book crossed, and for how long they do, from which on it is wrong.
STAYS_AT_TRADES, STAYS_FOR = 10, MINUTE


def note_trade(book: OrderBook, trade: Trade) -> None:
    """A trade was made, and the book moved on by it."""
    bids, asks = (book.bids, book.asks) if book.orders else (book.level_bids, book.level_asks)
    # Of offers the keys are negative, so that the best is the last of both.
    if not (bids.keys and asks.keys and bids.keys[-1] > -asks.keys[-1]):
        if book.crossed_trades and trade.phase not in NOT_CONTINUOUS:
            book.crossed_trades = book.crossed_at = 0
        return
    if trade.phase in NOT_CONTINUOUS:
        return
    if not book.crossed_trades:
        book.crossed_at = trade.timestamp
    book.crossed_trades += 1


def stays_crossed(book: OrderBook, at: int) -> bool:
    """Whether it has been crossed for long by now."""
    return book.crossed_trades >= STAYS_AT_TRADES and at - book.crossed_at >= STAYS_FOR

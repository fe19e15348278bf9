"""Who bought and who sold in a trade, as far as it and its book tell.

Several correlators ask it of the same trade, so the newest answer is kept.
"""

from msgspec import Struct

from detections.books.order_book import Resting
from detections.books.order_books import BookChange
from detections.parties import NOBODY, Party, buyer, names_nobody, party, seller
from normalizer.events.market import Trade


class TradeSide(Struct, frozen=True, gc=False):
    """Who was on one side of a trade."""

    party: Party
    name: str
    """The party's widest name; empty if nothing is known of it, and then there is no key."""
    key: tuple[str, str, str, str] | None
    """Source, venue, instrument and that name."""
    buys: bool
    takes: bool
    """It took what the other side had placed; false where that isn't known."""


#: Who bought, and who sold.
TradeSides = tuple[TradeSide, TradeSide]

_OF_NOBODY = (
    TradeSide(NOBODY, "", None, True, False),
    TradeSide(NOBODY, "", None, False, False),
)
_newest: tuple[Trade | None, BookChange | None, TradeSides | None] = (None, None, None)


def sides_of(trade: Trade, change: BookChange) -> TradeSides:
    """Both sides of a trade that changed its book so. Of a side that the trade says nothing of,
    the resting order may."""
    global _newest
    known, of_change, sides = _newest
    if known is trade and of_change is change and sides is not None:
        return sides
    order, taker = change.order, trade.side
    if (order is None or order.owner is None) and names_nobody(trade):
        return _OF_NOBODY
    if taker is None and order is not None:
        taker = "sell" if order.buy else "buy"
    sides = (
        _side(trade, buyer(trade), order, taker == "buy", buys=True),
        _side(trade, seller(trade), order, taker == "sell", buys=False),
    )
    _newest = (trade, change, sides)
    return sides


def _side(
    trade: Trade, named: Party, resting: Resting | None, takes: bool, *, buys: bool
) -> TradeSide:
    if not named.known and resting is not None and resting.buy is buys:
        named = party(resting.account, resting.investor, resting.cluster)
    name = named.key
    key = (trade.provider, trade.venue, trade.instrument, name) if named.known else None
    return TradeSide(named, name, key, buys, takes)

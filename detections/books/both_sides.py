"""Who bought and who sold in a trade, as far as it and its book tell.

Several correlators ask it of the same trade, so the newest answer is kept.
"""

from msgspec import Struct

from detections.books.order_book import Resting
from detections.books.order_books import BookChange
from detections.parties import NOBODY, Party, names_nobody, party
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


#: Account, investor and cluster.
Names = tuple[str | None, str | None, str | None]
_NO_NAMES: Names = (None, None, None)
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
    buyer = (trade.buyer_account, trade.buyer_id, trade.buyer_cluster)
    seller = (trade.seller_account, trade.seller_id, trade.seller_cluster)
    sides = (
        _side(trade, buyer, order, True, taker == "buy"),
        _side(trade, seller, order, False, taker == "sell"),
    )
    _newest = (trade, change, sides)
    return sides


def _side(
    trade: Trade, names: Names, resting: Resting | None, buys: bool, takes: bool
) -> TradeSide:
    if names == _NO_NAMES:
        if resting is None or resting.buy is not buys or resting.owner is None:
            return TradeSide(NOBODY, "", None, buys, takes)
        names = (resting.account, resting.investor, resting.cluster)
    account, investor, cluster = names
    name = cluster or investor or account or ""
    key = (trade.provider, trade.venue, trade.instrument, name)
    return TradeSide(party(account, investor, cluster), name, key, buys, takes)

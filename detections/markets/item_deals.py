"""Trades of a single item, such as an NFT: what is kept of them, and what in them fits. Pure."""

from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Witness

_MOST_DEALS = 100


class Deal(Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a trade."""

    timestamp: int
    seller: str
    buyer: str
    price: float
    unsure: bool
    witness: Witness
    signer: str = ""
    """Of a transfer: who signed the transaction, by the widest name."""

    def corrected(self, price: float | None, quantity: float | None) -> "Deal":
        """The venue corrected it. An item stays one."""
        return self if price is None else replace(self, price=price)


class Item(Struct, array_like=True):
    """An instrument, as long as it may be a single item."""

    numbered: bool
    divisible: bool = False
    """It has had a trade of another quantity than 1: it is no item."""
    handed_on: int = 0
    """Trades in which the buyer of the one before sells."""
    breaks: int = 0
    deals: list[Deal] = field(default_factory=list[Deal])
    told: list[str] = field(default_factory=list[str])
    """Ids of the trades that alerts had, of those that are kept."""
    alerts: int = 0
    trades: int = 0
    """All that it had, of which `handed_on` and `breaks` are parts."""

    def add(self, deal: Deal, window: int) -> None:
        """Keep it, and no more than the newest 100 of the last `window` ns."""
        deals = self.deals
        self.trades += 1
        if deals:
            before = deals[-1]
            self.handed_on += before.buyer == deal.seller
            self.breaks += before.seller == deal.seller or before.buyer == deal.buyer
        deals.append(deal)
        floor = deal.timestamp - window
        gone = 0
        while deals[gone].timestamp < floor:
            gone += 1
        gone = max(gone, len(deals) - _MOST_DEALS)
        if gone:
            del deals[:gone]
            kept = {deal.witness.id for deal in deals}
            self.told = [one for one in self.told if one in kept]


class Series(NamedTuple):
    """Trades of an item that fit a pattern, in the order of their times."""

    deals: list[Deal]
    back: bool
    """It went back to who had sold it, straight or by others."""
    again: int
    """Purchases or sales of one party, where there are enough."""


def repeated(deals: list[Deal], seller: str, buyer: str, minimum: int) -> Series:
    """What these two sold each other, if it went both ways, and what the buyer bought or the
    seller sold `minimum` times or more."""
    forth = [d for d in deals if d.seller == seller and d.buyer == buyer]
    back = [d for d in deals if d.seller == buyer and d.buyer == seller]
    chosen = {d.witness.id: d for d in (*forth, *back)} if back else {}
    again = 0
    for some in ([d for d in deals if d.buyer == buyer], [d for d in deals if d.seller == seller]):
        if len(some) >= minimum:
            again = max(again, len(some))
            chosen |= {d.witness.id: d for d in some}
    return Series(sorted(chosen.values(), key=_place), bool(back), again)


def circle(deals: list[Deal], most: int) -> Series:
    """The last trades if by them the item went from hand to hand, without a gap, back to who sold
    first: by three to `most` different sellers, and whatever these went on with before."""
    last = deals[-1]
    holder, names, closed = last.seller, {last.seller}, False
    chain = [last]
    for deal in reversed(deals[:-1]):
        if deal.buyer != holder:
            break
        holder = deal.seller
        if holder in names if not closed else holder not in names:
            break
        chain.append(deal)
        names.add(holder)
        closed = closed or holder == last.buyer
        if len(names) < 3 if closed else len(chain) == most:
            break
    round_ = closed and len(names) > 2
    return Series(chain[::-1] if round_ else [], round_, 0)


def _place(deal: Deal) -> tuple[int, str]:
    return (deal.timestamp, deal.witness.id)

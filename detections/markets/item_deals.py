"""Trades of a single item, such as an NFT: what is kept of them, and what in them fits. Pure."""

from bisect import bisect_right
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Witness
from normalizer.events.market import TradeBusted, TradeCorrected

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

    def corrected(self, price: float | None) -> "Deal":
        """The venue corrected it."""
        return self if price is None else replace(self, price=price)


class Item(Struct, array_like=True):
    """An instrument, as long as it may be a single item."""

    numbered: bool
    divisible: bool = False
    """It has had two trades of another quantity than 1: it is no item."""
    handed_on: int = 0
    """Trades in which the buyer of the one before sells."""
    breaks: int = 0
    deals: list[Deal] = field(default_factory=list[Deal])
    told: list[str] = field(default_factory=list[str])
    """Ids of the trades that alerts had, of those that are kept."""
    alerts: int = 0
    trades: int = 0
    """All that it had, of which `handed_on` and `breaks` are parts."""
    doubt: Deal | None = None
    """Its only trade of another quantity than 1. While it stands nothing is said of the others; but
    the venue may take it back."""

    @property
    def is_empty(self) -> bool:
        """Whether it is as if it had never been traded."""
        return not (self.trades or self.deals or self.doubt or self.divisible)

    def add(self, deal: Deal, window: int) -> None:
        """Keep it, and no more than the newest 100 of the last `window` ns."""
        deals = self.deals
        self.trades += 1
        if deals:
            self._link(deals[-1], deal)
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

    def split(self, deal: Deal) -> None:
        """A trade of another quantity than 1."""
        if self.doubt is None:
            self.doubt = deal
        else:
            self.divisible, self.doubt, self.deals, self.told = True, None, [], []

    def revise(self, event: TradeBusted | TradeCorrected, *, whole: bool) -> None:
        """The venue took a trade back or corrected it. `whole`: it is an item, whatever comes."""
        trade = event.trade_id
        price, quantity = (None, 0.0)
        if isinstance(event, TradeCorrected):
            price, quantity = event.price, event.quantity
        doubt = self.doubt
        if doubt is not None and doubt.witness.trade == trade:
            stays = quantity is None or quantity not in (0, 1)
            self.doubt = doubt.corrected(price) if stays else None
            if quantity == 1 and doubt.seller != doubt.buyer:
                self._put(doubt.corrected(price))
            return
        for place, one in enumerate(self.deals):
            if one.witness.trade != trade:
                continue
            if quantity is None or quantity == 1:
                self.deals[place] = one.corrected(price)
                return
            self._take(place)
            if quantity and not whole:
                self.split(one)
            return

    def _link(self, before: Deal, deal: Deal, count: int = 1) -> None:
        """One came right behind the other, or does no more (-1)."""
        if before.buyer == deal.seller:
            self.handed_on += count
        if before.seller == deal.seller or before.buyer == deal.buyer:
            self.breaks += count

    def _relink(self, place: int, count: int) -> None:
        """A deal stands between those around it, or does no more (-1)."""
        one = self.deals[place]
        before = self.deals[place - 1] if place else None
        behind = self.deals[place + 1] if place + 1 < len(self.deals) else None
        if before is not None:
            self._link(before, one, count)
        if behind is not None:
            self._link(one, behind, count)
        if before is not None and behind is not None:
            self._link(before, behind, -count)

    def _take(self, place: int) -> None:
        self._relink(place, -1)
        gone = self.deals.pop(place).witness.id
        self.told = [one for one in self.told if one != gone]
        self.trades -= 1

    def _put(self, deal: Deal) -> None:
        place = bisect_right(self.deals, deal.timestamp, key=_time)
        self.deals.insert(place, deal)
        self._relink(place, 1)
        self.trades += 1
        del self.deals[:-_MOST_DEALS]


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


def _time(deal: Deal) -> int:
    return deal.timestamp


def _place(deal: Deal) -> tuple[int, str]:
    return (deal.timestamp, deal.witness.id)

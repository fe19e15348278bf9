"""Cancel rates: who cancels nearly all of his large orders at once, and trades with small ones.

In *United States v. Coscia*, 866 F.3d 782 (7th Cir. 2017), the large orders were cancelled within a
fraction of a second and hardly ever filled, while a third of the small ones on the other side were:
what told him from others who cancel fast was not the rate alone but that only the large orders had
it. So here: cancelling more than nine of ten orders within five seconds is what all makers do, and
what they cancel is as large as what they let be filled. MAR Annex I A(f); section 4c(a)(5)(C) of
the Commodity Exchange Act. All of this must hold of a party, by the widest name known, in one book
and one `window` by the clock:

1. It traded with `minimum_orders_traded` orders or more. An order that rested counts with all that
   it showed, however little of it traded; one that came in, with what it took.
2. `minimum_orders` or more of its large orders that rested came to an end: of those that were
   `minimum_size_ratio` times as large as these on average, or more (sizes are counted in classes,
   four to a doubling; on average those that were cancelled must be as large).
3. More than `minimum_cancel_share` of these were cancelled within `maximum_lifetime`, with at most
   `maximum_fill_share` of each filled.

The rate and the five seconds are what surveillance commonly asks for; numbers of orders and the
ratio are choices (Coscia's large orders were some ten times the small ones). Three orders that
traded are the least that says anything: if of one large and one small order either is as likely to
be filled, three fills that are all of small ones are one in eight, and one in 64 where three are
large for each small one, as his were; of two it is one in 16. So this is about a habit, not about
one spoof. One alert per party and window: it says that `spoofing` may be looked for, order by
order, and proves little by itself.

Needs a feed that names accounts: the rate of a whole book is that of its makers.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from math import floor, log2
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import ORDERS, TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.parties import Party, buyer, seller
from normalizer.events.market import (
    MarketEvent,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    Trade,
)
from pipeline.units import DAY, MINUTE, SECOND, Duration, Ratio

#: Parties in a book that are counted at once; the idlest go first.
MOST_PARTIES = 20_000
#: Classes of sizes, above and below one.
_MOST_CLASSES = 200
#: Of a party, the newest cancellations and trades that are kept as evidence.
_MOST_EVENTS = 25

# Confidence: a base, and what size and repetition add. On simulated markets 20 of 20 alerts were
# right (84% at least), whose mean was 0.49 with a base of 0.4; a real crowd is larger.
_BASE, _SIZE, _REPEATED = 0.5, 0.3, 0.2
_FULL_SIZE = 5.0  # at five times the ratio size adds all it can

#: An event that is kept as evidence: `event.id`, its time, `event.original`, and the order's id.
Kept = tuple[str, int, str, str]


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on cancel rates sets."""

    #: The time that is counted, by the clock (UTC).
    window: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = 10 * MINUTE
    #: Large orders of a party that ended in that time, below which nothing is said.
    minimum_orders: Annotated[int, Meta(ge=2, le=100_000)] = 20
    #: Part of these that must have been cancelled,
    minimum_cancel_share: Annotated[Ratio, Meta(gt=0, lt=1)] = 0.9
    #: within this time of placing,
    maximum_lifetime: Annotated[Duration, Meta(gt=0, le=DAY)] = 5 * SECOND
    #: with so much of each filled at most.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Orders with which it traded in that time.
    minimum_orders_traded: Annotated[int, Meta(ge=1, le=100_000)] = 3
    #: How many times as large as these an order is large.
    minimum_size_ratio: Annotated[float, Meta(ge=0, le=1_000)] = 5.0


class Dealt(Struct, array_like=True, gc=False):
    """A trade of a party."""

    id: str
    """Of the event, with its time and its original."""
    timestamp: int
    original: str
    trade: str
    order: str
    """By which it traded; empty where nobody knows."""
    quantity: float
    most: float | None
    """What the order showed, if it rested."""
    counts: bool
    """It isn't the same order as that of the trade before."""
    last: bool = False
    """It took the last of an order that rested."""

    @property
    def kept(self) -> Kept:
        """As evidence."""
        return self.id, self.timestamp, self.original, self.order or self.trade

    @property
    def size(self) -> float:
        """What it adds to the size of the orders that traded."""
        if self.most is None:
            return self.quantity
        return self.most if self.counts else 0.0


class Ended(Struct, array_like=True, gc=False):
    """Orders of one class of size that came to an end."""

    orders: int = 0
    cancelled: int = 0
    """Of these, those that were cancelled fast."""
    quantity: float = 0.0
    """Of the cancelled ones."""


class Count(Struct):
    """What a party did in a book in one window."""

    window: int
    """Its number."""
    ended: dict[int, Ended] = {}
    """Its orders that rested and came to an end, by the class of their size."""
    traded: int = 0
    """Orders that traded."""
    size: float = 0.0
    """Of these."""
    last_traded: str = ""
    """The order that traded last: its trades in a row are one."""
    told: bool = False
    events: list[Kept] = []
    """The newest cancellations."""
    trades: list[Dealt] = []
    """The newest trades."""

    def end(self, size: float, *, fast: bool) -> None:
        """An order of this size came to an end; cancelled fast, or else."""
        ended, each = self.ended, _class(size)
        found = ended.get(each)
        if found is None:
            found = ended[each] = Ended()
        found.orders += 1
        if fast:
            found.cancelled += 1
            found.quantity += size

    def unfilled(self, size: float) -> None:
        """The trade that ended an order of this size was taken back."""
        found = self.ended.get(_class(size))
        if found is not None:
            found.orders -= 1
            if not found.orders:
                del self.ended[_class(size)]

    def larger(self, size: float) -> Ended:
        """Those that were as large or larger."""
        least, found = _class(size), Ended()
        for each, ended in self.ended.items():
            if each >= least:
                found.orders += ended.orders
                found.cancelled += ended.cancelled
                found.quantity += ended.quantity
        return found

    def revise(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected. Of one that isn't among the newest only the quantity
        is known."""
        trades = self.trades
        place = next((n for n, one in enumerate(trades) if one.id == was.id), None)
        if place is None:
            self.size += (0.0 if now is None else now.quantity) - was.quantity
            return
        self.traded -= sum(one.counts for one in trades)
        self.size -= float_sum(one.size for one in trades)
        gone = trades[place]
        if now is not None:
            gone.quantity = now.quantity
        else:
            if gone.last and gone.most is not None:
                self.unfilled(gone.most)
            del trades[place]
            if place < len(trades):
                before = trades[place - 1].order if place else None
                same = trades[place].order == gone.order
                trades[place].counts = (
                    (gone.counts if same else True)
                    if before is None
                    else not before or before != trades[place].order
                )
            self.last_traded = trades[-1].order if trades else ""
        self.traded += sum(one.counts for one in trades)
        self.size += float_sum(one.size for one in trades)


class State(Struct):
    """Counts by source, venue, instrument and party, the idlest first, and who was found before."""

    counts: dict[tuple[str, str, str, str], Count] = {}
    found: Occurrences = field(default_factory=Occurrences)


@correlator("cancel_rates")
class CancelRates(Correlator[State]):
    """See the module. Memory: 20,000 parties, each with 50 events as evidence."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 4
    uses_books = True
    typology = "spoofing"
    needs = (ORDERS, TRADES)
    needs_named = ORDERS
    # Placed orders are for the books, which know when it was.
    actions = frozenset({"order-placed", "order-cancelled", "order-filled", "trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """A window is counted whole; who was found before counts as well."""
        return max(self._p.window, REPETITION_WINDOW)

    def observer(
        self, record: type[MarketEvent]
    ) -> Callable[[Any], Iterable[Finding] | None] | None:
        """Nothing is done with placed orders here, and most others are cancelled or trade."""
        if record is OrderPlaced:
            return None
        if record is OrderCancelled:
            return self._cancelled
        return self._traded if record is Trade else self.observe

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is Trade:
            self._traded(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderCancelled:
            return self._cancelled(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled and (order := self.books.change.order) is not None:
            name = order.cluster or order.investor or order.account
            if name:
                self._count(event, name).end(order.most, fast=False)
        return ()

    def _count(self, event: MarketEvent, name: str) -> Count:
        counts, window = self.state.counts, event.timestamp // self._p.window
        key = (event.provider, event.venue, event.instrument, name)
        count = counts.get(key)
        if count is not None and count.window >= window:
            return count
        counts.pop(key, None)  # to be put back at the end: the first is the idlest
        if len(counts) >= MOST_PARTIES:
            drop_idlest(counts, MOST_PARTIES - 1)
        count = counts[key] = Count(window)
        return count

    def _cancelled(self, event: OrderCancelled) -> Iterable[Finding]:
        order = self.books.change.order
        name = None if order is None else order.cluster or order.investor or order.account
        if order is None or name is None:
            return ()
        p, count = self._p, self._count(event, name)
        most = order.most if order.shown else order.quantity
        fast = event.timestamp - order.placed_at <= p.maximum_lifetime and (
            order.filled <= p.maximum_fill_share * most
        )
        count.end(most, fast=fast)
        if not fast:
            return ()
        _keep(count.events, event, event.order_id)
        if count.told or not count.traded or count.traded < p.minimum_orders_traded:
            return ()
        least = p.minimum_size_ratio * count.size / count.traded
        large = count.larger(least)
        if (
            large.orders < p.minimum_orders
            or large.cancelled <= p.minimum_cancel_share * large.orders
            or large.quantity < least * large.cancelled
        ):
            return ()
        count.told = True
        return [
            self._finding(event, Party(order.account, order.investor, order.cluster), count, large)
        ]

    def _traded(self, trade: Trade) -> None:
        change, maker, taker = self.books.change, trade.maker_order_id, trade.taker_order_id
        order, quantity = change.order, trade.quantity
        bought = None if trade.side is None else taker if trade.side == "buy" else maker
        sold = None if trade.side is None else maker if trade.side == "buy" else taker
        for name, order_id in (
            (trade.buyer_cluster or trade.buyer_id or trade.buyer_account, bought),
            (trade.seller_cluster or trade.seller_id or trade.seller_account, sold),
        ):
            if not name:
                continue
            count, most, last = self._count(trade, name), None, False
            again = order_id is not None and order_id == count.last_traded
            if order is not None and order_id is not None and order_id == maker:  # it rested
                most, last = order.most, change.quantity_after <= 0
                if last:  # the feed's `order-filled` finds it gone
                    count.end(most, fast=False)
            count.trades.append(
                Dealt(
                    *(trade.id, trade.timestamp, trade.original, trade.trade_id),
                    *(order_id or "", quantity, most, not again, last),
                )
            )
            if len(count.trades) > _MOST_EVENTS:
                del count.trades[0]
            if not again:
                count.traded += 1
                count.last_traded = order_id or ""
                count.size += quantity if most is None else most
            elif most is None:
                count.size += quantity

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: what its parties traded, without it."""
        window = was.timestamp // self._p.window
        for party in (buyer(was), seller(was)):
            key = (was.provider, was.venue, was.instrument, party.key)
            count = self.state.counts.get(key) if party.known else None
            if count is not None and count.window == window:
                count.revise(was, now)
                if not (count.ended or count.trades or count.size or count.told):
                    del self.state.counts[key]

    def _finding(self, event: OrderCancelled, party: Party, count: Count, large: Ended) -> Finding:
        p = self._p
        again = times(self.state.found, party, event)
        rate = large.cancelled / large.orders
        cancelled, traded = large.quantity / large.cancelled, count.size / count.traded
        seen = {
            kept[0]: Witness(
                id=kept[0],
                timestamp=kept[1],
                original=kept[2],
                orders=(kept[3],),
                trade=trade,
                source=event.provider,
            )
            for kept, trade in (
                *((one, None) for one in count.events),
                *((one.kept, one.trade) for one in count.trades),
            )
        }
        ratio = cancelled / max(1e-12, traded)
        wanted = max(1e-12, p.minimum_size_ratio)
        more = min(1.0, (ratio / wanted - 1) / (_FULL_SIZE - 1))
        return Finding(
            entities=party.names,
            reason=(
                f"{party} cancelled {large.cancelled:,} of {large.orders:,} large orders of "
                f"{event.instrument} on {event.venue} ({percent(rate)}) within "
                f"{lapse(p.maximum_lifetime)} of placing them, of {amount(round(cancelled, 8))} on "
                f"average, while the {count.traded:,} with which it traded were of "
                f"{amount(round(traded, 8))}"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=_BASE + _SIZE * more + _REPEATED * repeated(again),
            metrics={
                "orders": float(large.orders),
                "cancelled_orders": float(large.cancelled),
                "cancel_rate": rate,
                "cancelled_size": cancelled,
                "orders_traded": float(count.traded),
                "traded_size": traded,
                "size_ratio": ratio,
                "times_in_an_hour": float(again),
            },
        )


@lru_cache(4_096)  # orders of a book are of few sizes
def _class(size: float) -> int:
    """The class of a size: four to a doubling."""
    return (
        max(-_MOST_CLASSES, min(_MOST_CLASSES, floor(4 * log2(size))))
        if size > 0
        else -_MOST_CLASSES
    )


def _keep(kept: list[Kept], event: MarketEvent, order_id: str) -> None:
    kept.append((event.id, event.timestamp, event.original, order_id))
    if len(kept) > _MOST_EVENTS:
        del kept[0]

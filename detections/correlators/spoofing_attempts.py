"""Spoofing that catches nobody: large orders that come and go, again and again, beside a small one.

Section 4c(a)(5)(C) of the Commodity Exchange Act calls "bidding or offering with the intent to
cancel the bid or offer before execution" spoofing, whether or not anything was executed; MAR Annex
I A(f) and Commission Delegated Regulation (EU) 2016/522, Annex II, section 1, speak of orders that
change what is shown and are removed before they are executed. In *United States v. Coscia*, 866
F.3d 782 (7th Cir. 2017), a small order was placed on one side and several large ones on the other;
where nobody took the small one, all of them were cancelled within a fraction of a second, and it
began anew. `spoofing` needs a trade on the other side, since one cancelled order proves nothing.
What proves something here is the pattern. All of this must hold of a party, by the widest name
known, in one book, `minimum_attempts` times or more within `window`:

1. Orders of one side, near the touch (within the best `depth_levels` levels and `depth_range` of
   the best price), each at least `minimum_order_share` of what is left there, together
   `minimum_depth_share` or more of what others show there, were cancelled within `maximum_lifetime`
   of placing each, with at most `maximum_fill_share` of each filled, and at most a quarter as much
   of the party was left there.
2. Meanwhile it showed something on the other side, or traded there, but at most a
   `minimum_multiple`-th of them: who quotes alike on both sides, as market makers do, misleads
   nobody. What it took off there, or traded, in the last second counts as shown; an order that
   rested with all that it showed.
3. Nothing came in their stead at once, as of who moves a quote: no order of a tenth of their mean
   or more. Else a sliver would hide any attempt.

A time at which it traded there while they stood counts twice: that is what it is done for (Annex
II, section 1, point 5(e): "in order to execute a trade on the other side"). So who shows one large
order for moments, and takes what he wants meanwhile, as Sarao did with orders of 188 and 289 lots
(No. 15-cv-3398), needs no small order. Four times in a minute are a choice, and so is the multiple:
Coscia's large orders were some ten times the small ones. One alert for each four times. Needs a
feed that names accounts.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse, part
from detections.books.both_sides import sides_of
from detections.books.order_book import Resting
from detections.books.shown_orders import shown_by
from detections.books.weighed_together import besides
from detections.correlators.base import ORDERS, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.parties import Party, acting, is_exempt
from detections.rounding import reaches
from normalizer.events.market import (
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderPlaced,
    Trade,
)
from pipeline.units import MILLISECOND, MINUTE, SECOND, Duration, Ratio

#: Parties of all books, the idlest go first; and of one, the newest orders whose placing is kept.
MOST_PARTIES = 20_000
_MOST_ORDERS = 64
#: So long a party that quotes on both sides is left alone.
_LEFT_ALONE = 10 * SECOND
#: Another order so soon after moves a quote.
_IN_ITS_STEAD = 100 * MILLISECOND
#: Which takes an order of this part of their mean.
_AS_LARGE = 0.1
#: What it takes off on the other side within this time, or was filled, counts as shown.
_AT_ONCE = SECOND
#: What may be left of it on the side of the orders, as a part of these.
_LEFT = 0.25

# Confidence: a base, and what size and repetition add to it.
_BASE, _SIZE, _REPEATED = 0.6, 0.2, 0.15
_FULL_SIZE = 3.0  # at three times the share that is asked for size adds all it can
_UNSURE = 0.6

#: Source, venue, instrument, and the party's widest name.
Key = tuple[str, str, str, str]


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on attempts at spoofing sets."""

    #: Times within `window`; one at which it traded on the other side counts as two.
    minimum_attempts: Annotated[int, Meta(ge=2, le=100)] = 4
    #: In which they come.
    window: Annotated[Duration, Meta(ge=SECOND, le=60 * MINUTE)] = MINUTE
    #: Each order, as a part of the depth of its side without it.
    minimum_order_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.02
    #: The orders of one time, as a part of what others show on their side.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.2
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count and an order is near the touch.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: From placing to cancelling.
    maximum_lifetime: Annotated[Duration, Meta(ge=MILLISECOND, le=10 * MINUTE)] = 2 * SECOND
    #: Part of an order that may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: The orders are at least so many times what the party shows on the other side.
    minimum_multiple: Annotated[float, Meta(ge=1, le=1_000)] = 5.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Attempt(Struct):
    """Large orders of one side, of which none was there any more when the next came."""

    buy: bool
    began: int
    """When the first of them was placed."""
    ended: int
    """When the newest was cancelled."""
    quantity: float = 0.0
    depth: float = 0.0
    """What others showed on their side."""
    beside: float = 0.0
    """What the party showed on the other side."""
    orders: int = 0
    witnesses: list[Witness] = []
    traded: bool = False
    """The party traded on the other side while it stood."""
    counted: bool = False

    @property
    def weight(self) -> int:
        """As how many it counts: it caught somebody."""
        return 2 if self.traded else 1


class Off(Struct, array_like=True, gc=False):
    """A small order that was taken off, or what traded."""

    at: int
    quantity: float


class Series(Struct):
    """What one party tried of late in one book."""

    attempts: list[Attempt] = []
    """Those that count."""
    newest: Attempt | None = None
    placed: dict[str, Witness] = {}
    """Its newest orders."""
    off: dict[bool, Off] = {}
    """Of its bids (true) and its offers, the small order that it took off last."""
    unsure: bool = False


class State(Struct):
    """Who tried, who quotes, and who was found before."""

    series: dict[Key, Series] = {}
    tried_at: int = 0
    """The newest attempt of anybody."""
    quoting: dict[Key, int] = {}
    """Until when a party is left alone, the idlest first."""
    traded: dict[tuple[Key, bool], Off] = {}
    """What each party bought last (true), and sold, the idlest first."""
    found: Occurrences = field(default_factory=Occurrences)


@correlator("spoofing_attempts")
class SpoofingAttempts(Correlator[State]):
    """See the module. Memory: 20,000 parties that tried, with some ten orders each, as many that
    quote, and the last trades of as many, on either side."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 3
    uses_books = True
    typology = "spoofing"
    needs = (ORDERS,)
    needs_named = ORDERS
    actions = frozenset({"order-placed", "order-cancelled", "trade", "feed-gap"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Of the attempts, and of who was found before."""
        return max(self._p.window, REPETITION_WINDOW)

    def observer(self, record: type[MarketEvent]) -> Callable[[Any], Iterable[Finding] | None]:
        """Most events place or cancel an order, or are trades: taken without a look at what they
        are."""
        if record is OrderPlaced:
            return self._placed
        if record is OrderCancelled:
            return self._cancelled
        return self._traded if record is Trade else self.observe

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is OrderPlaced:
            self._placed(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderCancelled:
            return self._cancelled(event)  # pyright: ignore[reportArgumentType]
        elif kind is Trade:
            self._traded(event)  # pyright: ignore[reportArgumentType]
        elif kind is FeedGap:
            for key, series in self.state.series.items():
                if key[0] == event.provider:
                    series.unsure = True
        return ()

    def _placed(self, event: OrderPlaced) -> None:
        state, now = self.state, event.timestamp
        if not state.series:
            return
        if now - state.tried_at > self._p.window:
            state.series.clear()
            return
        name = event.investor_cluster or event.investor_id or event.investor_account
        series = state.series.get(_key(event, name or acting(event).key))
        order = self.books.change.order
        if series is None or order is None:
            return
        newest = series.newest
        if (
            newest is not None
            and newest.buy is order.buy
            and newest.counted
            and now - newest.ended <= _IN_ITS_STEAD
            and reaches(order.most, _AS_LARGE * newest.quantity / newest.orders)
        ):
            series.attempts = [one for one in series.attempts if one is not newest]
            series.newest = None
        series.placed[event.order_id] = witness(event)
        if len(series.placed) > _MOST_ORDERS:
            del series.placed[next(iter(series.placed))]

    def _traded(self, trade: Trade) -> None:
        """What trades was shown as well: an order that rested with all that it showed."""
        change, traded, now = self.books.change, self.state.traded, trade.timestamp
        order = change.order
        for side in sides_of(trade, change):
            if side.key is None:
                continue
            buys, quantity = side.buys, trade.quantity
            if order is not None and order.buy is buys:
                quantity = max(order.most, change.quantity_before)
            key = (side.key, buys)
            known = traded.pop(key, None)
            if known is not None and known.at == now:
                quantity += known.quantity
            traded[key] = Off(now, quantity)
            if len(traded) > 2 * MOST_PARTIES:
                drop_idlest(traded, 2 * MOST_PARTIES)

    def _cancelled(self, event: OrderCancelled) -> Iterable[Finding]:
        p, state, change = self._p, self.state, self.books.change
        order, book = change.order, change.book
        if order is None or event.timestamp - order.placed_at > p.maximum_lifetime:
            return ()
        name = order.cluster or order.investor or order.account
        if name is None or (order.filled and order.filled > p.maximum_fill_share * order.most):
            return ()
        key = (event.provider, event.venue, event.instrument, name)
        if event.timestamp < state.quoting.get(key, 0) or (
            event.investor_labels and is_exempt(event.investor_labels, self._exempt)
        ):
            return ()
        side, limit = book.side(order.buy), order.most / p.minimum_order_share
        small = side.depth(p.depth_levels, p.depth_range, limit) > limit
        series = state.series.get(key)
        if small and series is None:  # as most are
            return ()
        if not side.is_near(order.price, p.depth_levels, p.depth_range):
            return ()
        if small:  # it goes first
            if series is not None:
                series.off[order.buy] = Off(event.timestamp, order.most)
            return ()
        party = Party(order.account, order.investor, order.cluster)
        standing, levels, width = self.books.standing(book), p.depth_levels, p.depth_range
        left = shown_by(standing, book, party, order.buy, levels, width)
        beside = shown_by(standing, book, party, not order.buy, levels, width)
        attempt = None if series is None else _going_on(series, order)
        size = order.most + (0.0 if attempt is None else attempt.quantity)
        if beside >= p.minimum_multiple * (size + left):
            if series is not None:
                series.off[order.buy] = Off(event.timestamp, order.most)
            return ()
        if not reaches(size + left, p.minimum_multiple * beside):
            state.quoting.pop(key, None)  # and back at the end: the first is the idlest
            state.quoting[key] = event.timestamp + _LEFT_ALONE
            state.series.pop(key, None)
            if len(state.quoting) > MOST_PARTIES:
                drop_idlest(state.quoting, MOST_PARTIES)
            return ()
        others = besides(left, side.depth(levels, width))
        if others <= 0.0 or not reaches(size + left, p.minimum_depth_share * others):
            return ()
        if series is None:
            series = state.series[key] = Series()
            drop_idlest(state.series, MOST_PARTIES)
        state.tried_at = event.timestamp
        if attempt is None:
            attempt = series.newest = Attempt(order.buy, order.placed_at, event.timestamp)
        self._note(event, series, attempt, order, beside, others)
        if attempt.counted or attempt.beside <= 0.0 or left > _LEFT * attempt.quantity:
            return ()
        return self._count(event, series, attempt, party)

    def _note(
        self,
        event: OrderCancelled,
        series: Series,
        attempt: Attempt,
        order: Resting,
        beside: float,
        others: float,
    ) -> None:
        """Another order of an attempt is taken off."""
        name = order.cluster or order.investor or order.account or ""
        traded = self.state.traded.get((_key(event, name), not order.buy))
        attempt.began = min(attempt.began, order.placed_at)
        for shown in (series.off.get(not order.buy), traded):
            if shown is not None and event.timestamp - shown.at <= _AT_ONCE:
                beside = max(beside, shown.quantity)
        if traded is not None and traded.at >= attempt.began:
            attempt.beside, attempt.traded = max(attempt.beside, traded.quantity), True
        attempt.ended = event.timestamp
        attempt.quantity += order.most
        attempt.depth = max(attempt.depth, others)
        attempt.beside = max(attempt.beside, beside)
        attempt.orders += 1
        placed = series.placed.pop(event.order_id, None)
        if len(attempt.witnesses) < _MOST_ORDERS:
            attempt.witnesses += [witness(event)] if placed is None else [placed, witness(event)]

    def _count(
        self, event: OrderCancelled, series: Series, attempt: Attempt, party: Party
    ) -> Iterable[Finding]:
        p = self._p
        attempt.counted = True
        since = event.timestamp - p.window
        series.attempts = [one for one in series.attempts if one.began >= since]
        series.attempts.append(attempt)
        if sum(one.weight for one in series.attempts) < p.minimum_attempts or any(
            not reaches(one.quantity, p.minimum_multiple * one.beside)
            or not reaches(one.quantity, p.minimum_depth_share * one.depth)
            for one in series.attempts
        ):
            return ()
        attempts, series.attempts = series.attempts, []
        again = times(self.state.found, party, event)
        return [self._finding(event, party, attempts, again, unsure=series.unsure)]

    def _finding(
        self,
        event: OrderCancelled,
        party: Party,
        attempts: list[Attempt],
        again: int,
        *,
        unsure: bool,
    ) -> Finding:
        p, number = self._p, len(attempts)
        quantity = float_sum(one.quantity for one in attempts) / number
        share = float_sum(one.quantity / one.depth for one in attempts) / number
        beside = max(one.beside for one in attempts)
        did = "showed or traded" if any(one.traded for one in attempts) else "showed"
        orders = sum(one.orders for one in attempts)
        longest = max(one.ended - one.began for one in attempts)
        seen = {one.id: one for attempt in attempts for one in attempt.witnesses}
        unsure = unsure or self.books.change.book.unsure or "unsure" in event.tags
        size = min(1.0, (share / p.minimum_depth_share - 1) / (_FULL_SIZE - 1))
        confidence = _BASE + _SIZE * size + _REPEATED * repeated(again)
        side = "the depth of their side"
        return Finding(
            entities=party.names,
            reason=(
                f"{party} placed and cancelled {orders:,} orders of {event.instrument} on "
                f"{event.venue} in {number:,} attempts within "
                f"{lapse(attempts[-1].ended - attempts[0].began)}, {amount(round(quantity, 8))} "
                f"each time on average ({part(share, side)}), gone within {lapse(longest)} and "
                f"all but unfilled, while it {did} {amount(beside)} at most on the other side"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=confidence * (_UNSURE if unsure else 1.0),
            metrics={
                "attempts": float(number),
                "attempts_with_trades": float(sum(one.traded for one in attempts)),
                "orders": float(orders),
                "quantity": quantity,
                "depth_share": share,
                "longest_seconds": longest / SECOND,
                "shown_on_other_side": beside,
                "times_in_an_hour": float(again),
            },
            tags=("unsure",) if unsure else (),
        )


def _going_on(series: Series, order: Resting) -> Attempt | None:
    """The attempt that an order belongs to: it was there before the newest of it went."""
    newest = series.newest
    if newest is None or newest.buy is not order.buy or order.placed_at > newest.ended:
        return None
    return newest


def _key(event: MarketEvent, name: str) -> Key:
    return event.provider, event.venue, event.instrument, name

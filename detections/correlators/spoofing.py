"""Spoofing: a large order meant to be cancelled, while its owner trades on the other side.

MAR Annex I A(f) (orders that are removed before they are executed) and Commission Delegated
Regulation (EU) 2016/522, Annex II, section 1, point 5(e); FINRA Rules 2020 and 5210; section
4c(a)(5)(C) of the Commodity Exchange Act: "bidding or offering with the intent to cancel the bid or
offer before execution". What makes a case is told alike by Trillium's five conditions (the touch
before; a visible order that improves it, or adds much at it; an order on the other side; that one
is filled; the first is cancelled, at once after that or just before), by *United States v. Coscia*,
866 F.3d 782 (7th Cir. 2017) (small orders on one side, and at the same time large ones on the other
that were cancelled in a fraction of a second, whether or not the small one was filled), and by
*CFTC v. Sarao*, No. 15-cv-3398 (N.D. Ill. 2015) (very large orders that rested for minutes, were
moved again and again to keep away from the touch, and went once the other side had traded). All of
this must hold:

1. The order, together with what its party has there besides, is at least `minimum_depth_share` of
   what others showed on its side when it was placed: within the best `depth_levels` levels and
   within `depth_range` of the best price. It stands within the same bounds. An empty side has no
   depth to deceive with, so a first order there is never a candidate; nor is one that is less than
   a fiftieth of its side.
2. It is cancelled with at most `maximum_fill_share` of it filled, and
   (a) within `maximum_lifetime`; or
   (b) within `slow_lifetime`, if the other side traded in the last `slow_reaction` before that, and
   the order is at least `slow_depth_share` of the depth and `slow_execution_multiple` times what is
   shown on the other side. So a lifetime alone acquits nobody. But one that rested for minutes, was
   left where it was and went once is a change of mind: one that wasn't moved is told when it is the
   party's `minimum_times_slow`-th large order within an hour of which all of this holds.
3. Between placing it and `execution_window` after its end, the same account, investor or cluster
   trades on the other side. What its orders show there is at most a
   `minimum_execution_multiple`-th of the order's quantity, whether they traded or only rest within
   the same bounds: who quotes alike on both sides, as market makers do, gives no false impression.
   What it traded there is at least twice what it traded on the order's own side meanwhile: who was
   hit, and gets rid of what he had to take, does as makers do. Once the order is off, only orders
   that rested count; who then takes is another pattern (see `flipping` and `vacuuming`).
4. Large orders that its owner took off in this book met its trades on the other side so often, or
   went so soon after these, that chance alone would do it less often with a probability of
   `minimum_significance` (:mod:`detections.books.coincidence`). Cancelling fast is what market
   makers do all day, and now and then they are filled on the other side meanwhile. Nor is anybody
   meant who mostly has another large order there at once, half as large at least: the impression
   stays.

The shares of depth are the seed's (10%) and Sarao's (more than 20% of the visible sell side); two
seconds and the multiples are choices: Coscia's orders were some ten times as large as the ones that
were meant. Confidence grows with size, speed, and repetition within an hour.

Amending is placing and cancelling in one: an order that is enlarged, or moved, to be large near the
touch counts as placed then, and one that is cut to next to nothing, or moved away, as cancelled.

One alert per order. A book over which something was missed marks its alerts `unsure`. Without
accounts nothing can be concluded here; `inferred_spoofing` and `inferred_layering` say what can.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, step, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, times
from detections.alerting.spoofing_alert import Judged, spoofing_finding
from detections.alerting.wording import amount
from detections.books.both_sides import TradeSide, sides_of
from detections.books.coincidence import Crowd, Habits
from detections.books.order_book import MOST_BOOKS, SMALL, Resting
from detections.books.order_books import BookChange
from detections.books.order_weight import passes_small
from detections.books.party_habits import crowd_of, habits_of
from detections.books.shown_orders import shown_by
from detections.books.spoofing_candidate import Candidate, Watch, dealing, filled_quantity
from detections.books.weighed_together import weigh_together
from detections.correlators.base import ORDERS, TRADES, Correlator, correlator
from detections.engine.feed_gaps import is_of
from detections.idlest import Room, latest
from detections.money import too_little
from detections.parties import Party, acting, is_exempt
from detections.rounding import reaches
from normalizer.events.market import (
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderRemoved,
    Trade,
)
from pipeline.units import MILLISECOND, MINUTE, SECOND, Duration, Ratio

#: Orders per book that are watched at once; the oldest go first.
MOST_CANDIDATES = 256
#: Of all books together.
MOST_CANDIDATES_IN_ALL = 100_000
#: What was traded on the order's own side may be so large a part of what was on the other.
_OFFLOADED = 0.5


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a spoofing rule sets."""

    #: The order, as a part of the depth of its side before it.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.1
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count and an order is near the touch.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: From placing to cancelling.
    maximum_lifetime: Annotated[Duration, Meta(ge=MILLISECOND, le=10 * MINUTE)] = 2 * SECOND
    #: So long an order may rest if what follows holds; a time that is no longer than
    #: `maximum_lifetime` turns this off.
    slow_lifetime: Annotated[Duration, Meta(ge=0, le=60 * MINUTE)] = 10 * MINUTE
    #: It is cancelled within this time of an execution on the other side,
    slow_reaction: Annotated[Duration, Meta(ge=0, le=10 * MINUTE)] = 5 * SECOND
    #: is so large a part of the depth of its side,
    slow_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.2
    #: and so many times what its party shows on the other side.
    slow_execution_multiple: Annotated[float, Meta(ge=0, le=1_000)] = 4.0
    #: Of one that rested so long and wasn't moved: the so-manieth within an hour is told.
    minimum_times_slow: Annotated[int, Meta(ge=1, le=5)] = 2
    #: Part of the order that may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Whether an execution on the other side is needed.
    require_execution: bool = True
    #: After the order's end, how long an execution on the other side still counts.
    execution_window: Annotated[Duration, Meta(ge=0, le=10 * MINUTE)] = SECOND
    #: The order is at least this many times what its party shows on the other side.
    minimum_execution_multiple: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: The probability with which chance would have it happen less often; 0 turns this off.
    minimum_significance: Annotated[float, Meta(ge=0, lt=1)] = 0.99
    #: Value of the order (price times quantity) below which it is not looked at,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """Large orders, what their owners usually do, and who was found before."""

    watches: dict[tuple[str, str, str], Watch] = {}
    """By book, the one without a large order for longest first."""
    habits: dict[tuple[str, str, str], Habits] = {}
    """By venue, instrument and party."""
    crowds: dict[tuple[str, str], Crowd] = {}
    """By venue and instrument."""
    found: Occurrences = field(default_factory=Occurrences)
    room: Room = field(default_factory=Room)
    """For the orders that are watched."""


@correlator("spoofing")
class Spoofing(Correlator[State]):
    """See the module. Memory: at most 256 watched orders of a book that rest, as many that ended,
    and 100,000 in all; and what 100,000 parties do."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 6
    uses_trades = True
    uses_books = True
    typology = "spoofing"
    needs = (ORDERS, TRADES)
    needs_named = ORDERS
    actions = frozenset(
        {
            *("order-placed", "order-changed", "order-cancelled", "order-filled", "order-removed"),
            *("trade", "book-snapshot", "feed-gap"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        self._longest = max(parameters.maximum_lifetime, parameters.slow_lifetime)

    @property
    def horizon(self) -> int:
        """Of the orders, of what their owners usually do, and of who was found before."""
        return REPETITION_WINDOW

    def passes_small(self, record: type[MarketEvent]) -> bool:
        """Only large orders are watched."""
        p = self._p
        return passes_small(record, p.depth_levels, p.depth_range, p.minimum_depth_share)

    def observer(self, record: type[MarketEvent]) -> Callable[[Any], Iterable[Finding] | None]:
        """Most events place an order, or are trades: taken without a look at what they are."""
        if record is OrderPlaced:
            return self._placed
        return self._traded if record is Trade else self.observe

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is OrderPlaced:
            self._placed(event)  # pyright: ignore[reportArgumentType]
            return ()
        if kind is OrderChanged:
            return self._changed(event)  # pyright: ignore[reportArgumentType]
        if kind is FeedGap:
            self._missed(event)  # pyright: ignore[reportArgumentType]
            return ()
        if kind is Trade:
            return self._traded(event)  # pyright: ignore[reportArgumentType]
        watch = self.state.watches.get((event.provider, event.venue, event.instrument))
        if watch is None:
            return ()
        if kind is OrderCancelled or kind is OrderRemoved:
            return self._cancelled(event, watch)  # pyright: ignore[reportArgumentType]
        if kind is OrderFilled:
            watch.drop(event.order_id)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
        return ()

    # -- large orders ------------------------------------------------------------------------------

    def _placed(self, order: OrderPlaced) -> None:
        if not (order.investor_account or order.investor_id or order.investor_cluster):
            return
        p, party = self._p, acting(order)
        depth, _ = weigh_together(
            self.books, party, p.depth_levels, p.depth_range, p.minimum_depth_share
        )
        if depth:
            self._watch(order, self.books.change, depth, party)

    def _watch(
        self,
        event: OrderPlaced | OrderChanged,
        change: BookChange,
        depth: float,
        party: Party,
    ) -> None:
        """Look at what becomes of an order that is large from now on."""
        order = change.order
        assert order is not None
        placed, began = order.placed, "placed"
        if placed is None or event.__class__ is not OrderPlaced:
            placed, began = step(event), "amended an order into"
        value, least = order.quantity * order.price, self._p.minimum_notional
        if too_little(value, least, event.currency) or is_exempt(
            event.investor_labels, self._exempt
        ):
            return
        key = change.book.key
        watch = latest(self.state.watches, key, MOST_BOOKS, Watch)
        self._forget(watch, event.timestamp)
        if self.state.room.take(MOST_CANDIDATES_IN_ALL):
            self._make_room(event.timestamp)
        self._habits(event, party.key).of(order.buy).note_placed(event.timestamp)
        watch.add(
            Candidate(
                event.order_id,
                order.buy,
                party,
                order.price,
                order.quantity,
                depth,
                placed,
                change.book.unsure or "unsure" in event.tags,
                began,
            ),
            MOST_CANDIDATES,
        )

    def _missed(self, gap: FeedGap) -> None:
        """What was missed may have been a fill of any order that is watched now."""
        for market, watch in self.state.watches.items():
            if is_of(gap, market):
                for candidate in (*watch.live.values(), *watch.ended.values()):
                    candidate.unsure = True

    def _make_room(self, now: int) -> None:
        """There may be too many in all: let go of what is over, then of the oldest."""
        watches = self.state.watches.values()
        for watch in watches:
            self._forget(watch, now)
        known = (
            (one.placed.timestamp, 1, (watch, one.order_id))
            for watch in watches
            for some in (watch.live, watch.ended)
            for one in some.values()
        )
        self.state.room.make(MOST_CANDIDATES_IN_ALL, known, lambda one: one[0].drop(one[1]))

    def _forget(self, watch: Watch, now: int) -> None:
        watch.forget(now, self._longest, self._p.execution_window)

    def _changed(self, event: OrderChanged) -> Iterable[Finding]:
        change = self.books.change
        order, left = change.order, change.quantity_after
        if order is None:
            return ()
        watch = self.state.watches.get(change.book.key)
        candidate = None if watch is None else watch.live.get(event.order_id)
        if watch is None or candidate is None:
            if left > change.quantity_before or order.price != change.price_before:
                self._enlarged(event, change, order)
            return ()
        if left > candidate.quantity:
            candidate.quantity, candidate.reduced = left, 0.0
        else:
            candidate.reduced = max(candidate.reduced, candidate.quantity - left)
        p, price = self._p, order.price
        if left <= p.maximum_fill_share * candidate.quantity:
            return self._ended(event, watch, candidate, f"cut it to {amount(left)}", order)
        if price != candidate.price:
            side = change.book.side(order.buy)
            if not side.is_near(price, p.depth_levels, p.depth_range):
                return self._ended(event, watch, candidate, f"moved it to {amount(price)}", order)
            candidate.move(price, event)
        return ()

    def _enlarged(self, event: OrderChanged, change: BookChange, order: Resting) -> None:
        """An order is larger, or elsewhere, than before: as if it had been placed now."""
        p, party = self._p, acting(event)
        if not party.known:
            party = Party(order.account, order.investor, order.cluster)
        if not party.known:
            return
        depth, own = weigh_together(
            self.books, party, p.depth_levels, p.depth_range, p.minimum_depth_share
        )
        if not depth:
            return
        side, before = change.book.bids if order.buy else change.book.asks, change.quantity_before
        if (
            side.is_near(change.price_before, p.depth_levels, p.depth_range)
            and reaches(before, SMALL * depth)
            and reaches(own + before, p.minimum_depth_share * depth)
        ):
            return  # it was as large before
        self._watch(event, change, depth, party)

    def _cancelled(self, event: OrderCancelled | OrderRemoved, watch: Watch) -> Iterable[Finding]:
        candidate = watch.live.get(event.order_id)
        if candidate is None:
            return ()
        change = self.books.change
        candidate.inferred = isinstance(event, OrderRemoved)
        if change.inferred:
            candidate.filled = max(candidate.filled, change.traded)
        did = "took it off the book" if candidate.inferred else "cancelled it"
        return self._ended(event, watch, candidate, did, change.order)

    def _ended(
        self,
        event: OrderCancelled | OrderRemoved | OrderChanged,
        watch: Watch,
        candidate: Candidate,
        ending: str,
        order: Resting | None,
    ) -> Iterable[Finding]:
        """The order no longer makes an impression."""
        p, now = self._p, event.timestamp
        filled = filled_quantity(candidate, event, order)
        lifetime = now - candidate.placed.timestamp
        if lifetime > self._longest or filled > p.maximum_fill_share * candidate.quantity:
            watch.drop(candidate.order_id)
            return ()
        candidate.filled = filled
        candidate.ended = witness(event)
        candidate.ending = ending
        candidate.unsure = candidate.unsure or "unsure" in event.tags
        habit = self._habits(event, candidate.party.key).of(candidate.buy)
        slow = lifetime > p.maximum_lifetime
        habit.note_pulled(
            now, (p.slow_reaction if slow else lifetime) + p.execution_window, lifetime
        )
        if watch.replaces(candidate, now, lifetime):
            habit.note_replaced(now)
            watch.drop(candidate.order_id)
            return ()
        if not p.require_execution or (
            candidate.executions and (not slow or now - candidate.executed_at <= p.slow_reaction)
        ):
            watch.drop(candidate.order_id)
            return self._conclude(candidate, event)
        self._forget(watch, now)
        watch.end(candidate, MOST_CANDIDATES)
        return ()

    # -- trades on the other side ------------------------------------------------------------------

    def _traded(self, trade: Trade) -> Iterable[Finding]:
        change, state, now = self.books.change, self.state, trade.timestamp
        crowd = crowd_of(state.crowds, trade)
        known: list[tuple[TradeSide, int]] = []
        for side in sides_of(trade, change):
            if side.key is not None:
                both = habits_of(state.habits, state.crowds, trade, side.name)
                gap = (both.offers if side.buys else both.bids).note_trade(now)
                crowd.trades += gap > SECOND
                known.append((side, gap))
        watch = state.watches.get(change.book.key)
        if watch is None or not watch.names:
            return ()
        if now > watch.forget_after:  # else there is nothing to call it for
            self._forget(watch, now)
        findings: list[Finding] = []
        for side, gap in known:
            mine = watch.of(side.party)
            if not mine:
                continue
            deal = dealing(trade, change, side.party, gap, bought=side.buys)
            for candidate in mine:
                if candidate.completed_by(deal):
                    watch.drop(candidate.order_id)
                    findings.extend(self._conclude(candidate, trade))
        return findings

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it is no execution on the other side, or another."""
        watch = self.state.watches.get((was.provider, was.venue, was.instrument))
        if watch is not None:
            for candidate in (*watch.live.values(), *watch.ended.values()):
                candidate.revise(was, now)

    def _habits(self, event: MarketEvent, name: str) -> Habits:
        return habits_of(self.state.habits, self.state.crowds, event, name)

    # -- judging -----------------------------------------------------------------------------------

    def _conclude(self, candidate: Candidate, event: MarketEvent) -> Iterable[Finding]:
        p, ended = self._p, candidate.ended
        assert ended is not None
        lifetime = ended.timestamp - candidate.placed.timestamp
        share = candidate.quantity / candidate.depth
        multiple, chance = p.minimum_execution_multiple, 1.0
        if candidate.executions:
            both = self._habits(event, candidate.party.key)
            habit = both.of(candidate.buy)
            reaction = ended.timestamp - candidate.executed_at
            habit.note_met(ended.timestamp, reaction if reaction >= 0 else None)
            every = crowd_of(self.state.crowds, event).every(event.timestamp)
            chance = both.chance(candidate.buy, event.timestamp, candidate.gaps, every)
            if (
                1.0 - chance < p.minimum_significance
                or habit.quotes
                or candidate.same_side > _OFFLOADED * candidate.executed
            ):
                return ()
        if lifetime > p.maximum_lifetime:
            multiple = max(multiple, p.slow_execution_multiple)
            if not reaches(share, p.slow_depth_share):
                return ()
        book = self.books.change.book
        against = candidate.shown + shown_by(
            self.books.standing(book),
            book,
            candidate.party,
            not candidate.buy,
            p.depth_levels,
            p.depth_range,
            candidate.counter_orders,
        )
        if candidate.quantity < against * multiple:
            return ()
        if candidate.executions:
            habit = self._habits(event, candidate.party.key).of(candidate.buy)
            habit.set_aside(candidate.gaps)
        again = times(self.state.found, candidate.party, event)
        if lifetime > p.maximum_lifetime and not candidate.moves and again < p.minimum_times_slow:
            return ()
        judged = Judged(candidate, lifetime, share, against, chance, again)
        return [spoofing_finding(judged, event, p.minimum_depth_share, p.maximum_lifetime)]

"""Layering where a feed names no accounts: sets of orders that go at once, and trades with them.

What a public feed can tell of layers (for the law see `layering`) is that several orders of one
side, all of a size, come within seconds and vanish in one moment, unfilled, with nothing in their
stead and nothing of the other side; and that somebody was drawn in just before, or run over right
after. The cases describe just that: three large orders a few milliseconds apart, gone once the
small one opposite was filled (United States v. Coscia, 866 F.3d 782); orders cancelled and flipped
against within 5 ms (CFTC v. Oystacher, 15-cv-9196); a side filled and emptied. It is a lead, and
its alerts are marked `inferred` and `anonymous`: that the orders are one party's is inferred from
their time and size, and who gained by the trades nobody can say. All of this must hold:

1. `minimum_orders` orders without an account or more (or levels of a feed without orders, by what
   came to them), each with `minimum_order_share` of the depth of its side without it or more, come
   within `placement_window` on one side, within the best `depth_levels` levels and `depth_range` of
   the best price. The smallest differs by `quantity_tolerance` from the largest at most.
2. All go within `pull_window`, and within `maximum_lifetime` of their coming, with at most
   `maximum_fill_share` of them traded together: the nearest may be hit before it is gone. One of
   which more than half was traded is none of them. On a feed by level, what went is inferred from
   the level's quantity and the trades at its price (:mod:`detections.books.level_changes`).
3. They are `minimum_depth_share` or more of all that stood on their side with them. The law speaks
   of "multiple or large orders" (Regulation 2016/522, Annex II, 1.5(e)), so where all are of one
   quantity, to a hundredth, which chance seldom makes, `minimum_equal_share` is enough.
4. Within 250 ms less than `maximum_replaced` of that comes in their stead, and less than
   `maximum_opposite` of it goes on the other side in the same moment. Makers move their quotes, and
   take both sides off.
5. With `needs_trade`: after all of them had come, and at most `reaction_window` before they began
   to go, somebody came in the way that they lead: bought, where these were bids. Or somebody came
   in the other way within `after_window` after they went.
6. This happens `minimum_times` or more within `window`, on either side.
7. Sets meet such trades so often that chance alone, as often as there are trades, would do it less
   often with a probability of `minimum_significance` (:mod:`detections.books.met_by_chance`).

Without `needs_trade` the last two say only that large sets come and vanish, which is no more than
its name; such a rule should ask for a short life. What was told is told again with as many more;
and what is left then once the series is over, that is when for a minute, and twice its longest
pause, or `window`, nothing more came.
Who spoofs with one order, or pulls one by one, isn't seen here.

Calibrated by: a fifth of its side (CFTC v. Sarao, 15-cv-3398: more than a fifth of all that was
offered). Our choice: the other numbers. `minimum_equal_share` is above what was seen once in two
minutes of ten real books: three offers, an eighth of their side, that went unfilled after 0.3 s.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, lapse, percent
from detections.books.following_sets import Scope, Time, miss, untold, watch
from detections.books.met_by_chance import MetByChance
from detections.books.pulled_sets import Criteria, PulledSet, ShownSets
from detections.correlators.base import LEVELS, ORDERS, Correlator, correlator
from detections.rounding import reaches
from normalizer.events.market import FeedGap, MarketEvent, Trade
from pipeline.units import HOUR, MILLISECOND, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data: a base, and what trades that go with the sets
# and more repetition add to it.
_BASE, _MET, _REPEATED = 0.25, 0.15, 0.15
#: So many times what is needed are as sure as it gets.
_FULL = 3.0
#: A series isn't over before so long nothing more came, nor within twice its longest pause.
_PAUSE = MINUTE
#: Sets of a book that are remembered.
_MOST_TIMES = 64


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on inferred layering sets."""

    #: Orders (or levels) that are a set.
    minimum_orders: Annotated[int, Meta(ge=2, le=32)] = 3
    #: Each, as a part of the depth of its side without it.
    minimum_order_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.03
    #: All of them, as a part of all that stood on their side.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.2
    #: The same, where all are of one quantity.
    minimum_equal_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.15
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: They come within this time,
    placement_window: Annotated[Duration, Meta(gt=0, le=MINUTE)] = 5 * SECOND
    #: go within this one,
    pull_window: Annotated[Duration, Meta(gt=0, le=SECOND)] = 50 * MILLISECOND
    #: and none is there for longer than this.
    maximum_lifetime: Annotated[Duration, Meta(ge=MILLISECOND, le=10 * MINUTE)] = 30 * SECOND
    #: By how much the smallest differs from the largest, as a part of that.
    quantity_tolerance: Annotated[Ratio, Meta(ge=0, lt=1)] = 0.3
    #: Part of all of them that may go by trades.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: What comes in their stead, as a part of them, is less than this.
    maximum_replaced: Annotated[Ratio, Meta(gt=0, le=10)] = 0.5
    #: What goes on the other side with them, as a part of them, is less than this.
    maximum_opposite: Annotated[Ratio, Meta(gt=0, le=10)] = 0.5
    #: Whether trades must go with them.
    needs_trade: bool = True
    #: So long before they go somebody may be drawn in, at most.
    reaction_window: Annotated[Duration, Meta(ge=0, le=MINUTE)] = 500 * MILLISECOND
    #: So long after they went somebody may be run over, at most.
    after_window: Annotated[Duration, Meta(ge=0, le=200 * MILLISECOND)] = 50 * MILLISECOND
    #: How often it happens,
    minimum_times: Annotated[int, Meta(ge=1, le=64)] = 2
    #: within this time.
    window: Annotated[Duration, Meta(gt=0, le=24 * HOUR)] = 10 * MINUTE
    #: The probability with which chance would have sets meet trades less often; 0 turns this off.
    minimum_significance: Annotated[float, Meta(ge=0, lt=1)] = 0.99


class Watched(Struct):
    """What is known of one book."""

    usual: MetByChance
    shown: ShownSets
    times: list[Time] = []
    due: int = 0
    """When to tell what was not told yet of a series that was; 0: nothing is."""


class State(Struct):
    """What is known, by book."""

    books: dict[tuple[str, str, str], Watched] = {}


@correlator("inferred_layering")
class InferredLayering(Correlator[State]):
    """See the module. Memory: per book 256 large orders or levels on each side, 64 that went, and
    64 sets."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 2
    uses_books = True
    of_unnamed = True
    highest_level = "medium"
    typology = "layering"
    needs = (ORDERS | LEVELS,)
    actions = frozenset(
        {"order-placed", "order-cancelled", "order-removed", "trade", "book-update", "feed-gap"}
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        p = self._p = parameters
        criteria = self._criteria = Criteria(
            orders=p.minimum_orders,
            placement_window=p.placement_window,
            pull_window=p.pull_window,
            maximum_lifetime=p.maximum_lifetime,
            maximum_fill_share=p.maximum_fill_share,
            quantity_tolerance=p.quantity_tolerance,
            reaction_window=p.reaction_window,
            after_window=p.after_window,
        )
        self._scope = Scope(
            criteria=criteria,
            minimum_order_share=p.minimum_order_share,
            depth_levels=p.depth_levels,
            depth_range=p.depth_range,
        )

    @property
    def horizon(self) -> int:
        """So far back a set counts, with the orders of the first."""
        return self._p.window + self._p.maximum_lifetime

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        books, kind = self.state.books, event.__class__
        if kind is FeedGap:
            miss(books, event)  # pyright: ignore[reportArgumentType]
            return ()
        known = books.get((event.provider, event.venue, event.instrument))
        found: Sequence[Finding] = ()
        if known is not None:
            if event.timestamp > known.shown.settles_after:
                found = self._settle(event, known)
            if known.due and event.timestamp >= known.due:
                known.due = 0
                rest = [one.pulled for one in known.times if not one.told]
                found = (*found, *self._tell(event, known, rest))
        watch(books, known, event, self.books.change, self._scope, _begin)
        if known is not None and kind is Trade and known.shown.trades:
            newest = known.shown.trades[-1]
            if newest.seen.id == event.id:
                known.usual.note_trade(newest.buys, newest.gap, self._criteria)
        return found

    # -- judging -----------------------------------------------------------------------------------

    def _settle(self, event: MarketEvent, watched: Watched) -> Sequence[Finding]:
        """Judge the sets of which it is known that nothing came in their stead."""
        p = self._p
        findings: list[Finding] = []
        for pulled in watched.shown.settle(event.timestamp, self._criteria):
            share = p.minimum_equal_share if pulled.of_one_quantity else p.minimum_depth_share
            if (
                not reaches(pulled.depth_share, share)
                or pulled.replaced >= p.maximum_replaced
                or pulled.opposite >= p.maximum_opposite
            ):
                continue
            met = bool(pulled.lured or pulled.hit)
            watched.usual.note_set(event.timestamp, met=met)
            if met or not p.needs_trade:
                findings += self._judge(event, watched, pulled)
        return findings

    def _judge(self, event: MarketEvent, watched: Watched, pulled: PulledSet) -> Sequence[Finding]:
        p, times = self._p, watched.times
        since = pulled.ended - p.window
        times[:] = [one for one in times if one.pulled.begun >= since][1 - _MOST_TIMES :]
        times.append(Time(pulled))
        new = untold(times, p.minimum_times)
        watched.due = 0 if new else self._due(times)
        return self._tell(event, watched, new) if new else ()

    def _due(self, times: Sequence[Time]) -> int:
        """When what was not told yet is the rest of a series that was; 0: of none."""
        if not any(one.told for one in times):
            return 0
        ends = [one.pulled.ended for one in times]
        longest = max(later - earlier for earlier, later in pairwise(ends))
        return ends[-1] + min(self._p.window, max(_PAUSE, 2 * longest))

    def _tell(
        self, event: MarketEvent, watched: Watched, new: Sequence[PulledSet]
    ) -> Sequence[Finding]:
        p, times = self._p, watched.times
        judged = [trade for one in times for trade in (*one.pulled.lured, *one.pulled.hit)]
        chance = watched.usual.chance(event.timestamp, judged, self._criteria)
        if 1.0 - chance < p.minimum_significance:
            return ()
        for one in times:
            one.told = True
        return [self._finding(event, new, [one.pulled for one in times], chance)]

    def _finding(
        self,
        event: MarketEvent,
        new: Sequence[PulledSet],
        times: Sequence[PulledSet],
        chance: float,
    ) -> Finding:
        p, last = self._p, times[-1]
        seen = {one.id: one for pulled in new for one in pulled.witnesses}
        met = sum(bool(one.lured or one.hit) for one in times)
        more = min(1.0, (len(times) - p.minimum_times) / (_FULL * p.minimum_times))
        span = last.ended - times[0].begun
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=_sentence(event, last, len(times), span, met),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=_BASE + _MET * met / len(times) + _REPEATED * more,
            metrics={
                "times": float(len(times)),
                "met": float(met),
                "orders": float(len(last.orders)),
                "levels": float(last.prices),
                "layered_quantity": last.quantity,
                "depth_share": last.depth_share,
                "lifetime_seconds": (last.ended - last.begun) / SECOND,
                "span_seconds": span / SECOND,
                "chance": chance,
            },
            tags=("inferred", "anonymous"),
        )


def _begin(time: int) -> Watched:
    """Of a book to which something large comes for the first time."""
    return Watched(MetByChance(time), ShownSets())


def _sentence(event: MarketEvent, last: PulledSet, times: int, span: int, met: int) -> str:
    """What happened, with its numbers."""
    orders = "bids" if last.buy else "offers"
    prices = sorted({one.price for one in last.orders})
    lives = max(one.went_at - one.came.timestamp for one in last.orders)
    gone = last.ended - min(one.went_at for one in last.orders)
    at = "at one price" if len(prices) == 1 else f"from {amount(prices[0])} to {amount(prices[-1])}"
    often = f"{times} times within {lapse(span)} " if times > 1 else ""
    drawn, over = ("bought", "sold") if last.buy else ("sold", "bought")
    what: list[str] = []
    if last.lured:
        what.append(f"others {drawn} just before")
    if last.hit:
        what.append(f"somebody {over} right after")
    at_once = f", within {lapse(gone)}" if gone else ""
    how = f"; {' and '.join(what)}" if what else ""
    return (
        f"{often}orders of one side of {event.venue} came together and went unfilled at once, with "
        f"nothing in their stead, {met} of these with trades; last {len(last.orders)} {orders} of "
        f"{amount(last.quantity)} {event.instrument} {at}, {percent(last.depth_share)} of their "
        f"side, after {lapse(lives)}{at_once}{how} (the feed names no accounts)"
    )

"""Dynamic layering where a feed names no accounts: the same set of orders moved again and again.

The CFTC's case against Sarao (15-cv-3398) describes five orders of one size, a level apart, that a
programme moved with the market so that they stayed some levels away from the touch, more than
19,000 times in two hours, and that nearly never traded. On a public feed that is a set of orders of
like quantities of one side that goes and comes again in one moment, elsewhere, again and again. It
is a lead, and its alerts are marked `inferred` and `anonymous`: that the orders are one party's is
inferred from their time and size, and whether he traded against the impression nobody can say. For
the law see `layering`. All of this must hold:

1. Orders without an account (or levels of a feed without orders, by what came to them) are a set as
   in `inferred_layering`, 1 to 3: by default five that come together, differ by a twentieth, and
   are all but unfilled when they go at once.
2. Within 250 ms as many orders of like quantities come on the same side: the set was moved.
3. Less than `maximum_opposite` of it goes on the other side in the same moment: who quotes moves
   both sides.
4. None of the set stood at the touch when it went: whoever wants to trade is there now and then.
5. This happens `minimum_moves` within `window` on one side, with quantities together that differ by
   `quantity_tolerance` at most. It is told again when it has happened twice as often.

A programme that keeps a ladder on one side because it wants to buy cheaply does the same but for 4;
so does a maker who quotes one side only. The numbers are our choice. Sarao's orders were a fifth of
their side; less is asked for, since that so many of one quantity move together says more of whose
they are than their size does.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, lapse, percent
from detections.books.following_sets import Scope, Time, miss, untold, watch
from detections.books.pulled_sets import Criteria, PulledSet, ShownSets
from detections.correlators.base import LEVELS, ORDERS, Correlator, correlator
from detections.rounding import reaches
from normalizer.events.market import FeedGap, MarketEvent
from pipeline.units import HOUR, MILLISECOND, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data, and what more moves add to it.
_BASE, _REPEATED = 0.3, 0.2
#: So many times what is needed are as sure as it gets.
_FULL = 3.0
#: Moves of a book that are remembered.
_MOST_MOVES = 64


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on moved layers sets."""

    #: Orders (or levels) that are a set.
    minimum_orders: Annotated[int, Meta(ge=2, le=32)] = 4
    #: Each, as a part of the depth of its side without it.
    minimum_order_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.03
    #: All of them, as a part of all that stood on their side.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.15
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 20
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: They come within this time,
    placement_window: Annotated[Duration, Meta(gt=0, le=MINUTE)] = 100 * MILLISECOND
    #: go within this one,
    pull_window: Annotated[Duration, Meta(gt=0, le=SECOND)] = 50 * MILLISECOND
    #: and none is there for longer than this.
    maximum_lifetime: Annotated[Duration, Meta(ge=MILLISECOND, le=10 * MINUTE)] = MINUTE
    #: By how much quantities differ, as a part of the larger.
    quantity_tolerance: Annotated[Ratio, Meta(ge=0, lt=1)] = 0.05
    #: Part of all of them that may go by trades.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: What goes on the other side with them, as a part of them, is less than this.
    maximum_opposite: Annotated[Ratio, Meta(gt=0, le=10)] = 0.5
    #: How often it is moved,
    minimum_moves: Annotated[int, Meta(ge=1, le=64)] = 5
    #: within this time.
    window: Annotated[Duration, Meta(gt=0, le=24 * HOUR)] = 5 * MINUTE


class Watched(Struct):
    """What is known of one book."""

    shown: ShownSets
    moves: list[Time] = []
    """Sets that went, and came elsewhere."""


class State(Struct):
    """What is known, by book."""

    books: dict[tuple[str, str, str], Watched] = {}


@correlator("moved_layers")
class MovedLayers(Correlator[State]):
    """See the module. Memory: per book 256 large orders or levels on each side, 64 that went, and
    64 moves."""

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
        self._scope = Scope(
            criteria=Criteria(
                orders=p.minimum_orders,
                placement_window=p.placement_window,
                pull_window=p.pull_window,
                maximum_lifetime=p.maximum_lifetime,
                maximum_fill_share=p.maximum_fill_share,
                quantity_tolerance=p.quantity_tolerance,
                reaction_window=0,
                after_window=0,
            ),
            minimum_order_share=p.minimum_order_share,
            depth_levels=p.depth_levels,
            depth_range=p.depth_range,
        )

    @property
    def horizon(self) -> int:
        """So far back a move counts, with the orders of the first."""
        return self._p.window + self._p.maximum_lifetime

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        books = self.state.books
        if event.__class__ is FeedGap:
            miss(books, event)  # pyright: ignore[reportArgumentType]
            return ()
        known = books.get((event.provider, event.venue, event.instrument))
        found: Sequence[Finding] = ()
        if known is not None and event.timestamp > known.shown.settles_after:
            found = self._settle(event, known)
        watch(books, known, event, self.books.change, self._scope, _begin)
        return found

    def _settle(self, event: MarketEvent, watched: Watched) -> Sequence[Finding]:
        """Judge the sets of which it is known whether they came again."""
        p = self._p
        findings: list[Finding] = []
        for pulled in watched.shown.settle(event.timestamp, self._scope.criteria):
            if (
                pulled.successors
                and not pulled.at_touch
                and reaches(pulled.depth_share, p.minimum_depth_share)
                and pulled.opposite < p.maximum_opposite
            ):
                findings += self._judge(event, watched.moves, pulled)
        return findings

    def _judge(self, event: MarketEvent, moves: list[Time], pulled: PulledSet) -> Iterable[Finding]:
        p = self._p
        since = pulled.ended - p.window
        moves[:] = [one for one in moves if one.pulled.ended >= since][1 - _MOST_MOVES :]
        moves.append(Time(pulled))
        quantity = pulled.quantity
        alike = [
            one
            for one in moves
            if one.pulled.buy is pulled.buy
            and reaches(
                p.quantity_tolerance * max(one.pulled.quantity, quantity),
                abs(one.pulled.quantity - quantity),
            )
        ]
        new = untold(alike, p.minimum_moves)
        if not new:
            return ()
        for one in alike:
            one.told = True
        return [self._finding(event, new, len(alike), alike[0].pulled.begun)]

    def _finding(
        self, event: MarketEvent, new: Sequence[PulledSet], times: int, begun: int
    ) -> Finding:
        p, last = self._p, new[-1]
        seen = {one.id: one for pulled in new for one in (*pulled.witnesses, *pulled.successors)}
        more = min(1.0, (times - p.minimum_moves) / (_FULL * p.minimum_moves))
        side = "bids" if last.buy else "offers"
        span = last.ended - begun
        prices = sorted({one.price for one in last.orders})
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"{len(last.orders)} {side} on {event.venue}, together {amount(last.quantity)} "
                f"{event.instrument} and {percent(last.depth_share)} of their side, were moved at "
                f"once {times} times within {lapse(span)}, last away from {amount(prices[0])} to "
                f"{amount(prices[-1])}, all but unfilled and never at the touch, while the other "
                f"side stood (the feed names no accounts)"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=_BASE + _REPEATED * more,
            metrics={
                "times": float(times),
                "orders": float(len(last.orders)),
                "layered_quantity": last.quantity,
                "depth_share": last.depth_share,
                "span_seconds": span / SECOND,
            },
            tags=("inferred", "anonymous"),
        )


def _begin(_: int) -> Watched:
    """Of a book to which something large comes for the first time."""
    return Watched(ShownSets())

"""Layering: orders at several prices of one side that go once the other side has traded.

MAR Annex I A(f) and Commission Delegated Regulation (EU) 2016/522, Annex II, section 1, point 5(e):
"submitting multiple or large orders to trade often away from the touch on one side of the order
book in order to execute a trade on the other side"; FINRA Rules 2020 and 5210; section 4c(a)(5) of
the Commodity Exchange Act. The CFTC's case against Sarao (release 7156-15, No. 15-cv-3398)
describes four to six exceptionally large orders, a price level apart, more than a fifth of all that
was offered, which were moved as the price moved, so that they stayed three or four levels away from
the touch, and nearly all of them cancelled; on 6 May 2010 they were moved more than 19,000 times in
two hours, while he traded. All of this must hold of a party, which is a cluster, an investor or an
account, by the widest name known:

1. It places orders at `minimum_levels` prices or more of one side, within `placement_window`. They
   stand within the best `depth_levels` levels and `depth_range` of the best price, and are
   `minimum_depth_share` or more of all that stands there.
2. After that it trades on the other side.
3. It cancels all that it placed in that time, or, at one price more than is needed,
   `minimum_pulled_share` or more of it by quantity, within `pull_window`, with at most
   `maximum_fill_share` of each order filled, and within `window` of placing the first; or within
   `slow_window`, if the trade came at most `slow_reaction` before the first cancellation.
4. What it cancelled is at least `minimum_imbalance` times what it showed on the other side: orders
   that rest there, or rested there since it placed the first; and those that ended there within
   `pull_window`, whenever they began. It is also as many times what it traded. Who quotes alike on
   both sides, as market makers do, gives no false impression.

Amending is cancelling where next to nothing is left of an order. Orders that are amended to other
prices again and again need not be cancelled at all: with `minimum_moves` of each, at
`minimum_levels` prices or more, they are found while they rest, at a move, if 1, 2 and 4 hold of
them (and of those that were moved half as often) and the trade came in the last `window`; whenever
they were placed.

One alert per set of orders, with each of them, its cancellation or newest move and the trades as
evidence. Three prices are the least that are several; the pull window, the imbalance and the share
of depth (half of Sarao's) are choices. Needs a feed that names accounts: without, nobody can say
that the orders are one party's; see `inferred_layering` and `moved_layers` for what is left.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Step, witness
from detections.alerting.layering_alert import Against, layering_finding
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, times
from detections.books.layered_orders import (
    MOST_DESKS_IN_ALL,
    MOST_ORDERS_IN_ALL,
    Desk,
    Execution,
    Floor,
    Floors,
    Layer,
    end_of,
    forget_idler_half,
    make_room,
)
from detections.books.order_book import MOST_BOOKS
from detections.books.placed_together import complete_at, placed_together
from detections.correlators.base import Correlator, correlator
from detections.engine.feed_gaps import is_of
from detections.idlest import Room
from detections.parties import NOBODY, acting, buyer, is_exempt, seller
from detections.rounding import reaches
from normalizer.events.market import (
    BookSnapshot,
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderEvent,
    OrderFilled,
    OrderPlaced,
    Trade,
)
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

#: Where there are too many books, so large a part of them goes at once.
_BOOKS_AT_ONCE = 16


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on layering sets."""

    #: Different prices of one side.
    minimum_levels: Annotated[int, Meta(ge=2, le=100)] = 3
    #: All that is cancelled, as a part of what stood on its side.
    minimum_depth_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: The orders are placed within this time.
    placement_window: Annotated[Duration, Meta(gt=0, le=HOUR)] = 30 * SECOND
    #: They are cancelled within this time.
    pull_window: Annotated[Duration, Meta(gt=0, le=HOUR)] = 5 * SECOND
    #: From placing the first order to cancelling the last.
    window: Annotated[Duration, Meta(gt=0, le=24 * HOUR)] = 2 * MINUTE
    #: The same, if the other side traded just before; a time that is no longer than `window` turns
    #: this off.
    slow_window: Annotated[Duration, Meta(ge=0, le=24 * HOUR)] = 10 * MINUTE
    #: So long before the first cancellation, at most.
    slow_reaction: Annotated[Duration, Meta(ge=0, le=HOUR)] = 10 * SECOND
    #: How often each order is moved to be found while it rests.
    minimum_moves: Annotated[int, Meta(ge=1, le=10_000)] = 5
    #: How much of what was placed in that time must be cancelled.
    minimum_pulled_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.75
    #: How much of an order may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: What was cancelled is at least this many times what was shown, or traded, on the other side.
    minimum_imbalance: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: Value of the cancelled orders (price times quantity) below which nothing is found.
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """What parties show, by book, and who was found before."""

    floors: Floors = field(default_factory=Floors)
    found: Occurrences = field(default_factory=Occurrences)
    desks: int = 0
    """Parties in all books."""
    room: Room = field(default_factory=Room)
    """For orders and trades."""


@correlator("layering")
class Layering(Correlator[State]):
    """See the module. Memory: per book 2,000 parties, with 256 orders that rest, 256 that were
    cancelled and 256 that ended on each side; 100,000 parties and 2,000,000 orders and trades in
    all."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 4
    uses_trades = True
    uses_books = True
    typology = "layering"
    actions = frozenset(
        {
            *("order-placed", "order-changed", "order-cancelled", "order-filled"),
            *("trade", "book-snapshot", "feed-gap"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        self._longest = max(parameters.window, parameters.slow_window)
        self._moves = parameters.minimum_levels * parameters.minimum_moves

    @property
    def horizon(self) -> int:
        """Of the orders, and of who was found before."""
        return max(self._longest, REPETITION_WINDOW)

    def observer(self, record: type[MarketEvent]) -> Callable[[Any], Iterable[Finding] | None]:
        """Most events place or cancel an order: taken without a look at what they are."""
        if record is OrderPlaced:
            return self._placed
        return self._ended if record is OrderCancelled else self.observe

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = type(event)
        if kind is OrderPlaced:
            self._placed(event)  # pyright: ignore[reportArgumentType]
            return ()
        if kind is FeedGap:
            self._missed(event)  # pyright: ignore[reportArgumentType]
            return ()
        floor = self.state.floors.get((event.provider, event.venue, event.instrument))
        if floor is None:
            return ()
        if kind is OrderCancelled:
            return self._ended(event)  # pyright: ignore[reportArgumentType]
        if kind is Trade:
            self._traded(event, floor)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            self._filled(event, floor)  # pyright: ignore[reportArgumentType]
        elif kind is OrderChanged:
            return self._changed(event, floor)  # pyright: ignore[reportArgumentType]
        elif kind is BookSnapshot:
            self._renewed(event, floor)  # pyright: ignore[reportArgumentType]
        return ()

    # -- what parties do ---------------------------------------------------------------------------

    def _placed(self, order: OrderPlaced) -> None:
        party = acting(order)
        quantity = order.quantity if order.remaining is None else order.remaining
        price = order.price
        if party == NOBODY or quantity is None or price is None or quantity <= 0:
            return
        if order.investor_labels and is_exempt(order.investor_labels, self._exempt):
            return
        state = self.state
        floors, key = state.floors, (order.provider, order.venue, order.instrument)
        floor = floors.get(key)
        if floor is None:
            if len(floors) >= MOST_BOOKS:
                self._forget_books()
            floor = floors[key] = Floor()
        unsure = "unsure" in order.tags
        buy = order.side == "buy"
        seen = Step(
            order.id, order.timestamp, order.original, order.related_hash, order.related_user
        )
        room = state.room
        room.added += 1
        if floor.place(Layer(order.order_id, party, buy, price, quantity, seen, unsure)):
            state.desks += 1
            if state.desks > MOST_DESKS_IN_ALL:
                state.desks = forget_idler_half(state.floors)
        if room.added >= MOST_ORDERS_IN_ALL // 8:  # `Room.take`, for most of all events
            before = order.timestamp - self._p.pull_window
            long_before = order.timestamp - self._longest
            state.desks = make_room(room, MOST_ORDERS_IN_ALL, state.floors, before, long_before)

    def _forget_books(self) -> None:
        """Let go of those in which nobody placed an order for longest, a few at once."""
        state = self.state
        idlest = sorted(state.floors, key=lambda key: (state.floors[key].placed_at, key))
        for key in idlest[: max(1, MOST_BOOKS // _BOOKS_AT_ONCE)]:
            state.desks -= len(state.floors.pop(key).desks)

    def _traded(self, trade: Trade, floor: Floor) -> None:
        if trade.maker_order_id is not None and (made := floor.resting(trade.maker_order_id)):
            made[1].filled += trade.quantity
        bought, sold = floor.desks.get(buyer(trade).key), floor.desks.get(seller(trade).key)
        if bought is sold:
            return  # nobody whom we know, or with itself, which is another abuse
        for desk, is_purchase in ((bought, True), (sold, False)):
            if desk is not None:
                seen = witness(trade)
                desk.execute(Execution(trade.price, trade.quantity, seen), bought=is_purchase)
                self.state.room.added += 1

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it isn't what the orders were for, or another."""
        floor = self.state.floors.get((was.provider, was.venue, was.instrument))
        for party in () if floor is None else (buyer(was), seller(was)):
            desk = None if floor is None else floor.desks.get(party.key)
            if desk is not None:
                desk.revise(was, now)

    def _filled(self, event: OrderFilled, floor: Floor) -> None:
        found = floor.end(event.order_id)
        if found is not None:
            desk, layer = found
            layer.ended = _step(event)
            layer.filled = layer.quantity
            desk.sides(layer.buy)[0].note_end(layer, event.timestamp)
            self.state.room.added += 1

    def _renewed(self, book: BookSnapshot, floor: Floor) -> None:
        there = {*book.bid_order_ids, *book.ask_order_ids}
        if there:  # one of levels says nothing of orders
            floor.renew(there)

    def _changed(self, event: OrderChanged, floor: Floor) -> Iterable[Finding]:
        found = floor.resting(event.order_id)
        left = event.quantity if event.remaining is None else event.remaining
        if found is None or left is None:
            return ()
        desk, layer = found
        if left <= self._p.maximum_fill_share * layer.quantity:
            return self._ended(event)
        if left > layer.quantity:
            desk.sides(layer.buy)[0].resting += left - layer.quantity
            layer.quantity = left
        if event.price is None or event.price == layer.price:
            return ()
        layer.price = event.price
        layer.moves += 1
        layer.moved = _step(event)
        side, other = desk.sides(layer.buy)
        side.moves += 1
        if (
            side.moves < self._moves
            or not desk.against(layer.buy)
            or not reaches(side.resting, self._p.minimum_imbalance * other.resting)
        ):
            return ()
        side.moves -= 1  # to be looked at again at the next one
        return self._judge_moving(event, desk, layer.buy)

    def _ended(self, event: OrderCancelled | OrderChanged) -> Iterable[Finding]:
        """An order was cancelled, or next to nothing was left of it."""
        floor = self.state.floors.get((event.provider, event.venue, event.instrument))
        found = None if floor is None else floor.end(event.order_id)
        if found is None:
            return ()
        desk, layer = found
        p, now, quantity = self._p, event.timestamp, layer.quantity
        if event.__class__ is OrderCancelled and event.remaining is not None:
            layer.filled = max(layer.filled, quantity - event.remaining)
        layer.ended = Step(event.id, now, event.original, event.related_hash, event.related_user)
        if event.tags and "unsure" in event.tags:
            layer.unsure = True
        side, other = desk.sides(layer.buy)
        side.note_end(layer, now)
        self.state.room.added += 1
        if layer.filled <= p.maximum_fill_share * quantity:
            side.pull(layer)
        before, long_before = now - p.pull_window, now - self._longest
        side.forget(before, long_before)
        if other.ended:
            other.forget(before, long_before)
        if len(side.pulled) < p.minimum_levels or not desk.against(layer.buy):
            return ()
        shown = other.resting + other.lately
        if not reaches(side.taken_off, p.minimum_imbalance * shown):
            return ()
        return self._judge(event, desk, layer.buy)

    def _missed(self, gap: FeedGap) -> None:
        """What was missed may have been a fill of any order that is known."""
        for market, floor in self.state.floors.items():
            if is_of(gap, market):
                for layer in floor.layers():
                    layer.unsure = True

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self, event: MarketEvent, desk: Desk, buy: bool) -> Iterable[Finding]:
        p = self._p
        side, other = desk.sides(buy)
        since = event.timestamp - self._longest
        layers = placed_together(
            [layer for layer in self._near(side.pulled, buy) if layer.placed.timestamp >= since],
            p.placement_window,
        )
        complete = complete_at(layers, p.minimum_levels)
        if complete is None:
            return ()
        first = layers[0].placed.timestamp
        if event.timestamp - first > p.window:
            complete = max(complete, min(end_of(layer) for layer in layers) - p.slow_reaction)
        trades = [
            one for one in desk.against(buy) if complete <= one.witness.timestamp <= event.timestamp
        ]
        if not trades:
            return ()
        pulled = sum(layer.quantity for layer in layers)
        earliest = layers[-1].placed.timestamp - p.placement_window
        left = sum(
            layer.quantity
            for layer in side.live.values()
            if earliest <= layer.placed.timestamp <= first + p.placement_window
        )
        traded = sum(one.quantity for one in trades)
        shown = max(other.resting + other.lately, other.shown_since(first))
        if (
            not reaches(pulled, p.minimum_pulled_share * (pulled + left))
            or (left and len({layer.price for layer in layers}) <= p.minimum_levels)
            or not reaches(pulled, p.minimum_imbalance * max(shown, traded))
            or sum(layer.quantity * layer.price for layer in layers) < p.minimum_notional
        ):
            return ()
        share = self._share(pulled, buy, resting=False)
        if not reaches(share, p.minimum_depth_share):
            return ()
        side.forget_all(layers)
        return [self._finding(event, layers, trades, max(shown, traded), share)]

    def _judge_moving(self, event: MarketEvent, desk: Desk, buy: bool) -> Iterable[Finding]:
        """Whether orders that are moved again and again are layers, while they rest."""
        p = self._p
        side, other = desk.sides(buy)
        layers = [
            layer
            for layer in self._near(side.live.values(), buy)
            if 2 * layer.moves >= p.minimum_moves
            and not layer.told
            and layer.filled <= p.maximum_fill_share * layer.quantity
        ]
        often = {layer.price for layer in layers if layer.moves >= p.minimum_moves}
        if len(often) < p.minimum_levels:
            return ()
        complete = complete_at(layers, p.minimum_levels)
        since = event.timestamp - p.window
        trades = [
            one
            for one in desk.against(buy)
            if max(since, complete or since) <= one.witness.timestamp <= event.timestamp
        ]
        quantity = sum(layer.quantity for layer in layers)
        against = max(other.shown_since(since), sum(one.quantity for one in trades))
        share = self._share(quantity, buy, resting=True)
        if (
            not trades
            or not reaches(quantity, p.minimum_imbalance * against)
            or sum(layer.quantity * layer.price for layer in layers) < p.minimum_notional
            or not reaches(share, p.minimum_depth_share)
        ):
            return ()
        for layer in layers:
            layer.told = True
        return [self._finding(event, layers, trades, against, share)]

    def _near(self, layers: Iterable[Layer], buy: bool) -> list[Layer]:
        """Those that others see: within the visible levels."""
        p, side = self._p, self.books.change.book.side(buy)
        return [one for one in layers if side.is_near(one.price, p.depth_levels, p.depth_range)]

    def _share(self, quantity: float, buy: bool, *, resting: bool) -> float:
        """A quantity, of all that stands on its side with it."""
        p = self._p
        depth = self.books.change.book.side(buy).depth(p.depth_levels, p.depth_range)
        return quantity / max(quantity, depth if resting else quantity + depth)

    def _finding(
        self,
        event: MarketEvent,
        layers: Sequence[Layer],
        trades: Sequence[Execution],
        against: float,
        share: float,
    ) -> Finding:
        p, again = self._p, times(self.state.found, layers[0].party, event)
        held_against = Against(p.minimum_levels, p.minimum_imbalance, against)
        return layering_finding(event, layers, trades, share, again, held_against)


def _step(event: OrderEvent) -> Step:
    return Step(event.id, event.timestamp, event.original, event.related_hash, event.related_user)

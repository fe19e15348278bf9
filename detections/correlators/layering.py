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
from msgspec.structs import replace

from detections.alerting.findings import Finding, step, witness
from detections.alerting.layering_alert import Against, layering_finding
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, times
from detections.books.desk import Desk, Execution, Moves, Pulled, find, name_of
from detections.books.desks import AllDesks
from detections.books.layer import Layer, pulled_layer, resting_layer
from detections.books.order_book import Resting
from detections.books.placed_together import complete_at, placed_together
from detections.correlators.base import ORDERS, TRADES, Correlator, correlator
from detections.engine.feed_gaps import is_of
from detections.float_sum import float_sum
from detections.money import too_little
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.market import (
    BookSnapshot,
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    Trade,
)
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio


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
    #: Value of the cancelled orders (price times quantity) below which nothing is found,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """What parties took off and traded, by book, and who was found before."""

    desks: AllDesks = field(default_factory=AllDesks)
    found: Occurrences = field(default_factory=Occurrences)


@correlator("layering")
class Layering(Correlator[State]):
    """See the module. Memory: per book 2,000 parties, with 256 orders that were cancelled and 256
    that ended on each side; 100,000 parties and 2,000,000 orders and trades in all."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 5
    uses_trades = True
    uses_books = True
    typology = "layering"
    needs = (ORDERS, TRADES)
    needs_named = ORDERS
    # Placed orders are for the books, which know how that was, and what rests.
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
        kind = type(event)
        if kind is OrderCancelled:
            return self._cancelled(event)  # pyright: ignore[reportArgumentType]
        if kind is OrderChanged:
            return self._changed(event)  # pyright: ignore[reportArgumentType]
        if kind is Trade:
            self._traded(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            self._filled(event, event.order_id)  # pyright: ignore
        elif kind is BookSnapshot:
            for desk in self.state.desks.find(event).values():
                desk.renew(self.books.change.book.orders)
        elif kind is FeedGap:
            self._missed(event)  # pyright: ignore[reportArgumentType]
        return ()

    # -- what parties do ---------------------------------------------------------------------------

    def _owner(self, order: Resting) -> str | None:
        """Whose an order is, unless he is left out."""
        if order.labels and is_exempt(order.labels, self._exempt):
            return None
        return order.cluster or order.investor or order.account

    def _desk(self, event: MarketEvent, owner: str) -> Desk:
        return self.state.desks.desk(event, owner, self._p.pull_window, self._longest)

    def _traded(self, trade: Trade) -> None:
        if trade.maker_order_id is not None:
            self._filled(trade, trade.maker_order_id)
        bought = trade.buyer_cluster or trade.buyer_id or trade.buyer_account
        sold = trade.seller_cluster or trade.seller_id or trade.seller_account
        if bought == sold:
            return  # nobody whom we know, or with itself, which is another abuse
        book, desks = self.books.change.book, self.state.desks.find(trade)
        execution: Execution | None = None
        for owner, is_purchase in ((bought, True), (sold, False)):
            # Of who shows nothing, nor took anything off, no trade is of use.
            if owner and (owner in desks or self.books.standing(book).has(owner)):
                if execution is None:
                    execution = Execution(trade.price, trade.quantity, witness(trade))
                self._desk(trade, owner).execute(execution, bought=is_purchase)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it isn't what the orders were for, or another."""
        self.state.desks.revise(was, now)

    def _filled(self, event: OrderFilled | Trade, order_id: str) -> None:
        """An order was filled, unless it rests still."""
        change = self.books.change
        order = change.order
        owner = None if order is None or change.quantity_after else self._owner(order)
        if order is not None and owner:
            desk = self._desk(event, owner)
            counted, _ = desk.close(name_of(order_id, order))
            if counted:
                desk.side(order.buy).note_end((event.timestamp, order.most, order_id))

    def _changed(self, event: OrderChanged) -> Iterable[Finding]:
        change, order_id = self.books.change, event.order_id
        order, left = change.order, change.quantity_after
        owner = None if order is None else self._owner(order)
        if order is None or not owner:
            return ()
        if left <= self._p.maximum_fill_share * order.most:
            desk = self._desk(event, owner)
            counted, moves = desk.close(name_of(order_id, order))
            if left:
                desk.spend(name_of(order_id, order))
                order = replace(order)  # what is left of it goes on
            return self._ended(event, desk, order, order.filled, moves) if counted else ()
        if order.price == change.price_before:
            return ()
        desk = self._desk(event, owner)
        name = name_of(order_id, order)
        if desk.spent and name in desk.spent:
            return ()
        desk.move(name, step(event))
        buy = order.buy
        side = desk.side(buy)
        side.moves += 1
        if side.moves < self._moves or not desk.against(buy):
            return ()
        mine = self._resting(desk, owner, buy)
        against = _most(self._resting(desk, owner, not buy))
        if not reaches(_most(mine), self._p.minimum_imbalance * against):
            return ()
        side.moves -= 1  # to be looked at again at the next one
        return self._judge_moving(event, desk, mine, against)

    def _cancelled(self, event: OrderCancelled) -> Iterable[Finding]:
        order = self.books.change.order
        owner = None if order is None else self._owner(order)
        if order is None or not owner:
            return ()
        desk, moves = self._desk(event, owner), None
        if desk.moves or desk.spent:
            counted, moves = desk.close(name_of(event.order_id, order))
            if not counted:
                return ()
        filled = order.filled
        if event.remaining is not None:
            filled = max(filled, order.most - event.remaining)
        return self._ended(event, desk, order, filled, moves)

    def _ended(
        self,
        event: OrderCancelled | OrderChanged,
        desk: Desk,
        order: Resting,
        filled: float,
        moves: Moves | None,
    ) -> Iterable[Finding]:
        """An order was cancelled, or next to nothing was left of it."""
        p, now, buy, quantity = self._p, event.timestamp, order.buy, order.most
        side = desk.side(buy)
        side.note_end((now, quantity, event.order_id))
        if filled <= p.maximum_fill_share * quantity and not (moves is not None and moves.told):
            unsure = order.unsure or ("unsure" in event.tags if event.tags else False)
            side.pull(Pulled(event.order_id, order, quantity, filled, step(event), unsure, moves))
        if len(side.pulled) < p.minimum_levels:
            return ()
        before, long_before = now - p.pull_window, now - self._longest
        _, other = desk.sides(buy)
        side.forget(before, long_before)
        other.forget(before, long_before)
        if len(side.pulled) < p.minimum_levels or not desk.against(buy):
            return ()
        if not reaches(side.taken_off, p.minimum_imbalance * other.lately):
            return ()
        owner = self._owner(order) or ""
        resting = _most(self._resting(desk, owner, not buy))
        if not reaches(side.taken_off, p.minimum_imbalance * (resting + other.lately)):
            return ()
        return self._judge(event, desk, self._resting(desk, owner, buy), resting, buy=buy)

    def _missed(self, gap: FeedGap) -> None:
        """What was missed may have been a fill of any order: of those that rest the books know."""
        for market, desks in self.state.desks.books.items():
            if is_of(gap, market):
                for desk in desks.values():
                    desk.miss()

    def _resting(self, desk: Desk, owner: str, buy: bool) -> list[Resting]:
        """The orders of a party that rest on a side, but for those that are spent."""
        book, exempt = self.books.change.book, self._exempt
        orders = self.books.standing(book).owned_by(owner, buy)
        if desk.spent:
            spent = {one.place for name in desk.spent if (one := find(book.orders, name))}
            orders = [one for one in orders if one.place not in spent]
        return [one for one in orders if not is_exempt(one.labels, exempt)] if exempt else orders

    # -- judging -----------------------------------------------------------------------------------

    def _judge(
        self,
        event: MarketEvent,
        desk: Desk,
        mine: Iterable[Resting],
        resting: float,
        *,
        buy: bool,
    ) -> Iterable[Finding]:
        """Whether orders that were cancelled are layers, where these of the party still rest, and
        so much of it on the other side."""
        p = self._p
        side, other = desk.sides(buy)
        since = event.timestamp - self._longest
        pulls = [pulled_layer(one) for one in side.pulled]
        layers = placed_together(
            [one for one in self._near(pulls, buy) if one.placed.timestamp >= since],
            p.placement_window,
        )
        complete = complete_at(layers, p.minimum_levels)
        if complete is None:
            return ()
        first = layers[0].placed.timestamp
        if event.timestamp - first > p.window:
            complete = max(complete, min(one.ended_at for one in layers) - p.slow_reaction)
        trades = [
            one for one in desk.against(buy) if complete <= one.witness.timestamp <= event.timestamp
        ]
        if not trades:
            return ()
        pulled = float_sum(layer.quantity for layer in layers)
        earliest = layers[-1].placed.timestamp - p.placement_window
        left = _most(
            [one for one in mine if earliest <= one.placed_at <= first + p.placement_window]
        )
        traded = float_sum(one.quantity for one in trades)
        shown = resting + max(other.lately, other.ended_since(first))
        if (
            not reaches(pulled, p.minimum_pulled_share * (pulled + left))
            or (left and len({layer.price for layer in layers}) <= p.minimum_levels)
            or not reaches(pulled, p.minimum_imbalance * max(shown, traded))
            or too_little(
                float_sum(layer.quantity * layer.price for layer in layers),
                p.minimum_notional,
                event.currency,
            )
        ):
            return ()
        share = self._share(pulled, buy, resting=False)
        if not reaches(share, p.minimum_depth_share):
            return ()
        side.forget_all({layer.order_id for layer in layers})
        return [self._finding(event, layers, trades, max(shown, traded), share)]

    def _judge_moving(
        self, event: OrderChanged, desk: Desk, mine: Iterable[Resting], resting: float
    ) -> Iterable[Finding]:
        """Whether orders of the party that are moved again and again are layers, while they rest,
        where so much of it rests on the other side."""
        p, book, moves = self._p, self.books.change.book, desk.moves or {}
        names = {one.place: name for name in moves if (one := find(book.orders, name))}
        moved = [(names[one.place], one) for one in mine if one.place in names]
        buy = moved[0][1].buy
        layers = self._near(
            [
                resting_layer(name[0], one, moves[name])
                for name, one in moved
                if 2 * moves[name].count >= p.minimum_moves
                and not moves[name].told
                and one.filled <= p.maximum_fill_share * one.most
            ],
            buy,
        )
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
        quantity, (_, other) = float_sum(layer.quantity for layer in layers), desk.sides(buy)
        against = max(resting + other.ended_since(since), float_sum(one.quantity for one in trades))
        share = self._share(quantity, buy, resting=True)
        if (
            not trades
            or not reaches(quantity, p.minimum_imbalance * against)
            or too_little(
                float_sum(layer.quantity * layer.price for layer in layers),
                p.minimum_notional,
                event.currency,
            )
            or not reaches(share, p.minimum_depth_share)
        ):
            return ()
        for layer in layers:
            moves[layer.order_id, layer.placed_at].told = True
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


def _most(orders: Iterable[Resting]) -> float:
    """What they showed together, each at most."""
    return float_sum([one.most for one in orders])

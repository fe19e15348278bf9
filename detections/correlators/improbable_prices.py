"""Orders at improbable prices: large ones, so far from the market that nobody will trade with them.

They aren't meant to trade, but to be looked at: a book seems deep, a price seems to have support or
a lid, in every display and every statistic that adds up what stands there. MAR Article 12(1)(a) and
Annex I A(f) (orders that change what the depth of the book looks like and are removed before they
are executed), and the practice of placing orders with no intention of executing them in Annex II of
Commission Delegated Regulation (EU) 2016/522; MiCA 91(2)(a). What is improbable depends on how the
price moves: RedDeer's open surveillance asks for a number of standard deviations, as is done here.
All of this must hold of a party, by the widest name known, in one book:

1. Its order stood `minimum_distance` or more behind the best price of its side when it came and
   when it went; and `minimum_sigmas` times as far as the price usually goes in the time in which
   the order stood. Where that isn't known, `minimum_spreads` times as far as the best prices were
   apart when it came: they are further apart where prices go further. Without a price on the
   other side, twice `minimum_distance`.
2. It was `minimum_depth_share` or more of the depth of its side within the best `depth_levels`
   levels and `depth_range` of the best price.
3. It was taken off within `maximum_lifetime`, with nothing filled. One that is changed in between
   stays the same as long as it is as far away and as large.
4. That happened to `minimum_orders` of the party's orders within `window`, and to
   `minimum_cancel_share` of all such orders of its that came to an end; those of which nothing says
   how far away they were (1.) aren't counted.

So a holder who waits for a crash with one order isn't found, nor a maker who keeps a quote far out
because he must (it is as large as he must), nor whoever lets them stand. A trade of the party on
the other side meanwhile isn't needed; it makes the finding surer. The numbers are choices: no
regulator gives any. Spoofing near the touch is `spoofing`'s and `layering`'s.

Needs accounts: without them all that many do far from the market would be one.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.repetition import REPETITION_WINDOW
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS, BookSide, Resting
from detections.correlators.base import ORDERS, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest, latest
from detections.markets.usual_moves import UsualMoves
from detections.money import too_little
from detections.parties import Party, acting, buyer, is_exempt, seller
from detections.rounding import reaches
from normalizer.events.market import (
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    Trade,
)
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

_MOST_FAR = 100_000
_MOST_PARTIES = 50_000
_MOST_CASES = 64
#: How far the price goes is learnt in steps of this, and known after so many of them.
_STEP = 5 * MINUTE
_KNOWN = 12.0
# Confidence before it is calibrated on labelled data: a base, and what distance, more orders and a
# trade on the other side add to it.
_BASE, _FAR, _MORE, _TRADED = 0.45, 0.15, 0.15, 0.2
_UNSURE = 0.6

#: A book, and an order's id or the widest name of a party.
Key = tuple[str, str, str, str]


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on improbable prices sets."""

    #: How far behind the best price of its side, as a part of it.
    minimum_distance: Annotated[Ratio, Meta(gt=0, le=1)] = 0.01
    #: How many times as far as the price usually goes in as long a time.
    minimum_sigmas: Annotated[float, Meta(ge=0, le=100)] = 6.0
    #: How many times as far as the best prices are apart, where that isn't known.
    minimum_spreads: Annotated[float, Meta(ge=0, le=100)] = 5.0
    #: Each order, as a part of the visible depth of its side.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.25
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: From placing an order to taking it off.
    maximum_lifetime: Annotated[Duration, Meta(ge=SECOND, le=7 * DAY)] = HOUR
    #: So many orders,
    minimum_orders: Annotated[int, Meta(ge=2, le=50)] = 5
    #: within this time,
    window: Annotated[Duration, Meta(ge=MINUTE, le=7 * DAY)] = DAY
    #: and this part of all its large orders far from the market.
    minimum_cancel_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.9
    #: Value of an order (price times quantity) below which it isn't looked at,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Far(Struct):
    """A large order far from the market, while it stands."""

    party: Party
    buy: bool
    price: float
    quantity: float
    distance: float
    wide: bool
    """Whether it is far enough by how far the best prices were apart when it came."""
    placed: Witness
    unsure: bool


class Case(Struct, frozen=True, array_like=True):
    """One that was taken off."""

    buy: bool
    quantity: float
    price: float
    distance: float
    sigmas: float
    """0 where it isn't known how far the price goes."""
    placed: Witness
    ended: Witness
    unsure: bool


class Doer(Struct):
    """What one party does in one book."""

    cases: list[Case] = []
    ended: list[int] = []
    """When others of its large orders far away came to an end: filled, or left standing."""
    trades: list[tuple[bool, Witness]] = []
    """Purchases (true) and sales, while such orders stood."""
    standing: int = 0
    next_alert: int = 0


class State(Struct):
    """Orders and parties, the idlest first; how far prices usually go."""

    far: dict[Key, Far] = {}
    doers: dict[Key, Doer] = {}
    moves: dict[tuple[str, str, str], UsualMoves] = {}


@correlator("improbable_prices")
class ImprobablePrices(Correlator[State]):
    """See the module. Memory: 100,000 orders, and 50,000 parties with 64 orders each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    uses_books = True
    uses_trades = True
    typology = "spoofing"
    needs = (ORDERS,)
    needs_named = ORDERS
    actions = frozenset(
        {"order-placed", "order-changed", "order-cancelled", "order-filled", "trade"}
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        least = parameters.minimum_distance * (1.0 - 1e-9)
        #: Of offers and bids, the price by the best one at which an order is far away.
        self._near = (1.0 + least, 1.0 - least)

    @property
    def horizon(self) -> int:
        """Orders count together for a window, and what is usual is learnt."""
        return max(self._p.window + self._p.maximum_lifetime, REPETITION_WINDOW)

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is OrderPlaced:
            self._placed(event)  # pyright: ignore[reportArgumentType]
        elif kind is Trade:
            self._traded(event)  # pyright: ignore[reportArgumentType]
        elif not self.state.far:
            return ()
        elif kind is OrderCancelled:
            return self._cancelled(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderChanged:
            self._changed(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            self._kept(event)  # pyright: ignore[reportArgumentType]
        return ()

    # -- orders ------------------------------------------------------------------------------------

    def _distance(self, side: BookSide, price: float) -> float:
        """How far behind the best price of its side a price is; 0 where it is the best."""
        best = side.best
        return 0.0 if not best else max(0.0, side.sign * (best - price) / best)

    def _placed(self, event: OrderPlaced) -> None:
        order = self.books.change.order
        if order is None or order.quantity <= 0:
            return
        side = self.books.change.book.side(order.buy)
        # Nearly all orders are near the market: this is all that is done with those.
        if not side.keys or order.price * side.sign > side.keys[-1] * self._near[order.buy]:
            return
        distance = self._distance(side, order.price)
        p, party = self._p, acting(event)
        if (
            not reaches(distance, p.minimum_distance)
            or not party.known
            or is_exempt(event.investor_labels, self._exempt)
            or too_little(order.price * order.quantity, p.minimum_notional, event.currency)
        ):
            return
        if not self._is_large(side, order):
            return
        far = self.state.far
        if len(far) >= _MOST_FAR:
            drop_idlest(far, _MOST_FAR - 1)
        far[_key(event, event.order_id)] = Far(
            party,
            order.buy,
            order.price,
            order.quantity,
            distance,
            self._is_wide(side, order, distance),
            witness(event),
            self.books.change.book.unsure or "unsure" in event.tags,
        )
        self._doer(_key(event, party.key)).standing += 1

    def _is_wide(self, side: BookSide, order: Resting, distance: float) -> bool:
        best, other = side.best, self.books.change.book.side(not order.buy).best
        if best is None or other is None:
            return reaches(distance, 2 * self._p.minimum_distance)
        return reaches(abs(order.price - best), self._p.minimum_spreads * abs(other - best))

    def _is_large(self, side: BookSide, order: Resting) -> bool:
        """Whether an order is so large against what stands on its side besides."""
        p = self._p
        near = side.is_near(order.price, p.depth_levels, p.depth_range)
        depth = side.depth(p.depth_levels, p.depth_range) - (order.quantity if near else 0.0)
        return depth > 0 and reaches(order.quantity, p.minimum_depth_share * depth)

    def _changed(self, event: OrderChanged) -> None:
        """One that is far away and large as before is the same; another one was meant."""
        far, order = self.state.far.get(_key(event, event.order_id)), self.books.change.order
        if far is None:
            return
        side = self.books.change.book.side(far.buy)
        if order is not None and order.quantity > 0:
            distance = self._distance(side, order.price)
            if reaches(distance, self._p.minimum_distance) and self._is_large(side, order):
                far.price, far.quantity = order.price, order.quantity
                far.distance = min(far.distance, distance)
                return
        self._kept(event)

    def _kept(self, event: OrderFilled | OrderChanged) -> None:
        """One that is filled, or brought near, was meant, as far as can be seen."""
        far = self.state.far.pop(_key(event, event.order_id), None)
        if far is not None:
            doer = self._doer(_key(event, far.party.key))
            doer.standing = max(0, doer.standing - 1)
            doer.ended.append(event.timestamp)
            del doer.ended[:-_MOST_CASES]

    def _cancelled(self, event: OrderCancelled) -> Iterable[Finding]:
        far = self.state.far.pop(_key(event, event.order_id), None)
        if far is None:
            return ()
        p, now = self._p, event.timestamp
        doer = self._doer(_key(event, far.party.key))
        doer.standing = max(0, doer.standing - 1)
        change = self.books.change
        took = now - far.placed.timestamp
        distance = min(far.distance, self._distance(change.book.side(far.buy), far.price))
        filled = 0.0 if change.order is None else change.order.filled
        moves = self.state.moves.get((event.provider, event.venue, event.instrument))
        usual, known = 0.0, far.wide
        if moves is not None and moves.steps >= _KNOWN:
            usual, known = moves.usual(max(1.0, took / _STEP)), True
        if (
            took > p.maximum_lifetime
            or filled > 0
            or (known and not reaches(distance, max(p.minimum_distance, p.minimum_sigmas * usual)))
        ):
            doer.ended.append(now)
            del doer.ended[:-_MOST_CASES]
            return ()
        if not known:
            return ()  # nor whether it was far: it speaks neither for nor against anybody
        sigmas = distance / usual if usual else 0.0
        unsure = far.unsure or "unsure" in event.tags
        doer.cases.append(
            Case(far.buy, far.quantity, far.price, distance, sigmas, far.placed, witness(event),
                 unsure)
        )  # fmt: skip
        return self._judge(event, far.party, doer)

    # -- trades ------------------------------------------------------------------------------------

    def _traded(self, trade: Trade) -> None:
        key = (trade.provider, trade.venue, trade.instrument)
        if not trade.price > 0:
            return
        moves = latest(self.state.moves, key, MOST_BOOKS, UsualMoves)
        moves.add(trade.timestamp, trade.price, _STEP, trade.phase_began)
        if not self.state.far:
            return
        bought, sold = buyer(trade), seller(trade)
        if bought.key == sold.key:
            return
        for party, buys in ((bought, True), (sold, False)):
            doer = self.state.doers.get((*key, party.key)) if party.known else None
            if doer is not None and doer.standing:
                doer.trades.append((buys, witness(trade)))
                del doer.trades[:-_MOST_CASES]

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back: nobody gained by it."""
        if now is not None:
            return  # it counts as before, whatever it was worth
        for party in (buyer(was), seller(was)):
            doer = self.state.doers.get(_key(was, party.key)) if party.known else None
            if doer is not None:
                doer.trades = [one for one in doer.trades if one[1].id != was.id]

    # -- judging -----------------------------------------------------------------------------------

    def _doer(self, key: Key) -> Doer:
        return latest(self.state.doers, key, _MOST_PARTIES, Doer)

    def _judge(self, event: OrderCancelled, party: Party, doer: Doer) -> Iterable[Finding]:
        p, since = self._p, event.timestamp - self._p.window
        doer.cases = [one for one in doer.cases if one.ended.timestamp >= since][-_MOST_CASES:]
        doer.ended = [time for time in doer.ended if time >= since]
        doer.trades = [one for one in doer.trades if one[1].timestamp >= since]
        orders = len(doer.cases)
        if orders < p.minimum_orders:
            doer.next_alert = 0
        if orders < (doer.next_alert or p.minimum_orders):
            return ()
        share = orders / (orders + len(doer.ended))
        if not reaches(share, p.minimum_cancel_share):
            return ()
        doer.next_alert = 2 * orders
        return [self._finding(event, party, doer, share)]

    def _finding(self, event: OrderCancelled, party: Party, doer: Doer, share: float) -> Finding:
        p, cases = self._p, doer.cases
        quantity = float_sum(one.quantity for one in cases)
        nearest = min(one.distance for one in cases)
        known = [one.sigmas for one in cases if one.sigmas]
        sides = {one.buy for one in cases}
        # Whoever shows bids only, and sells, or offers only, and buys, may have gained by it.
        against = [seen for buys, seen in doer.trades if len(sides) == 1 and buys not in sides]
        what = {frozenset({True}): "bids", frozenset({False}): "offers"}.get(
            frozenset(sides), "bids and offers"
        )
        usual = f", {amount(round(min(known), 1))} times as far as it usually goes" if known else ""
        did = "bought" if sides == {False} else "sold"
        traded = f", and {did} {len(against)} times meanwhile" if against else ""
        longest = max(one.ended.timestamp - one.placed.timestamp for one in cases)
        beyond = min(1.0, (nearest / p.minimum_distance - 1) / 4)
        more = min(1.0, (len(cases) - p.minimum_orders) / p.minimum_orders)
        unsure = any(one.unsure for one in cases)
        confidence = _BASE + _FAR * beyond + _MORE * more + (_TRADED if against else 0.0)
        seen = {one.id: one for one in (*(w for c in cases for w in (c.placed, c.ended)), *against)}
        return Finding(
            entities=party.names,
            reason=(
                f"{party} placed {len(cases)} {what} of {amount(quantity)} {event.instrument} on "
                f"{event.venue} {percent(nearest)} or more away from the market{usual}, and took "
                f"them off within {lapse(longest)} each, with nothing filled{traded}"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=min(1.0, confidence) * (_UNSURE if unsure else 1.0),
            metrics={
                "orders": float(len(cases)),
                "quantity": quantity,
                "nearest_distance": nearest,
                "sigmas": min(known) if known else 0.0,
                "cancel_share": share,
                "trades_on_other_side": float(len(against)),
            },
            tags=("unsure",) if unsure else (),
        )


def _key(event: MarketEvent, name: str) -> Key:
    return event.provider, event.venue, event.instrument, name

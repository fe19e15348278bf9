"""Flipping: orders on one side that are taken off, and at once a trade against those who joined.

*CFTC v. Oystacher*, No. 15-cv-9196 (N.D. Ill., complaint of 19 October 2015): large
passive orders at or near the best price, which at least doubled what was bid or offered there; once
others had joined at the same price, the orders were cancelled and, at the same moment, an order for
the other side took from those others at the same price or a better one (921 contracts offered where
34 stood; the trading software cancelled them as it bought). Section 4c(a)(5)(C) of the Commodity
Exchange Act; MAR Annex I A(f), and Annex II, section 1, point 5(e), of Commission Delegated
Regulation (EU) 2016/522. All of this must hold of a party, by the widest name known:

1. Its orders stood within the best `touch_levels` prices of one side, at three prices or fewer (the
   touch moves while they are placed), each at least `minimum_depth_share` of the depth of its side,
   all of them `minimum_pulled_share` of it. What others had at these prices when it placed them was
   at most as much: they doubled it. With more prices it is `vacuuming`. Others did have something
   there, then or when they went: who shows orders where nobody stands and nobody joins, and then
   takes what is better, has drawn nobody to his price. Makers do so when news has moved the value.
   They are "multiple or large" (that Regulation): one alone is `minimum_usual_orders` times as
   large as orders usually are, which is the median of all that are visible. Else it draws nobody
   either, and whoever changes his mind does the same. He may do so about a large order, too: of one
   that is alone is told when it is the party's `minimum_times_alone`-th within an hour, of which
   nothing was told yet. Oystacher did it hundreds of times.
2. It took them off together, within `pull_window`, at most `maximum_lifetime` after placing them,
   with at most `maximum_fill_share` of each filled.
3. Within `trade_window` after that it takes on the same side of the book what others have there:
   buys after offers, sells after bids. That is at least `minimum_traded_share` of what it took off.
4. What it showed on the other side, or took off there at the same time, is less by
   `minimum_imbalance`: who withdraws all quotes, as makers do at news, is not meant. Neither is who
   was hit on the side that he takes off in the last 30 s before, by more than a quarter of what he
   then trades the other way, and than `maximum_fill_share` of what he takes off: he gets rid of
   what he had to take. Orders at the touch are hit a little, whatever they are meant for.
5. It happens so often when the party takes large orders off that chance alone would do it less
   often with a probability of `minimum_significance` (:mod:`detections.books.coincidence`): who
   trades all the time also trades after a cancellation. Nor does it mostly have another large order
   there at once, as who quotes does.

Oystacher's orders went within milliseconds of the trade; a second is for venues with slower clocks.
That they doubled what stood at their prices is the complaint's measure of size. The shares of depth
are choices, low ones: they keep out what doubles next to nothing where hardly anybody is. That one
order is large which is as much as three of the others is a choice as well.

Needs accounts: without them nobody can say that the two were the same; see `inferred_layering` for
what is left.
"""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.alerting.repetition import REPETITION_WINDOW, repeated
from detections.alerting.wording import amount, lapse
from detections.books.order_book import OrderBook
from detections.books.pulled_orders import Flip, Large, Trader, average_price, quantity_of
from detections.books.pulling import Pulling, Told, finding
from detections.books.usual_order import usual_order
from detections.correlators.base import correlator
from detections.float_sum import float_sum
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import HOUR, MILLISECOND, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data: a base, and what size, speed and repetition
# add to it.
_BASE, _SIZE, _SPEED, _REPEATED = 0.6, 0.15, 0.15, 0.1
#: At so many times what others had there, size adds all it can.
_FULL_SIZE = 5.0
#: More prices are vacuuming.
_MOST_PRICES = 3


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on flipping sets."""

    #: Each order, as a part of the depth of its side without it.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.02
    #: All of them, as a part of what stood on their side before they went.
    minimum_pulled_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: One that is alone, as a multiple of what orders usually are.
    minimum_usual_orders: Annotated[float, Meta(ge=0, le=1_000)] = 3.0
    #: Times within an hour that a party does it with one order, before that is told.
    minimum_times_alone: Annotated[int, Meta(ge=1, le=64)] = 2
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: The orders stand within so many of the best prices.
    touch_levels: Annotated[int, Meta(ge=1, le=100)] = 5
    #: From placing an order to taking it off.
    maximum_lifetime: Annotated[Duration, Meta(gt=0, le=HOUR)] = MINUTE
    #: Part of an order that may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: The orders are taken off within this time.
    pull_window: Annotated[Duration, Meta(ge=MILLISECOND, le=MINUTE)] = SECOND
    #: The trade comes within this time of the last of them.
    trade_window: Annotated[Duration, Meta(ge=MILLISECOND, le=MINUTE)] = SECOND
    #: What is traded, as a part of what was taken off.
    minimum_traded_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.1
    #: What was taken off is at least so many times what the party showed on the other side.
    minimum_imbalance: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: The probability with which chance would have it happen less often; 0 turns this off.
    minimum_significance: Annotated[float, Meta(ge=0, lt=1)] = 0.99
    #: Value of the orders (price times quantity) below which nothing is found,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


@correlator("flipping")
class Flipping(Pulling):
    """See the module. Memory: 100,000 large orders, and 100,000 parties in a book each, with 64
    orders and 64 trades on each side, 1,000,000 in all."""

    parameters_type = Parameters
    at_the_touch = True

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._touch_levels = parameters.touch_levels
        self._pulled_share = parameters.minimum_pulled_share
        self._usual_orders = parameters.minimum_usual_orders
        self._times_alone = parameters.minimum_times_alone

    def _fits(self, orders: Sequence[Large], book: OrderBook, traded: float) -> bool:
        if any(order.rank >= self._touch_levels for order in orders):
            return False
        stood, quantity = _stood(orders), quantity_of(orders)
        if not any(stood.values()) and not any(_left(orders).values()):
            return False
        if len(stood) > _MOST_PRICES or not reaches(quantity, float_sum(stood.values())):
            return False
        if len(orders) == 1:
            p = self._p
            usual = usual_order(book, p.depth_levels, p.depth_range)
            if not reaches(quantity, self._usual_orders * usual):
                return False
        return reaches(self.share_of_side(orders, book, traded), self._pulled_share)

    def _earlier(self, trader: Trader, flip: Flip) -> Sequence[Flip] | None:
        if len(flip.orders) != 1:
            return ()
        *earlier, _ = trader.flip_alone(flip, flip.orders[0].ended_at - REPETITION_WINDOW)
        return earlier if len(earlier) + 1 >= self._times_alone else None

    def _finding(self, trade: Trade, told: Told, book: OrderBook) -> Finding:
        flip = told.flip
        orders, trades = flip.orders, flip.trades
        quantity, stood = quantity_of(orders), float_sum(_stood(orders).values())
        shown, did = ("bids", "sold") if orders[0].buy else ("offers", "bought")
        ended = orders[-1].ended_at
        prices = sorted({order.price for order in orders})
        others = f"where others had {amount(stood)}" if stood else "where nobody else stood"
        reason = (
            f"{flip.party} showed {shown} of {amount(quantity)} {trade.instrument} at "
            f"{' and '.join(amount(price) for price in prices)} {others}, took them off after "
            f"{lapse(ended - orders[0].placed.timestamp)} with "
            f"{amount(float_sum(order.filled for order in orders))} filled, and "
            f"{lapse(trades[0].timestamp - ended)} later {did} {amount(quantity_of(trades))} from "
            f"others at {amount(average_price(trades))}"
        )
        if told.earlier:
            begun = told.earlier[0].orders[0].placed.timestamp
            span = trades[-1].timestamp - begun
            reason += f"; it did so {len(told.earlier) + 1} times within {lapse(span)}"
        size = min(1.0, quantity / (_FULL_SIZE * stood)) if stood else 1.0
        speed = 1.0 - (trades[0].timestamp - ended) / max(1, self._p.trade_window)
        confidence = _BASE + _SIZE * size + _SPEED * speed + _REPEATED * repeated(told.again)
        joined = float_sum(_left(orders).values())
        metrics = {"stood_at_prices": stood, "joined_at_prices": max(0.0, joined - stood)}
        return finding(told, reason, min(1.0, confidence), metrics)


def _stood(orders: Sequence[Large]) -> dict[float, float]:
    """What others had at each price when the orders came."""
    found: dict[float, float] = {}
    for order in orders:
        found[order.price] = min(order.stood, found.get(order.price, order.stood))
    return found


def _left(orders: Sequence[Large]) -> dict[float, float]:
    """What others had at each price when the last of the orders there went."""
    found: dict[float, float] = {}
    for order in orders:
        found[order.price] = min(order.left_at_price, found.get(order.price, order.left_at_price))
    return found

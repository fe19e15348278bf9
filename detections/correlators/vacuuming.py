"""Vacuuming: a party takes a large part of one side off at once, and trades into the hole.

Its orders made a side look deep at several prices. It takes them off together, and before others
can fill what is missing it trades there itself: sells where its bids were, or buys where its offers
were, so that the price runs further than a trade of that size would have driven it, and those who
relied on the depth trade badly. It is spoofing by its effect rather than by its executions: MAR
Article 12(1)(a) and Annex I A(f), and Annex II, section 1, point 5(e), of Commission Delegated
Regulation (EU) 2016/522 (orders at several prices, removed once they have served); section
4c(a)(5)(B) and (C) of the Commodity Exchange Act (orderly execution; bids and offers meant to be
cancelled). No statute gives it a name, vendors of surveillance do. All of this must hold of a
party, by the widest name known:

1. Its orders stood at `minimum_levels` prices or more of one side, each at least
   `minimum_depth_share` of the depth of its side when it was placed. With fewer prices it is
   `flipping`.
2. It took them off together, within `pull_window`, with at most `maximum_fill_share` of each
   filled. They were `minimum_pulled_share` or more of all that stood on that side, within the best
   `depth_levels` levels and `depth_range` of the best price.
3. Within `trade_window` after that it takes from that side: sells after bids, buys after offers.
   That is at least `minimum_traded_share` of what it took off.
4. What it showed on the other side, or took off there at the same time, is less by
   `minimum_imbalance`: who withdraws all quotes, as makers do at news, is not meant. Neither is who
   was hit on the side that he takes off in the last 30 s before, by more than a quarter of what he
   then trades the other way: he gets rid of what he had to take. As much as may be filled of his
   orders is no such reason, since the best of them stands at the touch, and is hit now and then.
5. It happens so often when the party takes large orders off that chance alone would do it less
   often with a probability of `minimum_significance` (:mod:`detections.books.coincidence`), nor
   does it mostly have another large order there at once, as who quotes does.

The numbers are choices: there is no case that gives any. A quarter of the visible depth is what
nobody who looks at the book overlooks. The trade may be small beside it: what is shown is meant to
be seen, and what is traded to be had.

Needs accounts: without them nobody can say that the two were the same; see `inferred_layering` for
what is left.
"""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.alerting.repetition import repeated
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import OrderBook
from detections.books.pulled_orders import Large, average_price, quantity_of
from detections.books.pulling import Pulling, Told, finding
from detections.correlators.base import correlator
from detections.float_sum import float_sum
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import HOUR, MILLISECOND, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data: a base, and what size, more prices and
# repetition add to it.
_BASE, _SIZE, _LEVELS, _REPEATED = 0.6, 0.2, 0.1, 0.1


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on vacuuming sets."""

    #: Different prices of one side.
    minimum_levels: Annotated[int, Meta(ge=2, le=100)] = 3
    #: Each order, as a part of the depth of its side without it.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.05
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: All orders, as a part of what stood on their side.
    minimum_pulled_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.25
    #: From placing an order to taking it off.
    maximum_lifetime: Annotated[Duration, Meta(gt=0, le=24 * HOUR)] = HOUR
    #: Part of an order that may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: The orders are taken off within this time.
    pull_window: Annotated[Duration, Meta(ge=MILLISECOND, le=MINUTE)] = SECOND
    #: The trade comes within this time of the last of them.
    trade_window: Annotated[Duration, Meta(ge=MILLISECOND, le=MINUTE)] = 3 * SECOND
    #: What is traded, as a part of what was taken off.
    minimum_traded_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.02
    #: What was taken off is at least so many times what the party showed on the other side.
    minimum_imbalance: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: The probability with which chance would have it happen less often; 0 turns this off.
    minimum_significance: Annotated[float, Meta(ge=0, lt=1)] = 0.99
    #: Value of the orders (price times quantity) below which nothing is found,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


@correlator("vacuuming")
class Vacuuming(Pulling):
    """See the module. Memory: 100,000 large orders, and 100,000 parties in a book each, with 64
    orders and 64 trades on each side, 1,000,000 in all."""

    parameters_type = Parameters
    at_the_touch = True

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._minimum_levels = parameters.minimum_levels
        self._minimum_share = parameters.minimum_pulled_share

    def _fits(self, orders: Sequence[Large], book: OrderBook, traded: float) -> bool:
        if len({order.price for order in orders}) < self._minimum_levels:
            return False
        return reaches(self.share_of_side(orders, book, traded), self._minimum_share)

    def _finding(self, trade: Trade, told: Told, book: OrderBook) -> Finding:
        flip = told.flip
        orders, trades = flip.orders, flip.trades
        shown, side, did = ("bids", "bid", "sold") if orders[0].buy else ("offers", "ask", "bought")
        first, ended = orders[0].ended_at, orders[-1].ended_at
        prices = sorted({order.price for order in orders})
        share = self.share_of_side(orders, book, quantity_of(trades))
        reason = (
            f"{flip.party} took off {shown} of {amount(quantity_of(orders))} {trade.instrument} at "
            f"{len(prices)} prices from {amount(prices[0])} to {amount(prices[-1])} within "
            f"{lapse(ended - first)} ({percent(share)} of the {side} depth), with "
            f"{amount(float_sum(order.filled for order in orders))} filled, and "
            f"{lapse(trades[0].timestamp - ended)} later {did} {amount(quantity_of(trades))} there "
            f"at {amount(average_price(trades))}"
        )
        size = (share - self._minimum_share) / max(1e-9, 1.0 - self._minimum_share)
        more = min(1.0, (len(prices) - self._minimum_levels) / self._minimum_levels)
        confidence = _BASE + _SIZE * size + _LEVELS * more + _REPEATED * repeated(told.again)
        return finding(told, reason, min(1.0, confidence), {"depth_share": share})

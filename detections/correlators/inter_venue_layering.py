"""Layering over venues: orders pulled on one venue, once the other side has traded on another.

Whoever looks at the depth of an asset looks at all of its venues, and prices follow each other
within moments. So orders that mislead can stand on one venue while their owner trades on another,
and neither venue sees both. *Briargate Trading LLC*, SEC administrative proceeding of 8 October
2015 (several large orders on one exchange before it opened, trades on others, then the orders
cancelled); FINRA Rule 5210; MAR Annex I A(b) and A(f), and Commission Delegated Regulation (EU)
2016/522, Annex II (inter-trading venues manipulation; layering and spoofing, point 5(e)). Pools on
chain are venues as well: their swaps count as trades.

It looks at all venues of one token of the reference data. An account's name means something on its
own venue only, so a party is a cluster or an investor here. All of this must hold of one:

1. On one venue its orders stood at `minimum_levels` prices or more of one side, each at least
   `minimum_order_share` of the depth of its side (within the best `depth_levels` levels and
   `depth_range` of the best price), together `minimum_depth_share` of it, and it placed them within
   `window` of cancelling them.
2. It cancelled them within `pull_window`, with at most `maximum_fill_share` of each filled, and at
   most a quarter as much of it is left there.
3. While they stood, and at most `reaction` before the last of them went, it traded on the other
   side on another venue.
4. What it cancelled is at least `minimum_imbalance` times what it traded there, and what it shows
   on the other side of both books. Who was filled on the side of the orders meanwhile, by more than
   a quarter of that, hedges: he buys here and sells there. But not where it was at most
   `maximum_fill_share` of what he took off: nobody needs so many orders to be filled so little, and
   of orders near the touch one is always hit.
5. It happens so often when the party takes such orders off that chance alone would do it less often
   with a probability of `minimum_significance` (:mod:`detections.books.coincidence`), nor does it
   mostly have another order there at once, as who quotes on several venues does.

The numbers are those of `layering`, where it has them; the reaction is longer, since venues and
pools keep their own clocks and a block takes its time. Needs accounts, and reference data that says
whose they are. Until a token was seen on a second market, nothing is kept but its large orders.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, Witness, step, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse
from detections.books.coincidence import Habits, habits
from detections.books.order_book import MOST_BOOKS
from detections.books.order_weight import depth_if_large
from detections.books.pulled_orders import Key, Large, Pulls, quantity_of
from detections.books.shown_orders import shown_by
from detections.correlators.base import ORDERS, TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room, latest
from detections.parties import Party, acting, is_exempt
from detections.rounding import reaches
from normalizer.events.chain_pools import PoolSwap
from normalizer.events.market import (
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    Trade,
)
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

#: Parties of all tokens; the idlest go first.
MOST_DEALERS = 100_000
#: Of a party in a token, the newest.
_MOST_PULLED, _MOST_DEALS = 64, 64
#: Parties, their orders and trades, in all tokens; so many come at once.
_MOST_KEPT, _AT_ONCE = 1_000_000, 2

# Confidence before it is calibrated on labelled data: a base, and what more prices, a larger share
# of depth and repetition add to it.
_BASE, _LEVELS, _SIZE, _REPEATED = 0.55, 0.15, 0.2, 0.1
_UNSURE = 0.6
#: What may be left of the orders, and what may have been filled on their side, as a part.
_LEFT, _HEDGED = 0.25, 0.25

#: A book: source, venue, instrument.
Book = tuple[str, str, str]


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on layering over venues sets."""

    #: Different prices of one side.
    minimum_levels: Annotated[int, Meta(ge=1, le=100)] = 2
    #: Each order, as a part of the depth of its side without it.
    minimum_order_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.02
    #: All orders, as a part of what stood on their side.
    minimum_depth_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: From placing an order to cancelling it.
    window: Annotated[Duration, Meta(gt=0, le=24 * HOUR)] = 10 * MINUTE
    #: The orders are cancelled within this time.
    pull_window: Annotated[Duration, Meta(gt=0, le=HOUR)] = 5 * SECOND
    #: The trade on the other venue comes so long before the last of them goes, at most.
    reaction: Annotated[Duration, Meta(gt=0, le=HOUR)] = 30 * SECOND
    #: Part of an order, and of all of them, that may be filled.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: What was cancelled is at least so many times what was traded, or shown, on the other side.
    minimum_imbalance: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: The probability with which chance would have it happen less often; 0 turns this off.
    minimum_significance: Annotated[float, Meta(ge=0, lt=1)] = 0.99
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Layer(Struct, frozen=True):
    """An order that was taken off, and where."""

    book: Book
    order: Large


class Deal(Struct, frozen=True):
    """A trade of a party."""

    timestamp: int
    book: Book
    buy: bool
    price: float
    quantity: float
    gap: int
    """Time since its trade before (see `detections.books.coincidence`)."""
    witness: Witness


class Dealer(Struct):
    """What one party does in one token, on all venues."""

    habits: Habits
    pulled: list[Layer] = []
    deals: list[Deal] = []


class State(Struct):
    """Orders that rest, parties, and who was found before."""

    pulls: Pulls = field(default_factory=Pulls)
    dealers: dict[tuple[str, str], Dealer] = {}
    """By token and party, the idlest first."""
    markets: dict[str, list[Book]] = {}
    """Of a token, the first two that were seen; the idlest token first."""
    found: Occurrences = field(default_factory=Occurrences)
    room: Room = field(default_factory=Room)
    """For parties, with orders that they took off and trades."""


@correlator("inter_venue_layering")
class InterVenueLayering(Correlator[State]):
    """See the module. Memory: 100,000 orders that rest, and 100,000 parties in a token, with 64
    orders and 64 trades, 1,000,000 in all."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 4
    uses_books = True
    uses_trades = True
    typology = "layering"
    needs = (ORDERS, TRADES | {"pool-swap"})
    needs_named = ORDERS
    actions = frozenset(
        {
            *("order-placed", "order-changed", "order-cancelled", "order-filled"),
            *("trade", "pool-swap", "feed-gap"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Of the orders, of what their owners usually do, and of who was found before."""
        return max(self._p.window, REPETITION_WINDOW)

    def observe(self, event: MarketEvent | PoolSwap) -> Iterable[Finding]:
        """Take one event of a venue's feed, or a swap."""
        kind = event.__class__
        if kind is FeedGap:
            self.state.pulls.missed(event)  # pyright: ignore[reportArgumentType]
            return ()
        token = event.token_id
        if token is None:
            return ()
        elsewhere = self._is_elsewhere(token, event)
        if kind is OrderPlaced:
            self._placed(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            self.state.pulls.large.pop(_key(event), None)  # pyright: ignore[reportArgumentType]
        elif not elsewhere:
            # Most tokens have one market: what is done there alone is for other correlators.
            if kind is OrderCancelled:
                self.state.pulls.large.pop(_key(event), None)  # pyright: ignore[reportArgumentType]
        elif kind is OrderCancelled:
            return self._cancelled(event)  # pyright: ignore[reportArgumentType]
        elif kind is Trade:
            self._traded(event)  # pyright: ignore[reportArgumentType]
        elif kind is OrderChanged:
            return self._changed(event)  # pyright: ignore[reportArgumentType]
        elif kind is PoolSwap:
            self._swapped(event)  # pyright: ignore[reportArgumentType]
        return ()

    def _is_elsewhere(self, token: str, event: MarketEvent | PoolSwap) -> bool:
        """Whether the token was seen on another market as well."""
        known = latest(self.state.markets, token, MOST_BOOKS, list[Book])
        if len(known) > 1:
            return True
        key = (event.provider, event.venue, event.instrument)
        if key not in known:
            known.append(key)
        return len(known) > 1

    # -- orders ------------------------------------------------------------------------------------

    def _placed(self, event: OrderPlaced) -> None:
        if event.investor_id is None and event.investor_cluster is None:
            return
        p, change = self._p, self.books.change
        if not depth_if_large(change, p.depth_levels, p.depth_range, p.minimum_order_share):
            return
        order, party = change.order, acting(event)
        if order is None or is_exempt(event.investor_labels, self._exempt):
            return
        dealer = self.state.dealers.get((event.token_id or "", party.key))
        if dealer is not None:
            dealer.habits.of(order.buy).note_placed(event.timestamp)
        unsure = change.book.unsure or "unsure" in event.tags
        self.state.pulls.place(
            _key(event),
            Large(
                event.order_id,
                party,
                order.buy,
                order.price,
                order.quantity,
                0.0,
                order.placed or step(event),
                unsure,
            ),
        )

    def _changed(self, event: OrderChanged) -> Iterable[Finding]:
        large = self.state.pulls.large.get(_key(event))
        change = self.books.change
        if large is None or change.order is None:
            return ()
        left = change.quantity_after
        large.price = change.order.price
        large.quantity = max(large.quantity, left)
        if left > self._p.maximum_fill_share * large.quantity:
            return ()
        return self._ended(event, large, change.order.filled)

    def _cancelled(self, event: OrderCancelled) -> Iterable[Finding]:
        large = self.state.pulls.large.get(_key(event))
        if large is None:
            return ()
        order = self.books.change.order
        return self._ended(event, large, 0.0 if order is None else order.filled)

    def _ended(
        self, event: OrderCancelled | OrderChanged, large: Large, filled: float
    ) -> Iterable[Finding]:
        """An order makes no impression any more."""
        p, now = self._p, event.timestamp
        del self.state.pulls.large[_key(event)]
        if (
            filled > p.maximum_fill_share * large.quantity
            or now - large.placed.timestamp > p.window
        ):
            return ()
        large.filled = filled
        large.ended = witness(event)
        dealer = self._dealer(event.token_id or "", large.party, now)
        dealer.habits.of(large.buy).note_pulled(now, p.reaction)
        since = now - p.pull_window
        dealer.pulled = [one for one in dealer.pulled if one.order.ended_at >= since]
        dealer.pulled.append(Layer((event.provider, event.venue, event.instrument), large))
        del dealer.pulled[:-_MOST_PULLED]
        if not any(one.timestamp >= now - p.reaction for one in dealer.deals[-1:]):
            return ()
        return self._judge(event, large, dealer)

    # -- trades ------------------------------------------------------------------------------------

    def _traded(self, trade: Trade) -> None:
        for cluster, investor, account, buy in (
            (trade.buyer_cluster, trade.buyer_id, trade.buyer_account, True),
            (trade.seller_cluster, trade.seller_id, trade.seller_account, False),
        ):
            if cluster is not None or investor is not None:
                party = Party(account, investor, cluster)
                self._deal(trade, party, buy, trade.price, trade.quantity)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it isn't what orders elsewhere were for."""
        for cluster, investor in (
            (was.buyer_cluster, was.buyer_id),
            (was.seller_cluster, was.seller_id),
        ):
            dealer = self.state.dealers.get((was.token_id or "", cluster or investor or ""))
            if dealer is None:
                continue
            dealer.deals = [
                one
                if one.witness.id != was.id or now is None
                else replace(one, price=now.price, quantity=now.quantity)
                for one in dealer.deals
                if one.witness.id != was.id or now is not None
            ]

    def _swapped(self, swap: PoolSwap) -> None:
        known = swap.investor_id is not None or swap.investor_cluster is not None
        if known and swap.side is not None and swap.price is not None and swap.quantity:
            self._deal(swap, acting(swap), swap.side == "buy", swap.price, swap.quantity)

    def _deal(
        self, event: Trade | PoolSwap, party: Party, buy: bool, price: float, quantity: float
    ) -> None:
        now = event.timestamp
        dealer = self._dealer(event.token_id or "", party, now)
        gap = dealer.habits.of(not buy).note_trade(now)
        book = (event.provider, event.venue, event.instrument)
        dealer.deals.append(Deal(now, book, buy, price, quantity, gap, witness(event)))
        del dealer.deals[:-_MOST_DEALS]

    def _dealer(self, token: str, party: Party, now: int) -> Dealer:
        state = self.state
        if state.room.take(_MOST_KEPT, _AT_ONCE):
            known = (
                (0, 1 + len(one.pulled) + len(one.deals), key) for key, one in state.dealers.items()
            )
            state.room.make(_MOST_KEPT, known, state.dealers.pop)
        key = (token, party.key)
        return latest(self.state.dealers, key, MOST_DEALERS, lambda: Dealer(habits(now)))

    # -- judging -----------------------------------------------------------------------------------

    def _judge(
        self, event: OrderCancelled | OrderChanged, large: Large, dealer: Dealer
    ) -> Iterable[Finding]:
        p, now, buy = self._p, event.timestamp, large.buy
        book = (event.provider, event.venue, event.instrument)
        orders = [one.order for one in dealer.pulled if one.book == book and one.order.buy is buy]
        if len({order.price for order in orders}) < p.minimum_levels:
            return ()
        begun = min(order.placed.timestamp for order in orders)
        lately = [one for one in dealer.deals if begun <= one.timestamp <= now]
        deals = [
            one
            for one in lately
            if one.buy is not buy and one.book[1:] != book[1:] and one.timestamp >= now - p.reaction
        ]
        if not deals:
            return ()
        habit = dealer.habits.of(buy)
        habit.note_met(now)
        quantity, traded = quantity_of(orders), float_sum(one.quantity for one in deals)
        hedged = float_sum(one.quantity for one in lately if one.buy is buy)
        share = self._share(quantity, buy)
        chance = dealer.habits.chance(buy, now, [one.gap for one in deals])
        if (
            not reaches(share, p.minimum_depth_share)
            or not reaches(quantity, p.minimum_imbalance * traded)
            or hedged > max(_HEDGED * traded, p.maximum_fill_share * quantity)
            or 1.0 - chance < p.minimum_significance
            or habit.quotes
        ):
            return ()
        party, shown, levels, width = large.party, 0.0, p.depth_levels, p.depth_range
        for key in dict.fromkeys((book, *(one.book for one in deals))):
            there = self.books.state.books.get(key)
            if there is not None:
                standing = self.books.standing(there)
                shown += shown_by(standing, there, party, not buy, levels, width)
        here = self.books.change.book
        left = shown_by(self.books.standing(here), here, party, buy, levels, width)
        if not reaches(quantity, p.minimum_imbalance * shown) or left > _LEFT * quantity:
            return ()
        gone = {order.order_id for order in orders}
        dealer.pulled = [one for one in dealer.pulled if one.order.order_id not in gone]
        habit.set_aside([one.gap for one in deals])
        again = times(self.state.found, party, event)
        return [self._finding(event, orders, deals, share, shown, chance, again)]

    def _share(self, quantity: float, buy: bool) -> float:
        """The orders, of all that stood on their side with them."""
        p = self._p
        left = self.books.change.book.side(buy).depth(p.depth_levels, p.depth_range)
        return quantity / (quantity + left)

    def _finding(
        self,
        event: MarketEvent,
        orders: Sequence[Large],
        deals: Sequence[Deal],
        share: float,
        shown: float,
        chance: float,
        again: int,
    ) -> Finding:
        p, buy = self._p, orders[0].buy
        parties = list(dict.fromkeys(order.party for order in orders))
        ends = [order.ended for order in orders if order.ended is not None]
        seen = {
            one.id: one
            for one in (
                *(order.witness for order in orders),
                *ends,
                *(deal.witness for deal in deals),
            )
        }
        prices = sorted({order.price for order in orders})
        quantity, traded = quantity_of(orders), float_sum(deal.quantity for deal in deals)
        value = float_sum(deal.quantity * deal.price for deal in deals)
        placed, did = ("bids", "sold") if buy else ("offers", "bought")
        places = ", ".join(dict.fromkeys(deal.book[1] for deal in deals))
        unsure = any(order.unsure for order in orders)
        more = min(1.0, (len(prices) - p.minimum_levels) / max(1, p.minimum_levels))
        confidence = _BASE + _LEVELS * more + _SIZE * share + _REPEATED * repeated(again)
        return Finding(
            entities=tuple(dict.fromkeys(name for party in parties for name in party.names)),
            reason=(
                f"{parties[0]} had {placed} of {amount(quantity)} {event.instrument} at "
                f"{len(prices)} prices from {amount(prices[0])} to {amount(prices[-1])} on "
                f"{event.venue}, {did} {amount(traded)} on {places} at "
                f"{amount(round(value / traded, 8) if traded else deals[0].price)}, and cancelled "
                f"them within {lapse(event.timestamp - deals[-1].timestamp)} of that with "
                f"{amount(float_sum(order.filled for order in orders))} filled"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=min(1.0, confidence) * (_UNSURE if unsure else 1.0),
            metrics={
                "levels": float(len(prices)),
                "orders": float(len(orders)),
                "layered_quantity": quantity,
                "depth_share": share,
                "filled_quantity": float_sum(order.filled for order in orders),
                "traded_quantity": traded,
                "shown_on_other_side": shown,
                "cancelled_after_seconds": (event.timestamp - deals[-1].timestamp) / SECOND,
                "chance": chance,
                "times_in_an_hour": float(again),
            },
            tags=("unsure",) if unsure else (),
        )


def _key(event: OrderPlaced | OrderChanged | OrderCancelled | OrderFilled) -> Key:
    return event.provider, event.venue, event.instrument, event.order_id

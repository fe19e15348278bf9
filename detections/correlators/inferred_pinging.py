"""Pinging where a feed names no accounts: small orders of one quantity, and then a large trade.

For the law see `pinging`. What ties small orders together on a public feed is their quantity: many
of exactly the same one, on one side, that are cancelled in a moment or take just that much, far
more of them than usual; and then somebody takes a lot the same way. It is a lead, and its alerts
are marked `inferred` and `anonymous`: that the orders are one party's is inferred from their size
and time, and that the large trade is its own is a guess: in a busy market one comes along by
chance. All of this must hold of a book, order by order:

1. Within `window` `minimum_pings` orders or more of one side and of the same quantity, at most
   `maximum_ping_share` of the middle quantity of the book's last trades, were cancelled unfilled
   within `maximum_lifetime` of coming, or took that quantity as they came in. Those of one second
   count once: what comes faster is `quote_stuffing`. Of an order that takes several others each is
   a trade, and none of them a small order: they are told by its id, or as trades of one moment.
2. On the other side there were at most half as many of that quantity.
3. That is `minimum_growth` times as many of one quantity and side as usual in as long a time, by
   the median of the half hour before: some programmes show such orders all day long.
4. Within `reaction` after the last of them somebody takes on the same side, in one second, at least
   `minimum_multiple` times the quantity of a ping, and `minimum_size` times the middle quantity.

What is usual is counted by steps of 10 s. Nothing is found before 12 of them are known. A feed that
shows no orders one by one tells only of those that took at once. The numbers are our choice.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import TRADES, Correlator, correlator
from detections.idlest import latest
from detections.markets.linked_markets import MarketKey
from detections.parties import names_nobody
from detections.rounding import reaches
from normalizer.events.market import MarketEvent, OrderCancelled, OrderRemoved, Trade
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

#: Confidence before it is calibrated on labelled data.
_CONFIDENCE = 0.3
#: Of a book, the newest small orders on each side.
_MOST_PINGS = 128
#: Trades from which the usual quantity is learnt, and how few say nothing.
_MOST_TRADES, _ENOUGH = 60, 12
#: What is taken within this time is one trade; the first trades of it are evidence.
_AT_ONCE, _MOST_TAKING = SECOND, 32
#: Steps by which small orders are counted, how few say nothing, and how many are remembered.
_STEP, _KNOWN, _MOST_STEPS = 10 * SECOND, 12, 180
#: Quantities that are counted in one step.
_MOST_QUANTITIES = 64


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on inferred pinging sets."""

    #: Small orders of one quantity on one side,
    minimum_pings: Annotated[int, Meta(ge=2, le=128)] = 12
    #: within this time,
    window: Annotated[Duration, Meta(gt=0, le=HOUR)] = MINUTE
    #: each at most such a part of the middle quantity of the book's last trades,
    maximum_ping_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.25
    #: and cancelled so soon after coming, if it took nothing.
    maximum_lifetime: Annotated[Duration, Meta(gt=0, le=MINUTE)] = SECOND // 2
    #: How many times as many as usual.
    minimum_growth: Annotated[float, Meta(ge=0, le=1_000)] = 3.0
    #: After the last of them, how long the large trade may take to come.
    reaction: Annotated[Duration, Meta(gt=0, le=HOUR)] = 30 * SECOND
    #: The trade, as a multiple of what a ping is of,
    minimum_multiple: Annotated[float, Meta(ge=1, le=10_000)] = 10.0
    #: and of the middle quantity.
    minimum_size: Annotated[float, Meta(ge=1, le=10_000)] = 5.0


class Ping(Struct, frozen=True, gc=False):
    """A small order that came and went, or took something."""

    quantity: float
    seen: Witness


class Book(Struct):
    """What is known of one book."""

    quantities: list[float] = []
    """Of its last trades."""
    ordered: list[float] = []
    """The same by size."""
    middle: float = 0.0
    """0 while there are too few to say."""
    buys: list[Ping] = []
    sells: list[Ping] = []
    step: int = -1
    counts: dict[float, int] = {}
    """Of this step, by quantity; of sales its negative."""
    steps: list[int] = []
    """Of earlier steps, how many there were of the commonest."""
    usual_step: float = 0.0
    """The median of these."""
    taking_buys: bool = False
    taking: list[Witness] = []
    """Trades of one second, of who takes now."""
    taken: float = 0.0
    order: str = ""
    """Who takes now, by order or moment."""
    counted: float = 0.0
    """What of it was counted in this step, as in `counts`; 0 where nothing was."""

    def pings(self, buy: bool) -> list[Ping]:
        """Of one side, the newest."""
        return self.buys if buy else self.sells

    def ping(self, ping: Ping, buy: bool) -> None:
        """A small order came and went."""
        pings = self.pings(buy)
        pings.append(ping)
        if len(pings) > _MOST_PINGS:
            del pings[0]
        self.pass_to(ping.seen.timestamp)
        self.count(ping.quantity if buy else -ping.quantity)

    def count(self, key: float, more: int = 1) -> None:
        """So many more of a quantity and side in this step."""
        if key in self.counts or len(self.counts) < _MOST_QUANTITIES:
            self.counts[key] = max(0, self.counts.get(key, 0) + more)

    def ping_taking(self, ping: Ping, buy: bool, more: bool) -> None:
        """A small trade. One of `more` than one of an order is not counted as usual."""
        self.ping(ping, buy)
        self.counted = ping.quantity if buy else -ping.quantity
        if more:
            self.count(self.counted, -1)
            self.counted = 0.0

    def goes_on(self, trade: Trade) -> bool:
        """Whether the order that took last takes more. Then the first part counts no longer."""
        order = f"{trade.side} {trade.taker_order_id or trade.timestamp}"
        if order != self.order:
            self.order, self.counted = order, 0.0
            return False
        if self.counted:
            self.count(self.counted, -1)
            self.counted = 0.0
        return True

    def revise(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected."""
        pings = self.pings(was.side == "buy")
        for place, one in enumerate(pings):
            if one.seen.id == was.id:
                pings[place : place + 1] = [] if now is None else [Ping(now.quantity, one.seen)]
                break

    def pass_to(self, time: int) -> None:
        """Time goes on: steps that have ended are counted."""
        number = time // _STEP
        if number > self.step:
            if self.step >= 0:
                self.steps.append(max(self.counts.values(), default=0))
                self.steps += [0] * min(number - self.step - 1, _MOST_STEPS)
                del self.steps[:-_MOST_STEPS]
                self.usual_step = float(median(self.steps))
            self.step = number
            self.counts.clear()
            self.counted = 0.0

    def usual(self, time: int) -> float:
        """Small orders of one quantity and side in so long a time."""
        return self.usual_step * time / _STEP

    def learn(self, quantity: float) -> None:
        """A trade tells what is usual."""
        quantities, ordered = self.quantities, self.ordered
        quantities.append(quantity)
        insort(ordered, quantity)
        if len(quantities) > _MOST_TRADES:
            del ordered[bisect_left(ordered, quantities.pop(0))]
        many = len(ordered)
        if many >= _ENOUGH:
            self.middle = (ordered[(many - 1) // 2] + ordered[many // 2]) / 2


class State(Struct):
    """What is known, by book."""

    books: dict[tuple[str, str, str], Book] = {}


@correlator("inferred_pinging")
class InferredPinging(Correlator[State]):
    """See the module. Memory: per book 128 small orders on each side, and 60 quantities."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 2
    uses_books = True
    uses_trades = True
    of_unnamed = True
    highest_level = "medium"
    typology = "front_running"
    needs = (TRADES,)
    # Placed orders are for the books, which know when it was.
    actions = frozenset({"order-placed", "order-cancelled", "order-removed", "trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """Of the small orders, and some of what is usual."""
        return self._p.window + self._p.reaction + HOUR

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is Trade:
            return self._traded(event)  # pyright: ignore[reportArgumentType]
        if kind is OrderCancelled or kind is OrderRemoved:
            self._cancelled(event)
        return ()

    def _cancelled(self, event: MarketEvent) -> None:
        change = self.books.change
        order = change.order
        if (
            order is None
            or event.timestamp - order.placed_at > self._p.maximum_lifetime
            or order.account
            or order.investor
            or order.cluster
            or order.filled
            or change.traded
        ):
            return
        book = self.state.books.get((event.provider, event.venue, event.instrument))
        if book is not None and 0 < order.most <= self._p.maximum_ping_share * book.middle:
            book.ping(Ping(order.most, witness(event)), order.buy)

    def _traded(self, trade: Trade) -> Iterable[Finding]:
        if trade.side is None or not names_nobody(trade):
            return ()  # `pinging` looks at these
        key = (trade.provider, trade.venue, trade.instrument)
        book = latest(self.state.books, key, MOST_BOOKS, Book)
        middle, buys = book.middle, trade.side == "buy"
        book.pass_to(trade.timestamp)
        more = book.goes_on(trade)
        if trade.quantity <= self._p.maximum_ping_share * middle:
            book.ping_taking(Ping(trade.quantity, witness(trade)), buys, more)
        else:
            book.learn(trade.quantity)
        if not middle:
            return ()
        self._take(book, trade, buys)
        if not reaches(book.taken, self._p.minimum_size * middle):
            return ()
        return self._judge(trade, book, buys)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: small orders, and who takes now, without them."""
        book = self.state.books.get(market)
        if book is None:
            return
        for was, now in revisions:
            book.revise(was, now)
        if book.middle:
            book.taking, book.taken = [], 0.0
            for trade in self._taking(market):
                self._take(book, trade, trade.side == "buy")

    def _whole(self, pings: list[Ping], trade: Trade, buys: bool) -> list[Ping]:
        """Those that took no more than that, as far as trades are known."""
        market = (trade.provider, trade.venue, trade.instrument)
        order_of: dict[str, str | int] = {}
        taken: dict[str | int, float] = {}
        for one in self.trades.since(pings[0].seen.timestamp, market):
            if one.side is not None and (one.side == "buy") is buys:
                order = order_of[one.id] = one.taker_order_id or one.timestamp
                taken[order] = taken.get(order, 0.0) + one.quantity
        return [
            one
            for one in pings
            if (order := order_of.get(one.seen.id)) is None or taken[order] <= one.quantity
        ]

    def _taking(self, market: MarketKey) -> Sequence[Trade]:
        """The newest trades of one way, each soon behind the one before."""
        found: list[Trade] = []
        for one in self.trades.newest(market):
            if one.side is None or not names_nobody(one):
                continue
            if found and (
                one.side != found[-1].side or found[-1].timestamp - one.timestamp > _AT_ONCE
            ):
                break
            found.append(one)
        return found[::-1]

    def _take(self, book: Book, trade: Trade, buys: bool) -> None:
        """What is taken one way in one second is one trade."""
        taking = book.taking
        if (
            not taking
            or book.taking_buys is not buys
            or (trade.timestamp - taking[0].timestamp > _AT_ONCE)
        ):
            taking.clear()
            book.taking_buys, book.taken = buys, 0.0
        book.taken += trade.quantity
        if len(taking) < _MOST_TAKING:
            taking.append(witness(trade))

    def _judge(self, trade: Trade, book: Book, buys: bool) -> Iterable[Finding]:
        p, now = self._p, trade.timestamp
        usual = book.usual(p.window)
        least = max(p.minimum_pings, p.minimum_growth * usual)
        most = (p.window + p.reaction) // SECOND + 2
        if len(book.steps) < _KNOWN or not reaches(most, least):
            return ()  # they count once in a second: in a busy book that can't be enough
        began = book.taking[0].timestamp
        since = began - p.reaction - p.window
        pings = [one for one in book.pings(buys) if since <= one.seen.timestamp <= began]
        if len(pings) < p.minimum_pings:
            return ()
        ((quantity, many),) = Counter([one.quantity for one in pings]).most_common(1)
        if not reaches(many, least):
            return ()
        pings = [one for one in pings if one.quantity == quantity]
        last = pings[-1].seen.timestamp
        pings = [one for one in pings if last - one.seen.timestamp <= p.window]
        first = pings[0].seen.timestamp
        times = _seconds(pings)
        against = sum(
            1
            for one in book.pings(not buys)
            if one.quantity == quantity and first <= one.seen.timestamp <= last
        )
        if (
            not reaches(times, least)
            or now - last > p.reaction
            or 2 * against > len(pings)
            or not reaches(book.taken, p.minimum_multiple * quantity)
        ):
            return ()
        pings = self._whole(pings, trade, buys)
        if 2 * against > len(pings) or not reaches(_seconds(pings), least):
            return ()
        first, last = pings[0].seen.timestamp, pings[-1].seen.timestamp
        kept_pings = book.pings(buys)
        kept_pings[:] = [one for one in kept_pings if one.quantity != quantity]
        seen = {one.id: one for one in (*(ping.seen for ping in pings), *book.taking)}
        side, did = ("buy", "bought") if buys else ("sell", "sold")
        return [
            Finding(
                entities=(f"{trade.venue} {trade.instrument}",),
                reason=(
                    f"{len(pings)} orders to {side} {amount(quantity)} {trade.instrument} each "
                    f"came and went at once on {trade.venue}, or took just that, within "
                    f"{lapse(last - first)}, where {amount(round(usual, 1))} of one quantity are "
                    f"usual in {lapse(p.window)}; and within {lapse(began - last)} after the last "
                    f"of them somebody {did} {amount(book.taken)} (the feed names no accounts)"
                ),
                witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
                confidence=_CONFIDENCE,
                metrics={
                    "pings": float(len(pings)),
                    "ping_quantity": quantity,
                    "usual_pings": usual,
                    "quantity": book.taken,
                    "usual_quantity": book.middle,
                    "reaction_seconds": (began - last) / SECOND,
                },
                tags=("inferred", "anonymous"),
            )
        ]


def _seconds(pings: list[Ping]) -> int:
    """In how many they were."""
    return len({one.seen.timestamp // SECOND for one in pings})

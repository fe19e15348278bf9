"""Message bursts of a whole market: quote stuffing on feeds that name nobody.

MAR 12(2)(c)(i) (disrupting or delaying a trading system); Commission Delegated Regulation (EU)
2016/522, Annex II. `quote_stuffing` looks at what one party sends; public feeds don't tell who that
is. What they tell is how much comes in a market, against what usually does. All of this must hold:

1. Within `window` there are `minimum_messages` messages about orders in one book or more: orders,
   changes and cancellations; of a feed by price level, its updates. None of them names an account.
   More cancellations than orders came are of older ones, and don't count: whoever leaves takes all
   he has off at once.
2. They are `multiple_of_usual` times what usually comes in as long a time or more: the median of
   the last 60 such times in which anything came, and twice the most of these, without those of
   bursts, and without the one right before and right after each: the clock parts a burst where it
   likes. While fewer than six are known nothing is said. Where six of these were bursts, further
   ones are usual.
3. There are `minimum_ratio` or more of them for each trade of that time, and `multiple_of_ratio`
   times as many for each trade as usual (where there were any): news makes many orders as well, and
   trades with them.
4. `minimum_pulled_share` of the orders that came are gone again by the end (of a feed by order).

**Without accounts** nobody can say that it was one party, nor that it was meant: makers who all
move their quotes at once look much alike. So it is marked `anonymous`, and never more than a hint
for the venue, which knows the accounts. The numbers are choices. It alerts again when a burst has
doubled.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.message_rates import Usual
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import LEVELS, ORDERS, Correlator, correlator
from detections.idlest import Room, drop_idlest
from normalizer.events.market import (
    BookUpdate,
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderEvent,
    OrderPlaced,
    OrderReceived,
    Trade,
)
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

#: Messages of a book's window that are kept as evidence: the newest.
_MOST_WITNESSES = 2_000
#: So many bursts within so many windows in which anything came aren't learnt; what goes on for
#: longer, or comes again and again, is how the market is.
_MOST_BURSTS, _LATELY = 6, 60
#: Of the most that usually comes, a burst is so many times as much.
_OF_MOST = 2.0
# Confidence before it is calibrated on labelled data: a base, and what a larger burst adds. Nobody
# is named, so it never is sure.
_BASE, _SIZE = 0.35, 0.2
_FULL_SIZE = 5.0

#: When, `event.id`, `event.original`, and the order's id, if it has one.
Kept = tuple[int, str, str, str]

#: Messages that are kept of all books.
_MOST_KEPT_IN_ALL = 500_000


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on message bursts sets."""

    #: The time within which messages are counted, by the clock (UTC).
    window: Annotated[Duration, Meta(ge=SECOND, le=2 * MINUTE)] = 5 * SECOND
    #: Messages within the window, below which nothing is a burst.
    minimum_messages: Annotated[int, Meta(ge=10, le=1_000_000)] = 500
    #: How many times what is usual a burst must be.
    multiple_of_usual: Annotated[float, Meta(ge=1, le=1_000)] = 8.0
    #: Messages for each trade,
    minimum_ratio: Annotated[float, Meta(ge=1, le=1_000_000)] = 50.0
    #: and how many times as many as usual.
    multiple_of_ratio: Annotated[float, Meta(ge=1, le=1_000)] = 4.0
    #: Part of the orders that came which are gone again.
    minimum_pulled_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.7


class Market(Struct):
    """One book: the window that goes on, and what is usual."""

    window: int
    """Its number."""
    messages: int = 0
    trades: int = 0
    came: int = 0
    gone: int = 0
    by_order: bool = False
    tells_receipt: bool = False
    due: int = 0
    """So many messages are looked at next; 0 while nothing is known of what is usual."""
    alerts: int = 0
    named: bool = False
    """Whether an account was told in this window: then that is `quote_stuffing`'s."""
    began: int = 0
    kept: list[Kept] = []
    usual: Usual = field(default_factory=Usual)
    usual_trades: Usual = field(default_factory=Usual)
    passed: int = 0
    """Windows in which anything came."""
    bursts: list[int] = []
    """Of these, the numbers of the newest bursts that weren't learnt."""
    burst_at: int = -2
    """The window of the newest of these."""
    held: tuple[int, int, int] | None = None
    """The window before, its messages and trades: learnt once no burst has come right after it."""

    def learn(self, messages: int, trades: int) -> None:
        """So much is usual in a window."""
        self.usual.learn(messages)
        self.usual_trades.learn(trades)

    def forget(self) -> None:
        """Let go of the messages that are kept."""
        self.kept = []


class State(Struct):
    """Markets by source, venue and instrument, the idlest first by windows."""

    markets: dict[tuple[str, str, str], Market] = {}
    room: Room = field(default_factory=Room)
    """For the messages that are kept."""


@correlator("message_bursts")
class MessageBursts(Correlator[State]):
    """See the module. Memory: 20,000 books, each with at most 4,000 messages of its window,
    and 500,000 in all."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 3
    typology = "quote_stuffing"
    needs = (ORDERS | LEVELS | {"order-received"},)
    actions = frozenset(
        {
            *("order-received", "order-placed", "order-changed", "order-cancelled"),
            *("book-update", "trade"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._window = parameters.window

    @property
    def horizon(self) -> int:
        """What is usual is learnt again from so far back."""
        return max(60 * self._window, HOUR)

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        key = (event.provider, event.venue, event.instrument)
        market = self.state.markets.get(key)
        window = event.timestamp // self._window
        if market is None or window > market.window:
            market = self._next(key, market, window, event.timestamp)
        kind = event.__class__
        if kind is Trade:
            market.trades += 1
            return ()
        if market.named:
            return ()
        if kind is not BookUpdate:
            self._ordered(event, market)  # pyright: ignore[reportArgumentType]
            if market.named:
                return ()
        elif market.by_order:
            return ()  # the same once more, level by level
        market.messages += 1
        if self.state.room.take(_MOST_KEPT_IN_ALL):
            self._make_room(window)
        kept = market.kept
        kept.append((event.timestamp, event.id, event.original, getattr(event, "order_id", "")))
        if len(kept) >= 2 * _MOST_WITNESSES:
            del kept[:_MOST_WITNESSES]
        if not market.due or market.messages < market.due:
            return ()
        return self._judge(event, market)

    def _make_room(self, window: int) -> None:
        """Too many may be kept: let go of those of past windows, and then of the idlest books'."""
        markets = self.state.markets.values()
        for one in markets:
            if one.window < window and one.kept:
                one.kept = []
        known = ((one.window, len(one.kept), one) for one in markets)
        self.state.room.make(_MOST_KEPT_IN_ALL, known, Market.forget)

    def _ordered(self, event: OrderEvent, market: Market) -> None:
        if event.investor_account is not None or event.investor_id is not None:
            market.named, market.kept, market.messages = True, [], 0
            return
        market.by_order = True
        kind = event.__class__
        if kind is OrderReceived:
            market.tells_receipt = True
            market.came += 1
        elif kind is OrderPlaced:
            market.messages -= market.tells_receipt  # it was counted when it was received
            market.came += not market.tells_receipt
        elif kind is OrderCancelled:
            if market.gone < market.came:
                market.gone += 1
            else:
                market.messages -= 1  # of an order that was there before
        elif kind is OrderChanged:
            market.came += 1
            market.gone += 1

    def _next(
        self, key: tuple[str, str, str], market: Market | None, window: int, now: int
    ) -> Market:
        """A new window begins; what came in the last one is learnt, unless it was a burst."""
        markets = self.state.markets
        if market is None:
            if len(markets) >= MOST_BOOKS:
                drop_idlest(markets, MOST_BOOKS - 1)
            market = markets[key] = Market(window, began=now)
            return market
        del markets[key]  # to be put back at the end: the first is the idlest
        markets[key] = market
        if market.messages:
            market.passed += 1
            self._learn(market)
        market.window, market.began, market.alerts, market.named = window, now, 0, False
        market.messages = market.trades = market.came = market.gone = 0
        market.kept = []
        if market.usual.middle:
            p = self._p
            market.due = max(
                p.minimum_messages,
                round(p.multiple_of_usual * market.usual.middle),
                round(_OF_MOST * max(market.usual.counts)),
            )
        return market

    def _learn(self, market: Market) -> None:
        """A window has ended. What came right before and after a burst is a part of it."""
        ended, held, often = market.window, market.held, self._comes_often(market)
        is_burst = market.alerts > 0 and not often
        if held is not None and (not is_burst or held[0] != ended - 1):
            market.learn(held[1], held[2])
        market.held = None
        if is_burst:
            market.bursts = [*market.bursts, market.passed][-_MOST_BURSTS:]
            market.burst_at = ended
        elif often:
            market.learn(market.messages, market.trades)
        elif market.burst_at != ended - 1:
            market.held = (ended, market.messages, market.trades)

    def _comes_often(self, market: Market) -> bool:
        """Whether there were so many bursts lately that another one is usual."""
        bursts = market.bursts
        return len(bursts) >= _MOST_BURSTS and market.passed - bursts[0] <= _LATELY

    def _judge(self, event: MarketEvent, market: Market) -> Iterable[Finding]:
        p, messages = self._p, market.messages
        ratio = messages / max(1, market.trades)
        past = sum(market.usual_trades.counts)
        usual = sum(market.usual.counts) / past if past else 0.0
        pulled = market.gone / market.came if market.came else 0.0
        if (
            ratio < p.minimum_ratio
            or ratio < p.multiple_of_ratio * usual
            or (market.by_order and pulled < p.minimum_pulled_share)
        ):
            market.due = messages + max(1, messages // 10)
            return ()
        market.alerts += 1
        market.due = 2 * messages
        return [self._finding(event, market, pulled)]

    def _finding(self, event: MarketEvent, market: Market, pulled: float) -> Finding:
        many = market.messages / market.usual.middle
        span = max(1, event.timestamp - market.began)
        trades = {0: "no trade", 1: "one trade"}.get(market.trades, f"{market.trades:,} trades")
        gone = f" {percent(pulled)} of the orders gone again," if market.by_order else ""
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"{market.messages:,} messages about orders of {event.instrument} came on "
                f"{event.venue} within {lapse(span)}, {amount(round(many, 1))} times what is usual,"
                f"{gone} with {trades}; the feed doesn't say whose they are"
            ),
            witnesses=tuple(
                Witness(
                    id=identity,
                    timestamp=time,
                    original=original,
                    orders=(order,) if order else (),
                    source=event.provider,
                )
                for time, identity, original, order in market.kept[-_MOST_WITNESSES:]
            ),
            confidence=_BASE
            + _SIZE * min(1.0, (many / self._p.multiple_of_usual - 1) / (_FULL_SIZE - 1)),
            metrics={
                "messages": float(market.messages),
                "trades": float(market.trades),
                "usual_messages": market.usual.middle,
                "multiple_of_usual": many,
                "pulled_share": pulled,
                "alert_of_series": float(market.alerts),
            },
            tags=("anonymous", *(("unsure",) if "unsure" in event.tags else ())),
        )

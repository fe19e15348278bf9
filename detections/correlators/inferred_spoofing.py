"""Spoofing where a feed names no accounts: large orders or levels that come and go, as if by rule.

A public feed says of an order at most its id, and of a level nothing but its quantity, so nobody
can say who trades on the other side. What can be seen is a pattern that repeats: somebody shows the
same large quantity on the same side again and again, each time for a moment, and each time others
come and take from the other side meanwhile. Sarao and his likes were known on the tape by the size
of their orders before anybody knew their names (*CFTC v. Sarao*, No. 15-cv-3398). It is a lead, and
its alerts are marked `inferred` and `anonymous`. For the law see `spoofing`; of several orders that
go together `inferred_layering` tells. All of this must hold:

1. An order without an account (or a level of a feed without orders) gets `minimum_depth_share` of
   the depth of its side without it, or more, within the best `depth_levels` levels and
   `depth_range` of the best price.
2. That goes within `maximum_lifetime`, and at most `maximum_fill_share` of it by trades. On a feed
   by level, what went is inferred from the level's quantity and the trades at its price
   (:mod:`detections.books.level_changes`).
3. From its coming to `execution_window` after its going, somebody takes from the other side, as who
   believes in the impression does: buys, where it was a bid.
4. Within a second after that nothing as large is there in its stead. Makers move their quotes, at
   once, and above all when something trades.
5. This happens `minimum_times` within `window` on one side, with quantities that differ by
   `quantity_tolerance` at most, and such a quantity comes less than half as often on the other
   side: who makes a market shows it on both. And of all the large ones of such a quantity that come
   on this side meanwhile it happens to half at least: it is the quantity alone that says that they
   are one party's, and where half of what a market is sent is 100 shares that says nothing.
6. Large orders that go meet such trades so often that chance alone, as often as there are trades,
   would do it less often with a probability of `minimum_significance`
   (:mod:`detections.books.coincidence`).

Or 3 and 6 don't hold, but it happens `minimum_times_alone` within `window`: nobody is drawn in by
it, or so many trade anyway that nothing can be said, but so Sarao's orders of 188 and 289 lots were
known. Such a quantity must be there for less than half of the time then, from the first coming to
the last going, or it isn't for moments. Who pegs an order to the best price, or shows a part of it,
has the next one there at once, or as soon as his program looks again: that may take seconds.

The numbers are choices. Three times is the least that can be called a pattern.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse
from detections.books.coincidence import Habits, habits
from detections.books.order_book import MOST_BOOKS, Resting
from detections.books.order_weight import depth_if_large, levels_to_look_at, passes_small
from detections.correlators.base import LEVELS, ORDERS, Correlator, correlator
from detections.engine.feed_gaps import is_of
from detections.idlest import latest
from detections.rounding import reaches
from normalizer.events.market import (
    BookUpdate,
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRemoved,
    Trade,
)
from pipeline.units import HOUR, MILLISECOND, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data, and what more repetition adds to it.
_BASE, _REPEATED = 0.3, 0.2
#: So many times what is needed are as sure as it gets.
_FULL = 3.0
#: What is as large within this time is there in its stead.
_STEAD = SECOND
_SIMILAR = 0.5
#: Per book: what is watched at once, and times that are remembered.
_MOST_LIVE, _MOST_TIMES, _MOST_CAME = 64, 64, 256
#: Trades of one time that are kept as evidence.
_MOST_TRADES = 5


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on inferred spoofing sets."""

    #: What comes, as a part of the depth of its side without it.
    minimum_depth_share: Annotated[Ratio, Meta(gt=0, le=100)] = 0.1
    #: Price levels that count as visible depth, from the best.
    depth_levels: Annotated[int, Meta(ge=1, le=1_000)] = 10
    #: How far from the best price levels count.
    depth_range: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: From its coming to its going.
    maximum_lifetime: Annotated[Duration, Meta(ge=MILLISECOND, le=10 * MINUTE)] = 5 * SECOND
    #: Part of it that may go by trades.
    maximum_fill_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: After it has gone, how long a trade on the other side still counts.
    execution_window: Annotated[Duration, Meta(ge=0, le=SECOND)] = SECOND
    #: How often it happens while others trade,
    minimum_times: Annotated[int, Meta(ge=1, le=64)] = 3
    #: or whoever trades, on one side,
    minimum_times_alone: Annotated[int, Meta(ge=2, le=64)] = 6
    #: within this time,
    window: Annotated[Duration, Meta(gt=0, le=24 * HOUR)] = 10 * MINUTE
    #: with quantities that differ by so much at most.
    quantity_tolerance: Annotated[Ratio, Meta(ge=0, le=1)] = 0.01
    #: The probability with which chance would have it happen less often; 0 turns this off.
    minimum_significance: Annotated[float, Meta(ge=0, lt=1)] = 0.99


class Shown(Struct, gc=False):
    """A large quantity on one side, while it is there and shortly after."""

    buy: bool
    price: float
    quantity: float
    came: Witness
    went: Witness | None = None
    filled: float = 0.0
    trades: list[Witness] = []
    """On the other side meanwhile, the first."""
    gaps: list[int] = []
    """Of all of them, the time since the trade before (see `detections.books.coincidence`)."""


class Came(Struct, gc=False, array_like=True):
    """A large quantity that came, whatever became of it."""

    at: int
    buy: bool
    quantity: float
    until: int = 0
    """When it went; 0 where it is there still."""


class Watched(Struct):
    """What is known of one book."""

    habits: Habits
    live: dict[str, Shown] = {}
    """By order id, or by side and price of a level."""
    levels: dict[tuple[bool, float], str] = {}
    """Of these, what came to levels: its key, by side (whether it is a bid) and price."""
    gone: list[Shown] = []
    """Of which it is not known yet whether another comes in their stead."""
    bids: list[Shown] = []
    """Each time that all but repetition held."""
    offers: list[Shown] = []
    came: list[Came] = []
    """The newest."""
    settles_after: int = 0
    """Up to this time none of `gone` is judged."""

    def drop(self, key: str) -> Shown | None:
        """It is not there any more."""
        shown = self.live.pop(key, None)
        if shown is not None and self.levels.get((shown.buy, shown.price)) == key:
            del self.levels[shown.buy, shown.price]
        return shown

    def times(self, buy: bool) -> list[Shown]:
        return self.bids if buy else self.offers


class State(Struct):
    """What is known, by book."""

    books: dict[tuple[str, str, str], Watched] = {}


@correlator("inferred_spoofing")
class InferredSpoofing(Correlator[State]):
    """See the module. Memory: per book 64 large orders or levels, 64 times on each side, and
    256 quantities."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 5
    uses_books = True
    of_unnamed = True
    typology = "spoofing"
    needs = (ORDERS | LEVELS,)
    actions = frozenset(
        {
            *("order-placed", "order-cancelled", "order-removed", "order-filled"),
            *("trade", "book-update", "feed-gap"),
        }
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        p = self._p = parameters
        levels, width, minimum = p.depth_levels, p.depth_range, p.minimum_depth_share
        self._passes_small = passes_small(OrderPlaced, levels, width, minimum)

    @property
    def horizon(self) -> int:
        """So far back a time counts."""
        return self._p.window

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        watched = self.state.books.get((event.provider, event.venue, event.instrument))
        found: Iterable[Finding] = ()
        if watched is not None and watched.gone and event.timestamp > watched.settles_after:
            found = self._settle(event, watched)
        if kind is OrderPlaced:
            order = self.books.change.order
            # `spoofing` looks at those that are named.
            if (
                order is not None
                and not (order.small and self._passes_small)
                and order.owner is None
            ):
                self._placed(event, order)  # pyright: ignore[reportArgumentType]
        elif kind is BookUpdate:
            self._updated(event, watched)
        elif kind is FeedGap:
            self._missed(event)  # pyright: ignore[reportArgumentType]
        elif watched is None:
            pass
        elif kind is Trade:
            self._traded(event, watched)  # pyright: ignore[reportArgumentType]
        elif kind is OrderCancelled or kind is OrderRemoved:
            self._ended(event, watched)  # pyright: ignore[reportArgumentType]
        elif kind is OrderFilled:
            self._filled(event, watched, event.order_id)  # pyright: ignore
        return found

    # -- what comes and goes -----------------------------------------------------------------------

    def _placed(self, event: OrderPlaced, order: Resting) -> None:
        p, change = self._p, self.books.change
        if depth_if_large(change, p.depth_levels, p.depth_range, p.minimum_depth_share):
            shown = Shown(order.buy, order.price, order.quantity, witness(event))
            self._come(event, event.order_id, shown)

    def _updated(self, event: MarketEvent, watched: Watched | None) -> None:
        p, change = self._p, self.books.change
        levels, width, minimum = p.depth_levels, p.depth_range, p.minimum_depth_share
        for level in levels_to_look_at(change, levels, width, minimum):
            if level.after > level.before:
                shown = Shown(level.buy, level.price, level.added, witness(event))
                key = f"{'bid' if level.buy else 'ask'} {level.price!r}"
                watched = self._come(event, key, shown)
                watched.levels[level.buy, level.price] = key
            elif watched is not None and watched.levels:
                key = watched.levels.get((level.buy, level.price))
                if key is None:
                    continue
                shown = watched.live[key]
                shown.filled += level.traded
                if level.before - level.after >= (1 - p.maximum_fill_share) * shown.quantity:
                    self._go(event, watched, key, shown)

    def _come(self, event: MarketEvent, key: str, shown: Shown) -> Watched:
        book = (event.provider, event.venue, event.instrument)
        watched = latest(
            self.state.books, book, MOST_BOOKS, lambda: Watched(habits(event.timestamp))
        )
        for gone in watched.gone:
            if gone.buy is shown.buy and shown.quantity >= _SIMILAR * gone.quantity:
                gone.filled = gone.quantity  # so that it does not count
        if key in watched.live:
            self._filled(event, watched, key)
        if len(watched.live) >= _MOST_LIVE:
            watched.drop(next(iter(watched.live)))
        watched.live[key] = shown
        watched.came.append(Came(event.timestamp, shown.buy, shown.quantity))
        if len(watched.came) > _MOST_CAME:
            del watched.came[0]
        return watched

    def _ended(self, event: OrderCancelled | OrderRemoved, watched: Watched) -> None:
        shown = watched.live.get(event.order_id)
        if shown is None:
            return
        change = self.books.change
        if change.order is not None:
            shown.filled = max(shown.filled, change.order.filled, change.traded)
        self._go(event, watched, event.order_id, shown)

    def _filled(self, event: MarketEvent, watched: Watched, key: str) -> None:
        shown = watched.drop(key)
        if shown is not None:
            self._note_end(event, watched, shown)

    def _note_end(self, event: MarketEvent, watched: Watched, shown: Shown) -> None:
        """So long it was there, however it went."""
        came = shown.came.timestamp
        for one in reversed(watched.came):
            if one.at < came:
                return
            same = one.at == came and one.buy is shown.buy and one.quantity == shown.quantity
            if same and not one.until:
                one.until = event.timestamp
                return

    def _go(self, event: MarketEvent, watched: Watched, key: str, shown: Shown) -> None:
        """It is not there any more."""
        watched.drop(key)
        self._note_end(event, watched, shown)
        lifetime = event.timestamp - shown.came.timestamp
        if lifetime > self._p.maximum_lifetime:
            return
        habit = watched.habits.of(shown.buy)
        habit.note_pulled(event.timestamp, lifetime + self._p.execution_window)
        shown.went = witness(event)
        watched.gone.append(shown)
        if len(watched.gone) > _MOST_LIVE:
            del watched.gone[0]
            watched.settles_after = 0  # the next one may have gone earlier, where it came late
        elif len(watched.gone) == 1:
            watched.settles_after = event.timestamp + _STEAD

    def _traded(self, trade: Trade, watched: Watched) -> None:
        change = self.books.change
        back, maker = change.taken_back, trade.maker_order_id
        if maker is not None and change.order is not None and not change.quantity_after:
            self._filled(trade, watched, maker)  # not every feed says so once more
        if trade.side is None:
            return
        buys = trade.side == "buy"
        now = trade.timestamp
        gap = watched.habits.of(buys).note_trade(now)
        since = now - self._p.maximum_lifetime
        for shown in watched.live.values():
            if shown.buy is buys and since <= shown.came.timestamp <= now:
                _meet(shown, trade, gap)
        for shown in watched.gone:
            assert shown.went is not None
            if shown.buy is buys:
                if now - shown.went.timestamp <= self._p.execution_window:
                    _meet(shown, trade, gap)
            elif back and shown.price == trade.price:
                shown.filled += back  # it was believed to be cancelled

    def _missed(self, gap: FeedGap) -> None:
        for market, watched in self.state.books.items():
            if is_of(gap, market):
                watched.live.clear()
                watched.levels.clear()
                watched.gone.clear()

    # -- judging -----------------------------------------------------------------------------------

    def _settle(self, event: MarketEvent, watched: Watched) -> Iterable[Finding]:
        """Judge what has gone long enough ago that nothing came in its stead."""
        findings: list[Finding] = []
        while watched.gone:
            shown = watched.gone[0]
            assert shown.went is not None
            watched.settles_after = shown.went.timestamp + _STEAD
            if event.timestamp <= watched.settles_after:
                break
            del watched.gone[0]
            if shown.filled <= self._p.maximum_fill_share * shown.quantity:
                if shown.trades:
                    watched.habits.of(shown.buy).note_met(shown.went.timestamp)
                findings += self._judge(event, watched, shown)
        return findings

    def _judge(self, event: MarketEvent, watched: Watched, shown: Shown) -> Iterable[Finding]:
        p, times = self._p, watched.times(shown.buy)
        since = event.timestamp - p.window
        times[:] = [one for one in times if one.came.timestamp >= since][1 - _MOST_TIMES :]
        times.append(shown)
        alike = [one for one in times if _alike(one.quantity, shown, p.quantity_tolerance)]
        met = [one for one in alike if one.trades]
        lured = bool(shown.trades) and len(met) >= p.minimum_times
        if not lured and len(alike) < p.minimum_times_alone:
            return ()
        came = [one for one in watched.came if _alike(one.quantity, shown, p.quantity_tolerance)]
        quoted = sum(one.at >= since and one.buy is not shown.buy for one in came)
        if 2 * quoted >= len(alike):
            return ()
        # What came before the first that is remembered is left out of both.
        since = max(alike[0].came.timestamp, watched.came[0].at if watched.came else 0)
        came = [one for one in came if one.at >= since and one.buy is shown.buy]
        if 2 * sum(one.came.timestamp >= since for one in alike) < len(came):
            return ()
        if lured:
            chance = watched.habits.chance(shown.buy, event.timestamp, shown.gaps)
            if 1.0 - chance >= p.minimum_significance:
                return self._told(event, times, met, chance)
        if len(alike) < p.minimum_times_alone or self._stays(came, shown):
            return ()
        return self._told(event, times, alike, 1.0)

    def _stays(self, came: list[Came], last: Shown) -> bool:
        """Whether one or the other that went was there half of the time or more."""
        assert last.went is not None
        gone = [one for one in came if 0 < one.until <= last.went.timestamp]
        if not gone:
            return False
        there, end = 0, gone[0].at
        for one in gone:
            there += max(0, one.until - max(one.at, end))
            end = max(end, one.until)
        return 2 * there >= last.went.timestamp - gone[0].at

    def _told(
        self, event: MarketEvent, times: list[Shown], alike: list[Shown], chance: float
    ) -> Iterable[Finding]:
        times[:] = [one for one in times if one not in alike]
        return [self._finding(event, alike, chance)]

    def _finding(self, event: MarketEvent, times: list[Shown], chance: float) -> Finding:
        p, last = self._p, times[-1]
        seen: dict[str, Witness] = {}
        lives: list[int] = []
        for one in times:
            assert one.went is not None
            seen |= {w.id: w for w in (one.came, *one.trades, one.went)}
            lives.append(one.went.timestamp - one.came.timestamp)
        side, others = ("bid", "bought") if last.buy else ("ask", "sold")
        span = last.came.timestamp - times[0].came.timestamp
        met = chance < 1.0
        needed = p.minimum_times if met else p.minimum_times_alone
        more = min(1.0, (len(times) - needed) / (_FULL * needed))
        each = f", each time while others {others}" if met else ""
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"{len(times)} times within {lapse(span)} some {amount(last.quantity)} "
                f"{event.instrument} came on the {side} side of {event.venue}, last at "
                f"{amount(last.price)}, and went after {lapse(max(lives))} at most with next to "
                f"nothing filled{each} (the feed names no accounts)"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda w: w.timestamp)),
            confidence=_BASE + _REPEATED * more,
            metrics={
                "times": float(len(times)),
                "quantity": last.quantity,
                "longest_lifetime_seconds": max(lives) / SECOND,
                "span_seconds": span / SECOND,
                "chance": chance,
            },
            tags=("inferred", "anonymous"),
        )


def _meet(shown: Shown, trade: Trade, gap: int) -> None:
    """Somebody trades on the other side of it."""
    if gap and len(shown.gaps) < _MOST_LIVE:
        shown.gaps.append(gap)
    if len(shown.trades) < _MOST_TRADES:
        shown.trades.append(witness(trade))


def _alike(quantity: float, shown: Shown, tolerance: float) -> bool:
    """Whether quantities differ by so much at most, as a part of the larger one."""
    return reaches(tolerance * max(quantity, shown.quantity), abs(quantity - shown.quantity))

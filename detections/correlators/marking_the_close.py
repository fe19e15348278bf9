"""Marking the close, a net asset value or another reference price: trades made to set it.

MAR Annex I A(g) (transactions at or around a time at which reference prices are calculated) and
12(2)(b); Commission Delegated Regulation (EU) 2016/522, Annex II (marking the close); FINRA rule
2020. Reference times come with the events, from the venue's calendar in the reference data
(`market.reference.*`); of a venue without one it is `daily_reference` by UTC, at which venues that
never close end their day. A rule looks for one of these (`finds`).

**`party`**: all of this must hold of a party, a cluster, an investor or an account, by the widest
name known:

1. In the last `window` before the time it bought, net of what it sold, `minimum_share` or more of
   all that was traded (or sold, net); or in the last `end` of it `minimum_end_share` or more.
2. The price went the same way by `minimum_move` or more, and by `minimum_usual_moves` times what it
   usually went in 5 min of that hour, at which either side came in: that purchases at the offer
   and sales at the bid take turns moves no price (Roll, 1984). It went so far against when the
   window began and the average by quantity of the hour before, until the last trade or the
   party's own last; or from the first price at which the party came in to the farthest, wherever
   others brought it then: who tries to set a price has done what the law names (MAR 15 and
   12(1)(a)).
3. Its own trades, where it was the one that came in, made `minimum_pushed` of that move or more.
   With a `minimum_move` of 0% neither is asked for: in the last seconds who holds a price where it
   is sets it as well as who moves it (Annex II: to increase, to decrease or to maintain it).
4. Its share is `minimum_growth` times its share of the hour before, or more: who works a large
   order all day long has a large share at the close as well.
5. It came in `minimum_orders` times or more in the window, and took `minimum_quantity` times what
   is traded there in as long a time of the hour before, or more: a single order in a quiet market
   has a large share as well.

That it traded last, that its position of the hour before gains by the new price, and that it was
found in the five weeks before, make it surer. Index funds that all trade at the close have no such
share, and makers of the market take nothing.

**`holder`**: who holds a position makes the last price, however far it goes. As in 1., 4. and 5.,
with three times that quantity, for half of what it traded or more by coming in, and:

6. After its last trade no more than `maximum_after` of the window's quantity was traded.
7. It holds a position the same way, `minimum_position` times what it traded in the window or more:
   as far as it was bought (or sold) here since the feed is read.
8. The price of its last trade is better for it than the average of the hour before.

What holds of both tells both.

**`market`**: where the feed names nobody, only that something was odd: the move as in 2., with
twice of each, on `minimum_volume` times the quantity of as long a time in the hour before. Or, with
`minimum_side_share`, a run of one side (see `detections.markets.side_run`): those who came in on it
were so large a part of all that was traded meanwhile, came at `minimum_times` times or more and
took, but for the largest of these, that many times the quantity, and the price at which they came
in went their way as far, wherever it ended, as in 2. Somebody may have marked it, or news came.

Trades of the auction itself count for neither: who has an order in it for an index or a fund has a
large part of it. For orders that are pulled from auctions see `auction_orders`, for openings
`marking_the_open`. What is traded after a fixing's time isn't looked at. With fewer than
`minimum_trades_before` in the hour before nobody knows what was usual. What is usual is that of the
time since the first trade of the hour: a feed may begin in it, or the market. Of a market alone
nothing is said where that is shorter than `window`.

Calibrated by: last 300 s and 40% (common choice of surveillance systems); `end` and 70% (SEC,
Athena Capital Research, 2014: more than 70% of the volume in the seconds before the close). Our
choice: the other numbers.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from detections.alerting.findings import Finding, witness
from detections.alerting.marked_close_alert import Asked, Mark, marked_finding
from detections.alerting.odd_close_alert import moved_finding, run_finding
from detections.alerting.repetition import DAYS_WINDOW, Occurrences, days
from detections.books.order_book import MOST_BOOKS
from detections.cap_table.early import WHOLE_HISTORY
from detections.correlators.base import TRADES, Correlator, correlator
from detections.idlest import Room, drop_idlest
from detections.markets.linked_markets import MarketKey
from detections.markets.reference_window import Party, ReferenceWindow, Trading
from detections.parties import Party as Named
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.market import MarketEvent, Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio
from pipeline.venue_sessions import ReferencePurpose, TimeOfDay, seconds_of

_AUCTIONS = ("opening-auction", "closing-auction", "intraday-auction", "pre-open")
#: Positions in all markets together.
_MOST_POSITIONS = 100_000
#: What sums of floats leave over, as a part of what was traded.
_DUST = 1e-9
#: Parties, and trades that are kept, in the hours before all reference times; so many come at once.
_MOST_IN_ALL, _AT_ONCE = 1_000_000, 8


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on marking the close sets."""

    #: Who it looks for: a party that moved the price, one that holds a position and traded last, or
    #: only a market in which something was odd.
    finds: Literal["party", "holder", "market"] = "party"
    #: Reference times of these purposes.
    purposes: tuple[ReferencePurpose, ...] = ("close", "nav", "fixing", "settlement")
    #: For venues without a calendar, by UTC; null: they have no reference time.
    daily_reference: TimeOfDay | None = "00:00"
    #: The time before, in which the price is made.
    window: Annotated[Duration, Meta(ge=SECOND, le=30 * MINUTE)] = 5 * MINUTE
    #: The last part of it.
    end: Annotated[Duration, Meta(ge=SECOND, le=5 * MINUTE)] = 10 * SECOND
    #: The party's net part of all that is traded in the window.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.4
    #: The same in the last part of it.
    minimum_end_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.7
    #: How many times its share of the hour before that is.
    minimum_growth: Annotated[float, Meta(ge=0, le=100)] = 1.5
    #: How far the price goes, as a part of what it was; 0%: of a party nobody asks whether it did.
    minimum_move: Annotated[Ratio, Meta(ge=0, le=10)] = 0.003
    #: How many times the usual move of 5 min that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=100)] = 2.0
    #: The part of the move that the party's own trades make.
    minimum_pushed: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: Times at which the party comes in.
    minimum_orders: Annotated[int, Meta(ge=1, le=1_000)] = 3
    #: How many times the usual quantity of as long a time it takes; three times that of a holder.
    minimum_quantity: Annotated[float, Meta(ge=0, le=1_000)] = 1.0
    #: For a holder: how many times what it trades in the window it holds.
    minimum_position: Annotated[float, Meta(ge=0, le=1_000)] = 0.0
    #: For a holder: the part of all that is traded in the window that comes after it, at most.
    maximum_after: Annotated[Ratio, Meta(ge=0, le=1)] = 0.1
    #: For a market alone: how many times the usual quantity of 5 min is traded.
    minimum_volume: Annotated[float, Meta(ge=0, le=1_000)] = 3.0
    #: For a market alone: of all that is traded meanwhile, by those who come in on one side; null:
    #: it isn't looked at.
    minimum_side_share: Annotated[Ratio, Meta(ge=0.5, le=1)] | None = None
    #: For a market alone: different times at which these come in.
    minimum_times: Annotated[int, Meta(ge=1, le=200)] = 4
    #: Trades in the hour before, without which nobody knows what is usual.
    minimum_trades_before: Annotated[int, Meta(ge=1, le=10_000)] = 10
    #: Trades in the window.
    minimum_trades: Annotated[int, Meta(ge=1, le=10_000)] = 3
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """What is before its reference time, and who was found on days before."""

    windows: dict[tuple[str, str, str], ReferenceWindow] = {}
    found: Occurrences = field(default_factory=Occurrences)
    positions: dict[str, float] = {}
    """By feed, market and party, where a rule needs it: what it bought less what it sold. The
    idlest first."""
    room: Room = field(default_factory=Room)
    """For what is before a reference time."""


@correlator("marking_the_close")
class MarkingTheClose(Correlator[State]):
    """See the module. Memory: per market in the hour before a reference time 500 parties with 100
    trades each, 1,000,000 in all; at other times nothing but 100,000 positions in all."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    roused_by = frozenset({Trade})
    state_version = 4
    typology = "marking_the_close"
    # What comes after the time ends the window: an order will do, where nobody trades.
    actions = frozenset({"trade", "order-placed", "order-cancelled", "trading-status"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = p = parameters
        self._asked = Asked(p.window, p.end, p.minimum_share, p.minimum_move)
        self._purposes = frozenset(parameters.purposes)
        self._exempt = frozenset(parameters.exempt_labels)
        daily = parameters.daily_reference
        self._daily = None if daily is None else seconds_of(daily) * SECOND % DAY
        self.needs = (TRADES,)
        self.needs_named = frozenset[str]() if p.finds == "market" else TRADES

    @property
    def horizon(self) -> int:
        """The hour before a reference time, and until something comes after it; who was found on
        days before; and of holders all that they ever bought and sold."""
        if self._p.finds == "holder":
            return WHOLE_HISTORY
        return 2 * HOUR + (DAYS_WINDOW if self._p.finds == "party" else 0)

    @property
    def asleep(self) -> bool:
        """Without a window that an order may end. Trades begin them."""
        return not self.state.windows

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        findings = self._late(event) if self.state.windows else ()
        if event.__class__ is not Trade:
            return findings
        if self._p.finds == "holder":
            self._hold(event)  # pyright: ignore[reportArgumentType]
        offset = event.reference_offset
        if offset is not None:
            name, purpose = event.reference or "", event.reference_purpose or "fixing"
        elif event.phase is None and self._daily is not None:  # its venue has no calendar
            offset = (event.timestamp - self._daily) % DAY - DAY
            name, purpose = "daily", "close"
        else:
            return findings
        if -HOUR <= offset < 0 and purpose in self._purposes and event.phase not in _AUCTIONS:
            self._before(event, -offset, name, purpose)  # pyright: ignore[reportArgumentType]
        return findings

    def _before(self, event: Trade, before: int, name: str, purpose: str) -> None:
        """A trade in the hour before a reference time."""
        if not (event.price > 0 and event.quantity > 0):
            return
        key = (event.provider, event.venue, event.instrument)
        windows, at = self.state.windows, event.timestamp + before
        if self.state.room.take(_MOST_IN_ALL, _AT_ONCE):
            # Nothing is found where next to nothing was traded: it goes first.
            known = ((one.trades + one.trades_before, one.size, of) for of, one in windows.items())
            self.state.room.make(_MOST_IN_ALL, known, windows.pop)
        window = windows.get(key)
        if window is None or window.at != at:
            if len(windows) >= MOST_BOOKS:
                drop_idlest(windows, MOST_BOOKS - 1)
            window = windows[key] = ReferenceWindow(at, name, purpose)
        sides = self._p.finds == "market" and self._p.minimum_side_share is not None
        if sides and event.side is not None and before <= self._p.window:
            window.runs.add(event.timestamp, event.price, event.quantity, event.side == "buy")
        bought = event.buyer_cluster or event.buyer_id or event.buyer_account
        sold = event.seller_cluster or event.seller_id or event.seller_account
        if bought and is_exempt(event.buyer_labels, self._exempt):
            bought = None
        if sold and is_exempt(event.seller_labels, self._exempt):
            sold = None
        window.add(
            before, event.price, event.quantity, event.side, bought, sold, witness(event),
            window=self._p.window, end=self._p.end,
        )  # fmt: skip
        if bought is not None and bought in window.parties:
            who = Party(event.buyer_account, event.buyer_id, event.buyer_cluster)
            window.who[bought] = who
        if sold is not None and sold in window.parties:
            who = Party(event.seller_account, event.seller_id, event.seller_cluster)
            window.who[sold] = who

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: who holds what, without it."""
        if self._p.finds == "holder":
            self._hold(was, -1.0)
            if now is not None:
                self._hold(now)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """The hour before the time, without trades that were taken back or corrected."""
        window = self.state.windows.get(market)
        if window is None or not self.trades.reach(window.at - HOUR):
            return
        if all(was.timestamp < window.at - HOUR for was, _ in revisions):
            return
        del self.state.windows[market]
        room, self.state.room = self.state.room, Room(-_MOST_IN_ALL)  # what comes again was counted
        for trade in self.trades.between(market, window.at - HOUR):
            offset = trade.reference_offset
            at = window.at if offset is None else trade.timestamp - offset
            if trade.timestamp < at == window.at and trade.phase not in _AUCTIONS:
                self._before(trade, at - trade.timestamp, window.name, window.purpose)
        self.state.room = room

    def _hold(self, event: Trade, sign: float = 1.0) -> None:
        """Note what parties buy and sell at any time; with -1 they didn't."""
        bought = event.buyer_cluster or event.buyer_id or event.buyer_account
        sold = event.seller_cluster or event.seller_id or event.seller_account
        if bought == sold:
            return
        positions, market = self.state.positions, _of_feed(event)
        came = sign * event.quantity
        for name, quantity in ((bought, came), (sold, -came)):
            if name is not None:
                # Taken out and put back at the end, so that the first is always the idlest.
                position = positions.pop(market + name, 0.0)
                positions[market + name] = position + quantity
        if len(positions) > _MOST_POSITIONS:
            drop_idlest(positions, _MOST_POSITIONS)

    def _late(self, event: MarketEvent) -> Iterable[Finding]:
        """Where this is after a reference time, the window before that is done."""
        key = (event.provider, event.venue, event.instrument)
        window = self.state.windows.get(key)
        if window is None or event.timestamp < window.at:
            return ()
        del self.state.windows[key]
        return self._done(event, window)

    # -- what it comes to --------------------------------------------------------------------------

    def _done(self, event: MarketEvent, window: ReferenceWindow) -> Iterable[Finding]:
        p = self._p
        if window.trades_before < p.minimum_trades_before or window.trades < p.minimum_trades:
            return ()
        if p.finds == "market":
            return self._market(event, window)
        findings: list[Finding] = []
        for name, trading in window.parties.items():
            if p.finds == "holder":
                mark = self._holds(event, window, name, trading)
            else:
                mark = self._marks(window, trading)
            if mark is not None:
                findings.append(self._finding(event, window, name, trading, mark))
        return findings

    def _usual(self, window: ReferenceWindow) -> float:
        """What is traded in as long a time of the hour before."""
        seen, whole = window.seen_before(self._p.window), HOUR - self._p.window
        usual = window.usual_quantity(self._p.window, max(1, min(seen, whole)))
        # The first trade begins the time that was seen, so it says nothing of how often one comes.
        return usual * max(seen / whole, 1 - 1 / window.trades_before)

    def _is_far(self, moved: float, window: ReferenceWindow, strict: float = 1.0) -> bool:
        p = self._p
        return reaches(abs(moved), strict * p.minimum_move) and (
            abs(moved) >= strict * p.minimum_usual_moves * window.usual_move
        )

    def _market(self, event: MarketEvent, window: ReferenceWindow) -> Iterable[Finding]:
        """Whether the price moved oddly and stayed there, or was run through, wherever it ended."""
        p, usual = self._p, self._usual(window)
        if window.seen_before(p.window) < p.window:
            return ()
        moved = window.moved(window.price)
        if self._is_far(moved, window, 2) and reaches(window.quantity, p.minimum_volume * usual):
            return [moved_finding(event, window, moved, usual, p.window)]
        if p.minimum_side_share is None:
            return ()
        run = window.runs.longest(p.minimum_times, p.minimum_side_share)
        if (
            run is not None
            and reaches(run.repeated, p.minimum_volume * usual)
            and self._is_far(run.moved, window, 2)
        ):
            return [run_finding(event, window, run, usual, p.window)]
        return ()

    def _marks(self, window: ReferenceWindow, trading: Trading) -> Mark | None:
        """Whether a party made the price; it is further than is usual then."""
        p = self._p
        mark = _mark(window, trading)
        at_end = reaches(mark.end_share, p.minimum_end_share)
        if not (reaches(mark.share, p.minimum_share) or (at_end and mark.share > 0)):
            return None
        if trading.orders < p.minimum_orders or (
            trading.taken < p.minimum_quantity * self._usual(window)
        ):
            return None
        share = max(mark.share, mark.end_share if at_end else 0.0)
        if share < p.minimum_growth * mark.before:
            return None
        ways = window.ways(trading, up=mark.sign > 0)
        for moved, pushed in ways:
            if self._is_far(moved, window) and reaches(pushed, p.minimum_pushed):
                return replace(mark, moved=moved, pushed=pushed)
        if p.minimum_move:
            return None
        moved, pushed = ways[0] if ways else (0.0, 0.0)
        return replace(mark, moved=moved, pushed=pushed)

    def _holds(
        self, event: MarketEvent, window: ReferenceWindow, name: str, trading: Trading
    ) -> Mark | None:
        """Whether a party that holds a position made the last price, however far it went."""
        p = self._p
        after = window.quantity - trading.until
        if trading.orders < p.minimum_orders or after > p.maximum_after * window.quantity:
            return None
        mark = _mark(window, trading)
        last = trading.way.last_price
        if not last or mark.sign * (last - window.vwap_before) <= 0:
            return None
        position = self.state.positions.get(_of_feed(event) + name, 0.0)
        net = abs(trading.bought - trading.sold)
        held = mark.sign * position - net
        if not (
            reaches(mark.share, p.minimum_share)
            and mark.share >= p.minimum_growth * mark.before
            and trading.taken >= (trading.bought + trading.sold) / 2
            and trading.taken >= 3 * p.minimum_quantity * self._usual(window)
            and held > _DUST * (trading.bought + trading.sold)
            and reaches(held, p.minimum_position * net)
        ):
            return None
        return replace(mark, moved=last / window.vwap_before - 1, held=held)

    def _finding(
        self, event: MarketEvent, window: ReferenceWindow, key: str, trading: Trading, mark: Mark
    ) -> Finding:
        who = window.who[key]
        party = Named(who.account, who.investor, who.cluster)
        last = key == (window.last_buyer if mark.sign > 0 else window.last_seller)
        told = days(self.state.found, party, event, window.at)
        return marked_finding(event, window, trading, mark, party, self._asked, last, told)


def _mark(window: ReferenceWindow, trading: Trading) -> Mark:
    sign = 1.0 if trading.bought > trading.sold else -1.0
    end = 0.0
    if window.end_quantity:
        end = sign * (trading.end_bought - trading.end_sold) / window.end_quantity
    return Mark(
        sign,
        sign * (trading.bought - trading.sold) / window.quantity,
        end,
        sign * (trading.bought_before - trading.sold_before) / window.quantity_before,
    )


def _of_feed(event: MarketEvent) -> str:
    """A feed's market: where two tell of one trade, it is nobody's twice."""
    return f"{event.provider}\0{event.venue}\0{event.instrument}\0"

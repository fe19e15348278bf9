"""Ramping: a price pushed up (or down) step by step by one party's own small orders.

MAR Annex I A(d) and A(e); Commission Delegated Regulation (EU) 2016/522, Annex II (a series of
orders or transactions that raise the price to attract others, or for the value of a position). All
of this must hold of a party, a cluster, an investor or an account, by the widest name known:

1. Within `window` it comes in and takes offers `minimum_steps` times or more, each for more than
   the last trade and than its own last step, over `minimum_lasting` or longer: what goes faster is
   momentum ignition.
2. These steps are `minimum_steps_share` or more of all orders by which it takes something that way:
   who works a large order mostly trades where the price is.
3. From before the first of them to the last the price rose by `certain_move` or more; or by
   `minimum_move` or more, which is `minimum_usual_moves` times what it usually goes there in as
   long a time, where that is known from before: without the bounce between bid and offer
   (`detections.markets.lasting_moves`), by as many orders as steps are asked for, since one that
   takes several prices is no ramp. The steps together made `minimum_pushed` of that or more.
4. It took `minimum_share` or more of all that was traded in that time, by orders that are on
   average no more than `maximum_size` times as large as those of others (who works a large order
   takes more at once), and gave back no more than `maximum_given` of what it took.
5. The price goes one way: the rise is `minimum_directness` or more of all that it went up and down,
   by 5 min. What wanders has a small one, what is autocorrelated a large one.

Downwards it is the same. It alerts again each time that the steps have doubled. Needs a feed that
names accounts and who came in. After RedDeer's parameters of ramping (autocorrelation, orders
executed, part of the volume); the numbers are our choice. A maker of the market takes nothing, and
an arbitrageur follows another market: see whether that went first. Without accounts see
`steady_ramp` for what is left.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room, latest
from detections.markets.lasting_moves import LastingMoves
from detections.markets.linked_markets import MarketKey
from detections.markets.price_steps import Ramp, Step, Traded
from detections.parties import Party, buyer, is_exempt, seller
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

_MOST_TRADERS = 2_000
#: Parties, and trades of theirs, in all markets.
_MOST_IN_ALL = 1_000_000
#: Trades of the windows of all markets, whoever made them.
_MOST_TRADES_IN_ALL = 2_000_000
#: The time in which it is learnt how far the price goes, and how many of them say enough.
_STEP = 5 * MINUTE
_KNOWN = 12.0


_time = attrgetter("timestamp")


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on ramping sets."""

    #: The time within which the steps are made.
    window: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = 3 * HOUR
    #: Steps within it.
    minimum_steps: Annotated[int, Meta(ge=3, le=200)] = 12
    #: How long they last at least, from the first to the last.
    minimum_lasting: Annotated[Duration, Meta(ge=0, le=DAY)] = 90 * SECOND
    #: The steps' part of all orders by which the party takes something that way.
    minimum_steps_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.3
    #: How far the price goes, as a part of what it was, to be far in any market.
    certain_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.05
    #: How far it goes at least, where it is known what is usual.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.005
    #: How many times the usual move of as long a time that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=100)] = 3.0
    #: The part of that which the party's own steps make.
    minimum_pushed: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: The party's part of all that is traded in that time.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.2
    #: The part of it that it trades the other way, at most.
    maximum_given: Annotated[Ratio, Meta(ge=0, le=1)] = 0.2
    #: How many times as large as those of others its orders are on average, at most.
    maximum_size: Annotated[float, Meta(gt=0, le=1_000)] = 1.5
    #: The move's part of all that the price goes up and down.
    minimum_directness: Annotated[Ratio, Meta(ge=0, le=1)] = 0.3
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Market(Struct):
    """A venue's instrument: what is traded, and who takes it up or down."""

    traded: Traded = field(default_factory=Traded)
    moves: LastingMoves = field(default_factory=LastingMoves)
    up: dict[str, Ramp] = {}
    down: dict[str, Ramp] = {}
    """By the widest name of a party, the idlest first."""


class State(Struct):
    """The markets, and who was found before."""

    markets: dict[tuple[str, str, str], Market] = {}
    found: Occurrences = field(default_factory=Occurrences)
    room: Room = field(default_factory=Room)
    """For parties and their trades."""
    room_of_trades: Room = field(default_factory=Room)
    """For what is traded."""


@correlator("ramping")
class Ramping(Correlator[State]):
    """See the module. Memory: per market three numbers for each of up to 40,000 trades of its
    window, and 2,000 parties each way with 200 steps; of all markets together 2,000,000 trades, and
    1,000,000 parties and trades of theirs."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 2
    typology = "momentum_ignition"
    needs_named = TRADES
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """The window, and who was found before."""
        return max(self._p.window, REPETITION_WINDOW)

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        price, quantity, time = event.price, event.quantity, event.timestamp
        if not (price > 0 and quantity > 0):
            return ()
        bought, sold = _names(event)
        key = (event.provider, event.venue, event.instrument)
        if bought is None and sold is None and key not in self.state.markets:
            return ()
        market = latest(self.state.markets, key, MOST_BOOKS, Market)
        self._make_room()
        floor = time - self._p.window
        before = market.traded.add(time, price, quantity, floor)
        market.moves.add(time, price, _STEP, event.phase_began)
        market.moves.forget(floor)
        if bought == sold:
            return ()
        return self._dealt(event, market, bought, sold, before)

    def _make_room(self) -> None:
        """Where there may be too many parties or trades in all, let go of the idlest."""
        state = self.state
        if state.room.take(_MOST_IN_ALL, 0):
            known = (
                (ramp.newest, ramp.size, (ramps, name))
                for market in state.markets.values()
                for ramps in (market.up, market.down)
                for name, ramp in ramps.items()
            )
            state.room.make(_MOST_IN_ALL, known, lambda one: one[0].pop(one[1]))
        if state.room_of_trades.take(_MOST_TRADES_IN_ALL):
            tapes = (
                (market.moves.time, len(market.traded.times), market.traded)
                for market in state.markets.values()
            )
            state.room_of_trades.make(_MOST_TRADES_IN_ALL, tapes, Traded.clear)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the steps in their market, without them."""
        known, window = self.state.markets.get(market), self._p.window
        if known is None:
            return
        since = known.moves.time - window
        if all(was.timestamp < since for was, _ in revisions) or not self.trades.reach(since):
            return
        trades = self.trades.between(market, since)
        concerned = _concerned(trades, [was for was, _ in revisions])
        for ramps in (known.up, known.down):
            for name in concerned & ramps.keys():
                del ramps[name]
        known.traded, found, self.state.found = Traded(), self.state.found, {}
        room, self.state.room = self.state.room, Room()  # what comes again was counted
        for one in trades:
            price = one.price
            if not (price > 0 and one.quantity > 0):
                continue
            floor = one.timestamp - window
            before = known.traded.add(one.timestamp, price, one.quantity, floor)
            known.moves.price = price
            bought, sold = _names(one)
            if bought != sold and (bought in concerned or sold in concerned):
                bought = bought if bought in concerned else None
                sold = sold if sold in concerned else None
                self._dealt(one, known, bought, sold, before)  # what is found was told
        self.state.found, self.state.room = found, room
        if not known.traded.times and not known.moves.steps:
            del self.state.markets[market]  # there was none

    def _dealt(
        self, event: Trade, market: Market, bought: str | None, sold: str | None, before: float
    ) -> Iterable[Finding]:
        """A trade between two, as far as they are of interest."""
        time, quantity = event.timestamp, event.quantity
        floor = time - self._p.window
        if bought is not None and is_exempt(event.buyer_labels, self._exempt):
            bought = None
        if sold is not None and is_exempt(event.seller_labels, self._exempt):
            sold = None
        if sold is not None and (ramp := market.up.get(sold)) is not None:
            ramp.give(time, quantity, floor)
            self.state.room.added += 1
        if bought is not None and (ramp := market.down.get(bought)) is not None:
            ramp.give(time, quantity, floor)
            self.state.room.added += 1
        if event.side == "buy" and bought is not None:
            return self._took(event, market, market.up, bought, before, up=True)
        if event.side == "sell" and sold is not None:
            return self._took(event, market, market.down, sold, before, up=False)
        return ()

    def _took(
        self,
        event: Trade,
        market: Market,
        ramps: dict[str, Ramp],
        name: str,
        before: float,
        *,
        up: bool,
    ) -> Iterable[Finding]:
        p, time, price = self._p, event.timestamp, event.price
        # Taken out and put back at the end, so that the first is always the idlest.
        ramp = ramps.pop(name, None)
        if ramp is None:
            ramp = Ramp()
            self.state.room.added += 1
            if len(ramps) >= _MOST_TRADERS:
                del ramps[next(iter(ramps))]
        ramps[name] = ramp
        step = None
        if ramp.steps and (price <= ramp.steps[0].before if up else price >= ramp.steps[0].before):
            ramp.undo()
        if before and (price > before) is up and price != before:
            last = ramp.steps[-1].price if ramp.steps else None
            if last is None or (price > last if up else price < last):
                step = Step(time, before, price, witness(event))
        ramp.take(step, time, event.quantity, time - p.window)
        self.state.room.added += 1 if step is None else 2
        if step is None or len(ramp.steps) < max(p.minimum_steps, 2 * ramp.alerted):
            return ()
        return self._ramped(event, market, ramp, up=up)

    def _ramped(self, event: Trade, market: Market, ramp: Ramp, *, up: bool) -> Iterable[Finding]:
        p, steps, traded = self._p, ramp.steps, market.traded
        first, last = steps[0], steps[-1]
        rise = last.price - first.before
        moved = rise / first.before
        lasted = last.time - first.time
        if (moved > 0) is not up or lasted < p.minimum_lasting:
            return ()
        if not self._is_far(abs(moved), lasted, ramp, market.moves):
            return ()
        quantity, way, orders = traded.since(first.time)
        directness = min(1.0, abs(rise) / way) if way > 0 else 0.0
        # Of a price that goes to and fro this is all that is looked at: the rest adds up trades.
        if not reaches(directness, p.minimum_directness):
            return ()
        taken, given = ramp.quantities(first.time)
        share = min(1.0, taken / quantity)
        if not reaches(share, p.minimum_share):
            return ()
        own = ramp.orders(first.time)
        steps_share = min(1.0, len(steps) / own)
        size = _size(taken / own, quantity - taken, orders - own)
        pushed = float_sum(one.price - one.before for one in steps) / rise
        if not (
            reaches(steps_share, p.minimum_steps_share)
            and reaches(pushed, p.minimum_pushed)
            and given <= p.maximum_given * taken
            and size <= p.maximum_size
        ):
            return ()
        ramp.alerted = len(steps)
        party = buyer(event) if up else seller(event)
        return [self._finding(event, ramp, party, moved, share, pushed, directness, taken, size)]

    def _is_far(self, moved: float, lasted: int, ramp: Ramp, moves: LastingMoves) -> bool:
        p = self._p
        if reaches(moved, p.certain_move):
            return True
        if not reaches(moved, p.minimum_move) or ramp.orders_of_steps < p.minimum_steps:
            return False
        # With what came since it began, a ramp would make itself usual.
        known = moves.until(ramp.steps[0].time)
        return known.steps >= _KNOWN and (
            moved >= p.minimum_usual_moves * known.usual(lasted / _STEP)
        )

    def _finding(
        self,
        event: Trade,
        ramp: Ramp,
        party: Party,
        moved: float,
        share: float,
        pushed: float,
        directness: float,
        taken: float,
        size: float,
    ) -> Finding:
        p, steps = self._p, ramp.steps
        again = times(self.state.found, party, event)
        did, went = ("bought", "rose") if moved > 0 else ("sold", "fell")
        far = min(1.0, abs(moved) / (2 * p.certain_move))
        more = min(1.0, len(steps) / (4 * p.minimum_steps))
        return Finding(
            entities=party.names,
            reason=(
                f"{party} {did} {amount(taken)} {event.instrument} on {event.venue} within "
                f"{lapse(steps[-1].time - steps[0].time)}, {percent(share)} of all that was traded,"
                f" in {len(steps)} steps that each took the price further: it {went} by "
                f"{percent(abs(moved))}, from {amount(steps[0].before)} to "
                f"{amount(steps[-1].price)}, {percent(min(1.0, pushed))} of it by these trades"
            ),
            witnesses=tuple(one.seen for one in steps),
            confidence=min(
                1.0,
                0.45
                + 0.15 * far
                + 0.1 * more
                + 0.15 * share
                + 0.05 * directness
                + 0.1 * repeated(again),
            ),
            metrics={
                "steps": float(len(steps)),
                "change": moved,
                "quantity": taken,
                "share": share,
                "pushed": pushed,
                "directness": directness,
                "order_size": size,
                "seconds": (steps[-1].time - steps[0].time) / SECOND,
                "times_in_an_hour": float(again),
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )


def _names(event: Trade) -> tuple[str | None, str | None]:
    """Buyer and seller."""
    return (
        event.buyer_cluster or event.buyer_id or event.buyer_account,
        event.seller_cluster or event.seller_id or event.seller_account,
    )


def _concerned(trades: Sequence[Trade], revised: Iterable[Trade]) -> set[str]:
    """Whose steps are others without the trades that were revised: their parties, and who traded
    in the two behind them, since the price before those is another one: of the second where the
    first is taken for a slip."""
    names: set[str | None] = set()
    for was in revised:
        names.update(_names(was))
        later = 0
        for one in trades[bisect_left(trades, was.timestamp, key=_time) :]:
            names.update(_names(one))
            later += one.timestamp > was.timestamp
            if later == 2:
                break
    return {name for name in names if name is not None}


def _size(own: float, quantity: float, orders: int) -> float:
    """How many times as large as those of others an order is; 1 where there are no others."""
    return own / (quantity / orders) if orders > 0 and quantity > 0 else 1.0

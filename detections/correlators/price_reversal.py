"""A run of the price that was given back: what the tape alone tells of momentum ignition.

For the law see `momentum_ignition`. Where a feed names nobody, it can't be told that who ran the
price through is who then traded against it; only that in some seconds nearly all that was traded
came in on one side, many times what is usual, that the price went far with it, and that soon after
others came in the other way and the price went back: nothing had become known that would have kept
it there. That is a lead, and its alerts are marked `inferred` and `anonymous`. Whoever must sell or
buy much at once leaves the same trace, and makes no gain. All of this must hold of a market:

1. Within `run_window` those who came in on one side traded `minimum_side_share` or more of all
   that was traded, at `minimum_times` different times and `minimum_prices` prices or more: one
   order that takes all that is there is no run.
2. That is `minimum_volume` times what is usual in as long a time, or more, and
   `minimum_deviations` standard deviations above it.
3. The price went that way, by `minimum_move` or more, and by `minimum_usual_moves` times what is
   usual in as long a time.
4. Within `reversal_window` after it others came in the other way with `minimum_reversal` of what
   the run took, or more, and the price went `minimum_return` of its way back, or more.

What is usual is learnt by steps of the run's length over some hours of trading, from what came
before; before 24 of them are known nothing is found. A thin market does this several times a day
by itself: after an alert there is none for `pause`, but of a run that went half again as far.
Trades of named accounts are left to `momentum_ignition`. The numbers are our choice.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.baselines.rate import SURE
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import Correlator, correlator
from detections.idlest import Room, latest
from detections.markets.anonymous_runs import MOST_TRADES, Print, Run, RunTape
from detections.markets.linked_markets import MarketKey
from detections.parties import names_nobody
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, WEEK, Duration, Ratio

# Confidence before it is calibrated on labelled data, and what a larger volume and a longer way
# add.
_BASE, _VOLUME, _WAY = 0.2, 0.1, 0.1
#: So many times what is asked for is as sure as it gets.
_FULL = 3.0
#: A run that goes so many times as far as the newest that was told of is another matter.
_FURTHER = 1.5

#: Trades in all markets; so many come at once.
_MOST_IN_ALL, _AT_ONCE = 1_000_000, 2


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on runs that were given back sets."""

    #: The time within which a run is made.
    run_window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 10 * SECOND
    #: Of all that is traded then, by those who come in on one side.
    minimum_side_share: Annotated[Ratio, Meta(ge=0.5, le=1)] = 0.8
    #: Different prices at which these trade.
    minimum_prices: Annotated[int, Meta(ge=2, le=200)] = 5
    #: Different times at which they come in.
    minimum_times: Annotated[int, Meta(ge=1, le=200)] = 4
    #: How many times the usual quantity of as long a time is traded.
    minimum_volume: Annotated[float, Meta(ge=0, le=10_000)] = 4.0
    #: How many standard deviations above what is usual that is.
    minimum_deviations: Annotated[float, Meta(ge=0, le=100)] = 3.0
    #: How far the price goes, as a part of what it was.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.0005
    #: How many times the usual move of as long a time that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=1_000)] = 1.5
    #: The time after the run within which it is given back.
    reversal_window: Annotated[Duration, Meta(ge=SECOND, le=24 * HOUR)] = MINUTE
    #: What others take the other way, as a part of what the run took.
    minimum_reversal: Annotated[Ratio, Meta(gt=0, le=100)] = 0.3
    #: The part of the way that the price goes back.
    minimum_return: Annotated[Ratio, Meta(gt=0, le=10)] = 0.5
    #: Having told of one, only one that went half again as far is told of in this time.
    pause: Annotated[Duration, Meta(ge=0, le=4 * WEEK)] = DAY


class State(Struct):
    """The markets."""

    tapes: dict[tuple[str, str, str], RunTape] = field(
        default_factory=dict[tuple[str, str, str], RunTape]
    )
    room: Room = field(default_factory=Room)
    """For the trades of all markets."""


@correlator("price_reversal")
class PriceReversal(Correlator[State]):
    """See the module. Memory: per market 256 trades of its window, of a run and of what came after
    it each, 1,000,000 in all."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 2
    uses_trades = True
    highest_level = "medium"
    typology = "momentum_ignition"
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """A run, what comes after it, some of what was usual before, and what was told."""
        return self._p.run_window + self._p.reversal_window + max(HOUR, self._p.pause)

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        if not _counts(event):
            return ()
        p, state = self._p, self.state
        if state.room.take(_MOST_IN_ALL, _AT_ONCE):
            known = ((0, one.size, one) for one in state.tapes.values())
            state.room.make(_MOST_IN_ALL, known, RunTape.forget)
        key = (event.provider, event.venue, event.instrument)
        tape = latest(state.tapes, key, MOST_BOOKS, RunTape)
        trade = _print(event)
        tape.learn(trade, p.run_window, event.phase_began)
        run = self._given_back(tape, trade)
        if run is None:
            return ()
        moved, now = abs(run.moved), event.timestamp
        if now - tape.told_at < p.pause and not reaches(moved, _FURTHER * tape.told_moved):
            return ()
        tape.told_at, tape.told_moved = now, moved
        return [self._finding(event, run)]

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the runs of their market, without them."""
        tape = self.state.tapes.get(market)
        if tape is None:
            return
        p = self._p
        newest = next((one for one in self.trades.newest(market) if _counts(one)), None)
        now = tape.moves.time if newest is None else newest.timestamp
        since = now - 2 * (p.run_window + p.reversal_window)
        if tape.run is not None:
            since = min(since, tape.run.taken[0].seen.timestamp - p.run_window)
        if all(was.timestamp < since for was, _ in revisions) or not self.trades.reach(since):
            return
        again = [one for one in self.trades.between(market, since) if _counts(one)]
        earlier = next((one for one in self.trades.until(market, since) if _counts(one)), None)
        tape.begin_anew(0.0 if earlier is None else earlier.price)
        for trade in again:
            self._given_back(tape, _print(trade))  # what is found was told
        tape.step_quantity = sum(
            one.quantity for one in again if one.timestamp // p.run_window == tape.step
        )
        if again:
            tape.moves.price = again[-1].price
        elif not tape.volumes.weight:
            del self.state.tapes[market]  # there was none

    def _given_back(self, tape: RunTape, trade: Print) -> Run | None:
        """The run that is over with this trade, since enough came in the other way."""
        p = self._p
        tape.add(trade, p.run_window)
        run = tape.run
        if run is not None and trade.seen.timestamp - run.ended > p.reversal_window:
            run = tape.run = None  # the price stayed where it was
        if run is None:
            self._begin(tape, trade)
            return None
        if trade.bought is run.up:
            self._go_on(run, trade)
            return None
        run.turn(trade)
        if not reaches(run.back_quantity, p.minimum_reversal * run.quantity) or not reaches(
            run.returned(trade.price), p.minimum_return
        ):
            return None
        tape.run = None
        tape.clear()
        return run

    def _begin(self, tape: RunTape, trade: Print) -> None:
        """Whether what the window shows is a run."""
        p = self._p
        up = tape.bought > tape.sold
        quantity, whole = max(tape.bought, tape.sold), tape.bought + tape.sold
        usual = tape.volumes.mean
        if (
            trade.bought is not up
            or tape.volumes.weight < SURE
            or not usual
            or not reaches(whole, p.minimum_volume * usual)
            or not reaches(whole - usual, p.minimum_deviations * tape.volumes.sigma)
            or not reaches(quantity, p.minimum_side_share * whole)
        ):
            return
        taken = [one for one in tape.trades if one.bought is up]
        start = tape.before or tape.trades[0].price
        moved = trade.price / start - 1
        move, usual_move = abs(moved), tape.moves.usual()
        if (
            (moved > 0) is not up
            or not reaches(move, p.minimum_move)
            or not reaches(move, p.minimum_usual_moves * usual_move)
            or len({one.price for one in taken}) < p.minimum_prices
            or len({one.seen.timestamp for one in taken}) < p.minimum_times
        ):
            return
        tape.run = Run(
            up,
            start,
            trade.price,
            taken,
            quantity,
            quantity / whole,
            whole / usual,
            move / usual_move if usual_move else 0.0,
            trade.seen.timestamp,
        )

    def _go_on(self, run: Run, trade: Print) -> None:
        """Somebody comes in the way of the run: it goes on as long as its price goes further."""
        if run.back or (trade.price > run.far) is not run.up or trade.price == run.far:
            return
        run.moves *= (trade.price - run.start) / (run.far - run.start)
        run.far = trade.price
        run.quantity += trade.quantity
        run.taken.append(trade)
        if len(run.taken) > MOST_TRADES:
            del run.taken[1]  # the first tells where it began
        run.ended = trade.seen.timestamp

    def _finding(self, event: Trade, run: Run) -> Finding:
        p = self._p
        prices = len({one.price for one in run.taken})
        seen = {one.seen.id: one.seen for one in (*run.taken, *run.back)}
        took, back = ("bought", "sold") if run.up else ("sold", "bought")
        rose, fell = ("rose", "fell") if run.up else ("fell", "rose")
        lasted = run.ended - run.taken[0].seen.timestamp
        after = event.timestamp - run.ended
        volume = min(1.0, (run.volume / p.minimum_volume - 1) / _FULL) if p.minimum_volume else 1.0
        usual = p.minimum_usual_moves
        way = min(1.0, (run.moves / usual - 1) / _FULL) if usual else 1.0
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"within {lapse(lasted)} others {took} {amount(run.quantity)} {event.instrument} "
                f"on {event.venue} at {prices} prices, {percent(run.share)} of all that was traded "
                f"and {amount(round(run.volume, 1))} times what is usual, and the price {rose} by "
                f"{percent(abs(run.moved))} to {amount(run.far)}, "
                f"{amount(round(run.moves, 1))} times as far as usual; within {lapse(after)} after "
                f"others {back} {amount(run.back_quantity)}, and it {fell} to "
                f"{amount(event.price)} (the feed names no accounts)"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=_BASE + _VOLUME * volume + _WAY * way,
            metrics={
                "prices": float(prices),
                "moved": run.moved,
                "usual_moves": run.moves,
                "quantity": run.quantity,
                "side_share": run.share,
                "volume_multiple": run.volume,
                "reversed_quantity": run.back_quantity,
                "returned": run.returned(event.price),
            },
            tags=("inferred", "anonymous"),
        )


def _counts(trade: Trade) -> bool:
    """Whether it is known who came in; those whose parties are named `momentum_ignition` takes."""
    return trade.side is not None and trade.price > 0 and trade.quantity > 0 and names_nobody(trade)


def _print(trade: Trade) -> Print:
    return Print(trade.side == "buy", trade.price, trade.quantity, witness(trade))

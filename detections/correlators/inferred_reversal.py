"""As much taken the other way right after: what the tape alone tells of a position turned around.

MAR Annex I A(d) and A(e) name reversals of positions in a short period; Commission Delegated
Regulation (EU) 2016/522, Annex II, section 1, momentum ignition: a trend is started or fed, and the
position closed at those who follow. `momentum_ignition` finds who does it. Where a feed names
nobody, his trades are on the tape still: in some seconds nearly all came in on one side, many times
what is usual, and in the next ones nearly all came in on the other, with about as much. How far the
price went isn't asked: who meets makers that come back at once moves it by little, and a thin
market's price goes far and comes back several times a day by itself. That is a lead, and its alerts
are marked `inferred` and `anonymous`: two who want opposite things, one right after the other,
leave the same trace. All of this must hold of a market:

1. Within `window` those who came in on one side traded `minimum_side_share` or more of all that was
   traded, at `minimum_times` different times and `minimum_prices` prices or more; and right after
   these trades, till now, those who came in on the other side did.
2. The smaller of the two quantities is `minimum_likeness` of the larger one, or more.
3. Both together are `minimum_volume` times what is usual in all of `window`, or more, and
   `minimum_deviations` standard deviations above it.
4. This happens `minimum_turns` times within `repetition`: once it does by itself in a thin market.

What is usual is learnt by `step`, from what came before and wasn't found; before 24 of them are
known nothing is found. After an alert there must be as many more of them, within `repetition` as
well, for the next one, until there was none for `pause`. Trades of named accounts are left to
`momentum_ignition`. The numbers are our choice.
"""

from collections.abc import Iterable
from itertools import accumulate
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import latest
from detections.markets.side_tape import Print, SideTape, Taken, taken
from detections.parties import names_nobody
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, WEEK, Duration, Ratio

# Confidence before it is calibrated on labelled data, and what more volume and repetition add.
_BASE, _VOLUME, _REPEATED = 0.2, 0.1, 0.15
#: So many times what is asked for is as sure as it gets.
_FULL = 3.0
#: Trades that are evidence of one time, and times that are remembered.
_MOST_TRADES, _MOST_TIMES = 128, 16


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on positions that were turned around sets."""

    #: The time within which as much is taken the one way and the other.
    window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 30 * SECOND
    #: The steps by which it is learnt what is usual.
    step: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 5 * SECOND
    #: Of all that is traded, by those who come in on the one side, and then on the other.
    minimum_side_share: Annotated[Ratio, Meta(ge=0.5, le=1)] = 0.75
    #: Different times at which each come in,
    minimum_times: Annotated[int, Meta(ge=1, le=200)] = 4
    #: and different prices.
    minimum_prices: Annotated[int, Meta(ge=1, le=200)] = 4
    #: The smaller quantity, as a part of the larger one.
    minimum_likeness: Annotated[Ratio, Meta(gt=0, le=1)] = 0.7
    #: How many times the usual quantity of as long a time as the window is traded.
    minimum_volume: Annotated[float, Meta(ge=0, le=10_000)] = 3.0
    #: How many standard deviations above what is usual that is.
    minimum_deviations: Annotated[float, Meta(ge=0, le=100)] = 6.0
    #: How often that happens,
    minimum_turns: Annotated[int, Meta(ge=1, le=_MOST_TIMES)] = 2
    #: within this time.
    repetition: Annotated[Duration, Meta(ge=0, le=DAY)] = 10 * MINUTE
    #: Having told of some, so long it must be as many more.
    pause: Annotated[Duration, Meta(ge=0, le=4 * WEEK)] = DAY


class Turn(Struct, frozen=True):
    """What was taken the one way, and then the other."""

    up: bool
    run: Taken
    back: Taken
    volume: float
    """How many times what is usual in all of the window."""
    began: int
    ended: int


class Told(Struct, frozen=True):
    """One that no alert has told of yet."""

    time: int
    seen: tuple[Witness, ...]

    @property
    def times(self) -> int:
        """At how many different times somebody came in."""
        return len({one.timestamp for one in self.seen})

    def without(self, event: str) -> "Told":
        """The same without one of its trades; itself where it is none of these."""
        left = tuple(one for one in self.seen if one.id != event)
        return self if len(left) == len(self.seen) else Told(self.time, left)


class Market(Struct):
    """One market."""

    tape: SideTape = field(default_factory=SideTape)
    told_at: int = 0
    """When it was told last; 0: never."""
    told: int = 0
    """How many the newest alert was of."""
    waiting: list[Told] = field(default_factory=list[Told])
    """Those since, the newest."""


class State(Struct):
    """The markets."""

    markets: dict[tuple[str, str, str], Market] = field(
        default_factory=dict[tuple[str, str, str], Market]
    )


@correlator("inferred_reversal")
class InferredReversal(Correlator[State]):
    """See the module. Memory: per market 512 trades of its window, and 128 of each of 16 times."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    uses_trades = True
    highest_level = "medium"
    typology = "momentum_ignition"
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        # Of so many times what is usual in the window the other side must have more at the end than
        # the one: that much is known without a look at each trade.
        share, like = parameters.minimum_side_share, parameters.minimum_likeness
        part = share * like / (1 + like)
        self.least = parameters.minimum_volume * part * (2 - 1 / share)

    @property
    def horizon(self) -> int:
        """The window, some of what was usual before, and what was told."""
        return self._p.window + max(HOUR, self._p.pause, self._p.repetition)

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        if event.side is None or not (event.price > 0 and event.quantity > 0):
            return ()
        if not names_nobody(event):
            return ()  # `momentum_ignition` looks at these
        p = self._p
        key = (event.provider, event.venue, event.instrument)
        market = latest(self.state.markets, key, MOST_BOOKS, Market)
        tape = market.tape
        trade = Print(event.side == "buy", event.price, event.quantity, witness(event))
        tape.add(trade, p.window, p.step, event.phase_began)
        whole = tape.bought + tape.sold
        if not tape.known or not tape.stands_out(
            whole, p.window / p.step, p.minimum_volume, p.minimum_deviations
        ):
            return ()
        turn = self._turn(tape, back=trade.bought)
        if turn is None:
            return ()
        tape.found(turn.began, p.step)
        return self._tell(event, market, turn)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: nobody came in with it, or with another quantity."""
        p = self._p
        market = self.state.markets.get((was.provider, was.venue, was.instrument))
        if market is None:
            return
        market.tape.revise(was, now, p.step)
        if now is None:
            market.waiting = [
                left
                for one in market.waiting
                if (left := one.without(was.id)).times >= 2 * p.minimum_times or left is one
            ]

    def _turn(self, tape: SideTape, *, back: bool) -> Turn | None:
        """What was taken one way, and then the other, up to the newest trade."""
        p, steps = self._p, self._p.window / self._p.step
        if not reaches(tape.buying if back else tape.selling, self.least * tape.usual(steps)):
            return None
        trades = tape.window()
        turned = _began(trades, len(trades), bought=back)
        came = taken(trades[turned:], bought=back)
        if came is None or not self._is_series(came):
            return None
        first = _began(trades, turned, bought=not back)
        ran = taken(trades[first:turned], bought=not back)
        if ran is None or not self._is_series(ran):
            return None
        like = min(ran.quantity, came.quantity) / max(ran.quantity, came.quantity)
        whole = float_sum(one.quantity for one in trades[first:])
        if not reaches(like, p.minimum_likeness) or not tape.stands_out(
            whole, steps, p.minimum_volume, p.minimum_deviations
        ):
            return None
        times = [one.seen.timestamp for one in (*ran.trades, *came.trades)]
        return Turn(not back, ran, came, whole / tape.usual(steps), min(times), max(times))

    def _is_series(self, one: Taken) -> bool:
        """Whether it is nearly all that was traded, at times and prices enough."""
        p = self._p
        return (
            reaches(one.share, p.minimum_side_share)
            and one.times >= p.minimum_times
            and one.prices >= p.minimum_prices
        )

    def _tell(self, event: Trade, market: Market, turn: Turn) -> Iterable[Finding]:
        p, now = self._p, event.timestamp
        parts = (turn.run.trades, turn.back.trades)
        seen = [one.seen for part in parts for one in part[-_MOST_TRADES // 2 :]]
        market.waiting.append(Told(now, tuple(seen)))
        market.waiting = [one for one in market.waiting if now - one.time <= p.repetition]
        del market.waiting[:-_MOST_TIMES]
        told = 0 if market.told_at == 0 or now - market.told_at > p.pause else market.told
        if len(market.waiting) < min(max(p.minimum_turns, told), _MOST_TIMES):
            return ()
        times = len(market.waiting)
        market.told = told + times
        market.told_at = now
        witnesses = [one for told in market.waiting for one in told.seen]
        market.waiting = []
        return [self._finding(event, turn, times, witnesses)]

    def _finding(self, event: Trade, turn: Turn, times: int, witnesses: list[Witness]) -> Finding:
        p, run, back = self._p, turn.run, turn.back
        did, undid = ("bought", "sold") if turn.up else ("sold", "bought")
        more = min(1.0, (turn.volume / p.minimum_volume - 1) / _FULL) if p.minimum_volume else 1.0
        again = f", one of {times} such turns within {lapse(p.repetition)}" if times > 1 else ""
        seen = {one.id: one for one in witnesses}
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"within {lapse(turn.ended - turn.began)} others {did} {amount(run.quantity)} "
                f"{event.instrument} on {event.venue} at {run.prices} prices, "
                f"{percent(run.share)} of all that was traded, and then {undid} "
                f"{amount(back.quantity)} at {back.prices} prices, {percent(back.share)} of all; "
                f"together {amount(round(turn.volume, 1))} times what is usual in "
                f"{lapse(p.window)}{again} (the feed names no accounts)"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=_BASE + _VOLUME * more + _REPEATED * min(1.0, (times - 1) / _FULL),
            metrics={
                "quantity": run.quantity,
                "side_share": run.share,
                "reversed_quantity": back.quantity,
                "reversed_side_share": back.share,
                "volume_multiple": turn.volume,
                "gain": (back.average / run.average - 1) * (1 if turn.up else -1),
                "times": float(times),
            },
            tags=("inferred", "anonymous"),
        )


def _began(trades: list[Print], end: int, *, bought: bool) -> int:
    """From where on, before `end`, one side took most more than the other; `end` if nowhere."""
    before = reversed(trades[:end])
    own = (one.quantity if one.bought is bought else -one.quantity for one in before)
    nets = list(accumulate(own))
    most = max(nets, default=0.0)
    return end - 1 - nets.index(most) if most > 0 else end

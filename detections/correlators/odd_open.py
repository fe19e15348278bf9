"""An odd opening: much is traded on one side in the first minutes of a day, and the price goes far.

What is left of `marking_the_open`, which see for the law, where a feed names nobody: that in the
first `window` of a day those who came in on one side traded far more than anybody does there, and
took the price with them. It can't be told whether that was one party, or many who had read the same
news overnight: it is a lead, and its alerts are marked `inferred` and `anonymous`. For markets
without an opening auction, whose time of opening is known by the venue's calendar in the reference
data. All of this must hold of a market's first minutes:

1. There was a run of one side (see `detections.markets.side_run`): those who came in on it traded
   `minimum_side_share` or more of all that was traded meanwhile, at `minimum_times` different times
   or more. What the quotes of the night come to as they meet is mostly done in a moment.
2. What they traded but for the largest of these times is `minimum_volume` times what is traded in
   as long a time as the window of a day, or more; and `minimum_growth` times what such a run came
   to in the first minutes of earlier days, by the median.
3. The price at which they came in went that way by `minimum_move` or more, and by
   `minimum_usual_moves` times what it usually goes in as long a time as the window.

What is usual is learnt from what was traded before. An opening that was told of counts as a usual
one, so that who does it day by day is told of each time. Before `minimum_days` openings are known
nothing is found. Trades of named accounts are left to `marking_the_open`. The numbers are our
choice; that marked prices show in the volume and the return of these minutes, and in what comes
back after, is what Comerton-Forde and Putnins found of closes ("Measuring closing price
manipulation", 2011).
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.baselines.rate import BlockRate, kept
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import TRADES, Correlator, correlator
from detections.idlest import latest
from detections.markets.linked_markets import MarketKey
from detections.markets.side_run import SideRuns
from detections.markets.usual_moves import UsualMoves
from detections.parties import names_nobody
from detections.rounding import reaches
from normalizer.events.market import MarketEvent, Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

#: Confidence before it is calibrated on labelled data.
_CONFIDENCE = 0.35
#: Trades of an opening that are evidence: the newest.
_MOST_TRADES = 100
#: Earlier openings that tell what is usual.
_MOST_DAYS = 20
#: Where there was nothing like it before, so many times as much.
_MOST_GROWTH = 1e6
_HALF_LIFE = 7 * HOUR // 2


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on odd openings sets."""

    #: The first part of a day.
    window: Annotated[Duration, Meta(ge=SECOND, le=30 * MINUTE)] = 5 * MINUTE
    #: Of all that is traded meanwhile, by those who come in on one side.
    minimum_side_share: Annotated[Ratio, Meta(ge=0.5, le=1)] = 0.7
    #: Different times at which these come in.
    minimum_times: Annotated[int, Meta(ge=1, le=200)] = 4
    #: How many times the usual quantity of as long a time as the window they trade, but for the
    #: largest of these times.
    minimum_volume: Annotated[float, Meta(ge=0, le=10_000)] = 2.0
    #: How many times what they trade so at openings.
    minimum_growth: Annotated[float, Meta(ge=0, le=1_000)] = 2.0
    #: How far the price goes, as a part of what it was.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.003
    #: How many times the usual move of as long a time that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=100)] = 1.5
    #: Openings without which nobody knows what is usual.
    minimum_days: Annotated[int, Meta(ge=1, le=20)] = 2


class Opening(Struct):
    """The first minutes of a day."""

    began: int
    runs: SideRuns = field(default_factory=SideRuns)
    newest: list[Witness] = field(default_factory=list[Witness])


class Watched(Struct):
    """One market."""

    moves: UsualMoves = field(default_factory=UsualMoves)
    volumes: BlockRate = field(default_factory=BlockRate)
    """Quantity by steps as long as the window, of the day after it."""
    step: int = -1
    step_quantity: float = 0.0
    opening: Opening | None = None
    earlier: list[float] = field(default_factory=list[float])
    """What the run of the first minutes of days before came to, but for its largest time."""


class State(Struct):
    """The markets."""

    markets: dict[tuple[str, str, str], Watched] = field(
        default_factory=dict[tuple[str, str, str], Watched]
    )


@correlator("odd_open")
class OddOpen(Correlator[State]):
    """See the module. Memory: some numbers for each market that has an open; in the first minutes
    100 trades of it."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    highest_level = "medium"
    typology = "marking_the_close"
    needs = (TRADES,)
    # What comes after the window ends it: an order will do, where nobody trades.
    actions = frozenset({"trade", "order-placed", "order-cancelled", "book-update"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._keep = kept(_HALF_LIFE / parameters.window)

    @property
    def horizon(self) -> int:
        """The openings that it needs to know, over a weekend."""
        return (self._p.minimum_days + 3) * DAY

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        key = (event.provider, event.venue, event.instrument)
        watched = self.state.markets.get(key)
        found: Iterable[Finding] = ()
        opening = None if watched is None else watched.opening
        if (
            watched is not None
            and opening is not None
            and event.timestamp >= opening.began + self._p.window
        ):
            watched.opening = None
            found = self._done(event, watched, opening)
        if event.__class__ is Trade:
            self._traded(event, key)  # pyright: ignore[reportArgumentType]
        return found

    def _traded(self, event: Trade, key: tuple[str, str, str]) -> None:
        began = event.phase_began
        if event.phase != "continuous" or began is None:
            return
        if not _counts(event):
            return
        watched = latest(self.state.markets, key, MOST_BOOKS, Watched)
        before = watched.moves.time
        watched.moves.add(event.timestamp, event.price, self._p.window, began)
        if event.timestamp < began + self._p.window:
            self._opens(event, watched, began)
        else:
            self._later(event, watched, began, before)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """The first minutes, while they go on, without trades that were taken back or corrected."""
        watched = self.state.markets.get(market)
        if watched is None or (opening := watched.opening) is None:
            return
        began = opening.began
        if all(was.timestamp < began for was, _ in revisions) or not self.trades.reach(began):
            return
        watched.opening = None
        for trade in self.trades.between(market, began, began + self._p.window):
            if trade.phase == "continuous" and trade.phase_began == began and _counts(trade):
                self._opens(trade, watched, began)
                watched.moves.price = trade.price

    def _opens(self, event: Trade, watched: Watched, began: int) -> None:
        opening = watched.opening
        if opening is None:
            opening = watched.opening = Opening(began)
        opening.runs.add(event.timestamp, event.price, event.quantity, event.side == "buy")
        opening.newest.append(witness(event))
        del opening.newest[:-_MOST_TRADES]

    def _later(self, event: Trade, watched: Watched, began: int, before: int) -> None:
        """What is traded after the first minutes tells what is usual."""
        number = event.timestamp // self._p.window
        if number > watched.step:
            if watched.step >= 0:
                watched.volumes.learn(watched.step_quantity, self._keep)
                first = watched.step + 1
                if began > before or before < began + self._p.window:
                    # Nights and openings aren't learnt.
                    first = max(first, began // self._p.window + 1)
                watched.volumes.pass_empty(number - first, self._keep)
            watched.step, watched.step_quantity = number, 0.0
        watched.step_quantity += event.quantity

    def _done(self, event: MarketEvent, watched: Watched, opening: Opening) -> Iterable[Finding]:
        p, whole = self._p, opening.runs.longest()
        if whole is None:
            return ()
        earlier = list(watched.earlier)
        watched.earlier.append(whole.repeated)
        del watched.earlier[:-_MOST_DAYS]
        run = opening.runs.longest(p.minimum_times, p.minimum_side_share)
        if run is None or len(earlier) < p.minimum_days or not watched.volumes.weight:
            return ()
        usual, usual_opening = watched.volumes.mean, median(earlier)
        usual_move = watched.moves.usual()
        if (
            not usual
            or not reaches(run.repeated, p.minimum_volume * usual)
            or not reaches(run.repeated, p.minimum_growth * usual_opening)
            or not reaches(abs(run.moved), p.minimum_move)
            or not reaches(abs(run.moved), p.minimum_usual_moves * usual_move)
        ):
            return ()
        watched.earlier[-1] = min(run.repeated, usual_opening)
        did, went = ("bought", "rose") if run.up else ("sold", "fell")
        growth = (
            f"{amount(round(run.repeated / usual_opening, 1))} times what did"
            if usual_opening
            else "next to nothing did"
        )
        return [
            Finding(
                entities=(f"{event.venue} {event.instrument}",),
                reason=(
                    f"in the first {lapse(p.window)} of the day others {did} "
                    f"{amount(run.quantity)} {event.instrument} on {event.venue} at "
                    f"{run.times} times, {percent(run.share)} of all that was traded meanwhile; "
                    f"but for the largest that is {amount(round(run.repeated / usual, 1))} times "
                    f"what all trade in as long a time, and {growth} on {len(earlier)} days "
                    f"before; the price {went} by {percent(abs(run.moved))} to "
                    f"{amount(run.price)} (the feed names no accounts)"
                ),
                witnesses=tuple(opening.newest),
                confidence=_CONFIDENCE,
                metrics={
                    "change": run.moved,
                    "usual_change": usual_move,
                    "price": run.price,
                    "side_share": run.share,
                    "quantity": run.quantity,
                    "times": float(run.times),
                    "volume_multiple": run.repeated / usual,
                    "growth": run.repeated / usual_opening if usual_opening else _MOST_GROWTH,
                    "days": float(len(earlier)),
                },
                tags=("inferred", "anonymous"),
            )
        ]


def _counts(trade: Trade) -> bool:
    """Whether it says anything here. Of named accounts `marking_the_open` says it."""
    return trade.side is not None and trade.price > 0 and trade.quantity > 0 and names_nobody(trade)

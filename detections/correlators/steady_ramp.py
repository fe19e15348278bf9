"""A price that goes one way, step by step, for hours: what the tape alone tells of ramping.

For the law see `ramping`. Where a feed names nobody it can't be told that one party's small orders
push the price, only that it climbs (or falls) far more steadily than prices do, with most of those
who come in on one side, and with no jump that news would make. It is a lead, and its alerts are
marked `inferred` and `anonymous`: a crowd that learns of something bit by bit, or another market
that goes first, leaves the same trace. All of this must hold of a market, by steps of `step`:

1. Within `window` the price went one way by `minimum_move` or more, and by `minimum_usual_moves`
   times what it usually goes in as long a time. Of a venue's day as long a time must be over: what
   became known overnight moves prices in its first hour, step by step, too.
2. That is `minimum_directness` or more of all that it went up and down from step to step. What
   wanders has a small one.
3. No step made more than `maximum_step` of it. A step that ended on a price far off that of the
   one before and of the one behind counts as if it had not: a slip, or meant to hide the rest.
4. There were `minimum_trades` or more, and those that came in that way were `minimum_side_share` of
   them or more, by number: large orders that are worked show in the quantity, small steps in the
   number.

What is usual is learnt from what came before. It is told again when the price has gone twice as
far. Trades of named accounts are left to `ramping`. The numbers are our choice, after those of
`ramping`.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import latest
from detections.markets.linked_markets import MarketKey
from detections.markets.slips import is_slip
from detections.markets.usual_moves import UsualMoves
from detections.parties import names_nobody
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.structured import FieldError
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data, and what a straighter way adds.
_BASE, _STRAIGHT = 0.25, 0.15
#: Steps without which nobody knows what is usual.
_KNOWN = 24.0
#: Far off is a price by so many times the usual move of a step, and by this part of it.
_OFF, _LEAST_OFF = 5.0, 0.005
#: Trades that are evidence: of each step those that took the price further, and in all.
_MOST_OF_STEP, _MOST_TRADES = 8, 120


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on steady ramps sets."""

    #: The time within which the price goes one way.
    window: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = 2 * HOUR
    #: The steps by which it is looked at.
    step: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 5 * MINUTE
    #: How far it goes, as a part of what it was.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.02
    #: How many times the usual move of as long a time that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=100)] = 2.0
    #: What part it is of all that it went up and down.
    minimum_directness: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: The part of it that one step may make.
    maximum_step: Annotated[Ratio, Meta(gt=0, le=1)] = 0.25
    #: Trades in that time,
    minimum_trades: Annotated[int, Meta(ge=1, le=100_000)] = 60
    #: and the part of them that came in that way, by number.
    minimum_side_share: Annotated[Ratio, Meta(ge=0.5, le=1)] = 0.6

    def __post_init__(self) -> None:
        # A window touches one step more than fit into it.
        if (self.window // self.step + 1) * self.maximum_step < 1:
            raise FieldError(
                "step",
                "must be shorter, or maximum_step larger: the steps of the window can't make all "
                "of it together",
            )


class Step(Struct):
    """A part of the time in which something was traded."""

    number: int
    price: float
    """The last."""
    bought: int = 0
    sold: int = 0
    """Trades, by who came in."""
    pushes: list[Witness] = field(default_factory=list[Witness])
    """Trades that took the price up or down, the newest."""


class Market(Struct):
    """One market."""

    moves: UsualMoves = field(default_factory=UsualMoves)
    before: float = 0.0
    """The price before the first of the steps; 0 before any."""
    began: int = 0
    """When the day did in which the steps are; 0 where the venue has none."""
    steps: list[Step] = field(default_factory=list[Step])
    told: float = 0.0
    """How far it had gone when it was told, with its sign."""
    told_at: int = 0


class State(Struct):
    """The markets."""

    markets: dict[tuple[str, str, str], Market] = field(
        default_factory=dict[tuple[str, str, str], Market]
    )


@correlator("steady_ramp")
class SteadyRamp(Correlator[State]):
    """See the module. Memory: per market the steps of its window, with eight trades each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    highest_level = "medium"
    typology = "momentum_ignition"
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """The window, and some of what was usual before."""
        return self._p.window + int(_KNOWN) * self._p.step

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        if not _counts(event):
            return ()
        key = (event.provider, event.venue, event.instrument)
        market = latest(self.state.markets, key, MOST_BOOKS, Market)
        number = event.timestamp // self._p.step
        found: Iterable[Finding] = ()
        if market.steps and number > market.steps[-1].number:
            found = self._judge(event, market)
        self._add(event, market, number)
        return found

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the steps of their market, without them."""
        known = self.state.markets.get(market)
        if known is None or not known.steps:
            return
        since = known.steps[0].number * self._p.step
        if all(was.timestamp < since for was, _ in revisions) or not self.trades.reach(since):
            return
        trades = [one for one in self.trades.between(market, since) if _counts(one)]
        earlier = next((one for one in self.trades.until(market, since) if _counts(one)), None)
        if earlier is not None:
            known.before = 0.0 if _overnight(earlier, trades) else earlier.price
        elif self.trades.reach(1):
            known.before = 0.0  # these are the first
        newest = known.before if earlier is None else earlier.price
        known.steps = []
        for one in trades:
            self._step(one, known, one.timestamp // self._p.step, newest)
            newest = one.price
        known.moves.price = newest
        if not trades and earlier is None and self.trades.reach(1):
            del self.state.markets[market]  # there was none

    def _add(self, event: Trade, market: Market, number: int) -> None:
        newest = market.moves.price
        market.moves.add(event.timestamp, event.price, self._p.step, event.phase_began)
        self._step(event, market, number, newest)

    def _step(self, event: Trade, market: Market, number: int, newest: float) -> None:
        p, steps = self._p, market.steps
        began = event.phase_began
        market.began = began or 0
        if began is not None and steps and steps[-1].number < began // p.step:
            steps.clear()  # what happened overnight is no step
            market.before = 0.0
        if not steps or number > steps[-1].number:
            oldest = number - p.window // p.step
            stale = 0
            while stale < len(steps) and steps[stale].number <= oldest:
                market.before = steps[stale].price
                stale += 1
            del steps[:stale]
            market.before = market.before or event.price
            steps.append(Step(number, event.price))
        step = steps[-1]
        bought = event.side == "buy"
        if bought:
            step.bought += 1
        else:
            step.sold += 1
        if newest and event.price != newest and (event.price > newest) is bought:
            step.pushes.append(witness(event))
            del step.pushes[:-_MOST_OF_STEP]
        step.price = event.price

    def _judge(self, event: Trade, market: Market) -> Iterable[Finding]:
        """What the steps that have ended come to."""
        p, steps = self._p, market.steps
        if market.moves.steps < _KNOWN:
            return ()
        off = max(_LEAST_OFF, _OFF * market.moves.usual())
        prices = _without_slips([market.before, *(one.price for one in steps)], off)
        moved = prices[-1] / prices[0] - 1
        lasted = (steps[-1].number - steps[0].number + 1) * p.step
        usual = market.moves.usual(lasted / p.step)
        if (
            2 * lasted < p.window
            or (steps[-1].number + 1) * p.step - market.began < p.window
            or not reaches(abs(moved), p.minimum_move)
            or not reaches(abs(moved), p.minimum_usual_moves * usual)
        ):
            return ()
        up = moved > 0
        ways = [one - other for one, other in zip(prices[1:], prices, strict=False)]
        directness = abs(float_sum(ways)) / float_sum(abs(way) for way in ways)
        largest = max(way if up else -way for way in ways) / abs(prices[-1] - prices[0])
        trades = sum(one.bought + one.sold for one in steps)
        side = sum(one.bought if up else one.sold for one in steps)
        if (
            not reaches(directness, p.minimum_directness)
            or not reaches(p.maximum_step, largest)
            or trades < p.minimum_trades
            or not reaches(side, p.minimum_side_share * trades)
        ):
            return ()
        again = event.timestamp - market.told_at <= p.window and (market.told > 0) is up
        if again and abs(moved) < 2 * abs(market.told):
            return ()
        market.told, market.told_at = moved, event.timestamp
        return [self._finding(event, market, moved, usual, directness, side / trades)]

    def _finding(
        self,
        event: Trade,
        market: Market,
        moved: float,
        usual: float,
        directness: float,
        share: float,
    ) -> Finding:
        p, steps = self._p, market.steps
        pushes = [one for step in steps for one in step.pushes][-_MOST_TRADES:]
        trades = sum(one.bought + one.sold for one in steps)
        lasted = (steps[-1].number - steps[0].number + 1) * p.step
        rose, did = ("rose", "bought") if moved > 0 else ("fell", "sold")
        straight = (directness - p.minimum_directness) / (1 - p.minimum_directness + 1e-9)
        return Finding(
            entities=(f"{event.venue} {event.instrument}",),
            reason=(
                f"{event.instrument} on {event.venue} {rose} by {percent(abs(moved))} to "
                f"{amount(steps[-1].price)} within {lapse(lasted)}, "
                f"{amount(round(abs(moved) / usual, 1)) if usual else 'many'} times as far as "
                f"usual and {percent(directness)} of all that it went up and down, without a jump; "
                f"in {percent(share)} of {trades:,} trades others {did} (the feed names no "
                f"accounts)"
            ),
            witnesses=tuple(pushes),
            confidence=_BASE + _STRAIGHT * max(0.0, straight),
            metrics={
                "change": moved,
                "usual_change": usual,
                "directness": directness,
                "side_share": share,
                "trades": float(trades),
                "price": steps[-1].price,
            },
            tags=("inferred", "anonymous"),
        )


def _counts(trade: Trade) -> bool:
    """Whether it says anything here. Of named accounts `ramping` says it."""
    return trade.side is not None and trade.price > 0 and trade.quantity > 0 and names_nobody(trade)


def _overnight(before: Trade, trades: Sequence[Trade]) -> bool:
    """Whether one was made on another day than those."""
    began = trades[0].phase_began if trades else None
    return began is not None and before.timestamp < began


def _without_slips(prices: list[float], off: float) -> list[float]:
    """Prices by steps; in the place of one that is so far off both others the one before it."""
    for place in range(1, len(prices) - 1):
        before, price, behind = prices[place - 1 : place + 2]
        if is_slip(before, price, behind, off):
            prices[place] = before
    return prices

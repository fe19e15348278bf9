"""Momentum ignition: a price run through by one party's own trades, who then trades against it.

MAR 12(2)(c)(iii) and Annex I A(e) (reversal of positions in a short period); Commission Delegated
Regulation (EU) 2016/522, Annex II, section 1. All of this must hold of a party, which is a cluster,
an investor or an account, by the widest name known:

1. Within `run_window` it takes offers (or bids) at `minimum_prices` prices or more, and the price
   goes that way from its first trade to its last. Or others filled the book again, or the market
   went the other way, but `minimum_prices` times or more one of its orders went on to a further
   price: who tried to start a trend has done what the regulation names (with the intention to start
   one; MAR 15 and 12(1)(a) ask for an attempt, or for what is likely to).
2. That is `minimum_share` or more of all that is traded in that time.
3. Within `reversal_window` after its last such trade it sells (or buys) back `minimum_reversal` or
   more of what it took, taking or making.
4. On average at a price that is better by more than `minimum_gain`: others have followed. Less than
   nothing asks for no gain: the regulation doesn't, and who tried and lost has tried as well.
5. The run went far: `certain_move` or more; or `minimum_move` or more, which is
   `minimum_usual_moves` times what the price usually goes there in as long a time. Or it did not,
   since others filled the book again or the market went the other way, and within `quick_reversal`
   the party takes the other side as it took the first, at `minimum_prices` prices or more, or as
   often on to a further one: nobody pays the spread twice for shares that he wants.

Who takes the whole book because it wants the shares doesn't give them back; who only changes its
mind loses the spread. What is usual is learnt by the minute over some hours of trading
(`detections.markets.usual_moves`). Needs a feed that names accounts and who came in: without,
see `inferred_reversal` for what is left. The numbers are our choice.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse, percent
from detections.baselines.rate import SURE
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room, latest
from detections.markets.linked_markets import MarketKey
from detections.markets.price_runs import Direction, Execution, Run, Tape, Trader, pushes
from detections.parties import Party, buyer, is_exempt, seller
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data: a base, and what a longer way, a larger share
# of the market and repetition add to it.
_BASE, _WAY, _SHARE, _REPEATED = 0.55, 0.2, 0.15, 0.1
#: The base where it lost by it. On simulated markets 56 of 56 alerts were right (94% at least),
#: whose mean was 0.47 with a base of 0.4; a real crowd is larger.
_LOST = 0.5
#: So many times the move that is asked for is as sure as it gets.
_FULL_WAY = 5.0
_MOST_TRADERS = 2_000
#: Parties, and trades of theirs, in all markets.
_MOST_IN_ALL = 1_000_000
#: Trades of the windows of all markets, whoever made them.
_MOST_TRADES_IN_ALL = 2_000_000


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on momentum ignition sets."""

    #: The time within which a run is made.
    run_window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = MINUTE
    #: Different prices that it takes.
    minimum_prices: Annotated[int, Meta(ge=2, le=200)] = 5
    #: How far the price goes, as a part of what it was, to be far in any market.
    certain_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.005
    #: How far it goes at least, where it is known what is usual.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.0005
    #: How many times the usual move that is.
    minimum_usual_moves: Annotated[float, Meta(ge=0, le=1_000)] = 3.0
    #: The time after a run that did not go far, within which it takes the other side.
    quick_reversal: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 2 * MINUTE
    #: The party's part of all that is traded in that time.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.3
    #: The time after the run within which it trades the other way.
    reversal_window: Annotated[Duration, Meta(ge=SECOND, le=24 * HOUR)] = 10 * MINUTE
    #: How much of what it took it gives back.
    minimum_reversal: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: By how much its price back is better, as a part of the price of the run.
    minimum_gain: Annotated[Ratio, Meta(ge=-1, le=10)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """The markets, and who was found before."""

    tapes: dict[tuple[str, str, str], Tape] = {}
    found: Occurrences = field(default_factory=Occurrences)
    room: Room = field(default_factory=Room)
    """For parties and their trades."""
    room_of_trades: Room = field(default_factory=Room)
    """For how much was traded."""


@correlator("momentum_ignition")
class MomentumIgnition(Correlator[State]):
    """See the module. Memory: per market 2,000 parties, with 256 trades of their window, of a run
    and of its reversal each; of all markets together 1,000,000 parties and trades of theirs, and
    two numbers for each of 2,000,000 trades."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 3
    typology = "momentum_ignition"
    needs_named = TRADES
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """A run, what comes after it, and who was found before."""
        return max(self._p.run_window + self._p.reversal_window, REPETITION_WINDOW)

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        price, quantity = event.price, event.quantity
        if not (price > 0 and quantity > 0):
            return ()
        self._make_room()
        time, side, run_window = event.timestamp, event.side, self._p.run_window
        key = (event.provider, event.venue, event.instrument)
        tape = latest(self.state.tapes, key, MOST_BOOKS, Tape)
        tape.add(time, quantity, time - run_window)
        tape.moves.add(time, price, run_window, event.phase_began)
        bought = event.buyer_cluster or event.buyer_id or event.buyer_account
        sold = event.seller_cluster or event.seller_id or event.seller_account
        if bought == sold:
            return ()  # nobody whom we know, or with itself, which is another abuse
        findings: Iterable[Finding] = ()
        if bought is not None and not is_exempt(event.buyer_labels, self._exempt):
            trader = self._trader(tape, bought, time)
            down = trader.down
            if down is not None and down.run is not None:
                findings = self._turned(event, tape, down, buyer(event), up=False)
            if side == "buy":
                if trader.up is None:
                    trader.up = Direction()
                self._took(event, tape, trader.up, up=True)
        if sold is not None and not is_exempt(event.seller_labels, self._exempt):
            trader = self._trader(tape, sold, time)
            up = trader.up
            if up is not None and up.run is not None:
                turned = self._turned(event, tape, up, seller(event), up=True)
                findings = [*findings, *turned]
            if side == "sell":
                if trader.down is None:
                    trader.down = Direction()
                self._took(event, tape, trader.down, up=False)
        return findings

    def _trader(self, tape: Tape, name: str, time: int) -> Trader:
        # Taken out and put back at the end, so that the first is always the idlest.
        trader = tape.traders.pop(name, None)
        if trader is None:
            trader = Trader(time)
            self.state.room.added += 1
            if len(tape.traders) >= _MOST_TRADERS:
                del tape.traders[next(iter(tape.traders))]
        trader.seen = time
        tape.traders[name] = trader
        return trader

    def _make_room(self) -> None:
        """Where there may be too many parties or trades in all, let go of the idlest."""
        state = self.state
        if state.room.take(_MOST_IN_ALL, 0):
            known = (
                (trader.seen, trader.size, (tape.traders, name))
                for tape in state.tapes.values()
                for name, trader in tape.traders.items()
            )
            state.room.make(_MOST_IN_ALL, known, lambda one: one[0].pop(one[1]))
        if state.room_of_trades.take(_MOST_TRADES_IN_ALL):
            tapes = ((tape.moves.time, len(tape.times), tape) for tape in state.tapes.values())
            state.room_of_trades.make(_MOST_TRADES_IN_ALL, tapes, Tape.clear)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the runs of their market, without them."""
        tape = self.state.tapes.get(market)
        if tape is None:
            return
        since = tape.moves.time - 2 * (self._p.run_window + self._p.reversal_window)
        if all(was.timestamp < since for was, _ in revisions) or not self.trades.reach(since):
            return
        state = self.state
        found, state.found = state.found, {}
        rooms = state.room, state.room_of_trades  # what comes again was counted
        state.room, state.room_of_trades = Room(-_MOST_IN_ALL), Room(-_MOST_TRADES_IN_ALL)
        again = self.state.tapes[market] = Tape()
        for trade in self.trades.between(market, since):
            self.observe(trade)  # what is found was told
            tape.moves.price = trade.price
        state.found, again.moves = found, tape.moves
        state.room, state.room_of_trades = rooms
        if not again.times and not again.moves.steps:
            del self.state.tapes[market]  # there was none

    # -- the run and its reversal ------------------------------------------------------------------

    def _took(self, event: Trade, tape: Tape, way: Direction, *, up: bool) -> None:
        """The party took an offer (or a bid): a run may begin with it, or go on."""
        p, time = self._p, event.timestamp
        self.state.room.added += 1
        execution = Execution(event.price, event.quantity, witness(event))
        prices = way.take(execution, time - p.run_window)
        run = way.run
        if run is not None and time - run.ended > p.reversal_window:
            run = way.run = None  # nothing came of it
        if run is not None:
            further = execution.price > run.taken[-1].price
            if execution.price != run.taken[-1].price and further is up and not run.back:
                run.go_on(execution)
                self.state.room.added += 1
                run.far = run.far or self._is_far(run.moved if up else -run.moved, tape)
            return
        if prices < p.minimum_prices and len(way.taken) <= p.minimum_prices:
            return
        share = way.quantity / max(tape.traded, way.quantity)
        if reaches(share, p.minimum_share):
            window = way.window()
            moved = execution.price / window[0].price - 1
            moved = moved if up else -moved
            went = moved > 0 and prices >= p.minimum_prices
            if not went and pushes(window, up=up) < p.minimum_prices:
                return
            value = float_sum(one.quantity * one.price for one in window)
            far = self._is_far(moved, tape)
            quantity = float_sum(one.quantity for one in window)
            way.run = Run(window, quantity, value, min(1.0, share), far)
            self.state.room.added += len(window)

    def _is_far(self, moved: float, tape: Tape) -> bool:
        p, usual = self._p, tape.moves
        if reaches(moved, p.certain_move):
            return True
        return usual.steps >= SURE and (
            reaches(moved, p.minimum_move) and moved >= p.minimum_usual_moves * usual.usual()
        )

    def _turned(
        self,
        event: Trade,
        tape: Tape,
        way: Direction,
        party: Party,
        *,
        up: bool,
    ) -> Iterable[Finding]:
        """The party traded against its own run."""
        p, run = self._p, way.run
        assert run is not None
        if event.timestamp - run.ended > p.reversal_window:
            way.run = None
            return ()
        self.state.room.added += 1
        execution = Execution(event.price, event.quantity, witness(event))
        run.turn(execution, came_in=(event.side == "sell") is up and event.side is not None)
        if not run.far and event.timestamp - run.ended > p.quick_reversal:
            return ()
        if not reaches(run.back_quantity, p.minimum_reversal * run.quantity):
            return ()
        if (
            not run.far
            and len(run.back_prices) < p.minimum_prices
            and pushes(run.back, up=not up) < p.minimum_prices
        ):
            return ()
        gain = (run.back_value / run.back_quantity) / (run.value / run.quantity) - 1
        gain = gain if up else -gain
        if gain <= p.minimum_gain:
            return ()
        way.run = None
        return [self._finding(event, tape, run, party, gain, up=up)]

    def _finding(
        self, event: Trade, tape: Tape, run: Run, party: Party, gain: float, *, up: bool
    ) -> Finding:
        again = times(self.state.found, party, event)
        first, last = run.taken[0], run.taken[-1]
        prices = len({one.price for one in run.taken})
        took, back = ("bought", "sold") if up else ("sold", "bought")
        better = "more" if up is (gain >= 0) else "less"
        seen = {one.witness.id: one.witness for one in (*run.taken, *run.back)}
        usual = tape.moves.usual() if tape.moves.steps >= SURE else 0.0
        moved = max(0.0, run.moved if up else -run.moved)
        far = max(moved / self._p.certain_move, _times(moved, usual, self._p))
        way = min(1.0, far / _FULL_WAY)
        lasted = last.witness.timestamp - first.witness.timestamp
        after = event.timestamp - last.witness.timestamp
        return Finding(
            entities=party.names,
            reason=(
                f"{party} {took} {amount(run.quantity)} {event.instrument} on {event.venue} at "
                f"{prices} prices from {amount(first.price)} to {amount(last.price)} within "
                f"{lapse(lasted)}, {percent(run.share)} of all that was traded, and {back} "
                f"{amount(run.back_quantity)} within {lapse(after)} after, on average for "
                f"{percent(abs(gain))} {better}"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=(
                (_BASE if gain > 0 else _LOST)
                + _WAY * way
                + _SHARE * run.share
                + _REPEATED * repeated(again)
            ),
            metrics={
                "prices": float(prices),
                "moved": run.moved,
                "usual_move": usual,
                "quantity": run.quantity,
                "share": run.share,
                "reversed_quantity": run.back_quantity,
                "gain": gain,
                "gain_notional": gain * run.value / run.quantity * run.back_quantity,
                "times_in_an_hour": float(again),
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )


def _times(moved: float, usual: float, p: Parameters) -> float:
    """How many times it goes as far as is asked for, by what is usual."""
    if not usual or not p.minimum_usual_moves:
        return 0.0
    return moved / (p.minimum_usual_moves * usual)

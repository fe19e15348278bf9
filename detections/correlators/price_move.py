"""Unusual moves of price and volume on a venue or in a pool (MAR Annex I A(d), A(e); MiCA 91).

Of each market, with every trade, the last `window` is looked at:

- **price**: the newest price against the one that held when the window began (or, where nothing
  traded in the window before, against the first within it);
- **volume**: the window's quantity against what is usual in a window of that length, by the
  `baseline` before it, but for the time that the venue was closed, and with `by_hour` at that time
  of the day. While less than `minimum_history` of the baseline has been seen nobody knows what is
  usual, and a rule that asks for a multiple stays silent.

What a rule sets must all hold. The first time makes an alert; while it goes on, the same series
alerts again each time that the change or the multiple has doubled. It ends when nothing has held
for a window. The beginning of the window is known to a 240th of its length.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import Correlator, correlator
from detections.markets.linked_markets import MarketKey
from detections.markets.price_history import Deal, PriceHistory, leader
from detections.markets.slips import is_slip
from detections.money import too_little
from detections.parties import sides
from detections.rounding import least, reaches
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade
from pipeline.structured import FieldError
from pipeline.units import DAY, MINUTE, SECOND, WEEK, Duration, Ratio

_MOST_MARKETS = 2_000
_AGAIN = 2.0
#: From this part of the volume on, the largest buyer or seller is named.
_NOTABLE_SHARE = 0.25
_ALL = 0.995


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on price and volume sets."""

    #: The time that is looked at, by event time.
    window: Annotated[Duration, Meta(ge=SECOND, le=WEEK)] = DAY
    #: Whether a rise, a fall or either counts.
    direction: Literal["up", "down", "both"] = "both"
    #: Change of price within the window. 0%: the price does not matter.
    minimum_change: Annotated[Ratio, Meta(ge=0, le=100)] = 0.25
    #: How many times the usual quantity was traded. 0: the volume does not matter.
    minimum_volume_multiple: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    #: What tells how much is usual: this long, before the window.
    baseline: Annotated[Duration, Meta(ge=MINUTE, le=31 * DAY)] = WEEK
    #: Whether what is usual is that at the same time of the day (UTC), where several days tell of
    #: it: a market that is busy in the afternoon is not unusual then, and is at night.
    by_hour: bool = False
    #: How much of the baseline must have been seen.
    minimum_history: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: Trades within the window.
    minimum_trades: Annotated[int, Meta(ge=1, le=100_000)] = 2
    #: Value traded within the window,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        if not self.minimum_change and not self.minimum_volume_multiple:
            raise FieldError(
                "minimum_change",
                "neither the price nor the volume matters, so every trade would be an alert",
            )


class Market(Struct):
    """A venue's instrument, or a pool."""

    history: PriceHistory
    series_until: int = 0
    """Event time at which the series ends unless it goes on; 0 while there is none."""
    series_alerts: int = 0
    alerted_change: float = 0.0
    alerted_multiple: float = 0.0
    alerted_on: tuple[str, ...] = ()
    """Ids of the trades whose prices the last alert told."""
    leapt: tuple[float, float] = (0.0, 0.0)
    """The price before the newest deal, and its own, if an alert told of that; else zeros."""


class Move(Struct, frozen=True):
    """What a market's window comes to."""

    opening: Deal
    closing: Deal
    change: float
    trades: int
    quantity: float
    notional: float
    #: None where it does not matter or nobody knows; infinite where nothing is usual.
    multiple: float | None


class State(Struct):
    """The markets, the idlest first."""

    markets: dict[tuple[str, str, str], Market] = {}


@correlator("price_move")
class PriceMove(Correlator[State]):
    """See the module. Memory: at most 2,000 markets, with 240 parts of their window each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 4
    typology = "price_and_volume"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._rule = parameters
        self._least_change = least(parameters.minimum_change)
        self.actions = frozenset({"trade", "pool-swap"})

    @property
    def horizon(self) -> int:
        """The window, the price before it, and what was usual where that matters."""
        rule = self._rule
        return 2 * rule.window + (rule.baseline if rule.minimum_volume_multiple else 0)

    def observe(self, event: Trade | PoolSwap) -> Iterable[Finding]:
        """Take a trade or swap; other records are none of its business."""
        deal = _deal(event)
        if deal is None:
            return ()
        market = self._market(event)
        history = market.history
        before = history.slots[-1].last.price if history.slots else 0.0
        history.add(deal, event.phase_began if isinstance(event, Trade) else None)
        if market.leapt[0]:
            if is_slip(*market.leapt, deal.price):
                market.series_until = 0  # what is found now is another matter
            market.leapt = (0.0, 0.0)
        move = self._moved(history, event.currency)
        if move is None or not self._due(market, move):
            return ()
        market.leapt = (before, deal.price)
        return [self._finding(event, market, move)]

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: their market's windows, without them."""
        found = self.state.markets.get(market)
        deals = [
            (deal, None if now is None else _deal_of(now))
            for was, now in revisions
            if (deal := _deal_of(was)) is not None
        ]
        if found is None or not deals:
            return

        def known(begin: int, end: int) -> list[Deal]:
            made = (_deal_of(one) for one in self.trades.between(market, begin, end))
            return [one for one in made if one is not None]

        def before(time: int) -> Deal | None:
            made = (_deal_of(one) for one in self.trades.until(market, time))
            return next((one for one in made if one is not None), None)

        found.history.renew(deals, known, before)
        if not found.history.slots and found.history.before is None:
            del self.state.markets[market]  # its newest price isn't known
            return
        revised = {was.id for was, _ in revisions}
        if revised.intersection(found.alerted_on):
            found.series_until = 0  # what it was about has never been

    def _market(self, event: Trade | PoolSwap) -> Market:
        key = (event.provider, event.venue, event.instrument)
        # Taken out and put back at the end, so that the first market is always the idlest.
        market = self.state.markets.pop(key, None)
        if market is None:
            market = Market(PriceHistory(self._rule.window, self._rule.baseline))
        self.state.markets[key] = market
        if len(self.state.markets) > _MOST_MARKETS:
            del self.state.markets[next(iter(self.state.markets))]
        return market

    def _moved(self, history: PriceHistory, currency: str | None) -> Move | None:
        """The window's move, if it is what the rule asks for."""
        rule = self._rule
        if history.trades < rule.minimum_trades:
            return None
        # The deal that gave the price when the window began, or else the first within it.
        opening, closing = history.before or history.slots[0].first, history.slots[-1].last
        change = closing.price / opening.price - 1
        if rule.minimum_change and not (
            abs(change) >= self._least_change
            and (rule.direction == "both" or (change > 0) is (rule.direction == "up"))
        ):
            return None
        usual = None
        if rule.minimum_volume_multiple:
            usual = history.usual_quantity(rule.minimum_history, by_hour=rule.by_hour)
            if usual is None:
                return None
        quantity, notional = history.traded()
        if too_little(notional, rule.minimum_notional, currency):
            return None
        multiple = None
        if usual is not None:
            multiple = quantity / usual if usual else math.inf
            if not reaches(multiple, rule.minimum_volume_multiple):
                return None
        return Move(opening, closing, change, history.trades, quantity, notional, multiple)

    def _due(self, market: Market, move: Move) -> bool:
        """Whether the move is worth an alert: the first of a series, or twice as much as before."""
        now = market.history.now
        if not market.series_until or now > market.series_until:
            market.series_alerts = 0
            market.alerted_change = market.alerted_multiple = 0.0
        market.series_until = now + self._rule.window
        change, multiple = abs(move.change), move.multiple or 0.0
        turned = market.alerted_change * move.change < 0
        moved = turned or reaches(change, _AGAIN * abs(market.alerted_change))
        # Where nothing was usual the multiple is infinite, and stays that.
        grew = not math.isinf(market.alerted_multiple) and (
            reaches(multiple, _AGAIN * market.alerted_multiple)
        )
        more = (moved and self._rule.minimum_change) or (
            grew and self._rule.minimum_volume_multiple
        )
        if market.series_alerts and not more:
            return False
        market.series_alerts += 1
        market.alerted_change = move.change
        market.alerted_multiple = multiple
        market.alerted_on = (move.opening.witness.id, move.closing.witness.id)
        return True

    def _finding(self, event: Trade | PoolSwap, market: Market, move: Move) -> Finding:
        slots, rose = market.history.slots, move.change >= 0
        leading = leader(slot.bought if rose else slot.sold for slot in slots)
        share = leading[1] / move.quantity if leading and move.quantity else 0.0
        names: tuple[str, ...] = ()
        by = ""
        if leading and share >= _NOTABLE_SHARE:
            names = leading[0].names
            all_but = "all" if share > _ALL else percent(share)
            by = f"; {leading[0]} {'bought' if rose else 'sold'} {all_but} of it"
        metrics = {
            "change": move.change,
            "price_before": move.opening.price,
            "price": move.closing.price,
            "trades": float(move.trades),
            "quantity": move.quantity,
            "notional": move.notional,
            "alert_of_series": float(market.series_alerts),
        }
        if move.multiple is not None:
            metrics["volume_multiple"] = move.multiple
        deals = [move.opening, *(slot.last for slot in slots)]
        unsure = "unsure" in event.tags
        return Finding(
            entities=(event.instrument, *names),
            reason=self._sentence(event, move) + by,
            witnesses=tuple({deal.witness.id: deal.witness for deal in deals}.values()),
            metrics=metrics,
            tags=("unsure",) if unsure else (),
        )

    def _sentence(self, event: Trade | PoolSwap, move: Move) -> str:
        money = f" {event.currency}" if event.currency else ""
        where = f"{event.instrument} on {event.venue}"
        window = lapse(self._rule.window)
        if move.change:
            verb = "rose" if move.change > 0 else "fell"
            moved = (
                f"{where} {verb} by {percent(abs(move.change))} within {window}, from "
                f"{amount(move.opening.price)} to {amount(move.closing.price)}{money}"
            )
        else:
            moved = f"{where} stood at {amount(move.closing.price)}{money} over {window}"
        worth = f", worth {amount(move.notional)}{money}" if move.notional else ""
        traded = f"{amount(move.quantity)} changed hands in {move.trades} trades{worth}"
        return f"{moved}: {traded}{_times(move.multiple)}"


def _times(multiple: float | None) -> str:
    if multiple is None:
        return ""
    if math.isinf(multiple):
        return ", where nothing is usual"
    return f", {amount(round(multiple, 1))} times what is usual"


def _deal(event: Trade | PoolSwap) -> Deal | None:
    """None for what has no price that a market could have."""
    known = _made.get(id(event))  # several rules look at each trade, in turns
    if known is None:
        if len(_made) >= _MOST_MADE:
            _made.clear()
        known = _made[id(event)] = (event, _deal_of(event))
    return known[1]


_MOST_MADE = 1_000
_made: dict[int, tuple[Trade | PoolSwap, Deal | None]] = {}
"""By the identity of events, which are kept, so that it stays theirs."""


def _deal_of(event: Trade | PoolSwap) -> Deal | None:
    price, quantity = event.price, event.quantity
    if price is None or quantity is None:
        return None
    if not (0 < price < math.inf and 0 <= quantity < math.inf):
        return None
    bought, sold = sides(event)
    notional = price * quantity if event.notional is None else event.notional
    return Deal(event.timestamp, price, quantity, notional, bought, sold, witness(event))

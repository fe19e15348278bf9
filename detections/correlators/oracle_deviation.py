"""Prices away from the oracle's, and trading on an answer that is out of date (MAR Annex I A(g)).

Four patterns, one per rule:

- `deviation`: a trade or swap of a token at a price that differs from the oracle's by at least
  `minimum_deviation`. The first `minimum_trades` that do so in a row on one market make an alert; a
  trade near the oracle's price ends the series. While it lasts it alerts again each time that the
  number of trades, or the deviation, has doubled.
- `stale`: a token is traded although its oracle's newest answer is older than `maximum_age`. One
  alert for each answer that grew old.
- `jump`: an answer differs from the feed's answer before it by at least `minimum_deviation`.
- `late`: an answer comes more than the feed's age limit after the one before it.

The age limit of a feed is the heartbeat that the reference data gives it, and `grace` more;
`maximum_age` where it gives none. A trade is held against the newest answer that was on the chain
at the trade's time, and only if both are in one currency. An answer older than the limit proves
nothing and is left out of `deviation`. Rounds of Chainlink and prices of Pyth are answers alike.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.markets.linked_markets import MarketKey
from detections.money import too_little
from detections.parties import Party, acting, buyer, seller
from detections.rounding import reaches
from normalizer.events.chain import OracleUpdate, PoolSwap
from normalizer.events.market import Trade
from pipeline.units import HOUR, MINUTE, SECOND, WEEK, Duration, Ratio

_MOST_MARKETS = 10_000
_MOST_FEEDS = 10_000
#: Answers of a feed that are kept, for trades that come late.
_MOST_ANSWERS = 64
_MOST_TRADES = 1_000
_MOST_NAMES = 16
_AGAIN = 2
#: In seconds: more than a year is none.
_LONGEST_HEARTBEAT = 1e8


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on oracles sets."""

    pattern: Literal["deviation", "stale", "jump", "late"]
    #: `deviation`, `jump`: difference from the oracle's price, or its answer before, as a part.
    minimum_deviation: Annotated[Ratio, Meta(gt=0, le=100)] = 0.05
    #: `deviation`: trades in a row that make an alert.
    minimum_trades: Annotated[int, Meta(ge=1, le=1_000)] = 3
    #: Value of a trade below which it is left out,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: Age beyond which an answer is out of date, of feeds without a heartbeat in reference data.
    maximum_age: Annotated[Duration, Meta(ge=MINUTE, le=4 * WEEK)] = 25 * HOUR
    #: How much longer than its heartbeat a feed may take: a block has to take the answer.
    grace: Annotated[Duration, Meta(ge=0, le=WEEK)] = 5 * MINUTE
    #: Names of what counts as one currency, such as a currency and its stablecoins.
    same_currency: tuple[str, ...] = ("USD", "USDC", "USDT")


class Answer(Struct, frozen=True, array_like=True):
    """What an oracle said."""

    timestamp: int
    """When it was on the chain."""
    updated: int
    """When the oracle's nodes agreed on it."""
    price: float
    feed: str
    witness: Witness
    limit: int = 0
    """Age beyond which it is out of date."""


class Away(Struct, frozen=True, array_like=True):
    """A trade away from the oracle's price."""

    timestamp: int
    deviation: float
    notional: float
    who: tuple[Party, ...]
    witness: Witness


class Series(Struct):
    """Trades in a row of one market, all away from the oracle's price."""

    trades: list[Away] = field(default_factory=list[Away])
    count: int = 0
    notional: float = 0.0
    alerts: int = 0
    next_count: int = 0
    next_deviation: float = 0.0


#: The token, and the currency of its price.
Feed = tuple[str, str]


class State(Struct):
    """The answers, the series of trades away from them, and what was said of old answers."""

    answers: dict[Feed, list[Answer]] = field(default_factory=dict[Feed, list[Answer]])
    series: dict[tuple[str, str, str], Series] = field(
        default_factory=dict[tuple[str, str, str], Series]
    )
    told: dict[Feed, int] = field(default_factory=dict[Feed, int])
    """By feed: the time of the answer whose age was alerted."""


@correlator("oracle_deviation")
class OracleDeviation(Correlator[State]):
    """See the module. Memory: 64 answers for each of at most 10,000 feeds; 10,000 markets."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "oracle_deviation"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._rule = parameters
        self._same = frozenset(parameters.same_currency)
        answers_only = parameters.pattern in ("jump", "late")
        trades: set[str] = set() if answers_only else {"trade", "pool-swap"}
        answers = frozenset({"oracle-update"})
        self.actions = answers | trades
        self.needs = (answers,)

    @property
    def horizon(self) -> int:
        """An answer that is older proves nothing; how old it is matters until then."""
        return self._rule.maximum_age

    def observe(self, event: OracleUpdate | Trade | PoolSwap) -> Iterable[Finding]:
        """Take an answer, a trade or a swap; other records are none of its business."""
        if isinstance(event, OracleUpdate):
            return self._answered(event)
        return self._traded(event)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the series in their market, without them."""
        if self._rule.pattern != "deviation":
            return
        begin = first = min(was.timestamp for was, _ in revisions)
        for one in islice(self.trades.until(market, first), _MOST_TRADES):
            if self._is_near(one):
                break  # there the series before it ended
            begin = one.timestamp
        else:
            if not self.trades.reach(1) or next(self.trades.until(market, begin), None) is not None:
                self._without(market, {was.id for was, now in revisions if now is None})
                return
        self.state.series.pop(market, None)
        for one in self.trades.between(market, begin):
            deque(self._traded(one), maxlen=0)  # what is found was told

    def _is_near(self, trade: Trade) -> bool:
        """Whether it is near the oracle's price."""
        held = self._held(trade)
        if held is None:
            return False
        price, _, answer = held
        near = abs(price / answer.price - 1)
        age = trade.timestamp - answer.updated
        return age <= answer.limit and not reaches(near, self._rule.minimum_deviation)

    def _without(self, market: MarketKey, gone: set[str]) -> None:
        """What came before isn't known any more: the series, less some of its trades."""
        series = self.state.series.get(market)
        if series is None:
            return
        lost = [one for one in series.trades if one.witness.id in gone]
        series.trades = [one for one in series.trades if one.witness.id not in gone]
        series.count -= len(lost)
        series.notional -= float_sum(one.notional for one in lost)
        if not series.trades:
            del self.state.series[market]

    def _traded(self, event: Trade | PoolSwap) -> Iterable[Finding]:
        held = self._held(event)
        if held is None:
            return ()
        price, notional, answer = held
        age = event.timestamp - answer.updated
        if self._rule.pattern == "stale":
            return self._stale(event, answer, age)
        if age > answer.limit:
            return ()
        return self._compared(event, price, notional, answer)

    def _held(self, event: Trade | PoolSwap) -> tuple[float, float, Answer] | None:
        """Its price, what it is worth, and the answer that it is held against; None if none."""
        price, feed = event.price, self._feed(event)
        if feed is None or price is None or not 0 < price < math.inf:
            return None
        notional = event.notional
        if notional is None:
            notional = price * (event.quantity or 0.0)
        answer = self._answer_at(feed, event.timestamp)
        if answer is None or too_little(notional, self._rule.minimum_notional, event.currency):
            return None
        return price, notional, answer

    def _feed(self, event: OracleUpdate | Trade | PoolSwap) -> Feed | None:
        if event.token_id is None or event.currency is None:
            return None
        same = event.currency in self._same
        return event.token_id, "" if same else event.currency

    def _answered(self, update: OracleUpdate) -> Iterable[Finding]:
        feed = self._feed(update)
        if feed is None or update.price is None or not 0 < update.price < math.inf:
            return ()
        limit = self._rule.maximum_age
        if update.heartbeat is not None and 0 < update.heartbeat < _LONGEST_HEARTBEAT:
            limit = round(update.heartbeat * SECOND) + self._rule.grace
        answer = Answer(
            update.timestamp, update.updated, update.price, update.feed, witness(update), limit
        )
        # Taken out and put back at the end, so that the first feed is always the idlest.
        answers = self.state.answers.pop(feed, [])
        self.state.answers[feed] = answers
        if len(self.state.answers) > _MOST_FEEDS:
            drop_idlest(self.state.answers, _MOST_FEEDS)
        place = bisect_right(answers, answer.timestamp, key=_timestamp)
        before = next((one for one in answers[:place][::-1] if one.feed == answer.feed), None)
        answers.insert(place, answer)
        del answers[:-_MOST_ANSWERS]
        return () if before is None else self._since(before, answer, update)

    def _since(self, before: Answer, answer: Answer, update: OracleUpdate) -> Iterable[Finding]:
        """What an answer is, held against the one before it of the same feed."""
        passed = answer.updated - before.updated
        change = answer.price / before.price - 1
        money = f" {update.currency}" if update.currency else ""
        if self._rule.pattern == "late" and passed > answer.limit:
            said = f"came {lapse(passed)} after the one before it, later than {lapse(answer.limit)}"
        elif self._rule.pattern == "jump" and reaches(abs(change), self._rule.minimum_deviation):
            said = (
                f"is {percent(abs(change))} {'above' if change > 0 else 'below'} the "
                f"{amount(before.price)} before it, which was {lapse(max(0, passed))} older"
            )
        else:
            return
        yield Finding(
            entities=(answer.feed,),
            reason=f"the answer of the oracle {answer.feed}, {amount(answer.price)}{money}, {said}",
            witnesses=(before.witness, answer.witness),
            metrics={
                "deviation": change,
                "oracle_price": answer.price,
                "price_before": before.price,
                "seconds_between": passed / 1e9,
            },
        )

    def _answer_at(self, feed: Feed, time: int) -> Answer | None:
        answers = self.state.answers.get(feed, [])
        place = bisect_right(answers, time, key=_timestamp)
        return answers[place - 1] if place else None

    def _stale(self, event: Trade | PoolSwap, answer: Answer, age: int) -> Iterable[Finding]:
        feed = self._feed(event)
        if feed is None:
            return
        if age <= answer.limit or self.state.told.get(feed) == answer.timestamp:
            return
        self.state.told[feed] = answer.timestamp
        if len(self.state.told) > _MOST_FEEDS:
            drop_idlest(self.state.told, _MOST_FEEDS)
        money = f" {event.currency}" if event.currency else ""
        yield Finding(
            entities=(answer.feed, event.instrument),
            reason=(
                f"{event.instrument} was traded on {event.venue} at {amount(event.price or 0)}"
                f"{money} while the newest answer of the oracle {answer.feed}, "
                f"{amount(answer.price)}, was {lapse(age)} old"
            ),
            witnesses=(answer.witness, witness(event)),
            metrics={"age_seconds": age / 1e9, "oracle_price": answer.price},
            tags=_marks(event),
        )

    def _compared(
        self, event: Trade | PoolSwap, price: float, notional: float, answer: Answer
    ) -> Iterable[Finding]:
        market = (event.provider, event.venue, event.instrument)
        deviation = price / answer.price - 1
        if not reaches(abs(deviation), self._rule.minimum_deviation):
            self.state.series.pop(market, None)
            return
        series = self.state.series.pop(market, None) or Series(next_count=self._rule.minimum_trades)
        if series.trades and series.trades[-1].deviation * deviation < 0:
            series = Series(next_count=self._rule.minimum_trades)  # it crossed the oracle's price
        self.state.series[market] = series
        if len(self.state.series) > _MOST_MARKETS:
            drop_idlest(self.state.series, _MOST_MARKETS)
        series.trades.append(
            Away(event.timestamp, deviation, notional, _parties(event), witness(event))
        )
        del series.trades[:-_MOST_TRADES]
        series.count += 1
        series.notional += notional
        deeper = series.alerts > 0 and math.isfinite(deviation)
        deeper = deeper and reaches(abs(deviation), series.next_deviation)
        if series.count < series.next_count and not deeper:
            return
        series.alerts += 1
        series.next_count = _AGAIN * series.count
        series.next_deviation = _AGAIN * abs(deviation)
        yield self._finding(event, price, answer, series)

    def _finding(
        self, event: Trade | PoolSwap, price: float, answer: Answer, series: Series
    ) -> Finding:
        last, count = series.trades[-1], series.count
        age = max(0, event.timestamp - answer.updated)
        names = {name: 0 for trade in series.trades for party in trade.who for name in party.names}
        money = f" {event.currency}" if event.currency else ""
        many = "a trade" if count == 1 else f"the last of {count} trades in a row"
        return Finding(
            entities=(event.instrument, *list(names)[:_MOST_NAMES]),
            reason=(
                f"{event.instrument} on {event.venue}: {many}, at {amount(price)}{money}, was "
                f"{percent(abs(last.deviation))} {'above' if last.deviation > 0 else 'below'} the "
                f"{amount(answer.price)} of the oracle {answer.feed}, which was "
                f"{lapse(age)} old; worth {amount(series.notional)}"
                f"{money} together"
            ),
            witnesses=(answer.witness, *(trade.witness for trade in series.trades)),
            metrics={
                "deviation": last.deviation,
                "price": price,
                "oracle_price": answer.price,
                "oracle_age_seconds": age / 1e9,
                "trades": float(count),
                "notional": series.notional,
                "alert_of_series": float(series.alerts),
            },
            tags=_marks(event),
        )


def _parties(event: Trade | PoolSwap) -> tuple[Party, ...]:
    parties = (buyer(event), seller(event)) if isinstance(event, Trade) else (acting(event),)
    return tuple(party for party in parties if party.known)


def _marks(event: Trade | PoolSwap) -> tuple[str, ...]:
    return ("unsure",) if "unsure" in event.tags else ()


def _timestamp(answer: Answer) -> int:
    return answer.timestamp

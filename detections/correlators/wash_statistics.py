"""Volume that looks made up, by the sizes of a market's trades in a day, without any account.

MAR Annex I A(c); the tests are those of Cong, Li, Tang and Yang (see
`detections.markets.size_statistics`). Of a market and a day (UTC), once there are `minimum_trades`,
and again when these have doubled, both must hold:

1. **First digits are not Benford's**: the mean absolute deviation is `minimum_deviation` or more,
   and chance gives that one time in ten to the power of `minimum_surprise` at most. It is only
   looked at where sizes spread over `minimum_magnitudes` powers of ten, each with a hundredth of
   the trades: else the law doesn't hold for anybody.
2. **Few sizes are round**: `minimum_odd_share` or more have three significant digits at least, and
   that is sure by three standard deviations. Where seven tenths of the trades are made up, as these
   authors found on average, those of people are left, of which half and more are round.

One alone says little: where nothing but whole lots are traded digits are odd, and sizes round;
where fees are taken from the size nothing is round, and digits are Benford's.

This is a hint at a venue or an instrument, never at a party, and a rule of it should be `low`, or
`medium` at most. It is weak against one who knows it: sizes can be drawn by Benford's law. Its
evidence is the trade that completed it; it rests on all trades of the day until then, which it
doesn't keep. With accounts, the others of the family say who.

The limit of 0.015 is Nigrini's, twice which is asked for, as is a choice; that a quarter of sizes
is round where digits are people's is one too: it was a tenth to two thirds in recorded frames of
Coinbase, of few trades."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import percent
from detections.correlators.base import Correlator, correlator
from detections.markets.size_statistics import BENFORD, chance_of_digits, deviation, traits
from detections.proportions import wilson
from normalizer.events.market import Trade
from pipeline.units import DAY

_MOST_MARKETS = 20_000
#: A power of ten with this part of the trades counts.
_NOTABLE_MAGNITUDE = 0.01
_DEVIATIONS = 3.0
_LEAST_SIZE, _LARGEST_SIZE = 1e-18, 1e18
# Confidence: a base, and what a larger deviation, and still fewer round sizes, add to it.
_BASE, _FURTHER, _FEWER = 0.3, 0.2, 0.1
_UNSURE = 0.6


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on sizes sets."""

    #: Trades of the day, below which nothing is said.
    minimum_trades: Annotated[int, Meta(ge=10, le=10_000_000)] = 2_000
    #: Powers of ten over which sizes spread.
    minimum_magnitudes: Annotated[int, Meta(ge=1, le=10)] = 3
    #: Mean absolute deviation of first digits from Benford's law.
    minimum_deviation: Annotated[float, Meta(ge=0, le=1)] = 0.03
    #: How unlikely that must be by chance: 6 is one in 10^6.
    minimum_surprise: Annotated[float, Meta(ge=0, le=100)] = 6.0
    #: Part of the trades of which the size is not round, 0 to 1.
    minimum_odd_share: Annotated[float, Meta(ge=0, le=1)] = 0.75


class Market(Struct, array_like=True):
    """An instrument at a venue, on one day."""

    day: int
    due: int
    """With how many trades it is looked at again."""
    trades: int = 0
    round_sizes: int = 0
    unsure: int = 0
    """Trades of which somebody isn't sure."""
    told: bool = False
    digits: list[int] = field(default_factory=lambda: [0] * 9)
    magnitudes: dict[int, int] = {}

    def count(self, trade: Trade, more: int) -> None:
        """One trade more, or (-1) one less."""
        digit, magnitude, is_round = traits(trade.quantity)
        self.trades += more
        self.digits[digit - 1] += more
        self.magnitudes[magnitude] = self.magnitudes.get(magnitude, 0) + more
        if not self.magnitudes[magnitude]:
            del self.magnitudes[magnitude]
        self.round_sizes += more * is_round
        if trade.tags and "unsure" in trade.tags:
            self.unsure += more


class State(Struct):
    """The sizes of the day, by market."""

    markets: dict[tuple[str, str, str], Market] = {}


@correlator("wash_statistics")
class WashStatistics(Correlator[State]):
    """See the module. Memory: 20,000 markets with some fifty numbers each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "wash_trading"
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._chance = 10.0**-parameters.minimum_surprise

    @property
    def horizon(self) -> int:
        """A day is counted whole."""
        return DAY

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade."""
        size = event.quantity
        if not _LEAST_SIZE <= size <= _LARGEST_SIZE:
            return ()
        markets = self.state.markets
        key = (event.provider, event.venue, event.instrument)
        market, day = markets.get(key), event.timestamp // DAY
        if market is None:
            if len(markets) >= _MOST_MARKETS:
                idlest = sorted(markets, key=lambda one: markets[one].day)
                for gone in idlest[: _MOST_MARKETS // 10]:
                    del markets[gone]
            market = markets[key] = Market(day, self._p.minimum_trades)
        elif day > market.day:
            market = markets[key] = Market(day, self._p.minimum_trades)
        market.count(event, 1)
        if market.trades < market.due or market.told:
            return ()
        market.due *= 2
        return self._judge(event, market)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: the day's sizes, without it."""
        market = self.state.markets.get((was.provider, was.venue, was.instrument))
        if market is None or was.timestamp // DAY != market.day:
            return
        if _LEAST_SIZE <= was.quantity <= _LARGEST_SIZE:
            market.count(was, -1)
        if now is not None and _LEAST_SIZE <= now.quantity <= _LARGEST_SIZE:
            market.count(now, 1)
        if not market.trades:
            del self.state.markets[(was.provider, was.venue, was.instrument)]
        if market.due > self._p.minimum_trades and market.trades < market.due // 2:
            market.due //= 2  # it is looked at again when there are as many after all

    def _judge(self, event: Trade, market: Market) -> Iterable[Finding]:
        p, trades = self._p, market.trades
        spread = sum(n >= _NOTABLE_MAGNITUDE * trades for n in market.magnitudes.values())
        if spread < p.minimum_magnitudes:
            return ()
        most_round = wilson(market.round_sizes, trades, _DEVIATIONS).high
        if 1 - most_round < p.minimum_odd_share:
            return ()
        off, chance = deviation(market.digits), chance_of_digits(market.digits)
        if off < p.minimum_deviation or chance > self._chance:
            return ()
        market.told = True
        part = market.round_sizes / trades
        share = [n / trades for n in market.digits]
        worst = max(range(9), key=lambda one: abs(share[one] - BENFORD[one]))
        confidence = (
            _BASE
            + _FURTHER * min(1.0, off / max(p.minimum_deviation, 1e-9) / 3)
            + _FEWER * (1 - most_round)
        )
        return [
            Finding(
                entities=(event.instrument, event.venue),
                reason=(
                    f"of {trades:,} trades in {event.instrument} on {event.venue} in a day, "
                    f"{percent(share[worst])} have a size that begins with {worst + 1}, where "
                    f"{percent(BENFORD[worst])} are usual (mean deviation of all digits "
                    f"{percent(off)}), and only {percent(part)} have a round size"
                ),
                witnesses=(witness(event),),
                confidence=confidence * (_UNSURE if market.unsure else 1.0),
                metrics={
                    "trades": float(trades),
                    "deviation": off,
                    "chance": chance,
                    "round_share": part,
                    "magnitudes": float(spread),
                    **{f"first_digit_{n}_share": one for n, one in enumerate(share, 1)},
                },
                tags=("unsure",) if market.unsure else (),
            )
        ]

"""What an account or an asset did in one period, in numbers that can be compared with others'."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from detections.alerting.findings import Witness, witness
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade

#: Parts of a period, to tell whether all came at once.
SLOTS = 6
_MOST_NAMES = 64
_MOST_WITNESSES = 6
_FADES = 0.2
#: What rounding leaves of a sum of which all parts were taken.
_NOTHING = 1e-9


class Feature(NamedTuple):
    """One number about an account or asset."""

    name: str
    words: str
    scaled: bool
    """It is a logarithm: of amounts and counts, of which some are a thousand times others."""


ACCOUNT: Sequence[Feature] = (
    Feature("orders", "orders", True),
    Feature("changes", "changes of orders", True),
    Feature("cancelled_part", "cancelled part of its orders", False),
    Feature("orders_per_trade", "orders for each trade", True),
    Feature("trades", "trades", True),
    Feature("value", "value traded", True),
    Feature("largest_of_mean", "largest trade in mean trades", True),
    Feature("one_sided", "part left over on one side", False),
    Feature("markets", "markets", True),
    Feature("counterparties", "counterparties", True),
    Feature("burst", "part of it in the busiest sixth of the period", False),
    Feature("transfers", "transfers", True),
    Feature("times_usual_value", "times its usual value", True),
    Feature("times_usual_events", "times its usual number of events", True),
)
ASSET: Sequence[Feature] = (
    Feature("orders", "orders", True),
    Feature("cancelled_part", "cancelled part of the orders", False),
    Feature("orders_per_trade", "orders for each trade", True),
    Feature("trades", "trades", True),
    Feature("value", "value traded", True),
    Feature("largest_of_mean", "largest trade in mean trades", True),
    Feature("one_sided", "part left over on the takers' side", False),
    Feature("change", "change of the price", False),
    Feature("range", "range of the price", False),
    Feature("top_share", "share of the largest party", False),
    Feature("burst", "part of it in the busiest sixth of the period", False),
    Feature("times_usual_value", "times its usual value", True),
    Feature("times_usual_events", "times its usual number of events", True),
)


class Activity(Struct, array_like=True):
    """Counts and sums of one period."""

    orders: int = 0
    changes: int = 0
    cancelled: int = 0
    trades: int = 0
    transfers: int = 0
    bought: float = 0.0
    """Value, in quote currency; of an asset what takers bought."""
    sold: float = 0.0
    largest: float = 0.0
    opened: float = 0.0
    """First price, then newest, highest and lowest; 0 while there is none."""
    price: float = 0.0
    high: float = 0.0
    low: float = 0.0
    slots: list[int] = field(default_factory=lambda: [0] * SLOTS)
    markets: dict[str, int] = {}
    """Trades by market."""
    others: dict[str, float] = {}
    """Value by counterparty; of an asset, by party."""
    witnesses: list[Witness] = []
    """The first event, and the trades and transfers that were the largest when they came."""

    @property
    def events(self) -> int:
        """How much there was."""
        return self.orders + self.changes + self.cancelled + self.trades + self.transfers

    def name_other(self, name: str | None, value: float) -> None:
        """Add to what was dealt with a party; of the first few of them only."""
        if name is not None:
            known = self.others.get(name)
            if known is not None or len(self.others) < _MOST_NAMES:
                self.others[name] = (known or 0.0) + value

    def name_market(self, name: str) -> None:
        """Note a trade in a market; in the first few of them only."""
        known = self.markets.get(name)
        if known is not None or len(self.markets) < _MOST_NAMES:
            self.markets[name] = (known or 0) + 1

    def take_back(self, value: float, other: str | None, market: str, *, bought: bool) -> None:
        """A trade that was counted isn't any more; what was largest, highest and lowest, and when
        it was, its caller knows."""
        self.trades -= 1
        if bought:
            self.bought = max(0.0, self.bought - value)
        else:
            self.sold = max(0.0, self.sold - value)
        self.forget_other(other, value)
        if self.markets.get(market, 0) > 1:
            self.markets[market] -= 1
        else:
            self.markets.pop(market, None)

    def put_back(self, value: float, other: str | None, market: str, *, bought: bool) -> None:
        """One that was corrected counts."""
        self.trades += 1
        if bought:
            self.bought += value
        else:
            self.sold += value
        if other is not None:
            self.name_other(other, value)
        if market:
            self.name_market(market)

    def note_extremes(self, event: Trade | PoolSwap, value: float) -> None:
        """A trade may be the largest, or its price the first, newest, highest or lowest."""
        price = event.price
        if value > self.largest:
            self.largest = value
            self.witnesses.append(witness(event))
            if len(self.witnesses) > _MOST_WITNESSES:
                del self.witnesses[1]  # the first event stays, the smaller ones go
        if price is not None and 0 < price < 1e300:
            self.opened = self.opened or price
            self.price = price
            if price > self.high:
                self.high = price
            if price < self.low or not self.low:
                self.low = price

    def forget_other(self, name: str | None, value: float) -> None:
        """So much was not dealt with a party."""
        if name is not None and name in self.others:
            self.others[name] -= value
            if self.others[name] <= _NOTHING * value:
                del self.others[name]


class Usual(Struct, array_like=True):
    """Means of past periods, in logarithms, that fade by a fifth with each."""

    value: float = 0.0
    events: float = 0.0
    periods: int = 0

    def learn(self, activity: Activity) -> None:
        """Take a period that was not found strange."""
        fades = 1.0 if not self.periods else _FADES
        self.value += fades * (math.log1p(activity.bought + activity.sold) - self.value)
        self.events += fades * (math.log1p(activity.events) - self.events)
        self.periods += 1


def account_row(activity: Activity, usual: Usual) -> list[float]:
    """The features of ACCOUNT, in its order."""
    one = _common(activity, usual)
    one["markets"] = math.log1p(len(activity.markets))
    one["counterparties"] = math.log1p(len(activity.others))
    one["changes"] = math.log1p(activity.changes)
    one["transfers"] = math.log1p(activity.transfers)
    return _row(one, ACCOUNT)


def asset_row(activity: Activity, usual: Usual) -> list[float]:
    """The features of ASSET, in its order."""
    one = _common(activity, usual)
    opened, value = activity.opened, activity.bought + activity.sold
    one["change"] = abs(activity.price / opened - 1) if opened else 0.0
    one["range"] = activity.high / activity.low - 1 if activity.low else 0.0
    most = max(activity.others.values(), default=0.0)
    one["top_share"] = min(1.0, most / (2 * value)) if value else 0.0
    return _row(one, ASSET)


def _common(activity: Activity, usual: Usual) -> dict[str, float]:
    value, trades = activity.bought + activity.sold, activity.trades
    mean = value / trades if trades else 0.0
    known = usual.periods > 0
    return {
        "orders": math.log1p(activity.orders),
        "cancelled_part": min(1.0, activity.cancelled / max(1, activity.orders)),
        "orders_per_trade": math.log1p(activity.orders / (1 + trades)),
        "trades": math.log1p(trades),
        "value": math.log1p(value),
        "largest_of_mean": math.log1p(activity.largest / mean) if mean else 0.0,
        "one_sided": abs(activity.bought - activity.sold) / value if value else 0.0,
        "burst": max(activity.slots) / max(1, sum(activity.slots)),
        "times_usual_value": max(0.0, math.log1p(value) - usual.value) if known else 0.0,
        "times_usual_events": (
            max(0.0, math.log1p(activity.events) - usual.events) if known else 0.0
        ),
    }


def _row(one: Mapping[str, float], features: Sequence[Feature]) -> list[float]:
    # Beyond these bounds a tree of single precision would see infinities.
    return [max(-1e6, min(1e6, one[feature.name])) for feature in features]


def plain(feature: Feature, value: float) -> float:
    """A feature as people know it: without the logarithm."""
    if not feature.scaled:
        return value
    if feature.name.startswith("times_"):
        return math.exp(min(50.0, value))
    return math.expm1(min(700.0, value))

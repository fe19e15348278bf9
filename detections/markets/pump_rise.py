"""Whether a price has risen as in a pump, against what is usual in its market; and what it was.

What is asked for, and where it comes from, says `detections.correlators.pump_and_dump`.
"""

import math
from typing import Literal, Protocol

from msgspec import Struct

from detections.alerting.findings import Witness
from detections.markets.pump_tape import CHUNKS, Burst, PumpTape
from detections.money import too_little
from detections.rounding import reaches

#: What moved less than this in a chunk hardly moved: one part in 5,000.
_LEAST_MOVE = 2e-4
#: Where nothing is usual a value is so many times it.
MOST_MULTIPLE = 1e6

Path = Literal["rush", "burst", "climb", "ceiling"]


class RiseParameters(Protocol):
    """What a rise must come to."""

    @property
    def minimum_rush_orders(self) -> int: ...
    @property
    def minimum_sigmas(self) -> float: ...
    @property
    def minimum_rise(self) -> float: ...
    @property
    def minimum_rise_in_5m(self) -> float: ...
    @property
    def minimum_rise_in_1h(self) -> float: ...
    @property
    def certain_rise(self) -> float: ...
    @property
    def minimum_volatilities(self) -> float: ...
    @property
    def minimum_volume_multiple(self) -> float: ...
    @property
    def minimum_purchases(self) -> float: ...
    @property
    def minimum_trades(self) -> int: ...
    @property
    def minimum_notional(self) -> float: ...
    @property
    def minimum_history(self) -> int: ...


class Rise(Struct, frozen=True):
    """A rise against what is usual."""

    path: Path
    burst: Burst
    rise: float
    multiple: float
    """Value, in times of what is usual."""
    volatilities: float
    rush_sigmas: float


class Pump(Struct):
    """A rise that was found."""

    path: Path
    start: int
    """Time of the trade that made it one."""
    since: int
    """When what was looked at began."""
    before: float
    """The price then."""
    peak: float
    peak_time: int
    after_peak: int = 0
    """Trades since."""
    fell: bool = False
    traded: float = 0.0
    """Quantity that was traded in the accumulation before it, where a rule needs it."""
    witnesses: tuple[Witness, ...] = ()
    began: int = 0
    """When the price left where it was, at the latest: what is said after that is about it."""
    explained: bool = False
    """Something had just been announced."""

    @property
    def rise(self) -> float:
        """How far the price went, as a part of what it was."""
        return self.peak / self.before - 1

    def gave_back(self, price: float) -> float:
        """The part of it that is gone at a price."""
        return (self.peak - price) / (self.peak - self.before)


def rise_to(price: float, tape: PumpTape, p: RiseParameters, currency: str | None) -> Rise | None:
    """The rise up to a price, if it is one. Cheap where the price has hardly risen."""
    chunks = tape.chunks
    fast = chunks[-2] if len(chunks) > 1 else chunks[-1]
    rushed = (
        chunks[-1].rush + fast.rush >= p.minimum_rush_orders
        and price >= fast.before * (1 + p.minimum_rise)
    )  # fmt: skip
    burst = price >= chunks[0].before * (1 + min(p.minimum_rise_in_5m, p.certain_rise))
    climbed = price >= tape.bars[0].before * (1 + p.minimum_rise_in_1h)
    if not (rushed or burst or climbed) or tape.history < p.minimum_history:
        return None
    if rushed:
        found = _judge("rush", tape.burst(2), tape, price, p.minimum_rise, p, currency)
        if found is not None:
            return found
    if burst:
        five = tape.burst(CHUNKS)
        found = _judge("burst", five, tape, price, p.minimum_rise_in_5m, p, currency)
        found = found or _judge("ceiling", five, tape, price, p.certain_rise, p, currency)
        if found is not None:
            return found
    if climbed:
        return _judge("climb", tape.hour(), tape, price, p.minimum_rise_in_1h, p, currency)
    return None


def _judge(
    path: Path,
    burst: Burst,
    tape: PumpTape,
    price: float,
    minimum: float,
    p: RiseParameters,
    currency: str | None,
) -> Rise | None:
    rise = price / burst.before - 1
    trades = p.minimum_trades / 2 if path == "ceiling" else p.minimum_trades
    if not reaches(rise, minimum) or burst.trades < trades:
        return None
    if too_little(burst.value, p.minimum_notional, currency):
        return None
    # Of a fall that is made up again nobody has pumped anything.
    if path != "climb" and not reaches(price / tape.held() - 1, minimum / 2):
        return None
    usual = tape.value.mean * burst.chunks
    multiple = min(MOST_MULTIPLE, burst.value / usual) if usual > 0 else MOST_MULTIPLE
    if not reaches(multiple, p.minimum_volume_multiple):
        return None
    rush = tape.rush.excess(burst.rush, burst.chunks, 0.5)
    if path == "rush" and (
        burst.rush < p.minimum_rush_orders
        or rush < p.minimum_sigmas
        or tape.trades.excess(burst.trades, burst.chunks, 1.0) < p.minimum_sigmas
    ):
        return None
    move = max(tape.volatility, _LEAST_MOVE) * math.sqrt(burst.chunks)
    volatilities = math.log1p(rise) / move
    if path != "ceiling" and (
        volatilities < p.minimum_volatilities
        or not reaches(burst.bought, p.minimum_purchases * burst.value)
    ):
        return None
    return Rise(path, burst, rise, multiple, volatilities, rush)

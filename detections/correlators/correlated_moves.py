"""The same asset moves oddly on several markets at once.

MAR Annex I A(e); MiCA 91. Somebody may work on all of them together, or on one that the others
follow; or news came, which moves them all: so it is a lead, and no more. Markets of one asset are
all venues and pools that the reference data says its token is traded on. All of this must hold:

1. On `minimum_markets` or more of them, within `window` of one another and the same way, the price
   went in 25 to 50 s by `minimum_move` or more, `minimum_volatilities` times as far as it usually
   does there, on `minimum_volume_multiple` times the usual value. What is usual is learnt as in
   `pump_and_dump`, and needs `minimum_history`.
2. No such thing was said of the asset within `pause`.

It tells which market went first, and by how long. Works without accounts, and says nothing of who.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import lapse, percent
from detections.correlators.base import Correlator, correlator
from detections.idlest import latest
from detections.markets.linked_markets import MOST_MARKETS, MarketKey
from detections.markets.pump_tape import PumpTape
from detections.markets.renewed_tape import renew
from detections.rounding import reaches
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

_MOST_ASSETS = 10_000
_LEAST_MOVE = 2e-4


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on correlated moves sets."""

    #: Markets that move.
    minimum_markets: Annotated[int, Meta(ge=2, le=MOST_MARKETS)] = 2
    #: The time within which they do.
    window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = MINUTE
    #: How far each goes, as a part of the price.
    minimum_move: Annotated[Ratio, Meta(gt=0, le=10)] = 0.02
    #: How many times the usual move of as long a time that is.
    minimum_volatilities: Annotated[float, Meta(ge=0, le=1_000)] = 6.0
    #: How many times the usual value is traded.
    minimum_volume_multiple: Annotated[float, Meta(ge=0, le=1_000_000)] = 5.0
    #: How much must be known of a market.
    minimum_history: Annotated[Duration, Meta(ge=5 * MINUTE, le=7 * HOUR)] = 50 * MINUTE
    #: So long nothing more is said of the asset.
    pause: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = 30 * MINUTE


class Odd(Struct, frozen=True, array_like=True):
    """A market moved oddly."""

    time: int
    venue: str
    instrument: str
    moved: float
    volatilities: float
    seen: tuple[Witness, ...]


class Asset(Struct):
    """One asset: its markets, and which of them moved oddly lately."""

    tapes: dict[MarketKey, PumpTape] = field(default_factory=dict[MarketKey, PumpTape])
    odd: dict[MarketKey, Odd] = field(default_factory=dict[MarketKey, Odd])
    """In the order in which they did."""
    alerted: int | None = None


class State(Struct):
    """The assets, the idlest first."""

    assets: dict[str, Asset] = field(default_factory=dict[str, Asset])


@correlator("correlated_moves")
class CorrelatedMoves(Correlator[State]):
    """See the module. Memory: 10,000 assets, each with 50 markets as `pump_and_dump` has them."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "cross_market"
    actions = frozenset({"trade", "pool-swap"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """What is usual, and the last alert."""
        return 7 * HOUR + self._p.pause

    def observe(self, event: Trade | PoolSwap) -> Iterable[Finding]:
        """Take a trade or a swap of a token that the reference data knows."""
        token, price, quantity = event.token_id, event.price, event.quantity
        if token is None or price is None or quantity is None:
            return ()
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        asset = self._asset(token)
        key = (event.provider, event.venue, event.instrument)
        tape = asset.tapes.get(key)
        if tape is None:
            if len(asset.tapes) >= MOST_MARKETS:  # the idlest goes: anybody may open a pool
                del asset.tapes[min(asset.tapes, key=lambda one: asset.tapes[one].time)]
            tape = asset.tapes[key] = PumpTape()
        time = event.timestamp
        value = price * quantity if event.notional is None else event.notional
        recent = asset.alerted is not None and time - asset.alerted <= self._p.pause
        side = None if event.side is None else event.side == "buy"
        began = event.phase_began if isinstance(event, Trade) else None
        tape.add(time, price, value, side, None, flagged=recent, began=began)
        if len(asset.tapes) < self._p.minimum_markets:
            return ()
        tape.keep(witness(event))
        if recent:
            return ()
        return self._moved(event, asset, key, tape, price)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the last hour of their market, without them."""
        were = [was for was, _ in revisions]
        for token in dict.fromkeys(was.token_id for was in were if was.token_id is not None):
            asset = self.state.assets.get(token)
            tape = None if asset is None else asset.tapes.get(market)
            if asset is None or tape is None:
                continue
            if not renew(tape, market, self.trades, revisions, rushes=False):
                continue
            if not tape.bars and not tape.price:
                del asset.tapes[market]
            odd = asset.odd.get(market)
            if odd is not None and {one.id for one in odd.seen} & {was.id for was in were}:
                del asset.odd[market]  # what goes on is odd anew
            if not asset.tapes:
                del self.state.assets[token]  # nothing was traded yet

    def _asset(self, token: str) -> Asset:
        return latest(self.state.assets, token, _MOST_ASSETS, Asset)

    def _moved(
        self,
        event: Trade | PoolSwap,
        asset: Asset,
        key: MarketKey,
        tape: PumpTape,
        price: float,
    ) -> Iterable[Finding]:
        p, chunks, time = self._p, tape.chunks, event.timestamp
        before = chunks[-2 if len(chunks) > 1 else -1].before
        if abs(price / before - 1) < 0.9 * p.minimum_move or tape.history < p.minimum_history:
            return ()
        burst = tape.burst(2)
        moved = price / burst.before - 1
        usual = tape.value.mean * burst.chunks
        volatilities = abs(math.log1p(moved)) / (
            max(tape.volatility, _LEAST_MOVE) * math.sqrt(burst.chunks)
        )
        if not reaches(abs(moved), p.minimum_move) or (
            volatilities < p.minimum_volatilities or burst.value < p.minimum_volume_multiple * usual
        ):
            return ()
        before_now = asset.odd.get(key)
        if before_now is None or time - before_now.time > p.window or (
            before_now.moved * moved < 0
        ):  # fmt: skip
            asset.odd.pop(key, None)
            asset.odd[key] = Odd(
                time, event.venue, event.instrument, moved, volatilities,
                tape.evidence(time - 50 * SECOND)[-50:],
            )  # fmt: skip
        together = [
            one
            for one in asset.odd.values()
            if time - one.time <= p.window and one.moved * moved > 0
        ]
        if len(together) < p.minimum_markets:
            return ()
        asset.alerted = time
        asset.odd.clear()
        for other in asset.tapes.values():
            other.flag()
        return [self._finding(event, together)]

    def _finding(self, event: Trade | PoolSwap, together: list[Odd]) -> Finding:
        first, last = together[0], together[-1]
        went = "rose" if first.moved > 0 else "fell"
        each = ", then ".join(
            f"{one.instrument} on {one.venue} by {percent(abs(one.moved))}" for one in together
        )
        seen = {one.id: one for odd in together for one in odd.seen}
        least = min(one.volatilities for one in together)
        return Finding(
            entities=tuple(dict.fromkeys(one.instrument for one in together)),
            reason=(
                f"{event.token_symbol or event.token_id} {went} on {len(together)} markets within "
                f"{lapse(last.time - first.time)}: {each}, each {least:.1f} times as far as is "
                "usual there or more"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=min(
                0.6,
                0.3 + 0.1 * (len(together) - 1) + 0.1 * min(1.0, least / 30),
            ),
            metrics={
                "markets": float(len(together)),
                "change": first.moved,
                "seconds_to_last": (last.time - first.time) / SECOND,
                "volatilities": least,
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )

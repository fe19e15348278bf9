"""Bought on one market and sold on another at once, at a loss: what tapes alone tell of a push.

For the law see `cross_market`: one market is moved in order to deal on another one of the same
asset (Commission Delegated Regulation (EU) 2016/522, Annex II: transactions on one trading venue to
influence the price on another one). Where feeds name nobody, it can't be told that one party does
both. But the tapes together show what hardly anything else leaves: on one market nearly all come in
to buy, and at the same time on another one nearly all come in to sell, for less. Who wants the
shares would buy where they are cheaper, an arbitrageur does it the other way round, and who makes a
market here and hedges there comes in on one of them. So it is a lead, and its alerts are marked
`inferred` and `anonymous`: two who want opposite things on two markets in the same seconds leave
the same trace. All of this must hold of two markets of one token, in one currency:

1. Within `window` those who came in on the one bought `minimum_side_share` or more of all that was
   traded there, at `minimum_times` different times and `minimum_prices` prices or more; and those
   who came in on the other one sold so.
2. On each that is `minimum_volume` times what is usual in as long a time, or more; and the two
   together are as rare as `minimum_deviations` standard deviations above it (their sum, by the root
   of two: S. Stouffer's way to put two measures together). On a market on which most is traded in
   any case, less stands out.
3. What was bought cost more, on average, than what was sold fetched, by `minimum_loss` or more.

What is usual is learnt by `step`, from what came before; before 24 of them are known on both
markets nothing is found. After an alert there is none on the token for `pause`. That the second
market followed isn't asked for: who tried has done what the law names (MAR 15 and 12(1)(a)). Trades
of named accounts are left to `cross_market`, and so are pools, whose wallets are known. The numbers
are our choice.
"""

from collections.abc import Iterable
from math import sqrt
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import latest
from detections.markets.linked_markets import MOST_MARKETS, MarketKey
from detections.markets.side_tape import Print, SideTape, Taken, taken
from detections.parties import names_nobody
from detections.rounding import reaches
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data, and what more volume adds.
_BASE, _VOLUME = 0.3, 0.15
#: So many times what is asked for is as sure as it gets.
_FULL = 3.0
_MOST_ASSETS = 10_000
#: Trades that are evidence, of each market.
_MOST_TRADES = 128


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on markets that are dealt on the other way round sets."""

    #: The time within which both are done.
    window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 15 * SECOND
    #: The steps by which it is learnt what is usual.
    step: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 5 * SECOND
    #: Of all that is traded on each market, by those who come in on the one side.
    minimum_side_share: Annotated[Ratio, Meta(ge=0.5, le=1)] = 0.75
    #: Different times at which they come in,
    minimum_times: Annotated[int, Meta(ge=1, le=200)] = 4
    #: and different prices.
    minimum_prices: Annotated[int, Meta(ge=1, le=200)] = 3
    #: How many times the usual quantity of as long a time is traded.
    minimum_volume: Annotated[float, Meta(ge=0, le=10_000)] = 3.0
    #: How many standard deviations above what is usual that is, of both together.
    minimum_deviations: Annotated[float, Meta(ge=0, le=100)] = 3.0
    #: By how much what was bought cost more than what was sold, as a part of the price.
    minimum_loss: Annotated[Ratio, Meta(ge=0, le=1)] = 0.0005
    #: So long nothing more is said of the token.
    pause: Annotated[Duration, Meta(ge=0, le=DAY)] = MINUTE


class Market(Struct):
    """One market of an asset."""

    currency: str
    tape: SideTape = field(default_factory=SideTape)


class Asset(Struct):
    """One asset."""

    markets: dict[MarketKey, Market] = field(default_factory=dict[MarketKey, Market])
    """The idlest first: it goes where there are too many, for anybody may open one."""
    told_at: int = 0
    """When something was said of it last; 0: never."""


class State(Struct):
    """The assets, by token, the idlest first."""

    assets: dict[str, Asset] = field(default_factory=dict[str, Asset])


@correlator("inferred_cross_market")
class InferredCrossMarket(Correlator[State]):
    """See the module. Memory: 10,000 assets, of each of their 50 markets 512 trades of the
    window."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    uses_trades = True
    highest_level = "medium"
    typology = "cross_market"
    actions = frozenset({"trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters

    @property
    def horizon(self) -> int:
        """The window, some of what was usual before, and what was told."""
        return self._p.window + max(HOUR, self._p.pause)

    def observe(self, event: Trade) -> Iterable[Finding]:
        """Take a trade of a token that the reference data knows."""
        if event.token_id is None or event.side is None or not names_nobody(event):
            return ()  # `cross_market` looks at those who are named
        if not (event.price > 0 and event.quantity > 0):
            return ()
        p = self._p
        asset = latest(self.state.assets, event.token_id, _MOST_ASSETS, Asset)
        key = (event.provider, event.venue, event.instrument)
        market = latest(asset.markets, key, MOST_MARKETS, lambda: Market(event.currency or ""))
        tape = market.tape
        trade = Print(event.side == "buy", event.price, event.quantity, witness(event))
        tape.add(trade, p.window, p.step, event.phase_began)
        if len(asset.markets) < 2 or (asset.told_at and event.timestamp - asset.told_at <= p.pause):
            return ()
        here = self._taken(tape, bought=trade.bought)
        if here is None:
            return ()
        for name, other in asset.markets.items():
            if name == key or other.currency != market.currency:
                continue
            other.tape.pass_to(event.timestamp - p.window)
            there = self._taken(other.tape, bought=not trade.bought)
            if there is None:
                continue
            buys, sells = (here, there) if trade.bought else (there, here)
            loss = buys.average / sells.average - 1
            if not reaches(loss, p.minimum_loss) or not self._is_rare(tape, other.tape):
                continue
            finding = self._finding(event, (key, tape, here), (name, other.tape, there), loss)
            for taken_, one in ((here, tape), (there, other.tape)):
                one.found(taken_.trades[0].seen.timestamp, p.step)
            asset.told_at = event.timestamp
            return [finding]
        return ()

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: nobody came in with it, or with another quantity."""
        asset = self.state.assets.get(was.token_id or "")
        market = (was.provider, was.venue, was.instrument)
        if asset is not None and (known := asset.markets.get(market)) is not None:
            known.tape.revise(was, now, self._p.step)

    def _is_rare(self, one: SideTape, other: SideTape) -> bool:
        """Whether so much on two markets at once stands out."""
        steps = self._p.window / self._p.step
        rare = float_sum(tape.deviations(tape.bought + tape.sold, steps) for tape in (one, other))
        return reaches(rare / sqrt(2), self._p.minimum_deviations)

    def _taken(self, tape: SideTape, *, bought: bool) -> Taken | None:
        """What one side took in the window, where that is most, and many times what is usual."""
        p, steps = self._p, self._p.window / self._p.step
        own, whole = (tape.bought if bought else tape.sold), tape.bought + tape.sold
        if (
            not tape.known
            or whole < p.minimum_volume * tape.usual(steps)
            or not reaches(own, p.minimum_side_share * whole)
        ):
            return None
        found = taken(tape.window(), bought=bought)
        if found is None or found.times < p.minimum_times or found.prices < p.minimum_prices:
            return None
        return found

    def _finding(
        self,
        event: Trade,
        here: tuple[MarketKey, SideTape, Taken],
        there: tuple[MarketKey, SideTape, Taken],
        loss: float,
    ) -> Finding:
        p, steps = self._p, self._p.window / self._p.step
        # Where more was taken than usual comes first: that is the one which was pushed.
        first, second = sorted(
            (here, there),
            key=lambda one: (one[1].bought + one[1].sold) / one[1].usual(steps),
            reverse=True,
        )
        volumes = [(tape.bought + tape.sold) / tape.usual(steps) for _, tape, _ in (first, second)]
        texts = [
            f"{amount(found.quantity)} {market[2]} on {market[1]}, {percent(found.share)} of all "
            f"that was traded there and {amount(round(volume, 1))} times what is usual"
            for (market, _, found), volume in zip((first, second), volumes, strict=True)
        ]
        up = first[2].trades[0].bought
        did, undid = ("bought", "sold") if up else ("sold", "bought")
        times = [one.seen.timestamp for _, _, found in (first, second) for one in found.trades]
        seen = [one.seen for _, _, found in (first, second) for one in found.trades[-_MOST_TRADES:]]
        more = min(1.0, (min(volumes) / p.minimum_volume - 1) / _FULL) if p.minimum_volume else 1.0
        less = "less" if up else "more"
        return Finding(
            entities=tuple(f"{market[1]} {market[2]}" for market, _, _ in (first, second)),
            reason=(
                f"within {lapse(max(times) - min(times))} others {did} {texts[0]}; and {undid} "
                f"{texts[1]}, for {percent(loss)} {less} on average: no arbitrage (the feeds name "
                f"no accounts)"
            ),
            witnesses=tuple(sorted(seen, key=lambda one: (one.timestamp, one.id))),
            confidence=_BASE + _VOLUME * more,
            metrics={
                "quantity": first[2].quantity,
                "quantity_elsewhere": second[2].quantity,
                "side_share": first[2].share,
                "side_share_elsewhere": second[2].share,
                "volume_multiple": volumes[0],
                "volume_multiple_elsewhere": volumes[1],
                "loss": loss,
            },
            tags=("inferred", "anonymous"),
        )

"""Pump and dump: a price driven up by a rush of purchases, then sold into.

MAR Annex I A(d) and A(e) and 12(2)(d) (an opinion is voiced after a position was taken); MiCA
91(3)(c); Commission Delegated Regulation (EU) 2016/522, Annex II. Sources of method: M. La Morgia,
A. Mei, F. Sassi and J. Stefa, Pump and Dumps in the Bitcoin Era (ICCCN 2020), by whom the arrival
of orders tells more than prices do, and whose chunk of 25 s, window of 7 h and pause of 30 min are
taken; J. Kamps and B. Kleinberg, To the Moon (2018): price and volume against a moving baseline.

A rule looks for one of three things (`finds`), on each market by itself. All are held against what
is usual in that market, which it learns without what it found (see `detections.markets.pump_tape`);
before `minimum_history` is known, nobody knows what is usual, and nothing is said.

**`rise`**: the first half, within seconds of it. One of these must hold:

1. *Rush*: within 25 to 50 s `minimum_rush_orders` or more rush orders, and of these and of trades
   `minimum_sigmas` standard deviations more than usual; and the price rose by `minimum_rise`.
2. *Burst*: within 5 min the price rose by `minimum_rise_in_5m`.
3. *Climb*: within an hour the price rose by `minimum_rise_in_1h`.

What only takes back a fall isn't one: a rush or burst (or ceiling, below) also ends half as far or
further above the price that held in the last hour, the median of what each five minutes of it began
at. Each with `minimum_trades` or more, `minimum_volume_multiple` times the usual value, a rise of
`minimum_volatilities` times what the price usually moves in as long a time, and purchases by
whoever came in of `minimum_purchases` or more of the value. And, however far prices usually move:

4. *Ceiling*: within 5 min the price rose by `certain_rise` with `minimum_volume_multiple` times the
   usual value and half as many trades: the brief's +50% and 10 times.

**`fall`**: after a rise the price gave back `minimum_fall` of it, or more, within `fall_window`,
when the highest price is `minimum_lasting` and 5 trades or more ago: it was no news that held, and
no bounce within the rush.

**`distribution`**: after a rise somebody has sold, net of what he bought since, `minimum_sold` or
more of what he had when it began, on average for `minimum_gain` more than he paid. What he had is
what he bought in the `accumulation` before, net of what he sold: `minimum_accumulation` or more of
all that was traded there then, and `minimum_one_sided` or more of all that he traded, for a market
maker buys and sells as much. What he sold on other markets of the token within the same two hours
he had not either: that is arbitrage. Parties are clusters, investors or accounts, by the widest
name known, or wallets in pools.

Calibrated by the papers: chunk, window and pause. By the project's brief: 10 times the volume, +50%
in 5 min. By published pumps on Binance after January 2021 (T. Pugoev, 2023), on which others were
not chosen: `minimum_rise`, which was 3% before. Our choice: all other numbers, so that each
condition alone would be rare and together they are not by chance. Most of what is accumulated is
bought in the hour before (M. Karbalaii, 2025: 70% of it), and the rest days before.

**What was said in public** (where there is a social feed, docs/social-feed.md) makes each of them
surer, by a quarter at most, and stands in its sentence and evidence: in the `social_window` before
the rise a medium had `minimum_social_messages` or more about the asset, `minimum_social_multiple`
times the median and `minimum_social_sigmas` standard deviations (by the MAD) more than is usual
there; it sounded better than usual by `minimum_sentiment_turn`; or a call to buy was made. Only
what began before or with the rise counts, since a rise is talked about (see
`detections.markets.social_activity`). Alone it raises nothing, and without a feed nothing changes.

**News**: a rise that began within `news_window` after an announcement of the issuer is explained by
it: nobody is told of a rise, or of having sold into it (who knew before is `insider_dealing`'s). If
it falls back it is told of nevertheless: news that wasn't true was for that (MAR 12(1)(c), MiCA
91(3)(c)).

Without accounts `rise` and `fall` see a market only: a jump at news that nobody put into the
reference data looks like a rise until it holds, and a mistake that is corrected like both.
Who did it only `distribution` tells, and it needs a feed that names accounts or wallets.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.alerting.pump_alert import distribution_finding, fall_finding, rise_finding
from detections.alerting.social_evidence import strengthened
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from detections.markets.linked_markets import MarketKey
from detections.markets.public_news import ROUTINE, PublicNews, announced, note
from detections.markets.pump_rise import Pump, rise_to
from detections.markets.pump_sales import distribution, market_name, note_sides, revise_sides
from detections.markets.pump_stakes import Stakes, restate, tally
from detections.markets.pump_tape import CHUNK, PumpTape
from detections.markets.renewed_tape import renew
from detections.markets.social_activity import SocialActivity, Terms, asset_of, hear, said_before
from detections.parties import sides
from detections.rounding import reaches
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from normalizer.events.social import SocialAnnouncement, SocialVolume
from pipeline.units import DAY, HOUR, MINUTE, WEEK, Duration, Ratio

_MOST_MARKETS = 10_000
#: Markets of one token that are held together.
_MOST_HOMES = 50
#: Trades after the highest price, before a fall is one.
_FALL_TRADES = 5
#: Of a rise, so many trades are kept as evidence for what comes of it.
_MOST_OF_RISE = 100


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on pump and dump sets."""

    #: What it looks for.
    finds: Literal["rise", "fall", "distribution"] = "rise"
    #: Rush orders within 25 to 50 s.
    minimum_rush_orders: Annotated[int, Meta(ge=1, le=10_000)] = 5
    #: How many standard deviations above what is usual rush orders and trades are.
    minimum_sigmas: Annotated[float, Meta(ge=1, le=1_000)] = 10.0
    #: Rise of the price within 25 to 50 s, with a rush.
    minimum_rise: Annotated[Ratio, Meta(gt=0, le=100)] = 0.05
    #: Rise of the price within 5 min, without one.
    minimum_rise_in_5m: Annotated[Ratio, Meta(gt=0, le=100)] = 0.1
    #: Rise of the price within an hour.
    minimum_rise_in_1h: Annotated[Ratio, Meta(gt=0, le=100)] = 0.2
    #: Rise of the price within 5 min that is one however far prices usually move there.
    certain_rise: Annotated[Ratio, Meta(gt=0, le=100)] = 0.5
    #: How many times the usual move of as long a time the rise is.
    minimum_volatilities: Annotated[float, Meta(ge=0, le=1_000)] = 6.0
    #: How many times the usual value was traded.
    minimum_volume_multiple: Annotated[float, Meta(ge=1, le=1_000_000)] = 10.0
    #: The part of the value that was bought by whoever came in.
    minimum_purchases: Annotated[Ratio, Meta(ge=0, le=1)] = 0.6
    #: Trades within the time that is looked at.
    minimum_trades: Annotated[int, Meta(ge=2, le=100_000)] = 20
    #: Value traded in it, in dollars or what is about as much (see `detections.money`).
    minimum_notional: Annotated[float, Meta(ge=0)] = 0.0
    #: How much must be known of a market.
    minimum_history: Annotated[Duration, Meta(ge=5 * MINUTE, le=7 * HOUR)] = 50 * MINUTE
    #: So long after a rise no other one is looked for, and nothing is learnt.
    pause: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = 30 * MINUTE
    #: The part of the rise that is given back.
    minimum_fall: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: The highest price is so long ago by then.
    minimum_lasting: Annotated[Duration, Meta(ge=0, le=DAY)] = 2 * MINUTE
    #: The time after the beginning of a rise in which a fall, or sales, belong to it.
    fall_window: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = HOUR
    #: The time before a rise in which what is bought is accumulated.
    accumulation: Annotated[Duration, Meta(ge=30 * MINUTE, le=31 * DAY)] = WEEK
    #: The party's part of all that was traded in that time, net of what it sold.
    minimum_accumulation: Annotated[Ratio, Meta(gt=0, le=1)] = 0.01
    #: What is left of what it bought then, as a part of all that it bought and sold.
    minimum_one_sided: Annotated[Ratio, Meta(ge=0, le=1)] = 0.5
    #: The part of it that the party has sold since, net of what it bought.
    minimum_sold: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: By how much its price is above what it paid, on average.
    minimum_gain: Annotated[Ratio, Meta(ge=0, le=100)] = 0.03
    #: Who has one of these labels has accumulated nothing.
    exempt_labels: tuple[str, ...] = ()
    #: So long after an announcement a rise is explained by it; `0s`: never.
    news_window: Annotated[Duration, Meta(ge=0, le=DAY)] = HOUR
    #: Kinds of corporate events that explain none: they are known before, or no reason to buy.
    routine_types: tuple[str, ...] = ROUTINE
    #: So long before a rise what is said in public counts; `0s`: it isn't looked at.
    social_window: Annotated[Duration, Meta(ge=0, le=DAY)] = HOUR
    #: Messages in a stretch of time that is unusual.
    minimum_social_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    #: How many standard deviations above what is usual they are.
    minimum_social_sigmas: Annotated[float, Meta(ge=1, le=1_000)] = 6.0
    #: How many times what is usual they are.
    minimum_social_multiple: Annotated[float, Meta(ge=1, le=1_000_000)] = 3.0
    #: By how much better than usual they sound, of 2 from worst to best, where that counts as well.
    minimum_sentiment_turn: Annotated[float, Meta(gt=0, le=2)] = 0.3


class Market(Struct):
    """A venue's instrument, or a pool."""

    tape: PumpTape = field(default_factory=PumpTape)
    pump: Pump | None = None
    traded: list[tuple[int, float]] = []
    """Quantity by hour of the accumulation, where a rule needs it."""


class State(Struct):
    """The markets, the idlest first, and who bought there."""

    markets: dict[tuple[str, str, str], Market] = {}
    stakes: Stakes = field(default_factory=Stakes)
    homes: dict[str, list[str]] = {}
    """By token, the markets whose stakes are of it; where a rule needs it."""
    social: SocialActivity = field(default_factory=SocialActivity)
    news: PublicNews = field(default_factory=PublicNews)


@correlator("pump_and_dump")
class PumpAndDump(Correlator[State]):
    """See the module. Memory: 10,000 markets with 24 parts of their last hour and 200 trades each;
    50,000 parties in all, with 80 trades each; what was said of 2,000 assets and announced of
    10,000."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "pump_and_dump"
    actions = frozenset(
        {"trade", "pool-swap", "social-volume", "social-announcement", "corporate-event"}
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._stakes = parameters.finds == "distribution"
        traded = TRADES | {"pool-swap"}
        self.needs = (traded,)
        self.needs_named = traded if self._stakes else frozenset[str]()
        self._exempt = frozenset(parameters.exempt_labels)
        self._routine = frozenset(parameters.routine_types)
        self._terms = Terms(
            messages=parameters.minimum_social_messages,
            sigmas=parameters.minimum_social_sigmas,
            multiple=parameters.minimum_social_multiple,
        )

    @property
    def horizon(self) -> int:
        """What is usual, and a rise with what comes of it. What a social feed usually says reaches
        back further, and is learnt anew: until then it says nothing."""
        reach = self._p.accumulation if self._stakes else 0
        return 7 * HOUR + max(self._p.fall_window, self._p.pause) + reach

    def observe(
        self, event: Trade | PoolSwap | SocialVolume | SocialAnnouncement | CorporateEvent
    ) -> Iterable[Finding]:
        """Take a trade or a swap, or what was said or announced of an asset."""
        if isinstance(event, CorporateEvent):
            return self._told(event)
        if isinstance(event, SocialVolume | SocialAnnouncement):
            return self._hear(event)
        return self._trade(event)

    def observer(self, record: type[Any]) -> Callable[[Any], Iterable[Finding] | None]:
        if issubclass(record, CorporateEvent):
            return self._told
        return self._hear if issubclass(record, SocialVolume | SocialAnnouncement) else self._trade

    def _told(self, event: CorporateEvent) -> Iterable[Finding]:
        note(self.state.news, event, self._routine)
        return ()

    def _hear(self, event: SocialVolume | SocialAnnouncement) -> Iterable[Finding]:
        if self._p.social_window:
            hear(self.state.social, event, self._terms)
        return ()

    def _trade(self, event: Trade | PoolSwap) -> Iterable[Finding]:
        price, quantity = event.price, event.quantity
        if price is None or quantity is None:
            return ()
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        price, quantity = float(price), float(quantity)
        market = self._market(event)
        tape, time = market.tape, event.timestamp
        pump = market.pump
        if pump is not None and time - pump.start > max(self._p.pause, self._p.fall_window):
            market.pump = pump = None
        is_trade = isinstance(event, Trade)  # a swap's price is where the pool was
        if pump is not None and pump.peak == tape.price and is_trade and tape.was_slip(price):
            # Its top was none. If nothing rose but it, there is no pump; else it goes on.
            pump.peak = max(tape.earlier, price)
            if not reaches(pump.rise, self._p.minimum_rise):
                market.pump = pump = None
        value = price * quantity if event.notional is None else float(event.notional)
        side = event.side
        order = (event.taker_order_id or "") if isinstance(event, Trade) else None
        bought = tape.add(
            time,
            price,
            value,
            None if side is None else side == "buy",
            order,
            flagged=pump is not None and time - pump.start <= self._p.pause,
            began=event.phase_began if isinstance(event, Trade) else None,
        )
        tape.keep(witness(event))
        if self._stakes:
            oldest = time - self._p.accumulation
            tally(market.traded, time, oldest, quantity)
            note_sides(event, price, quantity, self.state.stakes, pump, oldest, self._exempt)
        if pump is None:
            return self._risen(event, market, price) if bought else ()
        if price > pump.peak and not (is_trade and tape.leapt):
            pump.peak, pump.peak_time, pump.after_peak = price, time, 0
            return self._sold(event, pump) if self._stakes else ()
        if time == pump.start:
            # Nobody else could trade at what is gone in the same block. A swap pays halfway.
            left = (event.pool_price if isinstance(event, PoolSwap) else None) or price
            if reaches(pump.gave_back(left), self._p.minimum_fall):
                market.pump = None
                return ()
        pump.after_peak += 1
        if self._p.finds == "fall" and not pump.fell:
            return self._fallen(event, market, pump, price)
        return self._sold(event, pump) if self._stakes else ()

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: who bought and who sold, without it."""
        market = self.state.markets.get((was.provider, was.venue, was.instrument))
        if not self._stakes or market is None:
            return
        more = (0.0 if now is None else float(now.quantity)) - float(was.quantity)
        restate(market.traded, was.timestamp // HOUR, more)
        if market.pump is not None and was.timestamp <= market.pump.start:
            market.pump.traded = max(0.0, market.pump.traded + more)
        revise_sides(was, now, self.state.stakes, self._exempt)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: the last hour of their market, without them."""
        known = self.state.markets.get(market)
        if known is None or not renew(known.tape, market, self.trades, revisions, rushes=True):
            return
        if not (known.tape.bars or known.tape.price or known.pump or known.traded):
            del self.state.markets[market]
            return
        pump, were = known.pump, [was for was, _ in revisions]
        if pump is not None and (
            pump.peak_time in {one.timestamp for one in were}
            or {one.id for one in pump.witnesses} & {one.id for one in were}
        ):
            known.pump = None  # what it rests on wasn't; what goes on rises anew

    def _market(self, event: Trade | PoolSwap) -> Market:
        key = (event.provider, event.venue, event.instrument)
        # Taken out and put back at the end, so that the first market is always the idlest.
        market = self.state.markets.pop(key, None)
        if market is None:
            market = Market()
            if len(self.state.markets) >= _MOST_MARKETS:
                drop_idlest(self.state.markets, _MOST_MARKETS - 1)
            if self._stakes and event.token_id is not None:
                self._settle(event.token_id, market_name(event))
        self.state.markets[key] = market
        return market

    def _settle(self, token: str, market: str) -> None:
        """Note that a token has one more market."""
        homes = self.state.homes
        known = homes.pop(token, [])
        homes[token] = known if market in known else [*known, market][-_MOST_HOMES:]
        if len(homes) > _MOST_MARKETS:
            drop_idlest(homes, _MOST_MARKETS)

    # -- the rise ----------------------------------------------------------------------------------

    def _risen(self, event: Trade | PoolSwap, market: Market, price: float) -> Iterable[Finding]:
        rise = rise_to(price, market.tape, self._p, event.currency)
        if rise is None:
            return ()
        tape, time = market.tape, event.timestamp
        tape.flag()
        since = time - round(rise.burst.chunks * CHUNK)
        began = min(time, max(since, tape.began(rise.burst, price)))
        evidence = tape.evidence(since)
        market.pump = Pump(
            rise.path, time, since, rise.burst.before, price, time,
            traded=float_sum(quantity for _, quantity in market.traded),
            witnesses=evidence[-_MOST_OF_RISE:], began=began,
            explained=self._is_news(event.token_id, began),
        )  # fmt: skip
        if self._p.finds != "rise" or market.pump.explained:
            return ()
        return [self._heard(rise_finding(event, rise, evidence, self._p), event, began)]

    def _is_news(self, token: str | None, began: int) -> bool:
        window = self._p.news_window
        return window > 0 and announced(self.state.news, token, began - window, began)

    def _heard(self, finding: Finding, event: Trade | PoolSwap, began: int) -> Finding:
        """The finding, with what was said before the rise began."""
        if not self.state.social:
            return finding
        signal = said_before(
            self.state.social,
            asset_of(event.token_id, event.venue, event.instrument),
            since=began,
            now=event.timestamp,
            window=self._p.social_window,
        )
        if signal is None:
            return finding
        return strengthened(finding, signal, since=began, turn=self._p.minimum_sentiment_turn)

    # -- the fall ----------------------------------------------------------------------------------

    def _fallen(
        self, event: Trade | PoolSwap, market: Market, pump: Pump, price: float
    ) -> Iterable[Finding]:
        given_back = pump.gave_back(price)
        if pump.after_peak < _FALL_TRADES or not reaches(given_back, self._p.minimum_fall):
            return ()
        if not (
            event.timestamp - pump.start <= self._p.fall_window
            and event.timestamp - pump.peak_time >= self._p.minimum_lasting
        ):
            return ()
        pump.fell = True
        finding = fall_finding(event, pump, price, market.tape.evidence(pump.start))
        return [self._heard(finding, event, pump.began)]

    # -- who sold ----------------------------------------------------------------------------------

    def _sold(self, event: Trade | PoolSwap, pump: Pump) -> Iterable[Finding]:
        """Whether the party that sells now sells what it accumulated."""
        party = sides(event)[1]
        late = event.timestamp - pump.start > self._p.fall_window
        if not party.known or late or pump.explained:
            return ()
        state = self.state
        found = distribution(event, party, pump, state.stakes, state.homes, self._p)
        if found is None:
            return ()
        found.stake.alerted = True
        finding = distribution_finding(event, party, pump, found, self._p)
        return [self._heard(finding, event, pump.began)]

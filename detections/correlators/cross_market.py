"""One market traded to move another: pushed where it costs little, gained where it pays.

MAR 12(1)(a) and Annex I A(b), A(e); Commission Delegated Regulation (EU) 2016/522, Annex II
(transactions on one trading venue to influence the price on another one); FINRA's cross-market
manipulation, where the quoted price is moved and an order is then filled elsewhere by it. Markets
of one asset are all venues and pools that the reference data says its token is traded on. All of
this must hold of a party: a cluster, an investor, a wallet, or an account of one venue, by the
widest name known:

1. Within `window` it came in and bought (or sold) on one market, and its own trades moved the price
   there by `minimum_push` or more.
2. It had no reason in a difference of prices: what it bought was no cheaper there than on the other
   market, by more than half of the move (where both are in one currency): that would be arbitrage.
   So each trade is looked at by itself, as well as all of them together.
3. The other market's price went the same way since, by `minimum_follow` or more, and by at most
   half as much again as it had moved the first: what goes further goes for another reason, as news,
   which arbitrageurs trade on everywhere.
4. There it then sold (or bought): `minimum_ratio` times as much as it took on the first, or more.
5. What it gained there by the move is more than what it paid for it here (in one currency). Who
   sold about as much as he bought, and for more, needs no move to gain: that is arbitrage as well.

6. It traded the other way round at most a quarter as much: within the window on the first market,
   and on the other one since the first of these trades. An arbitrageur buys and sells on both, as
   the difference of prices has it. What it had bought on the other market before is the position
   for which it moves the price (SEC v. Lek Securities, 17-cv-1789: options that Avalon held).

A rule may look for the attempt instead (`finds: attempt`), whether or not the other market follows.
As in 1., with `minimum_attempt` or more at `minimum_prices` prices or more, 2. and 6., and:

7. On the other market it came in as well, the other way, for `minimum_ratio` times as much or more.
8. It did so at a loss: on average it bought for more than it sold for (in one currency). Nobody who
   wants the shares, or arbitrage, does that; who makes a market on one of them and hedges on the
   other comes in on one only.
9. If the first is a pool, half of what it moved the price by is still there. Who brings each pool
   back to its value after others' swaps moves it as much, but away from nothing.

Needs feeds that name accounts on both markets, and that accounts are known to be one party's. What
it gains by derivatives, or by a reference price alone, isn't seen. The numbers are our choice.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field, structs

from detections.alerting.findings import Finding, witness
from detections.alerting.wording import amount, lapse, percent
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import Room, latest
from detections.markets.linked_markets import MOST_MARKETS, Asset, Deal, MarketKey, Prices
from detections.money import too_little
from detections.parties import Party, acting, buyer, is_exempt, seller
from detections.rounding import reaches
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

_MOST_ASSETS = 10_000
#: Prices, parties and what these did, of all assets; so many come with a trade.
_MOST_IN_ALL, _AT_ONCE = 2_000_000, 5
_PRICE_STEP = SECOND
#: Who trades so many times as much on the other market is after more than the difference of prices.
_MORE = 3.0
#: What it may have traded the other way round, as a part of what it did.
_BOTH_WAYS = 0.25
#: What is sure of a gain, and of an attempt at a loss: 31 of 31 of these were right on simulated
#: markets (89% at least), which speaks for more than the 0.4 that it had, but not for as much.
_GAIN, _ATTEMPT = 0.55, 0.5
#: What of a push on a pool must still be there.
_STAYS = 0.5
#: How far the other market follows at most, as a multiple of the push.
_FARTHEST = 1.5


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on cross-market manipulation sets."""

    #: What it looks for: a gain on the other market, or the attempt.
    finds: Literal["gain", "attempt"] = "gain"
    #: The time within which one market is pushed and the other one used.
    window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 10 * MINUTE
    #: By how much its own trades move the one, as a part of the price.
    minimum_push: Annotated[Ratio, Meta(gt=0, le=10)] = 0.005
    #: By how much the other one follows.
    minimum_follow: Annotated[Ratio, Meta(gt=0, le=10)] = 0.002
    #: Of an attempt: by how much its own trades move the one.
    minimum_attempt: Annotated[Ratio, Meta(gt=0, le=10)] = 0.0001
    #: Of an attempt: prices at which it takes something there.
    minimum_prices: Annotated[int, Meta(ge=1, le=100)] = 3
    #: How many times the quantity of the push it trades on the other one.
    minimum_ratio: Annotated[float, Meta(ge=0, le=1_000)] = 1.0
    #: What the party gained on the other one, below which nothing is said,
    #: in dollars or what is about as much (see `detections.money`).
    minimum_gain: Annotated[float, Meta(ge=0)] = 0.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """The assets, the idlest first."""

    assets: dict[str, Asset] = field(default_factory=dict[str, Asset])
    room: Room = field(default_factory=Room)
    """For prices, parties and what these did."""


class Push(Struct, frozen=True):
    """What a party did on the market that it moved, and on the other one since."""

    deals: tuple[Deal, ...]
    moved: float
    followed: float
    used: tuple[Deal, ...]
    gained: float
    paid: float


@correlator("cross_market")
class CrossMarket(Correlator[State]):
    """See the module. Memory: 10,000 assets, each with prices of 50 markets and 1,000 parties;
    2,000,000 prices, parties and trades of theirs in all."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 4
    typology = "cross_market"
    needs_named = TRADES | {"pool-swap"}
    actions = frozenset({"trade", "pool-swap"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """The window, twice: prices before it are looked up."""
        return 2 * self._p.window

    def observe(self, event: Trade | PoolSwap) -> Iterable[Finding]:
        """Take a trade or a swap of a token that the reference data knows."""
        token, price, quantity = event.token_id, event.price, event.quantity
        if token is None or price is None or quantity is None:
            return ()
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        state = self.state
        if state.room.take(_MOST_IN_ALL, _AT_ONCE):
            known = ((0, one.size, of) for of, one in state.assets.items())
            state.room.make(_MOST_IN_ALL, known, state.assets.pop)
        asset = self._asset(token)
        key = (event.provider, event.venue, event.instrument)
        prices = asset.market(key, event.currency or "")
        before, time = prices.last, event.timestamp
        # A pool's price is where a swap leaves it: what was paid holds its fee, and lies halfway.
        after = (event.pool_price if isinstance(event, PoolSwap) else None) or price
        prices.add(time, after, time - 2 * self._p.window, _PRICE_STEP)
        if len(asset.markets) < 2:
            return ()  # a push is held against a price that was there before it, on another one
        findings: list[Finding] = []
        for party, buys, came_in in self._parties(event):
            deal = Deal(time, key, buys, came_in, quantity, price, before, after, witness(event))
            name = _name(event, party)
            deals = asset.note(name, deal, time - self._p.window)
            if len(deals) > 1 and any(one.market != key for one in deals):
                findings += self._used(event, asset, party, name, deals)
        return findings

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: prices, and what its parties did, without it."""
        asset = None if was.token_id is None else self.state.assets.get(was.token_id)
        key = (was.provider, was.venue, was.instrument)
        prices = None if asset is None else asset.markets.get(key)
        if asset is None or prices is None or not _counts(was):
            return
        begin = was.timestamp // _PRICE_STEP * _PRICE_STEP
        left = [
            one for one in self.trades.left(was, now, begin, begin + _PRICE_STEP) if _counts(one)
        ]
        prices.take_back(
            was.timestamp, _PRICE_STEP, left, next(self.trades.until(key, begin), None)
        )
        before = None if (earlier := self.trades.before(was)) is None else earlier.price
        for party, _, _ in self._parties(was):
            name = _name(was, party)
            known = asset.change(name, was.id, lambda one: None if now is None else _as(one, now))
            before = before if known is None else known.before
            if asset.alerted.get(name) == was.timestamp:
                del asset.alerted[name]  # nothing was found before within the window, or had been
        following = self.trades.behind(was)
        if following is not None:
            price = (before or 0.0) if now is None else now.price
            for party, _, _ in self._parties(following):
                name = _name(following, party)
                asset.change(name, following.id, lambda one: structs.replace(one, before=price))
        if not prices.times:
            del asset.markets[key]
        if not asset.markets:
            del self.state.assets[was.token_id or ""]  # nothing was traded yet
        if earlier is None and self.trades.reach(1):  # its first
            asset.begin_with_two()

    def _asset(self, token: str) -> Asset:
        return latest(self.state.assets, token, _MOST_ASSETS, Asset)

    def _parties(self, event: Trade | PoolSwap) -> Iterable[tuple[Party, bool, bool]]:
        """Who traded, whether it bought, and whether it came in."""
        if isinstance(event, Trade):
            bought, sold = buyer(event), seller(event)
            if bought.key == sold.key:
                return
            if bought.known and not is_exempt(event.buyer_labels, self._exempt):
                yield bought, True, event.side == "buy"
            if sold.known and not is_exempt(event.seller_labels, self._exempt):
                yield sold, False, event.side == "sell"
        elif event.side is not None:
            trader = acting(event)
            if trader.known and not is_exempt(event.investor_labels, self._exempt):
                yield trader, event.side == "buy", True

    def _used(
        self, event: Trade | PoolSwap, asset: Asset, party: Party, name: str, deals: list[Deal]
    ) -> Iterable[Finding]:
        """Whether the newest deal uses a push on another market."""
        newest = deals[-1]
        if newest.time - asset.alerted.get(name, -self._p.window) < self._p.window:
            return ()
        for market in dict.fromkeys(one.market for one in deals):
            if market == newest.market:
                continue
            push = self._push(asset, deals, market, newest)
            if push is not None:
                asset.alerted.pop(name, None)
                asset.alerted[name] = newest.time
                if len(asset.alerted) > MOST_MARKETS:
                    del asset.alerted[next(iter(asset.alerted))]
                return [self._finding(event, party, market, push)]
        return ()

    def _push(
        self, asset: Asset, deals: list[Deal], market: MarketKey, newest: Deal
    ) -> Push | None:
        p = self._p
        up = not newest.buy
        sign = 1.0 if up else -1.0
        pushes = [
            one for one in deals
            if one.market == market and one.came_in and one.buy is up and one.before
        ]  # fmt: skip
        other, here = asset.markets[newest.market], asset.markets.get(market)
        if here is None:
            return None
        if here.currency == other.currency:
            pushes = [one for one in pushes if not _arbitrage(one, other, sign)]
        if not pushes:
            return None
        first = pushes[0]
        moved = float_sum(one.after - one.before for one in pushes) / first.before
        attempt = p.finds == "attempt"
        if attempt and first.after != first.price and not _stayed(first, here, moved):
            return None
        if not reaches(sign * moved, p.minimum_attempt if attempt else p.minimum_push):
            return None
        started = other.at(first.time)
        if started is None:
            return None
        used = [
            one for one in deals
            if one.market == newest.market and one.buy is not up and one.time >= first.time
            and (one.came_in or not attempt)
        ]  # fmt: skip
        if not used:
            return None
        quantity = float_sum(one.quantity for one in used)
        average = float_sum(one.quantity * one.price for one in used) / quantity
        followed = average / started - 1
        taken = float_sum(one.quantity for one in pushes)
        if not reaches(quantity, p.minimum_ratio * taken):
            return None
        back = float_sum(
            one.quantity for one in deals if one.market == market and one.buy is not up
        )
        forth = float_sum(
            one.quantity for one in deals
            if one.market == newest.market and one.buy is up and one.time >= first.time
        )  # fmt: skip
        if back > _BOTH_WAYS * taken or forth > _BOTH_WAYS * quantity:
            return None
        if not attempt and not (
            reaches(sign * followed, p.minimum_follow) and followed / moved <= _FARTHEST
        ):
            return None
        gained = sign * (average - started) * quantity
        paid = sign * float_sum((one.price - first.before) * one.quantity for one in pushes)
        cheaper = sign * (started / first.before - 1) > sign * moved / 2
        bought = float_sum(one.quantity * one.price for one in pushes) / taken
        if not attempt and too_little(gained, p.minimum_gain, other.currency):
            return None
        if attempt:
            if here.currency != other.currency or cheaper or sign * (bought - average) <= 0:
                return None
            if len({one.price for one in pushes}) < p.minimum_prices:
                return None
        elif here.currency == other.currency:
            both_ways = sign * (average - bought) > 0 and quantity < _MORE * taken
            if cheaper or both_ways or gained <= paid:
                return None
        return Push(tuple(pushes), moved, followed, tuple(used), gained, paid)

    def _finding(
        self, event: Trade | PoolSwap, party: Party, market: MarketKey, push: Push
    ) -> Finding:
        p = self._p
        up = push.moved > 0
        taken = float_sum(one.quantity for one in push.deals)
        used = float_sum(one.quantity for one in push.used)
        did, undid = ("bought", "sold") if up else ("sold", "bought")
        went = "rose" if up else "fell"
        money = f" {event.currency}" if event.currency else ""
        lasted = lapse(event.timestamp - push.deals[0].time)
        where = f"{event.instrument} on {event.venue}"
        attempt = p.finds == "attempt"
        if attempt:
            outcome = f"within {lasted} it {undid} {amount(used)} {where} at a loss"
        else:
            outcome = (
                f"{where} {went} by {percent(abs(push.followed))}, where it {undid} "
                f"{amount(used)} within {lasted}: a gain of {amount(round(push.gained, 2))}{money} "
                f"for a cost of {amount(round(max(0.0, push.paid), 2))}"
            )
        seen = {one.seen.id: one.seen for one in (*push.deals, *push.used)}
        far = min(1.0, abs(push.moved) / (5 * p.minimum_push))
        sign = 1.0 if up else -1.0
        follow = min(1.0, sign * push.followed / (5 * p.minimum_follow))
        return Finding(
            entities=(*party.names, *dict.fromkeys((market[2], event.instrument))),
            reason=(
                f"{party} {did} {amount(taken)} {market[2]} on {market[1]} and moved its price by "
                f"{percent(abs(push.moved))}; {outcome}"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=(_ATTEMPT if attempt else _GAIN)
            + 0.15 * far
            + 0.15 * max(0.0, follow)
            + 0.1 * min(1.0, used / (10 * taken)),
            metrics={
                "pushed": push.moved,
                "followed": push.followed,
                "quantity_pushed": taken,
                "quantity_used": used,
                "gain_notional": push.gained,
                "cost_notional": push.paid,
            },
            tags=("unsure",) if "unsure" in event.tags else (),
        )


def _counts(trade: Trade) -> bool:
    return 0 < trade.price < math.inf and 0 < trade.quantity < math.inf


def _as(deal: Deal, now: Trade) -> Deal:
    """A party's part in a trade that was corrected."""
    return structs.replace(deal, quantity=now.quantity, price=now.price, after=now.price)


def _arbitrage(deal: Deal, other: Prices, sign: float) -> bool:
    """Whether a trade took what was cheaper than on the other market, by half of its own move."""
    there = other.at(deal.time)
    if there is None or not deal.before:
        return False
    moved = sign * (deal.after / deal.before - 1)
    return sign * (there / deal.before - 1) > max(0.0, moved) / 2


def _stayed(first: Deal, pool: Prices, moved: float) -> bool:
    """Whether a pool's price is still away by half of what it was moved, the way it was moved."""
    stays = pool.last / first.before - 1
    return abs(stays) >= _STAYS * abs(moved) and (stays > 0) is (moved > 0)


def _name(event: Trade | PoolSwap, party: Party) -> str:
    """The same name on two markets is the same party: of an account that needs the venue."""
    if party.cluster or party.investor or isinstance(event, PoolSwap):
        return party.key
    return f"{event.venue}\0{party.account}"

"""Oracle manipulation: a party moves the markets that an oracle reads, and gains by its answer.

MAR Annex I A(g), Article 12(1)(c) (benchmarks); CEA 6(c)(1) and 9(a)(2). The case is that of Mango
Markets (CFTC v. Eisenberg, 1:23-cv-00173; SEC v. Eisenberg, 1:23-cv-00503, S.D.N.Y. 2023): one
person's two accounts took both sides of a large swap position in MNGO, the person then bought MNGO
on the three thin venues that the oracle read, its answer rose thirteenfold in half an hour, and
against the position's gain everything was borrowed. Then the price fell back. All of this must hold
of a party, which is a cluster, an investor, an account or a wallet:

1. **The answer moved** by `minimum_oracle_move` or more, against the one that held when `push`
   began.
2. **The party pushed**: within `push` before the answer it took `dominance` or more of all that was
   taken on that side of the asset's markets together, and the markets where it did so moved by half
   as much as the answer or more.
3. **It gains by the answer**, by `minimum_gain` or more: a position of one of its accounts, opened
   in another market of the asset within `position` before, at the answer's price (each account by
   itself: the other side of a position with oneself loses what can't be collected); or tokens that
   its wallets get from others within `take_out` after the answer, at their newest price: loans and
   withdrawals; or, with less confidence, the market falls back by half of the move within
   `take_out`: nobody else thought that it was worth it.

It alerts when 3. is known, and again when the gain has doubled. Whoever only brings a market to
where others are is no pusher: then most of what was taken was taken by others. Needs the token in
reference data: its instruments, pools, and its oracle's feed. Of public feeds without accounts only
swaps in pools tell who pushes. `oracle_deviation` tells that price and oracle differ at all.
"""

import math
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.correlators.base import TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.markets.latest_prices import LatestPrices, note_price, revise_price
from detections.markets.oracle_asset import MOST_PARTIES, SLOTS, Asset
from detections.markets.oracle_dealing import (
    holders,
    market_of,
    parties_of,
    push_of,
    side_of,
    taken_more,
    with_itself,
)
from detections.markets.oracle_episode import (
    HELD,
    MOST_PUSHES,
    REVERSED,
    TAKEN_OUT,
    Answer,
    Episode,
    episode_finding,
)
from detections.markets.price_pressure import Push
from detections.money import least
from detections.parties import is_exempt
from detections.rounding import reaches
from normalizer.events.chain import OracleUpdate, PoolSwap, TokenTransfer
from normalizer.events.market import Trade
from pipeline.units import DAY, HOUR, MINUTE, Duration, Ratio

_MOST_ASSETS = 1_000
_POOLS = frozenset(("pool", "router"))
_MOST_ANSWERS = 64
_MOST_TAKEN = 50
_HALF = 0.5
#: No trade is so late.
_EVER = 2**63


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the manipulation of oracles sets."""

    #: How long before an answer the party may have pushed.
    push: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = HOUR
    #: Change of the answer.
    minimum_oracle_move: Annotated[Ratio, Meta(gt=0, le=100)] = 0.1
    #: Part of what was taken on that side that must be the party's.
    dominance: Annotated[Ratio, Meta(gt=0, le=1)] = 0.5
    #: How long before the push a position that gains may have been opened.
    position: Annotated[Duration, Meta(ge=MINUTE, le=7 * DAY)] = DAY
    #: How long after the answer tokens that it gets, and the fall of the price, count.
    take_out: Annotated[Duration, Meta(ge=MINUTE, le=7 * DAY)] = 6 * HOUR
    #: Gain, in dollars or what is about as much (see `detections.money`).
    minimum_gain: Annotated[float, Meta(ge=0)] = 1_000.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ("custodian", "issuer", "pool", "router", "exchange")


class State(Struct):
    """Tokens with an oracle, the idlest first; and prices of all tokens."""

    assets: dict[str, Asset] = field(default_factory=dict[str, Asset])
    prices: LatestPrices = field(default_factory=LatestPrices)
    pushers: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    """By party: the tokens of its episodes."""


@correlator("oracle_manipulation")
class OracleManipulation(Correlator[State]):
    """See the module. Memory: 1,000 tokens with an oracle, 1,000 parties each."""

    parameters_type = Parameters
    partition_by = "market"
    state_type = State
    uses_trades = True
    typology = "oracle_deviation"
    needs = (frozenset({"oracle-update"}),)
    needs_named = TRADES | {"pool-swap"}
    actions = frozenset({"trade", "pool-swap", "oracle-update", "token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)
        self._slot = max(1, parameters.push // SLOTS)

    @property
    def horizon(self) -> int:
        """Positions, the push, and what was taken out."""
        return self._p.position + self._p.push + self._p.take_out

    def observe(self, event: Trade | PoolSwap | OracleUpdate | TokenTransfer) -> Iterable[Finding]:
        """Take a trade, a swap, an answer or a transfer."""
        kind = event.__class__
        if kind is Trade or kind is PoolSwap:
            asset = self.state.assets.get(event.token_id or "")
            if asset is None:
                if event.token_id is not None:
                    note_price(self.state.prices, event)
                return ()
            note_price(self.state.prices, event)
            if kind is Trade:
                return self._traded(event, asset)  # pyright: ignore[reportArgumentType]
            return self._swapped(event, asset)  # pyright: ignore[reportArgumentType]
        if kind is OracleUpdate:
            return self._answered(event)  # pyright: ignore[reportArgumentType]
        if not self.state.pushers:
            return ()
        return self._moved(event)  # pyright: ignore[reportArgumentType]

    # -- who pushes --------------------------------------------------------------------------------

    def _traded(self, trade: Trade, asset: Asset) -> Iterable[Finding]:
        price, quantity = trade.price, trade.quantity
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        market = market_of(trade)
        before = asset.price_before(market, price)
        for party, account, sign in holders(trade, self._exempt):
            pressure, signed = asset.party(party), sign * quantity
            pressure.hold(
                market, account, signed, price * quantity, trade.timestamp, witness(trade)
            )
        if not with_itself(trade):
            asset.took(trade.timestamp // self._slot, side_of(trade, before), quantity)
            if (pushed := push_of(trade, before, self._exempt)) is not None:
                asset.party(pushed[0]).push(pushed[1], trade.timestamp - self._p.push)
        return self._watch(trade.token_id or "", asset, market, price, trade)

    def _swapped(self, swap: PoolSwap, asset: Asset) -> Iterable[Finding]:
        price, quantity = swap.pool_price or swap.price, swap.quantity
        if price is None or quantity is None:
            return ()
        if not (0 < price < math.inf and 0 < quantity < math.inf):
            return ()
        market = swap.pool
        before = asset.price_before(market, price)
        party = (
            swap.investor_cluster
            or swap.investor_id
            or swap.investor_address
            or swap.transaction_from
        )
        asset.took(swap.timestamp // self._slot, swap.side, quantity)
        if party is not None and swap.side is not None:
            labels = swap.investor_labels
            self._pushed(asset, party, labels, swap.side, market, before, swap, price)
        return self._watch(swap.token_id or "", asset, market, price, swap)

    def _pushed(
        self,
        asset: Asset,
        party: str,
        labels: tuple[str, ...],
        side: str,
        market: str,
        before: float,
        event: PoolSwap,
        price: float,
    ) -> None:
        if labels and is_exempt(labels, self._exempt):
            return
        quantity = event.quantity or 0.0
        push = Push(
            event.timestamp,
            market,
            quantity if side == "buy" else -quantity,
            before,
            price,
            witness(event),
        )
        asset.party(party).push(push, event.timestamp - self._p.push)

    # -- what is taken back ------------------------------------------------------------------------

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: it is no push, and part of no position."""
        revise_price(self.state.prices, was, now)
        token = was.token_id or ""
        asset = self.state.assets.get(token)
        if asset is None or was.timestamp < asset.since:
            return
        earlier, behind = self.trades.before(was), self.trades.behind(was)
        if earlier is not None and earlier.timestamp < asset.since:
            earlier = None
        before = was.price if earlier is None else earlier.price
        left = earlier if now is None else now
        self._give_back(asset, was, now)
        self._change(token, asset, (was, before), None if now is None else (now, before))
        if behind is not None:
            after = behind.price if left is None else left.price
            self._change(token, asset, (behind, was.price), (behind, after))
        elif left is not None:
            asset.prices[market_of(was)] = left.price
        else:
            asset.prices.pop(market_of(was), None)
        asset.drop_idle(parties_of(was))

    def _give_back(self, asset: Asset, was: Trade, now: Trade | None) -> None:
        """Positions without a trade, or with another one."""
        for party, account, sign in holders(was, self._exempt):
            pressure, key = asset.parties.get(party), (market_of(was), account)
            position = None if pressure is None else pressure.positions.get(key)
            if pressure is None or position is None:
                continue
            others, opened = None, position.opened
            if now is None and position.shows(was.id) and self.trades.reach(opened):
                others = (
                    witness(one)
                    for one in self.trades.left(was, now, opened, _EVER)
                    for whose in holders(one, self._exempt)
                    if whose[:2] == (party, account)
                )
            pressure.give_back(
                key,
                (sign * was.quantity, was.price * was.quantity),
                None if now is None else (sign * now.quantity, now.price * now.quantity),
                witness(was),
                others,
            )

    def _change(
        self, token: str, asset: Asset, was: tuple[Trade, float], now: tuple[Trade, float] | None
    ) -> None:
        """A trade and the price before it are others now, or it is none: who pushed, and how much
        all took."""
        old = push_of(*was, self._exempt)
        new = None if now is None else push_of(*now, self._exempt)
        asset.change_push(old, new)
        more = taken_more(was, now)
        time = was[0].timestamp
        place = time // self._slot
        asset.took_more(place, more)
        for party, episode in list(asset.episodes.items()):
            floor = (episode.answered - self._p.push) // self._slot
            counts = place >= floor and time <= episode.answered
            mine = old[1] if old is not None and old[0] == party else None
            other = new[1] if new is not None and new[0] == party else None
            concerned = episode.revise(mine, other, more[not episode.rising] if counts else 0.0)
            if concerned and not episode.stands(self._p.push, self._p.dominance, _HALF):
                self._forget_episode(token, asset, party)

    def _forget_episode(self, token: str, asset: Asset, party: str) -> None:
        """It was none: what was told of it is told."""
        del asset.episodes[party]
        tokens = self.state.pushers.get(party)
        if tokens is not None:
            tokens.pop(token, None)
            if not tokens:
                del self.state.pushers[party]

    # -- the answer --------------------------------------------------------------------------------

    def _answered(self, update: OracleUpdate) -> Iterable[Finding]:
        token, price = update.token_id, update.price
        if token is None or price is None or not 0 < price < math.inf:
            return ()
        note_price(self.state.prices, update)
        assets = self.state.assets
        asset = assets.pop(token, None)
        if asset is None:
            asset = Asset(since=update.timestamp)
            if len(assets) >= _MOST_ASSETS:
                del assets[next(iter(assets))]
        assets[token] = asset
        now = update.timestamp
        answer = Answer(now, price, update.feed, witness(update), update.currency or "")
        asset.answers.append(answer)
        del asset.answers[:-_MOST_ANSWERS]
        floor = now - self._p.push
        own = [one for one in asset.answers if one.feed == answer.feed]
        earlier = [one for one in own[:-1] if one.timestamp <= floor]
        before = earlier[-1] if earlier else own[0]
        move = price / before.price - 1
        if not reaches(abs(move), self._p.minimum_oracle_move):
            return ()
        return self._judge(token, asset, before, answer, move)

    def _judge(
        self, token: str, asset: Asset, before: Answer, answer: Answer, move: float
    ) -> Iterable[Finding]:
        now, sign = answer.timestamp, 1.0 if move > 0 else -1.0
        begin = now - self._p.push
        floor = begin // self._slot
        place = 0 if move > 0 else 1
        total = float_sum(one[place] for at, one in asset.taken.items() if at >= floor)
        if not total:
            return
        for party, pressure in list(asset.parties.items()):
            moved = pressure.moved(begin, now, sign)
            quantity = float_sum(one[0] for one in moved.values())
            if not quantity or not reaches(quantity / total, self._p.dominance):
                continue
            pushed = [
                market
                for market, (_, start, end) in moved.items()
                if reaches(sign * (end / start - 1), _HALF * abs(move))
            ]
            if not pushed:
                continue
            yield from self._episode(
                token, asset, party, before, answer, total, min(1.0, quantity / total), pushed,
                moved,
            )  # fmt: skip

    def _episode(
        self,
        token: str,
        asset: Asset,
        party: str,
        before: Answer,
        answer: Answer,
        total: float,
        share: float,
        pushed: list[str],
        moved: dict[str, tuple[float, float, float]],
    ) -> Iterable[Finding]:
        rising = answer.price > before.price
        sign = 1.0 if rising else -1.0
        pressure = asset.parties[party]
        begin = answer.timestamp - self._p.push
        pushes = [
            one for one in pressure.pushes if one.quantity * sign > 0 and one.timestamp >= begin
        ]
        episode = asset.episodes.get(party)
        if episode is not None and (
            episode.rising is not rising or answer.timestamp - episode.answered > self._p.take_out
        ):
            episode = None
        if episode is None:
            episode = asset.episodes[party] = Episode(
                pushes[0].timestamp, answer.timestamp, rising, before, answer, total, share,
                pushed,
                [(moved[one][1], moved[one][2]) for one in pushed],
                pushes,
            )  # fmt: skip
            if len(asset.episodes) > MOST_PARTIES:
                del asset.episodes[next(iter(asset.episodes))]
            self.state.pushers.setdefault(party, {})[token] = None
            if len(self.state.pushers) > MOST_PARTIES:
                del self.state.pushers[next(iter(self.state.pushers))]
        elif (answer.price > episode.after.price) is rising:
            episode.after, episode.total, episode.share = answer, total, share
            episode.answered = answer.timestamp
            known = {one.witness.id for one in episode.pushes}
            episode.pushes += [one for one in pushes if one.witness.id not in known]
            del episode.pushes[MOST_PUSHES:]
        held: list[Witness] = []
        gain = 0.0
        oldest = episode.began - self._p.position
        for (market, _), position in pressure.positions.items():
            if market in episode.markets or position.opened < oldest:
                continue
            if position.quantity * sign > 0 and (won := position.gain(episode.after.price)) > 0:
                gain += won
                held += position.witnesses
        episode.gain = max(episode.gain, gain)
        return self._told(token, party, episode, held)

    # -- what it gains -----------------------------------------------------------------------------

    def _moved(self, move: TokenTransfer) -> Iterable[Finding]:
        party = move.destination_cluster or move.destination_investor or move.destination_address
        tokens = self.state.pushers.get(party)
        if tokens is None and move.transaction_from is not None:
            # What a contract gets in a transaction that the pusher signed.
            party = move.transaction_from
            tokens = self.state.pushers.get(party)
        source = move.source_cluster or move.source_investor or move.source_address
        if tokens is None or source == party or not move.amount:
            return
        if is_exempt(move.source_labels, _POOLS):
            return  # what it swapped for
        price = self.state.prices.get(move.token_id or "")
        value, currency = (1.0, "") if price is None else (price.price, price.currency)
        value *= move.amount
        for token in list(tokens):
            asset = self.state.assets.get(token)
            episode = None if asset is None else asset.episodes.get(party)
            if episode is None or move.timestamp > episode.answered + self._p.take_out:
                del tokens[token]
                continue
            episode.taken += value / least(1.0, currency) * least(1.0, episode.after.currency)
            if len(episode.takings) < _MOST_TAKEN:
                episode.takings.append(witness(move))
            yield from self._told(token, party, episode, [])
        if not tokens:
            self.state.pushers.pop(party, None)

    def _watch(
        self, token: str, asset: Asset, market: str, price: float, event: Trade | PoolSwap
    ) -> Iterable[Finding]:
        """Whether a market that was pushed falls back."""
        if not asset.episodes:
            return
        for party, episode in list(asset.episodes.items()):
            if event.timestamp > episode.answered + self._p.take_out:
                del asset.episodes[party]
                continue
            if episode.reversed or market not in episode.markets:
                continue
            place = episode.markets.index(market)
            start, peak = episode.peaks[place]
            if (price > peak) is episode.rising and price != peak:
                episode.peaks[place] = (start, price)
            elif abs(price - peak) >= _HALF * abs(peak - start):
                episode.reversed = True
                yield from self._told(token, party, episode, [witness(event)])

    def _told(
        self, token: str, party: str, episode: Episode, more: list[Witness]
    ) -> Iterable[Finding]:
        gain = episode.gain + episode.taken
        least_gain = least(self._p.minimum_gain, episode.after.currency)
        enough = gain > 0 and reaches(gain, least_gain)
        if not enough and not (episode.reversed and not episode.alerts):
            return ()
        if episode.alerts and gain < 2 * episode.told_gain:
            return ()
        if episode.alerts and not enough:
            return ()
        episode.alerts += 1
        episode.told_gain = gain
        found = HELD if reaches(episode.gain, least_gain) else TAKEN_OUT
        if not enough:
            found = REVERSED
        asked = self._p.minimum_oracle_move
        return [episode_finding(token, party, episode, gain, found, asked, more)]

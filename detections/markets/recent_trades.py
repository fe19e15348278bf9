"""The newest trades of all venues: what a bust or a correction is about, and what is left without.

A venue that takes a trade back names it, and no more. Each correlator keeps of a trade what it
needs, mostly sums; here are the trades themselves, once for all correlators of a lane. One that
says `uses_trades = True` has them as `self.trades`, and is told by `revised` what a trade was and
what it is now, when the others don't hold it yet. So its usual way costs it nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from normalizer.events.market import Trade, TradeBusted, TradeCorrected

#: Trades that are remembered, at least; at most twice as many. One takes 1 KB.
REMEMBERED_TRADES = 10_000
#: Source, venue, instrument.
Market = tuple[str, str, str]
#: What is told of a trade: as it was, and as it is now; None where it was busted.
Revised = Callable[[Trade, "Trade | None"], None]
_Trades = dict[Market, dict[str, Trade]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Trade]).decode


class SavedTrades(msgspec.Struct, array_like=True):
    """As they are saved: each generation, in the order in which they are held."""

    young: bytes
    old: bytes
    forgotten: int


class RecentTrades:
    """Remembers at least the last `remembered` trades, and at most twice as many.

    Two generations: forgetting the older one whole costs nothing per trade.
    """

    def __init__(self, remembered: int = REMEMBERED_TRADES) -> None:
        self._remembered = remembered
        self._young: _Trades = {}
        self._old: _Trades = {}
        self._count = 0
        self._forgotten = 0

    def add(self, trade: Trade) -> None:
        """A trade was made."""
        market = (trade.provider, trade.venue, trade.instrument)
        trades = self._young.get(market)
        if trades is None:
            trades = self._young[market] = {}
        known = len(trades)
        trades[trade.trade_id] = trade
        # As many as are there: by what is saved it must be as far from forgetting the next.
        self._count += len(trades) - known
        if self._count >= self._remembered:
            self._turn()

    def find(self, event: TradeBusted | TradeCorrected) -> Trade | None:
        """The trade that it is about, as it counts up to now; None if it isn't known."""
        market = (event.provider, event.venue, event.instrument)
        for trades in (self._young, self._old):
            found = trades.get(market, {}).get(event.trade_id)
            if found is not None:
                return found
        return None

    def of(self, market: Market) -> Iterator[Trade]:
        """The trades of a market that count, the oldest first."""
        yield from self._old.get(market, {}).values()
        yield from self._young.get(market, {}).values()

    def left(self, was: Trade, now: Trade | None, since: int) -> list[Trade]:
        """The trades of its market since a time, with `now` in the place of `was`."""
        found: list[Trade] = []
        for one in self.of((was.provider, was.venue, was.instrument)):
            if one.timestamp >= since:
                if one is not was:
                    found.append(one)
                elif now is not None:
                    found.append(now)
        return found

    def reach(self, time: int) -> bool:
        """Whether no trade since this time was forgotten."""
        return self._forgotten < time

    def revise(self, event: TradeBusted | TradeCorrected) -> None:
        """From now on it counts as the venue says."""
        market = (event.provider, event.venue, event.instrument)
        for generation in (self._young, self._old):
            trades = generation.get(market, {})
            was = trades.get(event.trade_id)
            if was is None:
                continue
            now = revised(was, event)
            if now is not None:
                trades[event.trade_id] = now
                continue
            del trades[event.trade_id]
            if generation is self._young:
                self._count -= 1
            if not trades:  # what is restored has no market without trades
                del generation[market]

    def save(self) -> SavedTrades:
        """For `restore`. The same trades give the same bytes."""
        return SavedTrades(
            _encode(_listed(self._young)), _encode(_listed(self._old)), self._forgotten
        )

    def restore(self, saved: SavedTrades) -> None:
        """Take what was saved. Raises msgspec.MsgspecError, and then nothing has changed."""
        young, old = _decode(saved.young), _decode(saved.old)
        self._young, self._old = _by_market(young), _by_market(old)
        self._count, self._forgotten = len(young), saved.forgotten

    def carry_over(self, before: "RecentTrades") -> None:
        """Go on from where another one is, which is of no use any more."""
        self._young, self._old = before._young, before._old
        self._count, self._forgotten = before._count, before._forgotten

    def _turn(self) -> None:
        for trades in self._old.values():  # in the order of time, or nearly
            newest = next(reversed(trades.values())).timestamp
            self._forgotten = max(self._forgotten, newest)
        self._old, self._young, self._count = self._young, {}, 0


def revised(was: Trade, event: TradeBusted | TradeCorrected) -> Trade | None:
    """A trade as the venue wants it to count; None if not at all."""
    if isinstance(event, TradeBusted):
        return None
    price = was.price if event.price is None else event.price
    quantity = was.quantity if event.quantity is None else event.quantity
    notional = None if was.notional is None else price * quantity
    return msgspec.structs.replace(was, price=price, quantity=quantity, notional=notional)


def telling(trades: RecentTrades, tell: Revised) -> Callable[[Any], None]:
    """Takes busts and corrections, and tells them of the trades that are known."""

    def take(event: TradeBusted | TradeCorrected) -> None:
        was = trades.find(event)
        if was is not None:
            tell(was, revised(was, event))

    return take


def _listed(trades: _Trades) -> list[Trade]:
    return [one for known in trades.values() for one in known.values()]


def _by_market(trades: Iterable[Trade]) -> _Trades:
    found: _Trades = {}
    for one in trades:
        found.setdefault((one.provider, one.venue, one.instrument), {})[one.trade_id] = one
    return found

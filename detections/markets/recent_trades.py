"""The newest trades of all venues: what a bust or a correction is about, and what is left without.

A venue that takes a trade back names it, and no more. Each correlator keeps of a trade what it
needs, mostly sums; here are the trades themselves, once for all correlators of a lane. One that
says `uses_trades = True` has them as `self.trades`, and is told by `revised` what a trade was and
what it is now, when the others don't hold it yet. So its usual way costs it nothing. What must be
made anew is made once behind all busts that come in a row, by `renewed`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec

from detections.markets.linked_markets import MarketKey
from normalizer.events.market import Trade, TradeBusted, TradeCorrected

#: Trades that are remembered, at least; at most twice as many. One takes 1 KB.
REMEMBERED_TRADES = 10_000
#: What is told of a trade: as it was, and as it is now; None where it was busted.
Revised = Callable[[Trade, "Trade | None"], None]
#: What it comes to, market by market and trade by trade: as it first was, and as it is now.
Revisions = dict[MarketKey, dict[str, tuple[Trade, "Trade | None"]]]

#: No trade is so late.
_EVER = 2**63

_time = attrgetter("timestamp")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Trade]).decode


class SavedTrades(msgspec.Struct, array_like=True):
    """As they are saved: each generation, in the order in which they are held."""

    young: bytes
    old: bytes
    forgotten: int


class Shelf:
    """The trades of one market in one generation, in the order in which they came."""

    __slots__ = ("_newest", "_ordered", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[str, Trade] = {}
        self._ordered: list[Trade] = []
        """As `by_id`, as far as anybody has asked."""
        self._newest: list[int] = []
        """Of each, the time of the newest until then, since some come late."""

    def add(self, trade: Trade) -> None:
        """One more; of one id the newest counts."""
        if trade.trade_id in self.by_id:
            del self.by_id[trade.trade_id]
            self._ordered, self._newest = [], []
        self.by_id[trade.trade_id] = trade

    def between(self, begin: int, end: int | None = None) -> Iterator[Trade]:
        """Those from a time on, and before another one."""
        ordered = self._in_order()
        for place in range(bisect_left(self._newest, begin), len(ordered)):
            one = ordered[place]
            if begin <= one.timestamp and (end is None or one.timestamp < end):
                yield one

    def until(self, time: int) -> Iterator[Trade]:
        """Those before a time, the newest first."""
        ordered = self._in_order()
        for place in range(bisect_left(self._newest, time) - 1, -1, -1):
            yield ordered[place]

    def before(self, trade: Trade) -> Trade | None:
        """The one that came before this one."""
        place = self._place(trade)
        return self._ordered[place - 1] if place else None

    def behind(self, trade: Trade) -> Trade | None:
        """The one that came behind this one."""
        place = self._place(trade) + 1
        return self._ordered[place] if place < len(self._ordered) else None

    @property
    def first(self) -> Trade:
        return next(iter(self.by_id.values()))

    @property
    def last(self) -> Trade:
        return next(reversed(self.by_id.values()))

    def replace(self, was: Trade, now: Trade | None) -> None:
        """Put another one in the place of one, or nothing."""
        place = self._place(was)
        if now is None:
            del self.by_id[was.trade_id], self._ordered[place], self._newest[place]
            self._renew_newest(place)
        else:
            self.by_id[was.trade_id] = self._ordered[place] = now

    def _renew_newest(self, place: int) -> None:
        """One before this place is gone, which may have been the newest of those behind it."""
        newest = self._newest[place - 1] if place else 0
        for behind in range(place, len(self._newest)):
            newest = max(newest, self._ordered[behind].timestamp)
            if self._newest[behind] == newest:
                return
            self._newest[behind] = newest

    def _in_order(self) -> list[Trade]:
        known = len(self._ordered)
        if known < len(self.by_id):
            newest = self._newest[-1] if known else 0
            for one in islice(self.by_id.values(), known, None):
                newest = max(newest, one.timestamp)
                self._ordered.append(one)
                self._newest.append(newest)
        return self._ordered

    def _place(self, trade: Trade) -> int:
        ordered = self._in_order()
        place = bisect_left(self._newest, trade.timestamp)
        while ordered[place] is not trade:
            place += 1
        return place


_Shelves = dict[MarketKey, Shelf]


class RecentTrades:
    """Remembers at least the last `remembered` trades, and at most twice as many.

    Two generations: forgetting the older one whole costs nothing per trade.
    """

    def __init__(self, remembered: int = REMEMBERED_TRADES) -> None:
        self._remembered = remembered
        self._young: _Shelves = {}
        self._old: _Shelves = {}
        self._count = 0
        self._forgotten = 0
        self.revisions: Revisions = {}
        """What the correlators were told and haven't renewed yet."""

    def add(self, trade: Trade) -> None:
        """A trade was made."""
        market = (trade.provider, trade.venue, trade.instrument)
        shelf = self._young.get(market)
        if shelf is None:
            shelf = self._young[market] = Shelf()
        known = len(shelf.by_id)
        shelf.add(trade)
        # As many as are there: by what is saved it must be as far from forgetting the next.
        self._count += len(shelf.by_id) - known
        if self._count >= self._remembered:
            self._turn()

    def find(self, event: TradeBusted | TradeCorrected) -> Trade | None:
        """The trade that it is about, as it counts up to now; None if it isn't known."""
        for shelf in reversed(self._shelves((event.provider, event.venue, event.instrument))):
            found = shelf.by_id.get(event.trade_id)
            if found is not None:
                return found
        return None

    def of(self, market: MarketKey) -> Iterator[Trade]:
        """The trades of a market that count, the oldest first."""
        for shelf in self._shelves(market):
            yield from shelf.by_id.values()

    def between(self, market: MarketKey, begin: int, end: int | None = None) -> list[Trade]:
        """Those of a market from a time on, and before another one."""
        return [one for shelf in self._shelves(market) for one in shelf.between(begin, end)]

    def since(self, begin: int, market: MarketKey | None = None) -> list[Trade]:
        """Those of all markets, or of one, from a time on, in the order of time."""
        if market is not None:
            return self.between(market, begin)
        markets = dict.fromkeys((*self._old, *self._young))
        return sorted([one for each in markets for one in self.between(each, begin)], key=_time)

    def until(self, market: MarketKey, time: int) -> Iterator[Trade]:
        """Those of a market before a time, the newest first."""
        for shelf in reversed(self._shelves(market)):
            yield from shelf.until(time)

    def newest(self, market: MarketKey) -> Iterator[Trade]:
        """Those of a market, the newest first."""
        return self.until(market, _EVER)

    def left(self, was: Trade, now: Trade | None, begin: int, end: int) -> list[Trade]:
        """The same of its market, with `now` in the place of `was`."""
        market = (was.provider, was.venue, was.instrument)
        found = (now if one is was else one for one in self.between(market, begin, end))
        return [one for one in found if one is not None]

    def before(self, trade: Trade) -> Trade | None:
        """The trade of its market that came before one that is known here, if it is as well."""
        found: Trade | None = None
        for shelf in self._shelves((trade.provider, trade.venue, trade.instrument)):
            if shelf.by_id.get(trade.trade_id) is trade:
                return shelf.before(trade) or found
            found = shelf.last
        return None

    def behind(self, trade: Trade) -> Trade | None:
        """The trade of its market that came behind one that is known here, if there is one."""
        here = False
        for shelf in self._shelves((trade.provider, trade.venue, trade.instrument)):
            if here:
                return shelf.first
            if shelf.by_id.get(trade.trade_id) is trade:
                here = True
                if (found := shelf.behind(trade)) is not None:
                    return found
        return None

    def reach(self, time: int) -> bool:
        """Whether no trade since this time was forgotten."""
        return self._forgotten < time

    def revise(self, event: TradeBusted | TradeCorrected) -> None:
        """From now on it counts as the venue says."""
        market = (event.provider, event.venue, event.instrument)
        told = False
        for generation in (self._young, self._old):
            shelf = generation.get(market)
            was = None if shelf is None else shelf.by_id.get(event.trade_id)
            if shelf is None or was is None:
                continue
            now = revised(was, event)
            if not told:  # as `find` has it
                known = self.revisions.setdefault(market, {})
                known[event.trade_id] = (known.get(event.trade_id, (was,))[0], now)
                told = True
            shelf.replace(was, now)
            if now is None and generation is self._young:
                self._count -= 1
            if not shelf.by_id:  # what is restored has no market without trades
                del generation[market]

    def take_revisions(self) -> Revisions:
        """What is to be renewed now."""
        found, self.revisions = self.revisions, {}
        return found

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
        self.revisions = {}

    def carry_over(self, before: "RecentTrades") -> None:
        """Go on from where another one is, which is of no use any more."""
        self._young, self._old = before._young, before._old
        self._count, self._forgotten = before._count, before._forgotten

    def _turn(self) -> None:
        for shelf in self._old.values():  # in the order of time, or nearly
            self._forgotten = max(self._forgotten, shelf.last.timestamp)
        self._old, self._young, self._count = self._young, {}, 0

    def _shelves(self, market: MarketKey) -> list[Shelf]:
        """The older one first."""
        found = (self._old.get(market), self._young.get(market))
        return [one for one in found if one is not None]


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


def _listed(shelves: _Shelves) -> list[Trade]:
    return [one for shelf in shelves.values() for one in shelf.by_id.values()]


def _by_market(trades: Iterable[Trade]) -> _Shelves:
    found: _Shelves = {}
    for one in trades:
        found.setdefault((one.provider, one.venue, one.instrument), Shelf()).add(one)
    return found

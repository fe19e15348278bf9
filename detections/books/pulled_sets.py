"""Sets of orders of which nobody is named: placed together on one side, and pulled together.

On a feed without accounts nobody can say that two orders are one hand's. What ties them is time and
size: several orders (or, on a feed by level, what came to several levels) of like quantities that
come within seconds on one side and all go within a moment, all but unfilled, are hardly several
people's. Whoever judges them leaves two kinds out, since they are a maker's: sets in whose stead
something as large comes at once, and sets that go together with as much of the other side.

Whether trades have anything to do with it is told by when they come: shortly before the set goes
and the way that it leads others, or right after it the other way, into what it left. Of what chance
has to do with it see :mod:`detections.books.met_by_chance`.
"""

from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import accumulate

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.books.order_book import BookSide
from detections.float_sum import float_sum
from detections.rounding import reaches
from pipeline.units import MILLISECOND

#: Of one side of a book: orders that are watched, that went, and that came lately.
MOST_LIVE, MOST_GONE, MOST_CAME = 256, 64, 64
#: Trades of a book that are kept until what went by then is judged.
MOST_TRADES = 64
#: Of a price of a feed by level: what came at different times.
_MOST_AT_PRICE = 4
#: Nobody comes in the stead of a set later than this.
STEAD = 250 * MILLISECOND
#: What goes on the other side within this time goes with it.
_TOGETHER = 100 * MILLISECOND
#: An order of which more was traded than this is not one that was pulled.
_HALF = 0.5
#: Quantities that differ by so much at most are one quantity, but for a venue's lots.
_ONE_QUANTITY = 0.01
#: What sums of quantities may be wrong by, as a part of them.
_ROUNDED = 1e-9
#: Later than any time.
_NEVER = 2**63 - 1


class Criteria(Struct, frozen=True, kw_only=True):
    """What a set is. Times in nanoseconds, the others as ratios."""

    orders: int
    placement_window: int
    pull_window: int
    maximum_lifetime: int
    maximum_fill_share: float
    """Of all of them together; on a feed by level, what makes of what went the same as came."""
    quantity_tolerance: float
    reaction_window: int
    after_window: int


class Shown(Struct, gc=False):
    """An order, or what came to a level."""

    price: float
    quantity: float
    came: Witness
    filled: float = 0.0
    went: Witness | None = None
    depth: float = 0.0
    """On its side, with it, when it went."""
    rank: int = 0
    """Levels that were better than its own then."""

    @property
    def went_at(self) -> int:
        """When it went; 0 while it is there."""
        return self.went.timestamp if self.went is not None else 0


class Came(Struct, frozen=True, gc=False):
    """What came to a side, whatever became of it."""

    quantity: float
    seen: Witness


class Traded(Struct, frozen=True, gc=False):
    """A trade, and the time since the one before of its side."""

    buys: bool
    gap: int
    seen: Witness


class PulledSet(Struct, frozen=True):
    """Orders that came and went together."""

    buy: bool
    orders: list[Shown]
    """By price, the best first."""
    depth_share: float
    """Of all that stood on the side with them."""
    replaced: float
    """What came in their stead, as a part of them."""
    successors: list[Witness]
    """Of these, as many as there are orders, of like quantities: the set was moved."""
    opposite: float
    """What went on the other side with them, as a part of them."""
    lured: list[Traded]
    """Shortly before they went: others came in the way that they lead."""
    hit: list[Traded]
    """Right after, into what they left."""

    @property
    def quantity(self) -> float:
        """Of all of them."""
        return float_sum(one.quantity for one in self.orders)

    @property
    def of_one_quantity(self) -> bool:
        """Whether all of them are as large."""
        quantities = [one.quantity for one in self.orders]
        return reaches(min(quantities), (1 - _ONE_QUANTITY) * max(quantities))

    @property
    def begun(self) -> int:
        """When the first came."""
        return min(one.came.timestamp for one in self.orders)

    @property
    def complete(self) -> int:
        """When the last came."""
        return max(one.came.timestamp for one in self.orders)

    @property
    def ended(self) -> int:
        """When the last went."""
        return max(one.went_at for one in self.orders)

    @property
    def prices(self) -> int:
        """At how many prices they stood."""
        return len({one.price for one in self.orders})

    @property
    def at_touch(self) -> bool:
        """Whether one of them stood at the best price when it went."""
        return any(not one.rank for one in self.orders)

    @property
    def witnesses(self) -> Iterator[Witness]:
        """All that it rests on."""
        for one in self.orders:
            yield one.came
            if one.went is not None:
                yield one.went
        for trade in (*self.lured, *self.hit):
            yield trade.seen


class SideShown(Struct):
    """One side of a book."""

    live: dict[str, Shown] = {}
    """By order id, or by price of a level; the oldest first."""
    levels: dict[float, list[str]] = {}
    """Of `live`, the keys of what came to levels, by price: at most prices nothing large came."""
    gone: list[Shown] = []
    """Of which it is not known yet what comes in their stead."""
    past: list[tuple[int, float]] = []
    """When what was judged went, and how much."""
    came: list[Came] = []
    traded_at: int = 0
    """The newest trade of who takes the other side."""

    def drop(self, key: str) -> Shown | None:
        """An order is watched no longer."""
        shown = self.live.pop(key, None)
        if shown is not None and self.levels:
            keys = self.levels.get(shown.price)
            if keys is not None and key in keys:
                keys.remove(key)
                if not keys:
                    del self.levels[shown.price]
        return shown

    def pulled(self, since: int, until: int) -> float:
        """How much went in a time."""
        judged = float_sum(quantity for at, quantity in self.past if since <= at <= until)
        return judged + float_sum(
            one.quantity for one in self.gone if since <= one.went_at <= until
        )


class ShownSets(Struct):
    """What is watched of one book."""

    bids: SideShown = field(default_factory=SideShown)
    offers: SideShown = field(default_factory=SideShown)
    trades: list[Traded] = []
    settles_after: int = _NEVER
    """Up to this time nothing is to be settled."""

    def side(self, buy: bool) -> SideShown:
        """Bids, or offers."""
        return self.bids if buy else self.offers

    def come(self, key: str, buy: bool, shown: Shown, maximum_lifetime: int) -> None:
        """An order is placed."""
        side, now = self.side(buy), shown.came.timestamp
        came, live = side.came, side.live
        came.append(Came(shown.quantity, shown.came))
        if len(came) > MOST_CAME:
            del came[0]
        if key in live:
            side.drop(key)
        while live:
            first = next(iter(live))
            if len(live) < MOST_LIVE and now - live[first].came.timestamp <= maximum_lifetime:
                break
            side.drop(first)
        live[key] = shown

    def come_to_level(self, buy: bool, shown: Shown, maximum_lifetime: int) -> None:
        """What is taken for an order comes to a level."""
        key, price = self._free_key(buy, shown.price), shown.price
        self.come(key, buy, shown, maximum_lifetime)
        insort(self.side(buy).levels.setdefault(price, []), key)

    def go(
        self, key: str, buy: bool, seen: Witness, left: BookSide, depth: float, criteria: Criteria
    ) -> None:
        """An order went; `left` is what its side is without it, with so much visible depth."""
        side = self.side(buy)
        shown = side.drop(key)
        if shown is None or shown.filled > _HALF * shown.quantity:
            return
        if seen.timestamp - shown.came.timestamp <= criteria.maximum_lifetime:
            shown.went = seen
            shown.depth = depth + shown.quantity
            shown.rank = left.rank(shown.price)
            side.gone.append(shown)
            if len(side.gone) > MOST_GONE:
                del side.gone[0]
            elif len(side.gone) > 1:
                return  # it isn't the first, which is judged first
            due = side.gone[0].went_at + STEAD + criteria.pull_window
            self.settles_after = min(self.settles_after, due)

    def _free_key(self, buy: bool, price: float) -> str:
        """A key for what comes to a level: one of several, the oldest of which is given up."""
        live = self.side(buy).live
        keys = [f"{price!r} {number}" for number in range(_MOST_AT_PRICE)]
        for key in keys:
            if key not in live:
                return key
        return min(keys, key=lambda key: live[key].came.timestamp)

    def went_from(
        self, buy: bool, price: float, quantity: float, maximum_fill_share: float
    ) -> list[str]:
        """Which of what came to a level may be what went from it: one as large, or all together."""
        side = self.side(buy)
        if price not in side.levels:
            return []
        live, there = side.live, list(side.levels[price])
        nearest = min(there, key=lambda key: abs(live[key].quantity - quantity))
        if abs(live[nearest].quantity - quantity) <= maximum_fill_share * live[nearest].quantity:
            return [nearest]
        together = float_sum(live[key].quantity for key in there)
        return there if quantity >= (1 - maximum_fill_share) * together else []

    def trade(self, buys: bool, price: float, back: float, seen: Witness) -> None:
        """Somebody comes in and buys (or sells); so much was believed to be cancelled there."""
        side = self.side(buys)
        gap = max(0, seen.timestamp - side.traded_at) if side.traded_at else 0
        side.traded_at = max(side.traded_at, seen.timestamp)
        self.trades.append(Traded(buys, gap, seen))
        if len(self.trades) > MOST_TRADES:
            del self.trades[0]
        if back:
            self.correct(not buys, price, back)

    @property
    def partly_filled(self) -> bool:
        """Whether a trade took anything of what went."""
        bids, offers = self.bids.gone, self.offers.gone
        return any(one.filled for one in bids) or any(one.filled for one in offers)

    def correct(self, buy: bool, price: float, traded: float) -> None:
        """Of what went at a price so much more was traded; less, where it is negative."""
        for one in reversed(self.side(buy).gone):
            if one.price == price and traded:
                more = max(-one.filled, min(traded, one.quantity - one.filled))
                one.filled += more
                traded -= more

    def settle(self, now: int, criteria: Criteria) -> list[PulledSet]:
        """The sets of which it is known what came in their stead: none up to `settles_after`."""
        sets: list[PulledSet] = []
        wait = STEAD + criteria.pull_window
        self.settles_after = _NEVER
        for buy in (True, False):
            gone = self.side(buy).gone
            while gone and now - gone[0].went_at > wait:
                found = self._next(buy, criteria)
                if found is not None:
                    sets.append(found)
            if gone:
                self.settles_after = min(self.settles_after, gone[0].went_at + wait)
        return sets

    def miss(self) -> None:
        """Something was not seen: of what is there nothing is known."""
        for side in (self.bids, self.offers):
            side.live.clear()
            side.levels.clear()
            side.gone.clear()

    def _next(self, buy: bool, criteria: Criteria) -> PulledSet | None:
        """The set that goes with what went first, if it is one; that is done with then."""
        side = self.side(buy)
        gone, past, until = side.gone, side.past, side.gone[0].went_at + criteria.pull_window
        burst = [one for one in gone if one.went_at <= until and one.filled <= _HALF * one.quantity]
        orders = _alike(burst, criteria) if len(burst) > 1 else burst
        if len(orders) < 2 or not any(one is gone[0] for one in orders):
            orders = gone[:1]
            del gone[0]
        else:
            taken = {id(one) for one in orders}
            gone[:] = [one for one in gone if id(one) not in taken]
        past += [(one.went_at, one.quantity) for one in orders]
        if len(past) > MOST_GONE:
            del past[:-MOST_GONE]
        if len(orders) < criteria.orders:
            return None
        quantity = float_sum(one.quantity for one in orders)
        filled = float_sum(one.filled for one in orders)
        if filled > criteria.maximum_fill_share * quantity:
            return None
        orders.sort(key=lambda one: one.price, reverse=buy)
        return self._set(buy, orders, criteria)

    def _set(self, buy: bool, orders: list[Shown], criteria: Criteria) -> PulledSet:
        begun = min(one.went_at for one in orders)
        ended = max(one.went_at for one in orders)
        complete = max(one.came.timestamp for one in orders)
        quantity = float_sum(one.quantity for one in orders)
        least = min(one.quantity for one in orders)
        most = max(one.quantity for one in orders)
        came = [
            one
            for one in self.side(buy).came
            if begun <= one.seen.timestamp <= ended + STEAD and 2 * one.quantity >= least
        ]
        alike = [
            one.seen
            for one in came
            if least * (1 - criteria.quantity_tolerance) <= one.quantity
            and one.quantity * (1 - criteria.quantity_tolerance) <= most
        ]
        depth = max(one.depth for one in orders)
        since = max(complete, begun - criteria.reaction_window)
        return PulledSet(
            buy,
            orders,
            quantity / max(quantity, depth),
            float_sum(one.quantity for one in came) / quantity,
            alike[: len(orders)] if len(alike) >= len(orders) else [],
            self.side(not buy).pulled(begun - _TOGETHER, ended + _TOGETHER) / quantity,
            [one for one in self.trades if one.buys is buy and since <= _at(one) <= ended],
            [
                one
                for one in self.trades
                if one.buys is not buy and ended <= _at(one) <= ended + criteria.after_window
            ],
        )


def _at(trade: Traded) -> int:
    return trade.seen.timestamp


def _alike(burst: Sequence[Shown], criteria: Criteria) -> list[Shown]:
    """Of what went together, those of like quantities that came together; the most by quantity."""
    best, most, enough = list[Shown](), 0.0, False
    by_time = sorted(burst, key=_came_at)
    for largest in dict.fromkeys(one.quantity for one in burst):
        least = largest * (1 - criteria.quantity_tolerance)
        like = [one for one in by_time if least <= one.quantity <= largest]
        quantities = [one.quantity for one in like]
        until = list(accumulate(quantities, initial=0.0))
        for start, end in _together(like, criteria.placement_window):
            more = end - start >= criteria.orders
            # Nearly all that can't be more than the best are told by this, which is rounded.
            if enough and (not more or until[end] - until[start] + _ROUNDED * until[-1] < most):
                continue
            quantity = float_sum(quantities[start:end])
            if more > enough or (more is enough and quantity > most):
                best, most, enough = like[start:end], quantity, more
    return best


def _together(like: Sequence[Shown], window: int) -> Iterator[tuple[int, int]]:
    """From where to where, in the order of time, they came within a window of each other; each as
    far as it goes."""
    first = 0
    for place, one in enumerate(like):
        start = first
        while _came_at(one) - _came_at(like[start]) > window:
            start += 1
        if start > first:
            yield first, place
            first = start
    yield first, len(like)


def _came_at(one: Shown) -> int:
    return one.came.timestamp

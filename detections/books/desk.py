"""What each party took off a book lately, and its trades there.

What rests is in the book itself (`detections.books.order_books`): here is only what that doesn't
know any more.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from detections.alerting.findings import Step, Witness
from detections.books.order_book import Resting
from detections.float_sum import float_sum
from normalizer.events.market import Trade

#: Of a party in a book, the newest on each side.
MOST_ORDERS = 256
_MOST_EXECUTIONS = 64

#: An order that does not rest any more: when that was, the most that it showed, and its id. A
#: tuple, since there is one for each order.
Ended = tuple[int, float, str]
#: An order that rests: its id, and when it was placed, since another may have its id later.
Name = tuple[str, int]


class Moves(Struct, gc=False):
    """How an order was moved to other prices."""

    count: int
    newest: Step
    told: bool = False
    """It was found while it rested."""


class Pulled(Struct, gc=False):
    """An order that was cancelled, and not filled before."""

    order_id: str
    order: Resting
    """As it left the book."""
    quantity: float
    """The most that it showed."""
    filled: float
    ended: Step
    unsure: bool
    moves: Moves | None = None


class Execution(Struct, frozen=True, gc=False):
    """A trade of a party."""

    price: float
    quantity: float
    witness: Witness


class Side(Struct, gc=False):
    """One side of what a party showed."""

    pulled: list[Pulled] = []
    """Orders that were cancelled lately, in the order of that."""
    taken_off: float = 0.0
    """Their quantity."""
    ended: list[Ended] = []
    """Orders that ended in whatever way, in the order of that: these as well."""
    recent: int = 0
    """The first of them that ended lately."""
    lately: float = 0.0
    """The quantity of those that ended lately."""
    moves: int = 0
    """How often its orders were moved since that was looked at last."""

    def note_end(self, ended: Ended) -> None:
        """An order that rested was filled or cancelled."""
        known = self.ended
        known.append(ended)
        self.lately += ended[1]
        if len(known) > MOST_ORDERS:
            if not self.recent:
                self._pass(1)
            del known[0]
            self.recent -= 1

    def pull(self, order: Pulled) -> None:
        """It was cancelled, and not filled before."""
        self.pulled.append(order)
        self.taken_off += order.quantity
        if len(self.pulled) > MOST_ORDERS:
            self._forget(1)

    def forget(self, before: int, long_before: int) -> None:
        """What ended before a time did not end lately; what ended long before is forgotten."""
        pulled, ended = self.pulled, self.ended
        stale = 0
        while stale < len(pulled) and pulled[stale].ended.timestamp < before:
            stale += 1
        if stale:
            self._forget(stale)
        place = self.recent
        while place < len(ended) and ended[place][0] < before:
            place += 1
        if place > self.recent:
            self._pass(place)
        gone = 0
        while gone < place and ended[gone][0] < long_before:
            gone += 1
        if gone:
            del ended[:gone]
            self.recent -= gone

    def ended_since(self, time: int) -> float:
        """Quantity of what ended at this time or later."""
        return float_sum([quantity for at, quantity, _ in self.ended if at >= time])

    def _pass(self, place: int) -> None:
        self.lately -= float_sum([one[1] for one in self.ended[self.recent : place]])
        self.recent = place
        if place == len(self.ended):
            self.lately = 0.0  # what subtracting leaves of a sum of floats is no quantity

    def _forget(self, count: int) -> None:
        self.taken_off -= float_sum([one.quantity for one in self.pulled[:count]])
        del self.pulled[:count]
        if not self.pulled:
            self.taken_off = 0.0

    def forget_all(self, gone: Collection[str]) -> None:
        """Let go of these orders: they have been told of."""
        self.pulled = [one for one in self.pulled if one.order_id not in gone]
        self.taken_off = float_sum(one.quantity for one in self.pulled)
        kept = [one[2] not in gone for one in self.ended]
        self.recent = sum(kept[: self.recent])
        self.ended = [one for one, stays in zip(self.ended, kept, strict=True) if stays]
        self.lately = float_sum(one[1] for one in self.ended[self.recent :])


#: Of who took nothing off a side. Nothing is ever noted here.
_NO_SIDE = Side()


class Desk(Struct, gc=False):
    """What the accounts of one party did in a book.

    Many take one order off, and never trade: so they have only what they need.
    """

    bids: Side | None = None
    offers: Side | None = None
    purchases: list[Execution] | None = None
    """The newest, as they came."""
    sales: list[Execution] | None = None
    moves: dict[Name, Moves] | None = None
    """Of its orders that rest and were moved."""
    spent: dict[Name, None] | None = None
    """Those that rest, but with next to nothing: they count as cancelled."""

    @property
    def size(self) -> int:
        """Orders and trades that are known of it."""
        bids, offers = self.sides(True)
        return (
            len(bids.pulled) + len(bids.ended) + len(offers.pulled) + len(offers.ended)
            + len(self.purchases or ()) + len(self.sales or ())
            + len(self.moves or ()) + len(self.spent or ())
        )  # fmt: skip

    @property
    def acted_at(self) -> int:
        """When it did the newest of that; 0 where nothing is known any more."""
        times = [side.ended[-1][0] for side in self.sides(True) if side.ended]
        times += [some[-1].witness.timestamp for some in (self.purchases, self.sales) if some]
        times += [moves.newest.timestamp for moves in (self.moves or {}).values()]
        return max(times, default=0)

    def forget(self, before: int, long_before: int) -> None:
        """What ended before a time did not end lately; what was long before is forgotten."""
        for side in self.sides(True):
            side.forget(before, long_before)
        for trades in (self.purchases, self.sales):
            while trades and trades[0].witness.timestamp < long_before:
                del trades[0]

    def side(self, buy: bool) -> Side:
        """The side of such orders, made if it isn't there."""
        if buy:
            side = self.bids
            if side is None:
                side = self.bids = Side()
        else:
            side = self.offers
            if side is None:
                side = self.offers = Side()
        return side

    def sides(self, buy: bool) -> tuple[Side, Side]:
        """The side of such orders, and the other one."""
        bids, offers = self.bids or _NO_SIDE, self.offers or _NO_SIDE
        return (bids, offers) if buy else (offers, bids)

    def against(self, buy: bool) -> Sequence[Execution]:
        """Trades on the side that such orders are not on."""
        return (self.sales if buy else self.purchases) or ()

    def move(self, name: Name, step: Step) -> None:
        """An order was moved to another price."""
        moves = self.moves
        if moves is None:
            moves = self.moves = dict[Name, Moves]()
        known = moves.get(name)
        if known is not None:
            known.count += 1
            known.newest = step
            return
        moves[name] = Moves(1, step)
        if len(moves) > 2 * MOST_ORDERS:
            del moves[next(iter(moves))]

    def spend(self, name: Name) -> None:
        """Next to nothing is left of an order that rests."""
        spent = self.spent
        if spent is None:
            spent = self.spent = dict[Name, None]()
        spent[name] = None
        if len(spent) > 2 * MOST_ORDERS:
            del spent[next(iter(spent))]

    def close(self, name: Name) -> tuple[bool, Moves | None]:
        """An order doesn't count any more: whether it did so till now, and how it was moved."""
        moves = None if self.moves is None else self.moves.pop(name, None)
        if self.spent is None or name not in self.spent:
            return True, moves
        del self.spent[name]
        return False, moves

    def miss(self) -> None:
        """Something was missed that may have been a fill of what it took off."""
        for side in self.sides(True):
            for one in side.pulled:
                one.unsure = True

    def renew(self, orders: Mapping[str, Resting]) -> None:
        """These orders are on the book: the end of all others was missed."""
        moves, spent = self.moves or {}, self.spent or ()
        self.moves = {one: moved for one, moved in moves.items() if find(orders, one)} or None
        self.spent = {one: None for one in spent if find(orders, one)} or None

    def execute(self, execution: Execution, *, bought: bool) -> None:
        """Note a trade."""
        trades = self.purchases if bought else self.sales
        if trades is None:
            trades = list[Execution]()
            if bought:
                self.purchases = trades
            else:
                self.sales = trades
        trades.append(execution)
        if len(trades) > _MOST_EXECUTIONS:
            del trades[0]

    def revise(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected."""
        self.purchases = _revised(self.purchases, was, now)
        self.sales = _revised(self.sales, was, now)


def _revised(
    trades: list[Execution] | None, was: Trade, now: Trade | None
) -> list[Execution] | None:
    """Trades without one that was taken back, or as corrected."""
    for place, one in enumerate(trades or ()):
        if trades is not None and one.witness.id == was.id:
            trades[place : place + 1] = (
                [] if now is None else [Execution(now.price, now.quantity, one.witness)]
            )
            break
    return trades or None


def name_of(order_id: str, order: Resting) -> Name:
    """What an order is known by, that rests or did so."""
    return order_id, order.placed_at


def find(orders: Mapping[str, Resting], name: Name) -> Resting | None:
    """The order, if it still rests."""
    order = orders.get(name[0])
    return order if order is not None and order.placed_at == name[1] else None

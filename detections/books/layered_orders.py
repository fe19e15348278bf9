"""What each party shows in a book: orders that rest, those it took off lately, and its trades."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from detections.alerting.findings import Step, Witness
from detections.idlest import Room
from detections.parties import Party
from normalizer.events.market import Trade

#: Of a party in a book, the newest on each side.
MOST_ORDERS = 256
_MOST_EXECUTIONS = 64
_MOST_DESKS = 2_000
#: Parties in a book each, of all books; where there are more, the idler half of them goes at once.
MOST_DESKS_IN_ALL = 100_000
#: Orders and trades of all books.
MOST_ORDERS_IN_ALL = 2_000_000


class Layer(Struct, gc=False):
    """An order of a party."""

    order_id: str
    party: Party
    buy: bool
    price: float
    quantity: float
    """The most that it showed."""
    placed: Step
    unsure: bool
    filled: float = 0.0
    ended: Step | None = None
    moves: int = 0
    """How often it was moved to another price."""
    moved: Step | None = None
    """The last time."""
    told: bool = False
    """It was found while it rested."""


class Execution(Struct, frozen=True, gc=False):
    """A trade of a party."""

    price: float
    quantity: float
    witness: Witness


class Ended(Struct, frozen=True, gc=False):
    """An order that does not rest any more."""

    order_id: str
    quantity: float
    timestamp: int


class Side(Struct, gc=False):
    """One side of what a party shows."""

    live: dict[str, Layer] = {}
    """Orders that rest, by id, in the order of their placing."""
    resting: float = 0.0
    """Their quantity."""
    pulled: list[Layer] = []
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

    def end(self, order_id: str) -> Layer | None:
        """The order does not rest any more."""
        layer = self.live.pop(order_id, None)
        if layer is not None:
            self.resting = self.resting - layer.quantity if self.live else 0.0
        return layer

    def note_end(self, layer: Layer, at: int) -> None:
        """An order that rested was filled or cancelled."""
        ended, quantity = self.ended, layer.quantity
        ended.append(Ended(layer.order_id, quantity, at))
        self.lately += quantity
        if len(ended) > MOST_ORDERS:
            if not self.recent:
                self._pass(1)
            del ended[0]
            self.recent -= 1

    def pull(self, layer: Layer) -> None:
        """It was cancelled, and not filled before."""
        if layer.told:
            return
        self.pulled.append(layer)
        self.taken_off += layer.quantity
        if len(self.pulled) > MOST_ORDERS:
            self._forget(1)

    def forget(self, before: int, long_before: int) -> None:
        """What ended before a time did not end lately; what ended long before is forgotten."""
        pulled, ended = self.pulled, self.ended
        if not ended:
            return  # nor was anything cancelled
        if pulled and end_of(pulled[0]) < before:
            stale = 1
            while stale < len(pulled) and end_of(pulled[stale]) < before:
                stale += 1
            self._forget(stale)
        place = self.recent
        if place < len(ended) and ended[place].timestamp < before:
            place += 1
            while place < len(ended) and ended[place].timestamp < before:
                place += 1
            self._pass(place)
        if place and ended[0].timestamp < long_before:
            gone = 1
            while gone < place and ended[gone].timestamp < long_before:
                gone += 1
            del ended[:gone]
            self.recent -= gone

    def shown_since(self, time: int) -> float:
        """Quantity of what rests, or rested at this time or later."""
        shown = [one.quantity for one in self.ended if one.timestamp >= time]
        return self.resting + sum(shown)

    def _pass(self, place: int) -> None:
        self.lately -= sum([one.quantity for one in self.ended[self.recent : place]])
        self.recent = place
        if place == len(self.ended):
            self.lately = 0.0  # what subtracting leaves of a sum of floats is no quantity

    def _forget(self, count: int) -> None:
        self.taken_off -= sum([layer.quantity for layer in self.pulled[:count]])
        del self.pulled[:count]
        if not self.pulled:
            self.taken_off = 0.0

    def forget_all(self, layers: list[Layer]) -> None:
        """Let go of these: they have been told of."""
        gone = {layer.order_id for layer in layers}
        self.pulled = [layer for layer in self.pulled if layer.order_id not in gone]
        self.taken_off = sum((layer.quantity for layer in self.pulled), 0.0)
        kept = [one.order_id not in gone for one in self.ended]
        self.recent = sum(kept[: self.recent])
        self.ended = [one for one, stays in zip(self.ended, kept, strict=True) if stays]
        self.lately = sum((one.quantity for one in self.ended[self.recent :]), 0.0)


#: Of who placed nothing on a side. Nothing is ever noted here.
_NO_SIDE = Side()


class Desk(Struct, gc=False):
    """What the accounts of one party do in a book.

    Many place one order, and never trade: so they have only what they need.
    """

    bids: Side | None = None
    offers: Side | None = None
    purchases: list[Execution] | None = None
    """The newest, as they came."""
    sales: list[Execution] | None = None
    placed_at: int = 0
    """When it placed an order last."""

    @property
    def size(self) -> int:
        """Orders and trades that are known of it."""
        bids, offers = self.sides(True)
        return (
            len(bids.live) + len(bids.pulled) + len(bids.ended)
            + len(offers.live) + len(offers.pulled) + len(offers.ended)
            + len(self.purchases or ()) + len(self.sales or ())
        )  # fmt: skip

    def forget(self, before: int, long_before: int) -> None:
        """What ended before a time did not end lately; what was long before is forgotten."""
        for side in self.sides(True):
            side.forget(before, long_before)
        for trades in (self.purchases, self.sales):
            while trades and trades[0].witness.timestamp < long_before:
                del trades[0]

    def sides(self, buy: bool) -> tuple[Side, Side]:
        """The side of such orders, and the other one."""
        bids, offers = self.bids or _NO_SIDE, self.offers or _NO_SIDE
        return (bids, offers) if buy else (offers, bids)

    def against(self, buy: bool) -> Sequence[Execution]:
        """Trades on the side that such orders are not on."""
        return (self.sales if buy else self.purchases) or ()

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


class Floor(Struct):
    """The parties of one book."""

    desks: dict[str, Desk] = {}
    """By the widest name of the party; who has placed nothing for longest comes first."""
    owners: dict[str, str] = {}
    """Of the orders that rest."""

    def place(self, layer: Layer) -> bool:
        """A party's new order. Returns whether there is one party more than before."""
        more = False
        order_id, owners, desks = layer.order_id, self.owners, self.desks
        if order_id in owners:
            self.end(order_id)  # it is told again, as after a gap
        account, investor, cluster = layer.party
        key = cluster or investor or account or ""  # `Party.key`, for most of all events
        desk = desks.pop(key, None)
        if desk is None:
            desk = desks[key] = Desk()
            more = len(desks) <= _MOST_DESKS
            if not more:
                self.close(next(iter(desks)))
        else:
            desks[key] = desk
        desk.placed_at = layer.placed.timestamp
        if layer.buy:
            side = desk.bids
            if side is None:
                side = desk.bids = Side()
        else:
            side = desk.offers
            if side is None:
                side = desk.offers = Side()
        side.live[order_id] = layer
        side.resting += layer.quantity
        owners[order_id] = key
        if len(side.live) > MOST_ORDERS:
            oldest = next(iter(side.live))
            side.end(oldest)
            owners.pop(oldest, None)
        return more

    def resting(self, order_id: str) -> tuple[Desk, Layer] | None:
        """An order that rests, and whose it is."""
        key = self.owners.get(order_id)
        desk = None if key is None else self.desks.get(key)
        if desk is None:
            return None
        side = desk.bids
        layer = None if side is None else side.live.get(order_id)
        if layer is None:
            side = desk.offers
            layer = None if side is None else side.live.get(order_id)
        return None if layer is None else (desk, layer)

    def end(self, order_id: str) -> tuple[Desk, Layer] | None:
        """An order does not rest any more; whose it was."""
        key = self.owners.pop(order_id, None)
        desk = None if key is None else self.desks.get(key)
        if desk is None:
            return None
        side = desk.bids
        layer = None if side is None else side.end(order_id)
        if layer is None:
            side = desk.offers
            layer = None if side is None else side.end(order_id)
        return None if layer is None else (desk, layer)

    def renew(self, there: Collection[str]) -> None:
        """These orders are on the book: the end of all others was missed."""
        for order_id in [one for one in self.owners if one not in there]:
            self.end(order_id)

    def layers(self) -> Iterator[Layer]:
        """All orders that rest or were cancelled lately."""
        for desk in self.desks.values():
            for side in desk.sides(True):
                yield from side.live.values()
                yield from side.pulled

    @property
    def placed_at(self) -> int:
        """When somebody placed an order last; 0 where nobody is known who did."""
        return next(reversed(self.desks.values())).placed_at if self.desks else 0

    def close(self, key: str) -> None:
        """Let go of a party."""
        desk = self.desks.pop(key)
        for side in desk.sides(True):
            for order_id in side.live:
                self.owners.pop(order_id, None)


#: By source, venue and instrument.
Floors = dict[tuple[str, str, str], Floor]


def forget_idler_half(floors: Floors) -> int:
    """Let go of the half of all parties that placed nothing for longest. Returns what is left."""
    placed = sorted([desk.placed_at for floor in floors.values() for desk in floor.desks.values()])
    since = placed[len(placed) // 2]
    spare = len(placed) // 2 - bisect_left(placed, since)
    left = 0
    for floor in floors.values():
        for key, desk in list(floor.desks.items()):
            if desk.placed_at < since:
                floor.close(key)
            elif desk.placed_at == since and spare:
                spare -= 1
                floor.close(key)
        left += len(floor.desks)
    return left


def make_room(room: Room, most: int, floors: Floors, before: int, long_before: int) -> int:
    """There may be too many orders and trades: let go of what is long ago, and then of the parties
    that placed nothing for longest. Returns how many parties are left."""
    known: list[tuple[int, int, tuple[Floor, str]]] = []
    for floor in floors.values():
        for key, desk in list(floor.desks.items()):
            desk.forget(before, long_before)
            size = desk.size
            if size:
                known.append((desk.placed_at, size, (floor, key)))
            else:
                floor.close(key)
    room.make(most, known, lambda one: one[0].close(one[1]))
    return sum([len(floor.desks) for floor in floors.values()])


def end_of(layer: Layer) -> int:
    """When an order that ended did."""
    assert layer.ended is not None
    return layer.ended.timestamp

"""What all parties did in all books, within bounds: who did nothing for longest goes first."""

from msgspec import Struct, field

from detections.books.desk import Desk
from detections.books.order_book import MOST_BOOKS
from detections.idlest import PARTS, Room
from detections.parties import buyer, seller
from normalizer.events.market import MarketEvent, Trade

#: Parties of a book.
_MOST_DESKS = 2_000
#: Parties in a book each, of all books; where there are more, the idler half of them goes at once.
MOST_DESKS_IN_ALL = 100_000
#: Orders and trades of all books.
MOST_ORDERS_IN_ALL = 2_000_000
#: Where there are too many parties of a book, or books, so large a part of them goes at once.
_AT_ONCE = 16
#: What a party does adds so many orders and trades at most: one that ended, and was cancelled.
_AN_ACT = 2

#: The parties of a book, by their widest name.
Desks = dict[str, Desk]
_NONE: Desks = {}
_NOTHING = Desk()


class AllDesks(Struct):
    """The parties of all books."""

    books: dict[tuple[str, str, str], Desks] = {}
    """By source, venue and instrument."""
    count: int = 0
    """Parties in all books."""
    room: Room = field(default_factory=Room)
    """For orders and trades."""

    def find(self, event: MarketEvent) -> Desks:
        """The parties of the event's book. Not to be added to."""
        return self.books.get((event.provider, event.venue, event.instrument), _NONE)

    def desk(self, event: MarketEvent, owner: str, lately: int, long_ago: int) -> Desk:
        """A party that does something now. What it took off is of use for so long (`lately`), that
        it showed something for longer."""
        room = self.room
        room.added += _AN_ACT
        if room.added >= MOST_ORDERS_IN_ALL // PARTS:  # `Room.take`, without a call for each event
            self._make_room(event.timestamp - lately, event.timestamp - long_ago)
        key = (event.provider, event.venue, event.instrument)
        desks = self.books.get(key)
        if desks is None:
            if len(self.books) >= MOST_BOOKS:
                self._forget_books()
            desks = self.books[key] = {}
        desk = desks.get(owner)
        if desk is None:
            if len(desks) >= _MOST_DESKS:
                self._forget_idlest(desks)
            if self.count >= MOST_DESKS_IN_ALL:
                self._forget_idler_half()
            self.count += 1
            desk = desks[owner] = Desk()
        return desk

    def revise(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: nobody did it, or he did another."""
        desks = self.find(was)
        for party in (buyer(was), seller(was)):
            desk = desks.get(party.key)
            if desk is None:
                continue
            desk.revise(was, now)
            if desk == _NOTHING:
                del desks[party.key]
                self.count -= 1
        if not desks:
            self.books.pop((was.provider, was.venue, was.instrument), None)

    def _forget_books(self) -> None:
        """Let go of those in which nobody did anything for longest, a few at once."""
        books = self.books
        idlest = sorted(books, key=lambda key: (_acted_at(books[key]), key))
        for key in idlest[: max(1, MOST_BOOKS // _AT_ONCE)]:
            self.count -= len(books.pop(key))

    def _forget_idlest(self, desks: Desks) -> None:
        idlest = sorted(desks, key=lambda owner: desks[owner].acted_at)
        for owner in idlest[: _MOST_DESKS // _AT_ONCE]:
            del desks[owner]
            self.count -= 1

    def _forget_idler_half(self) -> None:
        """Of the parties of all books."""
        known = [(desks, owner) for desks in self.books.values() for owner in desks]
        known.sort(key=lambda one: one[0][one[1]].acted_at)
        for desks, owner in known[: len(known) // 2]:
            del desks[owner]
        self._recount()

    def _make_room(self, before: int, long_before: int) -> None:
        """There may be too many orders and trades: let go of what is long ago, and then of the
        parties that did nothing for longest."""
        known: list[tuple[int, int, tuple[Desks, str]]] = []
        for desks in self.books.values():
            for owner, desk in list(desks.items()):
                desk.forget(before, long_before)
                size = desk.size
                if size:
                    known.append((desk.acted_at, size, (desks, owner)))
                else:
                    del desks[owner]
        self.room.make(MOST_ORDERS_IN_ALL, known, lambda one: one[0].pop(one[1]))
        self._recount()

    def _recount(self) -> None:
        self.count = sum([len(desks) for desks in self.books.values()])


def _acted_at(desks: Desks) -> int:
    """When any of these parties did something last."""
    return max([desk.acted_at for desk in desks.values()], default=0)

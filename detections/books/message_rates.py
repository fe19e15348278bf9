"""How many messages about orders each party of a book sends, now and usually."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter

from msgspec import Struct, field

from detections.idlest import Room

#: New order, change, cancellation.
NEW, CHANGE, CANCELLATION = 0, 1, 2
#: Parties of a book; the one that sent nothing for longest goes first.
MOST_PARTIES = 2_000
#: Parties of all books; where there are more, the idler half of them goes at once.
MOST_PARTIES_IN_ALL = 100_000
#: Messages that are kept of a party, for evidence: the newest.
MOST_MESSAGES = 10_000
#: Messages and times of all books.
MOST_MESSAGES_IN_ALL = 1_000_000
#: Blocks of time from which what is usual is learnt.
_MOST_BLOCKS = 60
#: Fewer of them say nothing of what is usual.
_ENOUGH_BLOCKS = 6
#: So many messages that are out of the window are deleted at once, if they are half of all.
_MANY = 256

#: When, `event.id`, `event.original`, the order's id, and what was asked. A tuple, since there is
#: one for each message: it becomes a witness only if it comes to an alert.
Message = tuple[int, str, str, str, int]
_time = itemgetter(0)


class Usual(Struct, gc=False):
    """What came in past blocks of time: the middle of it, which no single burst moves."""

    counts: list[int] = []
    """Of the newest blocks."""
    most: int = 0
    """In a block, ever: the middle is no more."""

    def learn(self, count: int) -> None:
        """A block has ended, with so many."""
        counts = self.counts
        counts.append(count)
        if len(counts) > _MOST_BLOCKS:
            del counts[0]
        if count > self.most:
            self.most = count

    @property
    def middle(self) -> float:
        """Their median; 0 while there are too few to say."""
        if len(self.counts) < _ENOUGH_BLOCKS:
            return 0.0
        ordered = sorted(self.counts)
        half = len(ordered) // 2
        return (ordered[half] + ordered[-half - 1]) / 2


class Rate(Struct, gc=False):
    """One party in one book."""

    block: int
    """Number of the block of time that it last sent something in."""
    threshold: int
    """So many messages within a window are looked at."""
    due: int
    """So many are looked at next: the threshold, or more where it was looked at."""
    messages: list[Message] = []
    """In the order in which they came, all those of the window; those before `front` are out of
    it, and others may be."""
    front: int = 0
    trades: list[int] | None = None
    """Times of its newest trades; most have none."""
    in_block: int = 0
    past: Usual | None = None
    """Of the blocks before, as soon as there are any."""
    alerts: int = 0
    """Of the burst that goes on; 0 while there is none."""
    session: int = 0
    """Number of the session that the next two are of."""
    session_messages: int = 0
    session_trades: int = 0
    session_due: int = 0
    """So many messages of the session are looked at next."""

    @property
    def usual(self) -> float:
        """What it sends in a block of time; 0 while that can't be said."""
        return 0.0 if self.past is None else self.past.middle

    @property
    def most(self) -> int:
        """What it sent in a block of time at most."""
        return 0 if self.past is None else self.past.most

    def learn(self) -> None:
        """A block of time has ended in which it sent something."""
        if self.past is None:
            self.past = Usual()
        self.past.learn(self.in_block)

    def begin_session(self, session: int, due: int) -> None:
        """A new session; so many of its messages are looked at."""
        self.session, self.session_messages, self.session_trades = session, 0, 0
        self.session_due = due

    def forget(self, floor: int) -> None:
        """Leave out what came before `floor`, and the oldest where there is too much."""
        messages, front = self.messages, self.front
        while front < len(messages) and messages[front][0] < floor:
            front += 1
        front = max(front, len(messages) - MOST_MESSAGES)
        if front >= _MANY and 2 * front >= len(messages):
            del messages[:front]
            front = 0
        self.front = front

    def leave(self, floor: int) -> None:
        """A new block of time begins: let go of what came before `floor`, which may be all."""
        messages, trades = self.messages, self.trades
        if messages and messages[0][0] < floor:
            del messages[: max(self.front, bisect_left(messages, floor, key=_time))]
            self.front = 0
        if trades and trades[0] < floor:
            del trades[: bisect_left(trades, floor)]

    def clear(self) -> None:
        """Let go of its messages and trades; what is usual stays known."""
        self.messages.clear()
        self.trades = None
        self.front = 0

    def window(self, floor: int) -> list[Message]:
        """The messages of the window, which are those since `floor`."""
        if self.messages:
            self.forget(floor)
        return self.messages[self.front :]

    def traded(self, floor: int) -> int:
        """How often it traded since `floor`."""
        trades, stale = self.trades or [], 0
        while stale < len(trades) and trades[stale] < floor:
            stale += 1
        del trades[:stale]
        return len(trades)

    def note_trade(self, time: int) -> None:
        """It traded; a late trade counts when it comes."""
        trades = self.trades
        if trades is None:
            trades = self.trades = []
        trades.append(max(time, trades[-1]) if trades else time)
        if len(trades) > MOST_MESSAGES:
            del trades[0]


class BookRates(Struct):
    """All parties of one book."""

    parties: dict[str, Rate] = {}
    """By the widest name of a party, the idlest first, by blocks of time."""
    tells_receipt: bool = False
    """Whether the feed tells of each order when it is received, and not only when it rests."""
    block: int = 0
    session: int = 0
    until: int = 0
    """When that block of time ends, or that session if it does so before."""
    times: list[int] = []
    """Of all messages in the window, and some before."""
    in_block: int = 0
    usual: Usual = field(default_factory=Usual)
    """Of all parties together."""
    of_one: Usual = field(default_factory=Usual)
    """Of a party, whichever it is: for those of which nothing is known yet."""

    def since(self, floor: int) -> int:
        """Messages of all parties since `floor`."""
        return len(self.times) - bisect_left(self.times, floor)

    def next_block(self, block: int, floor: int) -> None:
        """A new block of time begins: learn of the last one, and forget what is out of the
        window."""
        if self.in_block:
            self.usual.learn(self.in_block)
        self.block, self.in_block = block, 0
        del self.times[: bisect_left(self.times, floor)]
        for rate in self._idle(block - 1):
            rate.messages.clear()
            rate.front = 0

    def clear(self) -> None:
        """Let go of the times of messages; what is usual stays known."""
        self.times.clear()

    def _idle(self, since: int) -> Iterator[Rate]:
        for rate in self.parties.values():
            if rate.block >= since:
                return
            if rate.messages:
                yield rate


def forget_messages(room: Room, books: Iterable[BookRates], most: int, floor: int) -> None:
    """There may be too many in all: let go of those before `floor`, then of the idlest's."""
    known: list[tuple[int, int, BookRates | Rate]] = []
    for book in books:
        times = book.times
        if times and times[0] < floor:
            del times[: bisect_left(times, floor)]
        if times:
            known.append((times[-1], len(times), book))
        for rate in book.parties.values():
            rate.leave(floor)
            messages, trades = rate.messages, rate.trades or ()
            if messages or trades:
                newest = max(messages[-1][0] if messages else 0, trades[-1] if trades else 0)
                known.append((newest, len(messages) + len(trades), rate))
    room.make(most, known, lambda one: one.clear())


def forget_idler_half(books: Iterable[BookRates]) -> int:
    """Let go of the half of all parties that sent nothing for longest. Returns what is left."""
    known = list(books)
    blocks = sorted(rate.block for book in known for rate in book.parties.values())
    since = blocks[len(blocks) // 2]
    spare = len(blocks) // 2 - sum(block < since for block in blocks)
    left = 0
    for book in known:
        for name, rate in list(book.parties.items()):
            if rate.block < since:
                del book.parties[name]
            elif rate.block == since and spare:
                spare -= 1
                del book.parties[name]
        left += len(book.parties)
    return left

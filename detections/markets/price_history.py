"""Prices and volumes of one market over time, in slots: bounded however busy the market is."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from detections.alerting.findings import Witness
from detections.baselines.rate import most_that_counts
from detections.float_sum import float_sum
from detections.markets.slips import is_slip
from detections.parties import NOBODY, Party
from pipeline.units import DAY

#: Parts of the window, and so how exactly its beginning is known.
SLOTS = 240
#: Parts of the time that tells what volume is usual.
_BASELINE_SLOTS = 168
_MOST_PARTIES = 8
#: So many days say as much of an hour of the day as all hours together do.
_PRIOR_DAYS = 3.0
#: What is usual at a time of the day is found anew so often in a part of the baseline.
_QUARTERS = 4
#: A venue is open for no smaller part of the time: six hours of each working day.
_LEAST_OPEN = 6 / 24 * 5 / 7
#: So many deals come at most before what was traded is added up, if nobody asks.
_MOST_UNSUMMED = 64


class Deal(Struct, frozen=True, array_like=True):
    """A trade or swap."""

    timestamp: int
    price: float
    quantity: float
    notional: float
    buyer: Party
    seller: Party
    witness: Witness


class Slot(Struct, array_like=True):
    """What happened in a short part of the window."""

    number: int
    first: Deal
    last: Deal
    trades: int = 0
    quantity: float = 0.0
    notional: float = 0.0
    #: Quantity by party, of the first few parties of the slot.
    bought: dict[Party, float] = {}
    sold: dict[Party, float] = {}

    def add(self, deal: Deal) -> None:
        """Count a deal of this part of the window."""
        if deal.timestamp < self.first.timestamp:
            self.first = deal
        if deal.timestamp >= self.last.timestamp:
            self.last = deal
        quantity = deal.quantity
        self.trades += 1
        self.quantity += quantity
        self.notional += deal.notional
        if deal.buyer != NOBODY:
            _credit(self.bought, deal.buyer, quantity)
        if deal.seller != NOBODY:
            _credit(self.sold, deal.seller, quantity)

    def take_back(self, deal: Deal) -> None:
        """A deal of it counts no more; others do, of which the first and the last are known."""
        if self.first.witness.id == deal.witness.id:
            self.first = self.last
        elif self.last.witness.id == deal.witness.id:
            self.last = self.first
        self.trades -= 1
        self.quantity = max(0.0, self.quantity - deal.quantity)
        self.notional = max(0.0, self.notional - deal.notional)
        for party, book in ((deal.buyer, self.bought), (deal.seller, self.sold)):
            if party in book:
                book[party] = max(0.0, book[party] - deal.quantity)


class PriceHistory(Struct):
    """The last window of a market, the price before it, and the volume over a longer time."""

    window: int
    baseline: int
    slots: list[Slot] = []
    """The slots of the window, by time."""
    before: Deal | None = None
    """The last deal before the window, if it was not more than a window before it."""
    volumes: dict[int, float] = {}
    """Quantity by part of the baseline."""
    closed: dict[int, int] = {}
    """By part of the baseline, for how long the venue was closed in it, where it has sessions: from
    the last deal of one to where the next began."""
    first_time: int | None = None
    now: int = 0
    """Time of the newest deal."""
    trades: int = 0
    """Of the window."""
    quantity: float = 0.0
    """Of the window as well, as is the next: see `traded`."""
    notional: float = 0.0
    unsummed: list[tuple[float, float]] = []
    """Where these aren't known, since slots came or went and nobody has asked: quantity and
    notional of the newest slot then, and of each deal since."""
    alike_until: int = 0
    """Until then what comes, from `now` on, is in the newest slot, in the part `place` of the
    baseline, and makes nothing too old."""
    place: int = 0
    usual: tuple[float, bool, int, float | None] = (0.0, False, 0, None)
    """What was usual when it was asked for: how much of the baseline had to be known, whether by
    hour, before which time it is asked for anew, and the answer."""

    @property
    def _width(self) -> int:
        return max(1, self.window // SLOTS)

    @property
    def _baseline_width(self) -> int:
        return max(1, self.baseline // _BASELINE_SLOTS)

    def add(self, deal: Deal, began: int | None = None) -> None:
        """Take a deal; one that is older than the window counts for the usual volume only. `began`
        is when the session did in which it was made, where the venue has such.
        """
        time, slots = deal.timestamp, self.slots
        if self.now <= time < self.alike_until and (began is None or began <= self.now):
            self.now = time
            self.volumes[self.place] += deal.quantity
            slots[-1].add(deal)
            self._count(deal)
            return
        width = self.window // SLOTS or 1
        if began is not None and 0 < self.now < began <= time:
            self._was_closed(self.now, began)
        if time > self.now:
            self.now = time
        if self.first_time is None or time < self.first_time:
            self.first_time = time
        baseline_width = self.baseline // _BASELINE_SLOTS or 1
        place = time // baseline_width
        self.volumes[place] = self.volumes.get(place, 0.0) + deal.quantity
        if time < self.now - self.window:
            self._ask_anew()
        number, oldest = time // width, (self.now - self.window) // width
        anew = False
        if number > oldest:
            at = len(slots) - 1
            if not slots or slots[at].number != number:
                at = bisect_left(slots, number, key=_number)
                if at == len(slots) or slots[at].number != number:
                    slots.insert(at, Slot(number, deal, deal))
                    anew = True
            if at != len(slots) - 1:
                self.traded()  # as long as only the newest slot has changed
            slots[at].add(deal)
            self._count(deal)
        elif self.before is None or time >= self.before.timestamp:
            self.before = deal
        if slots and slots[0].number <= oldest:
            self._forget_slots(oldest)
            anew = True
        if anew:  # so that what rounding leaves never adds up
            self.unsummed = [(slots[-1].quantity, slots[-1].notional)]
        if self.before is not None and self.before.timestamp < self.now - 2 * self.window:
            self.before = None
        start = (self.now - self.window - self.baseline) // baseline_width
        while (earliest := next(iter(self.volumes))) < start:
            del self.volumes[earliest]
        self.place, self.alike_until = place, 0
        if time == self.now:
            self.alike_until = min(
                (number + 1) * width,
                (oldest + 1) * width + self.window,
                (place + 1) * baseline_width,
                (start + 1) * baseline_width + self.window + self.baseline,
            )
            if self.before is not None:
                until = self.before.timestamp + 2 * self.window + 1
                self.alike_until = min(self.alike_until, until)

    def traded(self) -> tuple[float, float]:
        """Quantity and notional of the window: counted on, and added up anew when a slot has come
        or gone, once somebody asks.

        What comes of floats depends on their order: it is the same as if all had been added up at
        once, and counted on from there.
        """
        if self.unsummed:
            (quantity, notional), *since = self.unsummed
            older = self.slots[:-1]
            self.quantity = float_sum([*[slot.quantity for slot in older], quantity])
            self.notional = float_sum([*[slot.notional for slot in older], notional])
            for quantity, notional in since:
                self.quantity += quantity
                self.notional += notional
            self.unsummed = []
        return self.quantity, self.notional

    def _count(self, deal: Deal) -> None:
        self.trades += 1
        if not self.unsummed:
            self.quantity += deal.quantity
            self.notional += deal.notional
            return
        self.unsummed.append((deal.quantity, deal.notional))
        if len(self.unsummed) > _MOST_UNSUMMED:
            self.traded()

    def _was_closed(self, since: int, until: int) -> None:
        width = self._baseline_width
        oldest = (until - self.window - self.baseline) // width
        self.closed = {place: time for place, time in self.closed.items() if place >= oldest}
        for place in range(max(oldest, since // width), until // width + 1):
            shared = min(until, (place + 1) * width) - max(since, place * width)
            self.closed[place] = self.closed.get(place, 0) + shared
        self._ask_anew()

    def _ask_anew(self) -> None:
        """What is usual may be another quantity now."""
        self.usual = (0.0, False, 0, None)

    def renew(
        self,
        revisions: Sequence[tuple[Deal, Deal | None]],
        known: Callable[[int, int], list[Deal]],
        before: Callable[[int], Deal | None],
    ) -> None:
        """Deals count no more, or as others: only the slots that hold them are made anew.

        `known` gives the deals between two times that count, as far as they are known, and `before`
        the newest before a time.
        """
        width, baseline = self._width, self._baseline_width
        self.alike_until = 0
        touched: dict[int, list[tuple[Deal, Deal | None]]] = {}
        for was, now in revisions:
            place = was.timestamp // baseline
            if place in self.volumes:
                more = (0.0 if now is None else now.quantity) - was.quantity
                self.volumes[place] = max(0.0, self.volumes[place] + more)
                self._ask_anew()
            touched.setdefault(was.timestamp // width, []).append((was, now))
        for number, those in touched.items():
            at = bisect_left(self.slots, number, key=_number)
            if at == len(self.slots) or self.slots[at].number != number:
                continue
            slot, left = self.slots[at], known(number * width, (number + 1) * width)
            count = slot.trades - sum(now is None for _, now in those)
            if not count:
                del self.slots[at]
            elif len(left) == count:  # all of it is known
                self.slots[at] = slot = Slot(number, left[0], left[0])
                for one in left:
                    slot.add(one)
            else:
                for was, now in those:
                    slot.take_back(was)
                    if now is not None:
                        slot.add(now)
        gone = {was.witness.id for was, _ in revisions}
        if self.before is not None and self.before.witness.id in gone:
            self.before = before(((self.now - self.window) // width + 1) * width)
            if self.before is not None and self.before.timestamp < self.now - 2 * self.window:
                self.before = None
        self.unsummed = []
        self.trades = sum(slot.trades for slot in self.slots)
        self.quantity = float_sum(slot.quantity for slot in self.slots)
        self.notional = float_sum(slot.notional for slot in self.slots)

    def _forget_slots(self, oldest: int) -> None:
        stale = 0
        while self.slots[stale].number <= oldest:
            self.before = self._held(self.slots[stale], self.slots[stale + 1])
            self.trades -= self.slots[stale].trades
            stale += 1
        del self.slots[:stale]

    def _held(self, slot: Slot, behind: Slot) -> Deal:
        """The deal whose price held at the end of a slot: the last, unless that was a slip."""
        is_only = slot.first.witness.id == slot.last.witness.id
        prior = self.before if is_only else slot.first
        if prior is not None and is_slip(prior.price, slot.last.price, behind.first.price):
            return prior
        return slot.last

    def usual_quantity(self, minimum_history: float, *, by_hour: bool = False) -> float | None:
        """Quantity that is usual in a window, by what came before it; no part of that time counts
        for more than `detections.baselines.rate` lets it. While a venue is closed nothing can be
        traded there, which makes nothing usual; but hours in which it was only quiet look like it.

        `by_hour`: at the window's time of the day (in UTC), as far as several days tell of it.
        None while less than `minimum_history` of the baseline has been seen: nobody knows then.
        """
        least, hourly, until, quantity = self.usual
        if self.now < until and least == minimum_history and hourly is by_hour:
            return quantity
        assert self.first_time is not None
        width = self._baseline_width
        end = (self.now - self.window) // width
        start = end - self.baseline // width
        covered = end - max(start, self.first_time // width)
        until, newest, quantity = (end + 1) * width + self.window, end, None
        if by_hour:
            newest = _QUARTERS * self.now // width
            until = min(until, -(-(newest + 1) * width // _QUARTERS))
        if covered > 0 and covered * width >= minimum_history * self.baseline:
            past = {p: v for p, v in self.volumes.items() if start <= p < end and v > 0}
            most = most_that_counts(list(past.values()))
            total = float_sum(min(one, most) for one in past.values())
            shut = sum(time for place, time in self.closed.items() if end - covered <= place < end)
            total /= max(1 - shut / (covered * width), _LEAST_OPEN)
            if by_hour:
                middle = (2 * newest + 1) * width // (2 * _QUARTERS)
                total = covered * self._of_hour(past, middle, end - covered, end, total / covered)
            quantity = total * self.window / (covered * width)
        self.usual = (minimum_history, by_hour, until, quantity)
        return quantity

    def _of_hour(
        self, past: dict[int, float], until: int, first: int, end: int, mean: float
    ) -> float:
        """What is usual in a part of the baseline at the time of the day of the window that ends
        then.

        Of each day before, the parts at that time say what it is, by how much of them is at it; and
        so does the mean of all parts, which counts as some days more: an hour of which little is
        known is as all hours are.
        """
        width, window = self._baseline_width, self.window
        middle = until - window // 2
        parts: list[tuple[int, float]] = []
        for place in range(first, end):
            away = (middle - place * width - width // 2) % DAY
            shared = min(width, window, (width + window) // 2 - min(away, DAY - away))
            if shared > 0:
                parts.append((shared, past.get(place, 0.0)))
        if not parts:
            return mean
        most = most_that_counts([quantity for _, quantity in parts if quantity])
        own = float_sum(shared * min(quantity, most) for shared, quantity in parts)
        own /= sum(shared for shared, _ in parts)
        days = (end - first) * width / DAY
        return (days * own + _PRIOR_DAYS * mean) / (days + _PRIOR_DAYS)


def leader(books: Iterable[dict[Party, float]]) -> tuple[Party, float] | None:
    """Who has most in several slots' books, and how much."""
    totals: dict[Party, float] = {}
    for book in books:
        for party, quantity in book.items():
            totals[party] = totals.get(party, 0.0) + quantity
    if not totals:
        return None
    return max(totals.items(), key=lambda pair: (pair[1], str(pair[0])))


def _credit(book: dict[Party, float], party: Party, quantity: float) -> None:
    """More of a party's, of the first few of a slot."""
    known = book.get(party)
    if known is not None:
        book[party] = known + quantity
    elif len(book) < _MOST_PARTIES:
        book[party] = quantity


def _number(slot: Slot) -> int:
    return slot.number

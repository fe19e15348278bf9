"""Pinging: small orders that find out what is hidden, and then the large one.

Commission Delegated Regulation (EU) 2016/522, Annex II, section 1: "entering small orders to trade
in order to ascertain the level of hidden orders and particularly to assess what is resting on a
dark platform", known as ping orders; MAR Annex I A. That small orders come and go proves nothing:
what makes them pings is that the same party then trades much more the same way. All of this must
hold of a party, by the widest name known, in one book:

1. Within `window` it sent `minimum_pings` or more on one side: orders of at most
   `maximum_ping_share` of the middle quantity of the book's last trades (of which those of one
   taker in a row count once), that took something as they came in, or were cancelled within
   `maximum_lifetime` of coming. An order that takes from many is as large as all that it takes.
2. On the other side there were at most half as many: who probes both tests his line, or quotes.
3. Within `reaction` after the last of them it takes on the same side, in one second, at least
   `minimum_multiple` times what a ping was of on average, and as much as a usual trade of the book.

The numbers are choices: no regulator gives any. Slices of a large order
that is worked all day are alike, and have no large trade at their end.

What is hidden, a feed doesn't say; nor whether the large trade met it. Needs accounts, and orders:
who is seen to trade only may have rested at every price, and on a tape of trades all small ones
would be pings. Without accounts see `inferred_pinging` for what is left.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from statistics import median
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import ORDERS, TRADES, Correlator, correlator
from detections.float_sum import float_sum
from detections.idlest import latest
from detections.markets.linked_markets import MarketKey
from detections.parties import Party, buyer, is_exempt, seller
from normalizer.events.market import MarketEvent, OrderCancelled, OrderPlaced, Trade
from pipeline.units import HOUR, MINUTE, SECOND, Duration, Ratio

#: Parties of all books; the idlest go first.
MOST_PARTIES = 50_000
#: Of a party, the newest pings on each side.
_MOST_PINGS = 64
#: Trades from which the usual quantity is learnt, and how few say nothing.
_MOST_TRADES, _ENOUGH = 60, 12
#: What a party takes within this time is one trade.
_AT_ONCE = SECOND

# Confidence before it is calibrated on labelled data: a base, and what more pings, size and
# repetition add.
_BASE, _MORE, _SIZE, _REPEATED = 0.45, 0.2, 0.15, 0.2
_FULL = 5.0


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on pinging sets."""

    #: Small orders on one side,
    minimum_pings: Annotated[int, Meta(ge=2, le=64)] = 5
    #: within this time,
    window: Annotated[Duration, Meta(gt=0, le=HOUR)] = MINUTE
    #: each at most such a part of the middle quantity of the book's last trades,
    maximum_ping_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.25
    #: and cancelled so soon after coming, if it took nothing.
    maximum_lifetime: Annotated[Duration, Meta(gt=0, le=MINUTE)] = SECOND // 2
    #: After the last of them, how long the large trade may take to come.
    reaction: Annotated[Duration, Meta(gt=0, le=HOUR)] = 30 * SECOND
    #: The trade, as a multiple of what a ping was of on average.
    minimum_multiple: Annotated[float, Meta(ge=1, le=10_000)] = 10.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class Ping(Struct, frozen=True):
    """A small order that came and went, or took something."""

    order_id: str
    quantity: float
    witness: Witness
    took: bool = False
    """It came in and traded; else it came and went."""

    @property
    def timestamp(self) -> int:
        return self.witness.timestamp


_time = attrgetter("witness.timestamp")


def _taker(trade: Trade) -> str:
    """Who came in; empty where nobody knows."""
    if trade.side is None:
        return ""
    return (buyer(trade) if trade.side == "buy" else seller(trade)).key


def _order(trade: Trade) -> str:
    """The order that came in; where nobody knows, the trade."""
    return trade.taker_order_id or trade.trade_id


def _same(one: Trade, other: Trade) -> bool:
    return one.side == other.side and _order(one) == _order(other)


class Prober(Struct):
    """What one party does on one book."""

    buys: list[Ping] = []
    sells: list[Ping] = []
    taking: list[Witness] = []
    """Trades in which it takes now, the first second of them."""
    taking_buys: bool = False
    taken: float = 0.0

    def pings(self, buy: bool) -> list[Ping]:
        return self.buys if buy else self.sells

    def revise(self, was: Trade, now: Trade | None, others: Iterable[Trade], *, buy: bool) -> None:
        """A trade in which it took was taken back or corrected; `others` are those that count."""
        pings = self.pings(buy)
        place = next(
            (n for n, one in enumerate(pings) if one.took and one.order_id == _order(was)), -1
        )
        if place >= 0:
            ids = {was.id} if now is None else {was.id, now.id}
            left = [other for other in others if other.id not in ids and _same(other, was)]
            if now is not None:
                left.append(now)
            left.sort(key=lambda one: one.timestamp)
            pings[place : place + 1] = [
                Ping(
                    _order(one), float_sum(each.quantity for each in left), witness(one), took=True
                )
                for one in left[:1]
            ]
        if any(one.id == was.id for one in self.taking):
            if now is None:
                self.taking = [one for one in self.taking if one.id != was.id]
            self.taken += (0.0 if now is None else now.quantity) - was.quantity

    def ping(self, ping: Ping, buy: bool) -> None:
        pings = self.pings(buy)
        if pings and pings[-1].order_id == ping.order_id:
            # It takes more, or what was left of it was cancelled.
            first = pings.pop()
            ping = Ping(
                ping.order_id, max(first.quantity, ping.quantity), first.witness, first.took
            )
        pings.append(ping)
        del pings[:-_MOST_PINGS]

    def unping(self, order_id: str, buy: bool) -> float:
        """An order that took little so far takes more. Returns what it took when it was small."""
        pings = self.pings(buy)
        if not pings or pings[-1].order_id != order_id:
            return 0.0
        return pings.pop().quantity


class Usual(Struct):
    """What trades of one book are usually of."""

    quantities: list[float] = []
    ordered: list[float] = []
    """The same by size, so that their middle is at hand."""
    middle: float = 0.0
    """0 while there are too few to say."""
    taker: str = ""
    """Of the newest: what one takes in a row counts once, or small orders would become usual."""
    order: str = ""
    """The order that came in last, and how much it took so far: the fills of one come in a row."""
    taken: float = 0.0

    def take(self, order: str, quantity: float) -> float:
        """An order takes something. Returns all that it took so far."""
        self.taken = self.taken + quantity if order == self.order else quantity
        self.order = order
        return self.taken

    def learn(self, quantity: float, taker: str) -> None:
        if taker and taker == self.taker:
            return
        self.taker = taker
        ordered = self.ordered
        self.quantities.append(quantity)
        insort(ordered, quantity)
        if len(self.quantities) > _MOST_TRADES:
            del ordered[bisect_left(ordered, self.quantities.pop(0))]
        if len(ordered) >= _ENOUGH:
            half = len(ordered) // 2
            even = not len(ordered) % 2
            self.middle = (ordered[half - 1] + ordered[half]) / 2 if even else ordered[half]

    def renew(self, newest: Iterable[Trade], *, whole: bool) -> None:
        """Anew, of the trades that count, the newest first; `whole`: none of them is forgotten."""
        found: list[float] = []
        behind, taker = None, None
        order, taken, still = "", 0.0, True
        for one in newest:
            if taker is None:
                taker, order = _taker(one), _order(one)
            still = still and _order(one) == order
            taken += one.quantity if still else 0.0
            if behind is not None and not (_taker(behind) and _taker(behind) == _taker(one)):
                found.append(behind.quantity)
                if len(found) == _MOST_TRADES:
                    break
            behind = one
        else:
            if not whole:
                return  # of too few it is known
            if behind is not None:
                found.append(behind.quantity)
        self.quantities, self.ordered, self.taker = found[::-1], sorted(found), taker or ""
        self.order, self.taken = order, taken
        self.middle = median(found) if len(found) >= _ENOUGH else 0.0


class State(Struct):
    """Books, parties in them (the idlest first of both), and who was found before."""

    books: dict[tuple[str, str, str], Usual] = {}
    probers: dict[tuple[str, str, str, str], Prober] = {}
    found: Occurrences = field(default_factory=Occurrences)


@correlator("pinging")
class Pinging(Correlator[State]):
    """See the module. Memory: 50,000 parties with 64 small orders on each side."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 2
    uses_books = True
    typology = "front_running"
    needs = (ORDERS, TRADES)
    needs_named = ORDERS
    # Placed orders are for the books, which know when it was.
    actions = frozenset({"order-placed", "order-cancelled", "trade"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """Of the small orders, and of who was found before."""
        return max(self._p.window + self._p.reaction, REPETITION_WINDOW)

    def observer(
        self, record: type[MarketEvent]
    ) -> Callable[[MarketEvent], Iterable[Finding]] | None:
        """Nothing is done with placed orders here, and most others are cancelled."""
        if record is OrderPlaced:
            return None
        return self._cancelled if record is OrderCancelled else self.observe  # pyright: ignore

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        if kind is Trade:
            return self._traded(event)  # pyright: ignore[reportArgumentType]
        if kind is OrderCancelled:
            self._cancelled(event)  # pyright: ignore[reportArgumentType]
        return ()

    def _cancelled(self, event: OrderCancelled) -> None:
        order = self.books.change.order
        if order is not None:
            if event.timestamp - order.placed_at > self._p.maximum_lifetime:
                return
            quantity, buy = order.most, order.buy
        else:  # it never rested: immediate or cancel
            left = event.quantity if event.quantity is not None else event.remaining
            if event.side is None or left is None:
                return
            quantity, buy = left, event.side == "buy"
        usual = self.state.books.get((event.provider, event.venue, event.instrument))
        if usual is None:
            return
        if usual.order == event.order_id:
            quantity += usual.taken  # what is left of it says nothing of how large it was
        if not 0 < quantity <= self._p.maximum_ping_share * usual.middle:
            return
        if order is not None:
            party = Party(order.account, order.investor, order.cluster)
        else:
            party = Party(event.investor_account, event.investor_id, event.investor_cluster)
        if party.known and not is_exempt(event.investor_labels, self._exempt):
            self._prober(event, party).ping(Ping(event.order_id, quantity, witness(event)), buy)

    def _traded(self, trade: Trade) -> Iterable[Finding]:
        key = (trade.provider, trade.venue, trade.instrument)
        usual = latest(self.state.books, key, MOST_BOOKS, Usual)
        middle = usual.middle
        buy = trade.side == "buy"
        party, labels = (
            (buyer(trade), trade.buyer_labels) if buy else (seller(trade), trade.seller_labels)
        )
        usual.learn(trade.quantity, _taker(trade))
        order = _order(trade)
        taken = usual.take(order, trade.quantity)
        if trade.side is None or not middle:
            return ()
        if not party.known or is_exempt(labels, self._exempt):
            return ()
        if taken <= self._p.maximum_ping_share * middle:
            ping = Ping(order, taken, witness(trade), took=True)
            self._prober(trade, party).ping(ping, buy)
            return ()
        prober = self.state.probers.get((*key, party.key))
        if prober is None:
            return ()
        before = prober.unping(order, buy)
        return self._took(trade, party, prober, buy, middle, before)

    def renewed(self, market: MarketKey, revisions: Sequence[tuple[Trade, Trade | None]]) -> None:
        """Trades were taken back or corrected: what is usual, and small orders, without them."""
        usual = self.state.books.get(market)
        if usual is None:
            return
        usual.renew(self.trades.newest(market), whole=self.trades.reach(1))
        if not usual.quantities:
            del self.state.books[market]  # there was none
        for was, now in revisions:
            buy = was.side == "buy"
            party = buyer(was) if buy else seller(was)
            key = (*market, party.key)
            prober = None if was.side is None else self.state.probers.get(key)
            if prober is None:
                continue
            others = self.trades.between(market, was.timestamp - self._p.window)
            prober.revise(was, now, others, buy=buy)
            if not (prober.buys or prober.sells or prober.taking):
                del self.state.probers[key]

    def _prober(self, event: MarketEvent, party: Party) -> Prober:
        key = (event.provider, event.venue, event.instrument, party.key)
        return latest(self.state.probers, key, MOST_PARTIES, Prober)

    def _took(
        self, trade: Trade, party: Party, prober: Prober, buy: bool, middle: float, before: float
    ) -> Iterable[Finding]:
        """A trade of an order that is no ping, and what it took before: whether it is what the
        pings were for."""
        p, now = self._p, trade.timestamp
        taking, pings = prober.taking, prober.pings(buy)
        if (
            taking
            and prober.taking_buys is buy
            and now - taking[0].timestamp <= _AT_ONCE
            and len(taking) < _MOST_PINGS
            # What it took before the last of them came is no answer to it.
            and not (pings and taking[0].timestamp < pings[-1].timestamp)
        ):
            prober.taken += before + trade.quantity
        else:
            taking.clear()
            prober.taking_buys, prober.taken = buy, before + trade.quantity
        taking.append(witness(trade))
        if len(pings) < p.minimum_pings or now - pings[-1].timestamp > p.reaction:
            return ()
        if not self.books.change.book.arrivals and all(one.took for one in pings):
            return ()  # a tape of trades
        if prober.taken < middle:
            return ()  # as below, before all pings are looked at
        since = pings[-1].timestamp - p.window
        if pings[-p.minimum_pings].timestamp < since:
            return ()  # fewer within the window
        first = bisect_left(pings, since, key=_time)
        many, others = (len(pings) - first) // 2 + 1, prober.pings(not buy)
        if len(others) >= many and others[-many].timestamp >= since:
            return ()  # more than half as many on the other side
        mine = pings[first:]
        average = float_sum(one.quantity for one in mine) / len(mine)
        if prober.taken < max(middle, p.minimum_multiple * average):
            return ()
        pings.clear()
        again = times(self.state.found, party, trade)
        return [self._finding(trade, party, mine, prober, middle, again)]

    def _finding(
        self,
        trade: Trade,
        party: Party,
        pings: list[Ping],
        prober: Prober,
        middle: float,
        again: int,
    ) -> Finding:
        p = self._p
        average = float_sum(one.quantity for one in pings) / len(pings)
        seen = {one.id: one for one in (*(ping.witness for ping in pings), *prober.taking)}
        span = pings[-1].timestamp - pings[0].timestamp
        after = prober.taking[0].timestamp - pings[-1].timestamp
        to, did = ("buy", "bought") if prober.taking_buys else ("sell", "sold")
        more = min(1.0, (len(pings) / p.minimum_pings - 1) / (_FULL - 1))
        size = min(1.0, (prober.taken / (p.minimum_multiple * average) - 1) / (_FULL - 1))
        return Finding(
            entities=party.names,
            reason=(
                f"{party} sent {len(pings)} orders of {amount(round(average, 8))} on average to "
                f"{to} {trade.instrument} on {trade.venue} within {lapse(span)}, where trades are "
                f"usually of {amount(round(middle, 8))}, and {lapse(after)} later {did} "
                f"{amount(prober.taken)}"
            ),
            witnesses=tuple(sorted(seen.values(), key=lambda one: one.timestamp)),
            confidence=_BASE + _MORE * more + _SIZE * size + _REPEATED * repeated(again),
            metrics={
                "pings": float(len(pings)),
                "ping_quantity": average,
                "usual_quantity": middle,
                "traded_quantity": prober.taken,
                "span_seconds": span / SECOND,
                "traded_after_seconds": after / SECOND,
                "times_in_an_hour": float(again),
            },
        )

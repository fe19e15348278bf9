"""Quote stuffing: so many messages about orders that others can't follow, and next to no trade.

MAR 12(2)(c)(i); Commission Delegated Regulation (EU) 2016/522, Annex II. No regulator gives a
number, so a burst is held against what the party and its market usually do. All of this must hold
of a party, which is a cluster, an investor or an account, by the widest name known:

1. Within `window` it sends `minimum_messages` or more: new orders, changes and cancellations.
2. These are `multiple_of_usual` times what it usually sends in as long a time, or more: the median
   of its last 60 such times in which it sent anything, without those of bursts. Of a party that is
   new it is the median of all parties. Where others send more than usual as well, so much more is
   asked of it.
3. They are `minimum_share` or more of all messages of the book, whoever's they are.
4. There are `minimum_ratio` or more of them for each of its trades in that time.

It alerts again each time that the burst has doubled.

Apart from bursts: in a session of `session` (by the clock, UTC) a party's ratio of messages to
trades is above `maximum_session_ratio`, with `minimum_session_messages` or more. Venues under MiFID
II must set such a limit (Commission Delegated Regulation (EU) 2017/566): set theirs.

Needs a feed that names accounts.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.repetition import REPETITION_WINDOW, Occurrences, repeated, times
from detections.alerting.wording import amount, lapse, percent
from detections.books.message_rates import (
    CANCELLATION,
    CHANGE,
    MOST_MESSAGES,
    MOST_MESSAGES_IN_ALL,
    MOST_PARTIES,
    MOST_PARTIES_IN_ALL,
    NEW,
    BookRates,
    Message,
    Rate,
    forget_idler_half,
    forget_messages,
)
from detections.books.order_book import MOST_BOOKS
from detections.correlators.base import ORDERS, Correlator, correlator
from detections.idlest import PARTS, Room, drop_idlest
from detections.parties import acting, is_exempt
from detections.rounding import reaches
from normalizer.events.market import (
    MarketEvent,
    OrderCancelled,
    OrderChanged,
    OrderEvent,
    OrderPlaced,
    OrderReceived,
    Trade,
)
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Ratio

# Confidence before it is calibrated on labelled data: a base, and what a larger burst, a larger
# share of the market and repetition add to it.
_BASE, _SIZE, _SHARE, _REPEATED = 0.5, 0.25, 0.15, 0.1
#: So many times what is asked for is as sure as it gets.
_FULL_SIZE = 5.0
#: Of a ratio of a whole session.
_SESSION_CONFIDENCE = 0.4
#: Of one message that is in an alert there may be so many.
_MOST_WITNESSES = 2_000
#: What is not enough yet is looked at again when so much more has come.
_STEPS = 20
_KINDS: dict[type[MarketEvent], int] = {
    OrderReceived: NEW,
    OrderPlaced: NEW,
    OrderChanged: CHANGE,
    OrderCancelled: CANCELLATION,
}


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on quote stuffing sets."""

    #: The time within which a burst is counted.
    window: Annotated[Duration, Meta(ge=SECOND, le=2 * MINUTE)] = 10 * SECOND
    #: Messages of one party within the window, below which nothing is a burst.
    minimum_messages: Annotated[int, Meta(ge=10, le=5_000)] = 500
    #: How many times what is usual a burst must be.
    multiple_of_usual: Annotated[float, Meta(ge=1, le=1_000)] = 5.0
    #: Part of all messages of the book that must be the party's.
    minimum_share: Annotated[Ratio, Meta(ge=0, le=1)] = 0.25
    #: Messages for each trade of the party.
    minimum_ratio: Annotated[float, Meta(ge=1)] = 20.0
    #: The time over which a session's ratio of messages to trades is counted.
    session: Annotated[Duration, Meta(ge=MINUTE, le=DAY)] = HOUR
    #: Messages of one party in a session, below which nothing is said of its ratio.
    minimum_session_messages: Annotated[int, Meta(ge=10)] = 5_000
    #: Messages for each trade (less one) that a party may send in a session.
    maximum_session_ratio: Annotated[float, Meta(ge=1)] = 1_000.0
    #: Who has one of these labels is left out.
    exempt_labels: tuple[str, ...] = ()


class State(Struct):
    """What parties send, by book, and who was found before."""

    books: dict[tuple[str, str, str], BookRates] = {}
    """The idlest first."""
    found: Occurrences = field(default_factory=Occurrences)
    parties: int = 0
    """In all books."""
    room: Room = field(default_factory=Room)
    """For messages, their times, and trades."""


@correlator("quote_stuffing")
class QuoteStuffing(Correlator[State]):
    """See the module. Memory: per book 2,000 parties, and 100,000 in all, with their messages of
    the window, at most 10,000 each, and 1,000,000 with their times in all."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    state_version = 4
    typology = "quote_stuffing"
    needs = (ORDERS | {"order-received"},)
    needs_named = ORDERS | {"order-received"}
    actions = frozenset(
        {"order-received", "order-placed", "order-changed", "order-cancelled", "trade"}
    )

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._window = parameters.window
        self._session = parameters.session
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """What is usual is learnt again from so far back; a session is counted whole."""
        return max(10 * self._window, self._session, REPETITION_WINDOW)

    def observe(self, event: MarketEvent) -> Iterable[Finding]:
        """Take one event of a venue's feed."""
        kind = event.__class__
        book = self.state.books.get((event.provider, event.venue, event.instrument))
        if kind is Trade:
            if book is not None:
                self._traded(event, book)  # pyright: ignore[reportArgumentType]
            return ()
        name = event.investor_cluster or event.investor_id or event.investor_account
        if event.investor_labels and is_exempt(event.investor_labels, self._exempt):
            name = None
        if book is None:
            if name is None:
                return ()
            book = self._new_book(event)
        if kind is OrderReceived:
            book.tells_receipt = True
        elif kind is OrderPlaced and book.tells_receipt:
            return ()
        # What follows is done for each message, and so without a call where it can be.
        time, times = event.timestamp, book.times
        if times and time < times[-1]:
            time = times[-1]  # a late one counts when it comes
        floor = time - self._window
        if time >= book.until or not times:
            self._look_at_clock(book, event, time, floor)
        block = book.block
        book.in_block += 1
        times.append(time)
        room = self.state.room
        room.added += 2  # its time, and the message
        if room.added >= MOST_MESSAGES_IN_ALL // PARTS:  # `Room.take`
            forget_messages(room, self.state.books.values(), MOST_MESSAGES_IN_ALL, floor)
        if name is None:
            return ()  # it is one of all that the book has
        rate = book.parties.get(name)
        if rate is None or rate.block != block:
            rate = self._next_block(book, name, rate, block, floor)
        rate.in_block += 1
        messages = rate.messages
        messages.append((time, event.id, event.original, event.order_id, _KINDS[kind]))  # pyright: ignore
        if rate.session != book.session:
            rate.begin_session(book.session, self._p.minimum_session_messages)
        rate.session_messages += 1
        # It has those of the window, and most often others: they are told apart where it matters.
        most = len(messages) - rate.front
        if (
            most < rate.threshold
            and most < rate.due
            and most <= MOST_MESSAGES
            and rate.session_messages < rate.session_due
        ):
            if rate.threshold < rate.due:
                rate.due, rate.alerts = rate.threshold, 0  # the burst is over
            return ()
        return self._looked_at(event, book, rate, floor)  # pyright: ignore[reportArgumentType]

    def _looked_at(
        self, event: OrderEvent, book: BookRates, rate: Rate, floor: int
    ) -> Iterable[Finding]:
        rate.forget(floor)
        count = len(rate.messages) - rate.front
        findings: list[Finding] = []
        if count >= rate.due:
            findings += self._burst(event, book, rate, count, floor)
        elif count < rate.threshold < rate.due:
            rate.due, rate.alerts = rate.threshold, 0  # the burst is over
        if rate.session_messages >= rate.session_due:
            findings += self._ratio(event, rate)
        return findings

    def _traded(self, trade: Trade, book: BookRates) -> None:
        buyer = trade.buyer_cluster or trade.buyer_id or trade.buyer_account
        seller = trade.seller_cluster or trade.seller_id or trade.seller_account
        for name in (buyer,) if buyer == seller else (buyer, seller):
            rate = None if name is None else book.parties.get(name)
            if rate is not None:
                rate.note_trade(trade.timestamp)
                self.state.room.added += 1
                session = trade.timestamp // self._session
                if session > rate.session:
                    rate.begin_session(session, self._p.minimum_session_messages)
                rate.session_trades += session == rate.session

    # -- what is usual -----------------------------------------------------------------------------

    def _new_book(self, event: MarketEvent) -> BookRates:
        drop_idlest(self.state.books, MOST_BOOKS - 1, self._forget)
        book = BookRates()
        self.state.books[event.provider, event.venue, event.instrument] = book
        return book

    def _look_at_clock(self, book: BookRates, event: MarketEvent, time: int, floor: int) -> None:
        """A block of time may begin, or a session. Only then its book is noted as the last to go:
        not for each message."""
        block, session = time // self._window, time // self._session
        if block != book.block:
            book.next_block(block, floor)
            books, key = self.state.books, (event.provider, event.venue, event.instrument)
            books[key] = books.pop(key)
        book.session = session
        book.until = min((block + 1) * self._window, (session + 1) * self._session)

    def _forget(self, key: tuple[str, str, str]) -> None:
        self.state.parties -= len(self.state.books.pop(key).parties)

    def _next_block(
        self, book: BookRates, name: str, rate: Rate | None, block: int, floor: int
    ) -> Rate:
        """The party's rate in a new block of time; what it sent in the last one is learnt."""
        if rate is None:
            rate = Rate(block, 0, 0)
            if len(book.parties) >= MOST_PARTIES:
                del book.parties[next(iter(book.parties))]
            elif self.state.parties >= MOST_PARTIES_IN_ALL:
                self.state.parties = forget_idler_half(self.state.books.values()) + 1
            else:
                self.state.parties += 1
        else:
            del book.parties[name]  # to be put back at the end: the first is the idlest
            rate.leave(floor)
            if not rate.alerts and rate.in_block:
                rate.learn()
                book.of_one.learn(rate.in_block)
        book.parties[name] = rate
        rate.block, rate.in_block = block, 0
        multiple, least = self._p.multiple_of_usual, self._p.minimum_messages
        rate.threshold = least
        if multiple * max(rate.most, book.of_one.most) > least:  # else what is usual can't matter
            wanted = multiple * (rate.usual or book.of_one.middle)
            rate.threshold = least if wanted <= least else ceil(wanted)
        if not rate.alerts:
            rate.due = rate.threshold
        return rate

    # -- judging -----------------------------------------------------------------------------------

    def _burst(
        self, event: OrderEvent, book: BookRates, rate: Rate, count: int, floor: int
    ) -> Iterable[Finding]:
        p, total = self._p, book.since(floor)
        usual = book.usual.middle
        faster = max(1.0, (total - count) / usual) if usual else 1.0
        wanted, trades = rate.threshold * faster, rate.traded(floor)
        if (
            not reaches(count, wanted)
            or not reaches(count / total, p.minimum_share)
            or count < p.minimum_ratio * trades
        ):
            rate.due = count + max(1, rate.threshold // _STEPS)
            return ()
        rate.alerts += 1
        rate.due = 2 * count
        return [self._finding(event, book, rate, count / wanted, count / total, trades)]

    def _finding(
        self,
        event: OrderEvent,
        book: BookRates,
        rate: Rate,
        size: float,
        share: float,
        trades: int,
    ) -> Finding:
        party, messages = acting(event), rate.window(event.timestamp - self._window)
        again = times(self.state.found, party, event) if rate.alerts == 1 else 1
        usual = rate.usual or book.of_one.middle
        kinds = Counter(message[4] for message in messages)
        span = messages[-1][0] - messages[0][0]
        metrics = {
            "messages": float(len(messages)),
            "orders": float(kinds[NEW]),
            "changes": float(kinds[CHANGE]),
            "cancellations": float(kinds[CANCELLATION]),
            "trades": float(trades),
            "share": share,
            "usual_messages": usual,
            "alert_of_series": float(rate.alerts),
            "times_in_an_hour": float(again),
        }
        more = min(1.0, (size - 1) / (_FULL_SIZE - 1))
        return Finding(
            entities=party.names,
            reason=(
                f"{party} sent {len(messages):,} messages about orders of {event.instrument} on "
                f"{event.venue} within {lapse(span)} ({_listed(kinds)}), "
                + (f"{amount(len(messages) / usual)} times what is usual, " if usual else "")
                + f"{percent(share)} of all that the book had, and {_traded(trades)}"
            ),
            witnesses=_witnesses(event, messages),
            confidence=_BASE + _SIZE * more + _SHARE * share + _REPEATED * repeated(again),
            metrics=metrics,
        )

    def _ratio(self, event: OrderEvent, rate: Rate) -> Iterable[Finding]:
        """Whether a party sends too much for what it trades, in all of the session so far."""
        sent, traded = rate.session_messages, rate.session_trades
        ratio = sent / max(1, traded) - 1
        if ratio <= self._p.maximum_session_ratio:
            rate.session_due = sent + max(1, self._p.minimum_session_messages // _STEPS)
            return ()
        rate.session_due = 2 * sent
        party = acting(event)
        return [
            Finding(
                entities=party.names,
                reason=(
                    f"{party} sent {sent:,} messages about orders of {event.instrument} on "
                    f"{event.venue} in the session of {lapse(self._session)} and "
                    f"{_traded(traded)}: {amount(round(ratio, 1))} messages for each trade, where "
                    f"{amount(self._p.maximum_session_ratio)} are allowed"
                ),
                witnesses=_witnesses(event, rate.window(event.timestamp - self._window)),
                confidence=_SESSION_CONFIDENCE,
                metrics={
                    "session_messages": float(sent),
                    "session_trades": float(traded),
                    "session_ratio": ratio,
                },
            )
        ]


def _witnesses(event: OrderEvent, messages: Sequence[Message]) -> tuple[Witness, ...]:
    """Of the newest messages. All are the party's, in one feed."""
    return tuple(
        Witness(
            id=identity,
            timestamp=time,
            original=original,
            orders=(order,),
            related_user=event.related_user,
            source=event.provider,
        )
        for time, identity, original, order, _ in messages[-_MOST_WITNESSES:]
    )


def _listed(kinds: Counter[int]) -> str:
    words = {NEW: "new orders", CHANGE: "changes", CANCELLATION: "cancellations"}
    return ", ".join(f"{kinds[kind]:,} {word}" for kind, word in words.items() if kinds[kind])


def _traded(trades: int) -> str:
    if not trades:
        return "traded nothing"
    return "traded once" if trades == 1 else f"traded {trades:,} times"

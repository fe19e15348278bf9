"""Steps of orders and trades, as order logs and FIX drop copies tell them, to events.

What each ``exec_type`` means is defined in ``docs/order-log.md``; the names are those of FIX 4.4
(https://www.onixs.biz/fix-dictionary/4.4/tagnum_150.html).
"""

from collections.abc import Callable

from normalizer.decoders.collected import Normalized
from normalizer.decoders.instrument import (
    InstrumentBlanks,
    Instruments,
    set_party,
    set_traders,
)
from normalizer.decoders.order_log_line import Level, Line, wrong_value
from normalizer.decoders.order_trade import account_of, id_text, meeting_of, side_of
from normalizer.decoders.unreadable import Unreadable
from normalizer.enrichment import Enrichment
from normalizer.events.market import (
    BookSnapshot,
    BookUpdate,
    CancelRejected,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderReceived,
    OrderRejected,
    Trade,
    TradeBusted,
    TradeCorrected,
)
from pipeline.frames import Frame

_Order = (
    OrderReceived
    | OrderPlaced
    | OrderChanged
    | OrderCancelled
    | OrderFilled
    | OrderRejected
    | CancelRejected
)
_Told = _Order | Trade | TradeBusted | TradeCorrected | BookSnapshot | BookUpdate

#: They are matched as they come, or not at all.
_NEVER_RESTS = frozenset(("ioc", "fok"))
_MOST_VENUES = 64
#: What changes nothing on the book.
_PASSED = (
    "pending_new",
    "pending_replace",
    "pending_cancel",
    "suspended",
    "triggered",
    "stopped",
    "calculated",
    "order_status",
)


class OrderSteps:
    """Makes events of one source's lines. It keeps nothing but blank events by instrument."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._venue = venue
        self._enrichment = enrichment
        self._venues: dict[str, Instruments] = {}
        self._steps: dict[str, Callable[[Step], None]] = {
            "received": Step.received,
            "new": Step.new,
            "replaced": Step.replaced,
            "restated": Step.replaced,
            "canceled": Step.cancelled,
            "expired": Step.cancelled,
            "done_for_day": Step.cancelled,
            "filled": Step.filled,
            "rejected": Step.rejected,
            "cancel_rejected": Step.cancel_rejected,
            "trade": Step.trade,
            "trade_bust": Step.bust,
            "trade_correct": Step.correct,
            "book_snapshot": Step.snapshot,
            "book_update": Step.update,
        }

    def instruments(self, venue: str | None = None) -> Instruments:
        """Blank events of a venue's instruments; of the configured one's without a name."""
        name = venue or self._venue
        found = self._venues.get(name)
        if found is None:
            if len(self._venues) >= _MOST_VENUES:
                raise Unreadable(f"more than {_MOST_VENUES} venues in one source", "venue")
            found = self._venues[name] = Instruments(self._source, name, self._enrichment)
        return found

    def take(
        self,
        line: Line,
        time: int,
        frame: Frame,
        original: str,
        out: Normalized,
        other: Line | None = None,
    ) -> None:
        """Add the events of a line to ``out``; ``other`` is the trade's other side.

        Raises :class:`Unreadable`.
        """
        step = self._steps.get(line.exec_type)
        if step is None:
            if line.exec_type in _PASSED:
                out.ignore(line.exec_type)
                return
            raise wrong_value("exec_type", line.exec_type, [*self._steps, *_PASSED])
        # What holds of the instrument is a question of when it happened, not of when it was read.
        self._enrichment.go_to(time)
        instruments = self.instruments(line.venue)
        blanks = instruments[line.symbol]
        step(Step(line, other, time, frame, original, out, blanks, instruments, self._enrichment))


class Step:
    """One line on its way to events."""

    __slots__ = (
        "_blanks",
        "_enrichment",
        "_frame",
        "_line",
        "_original",
        "_other",
        "_out",
        "_time",
        "_venue",
    )

    def __init__(
        self,
        line: Line,
        other: Line | None,
        time: int,
        frame: Frame,
        original: str,
        out: Normalized,
        blanks: InstrumentBlanks,
        instruments: Instruments,
        enrichment: Enrichment,
    ) -> None:
        self._line = line
        self._other = other
        self._time = time
        self._frame = frame
        self._original = original
        self._out = out
        self._blanks = blanks
        self._venue = instruments.venue
        self._enrichment = enrichment

    def received(self) -> None:
        """Accepted, and not on the book."""
        line = self._line
        event = self._blanks.received()
        event.order_type = line.ord_type
        event.client_order_id = id_text(line.cl_ord_id)
        self._order(event)

    def new(self) -> None:
        """It rests on the book, unless it is of a kind that never does."""
        line = self._line
        if side_of(line) is None:
            raise Unreadable("is missing", "side")
        if line.order_qty is None and line.leaves_qty is None:
            raise Unreadable("is missing", "order_qty")
        if line.ord_type == "market" or line.time_in_force in _NEVER_RESTS:
            self.received()
            return
        if line.price is None:
            raise Unreadable('is missing; only an order of ord_type "market" has none', "price")
        self._order(self._blanks.placed())

    def replaced(self) -> None:
        """Price or quantity are others; under another id it is another order."""
        line = self._line
        if line.orig_order_id is None or line.orig_order_id == line.order_id:
            if line.order_qty is None and line.leaves_qty is None:
                raise Unreadable("is missing", "order_qty")
            event = self._blanks.changed()
            event.reason = line.text
            self._order(event)
            return
        gone = self._blanks.cancelled()
        gone.reason = line.text or "replaced"
        self._order(gone, order_id=id_text(line.orig_order_id), suffix=":replaced")
        gone.price = gone.quantity = gone.remaining = None
        self.new()

    def cancelled(self) -> None:
        """Off the book, not filled whole."""
        line = self._line
        event = self._blanks.cancelled()
        event.reason = line.text or (None if line.exec_type == "canceled" else line.exec_type)
        self._order(event)

    def filled(self) -> None:
        """Off the book, filled whole."""
        event = self._blanks.filled()
        self._order(event)
        event.remaining = 0.0

    def rejected(self) -> None:
        """Never on the book."""
        line = self._line
        event = self._blanks.rejected()
        event.reason = line.text
        event.client_order_id = id_text(line.cl_ord_id)
        self._order(event, order_id=id_text(line.order_id) or id_text(line.cl_ord_id))
        event.remaining = None

    def cancel_rejected(self) -> None:
        """It stays as it is."""
        event = self._blanks.cancel_rejected()
        event.reason = self._line.text
        self._order(event)
        event.remaining = self._line.leaves_qty

    def trade(self) -> None:
        """Two orders met; then what is filled whole is off the book."""
        line = self._line
        if line.last_px is None:
            raise Unreadable("is missing", "last_px")
        if not line.last_qty:
            raise Unreadable("is 0" if line.last_qty == 0 else "is missing", "last_qty")
        met = meeting_of(line, self._other)
        event = self._blanks.trade()
        self._head(event)
        if line.trade_id is not None:
            event.trade_id = str(line.trade_id)
            event.id = f"{self._blanks.prefix}{self._time}:trade:{line.trade_id}"
        else:
            event.trade_id = self._frame.position
        event.price = line.last_px
        event.quantity = line.last_qty
        event.notional = line.last_px * line.last_qty
        event.side = met.aggressor
        event.maker_order_id, event.taker_order_id = met.maker, met.taker
        set_traders(event, met.buyer, met.seller, self._venue, self._enrichment)
        self._add(event)
        for whole in met.filled:
            done = self._blanks.filled()
            self._head(done, f":filled:{whole.order_id}")
            done.order_id = whole.order_id
            done.side = whole.side
            done.remaining = 0.0
            self._party(done, whole.account)
            self._add(done)
        for one in met.part:
            changed = self._blanks.changed()
            self._head(changed, f":part:{one.order_id}")
            changed.order_id = str(one.order_id)
            changed.side = side_of(one)
            changed.price = one.price
            changed.quantity = changed.remaining = one.leaves_qty
            changed.reason = "filled in part"
            self._party(changed, account_of(one.account))
            self._add(changed)

    def bust(self) -> None:
        """A trade counts no more."""
        self._about_trade(self._blanks.busted())

    def correct(self) -> None:
        """A trade counts with another price or quantity."""
        if self._line.last_px is None and self._line.last_qty is None:
            raise Unreadable("is missing: a correction says which price or quantity", "last_px")
        self._about_trade(self._blanks.corrected())

    def snapshot(self) -> None:
        """The whole book."""
        event = self._blanks.snapshot()
        bids, asks = self._levels(event)
        if any(one.order_id is not None for one in (*bids, *asks)):
            event.bid_order_ids = _ids(bids, "bids")
            event.ask_order_ids = _ids(asks, "asks")
        self._add(event)

    def update(self) -> None:
        """Levels of the book that changed."""
        event = self._blanks.update()
        for field, levels in zip(("bids", "asks"), self._levels(event), strict=True):
            if any(one.order_id is not None for one in levels):
                raise Unreadable("a level has no order_id: write a line for each order", field)
        self._add(event)

    def _levels(
        self, event: BookSnapshot | BookUpdate
    ) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        line = self._line
        if line.bids is None and line.asks is None:
            raise Unreadable("are missing", "bids")
        self._head(event)
        bids, asks = line.bids or (), line.asks or ()
        event.bid_prices = tuple([one.price for one in bids])
        event.bid_quantities = tuple([one.quantity for one in bids])
        event.ask_prices = tuple([one.price for one in asks])
        event.ask_quantities = tuple([one.quantity for one in asks])
        return bids, asks

    def _about_trade(self, event: TradeBusted | TradeCorrected) -> None:
        line = self._line
        trade = line.trade_ref_id if line.trade_ref_id is not None else line.trade_id
        if trade is None:
            raise Unreadable("is missing: it says which trade is meant", "trade_ref_id")
        self._head(event)
        event.trade_id = str(trade)
        event.price = line.last_px
        event.quantity = line.last_qty
        event.reason = line.text
        self._party(event, account_of(line.account))
        self._add(event)

    def _order(self, event: _Order, *, order_id: str | None = None, suffix: str = "") -> None:
        line = self._line
        order_id = order_id or id_text(line.order_id)
        if order_id is None:
            raise Unreadable("is missing", "order_id")
        self._head(event, suffix)
        event.order_id = order_id
        event.side = side_of(line)
        event.price = line.price
        event.quantity = line.order_qty if line.order_qty is not None else line.leaves_qty
        event.remaining = line.leaves_qty if line.leaves_qty is not None else line.order_qty
        self._party(event, account_of(line.account))
        self._add(event)

    def _head(self, event: _Told, suffix: str = "") -> None:
        line, frame, time = self._line, self._frame, self._time
        number = line.seq_num if line.exec_id is None else line.exec_id
        place = frame.position if number is None else number
        # Numbers begin anew, at many venues every day: with the time no two steps are one.
        event.id = f"{self._blanks.prefix}{time}:{place}{suffix}"
        event.timestamp = time
        event.ingested = frame.received
        event.original = self._original
        event.sequence = line.seq_num
        if line.currency is not None:
            event.currency = line.currency

    def _party(self, event: _Order | TradeBusted | TradeCorrected, account: str | None) -> None:
        if account is not None:
            party = self._enrichment.account(self._venue, account, self._time)
            set_party(event, account, party)

    def _add(self, event: _Told) -> None:
        self._out.events.append(event)


def _ids(levels: tuple[Level, ...], field: str) -> tuple[str, ...]:
    ids: list[str] = []
    for one in levels:
        if one.order_id is None:
            raise Unreadable("some entries have an order_id, others have none", field)
        ids.append(str(one.order_id))
    return tuple(ids)

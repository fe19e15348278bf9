"""Coinbase Exchange frames to events: ``full``, ``level3``, ``level2``, ``matches``, REST books."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from normalizer.decoders import coinbase_messages as wire
from normalizer.decoders.collected import Normalized
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments, set_party
from normalizer.decoders.times import event_time
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.enrichment import Enrichment
from normalizer.events.market import MarketRecord, OrderEvent
from pipeline.frames import Frame

_message_decoder = msgspec.json.Decoder(wire.Message, strict=False)
_row_decoder = msgspec.json.Decoder(list[str | int | float | None])
_book_decoder = msgspec.json.Decoder(wire.RestBook, strict=False)
_PASSED: dict[type[Struct], str] = {
    wire.Heartbeat: "heartbeat",
    wire.Subscriptions: "subscriptions",
    wire.Ticker: "ticker",
    wire.Status: "status",
    wire.Activate: "activate",
    wire.Auction: "auction",
    wire.ErrorMessage: "error",
}


class CoinbaseDecoder:
    """Decodes the frames of one source. Its only state is the columns of ``level3``."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._venue = venue
        self._source = source
        self._enrichment = enrichment
        self._instruments = Instruments(source, venue, enrichment)
        self._columns = dict(wire.DOCUMENTED_COLUMNS)
        self._read: dict[type[Struct], Callable[[Any, Frame], MarketRecord]] = {
            wire.Received: self._received,
            wire.Open: self._open,
            wire.Done: self._done,
            wire.Change: self._change,
            wire.Match: self._match,
            wire.LastMatch: self._match,
            wire.Snapshot: self._snapshot,
            wire.L2Update: self._update,
            wire.OpenRow: self._open_row,
            wire.DoneRow: self._done_row,
            wire.ChangeRow: self._change_row,
            wire.MatchRow: self._match_row,
        }

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._instruments))
            return
        try:
            if frame.kind == "snapshot":
                event: MarketRecord = self._rest_book(_book_decoder.decode(frame.payload), frame)
            else:
                message: Struct = (
                    self._row(frame.payload)
                    if frame.payload[:1] == b"["
                    else _message_decoder.decode(frame.payload)
                )
                read = self._read.get(type(message))
                if read is None:
                    self._pass(message, out)
                    return
                event = read(message, frame)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        event.ingested = frame.received
        event.original = original
        out.events.append(event)

    def _pass(self, message: Struct, out: Normalized) -> None:
        if isinstance(message, wire.Level3Schema):
            self._columns |= message.schema
            out.ignore("level3-schema")
        elif isinstance(message, wire.NoopRow):
            out.ignore("noop")
        else:
            out.ignore(_PASSED[type(message)])

    def _order(self, event: OrderEvent, message: Any, frame: Frame, prefix: str) -> None:
        event.id = f"{prefix}{message.sequence}"
        event.sequence = message.sequence
        event.timestamp = time = event_time(message.time, frame.received)
        event.order_id = message.order_id
        event.side = message.side
        account = message.user_id or message.profile_id
        if account is not None:
            set_party(event, account, self._enrichment.account(self._venue, account, time))

    def _received(self, message: wire.Received, frame: Frame) -> MarketRecord:
        blanks = self._instruments[message.product_id]
        event = blanks.received()
        self._order(event, message, frame, blanks.prefix)
        event.price = message.price
        event.quantity = message.size
        event.order_type = message.order_type
        event.client_order_id = message.client_oid
        return event

    def _open(self, message: wire.Open, frame: Frame) -> MarketRecord:
        blanks = self._instruments[message.product_id]
        event = blanks.placed()
        self._order(event, message, frame, blanks.prefix)
        event.price = message.price
        event.quantity = event.remaining = message.remaining_size
        return event

    def _done(self, message: wire.Done, frame: Frame) -> MarketRecord:
        blanks = self._instruments[message.product_id]
        if message.reason == "canceled":
            event: OrderEvent = blanks.cancelled()
            event.reason = message.cancel_reason
        elif message.reason == "filled":
            event = blanks.filled()
        else:
            raise Unreadable(f"{message.reason!r} is neither filled nor canceled", "reason")
        self._order(event, message, frame, blanks.prefix)
        event.price = message.price
        event.remaining = message.remaining_size
        return event

    def _change(self, message: wire.Change, frame: Frame) -> MarketRecord:
        blanks = self._instruments[message.product_id]
        event = blanks.changed()
        self._order(event, message, frame, blanks.prefix)
        event.reason = message.reason
        event.price = message.price if message.new_price is None else message.new_price
        event.quantity = event.remaining = message.new_size
        event.previous_quantity = message.old_size
        event.previous_price = message.price if message.old_price is None else message.old_price
        return event

    def _match(self, message: wire.Match, frame: Frame) -> MarketRecord:
        blanks = self._instruments[message.product_id]
        event = blanks.trade()
        event.trade_id = trade_id = str(message.trade_id)
        event.id = f"{blanks.prefix}trade:{trade_id}"
        event.sequence = message.sequence
        event.timestamp = time = event_time(message.time, frame.received)
        event.price = message.price
        event.quantity = message.size
        event.notional = message.price * message.size
        event.maker_order_id = message.maker_order_id
        event.taker_order_id = message.taker_order_id
        maker = message.maker_user_id or message.maker_profile_id
        taker = message.taker_user_id or message.taker_profile_id
        if message.side == "sell":
            event.side = "buy"
            buyer, seller = taker, maker
        else:
            event.side = "sell"
            buyer, seller = maker, taker
        related: list[str] = []
        if buyer is not None:
            party = self._enrichment.account(self._venue, buyer, time)
            event.buyer_account = buyer
            event.buyer_id = party.id
            event.buyer_jurisdiction = party.jurisdiction
            event.buyer_accreditation = party.accreditation
            event.buyer_cluster = party.cluster
            event.buyer_labels = party.labels
            related += (buyer,) if party.id is None else (buyer, party.id)
        if seller is not None:
            party = self._enrichment.account(self._venue, seller, time)
            event.seller_account = seller
            event.seller_id = party.id
            event.seller_jurisdiction = party.jurisdiction
            event.seller_accreditation = party.accreditation
            event.seller_cluster = party.cluster
            event.seller_labels = party.labels
            related += (seller,) if party.id is None else (seller, party.id)
        if related:
            event.related_user = tuple(dict.fromkeys(related))
        return event

    def _time(self, text: str | None, frame: Frame) -> int:
        """Snapshots may lack a time; then it is when they came."""
        if text is None:
            return frame.received
        return event_time(text, frame.received)

    def _snapshot(self, message: wire.Snapshot, frame: Frame) -> MarketRecord:
        event = self._instruments[message.product_id].snapshot()
        event.id = f"{self._source}:{frame.position}"
        event.timestamp = self._time(message.time, frame)
        event.bid_prices = tuple([level[0] for level in message.bids])
        event.bid_quantities = tuple([level[1] for level in message.bids])
        event.ask_prices = tuple([level[0] for level in message.asks])
        event.ask_quantities = tuple([level[1] for level in message.asks])
        return event

    def _update(self, message: wire.L2Update, frame: Frame) -> MarketRecord:
        event = self._instruments[message.product_id].update()
        event.id = f"{self._source}:{frame.position}"
        event.timestamp = event_time(message.time, frame.received)
        changes = message.changes
        if len(changes) == 1:
            side, price, quantity = changes[0]
            if side == "buy":
                event.bid_prices, event.bid_quantities = (price,), (quantity,)
            else:
                event.ask_prices, event.ask_quantities = (price,), (quantity,)
            return event
        bids = [change for change in changes if change[0] == "buy"]
        asks = [change for change in changes if change[0] == "sell"]
        event.bid_prices = tuple([change[1] for change in bids])
        event.bid_quantities = tuple([change[2] for change in bids])
        event.ask_prices = tuple([change[1] for change in asks])
        event.ask_quantities = tuple([change[2] for change in asks])
        return event

    def _rest_book(self, book: wire.RestBook, frame: Frame) -> MarketRecord:
        if not 1 <= len(frame.context) <= 64:
            raise Unreadable("a book without the product that it is of", "context")
        blanks = self._instruments[frame.context]
        event = blanks.snapshot()
        event.id = f"{blanks.prefix}snapshot:{book.sequence}"
        event.sequence = book.sequence
        event.timestamp = self._time(book.time, frame)
        event.bid_prices = tuple([entry[0] for entry in book.bids])
        event.bid_quantities = tuple([entry[1] for entry in book.bids])
        event.ask_prices = tuple([entry[0] for entry in book.asks])
        event.ask_quantities = tuple([entry[1] for entry in book.asks])
        # At level 3 the third is the order's id; at level 2 it is how many orders there are.
        event.bid_order_ids = tuple([entry[2] for entry in book.bids if type(entry[2]) is str])
        event.ask_order_ids = tuple([entry[2] for entry in book.asks if type(entry[2]) is str])
        if (len(event.bid_order_ids), len(event.ask_order_ids)) not in (
            (0, 0),
            (len(book.bids), len(book.asks)),
        ):
            raise Unreadable("orders and levels are mixed", "bids")
        return event

    def _row(self, payload: bytes) -> Struct:
        values = _row_decoder.decode(payload)
        kind = values[0] if values else None
        if not isinstance(kind, str) or kind not in wire.ROWS:
            raise Unreadable(f"{str(kind)[:40]!r} is no kind of level3 row", "[0]")
        columns = self._columns[kind]
        if len(columns) != len(values):
            raise Unreadable(f"{len(values)} values for {len(columns)} columns", kind)
        return msgspec.convert(
            dict(zip(columns, values, strict=True)), wire.ROWS[kind], strict=False
        )

    def _step(self, event: MarketRecord, row: wire.Row, frame: Frame, prefix: str) -> None:
        event.id = f"{prefix}{row.sequence}"
        event.sequence = row.sequence
        event.timestamp = event_time(row.time, frame.received)

    def _open_row(self, row: wire.OpenRow, frame: Frame) -> MarketRecord:
        blanks = self._instruments[row.product_id]
        event = blanks.placed()
        self._step(event, row, frame, blanks.prefix)
        event.order_id = row.order_id
        event.side = row.side
        event.price = row.price
        event.quantity = event.remaining = row.size
        return event

    def _done_row(self, row: wire.DoneRow, frame: Frame) -> MarketRecord:
        blanks = self._instruments[row.product_id]
        event = blanks.removed()
        self._step(event, row, frame, blanks.prefix)
        event.order_id = row.order_id
        return event

    def _change_row(self, row: wire.ChangeRow, frame: Frame) -> MarketRecord:
        blanks = self._instruments[row.product_id]
        event = blanks.changed()
        self._step(event, row, frame, blanks.prefix)
        event.order_id = row.order_id
        event.price = row.price
        event.quantity = event.remaining = row.size
        return event

    def _match_row(self, row: wire.MatchRow, frame: Frame) -> MarketRecord:
        blanks = self._instruments[row.product_id]
        event = blanks.trade()
        self._step(event, row, frame, blanks.prefix)
        event.trade_id = f"sequence-{row.sequence}"
        event.price = row.price
        event.quantity = row.size
        event.notional = row.price * row.size
        event.maker_order_id = row.maker_order_id
        event.taker_order_id = row.taker_order_id
        return event

"""Messages of FIX to events: drop copies, trade capture reports, market data."""

from collections.abc import Mapping

import msgspec

from normalizer.decoders.collected import Normalized
from normalizer.decoders.fix_executions import EXECUTIONS, about_trade, execution_line, report_line
from normalizer.decoders.fix_market_data import FixMarketData
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.order_log_line import time_of
from normalizer.decoders.order_steps import OrderSteps
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.enrichment import Enrichment
from pipeline.fix_message import BadMessage, Fields, fields_of, is_whole, values_of
from pipeline.frames import Frame
from pipeline.trade_sides import LineContext, decode_context

#: What the collector writes as ``columns`` where a book is by order.
_BY_ORDER = "orders"
_PASSED: Mapping[bytes, str] = {
    b"Y": "market data request reject",
    b"j": "business message reject",
    b"B": "news",
    b"AD": "trade capture report request",
    b"AQ": "trade capture report request ack",
}


class FixDecoder:
    """Decodes the frames of one source, a message each. It keeps nothing."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._steps = OrderSteps(source, venue, enrichment)
        self._data = FixMarketData(self._steps.instruments())

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._steps.instruments()))
            return
        try:
            context = decode_context(frame.context)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        fields = _fields(frame.payload)
        kind = values_of(fields[:3]).get(35, b"")
        by_order = context.columns == _BY_ORDER
        match kind:
            case _ if kind in EXECUTIONS:
                self._execution(kind, fields, context, frame, original, out)
            case b"W":
                self._data.snapshot(fields, frame, original, out, by_order=by_order)
            case b"X":
                self._data.increments(fields, frame, original, out, by_order=by_order)
            case b"h":
                self._data.session_status(values_of(fields), frame, original, out)
            case b"f":
                self._data.security_status(values_of(fields), frame, original, out)
            case _:
                out.ignore(_PASSED.get(kind, "message of another type"))

    def _execution(
        self,
        kind: bytes,
        fields: Fields,
        context: LineContext,
        frame: Frame,
        original: str,
        out: Normalized,
    ) -> None:
        line = execution_line(kind, fields)
        if line is None:
            out.ignore("trade capture report of no trade")
            return
        time = time_of(line, frame.received)
        if context.side == "first":
            out.ignore("first side of a trade")
            return
        other = None
        if context.side == "second":
            other = report_line(_fields(context.other.encode("latin-1")))
        line = about_trade(line, context.trade)
        self._steps.take(line, time, frame, original, out, other)


def _fields(message: bytes) -> Fields:
    try:
        fields = fields_of(message)
    except BadMessage as error:
        raise Unreadable(str(error)) from None
    if not is_whole(message):
        raise Unreadable("BodyLength (9) or CheckSum (10) is wrong")
    return fields

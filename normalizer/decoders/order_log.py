"""Lines of order logs to events: orders with their accounts, trades with both sides."""

import msgspec

from normalizer.decoders.collected import Normalized
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.order_log_line import Headers, Line, read_csv, read_json, time_of
from normalizer.decoders.order_steps import OrderSteps
from normalizer.decoders.unreadable import unreadable
from normalizer.enrichment import Enrichment
from pipeline.frames import Frame
from pipeline.trade_sides import LineContext, decode_context


class OrderLogDecoder:
    """Decodes the frames of one source, a line each. Its only state is headers that it has read."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._steps = OrderSteps(source, venue, enrichment)
        self._headers = Headers()

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._steps.instruments()))
            return
        try:
            context = decode_context(frame.context)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        line = self._line(frame.payload, context)
        time = time_of(line, frame.received)
        if context.side == "first":
            out.ignore("first side of a trade")
            return
        other = self._line(context.other.encode(), context) if context.side == "second" else None
        self._steps.take(line, time, frame, original, out, other)

    def _line(self, payload: bytes, context: LineContext) -> Line:
        if context.columns is None:
            return read_json(payload)
        return read_csv(payload, self._headers[context.columns])

"""Lines of order logs to events: orders with their accounts, trades with both sides."""

import msgspec

from normalizer.decoders.collected import Normalized
from normalizer.decoders.fix_executions import about_trade
from normalizer.decoders.fix_log_line import Passed, read_fix
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.order_log_line import Headers, Line, read_csv, read_json, time_of
from normalizer.decoders.order_steps import OrderSteps
from normalizer.decoders.told_lines import ToldLines
from normalizer.decoders.unreadable import unreadable
from normalizer.enrichment import Enrichment
from pipeline.frames import DeadLetter, Frame
from pipeline.trade_sides import LineContext, decode_context


class OrderLogDecoder:
    """Decodes the frames of one source, a line each. It keeps headers, and what it read of late."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._told = ToldLines()
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
        if context.form == "fix":
            try:
                self._of_fix(frame, context, original, out)
            except Passed as passed:
                out.ignore(str(passed))
            return
        line = self._line(frame.payload, context)
        time = time_of(line, frame.received)
        if context.side == "first":
            out.ignore("first side of a trade")
            return
        other = self._line(context.other.encode(), context) if context.side == "second" else None
        before = len(out.events)
        self._steps.take(line, time, frame, original, out, other)
        content = frame.payload + context.other.encode()
        where = self._told.tell_apart(out.events, before, content, frame.position)
        if where is not None:
            advice = "where a venue writes a line for each side, say `trade_sides: each`"
            out.dead.append(self._twice(line, where, frame, original, advice))

    def _of_fix(self, frame: Frame, context: LineContext, original: str, out: Normalized) -> None:
        """A line of the log of a FIX engine. Raises Unreadable and Passed."""
        line, content, sent_again = read_fix(frame.payload)
        time = time_of(line, frame.received)
        if context.side == "first":
            raise Passed("first side of a trade")
        other = None
        if context.side == "second":
            other, content_of_other, _ = read_fix(context.other.encode("latin-1"))
            content += content_of_other
        line = about_trade(line, context.trade)
        before = len(out.events)
        self._steps.take(line, time, frame, original, out, other)
        where = self._told.tell_apart(out.events, before, content, frame.position)
        if where is None:
            return
        if sent_again:
            # What was left of its order then was told then, and may be far less by now.
            del out.events[before:]
            raise Passed("message of FIX that was sent again")
        advice = "where each session of FIX has a log of its own, name them all by one pattern"
        out.dead.append(self._twice(line, where, frame, original, advice))

    def _twice(
        self, line: Line, where: str, frame: Frame, original: str, advice: str
    ) -> DeadLetter:
        return DeadLetter(
            stage="normalizer",
            source=self._source,
            protocol="order_log",
            position=frame.position,
            received=frame.received,
            reason=(
                f"trade {line.trade_id} of {line.symbol} was told already at {where}, by another "
                f"line of the same time, so this trade ({frame.position}) is taken for that one; "
                f"{advice}"
            ),
            field="trade_id",
            original=original,
            context=frame.context,
            payload=frame.payload,
        )

    def _line(self, payload: bytes, context: LineContext) -> Line:
        if context.columns is None:
            return read_json(payload)
        return read_csv(payload, self._headers[context.columns])

"""What goes with lines of several FIX logs that are merged: sides of trades, and busts. Pure."""

from collections.abc import Iterator

import msgspec

from collectors.fix.report_sides import side_of_trade
from collectors.fix.trade_names import TradeNames
from collectors.order_log.log_lines import LogLine, LogPlace
from collectors.trade_halves import TradeHalves
from pipeline.fix_log import logged_message
from pipeline.trade_sides import LineContext, encode_context

OF_FIX = LineContext(form="fix")


class MergedSides:
    """Finds the two reports of a trade among lines that have a number among all of them."""

    def __init__(self, names: TradeNames | None = None) -> None:
        self._halves = TradeHalves()
        self._names = names or TradeNames()
        #: Where each first side that waits stands, by its number.
        self._places: dict[int, LogPlace] = {}

    def take(self, line: LogLine, number: int, context: LineContext = OF_FIX) -> LogLine:
        """The line, and what goes with it besides ``context``."""
        context, astray = self._with(line, number, context)
        return line._replace(context=encode_context(context), astray=astray)

    def _with(self, line: LogLine, number: int, context: LineContext) -> tuple[LineContext, bool]:
        message = None if line.problem else logged_message(line.payload)
        if message is None:
            return context, False
        trade = self._names.take(message)
        if trade or trade is None:
            return msgspec.structs.replace(context, trade=trade or ""), trade is None
        key = side_of_trade(message)
        if key is None:
            return context, False
        other = self._halves.take(key, number, line.payload.decode("latin-1"))
        if other is None:
            self._places[number] = line.place
            return msgspec.structs.replace(context, side="first"), False
        self._places.pop(other.number, None)
        return msgspec.structs.replace(context, side="second", other=other.text), False

    def told(self, line: LogLine, context: LineContext) -> None:
        """An earlier run told this line, with this context."""
        taken, _ = self._with(line, context.merged, OF_FIX)
        if taken.side == "first" and context.side != "first":
            self.told_alone(context.merged)  # the other side is of before what is known

    def told_alone(self, number: int) -> None:
        """An earlier run told the first side of this number alone."""
        self._halves.drop(number)
        self._places.pop(number, None)

    def overdue(self, number: int) -> Iterator[tuple[int, LogLine]]:
        """First sides that have waited long enough at line ``number``, with theirs."""
        for half in self._halves.overdue(number):
            yield half.number, self._alone(half.number, half.text)

    def rest(self) -> Iterator[LogLine]:
        """All that still wait: nothing more comes."""
        for half in self._halves.rest():
            yield self._alone(half.number, half.text)

    def _alone(self, number: int, text: str) -> LogLine:
        place = self._places.pop(number)
        place = place._replace(told=place.number)
        context = msgspec.structs.replace(OF_FIX, side="alone")
        return LogLine(place, text.encode("latin-1"), encode_context(context))

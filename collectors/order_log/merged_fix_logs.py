"""Message logs of several FIX sessions as one log, in the order of time. No bus.

An engine writes a log for each session, and the two reports of a trade are in two of them. Read one
after the other they would be two trades, and orders would come hours after what they met. This is
for files that are read once, to their ends: logs that grow are a source each.
"""

import re
from collections.abc import Iterator, Sequence
from heapq import merge

from collectors.fix.report_sides import side_of_trade
from collectors.fix.trade_names import TradeNames
from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_lines import LogLine, LogPlace, LogReader, is_of_fix
from collectors.recording import UNREADABLE, open_lines
from collectors.trade_halves import TradeHalves
from pipeline.fix_log import logged_message
from pipeline.trade_sides import LineContext, Side, encode_context

#: All of them are open at once.
MOST_MERGED = 500
#: TransactTime (60) and SendingTime (52). FIX's times are in the order of their texts.
_TIMES = tuple(re.compile(rb"\x01%d=([0-9]{8}-[0-9:.]{8,20})\x01" % tag) for tag in (60, 52))
_TO_A_SECOND = len("20260302-14:30:00")
_FIRST_LINES = 20
#: A line's time, its file's place among all, its number in it, and the line.
_Timed = tuple[bytes, int, int, LogLine]


def are_fix_logs(files: LogFiles, names: Sequence[str]) -> bool:
    """Whether these files are several, and all of them logs of FIX."""
    return len(names) > 1 and all(_is_one(files, name) for name in names)


class MergedFixLogs:
    """Reads them. A line comes no earlier than those before it in its file, whatever it says."""

    def __init__(self, files: LogFiles, names: Sequence[str], *, longest: int) -> None:
        self._files = files
        self._names = names
        self._longest = longest
        self._halves = TradeHalves()
        self._trades = TradeNames()
        #: Where each first side that waits stands, by its number among all lines.
        self._places: dict[int, LogPlace] = {}
        self._readers: list[LogReader] = []

    def close(self) -> None:
        """Close what is open."""
        for reader in self._readers:
            reader.close()

    def read(self) -> Iterator[LogLine]:
        """All lines, with what goes with them."""
        streams = [self._timed(at, name) for at, name in enumerate(self._names)]
        for number, (_, _, _, line) in enumerate(merge(*streams), 1):
            yield self._with_side(line, number)
            for half in self._halves.overdue(number):
                yield self._alone(half.number, half.text)
        for half in self._halves.rest():
            yield self._alone(half.number, half.text)

    def _timed(self, at: int, name: str) -> Iterator[_Timed]:
        path = self._files.path_of(name)
        reader = LogReader(LogFiles(path), longest=self._longest, pairs=False)
        self._readers.append(reader)
        time = b""
        for number, line in enumerate(reader.read(final=True)):
            time = max(time, _time_of(line.payload))
            yield time, at, number, line._replace(place=line.place._replace(name=name))
        reader.close()

    def _with_side(self, line: LogLine, number: int) -> LogLine:
        message = None if line.problem else logged_message(line.payload)
        if message is None:
            return line
        if trade := self._trades.take(message):
            said = LineContext(form="fix", trade=trade)
            return line._replace(context=encode_context(said))
        key = side_of_trade(message)
        if key is None:
            return line
        other = self._halves.take(key, number, line.payload.decode("latin-1"))
        if other is None:
            self._places[number] = line.place
            return line._replace(context=_context("first"))
        self._places.pop(other.number, None)
        return line._replace(context=_context("second", other.text))

    def _alone(self, number: int, text: str) -> LogLine:
        place = self._places.pop(number)
        place = place._replace(told=place.number)
        return LogLine(place, text.encode("latin-1"), _context("alone"))


def _context(side: Side, other: str = "") -> str:
    return encode_context(LineContext(form="fix", side=side, other=other))


def _time_of(line: bytes) -> bytes:
    """Empty where it has none."""
    message = logged_message(line)
    if message is None:
        return b""
    happened, sent = (one[1] if (one := time.search(message)) else b"" for time in _TIMES)
    # One that is far ahead would hold back the rest of its file: nothing is sent before it happens.
    # Times of sending often have fewer digits.
    return sent if not happened or (sent and happened[:_TO_A_SECOND] > sent) else happened


def _is_one(files: LogFiles, name: str) -> bool:
    try:
        with open_lines(files.path_of(name)) as file:
            for _ in range(_FIRST_LINES):
                line = file.readline(1 << 16)
                if line.strip():
                    return is_of_fix(line, name)
    except UNREADABLE:
        return False  # reading it says why
    return is_of_fix(b"", name)

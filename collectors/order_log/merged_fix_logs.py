"""Message logs of several FIX sessions as one log, in the order of time. No bus.

An engine writes a log for each session, and the two reports of a trade are in two of them. Read one
after the other they would be two trades, and orders would come hours after what they met. This is
for files that are read once, to their ends; :mod:`collectors.order_log.growing_fix_logs` is for
those that grow.
"""

from collections.abc import Iterator, Sequence
from heapq import merge

from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_lines import LogLine, LogReader
from collectors.order_log.logged_time import logged_time
from collectors.order_log.merged_sides import MergedSides

#: All of them are open at once.
MOST_MERGED = 500
#: A line's time, its file's place among all, its number in it, and the line.
_Timed = tuple[bytes, int, int, LogLine]


class MergedFixLogs:
    """Reads them. A line comes no earlier than those before it in its file, whatever it says."""

    def __init__(self, files: LogFiles, names: Sequence[str], *, longest: int) -> None:
        self._files = files
        self._names = names
        self._longest = longest
        self._sides = MergedSides()
        self._readers: list[LogReader] = []

    def close(self) -> None:
        """Close what is open."""
        for reader in self._readers:
            reader.close()

    def read(self) -> Iterator[LogLine]:
        """All lines, with what goes with them."""
        streams = [self._timed(at, name) for at, name in enumerate(self._names)]
        for number, (_, _, _, line) in enumerate(merge(*streams), 1):
            yield self._sides.take(line, number)
            for _, alone in self._sides.overdue(number):
                yield alone
        yield from self._sides.rest()

    def _timed(self, at: int, name: str) -> Iterator[_Timed]:
        path = self._files.path_of(name)
        reader = LogReader(LogFiles(path), longest=self._longest, pairs=False, form="fix")
        self._readers.append(reader)
        time = b""
        for number, line in enumerate(reader.read(final=True)):
            time = max(time, logged_time(line.payload))
            yield time, at, number, line._replace(place=line.place._replace(name=name))
        reader.close()

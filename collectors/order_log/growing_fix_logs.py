"""Message logs of several FIX sessions as one log while they grow, in the order of time. No bus.

A line waits until no other log can have an earlier one: until ``settle`` after its own time, or
after it was seen, where the engine's clock is ahead of ours. What comes later still is told then.
So the order is decided once, and is that of RAW. What is told of which file goes with the lines as
well, so that a later run begins behind the last that is durable, in each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace

import msgspec

from collectors.fix.session import utc_timestamp
from collectors.fix.trade_names import TradeNames
from collectors.order_log.growing_log import GrowingLog
from collectors.order_log.log_files import LogFiles, order_of
from collectors.order_log.log_lines import LogLine, LogPlace, place_of
from collectors.order_log.merged_sides import MergedSides
from pipeline.frames import Frame
from pipeline.trade_sides import LineContext, decode_context, encode_context
from pipeline.units import MINUTE

#: Frames of an earlier run that say where it was: more than a first side of a trade waits.
EARLIER_FRAMES = 3_000
MOST_OPEN = 200
#: Lines told from one record of all places to the next, at most.
_PLACES_EVERY = 500
#: Where there are many files, the record is larger than what it goes with.
_FILES_A_LINE = 10
#: Where nothing was told for so long, it is told by itself: of a source that is quiet RAW may keep
#: the newest frame only.
QUIET = MINUTE


class GrowingFixLogs:
    """Reads them. ``earlier``: frames of earlier runs, the newest last. Not for several threads."""

    def __init__(
        self,
        files: LogFiles,
        *,
        longest: int,
        settle: int,
        clock: Callable[[], int],
        names: TradeNames | None = None,
        earlier: Sequence[Frame] = (),
    ) -> None:
        self._files = files
        self._longest = longest
        self._settle = settle
        self._clock = clock
        self._sides = MergedSides(names)
        self._logs: dict[str, GrowingLog] = {}
        #: Those whose files are open, the one that was read last at the end.
        self._opened: dict[str, GrowingLog] = {}
        self._told: set[str] = set()
        #: Of the line that was told last, among all.
        self._number = 0
        self._newest = LogPlace("", 0)
        self._told_at = clock()
        self._since_places = 0
        self._resumed = self._resume(earlier)
        self.place = ""

    def close(self) -> None:
        """Close what is open."""
        for log in self._logs.values():
            log.close()

    @property
    def lag(self) -> int:
        """How long the line has been there that has waited longest."""
        seen = [log.ahead[0].seen for log in self._logs.values() if log.ahead]
        return max(0, self._clock() - min(seen)) if seen else 0

    def read(self) -> Iterator[LogLine]:
        """All lines that can be told now. Raises OSError."""
        now = self._clock()
        settled = utc_timestamp(now - self._settle).encode()
        yield from self._overdue()
        last: LogLine | None = None
        try:
            for line in self._merged(self._look(now), now, settled):
                if last is not None:
                    yield last
                last = line
        except OSError:
            if last is not None:
                yield last
            raise
        if last is not None:
            self._told_at = now
            few = self._since_places * _FILES_A_LINE < len(self._logs)
            yield last if few else self._with_places(last)
        elif self._since_places and self._newest.name and now - self._told_at >= QUIET:
            context = encode_context(LineContext(form="fix", merged=self._number))
            record = LogLine(self._newest._replace(record=True), b"", context)
            yield self._with_places(record)

    def changed(self) -> Iterator[LogLine]:
        """Files that are not as they were when they were read. Each told once."""
        for log in self._logs.values():
            if log.name not in self._told:
                for line in log.changed():
                    self._told.add(log.name)
                    yield line

    # --- lines ----------------------------------------------------------------------------------

    def _merged(self, logs: Sequence[GrowingLog], now: int, settled: bytes) -> Iterator[LogLine]:
        for log in logs:
            self._fill(log, now, settled)
        waiting = [(log.head, log) for log in self._logs.values() if log.ahead]
        heapify(waiting)
        while waiting:
            log = waiting[0][1]
            if log.ahead[0].time > settled and not self._has_waited(now):
                return
            line, offset = log.take()[2:]
            self.place = log.name
            self._number += 1
            self._since_places += 1
            context = LineContext(form="fix", merged=self._number, offset=offset)
            told = self._sides.take(line, self._number, context)
            if not line.problem:
                self._newest = line.place
            yield self._with_places(told) if self._since_places >= _PLACES_EVERY else told
            yield from self._overdue()
            self._fill(log, now, settled)
            if log.ahead:
                heapreplace(waiting, (log.head, log))
            else:
                heappop(waiting)

    def _has_waited(self, now: int) -> bool:
        """Whether a line is due, whatever its time says; those of earlier times are told first."""
        waiting = (log.ahead[0] for log in self._logs.values() if log.ahead)
        return any(one.seen <= now - self._settle for one in waiting)

    def _overdue(self) -> Iterator[LogLine]:
        for number, alone in self._sides.overdue(self._number):
            context = msgspec.structs.replace(decode_context(alone.context), merged=number)
            yield alone._replace(context=encode_context(context))

    def _with_places(self, line: LogLine) -> LogLine:
        if line.problem or line.place.told:
            return line
        self._since_places = 0
        places = tuple(log.place for log in self._logs.values())
        context = msgspec.structs.replace(decode_context(line.context), places=places)
        return line._replace(context=encode_context(context))

    # --- files ----------------------------------------------------------------------------------

    def _look(self, now: int) -> list[GrowingLog]:
        """The files of which there is more than was read."""
        for name in self._files.names():
            if name not in self._logs:
                lines, offset = self._resumed.get(name, (0, 0))
                path = self._files.path_of(name)
                self._logs[name] = GrowingLog(
                    name, path, longest=self._longest, lines=lines, offset=offset
                )
        self.place = self.place or next(iter(self._logs), "")
        more: list[GrowingLog] = []
        for log in self._logs.values():
            try:
                if log.look(now, self._settle):
                    more.append(log)
            except FileNotFoundError:
                log.close()  # what was rotated away
        return more

    def _fill(self, log: GrowingLog, now: int, settled: bytes) -> None:
        log.fill(now, settled)
        if log.is_open:
            self._opened.pop(log.name, None)
            self._opened[log.name] = log
            if len(self._opened) > MOST_OPEN:
                self._opened.pop(next(iter(self._opened))).close()

    def _resume(self, earlier: Sequence[Frame]) -> dict[str, tuple[int, int]]:
        """How many lines and bytes of each file earlier runs told."""
        found: dict[str, tuple[int, int]] = {}
        before: LogPlace | None = None
        for frame in earlier:
            place = place_of(frame.position)
            if frame.kind != "message" or place is None:
                continue
            context = decode_context(frame.context)
            if not context.merged:
                before = place
            elif place.told:
                self._sides.told_alone(context.merged)
            else:
                self._number = context.merged
                self._newest = place._replace(record=False)
                self._since_places = 0 if context.places else self._since_places + 1
                self._sides.told(LogLine(place, frame.payload), context)
                if context.places:
                    found = {name: (lines, offset) for name, lines, offset in context.places}
                if not place.record:
                    found[place.name] = (place.number, context.offset)
        return found if before is None or found else self._all_before(before)

    def _all_before(self, last: LogPlace) -> dict[str, tuple[int, int]]:
        """Where an earlier run read one file after the other: it had read those before whole."""
        found = {last.name: (last.number, 0)}
        for name in self._files.names():
            if order_of(name) < order_of(last.name):
                found[name] = (1, self._files.path_of(name).stat().st_size)
        return found

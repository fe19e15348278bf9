"""Looks at lines on their way to the rules: how many, of what time, and where they stand."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from detections.backtest.buckets import Histogram
from detections.reading import nanoseconds
from pipeline.event_sources import Batch
from pipeline.problems import Location
from pipeline.units import SECOND

#: Lines whose places are known, at least: rules take some thousand at a time.
_REMEMBERED = 50_000
_MOST_DAYS = 4_096


class _Timed(msgspec.Struct):
    timestamp: msgspec.Raw | msgspec.UnsetType = msgspec.field(
        name="@timestamp", default=msgspec.UNSET
    )


_decode = msgspec.json.Decoder(_Timed).decode
_decode_time = msgspec.json.Decoder(int | str).decode


class _Passed(msgspec.Struct, frozen=True):
    """Lines that went on: which numbers they have for the rules, and where they stand."""

    before: int
    place: str
    numbers: Sequence[int]


class Meter:
    """Counts, and lets through what lies in `since` to `until` (event time, the end excluded).

    Late is what is older than the newest event before it by more than the allowed lateness.

    A line without a readable time goes through: what is wrong with it is told by whoever reads it.
    """

    def __init__(
        self, since: int | None = None, until: int | None = None, *, allowed_lateness: int = 0
    ) -> None:
        self._since = since
        self._until = until
        self._lateness = allowed_lateness
        self._passed: deque[_Passed] = deque()
        self._clock = LineClock()
        self.lines = 0
        """Lines that went through and aren't empty."""
        self.outside = 0
        """Events before `since`, or at or after `until`."""
        self.late = 0
        self.first: int | None = None
        self.last: int | None = None
        """Event time of the oldest and the newest."""
        self.histogram = Histogram()

    def through(
        self, batches: Iterable[Batch], on_batch: Callable[[Batch], None]
    ) -> Iterator[bytes]:
        """The lines. `on_batch` is told of each batch when the rules have had it."""
        passed = 0
        for batch in batches:
            lines, numbers = self._look(batch)
            self._passed.append(_Passed(passed, batch.place, numbers))
            passed += len(lines)
            while passed - self._passed[0].before > _REMEMBERED + len(self._passed[0].numbers):
                self._passed.popleft()
            yield from lines
            on_batch(batch)

    def place(self, number: int) -> Location:
        """Where the line with this number (from 1, of those that went through) stands."""
        for one in reversed(self._passed):
            if one.before < number <= one.before + len(one.numbers):
                return Location(one.place, one.numbers[number - one.before - 1], 1)
        last = self._passed[-1].place if self._passed else "<events>"
        return Location(last, 0, 0)

    def _look(self, batch: Batch) -> tuple[Sequence[bytes], Sequence[int]]:
        time_of = self._clock.time_of
        first, last = self.first, self.last
        since, until = self._since, self._until
        bounded = since is not None or until is not None
        lateness = self._lateness
        late = 0
        outside: set[int] = set()
        seconds: dict[int, int] = {}
        empty = 0
        for at, line in enumerate(batch.lines):
            time = time_of(line)
            if time is None:
                empty += not line.strip()
                continue
            if bounded and (
                (since is not None and time < since) or (until is not None and time >= until)
            ):
                outside.add(at)
                continue
            second = time // SECOND
            seconds[second] = seconds.get(second, 0) + 1
            if first is None or time < first:
                first = time
            if last is None or time > last:
                last = time
            elif time < last - lateness:
                late += 1
        for second, count in seconds.items():
            self.histogram.add(second * SECOND, count)
        self.first, self.last = first, last
        self.outside += len(outside)
        self.late += late
        self.lines += len(batch.lines) - len(outside) - empty
        numbers = range(batch.first, batch.first + len(batch.lines))
        if not outside:
            return batch.lines, numbers
        kept = [at for at in range(len(batch.lines)) if at not in outside]
        return [batch.lines[at] for at in kept], [numbers[at] for at in kept]


class LineClock:
    """Reads the time of a line, and remembers when days begin: there are few of them."""

    def __init__(self) -> None:
        self._days: dict[bytes, int] = {}

    def time_of(self, line: bytes) -> int | None:
        """Nanoseconds; None where the line says none that can be read."""
        try:
            found = _decode(line).timestamp
            if isinstance(found, msgspec.UnsetType):
                return None
            raw = bytes(found)
            return nanoseconds(int(raw)) if raw.isdigit() else self._of_text(raw)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            return None

    def _of_text(self, raw: bytes) -> int:
        """`"2026-01-31T10:00:00.123456789Z"`, as nearly all are; anything else the long way."""
        fraction = raw[21:-2]
        if raw[-2:] != b'Z"' or raw[20:21] != b"." or not fraction.isdigit() or len(fraction) > 9:
            return nanoseconds(_decode_time(raw))
        day = raw[1:11]
        start = self._days.get(day)
        if start is None:
            if len(self._days) > _MOST_DAYS:
                self._days.clear()
            start = self._days[day] = nanoseconds(f"{day.decode()}T00:00:00Z")
        seconds = int(raw[12:14]) * 3_600 + int(raw[15:17]) * 60 + int(raw[18:20])
        return start + seconds * SECOND + int(fraction.ljust(9, b"0"))

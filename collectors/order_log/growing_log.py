"""One of several FIX logs that are merged while they grow: what is read ahead of it. No bus."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collectors.order_log.log_files import LogFiles, order_of
from collectors.order_log.log_lines import ANOTHER_FILE, LogLine, LogPlace, LogReader
from collectors.order_log.logged_time import logged_time

#: Lines that are read and wait to be told.
MOST_AHEAD = 200


class Ahead(NamedTuple):
    """A line that waits: its time in FIX's form, and when it was seen."""

    time: bytes
    seen: int
    line: LogLine
    #: Bytes of the file, up to and with it.
    offset: int


class GrowingLog:
    """A file by its name among all, of which ``lines`` and ``offset`` bytes were told already."""

    def __init__(self, name: str, path: Path, *, longest: int, lines: int, offset: int) -> None:
        self.name = name
        self.order = order_of(name)
        self.ahead: deque[Ahead] = deque()
        self._path = path
        self._longest = longest
        self._packed = name.endswith(".gz")
        self._told = self._read = (lines, offset)
        self._time = b""
        self._reader: LogReader | None = None
        self._lines: Iterator[LogLine] | None = None
        #: Nothing more is there, at this look.
        self._at_end = False

    @property
    def head(self) -> tuple[bytes, list[tuple[int, int, str]], str]:
        """By what the first line that waits is compared with those of other files."""
        return self.ahead[0].time, self.order, self.name

    @property
    def is_open(self) -> bool:
        """Whether the file is."""
        return self._reader is not None

    @property
    def place(self) -> tuple[str, int, int]:
        """Its name, and how many lines and bytes of it were told."""
        lines, offset = self._told
        # Behind what was told there may be an end of a packed file, which has no offset before.
        return self.name, lines, offset if self.ahead or not self._at_end else self._read[1]

    def look(self) -> bool:
        """See whether there is more, up to the next look. Raises OSError."""
        size = self._path.stat().st_size
        # A packed one is whole when it appears: where it was told to its end, its size is kept.
        behind = size > self._read[1] if not self._packed else size != self._read[1]
        self._at_end = not behind
        return behind

    def fill(self, now: int, settled: bytes) -> None:
        """Read ahead: a line of a time that is ``settled``, or all there are that are not."""
        while len(self.ahead) < MOST_AHEAD and not self._at_end:
            if self.ahead and self.ahead[-1].time <= settled:
                return
            line = self._next()
            if line is None:
                self._at_end = True
                return
            self._time = max(self._time, logged_time(line.payload))
            self.ahead.append(Ahead(self._time, now, line, self._read[1]))

    def take(self) -> Ahead:
        """The first line that waits, which is told now."""
        taken = self.ahead.popleft()
        self._told = max(self._told[0], taken.line.place.number), taken.offset
        return taken

    def changed(self) -> Iterator[LogLine]:
        """That it is not what it was when it was read, if so. Raises OSError."""
        if self._reader is not None:
            yield from map(self._named, self._reader.changed())
        elif not self._packed and self._path.stat().st_size < self._read[1]:
            yield LogLine(LogPlace(self.name, 0), b"", problem=ANOTHER_FILE)

    def close(self) -> None:
        """Close the file, until there is more of it."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._lines = None

    def _next(self) -> LogLine | None:
        if self._lines is None:
            self._lines = self._open().read()
        line = next(self._lines, None)
        reader = self._open()
        if line is None:
            self._lines = None
            end = self._path.stat().st_size if self._packed else reader.offset
            self._read = self._read[0], end
            return None
        self._read = max(self._read[0], line.place.number), reader.offset
        return self._named(line)

    def _open(self) -> LogReader:
        if self._reader is None:
            number, offset = self._read
            self._reader = LogReader(
                LogFiles(self._path),
                longest=self._longest,
                pairs=False,
                after=LogPlace(self._path.name, number) if number else None,
                offset=0 if self._packed else offset,
            )
        return self._reader

    def _named(self, line: LogLine) -> LogLine:
        return line._replace(place=line.place._replace(name=self.name))

"""One of several FIX logs that are merged while they grow: what is read ahead of it. No bus."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collectors.order_log.log_files import LogFiles, order_of
from collectors.order_log.log_kinds import kind_of
from collectors.order_log.log_lines import ANOTHER_FILE, LogLine, LogPlace, LogReader
from collectors.order_log.logged_time import logged_time

#: Lines that are read and wait to be told.
MOST_AHEAD = 200
#: When so much of a file was there is remembered this often in the time that lines wait, at most.
_LOOKS = 64
NO_LOG_OF_FIX = (
    "is no log of FIX, as the others are, and nothing of it is read: logs of other forms are "
    "a source of their own"
)


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
        #: How large the file was, and when, as far as that is not read yet.
        self._looks: deque[tuple[int, int]] = deque()
        #: None until its lines say it.
        self._is_fix = True if lines else None
        #: It is none, which is to be told.
        self._is_refused = False
        #: What was wrong with it last.
        self._problem = ""
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

    def look(self, now: int, settle: int) -> bool:
        """See whether there is more, up to the next look. Raises OSError."""
        self._at_end = True
        size = self._size()
        # A packed one is whole when it appears: where it was told to its end, its size is kept.
        behind = size > self._read[1] if not self._packed else size != self._read[1]
        if behind and self._is_fix is None:
            kind = kind_of(LogFiles(self._path), self._path.name)
            self._is_fix = True if kind == "fix" else False if kind == "other" else None
            self._is_refused = kind == "other"
        self._at_end = not behind or not (self._is_fix or self._is_refused)
        if not self._at_end and not self._packed:
            before, when = self._looks[-1] if self._looks else (self._read[1], 0)
            if size > before and now - when >= settle // _LOOKS:
                self._looks.append((size, now))
        return not self._at_end

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
            self.ahead.append(Ahead(self._time, self._seen(now), line, self._read[1]))

    def take(self) -> Ahead:
        """The first line that waits, which is told now."""
        taken = self.ahead.popleft()
        self._told = max(self._told[0], taken.line.place.number), taken.offset
        return taken

    def changed(self) -> Iterator[LogLine]:
        """That it is not what it was when it was read, if so. Raises OSError."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return  # logs that were read may be deleted
        if self._reader is not None:
            yield from map(self._named, self._reader.changed())
        elif not self._packed and size < self._read[1]:
            yield LogLine(LogPlace(self.name, 0), b"", problem=ANOTHER_FILE)

    def close(self) -> None:
        """Close the file, until there is more of it."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._lines = None

    def _next(self) -> LogLine | None:
        if self._is_refused:
            self._is_refused = False
            return LogLine(LogPlace(self.name, 0), b"", problem=NO_LOG_OF_FIX)
        if not self._is_fix:
            return None
        reader = self._open()
        if self._lines is None:
            self._lines = reader.read()
        line = next(self._lines, None)
        while line is not None and line.problem and line.problem == self._problem:
            line = next(self._lines, None)
        if line is None:
            self._lines = None
            if not reader.is_open:
                self.close()  # tried again at the next look
            elif self._packed:
                self._read = self._read[0], self._path.stat().st_size
            else:
                self._read = self._read[0], reader.offset
            return None
        self._problem = line.problem
        if reader.is_open:
            self._read = max(self._read[0], line.place.number), reader.offset
        return self._named(line)

    def _size(self) -> int:
        """Of what is open, as long as there is more of that: it may be called otherwise by now."""
        size = 0 if self._reader is None else self._reader.size
        return size if size > self._read[1] else self._path.stat().st_size

    def _seen(self, now: int) -> int:
        """When the line that was read last was there."""
        while self._looks and self._looks[0][0] < self._read[1]:
            self._looks.popleft()
        return self._looks[0][1] if self._looks else now

    def _open(self) -> LogReader:
        if self._reader is None:
            number, offset = self._read
            self._reader = LogReader(
                LogFiles(self._path),
                longest=self._longest,
                pairs=False,
                after=LogPlace(self._path.name, number) if number else None,
                offset=0 if self._packed else offset,
                form="fix",
            )
        return self._reader

    def _named(self, line: LogLine) -> LogLine:
        return line._replace(place=line.place._replace(name=self.name))

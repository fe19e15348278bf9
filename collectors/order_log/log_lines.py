"""Lines of order logs one after the other, file by file, from any place in them on. No bus.

The reader gives what is there now, and goes on from there when it is asked again; a line counts
when it is ended, or when its file is.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import msgspec

from collectors.fix.report_sides import side_of_trade
from collectors.fix.trade_names import TradeNames
from collectors.order_log.log_files import LogFiles, is_called_as_fix_logs, order_of
from collectors.order_log.side_lines import side_of_line
from collectors.recording import GZIP_MAGIC, UNREADABLE, open_lines
from collectors.trade_halves import SideKey, TradeHalves
from pipeline.csv_header import ColumnFault, said_of
from pipeline.fix_log import is_of_fix_log, logged_message
from pipeline.foreign_text import HEAD, foreign
from pipeline.trade_sides import LineContext, Side, encode_context

_KEPT_OF_A_BAD_LINE = 64 * 1024
_OF_JSON = tuple(
    plain + packed for plain in (".ndjson", ".jsonl", ".json") for packed in ("", ".gz")
)
ANOTHER_FILE = (
    "is shorter than what was read of it, another file now, or gone: give a new log a new name"
)


class LogPlace(NamedTuple):
    """A line of a file. ``told``: the first side that is told alone behind it, by its line.
    ``record``: nothing is told behind it but how far other files were read."""

    name: str
    number: int
    told: int = 0
    record: bool = False

    @property
    def text(self) -> str:
        """As a frame's position."""
        place = f"{self.name}:{self.number}"
        return f"{place}~{self.told}" if self.told or self.record else place


def place_of(text: str) -> LogPlace | None:
    """The place in a frame's position; None where it is of no order log."""
    # A name may have a colon and digits at its end as well, as times of day do.
    name, _, line = text.rpartition(":")
    number, parted, told = line.partition("~")
    if not name or not number.isdecimal() or (parted and not told.isdecimal()):
        return None
    return LogPlace(name, int(number), int(told or 0), record=told == "0")


class LogLine(NamedTuple):
    """A line and what goes with it; or what is wrong with it, or with its file (number 0)."""

    place: LogPlace
    payload: bytes
    context: str = ""
    problem: str = ""
    #: Of a header whose columns are wrong, so that no line of its file can be read: where the first
    #: of them begins, from 1.
    column: int = 0
    #: A bust or correction in FIX of which no trade is known that it could be about.
    astray: bool = False


Form = Literal["ndjson", "csv", "fix"]
#: What is wrong with the columns that the first line of a CSV file names.
HeaderCheck = Callable[[str], Sequence[ColumnFault]]


class LogReader:
    """Reads the files of an order log. Not for several threads.

    ``longest``: bytes of a line. ``each_side``: a trade has a line for each side. ``after``:
    the place behind which to begin; of a log of FIX that is not packed ``offset`` says how many
    bytes that are, so that they aren't read again. ``header``: tells what is wrong with the columns
    of a CSV file; its lines are given all the same. ``pairs``: the two sides of a trade are found,
    and the trades that busts are about, by ``names``. ``form``: of all files, where it is known.
    """

    def __init__(
        self,
        files: LogFiles,
        *,
        longest: int,
        each_side: bool = False,
        after: LogPlace | None = None,
        offset: int = 0,
        header: HeaderCheck = lambda header: (),
        pairs: bool = True,
        names: TradeNames | None = None,
        form: Form | None = None,
    ) -> None:
        self._files = files
        self._check = header
        self._longest = longest
        self._each_side = each_side
        self._pairs = pairs
        self._after = after
        self._skipped = offset
        self._halves = TradeHalves()
        #: Of messages of FIX, from file to file: a bust may come on the next day.
        self._names = names or TradeNames()
        #: In the file where reading began: what was read before.
        self._done: LogPlace | None = None
        self._name: str | None = None
        self._file: BinaryIO | None = None
        self._packed = False
        self._number = 0
        #: Of a line that is too long the end has not come yet: it is the same line.
        self._within = False
        #: The file is no text in UTF-8: it is told once, and its lines are passed over.
        self._foreign = False
        #: Of the file, by its first line: None before it, and ``columns`` for CSV.
        self._given_form = form
        self._form = form
        self._columns: str | None = None
        #: The context of every line of the file, where that is the same for all.
        self._plain: str | None = None
        self._begun = False
        #: Files before the one that reading began with.
        self._earlier: set[str] = set()
        self._told: set[str] = set()
        #: Sizes of files that were read to their end.
        self._sizes: dict[str, int] = {}

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def place(self) -> str:
        """The file that is being read."""
        return self._name or ""

    @property
    def offset(self) -> int:
        """So many bytes of the file were read, with the line that was given last; 0 of a packed
        one."""
        return 0 if self._file is None or self._packed else self._file.tell()

    @property
    def lag(self) -> int:
        """No line waits."""
        return 0

    @property
    def is_open(self) -> bool:
        """Whether a file is."""
        return self._file is not None

    @property
    def size(self) -> int:
        """Of the open file, whatever it is called by now; 0 of a packed one."""
        return 0 if self._file is None or self._packed else os.fstat(self._file.fileno()).st_size

    def read(self, *, final: bool = False) -> Iterator[LogLine]:
        """All lines that are there now. ``final``: nothing will be added to any file."""
        for line in self._read(final=final):
            # Behind the place where an earlier run ended there is what was not told yet.
            if self._done is None or line.problem or line.place > self._done:
                yield line

    def _read(self, *, final: bool) -> Iterator[LogLine]:
        while True:
            if self._name is None or self._file is None:
                following = self._following()
                if following is None:
                    return
                yield from self._open(following)
                continue
            try:
                yield from self._lines()
                following = self._following()
                if following is not None or final:
                    # What was written between the last look and the next file's beginning.
                    yield from self._lines(ended=True)
            except UNREADABLE as error:
                yield self._wrong(f"can't be read from here on: {error}")
                following = self._name
            if self._done is not None and self._number < self._done.number:
                fewer = f"has fewer lines than the {self._done.number} that were read"
                yield self._file_wrong(self._name, fewer)
                self._done = LogPlace(self._name, self._number)
            if following is None and not final:
                return
            yield from self._rest()
            self._leave()

    def changed(self) -> Iterator[LogLine]:
        """Files that are not as they were when they were read, or came too late. Each told once."""
        names = self._files.names()
        for name in names:
            if name in self._told or name == self._name:
                continue
            size = self._sizes.get(name)
            if size is not None:
                if self._files.path_of(name).stat().st_size != size:
                    self._told.add(name)
                    yield self._file_wrong(name, "changed after it was read; that is not read")
            elif (
                self._name is not None
                and order_of(name) < order_of(self._name)
                and name not in self._earlier
            ):
                self._told.add(name)
                problem = f"came after {self._name}, which is behind it by name: it isn't read"
                yield self._file_wrong(name, problem)
        if self._name is not None and self._file is not None and not self._packed:
            try:
                there = self._files.path_of(self._name).stat()
                other = not os.path.samestat(there, os.fstat(self._file.fileno()))
                other = other or there.st_size < self._file.tell()
            except OSError:
                other = self._name not in names
            if other and self._name not in self._told:
                self._told.add(self._name)
                yield self._file_wrong(self._name, ANOTHER_FILE)

    # --- files ----------------------------------------------------------------------------------

    def _following(self) -> str | None:
        """The file to read next."""
        names = self._files.names()
        if self._name is not None:
            key = order_of(self._name)
            return next((name for name in names if order_of(name) > key), None)
        if self._after is None or self._begun:
            return names[0] if names else None
        key = order_of(self._after.name)
        return next((name for name in names if order_of(name) >= key), None)

    def _open(self, name: str) -> Iterator[LogLine]:
        after, self._after = self._after, None
        first, self._begun = not self._begun, True
        if first:
            key = order_of(name)
            self._earlier = {one for one in self._files.names() if order_of(one) < key}
        self._name, self._number = name, 0
        self._within = self._foreign = False
        self._form = self._given_form
        self._columns = self._plain = None
        path = self._files.path_of(name)
        try:
            self._packed = _is_packed(path)
            self._file = open_lines(path)
        except UNREADABLE as error:
            self._file = None
            yield self._file_wrong(name, f"can't be read: {error}")
            return
        if not first or after is None:
            return
        if after.name == name and self._skipped and not self._packed:
            self._number = after.number
            self._file.seek(self._skipped - 1)
            if self._file.read(1) != b"\n":
                self.close()
                yield self._file_wrong(name, ANOTHER_FILE)
        elif after.name == name:
            self._done = after
        else:
            yield self._file_wrong(
                after.name, "is gone; what it had behind the last line is missing"
            )

    def _leave(self) -> None:
        if self._name is not None and self._file is not None:
            self._file.close()
            try:
                self._sizes[self._name] = self._files.path_of(self._name).stat().st_size
            except OSError:
                self._told.add(self._name)
        self._file = self._done = None

    # --- lines ----------------------------------------------------------------------------------

    def _lines(self, *, ended: bool = False) -> Iterator[LogLine]:
        """Lines up to the end of the file as it is. ``ended``: the last one needs no line's end."""
        assert self._file is not None
        file = self._file
        while True:
            if self._within:
                self._pass_over(file)
            begin = 0 if self._packed else file.tell()
            line = file.readline(self._longest + 1)
            if not line:
                return
            if not line.endswith(b"\n"):
                if len(line) > self._longest:
                    self._number += 1
                    kept = line[:_KEPT_OF_A_BAD_LINE]
                    self._pass_over(file)
                    if self._number == 1 and (what := foreign(kept[:HEAD])):
                        yield self._foreign_file(what)
                    elif not self._foreign:
                        yield self._wrong(f"longer than {self._longest} bytes", kept)
                    continue
                if not ended and not self._packed:
                    file.seek(begin)  # somebody is still writing it
                    return
            self._number += 1
            line = line.rstrip(b"\r\n")
            if self._plain is not None and line and self._name is not None:
                yield LogLine(LogPlace(self._name, self._number), line, self._plain)
            else:
                yield from self._line(line)

    def _pass_over(self, file: BinaryIO) -> None:
        """Go on to the end of a line that is too long, as far as it is written."""
        while line := file.readline(self._longest + 1):
            if line.endswith(b"\n"):
                self._within = False
                return
        self._within = True

    def _line(self, line: bytes) -> Iterator[LogLine]:
        if self._number == 1:
            if what := foreign(line[:HEAD]):
                yield self._foreign_file(what)
            line = line.removeprefix(b"\xef\xbb\xbf")
        if self._foreign or not line.strip():
            return
        if self._form is None:
            # By its name too: a first line that is damaged makes no header of NDJSON.
            is_json = line.lstrip().startswith(b"{") or (self._name or "").endswith(_OF_JSON)
            if is_json and not self._each_side:
                self._plain = ""
            is_fix = is_of_fix(line, self._name or "")
            self._form = "ndjson" if is_json else "fix" if is_fix else "csv"
            if self._form == "csv":
                self._columns = line.decode(errors="replace")
                if not self._each_side:
                    self._plain = encode_context(LineContext(columns=self._columns))
                yield from self._header(line)
                return
        yield from self._with_side(line)

    def _header(self, line: bytes) -> Iterator[LogLine]:
        assert self._columns is not None
        faults = self._check(self._columns)
        # One that an earlier run had read is told already.
        if faults and (self._done is None or self._number > self._done.number):
            found = self._wrong(said_of(faults), line[:_KEPT_OF_A_BAD_LINE])
            yield found._replace(column=faults[0].place)

    def _with_side(self, line: bytes) -> Iterator[LogLine]:
        assert self._name is not None
        place = LogPlace(self._name, self._number)
        context = self._context()
        message = logged_message(line) if self._form == "fix" and self._pairs else None
        trade = "" if message is None else self._names.take(message)
        if trade:
            context = msgspec.structs.replace(context, trade=trade)
        key = self._key(line, message) if self._has_sides else None
        if key is not None:
            text = line.decode("latin-1") if self._form == "fix" else line.decode(errors="replace")
            other = self._halves.take(key, self._number, text)
            if other is None:
                context = self._context("first")
            else:
                context = self._context("second", other.text)
        yield LogLine(place, line, encode_context(context), astray=trade is None)
        if self._has_sides:
            for half in self._halves.overdue(self._number):
                yield self._alone(half.number, half.text)

    def _rest(self) -> Iterator[LogLine]:
        """First sides whose other is not in their file."""
        for half in self._halves.rest():
            yield self._alone(half.number, half.text)

    def _alone(self, number: int, text: str) -> LogLine:
        assert self._name is not None
        place = LogPlace(self._name, self._number, number)
        payload = text.encode("latin-1" if self._form == "fix" else "utf-8")
        return LogLine(place, payload, encode_context(self._context("alone")))

    @property
    def _has_sides(self) -> bool:
        """Whether a trade has a line for each side. An execution report is always of one."""
        return self._pairs and (self._each_side or self._form == "fix")

    def _context(self, side: Side | None = None, other: str = "") -> LineContext:
        form = "fix" if self._form == "fix" else None
        return LineContext(columns=self._columns, form=form, side=side, other=other)

    def _key(self, line: bytes, message: bytes | None) -> SideKey | None:
        """What the sides of a trade share; None for a line that is no side of one."""
        if self._form == "fix":
            return None if message is None else side_of_trade(message)
        return side_of_line(line, self._columns)

    def _wrong(self, problem: str, payload: bytes = b"") -> LogLine:
        place = LogPlace(self._name or "", max(self._number, 1))
        return LogLine(place, payload, problem=f"line {place.number}: {problem}")

    def _foreign_file(self, problem: str) -> LogLine:
        self._foreign = True
        return self._file_wrong(self._name or "", f"{problem}; nothing of it is read")

    def _file_wrong(self, name: str, problem: str) -> LogLine:
        return LogLine(LogPlace(name, 0), b"", problem=problem)


def is_of_fix(line: bytes, name: str) -> bool:
    """Whether a file with this first line, and of this name, is the log of a FIX engine.

    By its name too: engines write down other things as well, perhaps before the first message.
    """
    return is_of_fix_log(line) or is_called_as_fix_logs(name)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC

"""Events out of files of raw frames, without a bus: order logs, social feeds, Tapewatch's own
recordings, and tables that were exported from a chain.

The frames go through the real normalizer, in this process. What is no event is told with its file
and line, and stops nothing.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

from collectors.evm.exported_tables import ExportedTables, exported_tables
from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_kinds import are_fix_logs
from collectors.order_log.log_lines import LogLine, LogReader, place_of
from collectors.order_log.merged_fix_logs import MOST_MERGED, MergedFixLogs
from collectors.recording import (
    FORMAT,
    UNREADABLE,
    Header,
    RecordedSource,
    RecordingError,
    decode_header,
    decode_line,
    open_lines,
)
from collectors.social.feed import refusal
from normalizer.normalize import Normalizer, encode_events
from normalizer.reference import Reference
from pipeline.event_sources import Batch
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.file_meant import file_meant
from pipeline.frames import MAX_FRAME_BYTES, DeadLetter, Frame, FrameBatch
from pipeline.line_problems import LineProblems
from pipeline.order_log_columns import header_faults as order_log_faults
from pipeline.problems import Location, Problem
from pipeline.social_payload import PROTOCOL as SOCIAL
from pipeline.social_payload import header_faults as social_faults

#: Bytes of one line of a log, and of a frame in a recording (which is escaped there).
LONGEST_LINE = 16 * 1024 * 1024
_LONGEST_RECORDED = 2 * MAX_FRAME_BYTES
#: The source and the venue that events name where nothing else is said.
ORDER_LOG = "order-log"
SOCIAL_FEED = "feed"
CHAIN = "chain"
_AT_ONCE = 512
#: What tables and logs are kept in as well, and nothing here reads.
_OTHER_FORMS = (
    *(".parquet", ".arrow", ".feather", ".orc", ".avro", ".xlsx", ".tsv"),
    *(".zip", ".zst", ".xz", ".bz2", ".7z"),
)
_WRITE_ANEW = "write it as CSV or NDJSON, plain or packed by gzip"

Report = Callable[[Problem], None]


class _Read(NamedTuple):
    source: str
    protocol: str
    frame: Frame


class ChainName(NamedTuple):
    """Which chain exported tables are of: they don't say it."""

    id: int
    network: str


class RawEvents:
    """Events of order logs (files, patterns, folders), recordings, and folders of exported tables,
    one after the other.

    ``venue`` is what events name as their venue where a line doesn't say it; ``each_side``: a trade
    has a line for each of its sides; ``chain``: whose exported tables are read, where there may be
    some; ``social``: they are social feeds instead. Problems go to ``report``: of each kind the
    first ones, and how many more there are.
    """

    unit = "bytes"

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        reference: Reference,
        report: Report,
        venue: str | None = None,
        each_side: bool = False,
        chain: ChainName | None = None,
        social: bool = False,
    ) -> None:
        """Raises Failure where there is no such file."""
        self._paths = [_present(path) for path in paths]
        self._social = social
        self._reference = reference
        self._venue = venue
        self._each_side = each_side
        self._chain = chain
        self._problems = LineProblems(report)
        self._failed = 0
        self._done = 0
        self._files: LogFiles | None = None
        self._notes: list[str] = []
        self.total: int | None = None

    @property
    def name(self) -> str:
        """The file, or how many."""
        if not self._paths:
            return ""
        first = str(self._paths[0])
        return first if len(self._paths) == 1 else f"{len(self._paths)} logs, {first} the first"

    @property
    def refused(self) -> int:
        """Lines that were no events, and files that could not be read; each is told."""
        return self._failed

    @property
    def notes(self) -> Sequence[str]:
        """What is to be known of them, once they are read."""
        return self._notes

    def batches(self) -> Iterator[Batch]:
        """All events, in the order of the lines. Raises Failure."""
        count = 0
        for path in self._paths:
            for other in _unread_in(path):
                self._tell(other, 0, f"isn't read: {_WRITE_ANEW}")
            venues = {ORDER_LOG: self._venue} if self._venue else {}
            if self._social:
                frames = self._log(path)
            elif path.is_file() and (header := _recorded(path)) is not None:
                venues = {one.name: one.venue for one in header.sources if one.venue}
                frames = self._recording(path, header.sources)
            elif self._chain is not None and (tables := self._tables(path, self._chain)):
                frames = self._exported(tables)
            else:
                frames = self._log(path)
            normalizer = Normalizer(self._reference, venues)
            while some := list(islice(frames, _AT_ONCE)):
                lines = b"".join(self._normalized(normalizer, some)).splitlines()
                yield Batch(str(path), count + 1, lines, self._done)
                count += len(lines)
        self._problems.finish()

    def lines(self) -> Iterator[bytes]:
        """All events, one line each. Raises Failure."""
        for batch in self.batches():
            yield from batch.lines

    # --- files ----------------------------------------------------------------------------------

    def _log(self, path: Path) -> Iterator[_Read]:
        files = self._files = LogFiles(path)
        received: dict[str, int] = {}
        unreadable = ""
        lines = self._lines(files)
        try:
            for line in lines:
                name = line.place.name
                if name == unreadable:
                    self._failed += 1
                    continue
                if line.column:
                    unreadable = name
                if problem := line.problem or (refusal(line) if self._social else ""):
                    # The place has the number already.
                    said = problem.removeprefix(f"line {line.place.number}: ")
                    self._tell(files.path_of(name), line.place.number, said, line.column or 1)
                    continue
                if name not in received:
                    # It was here by then, which is the same in every reading.
                    received[name] = files.path_of(name).stat().st_mtime_ns
                self._done += len(line.payload) + 1
                frame = Frame(
                    line.place.text, received[name], line.payload, "message", line.context
                )
                if self._social:
                    yield _Read(SOCIAL_FEED, SOCIAL, frame)
                else:
                    yield _Read(ORDER_LOG, "order_log", frame)
        except OSError as error:
            raise Failure(f"can't read {path}: {error.strerror or error}", FAILED) from error
        finally:
            lines.close()

    def _lines(self, files: LogFiles) -> Generator[LogLine]:
        names = files.names()
        if not self._social and are_fix_logs(files, names):
            if len(names) > MOST_MERGED:
                raise Failure(
                    f"{len(names):,} logs of FIX are more than can be merged: merge them by time "
                    "first (docs/order-log.md)",
                    CONFIGURATION,
                )
            with closing(MergedFixLogs(files, names, longest=LONGEST_LINE)) as merged:
                yield from merged.read()
            return
        check = social_faults if self._social else order_log_faults
        reader = LogReader(files, longest=LONGEST_LINE, each_side=self._each_side, header=check)
        with closing(reader):
            yield from reader.read(final=True)

    def _recording(self, path: Path, sources: Sequence[RecordedSource]) -> Iterator[_Read]:
        self._files = None
        number = 1
        try:
            with open_lines(path) as file:
                file.readline(_LONGEST_RECORDED)
                while line := file.readline(_LONGEST_RECORDED):
                    number += 1
                    self._done += len(line)
                    if len(line) == _LONGEST_RECORDED and not line.endswith(b"\n"):
                        self._tell(path, number, f"longer than {_LONGEST_RECORDED} bytes")
                        while line and not line.endswith(b"\n"):
                            line = file.readline(_LONGEST_RECORDED)
                        continue
                    try:
                        place, frame = decode_line(line, len(sources))
                    except RecordingError as error:
                        self._tell(path, number, str(error))
                        continue
                    yield _Read(sources[place].name, sources[place].protocol, frame)
        except UNREADABLE as error:
            raise Failure(f"can't read {path} behind line {number}: {error}", FAILED) from error

    def _tables(self, path: Path, chain: ChainName) -> ExportedTables | None:
        try:
            found = exported_tables(path) if path.is_dir() else []
        except OSError as error:
            raise Failure(f"can't read {path}: {error.strerror or error}", FAILED) from error
        if not found:
            return None
        known = sorted({str(one) for one in _chains_of(self._reference)})
        if known and str(chain.id) not in known:
            self._notes.append(
                f"the reference data has contracts of chain {' and '.join(known)}, and none of "
                f"chain {chain.id}, which the tables in {path} are taken to be of: say --chain"
            )
        return ExportedTables(found, chain.id, chain.network)

    def _exported(self, tables: ExportedTables) -> Iterator[_Read]:
        self._files = None
        for frame in tables.frames(self._tell):
            self._done += len(frame.payload)
            yield _Read(CHAIN, "evm", frame)

    # --- events ---------------------------------------------------------------------------------

    def _normalized(self, normalizer: Normalizer, frames: Sequence[_Read]) -> Iterator[bytes]:
        for (source, protocol), some in groupby(frames, key=lambda one: (one.source, one.protocol)):
            batch = FrameBatch(source, protocol, [one.frame for one in some])
            result = normalizer.normalize(0, batch)
            for event in result.events:
                # There is no stream to lead back to; the place in the file is as good.
                index = int(event.original.rpartition("/")[2])
                event.original = batch.frames[index].position
            for letter in result.dead:
                self._tell_letter(letter)
            yield encode_events(result.events)

    def _tell_letter(self, letter: DeadLetter) -> None:
        place = place_of(letter.position) if self._files is not None else None
        reason = letter.reason if letter.field is None else f"{letter.field}: {letter.reason}"
        if self._files is None or place is None:
            self._tell(Path(letter.position), 0, reason)
        else:
            self._tell(self._files.path_of(place.name), place.told or place.number, reason)

    def _tell(self, file: Path, line: int, message: str, column: int = 1) -> None:
        self._failed += 1
        location = Location(str(file), line, column)
        self._problems.tell(Problem(location=location, code="event/unreadable", message=message))


def _chains_of(reference: Reference) -> Iterator[int | str]:
    """The chains of which the reference data knows a contract, each as often as it does."""
    for token in reference.tokens:
        for one in (*token.contracts, *token.pools, *token.price_feeds):
            yield one.chain


def _unread_in(path: Path) -> list[Path]:
    """Files of a folder that hold data in another form: without them its events would be some."""
    if not path.is_dir():
        return []
    return sorted(one for one in path.iterdir() if one.name.lower().endswith(_OTHER_FORMS))


def _present(path: Path) -> Path:
    # A pattern may be relative here, and files are told by their place below it.
    files = LogFiles(path.absolute())
    if files.names():
        return files.path
    if path.is_dir():
        others = _unread_in(path)
        hint = f": {others[0].name} isn't read, {_WRITE_ANEW}" if others else ""
        raise Failure(f"there is no order log in the folder {path}{hint}", CONFIGURATION)
    if path.exists():  # a pipe, a device
        raise Failure(f"{path} is neither a file nor a folder", CONFIGURATION)
    found = file_meant(path)
    meant = f": did you mean {found}?" if found else ""
    raise Failure(f"there is no file, folder or match of {path}{meant}", CONFIGURATION)


def _recorded(path: Path) -> Header | None:
    """The first line of a recording; None where the file is none. Raises Failure."""
    try:
        with open_lines(path) as file:
            line = file.readline(_LONGEST_RECORDED)
    except UNREADABLE as error:
        raise Failure(f"can't read {path}: {error}", CONFIGURATION) from error
    if FORMAT.encode() not in line[:100]:
        return None
    try:
        return decode_header(line, path.name)
    except RecordingError as error:
        raise Failure(str(error), CONFIGURATION) from None

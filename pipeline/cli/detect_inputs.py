"""The options of `tapewatch detect` that say which events, as lines to run rules over."""

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import msgspec
from msgspec import Struct

from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.event_sources.selection import STANDARD_INPUT, select_files
from pipeline.foreign_text import HEAD, UTF8_MARK, foreign
from pipeline.problems import Location, Problem

if TYPE_CHECKING:
    from io import BufferedReader


class Wanted(Struct, frozen=True, kw_only=True):
    """What was said on the command line."""

    events: Sequence[Path]
    column: str | None
    order_log: Sequence[Path]
    social_feed: Sequence[Path]
    venue: str | None
    trade_sides: str | None
    reference: Sequence[Path]


class Lines(Struct, frozen=True, kw_only=True):
    """Events as lines, and what they are called."""

    name: str
    lines: Iterable[bytes]
    place: Callable[[Location], Location]
    """Where a line stands, by its number among all of them."""
    live: bool = False
    """They come as somebody writes them, so that the next one may be long in coming."""


def check(wanted: Wanted) -> None:
    """Raises Failure where the options don't go together."""
    if wanted.order_log:
        strays = {"--column": wanted.column}
        belongs = "--events"
    else:
        strays = {
            "--social-feed": wanted.social_feed,
            "--venue": wanted.venue,
            "--trade-sides": wanted.trade_sides,
            "--reference": wanted.reference,
        }
        belongs = "--order-log"
    for option, said in strays.items():
        if said:
            raise Failure(f"{option} belongs to {belongs}", CONFIGURATION)
    if bool(wanted.events) == bool(wanted.order_log):
        raise Failure(
            "say where the events come from, by --events or by --order-log", CONFIGURATION
        )


@contextmanager
def opened(wanted: Wanted, report: Callable[[Problem], None]) -> Generator[Lines]:
    """The lines, of options that go together. `report` is told of what is wrong in an order log.
    Raises Failure."""
    if wanted.order_log:
        yield _of_order_logs(wanted, report)
        return
    files = select_files(wanted.events)
    if len(files) > 1 or wanted.column is not None or _is_packed(files[0]):
        yield _of_files(files, wanted.column)
        return
    # Lines as they come, so that alerts don't wait for more of a stream.
    with _open(files[0]) as lines:
        yield Lines(
            name=str(files[0]),
            lines=lines,
            place=lambda location: location,
            live=files[0] == STANDARD_INPUT or files[0].is_fifo(),
        )


def _of_order_logs(wanted: Wanted, report: Callable[[Problem], None]) -> Lines:
    from pipeline.cli.raw_sources import raw_events

    raw = raw_events(
        wanted.order_log,
        reference=wanted.reference,
        report=report,
        venue=wanted.venue,
        trade_sides=wanted.trade_sides,
        social_feed=wanted.social_feed,
    )
    return Lines(name=raw.name, lines=raw.lines(), place=lambda location: location)


def _of_files(files: Sequence[Path], column: str | None) -> Lines:
    from detections.backtest.meter import Meter
    from pipeline.event_sources.files import FileSource

    source, meter = FileSource(files, column=column), Meter()

    def place(location: Location) -> Location:
        found = meter.place(location.line)
        return msgspec.structs.replace(found, column=location.column) if found.line else found

    lines = meter.through(source.batches(), lambda batch: None)
    return Lines(name=source.name, lines=lines, place=place)


def _is_packed(path: Path) -> bool:
    """Whether it is packed, or Parquet, in a way that can be read."""
    from pipeline.event_sources.ndjson import GZIP, ZSTANDARD
    from pipeline.event_sources.parquet import MAGIC

    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(HEAD).startswith((GZIP, ZSTANDARD, MAGIC))
    except OSError:
        return False  # opening it says why


@contextmanager
def _open(path: Path) -> Generator[BinaryIO]:
    if path == STANDARD_INPUT:
        yield _checked(sys.stdin.buffer, "standard input")
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error
    with file:
        yield _checked(file, str(path))


def _checked(file: BinaryIO, name: str) -> BinaryIO:
    """A stream behind its mark of UTF-8, if it has one. Raises Failure where it is no text."""
    # Of a stream this is what has come of it by now, or comes first.
    head = cast("BufferedReader", file).peek(HEAD)[:HEAD]
    if what := foreign(head):
        raise Failure(f"{name} {what}", CONFIGURATION)
    if head.startswith(UTF8_MARK):
        file.read(len(UTF8_MARK))
    return file

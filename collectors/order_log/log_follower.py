"""Files of lines into raw frames, a line each, byte for byte, as the files grow.

A frame's position is its file and line. A run goes on behind the last line that is durable.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import ClassVar, Protocol

import msgspec
import structlog

from collectors.feed_lag import set_lag
from collectors.fix.looking_back import LookingBack
from collectors.fix.trade_names import TradeNames
from collectors.gaps import count_gap
from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_lines import LogLine, LogReader, place_of
from pipeline.config.sources import OrderLogSource, SocialFeedSource
from pipeline.csv_header import ColumnFault
from pipeline.fix_log import logged_message
from pipeline.frames import WHOLE_SOURCE, DeadLetter, Frame, GapNotice
from pipeline.metrics import SOURCE_CONNECTED
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now
from pipeline.trade_sides import decode_context, encode_context
from pipeline.units import SECOND

_YIELD_EVERY = 256
#: Looks at files that were read, one for so many looks at the one that grows.
_CHANGED_EVERY = 20
_GAP = "#gap:"

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Lines(Protocol):
    """Lines of one or more files, as far as they are there when they are asked for."""

    @property
    def place(self) -> str:
        """The file that was read last."""
        ...

    @property
    def lag(self) -> int:
        """How long a line that was seen has been waiting to be told, in nanoseconds."""
        ...

    def read(self) -> Iterator[LogLine]:
        """Those that are there now."""
        ...

    def changed(self) -> Iterator[LogLine]:
        """Files that are not as they were when they were read."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class LogFollower:
    """Sends the lines of one source's files, until cancelled."""

    protocol: ClassVar[str]
    #: Whether what isn't read is a gap of the feed, which makes alerts over it `unsure`.
    marks_gaps: ClassVar[bool] = True
    each_side: bool = False

    def __init__(self, config: OrderLogSource | SocialFeedSource, outlet: FrameOutlet) -> None:
        self._config = config
        self.outlet = outlet
        self._state = outlet.state
        self.files = LogFiles(config.path)
        self._last = ""
        self.names = TradeNames()
        self._back = LookingBack(outlet, self.names)
        self._log = _log.bind(source=config.name)

    async def run(self) -> None:
        """Read what is there, then what comes."""
        self._state.endpoint = self._config.path.name
        last = await self.outlet.last()
        self._last = "" if last is None else last.position.partition(_GAP)[0]
        lines: Lines | None = None
        try:
            looks = 0
            while True:
                lines = lines or await self._opened(last)
                if lines is not None:
                    await self._look(lines, changed=looks % _CHANGED_EVERY == 0)
                looks += 1
                await asyncio.sleep(self._config.poll_every / SECOND)
        finally:
            if lines is not None:
                lines.close()
            self._state.connection = "stopped"
            SOURCE_CONNECTED.labels(self._state.source).set(0)

    async def lines(self, last: Frame | None) -> Lines | None:
        """How the files are read, by the last frame of an earlier run; None while nobody can tell.

        Raises OSError.
        """
        return LogReader(
            self.files,
            longest=self._config.max_frame,
            each_side=self.each_side,
            after=place_of(self._last),
            header=self.wrong_columns,
            names=self.names,
        )

    def wrong_columns(self, header: str) -> Sequence[ColumnFault]:
        """What is wrong with the columns of a CSV file, by its first line."""
        return ()

    def refused(self, line: LogLine) -> str:
        """Why nothing of a line may be kept; empty where it may."""
        return ""

    async def _opened(self, last: Frame | None) -> Lines | None:
        try:
            lines = await self.lines(last)
            if lines is None:
                what = "line" if self.files.names() else "file"
                self._show(f"there is no {what} yet: {self._config.path}")
        except OSError as error:
            self._show(f"{self._config.path} can't be read: {error.strerror or error}")
            return None
        return lines

    async def _look(self, reader: Lines, *, changed: bool) -> None:
        try:
            await self._send(reader.read())
            if changed:
                await self._send(reader.changed())
        except OSError as error:
            self._show(f"{self._config.path} can't be read: {error.strerror or error}")
            return
        set_lag(self._state, reader.lag / SECOND)
        if not reader.place:
            self._show(f"there is no file yet: {self._config.path}")
        elif self._state.connection != "connected":
            self._state.connection = "connected"
            self._state.trouble = ""
            SOURCE_CONNECTED.labels(self._state.source).set(1)

    def _show(self, trouble: str) -> None:
        if self._state.trouble != trouble:
            self._log.warning("no lines", reason=trouble)
        self._state.connection = "starting"
        self._state.trouble = trouble
        SOURCE_CONNECTED.labels(self._state.source).set(0)

    async def _send(self, lines: Iterable[LogLine]) -> None:
        lines = iter(lines)
        # After a restart all that was read before comes first, and holds up nobody else.
        first = await asyncio.to_thread(next, lines, None)
        for count, line in enumerate(() if first is None else chain((first,), lines)):
            if line.problem:
                await self._report(line)
            elif refused := self.refused(line):
                await self._report(line._replace(problem=refused))
            else:
                if line.astray:
                    line = await self._looked_up(line)
                self._last = line.place.text
                await self.outlet.send(
                    Frame(self._last, now(), line.payload, "message", line.context)
                )
            if not count % _YIELD_EVERY:
                await asyncio.sleep(0)  # an outlet with room never lets others run

    async def _looked_up(self, line: LogLine) -> LogLine:
        """A bust in FIX, with the trade that an earlier run has seen."""
        trade = await self._back.trade_of(logged_message(line.payload) or b"")
        if not trade:
            return line
        context = decode_context(line.context)
        context = msgspec.structs.replace(context, trade=trade)
        return line._replace(context=encode_context(context))

    async def _report(self, line: LogLine) -> None:
        reason = f"{line.place.name}: {line.problem}"
        self._log.warning("a part of the log is not read", reason=reason)
        self._state.trouble = reason
        await self.outlet.dead(
            DeadLetter(
                stage="collectors",
                source=self._config.name,
                protocol=self.protocol,
                position=line.place.text,
                received=now(),
                reason=reason,
                payload=line.payload,
                truncated=bool(line.payload),
            )
        )
        if self._last and self.marks_gaps:
            count_gap(self._state)
            notice = msgspec.json.encode(GapNotice(instrument=WHOLE_SOURCE, reason=reason))
            position = f"{self._last}{_GAP}{line.place.text}"
            await self.outlet.send(Frame(position, now(), notice, "gap", WHOLE_SOURCE))

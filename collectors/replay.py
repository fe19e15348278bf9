"""Recorded frames into the pipeline, as if their sources sent them now.

Reads Tapewatch's own recordings (:mod:`collectors.recording`) and cryptofeed's files. Frames keep
their recorded times of receipt, so a replay gives the same events every time.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from collectors.connection import SourceMisconfigured
from collectors.cryptofeed_lines import parse_line
from collectors.recording import (
    UNREADABLE,
    RecordingError,
    decode_header,
    decode_line,
    open_lines,
)
from pipeline.config.sources import ReplaySource
from pipeline.frames import DeadLetter, Frame
from pipeline.logs import worth_a_line
from pipeline.metrics import SOURCE_CONNECTED
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now
from pipeline.units import SECOND

#: Makes the outlet of a recorded source, by its name and protocol.
OutletFor = Callable[[str, str], FrameOutlet]

#: A recording escapes its payloads, which at most makes them so much longer.
_ESCAPED = 6
_LINE_OVERHEAD = 64 * 1024
_YIELD_EVERY = 256
_KEPT_OF_A_BAD_LINE = 64 * 1024

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Read(NamedTuple):
    """A line: its number, and the frame with its source's place, or what is wrong with it."""

    number: int
    place: int
    frame: Frame | None
    problem: str = ""
    line: bytes = b""


class _Lines(Protocol):
    """How a kind of file is read."""

    #: Name and protocol of each source.
    sources: list[tuple[str, str]]

    def read(self, number: int, line: bytes) -> _Read | None:
        """A line from its number (from 1); None where it holds no frame."""
        ...


class _Recorded:
    """Tapewatch's own format."""

    def __init__(self, path: Path, first_line: bytes) -> None:
        try:
            header = decode_header(first_line, path.name)
        except RecordingError as error:
            raise SourceMisconfigured(str(error)) from None
        self.sources = [(source.name, source.protocol) for source in header.sources]

    def read(self, number: int, line: bytes) -> _Read | None:
        if number == 1:
            return None
        try:
            place, frame = decode_line(line, len(self.sources))
        except RecordingError as error:
            return _Read(number, 0, None, str(error), line)
        return _Read(number, place, frame)


class _Cryptofeed:
    """One source; a frame's position is the number of its line."""

    def __init__(self, config: ReplaySource) -> None:
        self.sources = [(config.name, config.protocol)]

    def read(self, number: int, line: bytes) -> _Read | None:
        try:
            parsed = parse_line(line)
        except ValueError as error:
            return _Read(number, 0, None, str(error), line)
        if parsed is None:
            return None
        received, payload = parsed
        return _Read(number, 0, Frame(f"line:{number}", received, payload))


class ReplayCollector:
    """Sends a file's frames once, each source's to its own outlet, and ends with the file.

    ``outlet_for(name, protocol)`` is called once for each source: those that a recording names, or
    the configured one for a file of cryptofeed. A later run goes on behind each outlet's last
    frame.
    """

    def __init__(self, config: ReplaySource, outlet_for: OutletFor) -> None:
        self._config = config
        self._path = Path(config.path)
        self._outlet_for = outlet_for
        self._longest = _ESCAPED * config.max_frame + _LINE_OVERHEAD
        self._bad = 0
        self._log = _log.bind(source=config.name, file=self._path.name)

    async def run(self) -> None:
        """Return when the file is sent and durable. Raises SourceMisconfigured."""
        lines = self._open()
        outlets = [self._outlet_for(name, protocol) for name, protocol in lines.sources]
        for outlet in outlets:
            outlet.state.endpoint = self._path.name
        try:
            done = await self._resume(lines, outlets)
            for outlet in outlets:
                outlet.state.connection = "connected"
                SOURCE_CONNECTED.labels(outlet.state.source).set(1)
            await self._send(lines, outlets, done)
            for outlet in outlets:
                await outlet.flush()
        finally:
            for outlet in outlets:
                outlet.state.connection = "stopped"
                SOURCE_CONNECTED.labels(outlet.state.source).set(0)

    def _open(self) -> _Lines:
        if self._config.protocol != "recorded":
            return _Cryptofeed(self._config)
        try:
            with open_lines(self._path) as file:
                return _Recorded(self._path, file.readline(self._longest))
        except UNREADABLE as error:
            raise SourceMisconfigured(f"{self._path.name} can't be read: {error}") from None

    async def _resume(self, lines: _Lines, outlets: list[FrameOutlet]) -> list[int]:
        """For each source, the line behind which it goes on; 0 for the beginning."""
        wanted = {
            (place, last.position): place
            for place, outlet in enumerate(outlets)
            if (last := await outlet.last()) is not None
        }
        done = [0] * len(outlets)
        if not wanted:
            return done
        for count, read in enumerate(self._read(lines)):
            if read.frame is not None:
                key = (read.place, read.frame.position)
                if key in wanted:
                    done[wanted.pop(key)] = read.number
                    if not wanted:
                        break
            if not count % _YIELD_EVERY:
                await asyncio.sleep(0)
        for place in wanted.values():
            self._log.warning(
                "the stream's last frame is not in this file, so all of it is sent",
                recorded=lines.sources[place][0],
            )
        return done

    async def _send(self, lines: _Lines, outlets: list[FrameOutlet], done: list[int]) -> None:
        loop = asyncio.get_running_loop()
        paced = self._config.speed == "original"
        begun: tuple[float, int] | None = None
        reported = min(done)
        for count, read in enumerate(self._read(lines)):
            if read.frame is None:
                if read.number > reported:
                    await self._report(outlets[0], read)
                continue
            if read.number <= done[read.place]:
                continue
            if len(read.frame.payload) > self._config.max_frame:
                problem = f"the payload is larger than max_frame ({self._config.max_frame} bytes)"
                await self._report(
                    outlets[read.place], read._replace(problem=problem, line=read.frame.payload)
                )
                continue
            if paced:
                if begun is None:
                    begun = (loop.time(), read.frame.received)
                # From the first frame on, so that small delays don't add up.
                due = begun[0] + (read.frame.received - begun[1]) / SECOND
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
            await outlets[read.place].send(read.frame)
            if not count % _YIELD_EVERY:
                await asyncio.sleep(0)  # an outlet with room never lets others run

    def _read(self, lines: _Lines) -> Iterator[_Read]:
        """Every line that holds a frame or should."""
        number = 0
        try:
            with open_lines(self._path) as file:
                while line := file.readline(self._longest):
                    number += 1
                    if not line.endswith(b"\n") and len(line) >= self._longest:
                        problem = f"longer than {self._longest} bytes"
                        yield _Read(number, 0, None, problem, line[:_KEPT_OF_A_BAD_LINE])
                        while line and not line.endswith(b"\n"):
                            line = file.readline(self._longest)
                        continue
                    read = lines.read(number, line)
                    if read is not None:
                        yield read
        except UNREADABLE as error:
            yield _Read(number + 1, 0, None, f"the file can't be read from here on: {error}")

    async def _report(self, outlet: FrameOutlet, read: _Read) -> None:
        payload = read.line[:_KEPT_OF_A_BAD_LINE]
        self._bad += 1
        if worth_a_line(self._bad):
            self._log.warning("no frame", line=read.number, reason=read.problem, bad=self._bad)
        if not read.line:
            outlet.state.trouble = read.problem
        await outlet.dead(
            DeadLetter(
                stage="collectors",
                source=self._config.name,
                protocol=self._config.protocol,
                position=f"line:{read.number}",
                received=now(),
                reason=f"{self._path.name}, line {read.number}: {read.problem}",
                payload=payload,
                truncated=len(payload) < len(read.line),
            )
        )

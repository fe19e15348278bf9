"""Tapewatch's own recording: frames of one or several sources in the order of their receipt.

A text file of JSON lines, gzip'd when its name ends in ``.gz``. The first line describes it::

    {"format":"tapewatch-recording","version":1,
     "sources":[{"name":"chain","protocol":"evm"},
                {"name":"venue","protocol":"coinbase","venue":"acme-ats"}]}

and each further line is one frame::

    [0,1700000000123456789,"1700000000000000000.000000000001","{\\"type\\":...}"]
    [1,1700000000123456789,"...","{...}","snapshot","ACME-USD"]

which is: the source's place in the first line's list, when it was received (ns since the epoch),
its position, its payload, and, where they aren't ``message`` and empty, its kind and context. A
payload that is no UTF-8 is ``{"base64":"..."}``. The same frames give the same bytes, gzip'd too.
"""

import base64
import binascii
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast

import msgspec
from msgspec import Struct

from pipeline.foreign_text import HEAD, UTF8_MARK, foreign
from pipeline.frames import DeadLetter, Frame, FrameKind
from pipeline.outlet import FrameOutlet, SentFrame

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FORMAT = "tapewatch-recording"
VERSION = 1
GZIP_MAGIC = b"\x1f\x8b"

#: What reading a damaged or vanished file raises.
UNREADABLE = (OSError, EOFError, zlib.error)

_LONGEST_HEADER = 1 << 20
_LATEST = (1 << 63) - 1


class RecordingError(Exception):
    """A file is no recording, or a line of it no frame. The message says what is wrong."""


class RecordedSource(Struct, frozen=True, omit_defaults=True):
    """A source in a recording. ``venue`` is what its events name as their venue."""

    name: str
    protocol: str
    venue: str | None = None


class Header(Struct):
    """First line of a recording."""

    format: str
    version: int
    sources: list[RecordedSource]


class _Base64(Struct):
    base64: str


class _Line(Struct, array_like=True):
    source: int
    received: int
    position: str
    payload: str | _Base64
    kind: FrameKind = "message"
    context: str = ""


_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(Header)
_line_decoder = msgspec.json.Decoder(_Line)


class RecordingWriter:
    """Writes a recording. Use it as a context manager; not for several threads.

    Args:
        path: the file, made anew.
        sources: everything that will be written, named by ``name``.
    """

    def __init__(self, path: Path, sources: Sequence[RecordedSource]) -> None:
        """Raises OSError, and ValueError where a name is given twice."""
        self._places = {source.name: place for place, source in enumerate(sources)}
        if len(self._places) != len(sources):
            raise ValueError("two sources of a recording have the same name")
        self._raw = path.open("wb")
        self._file: BinaryIO = self._raw
        if path.name.endswith(".gz"):
            # Neither name nor time in it, so that the same frames give the same bytes.
            packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
            self._file = cast(BinaryIO, packed)
        self.frames = 0
        header = Header(FORMAT, VERSION, list(sources))
        self._file.write(_encoder.encode(header) + b"\n")

    def write(self, source: str, frame: Frame) -> None:
        """Append a frame. Raises KeyError for a source that was not named, and OSError."""
        try:
            payload: str | dict[str, str] = frame.payload.decode()
        except UnicodeDecodeError:
            payload = {"base64": base64.b64encode(frame.payload).decode()}
        line: list[object] = [self._places[source], frame.received, frame.position, payload]
        if frame.kind != "message" or frame.context:
            line += [frame.kind, frame.context]
        self._file.write(_encoder.encode(line) + b"\n")
        self.frames += 1

    def close(self) -> None:
        """Finish the file. A second call does nothing."""
        if self._file is not self._raw:
            self._file.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class RecordingOutlet:
    """An outlet that hands frames on to another and records them as well."""

    def __init__(self, inner: FrameOutlet, writer: RecordingWriter) -> None:
        self.state = inner.state
        self._inner = inner
        self._writer = writer

    async def send(self, frame: Frame) -> None:
        """Hand a frame on, then record it."""
        await self._inner.send(frame)
        self._writer.write(self.state.source, frame)

    async def flush(self) -> None:
        """Return when everything sent so far is durable downstream."""
        await self._inner.flush()

    async def last(self) -> Frame | None:
        """The newest durable frame from any earlier run."""
        return await self._inner.last()

    async def sent(self, least: int) -> list[SentFrame]:
        """What is remembered of the newest durable frames."""
        return await self._inner.sent(least)

    async def recent(self, least: int) -> list[Frame]:
        """The newest durable frames."""
        return await self._inner.recent(least)

    async def dead(self, letter: DeadLetter) -> None:
        """A dead letter, which isn't recorded."""
        await self._inner.dead(letter)


def read_header(path: Path) -> Header:
    """The description of a recording. Raises RecordingError and OSError."""
    with open_lines(path) as file:
        try:
            line = file.readline(_LONGEST_HEADER)
        except UNREADABLE as error:
            raise RecordingError(f"{path.name}: {error}") from None
    return decode_header(line, path.name)


def decode_header(line: bytes, name: str) -> Header:
    """The first line. Raises RecordingError."""
    advice = "was it made by Tapewatch? For cryptofeed's files, set protocol to the venue's"
    if what := foreign(line[:HEAD]):
        raise RecordingError(f"{name} {what}")
    try:
        header = _header_decoder.decode(line.removeprefix(UTF8_MARK))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RecordingError(
            f"{name}, line 1: not a Tapewatch recording ({error}); {advice}"
        ) from (None)
    if header.format != FORMAT:
        raise RecordingError(f"{name}, line 1: the format is {header.format[:40]!r}; {advice}")
    if header.version != VERSION:
        raise RecordingError(
            f"{name}, line 1: version {header.version} of the format, but this Tapewatch "
            f"reads version {VERSION}"
        )
    names = [source.name for source in header.sources]
    if not names or len(set(names)) != len(names):
        raise RecordingError(f"{name}, line 1: expected one or more sources with distinct names")
    return header


def decode_line(line: bytes, sources: int) -> tuple[int, Frame]:
    """The source's place and the frame of a line. Raises RecordingError."""
    try:
        read = _line_decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RecordingError(f"not a frame: {error}") from None
    if not 0 <= read.source < sources:
        raise RecordingError(f"source {read.source} is not in the first line")
    if read.received < 0:
        raise RecordingError("received before 1970")
    if read.received > _LATEST:
        raise RecordingError("received after 2262")
    if isinstance(read.payload, str):
        payload = read.payload.encode()
    else:
        try:
            payload = base64.b64decode(read.payload.base64, validate=True)
        except (binascii.Error, ValueError):
            raise RecordingError("the payload is no base64") from None
    return read.source, Frame(read.position, read.received, payload, read.kind, read.context)


def open_lines(path: Path) -> BinaryIO:
    """The file for reading, unpacked where it is gzip'd, whatever its name. Raises OSError."""
    raw = path.open("rb")
    packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    raw.seek(0)
    if not packed:
        return raw
    return cast(BinaryIO, io.BufferedReader(_Unpacked(raw)))


class _Unpacked(gzip.GzipFile):
    """A GzipFile that closes the file below it too, and gives all that is before a tear."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._below = raw

    def readinto(self, buffer: "WriteableBuffer") -> int:
        # What is asked to fill a buffer reads on until it meets the tear, and what it had is lost.
        return self.readinto1(buffer)

    def close(self) -> None:
        super().close()
        self._below.close()


__all__ = [
    "UNREADABLE",
    "Header",
    "RecordedSource",
    "RecordingError",
    "RecordingOutlet",
    "RecordingWriter",
    "decode_header",
    "decode_line",
    "open_lines",
    "read_header",
]

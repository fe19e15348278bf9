"""Lines out of NDJSON files, plain or packed, without ever holding more than a piece of one."""

import gzip
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pipeline.event_sources.batches import Batch
from pipeline.event_sources.selection import STANDARD_INPUT
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.foreign_text import UTF8_MARK
from pipeline.units import MIB

GZIP = b"\x1f\x8b"
ZSTANDARD = b"\x28\xb5\x2f\xfd"
PIECE = MIB
#: A longer line is passed on cut, so that it is refused as too long without being held whole.
LONGEST_LINE = 16 * MIB + 1
Read = Callable[[int], bytes]


def ndjson_batches(path: Path, head: bytes) -> Iterator[Batch]:
    """The file's lines. `head` is how it begins; `Batch.done` counts bytes of the file as it lies.

    Raises Failure where it can't be read to its end.
    """
    try:
        with ExitStack() as stack:
            yield from _batches(path, head, stack)
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Failure(f"can't read {path} to its end: {why}", FAILED) from error


def _batches(path: Path, head: bytes, stack: ExitStack) -> Iterator[Batch]:
    if path == STANDARD_INPUT:
        for first, lines in _lines(sys.stdin.buffer.read):
            yield Batch("<stdin>", first, lines, 0)
        return
    file = stack.enter_context(path.open("rb"))
    read = file.read
    if head.startswith(GZIP):
        read = stack.enter_context(gzip.GzipFile(fileobj=file)).read
    elif head.startswith(ZSTANDARD):
        read = _unpacked_by_zstd(path, file, stack)
    for first, lines in _lines(read):
        yield Batch(str(path), first, lines, file.tell())


def _lines(read: Read) -> Iterator[tuple[int, list[bytes]]]:
    """Lines in pieces, each piece with the number of its first line."""
    first = 1
    rest = b""
    too_long = False
    begun = False
    while piece := read(PIECE):
        if not begun:
            piece, begun = piece.removeprefix(UTF8_MARK), True
        *lines, rest_of_piece = piece.split(b"\n")
        if lines:
            if too_long:
                del lines[0]  # the end of a line that was passed on cut
                too_long = False
            else:
                lines[0] = rest + lines[0]
            rest = rest_of_piece
        elif not too_long:
            rest += rest_of_piece
        if len(rest) >= LONGEST_LINE and not too_long:
            lines.append(rest)
            rest, too_long = b"", True
        if lines:
            yield first, lines
            first += len(lines)
    if rest and not too_long:
        yield first, [rest]


def _unpacked_by_zstd(path: Path, file: BinaryIO, stack: ExitStack) -> Read:
    """Python has no Zstandard of its own before 3.14; the program is wherever such files are."""
    program = shutil.which("zstd")
    if program is None:
        raise Failure(
            f"{path} is packed by Zstandard: install the program zstd, or unpack it first",
            CONFIGURATION,
        )
    process = stack.enter_context(
        subprocess.Popen(  # noqa: S603
            [program, "--decompress", "--stdout", "--quiet"],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    # Whoever stops reading early must not leave it waiting for somebody to take what it has.
    stack.callback(process.kill)
    output, said = process.stdout, process.stderr
    assert output is not None
    assert said is not None

    def read(size: int) -> bytes:
        data = output.read(size)
        if not data and process.wait() != 0:
            reason = said.read().decode(errors="replace").rpartition(" : ")[2].strip()
            raise OSError(reason or "zstd failed")
        return data

    return read

"""Rows of JSON files: NDJSON, and what nodes and their clients write.

A file is a line for each row, or one value: an array, or a single object. An object is a row, or an
answer of a node whose `result` is meant; a block may have its transactions or receipts inside, and
a receipt its logs. Those are rows of their own, which have of the one around them what they don't
tell themselves. Names are taken in one form: `blockNumber` is `block_number`.

An array is read element by element, that of an answer as well: decoded as a whole, it would take
ten times its size.
"""

import io
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import BinaryIO, cast

import msgspec

from collectors.evm.json_array import array_elements

Cells = dict[str, object]


class NoRow(str):
    """Why something is no row."""

    __slots__ = ()


#: Of what is no row, and no object either.
NO_ROW = NoRow("no row of a table: empty, damaged, or an answer without a result")
#: An object that is a whole file, such as a node's answer, is held in memory as it stands there.
LARGEST_OBJECT = 128 << 20
#: A row, with what is inside of it: a line, an element of an array, or an object.
LARGEST_ROW = 16 << 20
_PIECE = 1 << 20
#: No column that is looked at has so long a name.
_LONGEST_NAME = 64
_DEEPEST = 8
_INSIDE = ("transactions", "receipts", "logs")
#: By what a block or a receipt calls it, what a row inside does.
_INHERITED = {
    "number": "block_number",
    "block_number": "block_number",
    "block_hash": "block_hash",
    "timestamp": "timestamp",
    "transaction_hash": "transaction_hash",
    "transaction_index": "transaction_index",
}
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")


class TooLarge(OSError):
    """A file in one piece that is too large for it."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"an object of more than {most >> 20} MiB in one piece; write a line for each row, "
            "such as by `jq -c .result[]`"
        )


class _Answer(msgspec.Struct):
    """Of a node."""

    jsonrpc: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_answer_decoder = msgspec.json.Decoder(_Answer)


def json_cells(file: BinaryIO) -> Iterator[tuple[int, Cells | NoRow]]:
    """The rows with the numbers of their lines, or of their places in a file that is one value.

    A line that is no object or too long, or an answer without a result, is none. Raises OSError,
    and DamagedArray or msgspec.DecodeError for one value that is damaged.
    """
    lines = _lines(file)
    first = next(lines, (0, b""))
    # Behind the beginning of a line without end there is no other line yet.
    second = next(lines, (0, b"")) if len(first[1]) <= LARGEST_ROW else (0, b"")
    if len(first[1]) > LARGEST_ROW or _is_one_value(first[1], second[1]):
        begin = first[1] + second[1]
        del first, second, lines
        if begin.lstrip().startswith(b"["):
            elements = array_elements(file.read, begin, longest=LARGEST_ROW)
        else:
            elements = _in_object(begin, file)
        for place, element in enumerate(elements, 1):
            for one in _rows(_decoded(element)):
                yield place, one
        return
    for number, line in chain((first, second), lines):
        if len(line) > LARGEST_ROW:
            yield number, NoRow(f"a line of more than {LARGEST_ROW >> 20} MiB")
        elif line:
            for one in _rows(_decoded(line)):
                yield number, one


def _in_object(begin: bytes, file: BinaryIO) -> Iterator[bytes]:
    """What an object is that is a whole file: a row, or what its `result` lists."""
    pieces, size = [begin], len(begin)
    while size <= LARGEST_OBJECT and (piece := file.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    if size > LARGEST_OBJECT:
        raise TooLarge(LARGEST_OBJECT)
    whole = b"".join(pieces)
    del pieces
    answer = _answer_decoder.decode(whole)
    is_answer = not isinstance(answer.jsonrpc, msgspec.UnsetType)
    result = b"" if isinstance(answer.result, msgspec.UnsetType) else bytes(answer.result)
    if is_answer and result.startswith(b"["):
        del answer, whole
        yield from array_elements(io.BytesIO(result).read, b"", longest=LARGEST_ROW)
    elif len(whole) > LARGEST_ROW:
        raise TooLarge(LARGEST_ROW)
    else:
        yield whole


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """What isn't blank, with its number, without a mark of the byte order before it.

    Of a line that is too long only its beginning comes, and the rest is passed over when the next
    one is asked for.
    """
    number = 0
    while line := file.readline(LARGEST_ROW + 1):
        number += 1
        found = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not found.strip():
            continue
        yield number, found
        while len(line) > LARGEST_ROW and not line.endswith(b"\n"):
            line = file.readline(LARGEST_ROW + 1)


def _is_one_value(first: bytes, second: bytes) -> bool:
    """Whether a file that begins so is one value, not a line for each."""
    begin = first.lstrip()[:1]
    if begin == b"[":  # each line may be an array: the answers to one question after the other
        return not second or _decoded(first) is None
    if begin != b"{" or _decoded(first) is not None:
        return False
    # Else the first of several lines is damaged, or each of the first two.
    if first.rstrip()[-1:] == b"}" and second.lstrip()[:1] == b"{":
        return False
    return first.rstrip()[-1:] in b":,[{" or not isinstance(_decoded(second), dict)


def _decoded(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _rows(
    value: object, around: Mapping[str, object] | None = None, deep: int = 0
) -> Iterator[Cells | NoRow]:
    """An object as rows: itself, and those inside."""
    if deep > _DEEPEST:
        yield NO_ROW
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _rows(one, around, deep + 1)
    elif not isinstance(value, dict):
        yield NO_ROW
    else:
        cells = {
            plain_name(name): cell
            for name, cell in cast("Cells", value).items()
            if len(name) <= _LONGEST_NAME
        }
        if "jsonrpc" in cells:
            yield from _rows(cells.get("result"), None, deep + 1)
            return
        inside = [
            cast("list[object]", cells.pop(name))
            for name in _INSIDE
            if isinstance(cells.get(name), list)
        ]
        if around:
            cells = {**around, **cells}
        yield cells
        told = {ours: cells[name] for name, ours in _INHERITED.items() if name in cells}
        if "number" in cells and "hash" in cells:  # a block
            told["block_hash"] = cells["hash"]
        for one in chain.from_iterable(inside):
            if isinstance(one, dict):  # a block may have the hashes of its transactions only
                yield from _rows(cast("Cells", one), told, deep + 1)


@lru_cache(maxsize=1024)
def plain_name(name: str) -> str:
    """A column's name in the one form in which all are taken."""
    return _UPPER.sub(r"_\1", name).lower()

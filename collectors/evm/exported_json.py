"""Rows of JSON files: NDJSON, and what nodes and their clients write.

A file is a line for each row, or one value: an array, or a single object. An object is a row, or an
answer of a node whose `result` is meant; a block may have its transactions or receipts inside, and
a receipt its logs. Those are rows of their own, which have of the one around them what they don't
tell themselves. Names are taken in one form: `blockNumber` is `block_number`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import BinaryIO, cast

import msgspec

Cells = dict[str, object]

#: A file that is one value is read whole.
LARGEST = 256 << 20
_LONGEST_LINE = 16 << 20
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

    def __init__(self) -> None:
        super().__init__(f"more than {LARGEST >> 20} MiB in one piece; write a line for each row")


def json_cells(file: BinaryIO) -> Iterator[tuple[int, Cells]]:
    """The rows with the numbers of their lines, or of their places in a file that is one value.

    A line that is no object, or an answer without a result, is an empty row. Raises
    OSError, and msgspec.DecodeError for one value that is damaged.
    """
    lines = _lines(file)
    first, second = next(lines, (0, b"")), next(lines, (0, b""))
    if _is_one_value(first[1], second[1]):
        rest = file.read(LARGEST + 1)
        if len(rest) + len(first[1]) + len(second[1]) > LARGEST:
            raise TooLarge
        found = msgspec.json.decode(first[1] + second[1] + rest)
        values = cast("list[object]", found) if isinstance(found, list) else [found]
        for place, value in enumerate(values, 1):
            for one in _rows(value):
                yield place, one
        return
    for number, line in chain((first, second), lines):
        if line:
            for one in _rows(_decoded(line)):
                yield number, one


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """What isn't blank, with its number, without a mark of the byte order before it."""
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
        found = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if found.strip():
            yield number, found


def _is_one_value(first: bytes, second: bytes) -> bool:
    """Whether a file that begins so is one value, not a line for each."""
    begin = first.lstrip()[:1]
    if begin == b"[":  # each line may be an array: the answers to one question after the other
        return not second or _decoded(first) is None
    if begin != b"{" or _decoded(first) is not None:
        return False
    # Else the first of several lines is damaged.
    return first.rstrip()[-1:] in b":,[{" or not isinstance(_decoded(second), dict)


def _decoded(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None


def _rows(
    value: object, around: Mapping[str, object] | None = None, deep: int = 0
) -> Iterator[Cells]:
    """An object as rows: itself, and those inside."""
    if deep > _DEEPEST:
        yield {}
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _rows(one, around, deep + 1)
    elif not isinstance(value, dict):
        yield {}
    else:
        cells = {
            _snake(name): cell
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
def _snake(name: str) -> str:
    return _UPPER.sub(r"_\1", name).lower()

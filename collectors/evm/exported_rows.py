"""Rows of tables that were exported from a chain, by the names of their columns.

The columns are those of ethereum-etl and of Google's public data sets (``log_index``,
``block_timestamp``), cryo (``topic0``), Dune (``tx_hash``, ``block_time``, ``index``) and Allium,
the files CSV or NDJSON, packed by gzip or not. What a table is, its columns tell.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

import msgspec

#: `unreadable`: a packed file that is damaged before its first row is over. Reading it says so.
Kind = Literal["block", "log", "receipt", "transaction", "transfer", "unreadable"]
Row = dict[str, str]

#: Names of files that may be tables end so.
SUFFIXES = tuple(
    plain + packed for plain in (".csv", ".ndjson", ".jsonl", ".json") for packed in ("", ".gz")
)
#: What reading a damaged file raises.
UNREADABLE = (OSError, EOFError, csv.Error, UnicodeDecodeError, zlib.error)
_LONGEST_LINE = 16 << 20
_WHOLE = re.compile(r"[0-9]{1,78}|0x[0-9a-fA-F]{1,64}")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9:]{8})(?:\.0+)?(?: ?UTC|Z|\+00:00)?")

#: By our name of a column, what it is called there.
_TIMES = ("block_timestamp", "block_time", "timestamp", "time")
_COLUMNS: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "log": {
        "block": ("block_number",),
        "block_hash": ("block_hash",),
        "time": _TIMES,
        "hash": ("transaction_hash", "tx_hash"),
        "index": ("transaction_index", "tx_index"),
        "log": ("log_index", "index"),
        "address": ("address", "contract_address"),
        "topics": ("topics",),
        **{f"topic{place}": (f"topic{place}",) for place in range(4)},
        "data": ("data",),
        "sender": ("transaction_from_address", "from_address", "tx_from"),
        "to": ("transaction_to_address", "to_address", "tx_to"),
    },
    "transaction": {
        "block": ("block_number",),
        "block_hash": ("block_hash",),
        "time": _TIMES,
        "hash": ("hash", "transaction_hash", "tx_hash"),
        "index": ("transaction_index", "index"),
        "sender": ("from_address", "from"),
        "to": ("to_address", "to"),
        "input": ("input", "data"),
        "value": ("value", "value_string"),
        "nonce": ("nonce",),
        "status": ("receipt_status", "success", "status"),
    },
    "receipt": {
        "block": ("block_number",),
        "block_hash": ("block_hash",),
        "hash": ("transaction_hash",),
        "index": ("transaction_index",),
        "status": ("status",),
    },
    "transfer": {
        "block": ("block_number",),
        "block_hash": ("block_hash",),
        "time": _TIMES,
        "hash": ("transaction_hash",),
        "log": ("log_index",),
        "address": ("token_address",),
        "sender": ("from_address",),
        "to": ("to_address",),
        "value": ("value",),
    },
    "block": {
        "block": ("number", "block_number"),
        "block_hash": ("hash", "block_hash"),
        "parent": ("parent_hash",),
        "time": _TIMES,
    },
}
#: A table is the first of these whose columns it has, one of each group at least.
_NEEDED: tuple[tuple[Kind, tuple[tuple[str, ...], ...]], ...] = (
    ("log", (("block",), ("hash",), ("log",), ("address",), ("topics", "topic0"), ("data",))),
    (
        "transfer",
        (("block",), ("hash",), ("log",), ("address",), ("sender",), ("to",), ("value",)),
    ),
    # Traces have no nonce.
    ("transaction", (("block",), ("hash",), ("sender",), ("to",), ("nonce",))),
    ("receipt", (("block",), ("hash",), ("status",))),
    ("block", (("block",), ("block_hash",), ("time",))),
)


class Table(NamedTuple):
    """A file, what it holds, and its columns: ours by theirs."""

    path: Path
    kind: Kind
    columns: Mapping[str, str]


def table_of(path: Path) -> Table | None:
    """What a file is by its columns; None if it is no table of a chain. Raises OSError."""
    try:
        for _, row in _cells(path):
            return _recognised(path, row)
        with _opened(path) as file:  # a CSV without rows
            header = file.readline(_LONGEST_LINE).decode().rstrip("\r\n")
        return _recognised(path, dict.fromkeys(header.split(","), ""))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return Table(path, "unreadable", {})
    except (ValueError, csv.Error):
        return None


def _recognised(path: Path, row: Mapping[str, object]) -> Table | None:
    for kind, needed in _NEEDED:
        columns: dict[str, str] = {}
        for ours, theirs in _COLUMNS[kind].items():
            found = next((one for one in theirs if one in row and one not in columns), None)
            if found is not None:
                columns[found] = ours
        have = set(columns.values())
        if all(any(one in have for one in group) for group in needed):
            return Table(path, kind, columns)
    return None


def rows(table: Table) -> Iterator[tuple[int, Row]]:
    """Its rows with the numbers of their lines, under our names; empty cells are left out. Raises
    one of UNREADABLE."""
    for number, cells in _cells(table.path):
        row: Row = {}
        for theirs, ours in table.columns.items():
            text = _text(cells.get(theirs))
            if text:
                row[ours] = text
        yield number, row


def _cells(path: Path) -> Iterator[tuple[int, "dict[str, object]"]]:
    with _opened(path) as file:
        if ".csv" in path.name.lower():
            csv.field_size_limit(_LONGEST_LINE)
            lines = (line.decode() for line in iter(lambda: file.readline(_LONGEST_LINE), b""))
            reader = csv.DictReader(lines, strict=True)
            if reader.fieldnames:
                reader.fieldnames = [one.strip().lstrip("\ufeff") for one in reader.fieldnames]
            for row in reader:
                yield reader.line_num, cast("dict[str, object]", row)
            return
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> "dict[str, object]":
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _opened(path: Path) -> BinaryIO:
    if path.name.lower().endswith(".gz"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


def _text(cell: object) -> str:
    """A cell as text: a list with commas, as ethereum-etl has it."""
    if cell is None:
        return ""
    if isinstance(cell, list):
        return ",".join(str(one) for one in cast("list[object]", cell))
    return ("true" if cell else "false") if isinstance(cell, bool) else str(cell).strip()


def whole(row: Row, name: str) -> int:
    """A whole number, decimal or hexadecimal. Raises ValueError with what is wrong."""
    text = row.get(name, "")
    if _WHOLE.fullmatch(text) is None:
        raise ValueError(f"{name}: {text[:40]!r} is no whole number")
    return int(text, 0) if text.startswith("0x") else int(text)


def place_in(row: Row, name: str) -> int:
    """A number of a block, or a place in one. Raises ValueError."""
    number = whole(row, name)
    if number >= 1 << 63:
        raise ValueError(f"{name}: {row[name][:40]} is out of range")
    return number


def seconds(row: Row) -> int:
    """A block's time: seconds since the epoch, or a date in UTC. Raises ValueError."""
    text = row["time"]
    if text.isdecimal():
        return int(text)
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"time: {text[:40]!r} is neither seconds nor a date in UTC")
    day = datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S")
    return int(day.replace(tzinfo=UTC).timestamp())

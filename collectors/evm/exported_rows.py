"""Rows of tables that were exported from a chain, by the names of their columns.

The columns are those of ethereum-etl and of Google's public data sets (``log_index``,
``block_timestamp``), cryo (``topic0``), Dune (``tx_hash``, ``block_time``, ``index``), Flipside
(``event_index``) and Allium, and those of a node's own answers (``logIndex``), the files CSV or
JSON, packed by gzip or not. What a row is, its columns tell: a file may hold several kinds, as
receipts with logs inside. What stands in a cell: :mod:`collectors.evm.exported_cells`.
"""

import csv
import gzip
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, Protocol, cast

import msgspec

from collectors.evm.exported_cells import Row, text_of
from collectors.evm.exported_csv import CsvTable, WrongHeader
from collectors.evm.exported_json import Cells, NoRow, TooLarge, json_cells
from collectors.evm.json_array import DamagedArray
from pipeline.foreign_text import HEAD, foreign

#: `unreadable`: a packed file that is damaged before its first row is over. Reading it says so.
Kind = Literal["block", "log", "pool", "receipt", "transaction", "transfer", "unreadable"]

#: Names of files that may be tables end so.
SUFFIXES = tuple(
    plain + packed for plain in (".csv", ".ndjson", ".jsonl", ".json") for packed in ("", ".gz")
)


class NotText(Exception):
    """A file that is something else than UTF-8 text: what, and what to do."""


#: What reading a damaged file raises.
UNREADABLE = (
    OSError,
    EOFError,
    csv.Error,
    UnicodeDecodeError,
    zlib.error,
    msgspec.DecodeError,
    RecursionError,
    DamagedArray,
    NotText,
    WrongHeader,
)
_FIRST = 1_000

#: By our name of a column, what it is called there.
_TIMES = ("block_timestamp", "block_time", "timestamp", "time")
_COLUMNS: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "log": {
        "block": ("block_number",),
        "block_hash": ("block_hash",),
        "time": _TIMES,
        "hash": ("transaction_hash", "tx_hash"),
        "index": ("transaction_index", "tx_index", "tx_position"),
        "log": ("log_index", "index", "event_index"),
        "address": ("address", "contract_address"),
        "topics": ("topics",),
        **{f"topic{place}": (f"topic{place}",) for place in range(4)},
        "data": ("data",),
        "sender": ("transaction_from_address", "from_address", "tx_from", "origin_from_address"),
        "to": ("transaction_to_address", "to_address", "tx_to", "origin_to_address"),
    },
    "transaction": {
        "block": ("block_number",),
        "block_hash": ("block_hash",),
        "time": _TIMES,
        "hash": ("hash", "transaction_hash", "tx_hash"),
        "index": ("transaction_index", "index", "tx_position"),
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
        "sender": ("from",),
        "to": ("to",),
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
    "pool": {
        "address": ("pool", "pair", "pool_address", "pair_address"),
        "token0": ("token0",),
        "token1": ("token1",),
        "protocol": ("protocol", "dex"),
    },
}
#: Calls and transfers of tokens within transactions have most of a transaction's columns, but not
#: who signed it: ethereum-etl's, Etherscan's and others' have one of these as well.
_WITHIN = frozenset(
    (
        *("trace_address", "trace_type", "trace_id", "call_type"),
        *("log_index", "token_address", "token_symbol"),
    )
)
_KNOWN = _WITHIN.union(
    one for columns in _COLUMNS.values() for names in columns.values() for one in names
)
#: A table is the first of these whose columns it has, one of each group at least.
_NEEDED: tuple[tuple[Kind, tuple[tuple[str, ...], ...]], ...] = (
    ("log", (("block",), ("hash",), ("log",), ("address",), ("topics", "topic0"), ("data",))),
    (
        "transfer",
        (("block",), ("hash",), ("log",), ("address",), ("sender",), ("to",), ("value",)),
    ),
    ("transaction", (("block",), ("hash",), ("sender",), ("to",), ("nonce",))),
    ("receipt", (("block",), ("hash",), ("status",))),
    # Cut down to who signed and whom they called.
    ("transaction", (("block",), ("hash",), ("sender",), ("to",), ("index",))),
    ("block", (("block",), ("block_hash",), ("time",))),
    ("pool", (("address",), ("token0",), ("token1",))),
)


class Report(Protocol):
    """Takes a file, the number of the line (0: all of it), why it isn't taken, and where in it."""

    def __call__(self, path: Path, line: int, message: str, column: int = 1, /) -> None: ...


class Table(NamedTuple):
    """A file, and what its rows are: nothing, of one without a byte."""

    path: Path
    kinds: frozenset[Kind]


class _Form(NamedTuple):
    """What a row is, and its columns: ours by theirs."""

    kind: Kind
    columns: Mapping[str, str]


def table_of(path: Path) -> Table | None:
    """What a file holds by its columns; None if it is no table of a chain. Raises OSError."""
    try:
        if _is_csv(path):  # the header tells, and there may be no row
            with _opened(path) as file:
                if not file.read(1):  # ethereum-etl writes the header with the first row
                    return Table(path, frozenset())
                file.seek(0)
                form = _form_of(CsvTable(file, _KNOWN).names)
            return None if form is None else Table(path, frozenset((form.kind,)))
        found: set[Kind] = set()
        for _, row in islice(_cells(path), _FIRST):
            if isinstance(row, NoRow) or not row:
                continue
            form = _form_of(row)
            if form is not None:
                found.add(form.kind)
            # Not every receipt has logs inside.
            if form is None or form.kind not in ("receipt", "block"):
                break
        return Table(path, frozenset(found)) if found else None
    except WrongHeader as error:
        form = _form_of(error.names)
        return None if form is None else Table(path, frozenset((form.kind,)))
    except (
        gzip.BadGzipFile,
        EOFError,
        zlib.error,
        TooLarge,
        NotText,
        DamagedArray,
        msgspec.DecodeError,
    ):
        return Table(path, frozenset(("unreadable",)))
    except (ValueError, csv.Error):
        # Text of another kind is let be; a table has its header in UTF-8.
        return Table(path, frozenset(("unreadable",))) if _is_csv(path) else None
    except RecursionError:
        return None


def _form_of(names: Iterable[str]) -> _Form | None:
    return _form(tuple(one for one in names if one in _KNOWN))


@lru_cache(maxsize=256)
def _form(names: tuple[str, ...]) -> _Form | None:
    for kind, needed in _NEEDED:
        if kind == "transaction" and not _WITHIN.isdisjoint(names):
            continue
        columns: dict[str, str] = {}
        for ours, theirs in _COLUMNS[kind].items():
            found = next((one for one in theirs if one in names and one not in columns), None)
            if found is not None:
                columns[found] = ours
        have = set(columns.values())
        if all(any(one in have for one in group) for group in needed):
            return _Form(kind, columns)
    return None


def rows(table: Table) -> Iterator[tuple[int, Kind, Row | NoRow]]:
    """Its rows with the numbers of their lines and what they are, under our names; empty cells are
    left out. Raises one of UNREADABLE."""
    first: _Form | None = None
    before: list[tuple[int, NoRow]] = []
    for number, cells in _cells(table.path):
        form = None if isinstance(cells, NoRow) else _form_of(cells)
        if first is None and form is not None:
            for earlier, why in before:
                yield earlier, form.kind, why
        first = first or form
        if (form := form or first) is None:
            if isinstance(cells, NoRow) and len(before) < _FIRST:
                before.append((number, cells))
            continue
        if isinstance(cells, NoRow):
            yield number, form.kind, cells
            continue
        row: Row = {}
        for theirs, ours in form.columns.items():
            text = text_of(cells.get(theirs))
            if text:
                row[ours] = text
        yield number, form.kind, row


def tell_unreadable(report: Report, path: Path, number: int, error: Exception) -> None:
    """Say that a file can't be read behind this row; 0: at all."""
    if isinstance(error, WrongHeader):
        report(path, 1, str(error), error.place)
    elif isinstance(error, NotText):
        report(path, 0, str(error))
    else:
        report(path, 0, f"can't be read{f' behind line {number}' if number else ''}: {error}")


def _is_csv(path: Path) -> bool:
    return ".csv" in path.name.lower()


def _cells(path: Path) -> Iterator[tuple[int, Cells | NoRow]]:
    with _opened(path) as file:
        yield from CsvTable(file, _KNOWN).rows() if _is_csv(path) else json_cells(file)


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO]:
    packed = path.name.lower().endswith(".gz")
    with cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb") as file:
        if what := foreign(file.read(HEAD)):
            raise NotText(what)
        file.seek(0)
        yield file

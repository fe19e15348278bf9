"""Blocks out of tables that somebody exported from a chain: its logs, transactions and blocks.

Published data sets name pools, tokens and transactions; what happened there is had in such tables,
from an archive (see :mod:`collectors.evm.exported_rows` for whose). A table of logs is needed, or
at least ethereum-etl's of token transfers, which are taken for ERC-20's where no log is there as
well. What time and hash a block has, any of them may tell; who called, and what of the chain's own
currency went where, the transactions do.

Rows may stand in any order and come twice: they are put in order in a database on the disk, which
is gone afterwards. Of a block whose time or hash nothing tells no frame is made, nor of one of
which they tell two hashes: then they are of two chains, or of a block and what replaced it. Where
no table has hashes of blocks, as Flipside's, the number of a block stands for its hash.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from msgspec import Raw, Struct, field
from msgspec.json import Decoder, Encoder

from collectors.evm.exported_cells import Row, place_in, seconds, topics_of, whole
from collectors.evm.exported_json import NoRow
from collectors.evm.exported_rows import (
    SUFFIXES,
    UNREADABLE,
    Kind,
    Report,
    Table,
    rows,
    table_of,
    tell_unreadable,
)
from pipeline.evm_payload import BlockPayload, encode_block
from pipeline.failure import Failure
from pipeline.frames import MAX_FRAME_BYTES, Frame

_AT_ONCE = 5_000
_MOST_FILES = 10_000
#: What ended long ago doesn't change any more.
_FINALITY = "finalized"
_FAILED = ("0", "0x0", "false")
_SUCCEEDED = ("1", "0x1", "true")
#: ``Transfer(address,address,uint256)``.
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
#: A part of this kind is a hash that some row tells of a block: of two rows of one place only the
#: first is kept, and both may be right, each on its branch.
_HASH_TOLD = ""
#: Of a block: the kind, place and name of a part, and its row.
_Part = tuple[int, str, int, str, bytes]
_encode = Encoder().encode
_row_decoder = Decoder(Row)


class _Parts(Struct):
    """What the tables tell of one block."""

    header: Row = field(default_factory=dict[str, str])
    transactions: dict[str, Row] = field(default_factory=dict[str, Row])
    logs: list[Row] = field(default_factory=list[Row])


class ExportedTables:
    """The tables in a folder, as blocks of one chain."""

    def __init__(self, tables: Sequence[Table], chain_id: int, network: str) -> None:
        self._tables = tables
        self._chain_id = chain_id
        self._network = network

    def frames(self, report: Report) -> Iterator[Frame]:
        """All blocks in their order. What can't be read is told, and passed over.

        Raises Failure where there is no room for the database.
        """
        # They were here by then, which is the same in every reading.
        received = max(one.path.stat().st_mtime_ns for one in self._tables)
        database = sqlite3.connect("")  # one without a name is on the disk until it is closed
        try:
            database.execute(
                "CREATE TABLE part (block INTEGER, kind TEXT, place INTEGER, name TEXT, row BLOB, "
                "PRIMARY KEY (block, kind, place, name)) WITHOUT ROWID"
            )
            for table in self._tables:
                _load(database, table, report)
            of_hashes = "SELECT EXISTS (SELECT 1 FROM part WHERE kind = ?)"
            (hashes,) = database.execute(of_hashes, (_HASH_TOLD,)).fetchone()
            found = database.execute(
                "SELECT block, kind, name, row FROM part ORDER BY block, kind, place, name"
            )
            for number, parts in groupby(found, key=_block_of):
                frame = self._frame(number, parts, received, report, has_hash=bool(hashes))
                if frame is not None:
                    yield frame
        except sqlite3.Error as error:
            raise Failure(
                f"the tables can't be put in order: {error}; SQLITE_TMPDIR names a folder with "
                "room for as much as they hold unpacked"
            ) from None
        finally:
            database.close()

    def _frame(
        self,
        number: int,
        parts: Iterator[tuple[int, str, str, bytes]],
        received: int,
        report: Report,
        *,
        has_hash: bool,
    ) -> Frame | None:
        block = _Parts()
        if not has_hash:
            block.header["block_hash"] = f"0x{number:064x}"
        hashes: set[str] = set()
        for _, kind, name, data in parts:
            if kind == _HASH_TOLD:
                hashes.add(name)
                continue
            row = _row_decoder.decode(data)
            for told in ("block_hash", "time"):
                if told in row:
                    block.header.setdefault(told, row[told])
            if kind == "block":
                block.header |= row
            elif kind == "log":
                block.logs.append(row)
            else:  # "receipt" is before "transaction"
                block.transactions[name] = block.transactions.get(name, {}) | row
        where = self._tables[0].path.parent
        if len(hashes) > 1:
            report(where, 0, f"block {number}: the tables tell {len(hashes)} hashes of it")
            return None
        if "block_hash" not in block.header or "time" not in block.header:
            missing = "hash" if "block_hash" not in block.header else "time"
            report(where, 0, f"block {number}: none of the tables tells its {missing}")
            return None
        try:
            payload = self._payload(number, block)
        except ValueError as error:
            report(where, 0, f"block {number}: {error}")
            return None
        if len(payload) > MAX_FRAME_BYTES:
            report(where, 0, f"block {number}: {len(payload):,} bytes are more than a frame holds")
            return None
        return Frame(f"{number}:{block.header['block_hash']}", received, payload)

    def _payload(self, number: int, block: _Parts) -> bytes:
        if _HASH.fullmatch(block.header["block_hash"]) is None:
            raise ValueError(f"{block.header['block_hash'][:40]!r} is no hash of a block")
        header: dict[str, str] = {
            "number": hex(number),
            "hash": block.header["block_hash"],
            "timestamp": hex(seconds(block.header)),
        }
        if "parent" in block.header:
            header["parentHash"] = block.header["parent"]
        logs: list[Raw] = []
        callers = dict(block.transactions)
        for row in block.logs:
            logs.append(Raw(_encode(_log(row, header["hash"]))))
            if "sender" in row:
                callers.setdefault(row["hash"].lower(), row)
        with_logs = {row["hash"].lower() for row in block.logs}
        transactions: list[Raw] = []
        receipts: list[Raw] = []
        native: list[str] = []
        for name, row in callers.items():
            if "sender" not in row:
                continue  # a receipt without its transaction
            status = row.get("status", "").lower()
            failed = status in _FAILED
            gave = (
                whole(row, "value") > 0 and (status in _SUCCEEDED or name in with_logs)
                if "value" in row
                else False
            )
            if not (name in with_logs or failed or gave):
                continue
            transactions.append(Raw(_encode(_transaction(row))))
            if failed:
                receipts.append(Raw(_encode({"transactionHash": row["hash"], "status": "0x0"})))
            elif gave:
                native.append(row["hash"])
        return encode_block(
            BlockPayload(
                chain_id=self._chain_id,
                network=self._network,
                finality=_FINALITY,
                block=Raw(_encode(header)),
                transactions=transactions,
                logs=logs,
                refusals=[],
                receipts=receipts,
                native_transfers=native,
            )
        )


def exported_tables(folder: Path) -> list[Table]:
    """The tables in a folder; empty if there is something else in it, and none of logs.

    Raises OSError, where there is nothing but tables, and none of logs, as well.
    """
    files = _files(folder)
    if len(files) > _MOST_FILES:  # of order logs there may be so many
        return []
    tables = all_tables(folder)
    if any(one.kinds & {"log", "transfer"} for one in tables):
        return tables
    certain = [one for one in tables if "unreadable" not in one.kinds]
    empty = [one.path.name for one in certain if not one.kinds]
    if len(certain) == len(files) > len(empty):
        but = f", and {empty[0]} is empty" if empty else ""
        raise OSError(f"its tables are neither of logs nor of token transfers{but}")
    return []


def all_tables(folder: Path) -> list[Table]:
    """The tables in a folder, whatever they hold. Raises OSError."""
    files = _files(folder)
    if len(files) > _MOST_FILES:
        raise OSError(f"more than {_MOST_FILES:,} files")
    tables = [found for one in files if (found := table_of(one)) is not None]
    # A log says more than the transfer that was made of it, and the first of two is kept.
    tables.sort(key=lambda one: "transfer" in one.kinds)
    return tables


def _files(folder: Path) -> list[Path]:
    named = (one for one in folder.iterdir() if one.name.lower().endswith(SUFFIXES))
    return sorted(one for one in named if one.is_file())


def _block_of(part: tuple[int, str, str, bytes]) -> int:
    return part[0]


def _load(database: sqlite3.Connection, table: Table, report: Report) -> None:
    if "pool" in table.kinds:  # see collectors.evm.created_pools
        return
    batch: list[_Part] = []
    newest: _Part | None = None
    number = 0

    def put() -> None:
        database.executemany("INSERT OR IGNORE INTO part VALUES (?, ?, ?, ?, ?)", batch)
        batch.clear()

    try:
        for number, kind, row in rows(table):
            try:
                if isinstance(row, NoRow):
                    raise ValueError(row)
                part = _part(kind, row)
            except ValueError as error:
                report(table.path, number, str(error))
                continue
            batch.append(part)
            if "block_hash" in row:
                told = (part[0], _HASH_TOLD, 0, row["block_hash"].lower(), b"")
                if told != newest:
                    batch.append(newest := told)
            if len(batch) >= _AT_ONCE:
                put()
    except UNREADABLE as error:
        tell_unreadable(report, table.path, number, error)
    put()


def _part(kind: Kind, row: Row) -> _Part:
    """A row with where it belongs. Raises ValueError."""
    block = place_in(row, "block")
    if kind == "block":
        return block, kind, 0, "", _encode(row)
    if "hash" not in row:
        raise ValueError("the hash of the transaction is missing")
    if kind == "log":
        return block, kind, place_in(row, "log"), "", _encode(row)
    if kind == "transfer":
        return block, "log", place_in(row, "log"), "", _encode(_transfer_log(row))
    place = place_in(row, "index") if "index" in row else 0
    return block, kind, place, row["hash"].lower(), _encode(row)


def _transfer_log(row: Row) -> Row:
    """The log that a row of a transfer was made of, if the token is an ERC-20."""
    parties = [row.get(name, "") for name in ("sender", "to")]
    if any(_ADDRESS.fullmatch(one) is None for one in parties):
        raise ValueError("from_address or to_address is no address")
    log = {
        name: row[name] for name in ("block_hash", "time", "hash", "log", "address") if name in row
    }
    words = (one[2:].lower().rjust(64, "0") for one in parties)
    log["topics"] = ",".join((_TRANSFER, *(f"0x{word}" for word in words)))
    log["data"] = f"0x{whole(row, 'value'):064x}"
    return log


def _log(row: Row, block_hash: str) -> dict[str, object]:
    found: dict[str, object] = {
        "address": row.get("address", ""),
        "topics": topics_of(row),
        "data": row.get("data", "0x"),
        "blockHash": block_hash,
        "transactionHash": row["hash"],
        "logIndex": hex(whole(row, "log")),
    }
    if "index" in row:
        found["transactionIndex"] = hex(whole(row, "index"))
    return found


def _transaction(row: Row) -> dict[str, object]:
    found: dict[str, object] = {
        "hash": row["hash"],
        "from": row.get("sender", ""),
        "to": row.get("to"),
        "input": row.get("input", "0x"),
    }
    for name, key in (("index", "transactionIndex"), ("nonce", "nonce"), ("value", "value")):
        if name in row:
            found[key] = hex(whole(row, name))
    return found

"""Tables that archives export give the events that the node itself would have given."""

import csv
import gzip
import random
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from collectors.evm.exported_json import NO_ROW
from collectors.evm.exported_tables import ExportedTables, all_tables, exported_tables
from normalizer.events import Record
from normalizer.events.chain import OracleUpdate, PoolSwap, TokenTransfer
from normalizer.normalize import Normalizer
from pipeline.failure import Failure
from pipeline.frames import Frame, FrameBatch
from simulation.catalogue import play
from simulation.session import Session
from tests.collectors.exports import (
    cryo,
    dune,
    ethereum_etl,
    node_answers,
    receipts_by_line,
    token_transfers,
)

Export = Callable[[Iterable[Frame], Path], None]


@pytest.fixture(scope="module")
def session() -> Session:
    return play("pool", 11, length=40)


def events_of(session: Session, frames: Iterable[Frame]) -> list[Record]:
    batch = FrameBatch("chain", "evm", list(frames))
    result = Normalizer(session.reference, {}).normalize(1, batch)
    assert not result.dead
    # What a proxy of an oracle said is in no table.
    return [one for one in result.events if not isinstance(one, OracleUpdate)]


def told(records: Iterable[Record], *without: str) -> list[dict[str, object]]:
    """What they say, but of when and how we got them."""
    left_out = {"ingested", "original", "finality", *without}
    return [
        {name: getattr(one, name) for name in one.__struct_fields__ if name not in left_out}
        for one in records
    ]


def frames_in(folder: Path) -> tuple[list[Frame], list[tuple[str, int, str]]]:
    problems: list[tuple[str, int, str]] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        problems.append((path.name, line, why))

    frames = list(ExportedTables(exported_tables(folder), 1, "ethereum").frames(report))
    return frames, problems


def test_ethereum_etl_gives_all_that_the_node_gives(session: Session, tmp_path: Path) -> None:
    given = [frame for _, frame in session.frames]
    ethereum_etl(given, tmp_path)
    frames, problems = frames_in(tmp_path)
    assert not problems
    assert [one.position for one in frames] == [one.position for one in given]
    assert told(events_of(session, frames)) == told(events_of(session, given))


@pytest.mark.parametrize(
    ("export", "unknown"),
    [
        (cryo, ("parent_hash",)),
        # A table of logs knows of a transaction who called whom, and no more.
        (dune, ("parent_hash", "transaction_method", "transaction_nonce")),
        (node_answers, ()),
        (receipts_by_line, ("transaction_method", "transaction_nonce")),
    ],
)
def test_other_archives_give_as_much_as_they_hold(
    session: Session, tmp_path: Path, export: Export, unknown: tuple[str, ...]
) -> None:
    given = [frame for _, frame in session.frames]
    export(given, tmp_path)
    frames, problems = frames_in(tmp_path)
    assert not problems
    assert told(events_of(session, frames), *unknown) == told(events_of(session, given), *unknown)


def test_of_transactions_who_signed_and_whom_they_called_is_enough(
    session: Session, tmp_path: Path
) -> None:
    """As a set of sandwiches has them; they were let be, and each swap had no party."""
    given = [frame for _, frame in session.frames]
    ethereum_etl(given, tmp_path)
    whole = (tmp_path / "transactions.csv").read_text().splitlines()
    kept = ["hash", "block_number", "transaction_index", "from_address", "to_address"]
    rows = [{name: row[name] for name in kept} for row in csv.DictReader(whole)]
    with (tmp_path / "transactions.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, kept)
        out.writeheader()
        out.writerows(rows)
    frames, problems = frames_in(tmp_path)
    assert not problems
    swaps = [one for one in events_of(session, frames) if isinstance(one, PoolSwap)]
    signers = [one.transaction_from for one in events_of(session, given) if type(one) is PoolSwap]
    assert [one.transaction_from for one in swaps] == signers


@pytest.mark.parametrize(
    "head",
    [
        "block_number,transaction_hash,transaction_index,from_address,to_address,trace_type",
        "block_number,transaction_hash,transaction_index,from_address,to_address,token_address",
        "block_number,transaction_hash,transaction_index,from_address,to_address,address,log_index",
        "blockNumber,hash,nonce,from,to,value,contractAddress,tokenSymbol,transactionIndex",
    ],
)
def test_calls_and_transfers_within_transactions_are_none(tmp_path: Path, head: str) -> None:
    """Who gave tokens away would be taken for who signed."""
    (tmp_path / "parts.csv").write_text(f"{head}\n")
    assert all_tables(tmp_path) == []


def test_what_cannot_be_read_is_told_with_its_line_and_passed_over(tmp_path: Path) -> None:
    head = (
        "log_index,transaction_hash,transaction_index,block_hash,block_number,address,data,topics"
    )
    good = f"0,0x{'1' * 64},0,0x{'a' * 64},7,0x{'c' * 40},0x,0x{'d' * 64}"
    packed = gzip.compress("\n".join([head, good, good.replace(",7,", ",seven,"), ""]).encode())
    (tmp_path / "logs.csv.gz").write_bytes(packed)
    (tmp_path / "traces.csv").write_text(
        "block_number,transaction_hash,from_address,to_address,value,trace_address\n"
    )
    (tmp_path / "notes.json").write_text("[]")
    frames, problems = frames_in(tmp_path)
    assert frames == []
    assert problems == [
        ("logs.csv.gz", 3, "block: 'seven' is no whole number"),
        (tmp_path.name, 0, "block 7: none of the tables tells its time"),
    ]
    (tmp_path / "blocks.csv").write_text(f"number,hash,timestamp\n7,0x{'a' * 64},1600000000\n")
    assert [one.position for one in frames_in(tmp_path)[0]] == [f"7:0x{'a' * 64}"]


LOGS = "log_index,transaction_hash,transaction_index,block_hash,block_number,address,data,topics"
BLOCKS = "number,hash,timestamp\n"


def a_log(block: int, of: str, number: int = 0) -> str:
    return f"{number},0x{'1' * 64},0,0x{of * 64},{block},0x{'c' * 40},0x,0x{'d' * 64}"


def test_a_damaged_file_is_told_and_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "logs.csv").write_text("\n".join([LOGS, a_log(77_777, "a"), ""]))
    (tmp_path / "blocks.csv").write_text(f"{BLOCKS}77777,0x{'a' * 64},1600000000\n")
    packed = gzip.compress(random.Random(1).randbytes(10_000).hex().encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[:1_000])
    (tmp_path / "flipped.csv.gz").write_bytes(packed[:12] + b"\xff" * 100 + packed[112:])
    (tmp_path / "no-gzip.json.gz").write_text("{}")
    rows = "\n".join([LOGS, *(a_log(8, "a", number) for number in range(10_000))]).encode()
    late = bytearray(gzip.compress(rows, 1))
    late[-2_000:-1_900] = b"\xff" * 100  # its first rows can be read, the last ones are nonsense
    (tmp_path / "late.csv.gz").write_bytes(bytes(late))
    frames, problems = frames_in(tmp_path)
    assert [one.position for one in frames][:1] == [f"77777:0x{'a' * 64}"]
    damaged = [name for name, line, _ in problems if not line and name != tmp_path.name]
    assert sorted(damaged) == ["cut.csv.gz", "flipped.csv.gz", "late.csv.gz", "no-gzip.json.gz"]


def test_a_file_that_is_damaged_further_down_is_told_with_the_last_line_that_was_read(
    tmp_path: Path,
) -> None:
    rows = [LOGS, a_log(7, "a"), a_log(7, "a", 1), '"cut'.ljust(9)]
    (tmp_path / "logs.csv").write_text("\n".join(rows))
    (tmp_path / "more.csv").write_bytes("\n".join(rows[:2]).encode() + b"\n\xff,")
    _, problems = frames_in(tmp_path)
    assert problems[:2] == [
        ("logs.csv", 0, "can't be read behind line 3: unexpected end of data"),
        (
            "more.csv",
            0,
            "can't be read behind line 2: 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte",
        ),
    ]


def test_a_file_in_one_piece_that_is_cut_is_told(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    line = msgspec.json.encode(row | {"block_timestamp": "0x5f5e1000"})
    (tmp_path / "logs.json").write_bytes(b"[\n" + line + b"\n]")
    (tmp_path / "more.json").write_bytes(b"[" + line + b"," + line[:40])
    frames, problems = frames_in(tmp_path)
    assert [one.position for one in frames] == [f"7:0x{'a' * 64}"]
    ((name, place, why),) = problems
    assert (name, place) == ("more.json", 0)
    assert why.startswith("can't be read behind line 1: it is damaged or cut off at '{")


def test_an_answer_that_is_an_error_is_told(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    given: list[dict[str, object]] = [
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "pruned"}}
    ]
    given.append({"jsonrpc": "2.0", "id": 2, "result": [row | {"timestamp": 1_600_000_000}]})
    (tmp_path / "logs.json").write_bytes(msgspec.json.encode(given))
    frames, problems = frames_in(tmp_path)
    assert len(frames) == 1
    assert problems == [("logs.json", 1, NO_ROW)]


def test_a_block_without_logs_is_no_problem(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    log = row | {"block_timestamp": "1600000000"}
    header = {"number": "0x7", "hash": row["block_hash"], "timestamp": "0x5f5e1000"}
    header |= {"transactions": [row["transaction_hash"]]}
    answers = [{"jsonrpc": "2.0", "id": 1, "result": one} for one in ([log], [], header)]
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join(map(msgspec.json.encode, answers)))
    frames, problems = frames_in(tmp_path)
    assert len(frames) == 1
    assert problems == []


def test_answers_are_read_whatever_stands_before_them(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    log = row | {"block_timestamp": "1600000000"}
    answer = msgspec.json.encode({"jsonrpc": "2.0", "id": 2, "result": [log]})
    refused = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32000}}\n'
    unknown = b'{"jsonrpc": "2.0", "id": 1, "result": null}\n'
    cut = answer[:-9] + b"\n"
    for before in (refused, unknown, cut, b"\n\n", b"\xef\xbb\xbf"):
        (tmp_path / "logs.json").write_bytes(before + answer + b"\n")
        frames, problems = frames_in(tmp_path)
        assert len(frames) == 1, before
        assert problems == ([("logs.json", 1, NO_ROW)] if b"{" in before else [])


def test_each_line_may_be_an_array(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    row["block_timestamp"] = "1600000000"
    lines = [msgspec.json.encode([row | {"block_number": number}]) for number in (7, 8, "nine")]
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join(lines))
    frames, problems = frames_in(tmp_path)
    assert len(frames) == 2
    assert problems == [("logs.ndjson", 3, "block: 'nine' is no whole number")]


def test_a_line_that_is_nested_too_deep_is_no_row(tmp_path: Path) -> None:
    deep = b"[" * 200_000
    (tmp_path / "first.ndjson").write_bytes(deep + b"\n")
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    line = msgspec.json.encode(row | {"block_timestamp": "1600000000"})
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join((line, deep)))
    frames, problems = frames_in(tmp_path)
    assert len(frames) == 1
    assert problems == [("logs.ndjson", 2, NO_ROW)]


def test_columns_that_nobody_knows_are_not_remembered(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log(7, "a").split(","), strict=True))
    with (tmp_path / "logs.ndjson").open("wb") as file:
        for number in range(100):
            file.write(msgspec.json.encode(row | {f"{number}{'x' * 100_000}": 1}) + b"\n")
        for number in range(100):
            others = {f"column_{number}_{place}": 1 for place in range(2_000)}
            file.write(msgspec.json.encode(row | others) + b"\n")
    tracemalloc.start()
    try:
        frames_in(tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 << 20


def test_tables_of_two_chains_make_no_block_of_both(tmp_path: Path) -> None:
    rows = [LOGS, a_log(7, "a"), a_log(7, "b", 1), a_log(8, "a"), ""]
    (tmp_path / "logs.csv").write_text("\n".join(rows))
    hashes = [f"{number},0x{'A' * 64},1600000000" for number in (7, 8)]
    (tmp_path / "blocks.csv").write_text(BLOCKS + "\n".join(hashes))
    frames, problems = frames_in(tmp_path)
    assert [one.position.lower() for one in frames] == [f"8:0x{'a' * 64}"]
    assert problems == [(tmp_path.name, 0, "block 7: the tables tell 2 hashes of it")]


@pytest.mark.parametrize("name", ["logs.csv", "blocks.csv"])
def test_rows_of_one_place_tell_two_hashes_as_well(tmp_path: Path, name: str) -> None:
    (tmp_path / "logs.csv").write_text("\n".join([f"{LOGS}", a_log(7, "a"), a_log(8, "b")]))
    blocks = [f"{number},0x{letter * 64},1600000000" for number, letter in ((7, "a"), (8, "b"))]
    (tmp_path / "blocks.csv").write_text("\n".join([BLOCKS.strip(), *blocks]))
    another = a_log(7, "b") if name == "logs.csv" else f"7,0x{'b' * 64},1600000000"
    with (tmp_path / name).open("a") as file:
        file.write(f"\n{another}\n")
    frames, problems = frames_in(tmp_path)
    assert [one.position for one in frames] == [f"8:0x{'b' * 64}"]
    assert problems == [(tmp_path.name, 0, "block 7: the tables tell 2 hashes of it")]


def test_what_is_no_hash_is_told_without_its_escapes(tmp_path: Path) -> None:
    bad = a_log(7, "a").replace(f"0x{'a' * 64}", "\x1b[2J")
    (tmp_path / "logs.csv").write_text("\n".join([f"{LOGS},block_timestamp", f"{bad},1600000000"]))
    frames, problems = frames_in(tmp_path)
    assert frames == []
    said = "block 7: '\\x1b[2J' is no hash of a block"
    assert problems == [(tmp_path.name, 0, said)]


def test_a_disk_without_room_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs.csv").write_text("\n".join([LOGS, *(a_log(n, "a") for n in range(500))]))
    connect = sqlite3.connect

    def small(name: str) -> sqlite3.Connection:
        database = connect(name)
        database.execute("PRAGMA max_page_count = 2")
        return database

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(Failure, match="full; SQLITE_TMPDIR names a folder with room"):
        frames_in(tmp_path)


def test_token_transfers_will_do_and_logs_go_first(session: Session, tmp_path: Path) -> None:
    given = [frame for _, frame in session.frames]
    ethereum_etl(given, tmp_path)
    token_transfers(given, tmp_path)
    wanted = events_of(session, given)
    assert told(events_of(session, frames_in(tmp_path)[0])) == told(wanted)
    (tmp_path / "logs.csv").unlink()
    frames, problems = frames_in(tmp_path)
    assert not problems
    moves = [one for one in wanted if isinstance(one, TokenTransfer)]
    found = [one for one in events_of(session, frames) if isinstance(one, TokenTransfer)]
    assert len(moves) > 50
    assert told(found) == told(moves)


def test_a_folder_without_logs_is_none_of_tables(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("transact_time,exec_type,symbol\n1600000000,new,A\n")
    assert exported_tables(tmp_path) == []
    (tmp_path / "blocks.csv").write_text(f"{BLOCKS}7,0x{'a' * 64},1600000000\n")
    assert exported_tables(tmp_path) == []


def test_tables_without_logs_are_taken_for_no_order_logs(tmp_path: Path) -> None:
    (tmp_path / "blocks.csv").write_text(f"{BLOCKS}7,0x{'a' * 64},1600000000\n")
    with pytest.raises(OSError, match="neither of logs nor of token transfers"):
        exported_tables(tmp_path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.evm.exported_tables._MOST_FILES", 1)
    for name in ("logs.csv", "more.csv"):
        (tmp_path / name).write_text("\n".join([LOGS, a_log(7, "a")]))
    with pytest.raises(OSError, match="more than 1 files"):
        all_tables(tmp_path)
    assert exported_tables(tmp_path) == []

"""Exported tables that are not what they should be are told: where, what is wrong, what to do."""

import gzip
import json
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from collectors.evm import exported_csv, exported_json
from collectors.evm.created_pools import created_pools
from collectors.evm.exported_tables import ExportedTables, all_tables, exported_tables
from pipeline.frames import Frame
from tests.cli.command_line import tapewatch

LOGS = "log_index,transaction_hash,transaction_index,block_hash,block_number,address,data,topics"
BLOCKS = f"number,hash,timestamp\n7,0x{'a' * 64},1600000000\n"
Told = tuple[str, int, int, str]


def a_log(number: int = 0, block: int = 7) -> str:
    return f"{number},0x{'1' * 64},0,0x{'a' * 64},{block},0x{'c' * 40},0x,0x{'d' * 64}"


def frames_in(folder: Path) -> tuple[list[Frame], list[Told]]:
    problems: list[Told] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        problems.append((path.name, line, column, why))

    frames = list(ExportedTables(exported_tables(folder), 1, "ethereum").frames(report))
    return frames, problems


def csv_tables(folder: Path, *lines: str, header: str = LOGS) -> None:
    (folder / "logs.csv").write_text("\n".join([header, *lines, ""]))
    (folder / "blocks.csv").write_text(BLOCKS)


def logs_of(frames: list[Frame]) -> int:
    return sum(len(json.loads(frame.payload)["logs"]) for frame in frames)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_column_that_is_there_twice_is_told_where_it_stands(tmp_path: Path, rows: int) -> None:
    csv_tables(tmp_path, *[f"{a_log()},8"][:rows], header=f"{LOGS},block_number")
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 0
    first = LOGS.index("block_number") + 1
    why = f"column {len(LOGS) + 2}: block_number is there twice, first in column {first}"
    assert problems == [("logs.csv", 1, len(LOGS) + 2, why)]


def test_columns_that_nobody_reads_may_be_there_twice(tmp_path: Path) -> None:
    csv_tables(tmp_path, f"{a_log()},,,x,x", header=f"{LOGS},,,note,note")
    frames, problems = frames_in(tmp_path)
    assert (logs_of(frames), problems) == (1, [])


def test_the_command_tells_it_as_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    csv_tables(tmp_path / "tables", f"{a_log()},8", header=f"{LOGS},block_number")
    done = tapewatch("normalize", "tables", folder=tmp_path)
    assert done.code == 1
    assert f"tables/logs.csv:1:{len(LOGS) + 2}: error: " in done.error
    pools = tapewatch("reference", "pools", "tables", folder=tmp_path)
    assert pools.code == 1
    assert f"logs.csv:1:{len(LOGS) + 2}: " in pools.error


def test_a_list_of_pools_with_a_column_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "pools.csv").write_text("pair,token0,token1,token0\n")
    problems: list[tuple[int, int]] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        problems.append((line, column))

    assert list(created_pools(all_tables(tmp_path), report)) == []
    assert problems == [(1, 20)]


@pytest.mark.parametrize(
    ("wrong", "cells"),
    [
        pytest.param(a_log(1) + ",0x1", 9, id="topics that aren't quoted"),
        pytest.param(a_log(1)[:-80], 6, id="the file ends within a row"),
    ],
)
def test_a_row_of_other_cells_than_the_columns_is_none(
    tmp_path: Path, wrong: str, cells: int
) -> None:
    csv_tables(tmp_path, a_log(0), wrong)
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 1
    ((name, line, _, why),) = problems
    assert (name, line) == ("logs.csv", 3)
    assert why == f"{cells} cells under 8 columns: cut off, or not quoted"


@pytest.mark.parametrize("name", ["more.csv", "more.json", "more.ndjson.gz"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_table_in_utf_16_is_told_with_how_to_convert_it(
    tmp_path: Path, name: str, encoding: str
) -> None:
    csv_tables(tmp_path, a_log())
    row = dict(zip(LOGS.split(","), a_log(1).split(","), strict=True))
    text = "\n".join([LOGS, a_log(1), ""]) if "csv" in name else json.dumps(row)
    data = text.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 1
    ((told, line, _, why),) = problems
    assert (told, line) == (name, 0)
    assert why.startswith("is in UTF-16")
    assert "`iconv -f UTF-16" in why


def test_a_spreadsheet_is_told_for_what_it_is(tmp_path: Path) -> None:
    csv_tables(tmp_path, a_log())
    (tmp_path / "more.csv").write_bytes(b"PK\x03\x04\x14\x00\x06\x00")
    _, problems = frames_in(tmp_path)
    assert [one[0] for one in problems] == ["more.csv"]
    assert "save it as CSV" in problems[0][3]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n", "can't be read: 'utf-8' codec can't decode byte 0x89"),
        (b'"log_index\n', "can't be read: unexpected end of data"),
    ],
)
def test_a_file_that_can_be_no_table_is_told(tmp_path: Path, data: bytes, said: str) -> None:
    csv_tables(tmp_path, a_log())
    (tmp_path / "more.csv").write_bytes(data)
    (tmp_path / "more.ndjson").write_bytes(b"")
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 1
    ((name, _, _, why),) = problems
    assert name == "more.csv"
    assert why.startswith(said)


@pytest.mark.parametrize("name", ["transactions.csv", "token_transfers.csv", "logs_1.csv.gz"])
def test_a_file_without_a_byte_is_a_table_without_rows(tmp_path: Path, name: str) -> None:
    # ethereum-etl writes the header with the first row.
    csv_tables(tmp_path, a_log())
    (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    frames, problems = frames_in(tmp_path)
    assert (logs_of(frames), problems) == (1, [])


def test_tables_of_nothing_are_taken_for_no_order_logs(tmp_path: Path) -> None:
    csv_tables(tmp_path, a_log())
    (tmp_path / "logs.csv").write_bytes(b"")
    said = "neither of logs nor of token transfers, and logs.csv is empty"
    with pytest.raises(OSError, match=said):
        exported_tables(tmp_path)
    (tmp_path / "blocks.csv").unlink()
    assert exported_tables(tmp_path) == [], "an order log may be as empty"


def test_names_of_columns_are_taken_in_one_form(tmp_path: Path) -> None:
    # Snowflake writes them in capitals.
    csv_tables(tmp_path, a_log(), header=LOGS.upper())
    frames, problems = frames_in(tmp_path)
    assert (logs_of(frames), problems) == (1, [])


def test_columns_that_differ_by_their_form_only_are_there_twice(tmp_path: Path) -> None:
    csv_tables(tmp_path, f"{a_log()},8", header=f"{LOGS},blockNumber")
    _, ((name, line, column, why),) = frames_in(tmp_path)
    assert (name, line, column) == ("logs.csv", 1, len(LOGS) + 2)
    assert "block_number is there twice" in why


def test_a_quoted_header_behind_a_mark_of_utf_8_is_read(tmp_path: Path) -> None:
    csv_tables(tmp_path, a_log(), header=",".join(f'"{name}"' for name in LOGS.split(",")))
    content = (tmp_path / "logs.csv").read_bytes()
    (tmp_path / "logs.csv").write_bytes(b"\xef\xbb\xbf" + content)
    frames, problems = frames_in(tmp_path)
    assert (logs_of(frames), problems) == (1, [])


def test_a_damaged_file_is_told_where_pools_are_looked_for(tmp_path: Path) -> None:
    csv_tables(tmp_path, a_log())
    (tmp_path / "more.csv.gz").write_bytes(gzip.compress(b"x" * 100)[:20])
    told: list[str] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        told.append(f"{path.name}: {why}")

    assert list(created_pools(all_tables(tmp_path), report)) == []
    (problem,) = told
    assert problem.startswith("more.csv.gz: can't be read")


def test_two_lines_that_are_damaged_first_hold_up_no_other(tmp_path: Path) -> None:
    row = dict(zip(LOGS.split(","), a_log().split(","), strict=True))
    line = msgspec.json.encode(row | {"block_timestamp": "1600000000"})
    damaged = line.replace(b'"7"', b"NaN")
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join((damaged, damaged, line)))
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 1
    assert [one[1] for one in problems] == [1, 2]


# --- size -------------------------------------------------------------------------------------


def rows_of(count: int) -> bytes:
    row = dict(zip(LOGS.split(","), a_log().split(","), strict=True))
    row["block_timestamp"] = "1600000000"
    return b",".join(msgspec.json.encode(row | {"log_index": n}) for n in range(count))


@pytest.mark.parametrize("form", ["[%s]", '{\n"jsonrpc":"2.0","id":1,"result":[%s]}'])
def test_a_file_in_one_piece_takes_little_more_memory_than_it_has_bytes(
    tmp_path: Path, form: str
) -> None:
    rows = rows_of(100)
    # Much that nobody reads: decoded as a whole it would take twenty times its size.
    begin, end = form.encode().split(b"%s")
    (tmp_path / "logs.json").write_bytes(
        begin + rows + b"," + b",".join([b'{"x":[[],[],{},{}]}'] * 20_000) + end
    )
    size = (tmp_path / "logs.json").stat().st_size
    tables = exported_tables(tmp_path)
    tracemalloc.start()
    try:
        read = sum(1 for _ in exported_json.json_cells((tmp_path / "logs.json").open("rb")))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tables
    assert read == 20_100
    assert most < 4 * size + (3 << 20), "decoded as a whole, 10 MB"


def test_an_object_that_is_too_large_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported_json, "LARGEST_OBJECT", 1 << 20)
    csv_tables(tmp_path, a_log())
    answer = b'{\n"jsonrpc":"2.0","id":1,"result":[' + rows_of(3_000) + b"]}"
    (tmp_path / "more.json").write_bytes(answer)
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 1
    ((name, _, _, why),) = problems
    assert name == "more.json"
    assert "an object of more than 1 MiB in one piece" in why
    assert "a line for each row" in why
    monkeypatch.undo()
    assert logs_of(frames_in(tmp_path)[0]) == 3_000


def test_a_line_that_is_too_long_is_one_row_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported_json, "LARGEST_ROW", 1 << 20)
    row = dict(zip(LOGS.split(","), a_log().split(","), strict=True))
    row["block_timestamp"] = "1600000000"
    lines = [msgspec.json.encode(row | {"log_index": n}) for n in range(3)]
    lines[1] = msgspec.json.encode(row | {"log_index": 1, "data": "0x" + "00" * (3 << 20)})
    (tmp_path / "logs.ndjson").write_bytes(b"\n".join(lines))
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 2
    assert problems == [("logs.ndjson", 2, 1, "a line of more than 1 MiB")]


def test_a_line_of_csv_that_is_too_long_is_not_taken_for_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported_csv, "LARGEST_ROW", 1 << 20)
    csv_tables(tmp_path, a_log(0), a_log(1).replace(",0x,", ",0x" + "00" * (1 << 20) + ","))
    frames, problems = frames_in(tmp_path)
    assert logs_of(frames) == 1
    ((_, _, _, why),) = problems
    assert why == "can't be read behind line 2: line 3 is longer than 1 MiB"

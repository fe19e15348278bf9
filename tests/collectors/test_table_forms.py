"""How programs write what is in a table: lists of topics, nothing, whole numbers, times."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.evm.created_pools import created_pools
from collectors.evm.exported_tables import ExportedTables, all_tables, exported_tables

HEADER = "log_index,transaction_hash,transaction_index,block_hash,block_number,address,data,topics"
HASH, BLOCK, ADDRESS = "0x" + "1" * 64, "0x" + "a" * 64, "0x" + "c" * 40
TOPICS = ["0x" + digit * 64 for digit in "def"]


def read(folder: Path) -> tuple[list[Any], list[str]]:
    problems: list[str] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        problems.append(why)

    frames = list(ExportedTables(exported_tables(folder), 1, "ethereum").frames(report))
    return [json.loads(frame.payload) for frame in frames], problems


def tables(folder: Path, log: str, header: str = HEADER, time: str = "1600000000") -> None:
    (folder / "logs.csv").write_text(f"{header}\n{log}\n")
    (folder / "blocks.csv").write_text(f"number,hash,timestamp\n7,{BLOCK},{time}\n")


def a_log(topics: str, *, block: str = "7", index: str = "0", log: str = "3") -> str:
    quoted = topics.replace('"', '""')
    return f'{log},{HASH},{index},{BLOCK},{block},{ADDRESS},0x,"{quoted}"'


LISTS: dict[str, Callable[[list[str]], str]] = {
    "ethereum-etl": ",".join,
    "Python": str,
    "JSON, as Flipside and DuckDB have it": json.dumps,
    "numpy, as pandas writes BigQuery's": lambda one: f"[{' '.join(map(repr, one))}]",
    "numpy over two lines": lambda one: f"[{chr(10).join(map(repr, one))}]",
    "Postgres": lambda one: f"{{{','.join(one)}}}",
}


@pytest.mark.parametrize("form", LISTS)
def test_topics_are_a_list_in_the_words_of_whoever_wrote_it(tmp_path: Path, form: str) -> None:
    tables(tmp_path, a_log(LISTS[form](TOPICS)))
    (block,), problems = read(tmp_path)
    assert problems == []
    assert block["logs"][0]["topics"] == TOPICS


@pytest.mark.parametrize("form", LISTS)
def test_pools_are_found_in_all_of_these_lists(tmp_path: Path, form: str) -> None:
    pair = "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
    tokens = [f"0x{digit * 40:0>64}" for digit in "12"]
    data = f"0x{ADDRESS[2:]:0>64}{1:064x}"
    log = a_log(LISTS[form]([pair, *tokens])).replace(",0x,", f",{data},")
    tables(tmp_path, log)
    problems: list[str] = []

    def report(path: Path, line: int, why: str, column: int = 1, /) -> None:
        problems.append(why)

    (pool,) = created_pools(all_tables(tmp_path), report)
    assert problems == []
    assert (pool.address, pool.token0, pool.token1) == (ADDRESS, "0x" + "1" * 40, "0x" + "2" * 40)


@pytest.mark.parametrize("word", ["", "null", "NULL", "None", "nan", "NaN", "<nil>", "<NA>", "\\N"])
def test_a_word_for_nothing_is_nothing(tmp_path: Path, word: str) -> None:
    header = HEADER.replace("topics", "topic0,topic1,topic2,topic3")
    log = a_log("").removesuffix('""') + ",".join([*TOPICS, word])
    tables(tmp_path, log, header)
    (block,), problems = read(tmp_path)
    assert problems == []
    assert block["logs"][0]["topics"] == TOPICS


def test_whole_numbers_come_as_floats_where_a_column_had_a_gap(tmp_path: Path) -> None:
    tables(tmp_path, a_log(TOPICS[0], block="7.0", index="12.0", log="3.0"), time="1600000000.0")
    (block,), problems = read(tmp_path)
    assert problems == []
    assert block["block"]["timestamp"] == hex(1_600_000_000)
    assert (block["logs"][0]["logIndex"], block["logs"][0]["transactionIndex"]) == ("0x3", "0xc")


@pytest.mark.parametrize("block", ["7.5", "7e3", "9007199254740993.0"])
def test_a_number_that_lost_digits_is_none(tmp_path: Path, block: str) -> None:
    tables(tmp_path, a_log(TOPICS[0], block=block))
    _, problems = read(tmp_path)
    assert problems == [f"block: {block!r} is no whole number"]


@pytest.mark.parametrize("time", ["2100-13-45 10:00:00", "2021-01-01 25:00:00", "1e30", "-5"])
def test_what_is_no_time_is_told_as_such(tmp_path: Path, time: str) -> None:
    tables(tmp_path, a_log(TOPICS[0]), time=time)
    blocks, problems = read(tmp_path)
    assert blocks == []
    assert problems == [f"block 7: time: {time!r} is neither a number nor a date in UTC"]


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_times_are_in_the_unit_that_their_size_tells(tmp_path: Path, unit: int) -> None:
    tables(tmp_path, a_log(TOPICS[0]), time=str(1_600_000_000 * unit))
    (block,), problems = read(tmp_path)
    assert problems == []
    assert block["block"]["timestamp"] == hex(1_600_000_000)


FLIPSIDE = (
    "BLOCK_NUMBER,BLOCK_TIMESTAMP,TX_HASH,TX_POSITION,EVENT_INDEX,CONTRACT_ADDRESS,TOPICS,DATA,"
    "ORIGIN_FROM_ADDRESS,ORIGIN_TO_ADDRESS"
)


def test_flipside_names_columns_otherwise_and_has_no_hashes_of_blocks(tmp_path: Path) -> None:
    signer, router = "0x" + "5" * 40, "0x" + "6" * 40
    topics = json.dumps(TOPICS).replace('"', '""')
    (tmp_path / "logs.csv").write_text(
        f"{FLIPSIDE}\n"
        f'7,2020-09-13 12:26:40.000,{HASH},4,3,{ADDRESS},"{topics}",0x,{signer},{router}\n'
    )
    (block,), problems = read(tmp_path)
    assert problems == []
    assert block["block"] == {
        "number": "0x7", "hash": f"0x{7:064x}", "timestamp": hex(1_600_000_000)
    }  # fmt: skip
    assert [one["logIndex"] for one in block["logs"]] == ["0x3"]
    (call,) = block["transactions"]
    assert (call["from"], call["to"], call["transactionIndex"]) == (signer, router, "0x4")


def test_where_hashes_are_told_a_block_without_one_is_no_block(tmp_path: Path) -> None:
    tables(tmp_path, a_log(TOPICS[0]))
    with (tmp_path / "logs.csv").open("a") as file:
        file.write(a_log(TOPICS[0], block="8").replace(BLOCK, "") + "\n")
    (tmp_path / "more.csv").write_text("number,hash,timestamp\n8,,1600000012\n")
    blocks, problems = read(tmp_path)
    assert [one["block"]["number"] for one in blocks] == ["0x7"]
    assert problems == ["block 8: none of the tables tells its hash"]

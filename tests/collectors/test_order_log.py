"""Order logs are read line by line, file by file, from any place on, and as they grow."""

import asyncio
import gzip
import os
from pathlib import Path

import msgspec
import pytest

from collectors.order_log import OrderLogCollector
from collectors.order_log.check import check_order_log
from collectors.order_log.log_files import LogFiles, order_of
from collectors.order_log.log_lines import LogLine, LogReader, place_of
from collectors.trade_halves import SideKey, TradeHalves
from pipeline.config.sources import OrderLogSource
from pipeline.frames import Frame
from pipeline.trade_sides import decode_context
from pipeline.units import MILLISECOND
from tests.collectors.frames_outlet import FramesOutlet


def lines_of(first: int, count: int) -> bytes:
    return b"".join(b'{"n":%d}\n' % number for number in range(first, first + count))


def read(path: Path, *, after: str = "", each: bool = False, final: bool = True) -> list[LogLine]:
    reader = LogReader(
        LogFiles(path), longest=1_000, each_side=each, after=place_of(after) if after else None
    )
    try:
        return list(reader.read(final=final))
    finally:
        reader.close()


def places(lines: list[LogLine]) -> list[str]:
    return [line.place.text for line in lines]


def test_names_are_in_order_of_the_numbers_in_them() -> None:
    names = ["b", "a-10.csv", "a-9.csv", "a-2026-02-10.csv", "a-2026-02-9.csv"]
    ordered = ["a-9.csv", "a-10.csv", "a-2026-02-9.csv", "a-2026-02-10.csv", "b"]
    assert sorted(names, key=order_of) == ordered


def test_a_folder_is_its_files_and_not_what_is_hidden_or_of_another_kind(tmp_path: Path) -> None:
    for name in ("b.csv", "a.ndjson.gz", ".hidden.csv", "readme.txt", "day/1.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert LogFiles(tmp_path).names() == ["a.ndjson.gz", "b.csv", "day/1.jsonl"]
    assert LogFiles(tmp_path / "*.txt").names() == ["readme.txt"]
    assert LogFiles(tmp_path / "readme.txt").names() == ["readme.txt"]
    assert LogFiles(tmp_path / "none.csv").names() == []


def test_folders_behind_links_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.csv").write_bytes(b"")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "today").symlink_to(tmp_path / "elsewhere")
    (logs / "again").symlink_to(tmp_path / "elsewhere")
    (logs / "back").symlink_to(logs)
    assert LogFiles(logs).names() == ["again/1.csv"]


def test_a_name_that_no_position_can_have_is_told(tmp_path: Path) -> None:
    (tmp_path / "\u00fc.csv").write_bytes(b"")
    assert LogFiles(tmp_path).names() == ["\u00fc.csv"]
    (tmp_path / os.fsdecode(b"o-\xff.csv")).write_bytes(b"")
    with pytest.raises(OSError, match="no UTF-8"):
        LogFiles(tmp_path).names()


def test_lines_of_several_files_plain_and_packed_are_one_log(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(b"\n" + lines_of(0, 2) + b'{"n":2}')
    (tmp_path / "2.ndjson.gz").write_bytes(gzip.compress(lines_of(3, 2)))
    (tmp_path / "3.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n")
    found = read(tmp_path)
    assert places(found) == [
        *("1.ndjson:2", "1.ndjson:3", "1.ndjson:4"),
        *("2.ndjson.gz:1", "2.ndjson.gz:2"),
        *("3.csv:2", "3.csv:3"),
    ]
    assert [line.payload for line in found[:5]] == [b'{"n":%d}' % n for n in range(5)]
    assert found[-1].payload == b"3,4"
    assert decode_context(found[-1].context).columns == "a,b"
    assert found[0].context == ""


@pytest.mark.parametrize("each", [False, True])
def test_reading_goes_on_behind_any_place(tmp_path: Path, each: bool) -> None:
    trade = b'{"exec_type":"trade","symbol":"A","trade_id":%d,"side":"%s"}\n'
    sides = [(1, b"buy"), (2, b"sell"), (1, b"sell"), (3, b"buy"), (2, b"buy"), (4, b"buy")]
    (tmp_path / "1.ndjson").write_bytes(b"".join(trade % one for one in sides))
    (tmp_path / "2.ndjson").write_bytes(b"".join(trade % one for one in sides) + b'{"n":1}')
    whole = read(tmp_path, each=each)
    assert len(whole) == (17 if each else 13)
    for number, line in enumerate(whole):
        assert read(tmp_path, each=each, after=line.place.text) == whole[number + 1 :]


@pytest.mark.parametrize(
    ("trade", "buy", "sell", "short"),
    [
        ("trade", "buy", "sell", "sell_short"),
        ("trade", "BUY", "Sell", "SELL_SHORT"),
        ("F", "1", "2", "5"),  # FIX's codes
    ],
)
def test_two_lines_of_a_trade_find_each_other_and_others_are_told_alone(
    tmp_path: Path, trade: str, buy: str, sell: str, short: str
) -> None:
    (tmp_path / "1.csv").write_text(
        "exec_type,symbol,trade_id,side,buyer_account,seller_account\n"
        f"{trade},A,1,{buy},,\n"
        f"{trade},B,1,{sell},,\n"
        f"new,A,,{buy},,\n"
        f"{trade},A,1,{short},,\n"
        f"{trade},A,9,{buy},b,s\n"
    )
    first, lone, new, second, both, alone = read(tmp_path / "1.csv", each=True)
    sides = [decode_context(one.context).side for one in (first, lone, new, second, both, alone)]
    assert sides == ["first", "first", None, "second", None, "alone"]
    assert decode_context(second.context).other == f"{trade},A,1,{buy},,"
    told = f"{trade},B,1,{sell},,".encode()
    assert (alone.place.text, alone.payload) == ("1.csv:6~3", told)


def test_a_side_waits_for_so_many_lines_and_no_longer() -> None:
    halves = TradeHalves(window=3)
    buy, sell = SideKey("", "A", "1", True), SideKey("", "A", "1", False)
    assert halves.take(buy, 1, "bought") is None
    assert halves.take(buy, 2, "bought again") is None
    assert not list(halves.overdue(3))
    found = halves.take(sell, 4, "sold")
    assert found is not None
    assert (found.number, found.text) == (1, "bought")
    assert not list(halves.overdue(4))
    assert [half.text for half in halves.overdue(5)] == ["bought again"]
    assert not list(halves.rest())


def test_a_line_without_end_is_cut_and_told_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson"
    path.write_bytes(lines_of(0, 1) + b'{"n":"' + b"x" * 5_000 + b'"}\n' + lines_of(2, 1))
    good, bad, next_one = read(path)
    assert (good.problem, next_one.problem) == ("", "")
    assert "line 2: longer than 1000 bytes" in bad.problem
    assert next_one.place.text == "1.ndjson:3"


def test_a_line_that_is_too_long_is_one_line_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson"
    path.write_bytes(lines_of(0, 1) + b'{"n":"' + b"x" * 5_000)
    reader = LogReader(LogFiles(path), longest=1_000)
    found = list(reader.read())
    for more in (b"y" * 3_000, b'"}\n' + lines_of(2, 1)):
        with path.open("ab") as file:
            file.write(more)
        found += reader.read()
    reader.close()
    assert [one.place.number for one in found] == [1, 2, 3]
    assert [one.place for one in found] == [one.place for one in read(path)]


def test_a_damaged_file_is_told_and_the_next_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson.gz").write_bytes(gzip.compress(lines_of(0, 500))[:-12])
    (tmp_path / "2.ndjson").write_bytes(lines_of(0, 1))
    found = read(tmp_path)
    assert found[-1].place.text == "2.ndjson:1"
    assert "can't be read from here on" in found[-2].problem


def config(path: Path, **options: object) -> OrderLogSource:
    return OrderLogSource(
        name="log",
        path=path,
        venue="acme",
        poll_every=10 * MILLISECOND,
        **options,  # pyright: ignore[reportArgumentType]
    )


class Running:
    """A collector that runs while the block does."""

    def __init__(self, outlet: FramesOutlet, path: Path, **options: object) -> None:
        self.outlet = outlet
        self._collector = OrderLogCollector(config(path, **options), outlet)

    async def __aenter__(self) -> "Running":
        self._task = asyncio.create_task(self._collector.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, frames: int, letters: int = 0) -> None:
        async with asyncio.timeout(5):
            while len(self.outlet.frames) < frames or len(self.outlet.letters) < letters:
                await asyncio.sleep(0.005)


async def test_a_log_is_followed_as_it_grows_and_a_half_line_waits(tmp_path: Path) -> None:
    outlet = FramesOutlet("order_log", "log")
    path = tmp_path / "orders-1.ndjson"
    async with Running(outlet, tmp_path / "orders-*.ndjson") as running:
        await asyncio.sleep(0.03)
        assert "there is no file yet" in outlet.state.trouble
        with path.open("wb", buffering=0) as file:
            file.write(lines_of(0, 3) + b'{"n":')
            await running.until(3)
            await asyncio.sleep(0.03)
            assert len(outlet.frames) == 3
            file.write(b"3}\n")
            await running.until(4)
        assert outlet.state.connection == "connected"
        (tmp_path / "orders-2.ndjson").write_bytes(lines_of(4, 1))
        await running.until(5)
    assert [frame.payload for frame in outlet.frames] == [b'{"n":%d}' % n for n in range(5)]
    assert [frame.position for frame in outlet.frames][-2:] == [
        "orders-1.ndjson:4",
        "orders-2.ndjson:1",
    ]
    assert outlet.state.connection == "stopped"


async def test_another_run_goes_on_behind_the_last_line(tmp_path: Path) -> None:
    outlet = FramesOutlet("order_log", "log")
    path = tmp_path / "1.ndjson"
    for run in range(3):
        with path.open("ab") as file:
            file.write(lines_of(run * 2, 2))
        async with Running(outlet, path) as running:
            await running.until(run * 2 + 2)
            await asyncio.sleep(0.02)
    assert [frame.payload for frame in outlet.frames] == [b'{"n":%d}' % n for n in range(6)]
    assert not outlet.letters


async def test_what_is_missing_of_the_log_is_a_gap_and_a_dead_letter(tmp_path: Path) -> None:
    outlet = FramesOutlet("order_log", "log")
    (tmp_path / "1.ndjson").write_bytes(lines_of(0, 3))
    async with Running(outlet, tmp_path) as running:
        await running.until(3)
    (tmp_path / "1.ndjson").write_bytes(lines_of(0, 1))
    async with Running(outlet, tmp_path) as running:
        await running.until(4, letters=1)
    assert "fewer lines than the 3" in outlet.letters[0].reason
    gap = outlet.frames[-1]
    assert gap.kind == "gap"
    assert msgspec.json.decode(gap.payload)["instrument"] == "*"
    (tmp_path / "2.ndjson").write_bytes(lines_of(9, 1))
    (tmp_path / "1.ndjson").unlink()
    async with Running(outlet, tmp_path) as running:
        await running.until(6, letters=2)
    assert "is gone" in outlet.letters[1].reason
    assert outlet.frames[-1].payload == b'{"n":9}'


async def test_files_that_change_or_come_too_late_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "2.ndjson").write_bytes(lines_of(0, 1))
    (tmp_path / "3.ndjson").write_bytes(lines_of(1, 1))
    reader = LogReader(LogFiles(tmp_path), longest=1_000)
    assert len(list(reader.read())) == 2
    assert not list(reader.changed())
    (tmp_path / "2.ndjson").write_bytes(lines_of(0, 2))
    (tmp_path / "1.ndjson").write_bytes(lines_of(0, 1))
    (tmp_path / "3.ndjson").write_bytes(b"")
    problems = [line.problem for line in reader.changed()]
    assert len(problems) == 3
    assert any("came after" in one for one in problems)
    assert any("changed after" in one for one in problems)
    assert any("shorter" in one for one in problems)
    assert not list(reader.changed())
    reader.close()


def test_doctor_says_what_there_is(tmp_path: Path) -> None:
    found = check_order_log(config(tmp_path / "orders.csv"))
    assert (found.level, "no file yet" in found.message) == ("warning", True)
    (tmp_path / "orders.csv").write_text("transact_time,exec_type,symbol\n1,new,A\n")
    found = check_order_log(config(tmp_path / "orders.csv"))
    assert (found.level, "CSV of 3 columns" in found.message) == ("ok", True)
    (tmp_path / "orders.csv").write_text("transact_time,exec_type,symbol,sid\n")
    found = check_order_log(config(tmp_path / "orders.csv"))
    assert (found.level, "did you mean side?" in found.message) == ("error", True)


async def test_a_header_that_is_wrong_is_a_dead_letter_once(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("transact_time,exec_type,symbol,sid\n")
    outlet = FramesOutlet("order_log", "log")
    async with Running(outlet, path) as running:
        await running.until(0, letters=1)
    (letter,) = outlet.letters
    assert letter.reason == (
        "orders.csv: line 1: column 32: sid: no column of an order log: did you mean side?"
    )
    assert letter.payload == b"transact_time,exec_type,symbol,sid"
    path.write_text("transact_time,exec_type,symbol,sid\n1,new,A,sell\n")
    async with Running(outlet, path) as running:
        await running.until(1)
    assert [frame.payload for frame in outlet.frames] == [b"1,new,A,sell"], "it is kept as well"
    before = len(outlet.letters)
    with path.open("a") as file:
        file.write("2,new,A,sell\n")
    async with Running(outlet, path) as running:
        await running.until(2)
    assert len(outlet.letters) == before, "what was read before is not told again"


def test_a_file_in_utf_16_is_told_once_and_the_next_one_is_read(tmp_path: Path) -> None:
    text = "".join(f'{{"n":{number},"text":"{chr(0x0A0A)}"}}\n' for number in range(100))
    (tmp_path / "1.ndjson").write_text(text, encoding="utf-16")
    (tmp_path / "2.ndjson").write_bytes(lines_of(0, 2))
    (tmp_path / "3.csv").write_text("a" * 5_000, encoding="utf-16-be")
    first, *rest, last = read(tmp_path)
    assert (first.place.text, first.problem[:12]) == ("1.ndjson:0", "is in UTF-16")
    assert places(rest) == ["2.ndjson:1", "2.ndjson:2"]
    assert (last.place.text, last.problem[:12]) == ("3.csv:0", "is in UTF-16")


def test_a_first_line_that_is_damaged_makes_no_header_of_ndjson(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(b'":1}\n' + lines_of(0, 2))
    (tmp_path / "2.csv").write_bytes(b"a,b\n1,2\n")
    found = read(tmp_path)
    assert [decode_context(line.context).columns for line in found] == [None, None, None, "a,b"]


def test_a_path_with_signs_of_a_pattern_that_is_there_is_meant(tmp_path: Path) -> None:
    folder = tmp_path / "logs [2026]"
    folder.mkdir()
    (folder / "a[1].ndjson").write_bytes(lines_of(0, 1))
    (folder / "a1.ndjson").write_bytes(lines_of(1, 1))
    assert places(read(folder)) == ["a1.ndjson:1", "a[1].ndjson:1"]
    assert places(read(folder / "a[1].ndjson")) == ["a[1].ndjson:1"]
    assert places(read(tmp_path / "logs*" / "a[1].ndjson")) == ["logs [2026]/a1.ndjson:1"]


def test_a_name_may_end_like_a_place(tmp_path: Path) -> None:
    path = tmp_path / "orders-2026-03-02T14:30"
    path.write_bytes(lines_of(0, 3))
    whole = read(path)
    assert read(path, after=whole[0].place.text) == whole[1:]


def test_another_file_of_the_same_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(lines_of(0, 2))
    reader = LogReader(LogFiles(path), longest=1_000)
    assert len(list(reader.read())) == 2
    assert list(reader.changed()) == []
    path.rename(tmp_path / "orders.ndjson.1")
    path.write_bytes(lines_of(0, 9))
    (told,) = reader.changed()
    assert "another file" in told.problem
    assert list(reader.changed()) == []
    reader.close()


async def test_skipping_what_was_read_before_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson"
    path.write_bytes(lines_of(0, 300_000))
    outlet = FramesOutlet("order_log", "orders")
    outlet.frames.append(Frame("1.ndjson:299999", 1, b"{}"))
    collector = OrderLogCollector(OrderLogSource(name="orders", path=path, venue="v"), outlet)
    task = asyncio.create_task(collector.run())
    turns = 0
    while len(outlet.frames) < 2:
        await asyncio.sleep(0.001)
        turns += 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert turns > 10


def test_a_log_that_cannot_be_looked_for_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    assert LogFiles(tmp_path / "orders.csv").names() == []
    with pytest.raises(OSError, match="File name too long"):
        LogFiles(tmp_path / ("x" * 300)).names()

"""Logs of FIX that are merged while they grow: files that go, that are renamed, that are others."""

import asyncio
import gzip
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from collectors.order_log import growing_fix_logs, growing_log, log_lines
from collectors.order_log.collector import OrderLogCollector
from collectors.order_log.growing_log import GrowingLog
from collectors.order_log.log_lines import LogLine
from collectors.recording import open_lines
from pipeline.config.sources import OrderLogSource
from pipeline.trade_sides import decode_context
from pipeline.units import HOUR, MILLISECOND, SECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.collectors.test_growing_fix_logs import MINUTE, Logs, told
from tests.collectors.test_merged_fix_logs import PLACED, at
from tests.collectors.test_order_log import places
from tests.collectors.test_trade_names import followed
from tests.fixtures.waiting import until
from tests.normalizer.test_fix import TIME, changed
from tests.normalizer.test_fix_log import logged


def test_a_log_that_was_read_and_deleted_is_no_problem(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("1.fix", at(1, PLACED))
    logs.write("2.fix", at(2, PLACED))
    logs.write("3.fix", at(3, PLACED))
    logs.read()
    (tmp_path / "1.fix").unlink()
    assert list(logs.reader.changed()) == []  # between two looks
    logs.read()
    (tmp_path / "3.fix").write_bytes(b"")
    (changed,) = logs.reader.changed()
    assert changed.place.name == "3.fix"
    logs.write("2.fix", at(4, PLACED))
    assert places(logs.read()) == ["2.fix:2"]


def test_what_was_written_before_a_log_was_renamed_or_deleted_is_read(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    for name in ("a.fix", "b.fix"):
        logs.write(name, at(1, PLACED))
    logs.read()
    logs.write("a.fix", at(2, PLACED))
    logs.write("b.fix", at(3, PLACED))
    (tmp_path / "a.fix").rename(tmp_path / "a.fix.1")
    (tmp_path / "b.fix").unlink()
    logs.write("a.fix", at(4, PLACED))
    assert places(logs.read()) == ["a.fix:2", "b.fix:2"]
    (changed,) = logs.reader.changed()
    assert "another file now" in changed.problem
    assert logs.read() == []
    opened = [str(one.resolve()) for one in Path("/proc/self/fd").iterdir()]
    assert not [name for name in opened if name.startswith(str(tmp_path / "b.fix"))]


def test_where_reading_on_fails_no_line_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED), at(2, PLACED), at(3, PLACED))
    fill, calls = GrowingLog.fill, 0

    def failing(log: GrowingLog, now: int, settled: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("stale")
        fill(log, now, settled)

    monkeypatch.setattr(GrowingLog, "fill", failing)
    found: list[LogLine] = []
    with pytest.raises(OSError, match="stale"):
        found.extend(logs.reader.read())
    assert places(found + logs.read()) == ["a.fix:1", "a.fix:2", "a.fix:3"]


def test_a_file_that_is_no_log_of_fix_is_told_once(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED))
    logs.write("b.csv", b"transact_time,exec_type", b"1,new", b"2,new")
    logs.write("c.ndjson", b"{}", b"{}")
    logs.read()
    assert told(logs) == ["a.fix:1"]
    assert sorted(line.place.name for line in logs.problems) == ["b.csv", "c.ndjson"]
    assert all("no log of FIX, as the others are" in line.problem for line in logs.problems)
    logs.write("b.csv", b"3,new")
    assert logs.read() == []


def test_a_log_that_cannot_be_read_yet_is_told_once_and_read_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED))
    logs.write("b.fix", at(2, PLACED))

    def refused(path: Path) -> BinaryIO:
        if path.name == "a.fix":
            raise PermissionError("not yours")
        return open_lines(path)

    with monkeypatch.context() as refusing:
        refusing.setattr(log_lines, "open_lines", refused)
        for _ in range(3):
            logs.read()
            logs.now += SECOND
    assert [line.problem for line in logs.problems] == ["can't be read: not yours"]
    assert told(logs) == ["b.fix:1"]
    assert places(logs.read()) == ["a.fix:1"]


def source_of(path: Path) -> OrderLogSource:
    return OrderLogSource(
        name="log", path=path, venue="acme", poll_every=10 * MILLISECOND, settle=0
    )


def test_how_long_lines_wait_is_the_lag(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.now = MINUTE
    logs.write("a.fix", at(1, PLACED))
    assert (logs.read(), logs.reader.lag) == ([], 0)
    logs.now += SECOND - 1
    assert (logs.read(), logs.reader.lag) == ([], SECOND - 1)


async def test_the_lag_is_shown(tmp_path: Path) -> None:
    ahead = logged("8", changed(PLACED, t60="20991231-00:00:00"))
    Logs(tmp_path).write("a.fix", ahead.replace(f"|52={TIME}".encode(), b""))
    outlet = FramesOutlet("order_log", "log")
    source = msgspec.structs.replace(source_of(tmp_path), settle=HOUR)
    task = asyncio.create_task(OrderLogCollector(source, outlet).run())
    try:
        await until(lambda: outlet.state.lag_seconds > 0, "a lag")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert outlet.frames == []


async def test_a_log_that_is_empty_holds_up_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"")
    Logs(tmp_path).write("b.log", at(1, PLACED))
    outlet = FramesOutlet("order_log", "log")
    await followed(source_of(tmp_path / "*.log"), outlet, 1)
    Logs(tmp_path).write("a.log", at(2, PLACED))
    await followed(source_of(tmp_path / "*.log"), outlet, 2)
    assert [frame.position for frame in outlet.frames] == ["b.log:1", "a.log:1"]
    assert all(decode_context(frame.context).merged for frame in outlet.frames)


@pytest.mark.parametrize("first", [b"Session created\n", b"\n", at(2, PLACED)[:30]])
async def test_what_stands_before_the_first_message_holds_up_nothing(
    tmp_path: Path, first: bytes
) -> None:
    logs = Logs(tmp_path)
    (tmp_path / "a.log").write_bytes(first)
    logs.write("b.log", at(1, PLACED))
    outlet = FramesOutlet("order_log", "log")
    await followed(source_of(tmp_path / "*.log"), outlet, 1)
    logs.write("a.log", at(2, PLACED).removeprefix(first))
    banner = first.startswith(b"Session")
    await followed(source_of(tmp_path / "*.log"), outlet, 3 if banner else 2)
    assert outlet.payloads[-1] == at(2, PLACED)
    assert outlet.letters == []


async def test_another_file_among_them_changes_nothing_after_a_restart_either(
    tmp_path: Path,
) -> None:
    logs = Logs(tmp_path)
    logs.write("b.fix", at(1, PLACED))
    logs.write("c.fix", at(2, PLACED))
    outlet = FramesOutlet("order_log", "log")
    await followed(source_of(tmp_path), outlet, 2)
    logs.write("z.csv", b"transact_time,exec_type", b"1,new")
    await followed(source_of(tmp_path), outlet, 3)
    assert outlet.frames[2].kind == "gap"
    logs.write("b.fix", at(3, PLACED))
    await followed(source_of(tmp_path), outlet, 5)
    positions = [frame.position for frame in outlet.frames if frame.kind == "message"]
    assert positions == ["b.fix:1", "c.fix:1", "b.fix:2"]


def test_lines_of_a_clock_that_is_ahead_are_told_as_many_as_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing_log, "MOST_AHEAD", 3)
    logs = Logs(tmp_path)
    logs.now = MINUTE - 3_600 * SECOND
    logs.write("a.fix", *(at(second, PLACED) for second in range(20)))
    assert logs.read() == []
    logs.now += SECOND // 2
    logs.write("a.fix", at(30, PLACED))
    assert logs.read() == []
    logs.now += SECOND // 2
    assert len(logs.read()) == 20
    logs.now += SECOND // 2
    assert len(logs.read()) == 1


def test_once_it_is_quiet_the_newest_frame_says_where_all_of_them_are(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    for number in range(30):
        logs.write(f"{number}.fix", at(1, PLACED))
    logs.write("packed.fix.gz")
    (tmp_path / "packed.fix.gz").write_bytes(gzip.compress(at(1, PLACED) + b"\n"))
    assert len(logs.read()) == 31
    logs.write("7.fix", at(2, PLACED))
    assert places(logs.read()) == ["7.fix:2"]
    logs.now += growing_fix_logs.QUIET - 1
    assert logs.read() == []
    logs.now += 1
    (record,) = logs.read()
    assert (record.payload, record.place.text) == (b"", "7.fix:2~0")
    assert logs.read() == []
    logs.restart(kept=1)  # all others are out of RAW by then
    assert logs.read() == []
    logs.write("7.fix", at(3, PLACED))
    logs.write("8.fix", at(3, PLACED))
    assert sorted(places(logs.read())) == ["7.fix:3", "8.fix:2"]
    numbers = [decode_context(frame.context).merged for frame in logs.frames[-2:]]
    assert numbers == [33, 34]

"""Logs of several FIX sessions are merged while they grow, over restarts as if there was none."""

import asyncio
import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.order_log import growing_fix_logs, growing_log
from collectors.order_log.collector import OrderLogCollector
from collectors.order_log.growing_fix_logs import GrowingFixLogs
from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_lines import LogLine
from pipeline.config.sources import OrderLogSource
from pipeline.frames import Frame
from pipeline.trade_sides import decode_context
from pipeline.units import MILLISECOND, SECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.collectors.test_merged_fix_logs import PLACED, at, sides
from tests.collectors.test_order_log import places
from tests.fixtures.waiting import until
from tests.normalizer.test_fix import FILL, changed
from tests.normalizer.test_fix_log import BUYER

#: 2023-11-14 22:13:00, of which :func:`at` counts the seconds.
MINUTE = 1_699_999_980 * SECOND
LATER = MINUTE + 120 * SECOND


class Logs:
    """A folder of logs that grow, a clock, and what was told of them as RAW holds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = LATER
        self.frames: list[Frame] = []
        self.problems: list[LogLine] = []
        self.reader = self._reader()

    def write(self, name: str, *lines: bytes) -> None:
        with (self.folder / name).open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def read(self, most: int = 10_000) -> list[LogLine]:
        """What is told now; ``most``: the process ends then."""
        found: list[LogLine] = []
        for line in self.reader.read():
            if len(found) == most:
                break
            found.append(line)
        self.problems += [line for line in found if line.problem]
        for line in found:
            if not line.problem:
                frame = Frame(line.place.text, self.now, line.payload, "message", line.context)
                self.frames.append(frame)
        return found

    def restart(self, kept: int = 10_000) -> None:
        self.reader.close()
        self.reader = self._reader(kept)

    def _reader(self, kept: int = 10_000) -> GrowingFixLogs:
        return GrowingFixLogs(
            LogFiles(self.folder),
            longest=4_096,
            settle=SECOND,
            clock=lambda: self.now,
            earlier=self.frames[-kept:],
        )


def told(logs: Logs) -> list[str]:
    return [frame.position for frame in logs.frames]


def test_both_sides_of_a_trade_meet_whichever_log_is_written_first(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED), at(5, FILL))
    assert sides(logs.read()) == [None, "first"]
    logs.write("b.fix", at(2, PLACED), at(5, BUYER), at(6, PLACED))
    logs.write("a.fix", at(9, PLACED))
    found = logs.read()
    assert places(found) == ["b.fix:1", "b.fix:2", "b.fix:3", "a.fix:3"]
    assert sides(found) == [None, "second", None, None]
    assert decode_context(found[1].context).other == at(5, FILL).decode()


def test_a_line_waits_for_earlier_ones_of_other_logs_until_its_time_is_settled(
    tmp_path: Path,
) -> None:
    logs = Logs(tmp_path)
    logs.now = MINUTE + 5 * SECOND + 700 * MILLISECOND
    logs.write("a.fix", at(4, PLACED), at(5, FILL))
    assert places(logs.read()) == ["a.fix:1"]
    logs.write("b.fix", at(3, PLACED), at(4, PLACED))
    assert places(logs.read()) == ["b.fix:1", "b.fix:2"]
    logs.now += SECOND
    assert places(logs.read()) == ["a.fix:2"]


def test_where_the_engines_clock_is_ahead_it_waits_as_long_from_when_it_was_seen(
    tmp_path: Path,
) -> None:
    logs = Logs(tmp_path)
    logs.now = MINUTE - 3_600 * SECOND
    logs.write("b.fix", at(7, PLACED))
    assert places(logs.read()) == []
    logs.now += SECOND // 2
    logs.write("a.fix", at(5, PLACED), at(6, PLACED))
    assert places(logs.read()) == []
    logs.now += SECOND // 2
    assert places(logs.read()) == ["a.fix:1", "a.fix:2", "b.fix:1"]


def test_a_line_that_is_not_ended_waits_for_its_end(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    line = at(1, PLACED)
    (tmp_path / "a.fix").write_bytes(line[:50])
    logs.write("b.fix", at(2, PLACED))
    assert places(logs.read()) == ["b.fix:1"]
    logs.write("a.fix", line[50:])
    assert [one.payload for one in logs.read()] == [line]


def test_a_side_whose_other_never_comes_is_told_alone_after_so_many_lines(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(5, FILL))
    logs.read()
    logs.restart()
    logs.write("b.fix", *([at(6, PLACED)] * 999))
    assert "alone" not in sides(logs.read())
    logs.restart()
    logs.write("b.fix", at(6, PLACED))
    assert places(logs.read(1)) == ["b.fix:1000"]
    logs.restart()
    found = logs.read()
    assert places(found) == ["a.fix:1~1"]
    assert sides(found) == ["alone"]
    logs.restart()
    logs.write("b.fix", at(7, BUYER))
    assert sides(logs.read()) == ["first"]


def test_a_restart_reads_no_file_again_and_finds_the_other_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED), at(5, FILL))
    logs.write("b.fix", at(2, PLACED))
    (tmp_path / "c.fix.gz").write_bytes(gzip.compress(at(3, PLACED) + b"\n"))
    assert len(logs.read()) == 4
    logs.restart()

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    with monkeypatch.context() as watched:
        watched.setattr(growing_log, "LogReader", refuse)
        assert logs.read() == []
    assert logs.reader.place  # there are files
    logs.write("b.fix", at(5, BUYER))
    assert sides(logs.read()) == ["second"]


def test_a_file_that_is_another_one_after_a_restart_is_told_and_not_read(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED), at(2, PLACED))
    logs.write("b.fix", at(1, PLACED))
    logs.read()
    logs.restart()
    (tmp_path / "a.fix").write_bytes(at(3, PLACED) + b"\n")
    (tmp_path / "b.fix").write_bytes(b"x" * 5_000 + b"\n")
    (line,) = logs.read()
    assert line.place.name == "b.fix"
    assert "another file now" in line.problem
    (changed,) = logs.reader.changed()
    assert changed.place.name == "a.fix"
    assert "another file now" in changed.problem
    assert list(logs.reader.changed()) == []


def test_what_is_wrong_with_a_line_is_told_with_its_place(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("a.fix", at(1, PLACED), b"8=FIX.4.4|9=1|" + b"x" * 5_000, at(3, PLACED))
    logs.write("b.fix", at(2, PLACED))
    assert places(logs.read()) == ["a.fix:1", "a.fix:2", "b.fix:1", "a.fix:3"]
    assert [line.problem for line in logs.problems] == ["line 2: longer than 4096 bytes"]


def test_a_source_that_read_one_file_after_the_other_goes_on_where_it_was(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.write("1.fix", at(1, PLACED), at(2, PLACED))
    logs.write("2.fix", at(3, PLACED), at(4, PLACED))
    logs.write("3.fix", at(5, PLACED))
    context = '{"form":"fix"}'
    logs.frames = [Frame("1.fix:2", 0, b"", "message", context)]
    logs.frames += [Frame("2.fix:1", 0, b"", "message", context)]
    logs.restart()
    assert places(logs.read()) == ["2.fix:2", "3.fix:1"]
    logs.write("1.fix", at(6, PLACED))
    assert places(logs.read()) == ["1.fix:2"]


def test_of_many_files_few_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_fix_logs, "MOST_OPEN", 3)
    logs = Logs(tmp_path)
    for second in range(20):
        logs.write(f"{second % 10}.fix", at(second, PLACED))
    expected = [f"{second % 10}.fix:{1 + second // 10}" for second in range(20)]
    assert places(logs.read()) == expected
    logs.write("4.fix", at(21, PLACED))
    assert places(logs.read()) == ["4.fix:3"]
    logs.restart()
    logs.write("5.fix", at(22, PLACED))
    assert places(logs.read()) == ["5.fix:3"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_wherever_it_is_stopped_each_line_is_told_once(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        logs = Logs(Path(folder))
        written: list[bytes] = []
        logs.now = MINUTE
        for _ in range(data.draw(st.integers(1, 12))):
            logs.now += data.draw(st.integers(0, 3)) * SECOND
            for name in data.draw(st.lists(st.sampled_from("abc"), max_size=4)):
                second = data.draw(st.integers(0, 40))
                pair = data.draw(st.integers(0, 3))
                side = data.draw(st.sampled_from((PLACED, FILL, BUYER)))
                ids = {"t17": f"e{len(written)}", "t880": f"m{pair}" if side != PLACED else None}
                written.append(at(second, changed(side, **ids)))
                logs.write(f"{name}.fix", written[-1])
            most = data.draw(st.sampled_from((0, 1, 2, 10_000)))
            logs.read(most)
            if most < 10_000 or data.draw(st.booleans()):
                logs.restart()
        logs.now += 10 * SECOND
        logs.restart()
        logs.read()
        logs.now += 10 * SECOND
        logs.read()
        lines = [frame for frame in logs.frames if "~" not in frame.position]
        assert sorted(frame.payload for frame in lines) == sorted(written)
        assert len(set(told(logs))) == len(logs.frames)
        numbers = [decode_context(frame.context).merged for frame in lines]
        assert numbers == list(range(1, len(lines) + 1))
        waiting: list[str] = []
        for frame in logs.frames:
            context = decode_context(frame.context)
            if context.side == "first":
                waiting.append(frame.payload.decode())
            elif context.side == "second":
                waiting.remove(context.other)
        by_file: dict[str, list[int]] = {}
        for frame in lines:
            name, _, number = frame.position.partition(":")
            by_file.setdefault(name, []).append(int(number))
        assert all(one == sorted(one) for one in by_file.values())


async def test_a_source_follows_them(tmp_path: Path) -> None:
    outlet = FramesOutlet("order_log", "log")
    source = OrderLogSource(
        name="log", path=tmp_path, venue="acme", poll_every=10 * MILLISECOND, settle=0
    )
    logs = Logs(tmp_path)

    async def arrived(count: int) -> None:
        await until(lambda: len(outlet.frames) == count, f"{count} lines")

    for run in range(3):
        task = asyncio.create_task(OrderLogCollector(source, outlet).run())
        try:
            logs.write("a.fix", at(run, changed(FILL, t880=f"m{run}")))
            await arrived(3 * run + 1)
            logs.write("b.fix", at(run, changed(BUYER, t880=f"m{run}")), b"Disconnected")
            await arrived(3 * run + 3)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    found = [decode_context(frame.context) for frame in outlet.frames]
    assert [one.side for one in found] == ["first", "second", None] * 3
    assert outlet.gaps == []

"""Logs of several FIX sessions are one log in the order of time, and trades have both sides."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_kinds import are_fix_logs
from collectors.order_log.log_lines import LogLine
from collectors.order_log.merged_fix_logs import MergedFixLogs
from pipeline.trade_sides import decode_context
from tests.collectors.test_fix_log import write
from tests.collectors.test_order_log import places
from tests.normalizer.test_fix import FILL, ORDER, TIME, Pairs, changed
from tests.normalizer.test_fix_log import BUYER, logged


def at(second: int, pairs: Pairs) -> bytes:
    """A report of what happened then, sent in the same second, as engines tell it."""
    time = f"20231114-22:13:{second:02d}"
    report = logged("8", changed(pairs, t60=f"{time}.5"))
    return report.replace(f"|52={TIME}|".encode(), f"|52={time}|".encode())


def merged(path: Path) -> list[LogLine]:
    files = LogFiles(path)
    assert are_fix_logs(files, files.names())
    reader = MergedFixLogs(files, files.names(), longest=4_096)
    try:
        return list(reader.read())
    finally:
        reader.close()


def sides(lines: list[LogLine]) -> list[str | None]:
    return [decode_context(line.context).side for line in lines]


PLACED = changed(ORDER, t150="0")


def test_lines_come_in_the_order_of_time_with_both_sides_of_a_trade(tmp_path: Path) -> None:
    write(tmp_path / "a.fix", at(1, PLACED), at(5, FILL), at(9, PLACED))
    write(tmp_path / "b.fix", at(2, PLACED), at(5, BUYER), at(6, PLACED))
    found = merged(tmp_path)
    assert places(found) == ["a.fix:1", "b.fix:1", "a.fix:2", "b.fix:2", "b.fix:3", "a.fix:3"]
    assert sides(found) == [None, None, "first", "second", None, None]
    assert decode_context(found[3].context).other == at(5, FILL).decode()


def test_a_side_whose_other_is_in_none_of_them_is_told_alone_at_its_place(tmp_path: Path) -> None:
    write(tmp_path / "a.fix", at(5, FILL))
    write(tmp_path / "b.fix", at(6, PLACED))
    found = merged(tmp_path)
    assert places(found) == ["a.fix:1", "b.fix:1", "a.fix:1~1"]
    assert sides(found) == ["first", None, "alone"]
    assert found[2].payload == at(5, FILL)


def test_a_line_without_a_later_time_stays_where_it_is_in_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.fix", at(7, PLACED), b"Disconnected", at(3, PLACED), at(8, PLACED))
    write(tmp_path / "b.fix", at(4, PLACED), at(9, PLACED))
    order = ["b.fix:1", "a.fix:1", "a.fix:2", "a.fix:3", "a.fix:4", "b.fix:2"]
    assert places(merged(tmp_path)) == order


def test_a_time_far_ahead_holds_nothing_back(tmp_path: Path) -> None:
    ahead = logged("8", changed(PLACED, t60="20991231-00:00:00"))  # sent at 22:13:20
    write(tmp_path / "a.fix", ahead, at(21, PLACED))
    write(tmp_path / "b.fix", at(19, PLACED), at(22, PLACED))
    assert places(merged(tmp_path)) == ["b.fix:1", "a.fix:1", "a.fix:2", "b.fix:2"]


def test_without_a_time_of_its_own_a_message_has_that_of_its_sending(tmp_path: Path) -> None:
    # Which is 22:13:20 for all of these.
    write(tmp_path / "a.fix", logged("D", [(11, "c1")]))
    write(tmp_path / "b.fix", at(19, PLACED), at(21, PLACED))
    assert places(merged(tmp_path)) == ["b.fix:1", "a.fix:1", "b.fix:2"]


def test_what_is_wrong_with_a_line_is_told_where_it_stands(tmp_path: Path) -> None:
    write(tmp_path / "a.fix", at(1, PLACED), b"8=FIX.4.4|9=1|" + b"x" * 5_000, at(3, PLACED))
    write(tmp_path / "b.fix", at(2, PLACED))
    found = merged(tmp_path)
    assert places(found) == ["a.fix:1", "a.fix:2", "b.fix:1", "a.fix:3"]
    assert found[1].problem == "line 2: longer than 4096 bytes"


def test_packed_files_and_folders_within(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.fix.gz").write_bytes(gzip.compress(at(2, PLACED) + b"\n"))
    write(tmp_path / "FIX.4.4-A-B.messages.current.log", b"Created session", at(1, PLACED))
    assert places(merged(tmp_path)) == [
        "FIX.4.4-A-B.messages.current.log:1",
        "FIX.4.4-A-B.messages.current.log:2",
        "x/a.fix.gz:1",
    ]


@pytest.mark.parametrize("other", [b'{"transact_time":1}\n', b"transact_time,exec_type\n"])
def test_one_alone_or_others_among_them_are_not_merged(tmp_path: Path, other: bytes) -> None:
    write(tmp_path / "1.fix", at(1, PLACED))
    files = LogFiles(tmp_path)
    assert not are_fix_logs(files, files.names())
    (tmp_path / "2.ndjson").write_bytes(other)
    assert not are_fix_logs(files, files.names())


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 2)), min_size=1, max_size=30))
def test_however_lines_are_parted_all_come_in_order(lines: list[tuple[int, int]]) -> None:
    lines = sorted(lines)
    parts: list[list[bytes]] = [[], [], []]
    for number, (second, part) in enumerate(lines):
        parts[part].append(at(second, changed(PLACED, t17=f"e{number}")))
    with TemporaryDirectory() as folder:
        for part, some in enumerate(parts):
            write(Path(folder) / f"{part}.fix", *some)
        found = [line.payload for line in merged(Path(folder))]
    assert sorted(found) == sorted(line for some in parts for line in some)
    times = [payload.partition(b"|60=")[2][:19] for payload in found]
    assert times == sorted(times)

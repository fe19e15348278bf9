"""Logs of FIX engines are read as order logs are, and the two reports of a trade found."""

from pathlib import Path

import pytest

from collectors.order_log.check import check_order_log
from collectors.order_log.log_lines import LogLine
from pipeline.config.sources import OrderLogSource
from pipeline.trade_sides import LineContext, decode_context
from tests.collectors.test_order_log import places, read
from tests.normalizer.test_fix import FILL, ORDER, changed
from tests.normalizer.test_fix_log import BUYER, logged

PLACED = logged("8", changed(ORDER, t150="0"))
SELLS, BUYS = logged("8", FILL), logged("8", BUYER)


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def contexts(lines: list[LogLine]) -> list[LineContext]:
    return [decode_context(line.context) for line in lines]


def test_a_log_whose_first_line_has_a_message_is_one_of_fix(tmp_path: Path) -> None:
    found = read(write(tmp_path / "engine.log", PLACED, SELLS, BUYS))
    assert places(found) == ["engine.log:1", "engine.log:2", "engine.log:3"]
    assert [line.payload for line in found] == [PLACED, SELLS, BUYS]
    plain, first, second = contexts(found)
    assert plain == LineContext(form="fix")
    assert first == LineContext(form="fix", side="first")
    assert second == LineContext(form="fix", side="second", other=SELLS.decode("latin-1"))


@pytest.mark.parametrize(
    "name",
    ["FIX.4.2-ACME-BROKER.messages.current.log", "FIXT.1.1-A-B.messages.log", "a.fix", "b.fixlog"],
)
def test_by_its_name_it_may_begin_with_something_else(tmp_path: Path, name: str) -> None:
    found = read(write(tmp_path / name, b"20260302-14:30:00 : Created session", PLACED))
    assert [one.form for one in contexts(found)] == ["fix", "fix"]
    assert not any(line.problem for line in found)


def test_a_report_whose_other_side_is_not_in_the_log_is_told_alone(tmp_path: Path) -> None:
    first, alone = read(write(tmp_path / "a.fix", SELLS))
    assert alone.payload == SELLS
    assert decode_context(first.context).side == "first"
    assert decode_context(alone.context) == LineContext(form="fix", side="alone")


def test_a_byte_that_is_no_utf_8_stays_what_it_is(tmp_path: Path) -> None:
    odd = SELLS.replace(b"|1=A-7|", b"|1=A\xe97|")
    _, second = read(write(tmp_path / "a.fix", odd, BUYS))
    assert decode_context(second.context).other.encode("latin-1") == odd


def test_a_folder_has_them_by_their_ending(tmp_path: Path) -> None:
    write(tmp_path / "2.fix", PLACED)
    write(tmp_path / "1.ndjson", b'{"n":1}')
    write(tmp_path / "events.log", b"nothing")
    assert places(read(tmp_path)) == ["1.ndjson:1", "2.fix:1"]


def test_reading_goes_on_behind_any_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fix", PLACED, SELLS, BUYS, PLACED)
    whole = read(path)
    for line in whole:
        rest = read(path, after=line.place.text)
        assert rest == [one for one in whole if one.place > line.place]


def test_the_check_says_what_it_is(tmp_path: Path) -> None:
    source = OrderLogSource(
        name="log", path=write(tmp_path / "a.fix", PLACED), venue="acme", trade_sides="both"
    )
    finding = check_order_log(source)
    assert finding.level == "ok"
    assert finding.message == "1 file(s), a.fix the last; messages of FIX"

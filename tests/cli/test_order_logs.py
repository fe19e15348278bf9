"""Order logs and recordings without a bus: `normalize`, `detect` and `backtest`."""

import json
import os
from pathlib import Path

import pytest

from collectors.recording import RecordedSource, RecordingWriter
from pipeline.frames import Frame
from tests.cli.command_line import RULES, tapewatch

HEADER = "transact_time,exec_type,symbol,trade_id,order_id,account,side,last_px,last_qty,leaves_qty"
#: One trade, by a line for each of its sides; both accounts are of one investor.
SIDES = f"""{HEADER}
2026-03-02T14:30:00.5Z,trade,ACME-USD,9001,41,A-7,sell,10.25,100,0
2026-03-02T14:30:00.5Z,trade,ACME-USD,9001,42,B-3,buy,10.25,100,0
"""
ACCOUNTS = """
investors:
  - id: INV-1
    accounts:
      - {venue: acme-ats, account: A-7}
      - {venue: acme-ats, account: B-3}
"""
SELF_TRADE = RULES / "wash_trading" / "self_trade.yml"


def options(folder: Path) -> list[str]:
    (folder / "log").mkdir()
    (folder / "log" / "orders.csv").write_text(SIDES)
    (folder / "who.yaml").write_text(ACCOUNTS)
    return [
        *("--venue", "acme-ats", "--trade-sides", "each"),
        *("--reference", str(folder / "who.yaml")),
    ]


def test_an_order_log_becomes_events_that_lead_back_to_its_lines(tmp_path: Path) -> None:
    done = tapewatch("normalize", tmp_path / "log", *options(tmp_path), folder=tmp_path)
    assert (done.code, done.error) == (0, "")
    trade, *filled = [json.loads(line) for line in done.out.splitlines()]
    assert trade["event.action"] == "trade"
    assert trade["event.original"] == "orders.csv:3"
    assert (trade["investor.buyer.account"], trade["investor.seller.account"]) == ("B-3", "A-7")
    assert trade["investor.buyer.id"] == trade["investor.seller.id"] == "INV-1"
    assert [event["market.order.id"] for event in filled] == ["41", "42"]


def test_doubts_about_reference_data_are_told_and_fail_nothing(tmp_path: Path) -> None:
    given = options(tmp_path)
    (tmp_path / "who.yaml").write_text(ACCOUNTS.replace("INV-1", "\u201cINV-1\u201d"))
    done = tapewatch("normalize", tmp_path / "log", *given, folder=tmp_path)
    assert done.code == 0
    assert "who.yaml:3:9: warning: these quotes are taken for a part of the text" in done.error


def test_rules_run_over_an_order_log(tmp_path: Path) -> None:
    log = ["--order-log", str(tmp_path / "log"), *options(tmp_path)]
    again = SIDES.removeprefix(HEADER + "\n").replace("14:30", "14:31").replace("9001", "9002")
    (tmp_path / "log" / "orders.csv").write_text(SIDES + again)
    found = tapewatch("detect", "--rules", SELF_TRADE, *log, folder=tmp_path)
    assert found.code == 0, found.error
    (alert,) = [json.loads(line) for line in found.out.splitlines()]
    assert alert["surveillance"]["typology"] == "wash_trading"
    passed = tapewatch("backtest", "--rules", SELF_TRADE, *log, "--json", "-", folder=tmp_path)
    assert passed.code == 0, passed.error
    assert json.loads(passed.out)["events"]["read"] == 6


def test_a_line_that_is_none_is_told_with_its_place_and_stops_no_other(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    log.write_text(SIDES.replace("sell,10.25", "sel,10.25"))
    done = tapewatch("normalize", log, folder=tmp_path)
    assert done.code == 1
    assert f"{log}:2:1: error: side:" in done.error
    assert "did you mean sell?" in done.error
    assert '"event.action":"trade"' in done.out


def test_of_lines_that_are_wrong_in_one_way_some_are_told_and_how_many_more(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    head, *lines = SIDES.splitlines()
    wrong = [f"{n},{line.partition(',')[2]}" for n in range(500) for line in lines[:2]]
    log.write_text("\n".join([head, *lines, *wrong, lines[0].replace("sell,10.25", "sel,10.25")]))
    detect = ["detect", "--rules", SELF_TRADE, "--order-log", log]
    for command in (["normalize", log], detect):
        done = tapewatch(*command, "--trade-sides", "each", folder=tmp_path)
        assert done.code == 1
        told = [line for line in done.error.splitlines() if line.startswith(str(log))]
        assert len(told) == 22
        assert sum("did you mean sell?" in line for line in done.error.splitlines()) == 1
        (more,) = [line for line in told if "more" in line]
        assert more.startswith(
            f"{log}:{1 + len(lines) + 1_000}:1: error: 980 more lines are wrong so"
        )


def test_of_a_time_in_a_local_form_it_is_told_which_is_expected(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    head, line, *_ = SIDES.splitlines()
    local = f"02.03.2026 14:30:00,{line.partition(',')[2]}"
    log.write_text(f"{head}\n{local}\n")
    done = tapewatch("normalize", log, folder=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "'02.03.2026 14:30:00' is no RFC 3339 time; expected such as 2026-01-31T" in done.error


def test_a_column_that_is_none_is_told(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    log.write_text(SIDES.replace("last_px", "last_price"))
    done = tapewatch("normalize", log, folder=tmp_path)
    assert done.code == 1
    column = HEADER.index("last_px") + 1
    assert f"{log}:1:{column}: error: " in done.error
    assert "last_price: no column of an order log: did you mean last_px?" in done.error
    assert done.error.count("last_price") == 1, "once, and not of each line again"


@pytest.mark.parametrize(
    ("command", "header", "column", "said", "rows"),
    [
        ("normalize", f"{HEADER},last_price", len(HEADER) + 2, "did you mean last_px?", 0),
        (
            "detect",
            f"{HEADER},side",
            len(HEADER) + 2,
            f"side is there twice, first in column {HEADER.index('side') + 1}",
            2,
        ),
        ("backtest", "transact_time,exec_type", 1, "there is no column symbol", 0),
    ],
)
def test_a_wrong_header_is_told_where_it_is_wrong_though_no_line_follows(
    tmp_path: Path, command: str, header: str, column: int, said: str, rows: int
) -> None:
    log = tmp_path / "orders.csv"
    log.write_text("\n".join([header, *SIDES.splitlines()[1 : rows + 1], ""]))
    done = (
        tapewatch("normalize", log, folder=tmp_path)
        if command == "normalize"
        else tapewatch(command, "--rules", SELF_TRADE, "--order-log", log, folder=tmp_path)
    )
    assert done.code == 1, done
    assert f"{log}:1:{column}: error: " in done.error
    assert said in done.error


def test_a_backtest_over_lines_that_are_none_has_not_found_nothing(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    log.write_text(SIDES.replace("trade,", "trad,"))
    answer = tapewatch("backtest", "--rules", SELF_TRADE, "--order-log", log, folder=tmp_path)
    assert answer.code == 1
    assert "2 lines are no events" in answer.out
    assert f"error: the rules met no event of {log}: no line of it is one" in answer.error
    counted = tapewatch(
        *("backtest", "--rules", SELF_TRADE, "--order-log", log, "--json", "-"), folder=tmp_path
    )
    assert json.loads(counted.out)["events"]["dead"] == 2


def test_a_backtest_tells_a_line_that_is_none_by_its_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    log.write_text(SIDES.replace("sell,10.25", "sel,10.25"))
    answer = tapewatch("backtest", "--rules", SELF_TRADE, "--order-log", log, folder=tmp_path)
    assert answer.code == 1
    assert "1 line is no event" in answer.out


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_log_in_another_encoding_is_told_with_how_to_convert_it(
    tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "log").mkdir()
    one_side = "".join(SIDES.splitlines(keepends=True)[:2])
    (tmp_path / "log" / "1.csv").write_bytes(one_side.encode(encoding))
    (tmp_path / "log" / "2.csv").write_text(one_side)
    done = tapewatch("normalize", tmp_path / "log", folder=tmp_path)
    assert done.code == 1
    (said,) = [line for line in done.error.splitlines() if "error:" in line]
    assert said.startswith(f"{tmp_path / 'log' / '1.csv'}: error: is in UTF-16")
    assert "iconv -f UTF-16" in said
    assert done.out.count('"event.action":"trade"') == 1, "the other file is read"


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(SIDES)
    done = tapewatch("normalize", tmp_path / "order.csv", folder=tmp_path)
    assert done.code == 2
    assert f"did you mean {tmp_path / 'orders.csv'}?" in done.error
    both = tapewatch("detect", "--rules", SELF_TRADE, folder=tmp_path)
    assert (both.code, "--order-log" in both.error) == (2, True)
    stray = tapewatch(
        "detect", "--rules", SELF_TRADE, "--events", "-", "--venue", "x", folder=tmp_path
    )
    assert (stray.code, "--venue belongs to --order-log" in stray.error) == (2, True)


def test_a_pipe_is_refused_as_such(tmp_path: Path) -> None:
    pipe = tmp_path / "orders.csv"
    os.mkfifo(pipe)
    done = tapewatch("normalize", pipe, folder=tmp_path)
    assert done.code == 2
    assert f"{pipe} is neither a file nor a folder" in done.error


def test_a_recording_of_a_venues_own_frames_becomes_events(tmp_path: Path) -> None:
    path = tmp_path / "recording.ndjson.gz"
    frame = {
        **{"type": "match", "trade_id": 7, "side": "sell", "size": "2", "price": "10"},
        **{"product_id": "ACME-USD", "time": "2026-03-02T14:30:00.5Z", "sequence": 1},
    }
    with RecordingWriter(path, [RecordedSource("v", "coinbase", "acme-ats")]) as writer:
        writer.write("v", Frame("1", 1_772_500_000 * 10**9, json.dumps(frame).encode()))
        writer.write("v", Frame("2", 1_772_500_000 * 10**9, b"{"))
    done = tapewatch("normalize", path, folder=tmp_path)
    (event,) = [json.loads(line) for line in done.out.splitlines()]
    assert (event["market.venue"], event["event.original"]) == ("acme-ats", "1")
    assert done.code == 1
    assert "error" in done.error

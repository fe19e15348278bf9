"""Order books in published forms come in by the scripts of docs/published-data.md.

The samples are ours, in the form that LOBSTER's and Databento's documents and Binance's streams
have; nobody traded any of it.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from detections.engine.engine import Engine
from detections.lanes.event_messages import decode_record
from detections.rules import load_rules
from normalizer.events import Alert, Record
from normalizer.reference import Reference
from pipeline.cli.raw_events import RawEvents
from pipeline.problems import Problem
from tests.docs.marked import DOCS
from tests.published.conftest import Script

DAY = "AAPL_2012-06-21_34200000_57600000_message_10.csv"
OPEN = 1_340_285_400  # 09:30 in New York


def lines(log: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def events_of(folder: Path, log: bytes) -> list[Record]:
    path = folder / "orders.ndjson"
    path.write_bytes(log)
    problems: list[Problem] = []
    raw = RawEvents(
        [path], reference=Reference(), report=problems.append, venue="venue", chain=None
    )
    events = [decode_record(line) for batch in raw.batches() for line in batch.lines]
    assert problems == []
    return events


def alerts(rule: str, events: list[Record]) -> list[Alert]:
    engine = Engine(load_rules([DOCS.parent / "sigma_rules" / rule]))
    return [*engine.process(events), *engine.finish()]


def write(folder: Path, name: str, rows: list[str]) -> None:
    (folder / name).write_text("\n".join([*rows, ""]))


def test_lobsters_messages(tmp_path: Path, script: Script) -> None:
    rows = [
        "34200.017459617,5,0,1,5853300,-1",  # hidden: an offer that nobody saw
        "34200.1,1,101,100,5853000,1",
        "34200.25,4,7,40,5854000,-1",  # it rested before, as did the next one
        "34200.25,3,7,60,5854000,-1",
        "34200.3,2,101,30,5853000,1",
        "34200.4,4,101,70,5853000,1",
        "34200.5,3,8,200,5852000,1",
        "34200.6,7,0,0,-1,-1",  # a halt
        "34200.7,6,-1,500,5853500,1",  # the auction that ends it
    ]
    write(tmp_path, DAY, rows)
    snapshot, *steps = lines(script("lobster_log.py", DAY))
    assert snapshot["bids"] == [[585.2, 200, "8"]]
    assert snapshot["asks"] == [[585.4, 100, "7"]]
    assert [(one["exec_type"], one["transact_time"] - OPEN * 10**9) for one in steps] == [
        ("trade", 17_459_617),
        ("new", 100_000_000),
        ("trade", 250_000_000),
        ("canceled", 250_000_000),
        ("replaced", 300_000_000),
        ("trade", 400_000_000),
        ("canceled", 500_000_000),
        ("trade", 700_000_000),
    ]
    hidden, _, first, _, cut, second, _, cross = steps
    assert (hidden["aggressor_side"], "maker_order_id" in hidden) == ("buy", False)
    assert (first["maker_order_id"], first["maker_leaves_qty"]) == ("7", 60)
    assert cut["order_qty"] == 70
    assert (second["aggressor_side"], second["maker_leaves_qty"]) == ("sell", 0)
    assert "aggressor_side" not in cross
    names = script("lobster_log.py", DAY)
    write(tmp_path, DAY, ["Time,Type,OrderId,Size,Price,Direction", *rows])
    assert script("lobster_log.py", DAY) == names
    assert len(events_of(tmp_path, names)) == 10  # one is filled


def test_a_file_of_too_few_levels_is_told(
    tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["34200.1,3,7,40,5854000,-1", "34900.1,3,8,40,5853000,1"]
    write(tmp_path, DAY, rows)
    script("lobster_log.py", DAY)
    assert capsys.readouterr().err == ""
    write(tmp_path, DAY, [*rows, "35900.1,3,9,40,5855000,1"])  # it came later, unseen
    script("lobster_log.py", DAY)
    assert "too few levels" in capsys.readouterr().err


def test_what_comes_and_goes_again_and_again_in_lobsters_messages(
    tmp_path: Path, script: Script
) -> None:
    rows = [
        *(f"34200.0,1,{n},100,{5853000 - 100 * n},1" for n in range(1, 11)),
        *(f"34200.0,1,{n},100,{5853000 + 100 * n},-1" for n in range(11, 21)),
    ]
    for time in range(6):
        at = 34210 + 20 * time
        rows += [
            f"{at}.5,1,{100 + time},731,5852900,1",
            f"{at + 2}.25,3,{100 + time},731,5852900,1",
        ]
    rows.append("34400.0,1,500,1,5850000,1")
    write(tmp_path, DAY, rows)
    (alert,) = alerts(
        "spoofing/inferred_spoofing.yml", events_of(tmp_path, script("lobster_log.py", DAY))
    )
    assert "6 times within" in alert.reason
    assert "731 AAPL" in alert.reason


def test_databentos_market_by_order(tmp_path: Path, script: Script) -> None:
    names = "ts_event,action,side,price,size,order_id,flags"
    rows = [
        "1703541600000000000,R,N,9223372036854775807,0,0,40",
        "1703541600000000000,A,B,4812250000000,5,1,40",
        "1703541600000000000,A,A,4812500000000,3,2,168",
        "1703541601000000000,A,B,4812000000000,4,3,128",
        "1703541602000000000,T,B,4812500000000,2,0,0",  # somebody buys
        "1703541602000000000,F,A,4812500000000,2,2,0",
        "1703541602000000000,C,A,4812500000000,2,2,128",
        "1703541603000000000,M,B,4812250000000,4,3,128",
        "1703541604000000000,C,B,4812250000000,1,3,128",
        "1703541605000000000,C,A,4812500000000,1,2,128",
    ]
    write(tmp_path, "mbo.csv", [names, *rows])
    log = script("mbo_log.py", "ESH4", "USD", "mbo.csv")
    snapshot, *steps = lines(log)
    assert (snapshot["bids"], snapshot["asks"]) == ([[4812.25, 5, "1"]], [[4812.5, 3, "2"]])
    assert [
        (one["exec_type"], one.get("order_id", one.get("maker_order_id")), one.get("order_qty"))
        for one in steps
    ] == [
        ("new", "3", 4),
        ("trade", "2", None),
        ("replaced", "3", 4),
        ("replaced", "3", 3),
        ("canceled", "2", None),
    ]
    assert (steps[1]["aggressor_side"], steps[1]["maker_leaves_qty"]) == ("buy", 1)
    assert steps[-1]["leaves_qty"] == 1
    pretty = [row.replace("4812", "4812.") for row in rows]
    write(tmp_path, "mbo.csv", [names, *pretty])
    assert script("mbo_log.py", "ESH4", "USD", "mbo.csv") == log
    assert len(events_of(tmp_path, log)) == 6


def test_an_iceberg_that_shows_its_next_part_ends_when_that_is_cancelled(
    tmp_path: Path, script: Script
) -> None:
    """As CME tells of them: filled whole, modified to what it shows next, and at last cancelled."""
    rows = [
        "ts_event,action,side,price,size,order_id,flags",
        "1703541600000000000,R,N,,0,0,8",
        "1703541601000000000,A,B,4810500000000,1,7,128",
        *(
            "1703541602000000000,F,B,4810500000000,2,7,0",
            "1703541602000000000,M,B,4810500000000,1,7,128",
        ),
        "1703541605000000000,C,B,4810500000000,1,7,128",
    ]
    write(tmp_path, "mbo.csv", rows)
    steps = lines(script("mbo_log.py", "ESH4", "USD", "mbo.csv"))[1:]
    assert [one["exec_type"] for one in steps] == ["new", "trade", "new", "canceled"]
    assert steps[-1]["leaves_qty"] == 1


def test_streams_of_levels(tmp_path: Path, script: Script) -> None:
    def update(time: int, last: int, bids: list[list[str]]) -> dict[str, Any]:
        told = {"e": "depthUpdate", "E": time, "T": time, "s": "BTCUSDT", "U": last, "u": last}
        return {"stream": "btcusdt@depth@0ms", "data": {**told, "b": bids, "a": []}}

    def trade(time: int, name: int, **more: Any) -> dict[str, Any]:
        told = {"e": "trade", "T": time, "s": "BTCUSDT", "t": name, "p": "50000.0", "q": "5"}
        return {"stream": "btcusdt@trade", "data": {**told, "m": True, **more}}

    begin = 1_723_161_256_000
    messages = [
        update(begin, 10, [["49999.0", "1"]]),  # the snapshot has it
        update(begin + 2, 12, [["49998.0", "2"]]),
        {
            **{"lastUpdateId": 11, "E": begin + 1, "T": begin + 1},
            **{"bids": [["49999.0", "1"]], "asks": [["50000.0", "3"]]},
        },
        trade(begin + 4, 1),
        trade(begin + 4, 2, X="INSURANCE_FUND"),
        update(begin + 3, 13, [["49999.0", "0"]]),
    ]
    recorded = "".join(f"17231612550303146{n} {json.dumps(m)}\n" for n, m in enumerate(messages))
    (tmp_path / "btcusdt.gz").write_bytes(gzip.compress(recorded.encode()))
    log = script("depth_log.py", "btcusdt.gz")
    told = lines(log)
    assert [one["exec_type"] for one in told] == [
        *("book_snapshot", "book_update", "book_update", "trade")
    ]
    assert told[1]["bids"] == [[49998.0, 2.0]]
    assert (told[3]["last_qty"], told[3]["aggressor_side"]) == (5.0, "sell")
    assert len(events_of(tmp_path, log)) == 4
    timeless = {"lastUpdateId": 11, "bids": [["49999.0", "1"]], "asks": []}
    waited = [messages[1], update(begin + 5, 13, []), timeless]
    (tmp_path / "cash").write_text("".join(f"1 {json.dumps(one)}\n" for one in waited))
    told = lines(script("depth_log.py", "cash"))
    assert [one["exec_id"] for one in told] == ["s11", "u12", "u13"]
    contracts = lines(script("depth_log.py", "CONTRACT=100", "btcusdt.gz"))
    assert contracts[3]["last_qty"] == 0.01
    assert contracts[1]["bids"] == [[49998.0, 200 / 49998.0]]

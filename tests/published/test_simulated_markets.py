"""Markets of ABIDES come in by the script of docs/published-data.md.

The samples are ours, in the form in which its two versions write down what their exchange did.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

from detections.engine.engine import Engine
from detections.lanes.event_messages import decode_record
from detections.rules import load_rules
from normalizer.events import Alert
from normalizer.reference import Reference
from pipeline.cli.raw_events import RawEvents
from pipeline.problems import Problem
from tests.docs.marked import DOCS
from tests.published.conftest import Script

DAY = 1_612_517_400_000_000_000
#: As pandas names and fills the columns: what some rows lack makes floats of the others' numbers.
HISTORY = [
    *("time", "type", "order_id", "agent_id", "side", "quantity", "price", "oppos_order_id"),
    *("oppos_agent_id", "tag", "metadata", "new_side", "new_quantity", "old_order_id"),
    "new_order_id",
]


def history(*rows: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, HISTORY)
    writer.writeheader()
    for place, row in enumerate(rows):
        numbers = {k: f"{v}.0" if isinstance(v, int) else v for k, v in row.items()}
        # A float of pandas, with as many digits as it takes.
        writer.writerow({"time": repr(float(DAY + 1_000_000 * place)), **numbers})
    return out.getvalue()


def limit(order: int, agent: int, side: str, quantity: int, price: int) -> dict[str, Any]:
    names = {"order_id": order, "agent_id": agent, "side": side}
    return {"type": "LIMIT", **names, "quantity": quantity, "price": price}


def execution(order: int, agent: int, side: str, quantity: int, by: int, taker: int) -> Any:
    """`side` is of the order that rested."""
    names = {"order_id": order, "agent_id": agent, "side": side, "quantity": quantity}
    return {"type": "EXEC", **names, "oppos_order_id": taker, "oppos_agent_id": by}


def rows_of(log: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(log.decode())))


def told(row: dict[str, str], *names: str) -> tuple[str, ...]:
    return tuple(row[name] for name in names)


def alerts(folder: Path, log: bytes, rules: str) -> list[Alert]:
    path = folder / "orders.csv"
    path.write_bytes(log)
    problems: list[Problem] = []
    raw = RawEvents(
        [path], reference=Reference(), report=problems.append, venue="abides", chain=None
    )
    engine = Engine(load_rules([DOCS.parent / "sigma_rules" / rules]))
    found: list[Alert] = []
    for batch in raw.batches():
        found += engine.process([decode_record(line) for line in batch.lines])
    found += engine.finish()
    assert problems == []
    return found


def test_a_books_history(tmp_path: Path, script: Script) -> None:
    (tmp_path / "history.csv").write_text(
        history(
            limit(1, 1073, "BID", 100, 100_003),
            limit(2, 7, "ASK", 300, 100_010),
            execution(1, 1073, "BUY", 40, 9, 3),
            {"type": "CANCEL_PARTIAL", "order_id": 2, "quantity": 100},
            {"type": "MODIFY", "order_id": 2, "new_side": "ASK", "new_quantity": 150},
            {"type": "REPLACE", "old_order_id": 2, "new_order_id": 4, "quantity": 50, "price": 9},
            {"type": "CANCEL", "order_id": 1},
            execution(4, 7, "SELL", 50, 9, 5),
            {"type": "CANCEL", "order_id": 99},
        )
    )
    rows = rows_of(script("abides_log.py", "ABM-USD", "history.csv"))
    kinds = " ".join(row["exec_type"] for row in rows)
    assert kinds == "new new trade replaced replaced replaced canceled trade"
    assert [row["seq_num"] for row in rows] == [str(number + 1) for number in range(8)]
    times = [int(row["transact_time"]) for row in rows]
    assert times == sorted(times)
    assert abs(times[0] - DAY) <= 128
    order = ("order_id", "account", "side", "price", "order_qty", "leaves_qty")
    assert told(rows[0], *order) == ("1", "1073", "buy", "1000.03", "100", "")
    trade = ("aggressor_side", "buyer_account", "seller_account", "last_px", "last_qty")
    left = ("maker_order_id", "taker_order_id", "maker_leaves_qty", "taker_leaves_qty")
    assert told(rows[2], *trade) == ("sell", "1073", "9", "1000.03", "40")
    assert told(rows[2], *left) == ("1", "3", "60", "")
    assert told(rows[3], *order) == ("2", "7", "sell", "1000.10", "200", "200")
    assert told(rows[4], *order) == ("2", "7", "sell", "1000.10", "150", "150")
    assert told(rows[5], *order, "orig_order_id") == ("4", "7", "sell", "0.09", "50", "50", "2")
    assert told(rows[6], *order) == ("1", "1073", "buy", "1000.03", "", "60")
    assert told(rows[7], *trade, *left)[-4:] == ("4", "5", "0", "")


def test_what_is_left_out_is_told(tmp_path: Path, script: Script, capfd: Any) -> None:
    (tmp_path / "history.csv").write_text(history({"type": "CANCEL", "order_id": 99}))
    assert rows_of(script("abides_log.py", "ABM-USD", "history.csv")) == []
    assert "left out: {'CANCEL': 1}" in capfd.readouterr().err


def exchange(*rows: tuple[str, dict[str, Any] | int]) -> str:
    lines = [
        {"EventTime": DAY + 1_000_000 * place, "EventType": kind, "Event": event}
        for place, (kind, event) in enumerate(rows)
    ]
    first = {"EventTime": None, "EventType": "AGENT_TYPE", "Event": "ExchangeAgent"}
    return "".join(json.dumps(line) + "\n" for line in [first, *lines])


def order(
    number: int, agent: int, buy: int, quantity: int, price: int, fill: int | None = None
) -> dict[str, Any]:
    names = {"order_id": number, "agent_id": agent, "symbol": "ABM", "is_buy_order": buy}
    return {**names, "quantity": quantity, "limit_price": price, "fill_price": fill, "tag": None}


def test_the_log_of_the_exchange(tmp_path: Path, script: Script) -> None:
    (tmp_path / "exchange.ndjson").write_text(
        exchange(
            ("WHEN_MKT_OPEN", 17),
            ("LIMIT_ORDER", order(3, 5, 0, 49, 100_077)),
            ("ORDER_ACCEPTED", order(3, 5, 0, 49, 100_077)),
            ("LIMIT_ORDER", order(4, 6, 1, 60, 100_080)),
            # First who came in, then who rested.
            ("ORDER_EXECUTED", order(4, 6, 1, 49, 100_080, 100_077)),
            ("ORDER_EXECUTED", order(3, 5, 0, 49, 100_077, 100_077)),
            ("ORDER_ACCEPTED", order(4, 6, 1, 11, 100_080)),
            ("CANCEL_ORDER", order(4, 6, 1, 60, 100_080)),
            ("ORDER_CANCELLED", order(4, 6, 1, 11, 100_080)),
        )
    )
    rows = rows_of(script("abides_log.py", "ABM-USD", "exchange.ndjson"))
    assert [row["exec_type"] for row in rows] == ["new", "trade", "new", "canceled"]
    trade = ("aggressor_side", "buyer_account", "seller_account", "last_px", "maker_leaves_qty")
    assert told(rows[1], *trade) == ("buy", "6", "5", "1000.77", "0")
    assert told(rows[2], "order_id", "account", "order_qty") == ("4", "6", "11")
    assert told(rows[3], "order_id", "leaves_qty") == ("4", "11")


def test_a_spoof_is_found_and_a_change_of_mind_is_none(tmp_path: Path, script: Script) -> None:
    book = [
        limit(10 * level + one, 100 + one, side, 100, 100_000 + sign * (level + 1))
        for level in range(4)
        for one in range(3)
        for side, sign in (("BID", -1), ("ASK", 1))
    ]
    for place, row in enumerate(book):
        row["order_id"] = 1000 + place
    spoof = [
        limit(1, 7, "BID", 100, 99_999),
        limit(2, 7, "ASK", 1_500, 100_002),
        execution(1, 7, "BUY", 100, 50, 3),
        {"type": "CANCEL", "order_id": 2},
    ]
    mind = [
        limit(4, 8, "ASK", 100, 100_000),
        limit(5, 9, "ASK", 100, 100_000),
        {"type": "CANCEL", "order_id": 4},
        execution(5, 9, "SELL", 100, 8, 6),
    ]
    (tmp_path / "spoof.csv").write_text(history(*book, *spoof))
    (tmp_path / "mind.csv").write_text(history(*book, *mind))
    (alert,) = alerts(tmp_path, script("abides_log.py", "ABM-USD", "spoof.csv"), "spoofing")
    assert alert.entities == ("7",)
    assert alerts(tmp_path, script("abides_log.py", "ABM-USD", "mind.csv"), "spoofing") == []

"""An order log as the execution reports that a venue's FIX engine writes to its message log."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import simplefix

SECOND = 10**9
_KINDS = {"new": "0", "received": "A", "canceled": "4", "trade": "F"}
_SIDES = {"buy": "1", "sell": "2"}


def reports(lines: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """A log line for each report; a trade has two. `lines` are as in docs/order-log.md."""
    quantities: dict[str, str] = {}
    sequence = 0
    for line in lines:
        time = _time(line["transact_time"])
        common = [(55, line["symbol"]), (60, time), (150, _KINDS[line["exec_type"]])]
        if line["exec_type"] == "trade":
            found = [
                [(17, f"e{line['seq_num']}-{side}"), *common, *_fill(line, side)]
                # Who rested is told first.
                for side in (("sell", "buy") if line["aggressor_side"] == "buy" else _SIDES)
            ]
        else:
            order = line["order_id"]
            quantity = quantities.setdefault(order, line.get("order_qty", ""))
            found = [[(17, f"e{line['seq_num']}"), *common, *_step(line, quantity)]]
        for pairs in found:
            sequence += 1
            yield f"{time[:21]} : ".encode() + _message(sequence, time, pairs)


def _step(line: dict[str, Any], quantity: str) -> list[tuple[int, str | None]]:
    left = line.get("leaves_qty", quantity)
    gone = line["exec_type"] == "canceled"
    done = str(round(float(quantity) - float(left), 8)) if gone else "0"
    return [
        *((37, line["order_id"]), (1, line["account"]), (54, _SIDES[line["side"]])),
        *((40, "1" if line.get("ord_type") == "market" else "2"), (44, line.get("price"))),
        *((38, quantity), (14, done), (151, "0" if gone else left)),
    ]


def _fill(line: dict[str, Any], side: str) -> list[tuple[int, str | None]]:
    who = "buyer" if side == "buy" else "seller"
    role = "taker" if line["aggressor_side"] == side else "maker"
    return [
        *((37, line[f"{role}_order_id"]), (1, line[f"{who}_account"]), (54, _SIDES[side])),
        *((31, line["last_px"]), (32, line["last_qty"]), (151, line[f"{role}_leaves_qty"])),
        *((880, line["trade_id"]), (1057, "Y" if role == "taker" else "N")),
    ]


def _message(sequence: int, time: str, pairs: list[tuple[int, str | None]]) -> bytes:
    made = simplefix.FixMessage()
    head = [(8, "FIX.4.4"), (35, "8"), (34, sequence), (49, "VENUE"), (56, "CLIENT"), (52, time)]
    for tag, value in [*head, *pairs]:
        if value is not None:
            made.append_pair(tag, value)
    return made.encode().replace(b"\x01", b"|")  # pyright: ignore


def _time(nanoseconds: int) -> str:
    second = datetime.fromtimestamp(nanoseconds // SECOND, UTC)
    return f"{second:%Y%m%d-%H:%M:%S}.{nanoseconds % SECOND:09d}"

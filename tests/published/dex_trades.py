"""Swaps as Dune's table ``dex.trades`` has them."""

import csv
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from normalizer.events.chain import PoolSwap

COLUMNS = (
    *("block_time", "block_number", "tx_hash", "evt_index", "tx_from", "tx_to", "taker"),
    *("project_contract_address", "token_bought_address", "token_sold_address"),
    *("token_bought_amount_raw", "token_sold_amount_raw"),
)
#: The second sorts before the first by its digits only, once both are in one case.
TOKENS = ("0xAa" + "1" * 38, "0xaB" + "0" * 38)


def write_dex_trades(path: Path, swaps: Sequence[PoolSwap], *, as_float: bool) -> None:
    """A file of the swaps in any order, with some of them twice."""
    rows: list[list[object]] = []
    for one in swaps:
        amounts = [int(one.amount0_raw), int(one.amount1_raw)]
        bought = 0 if amounts[0] < 0 else 1
        at = datetime.fromtimestamp(one.timestamp // 10**9, UTC)
        raw = [abs(amounts[bought]), abs(amounts[1 - bought])]
        rows.append(
            [
                f"{at:%Y-%m-%d %H:%M:%S}.000 UTC",
                one.block_number,
                one.transaction_hash,
                one.log_index,
                one.transaction_from,
                one.transaction_to,
                one.recipient,
                (one.pool or "").upper().replace("0X", "0x"),
                TOKENS[bought],
                TOKENS[1 - bought],
                *(map(float, raw) if as_float else raw),
            ]
        )
    rows += rows[:3]
    random.Random(3).shuffle(rows)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([COLUMNS, *rows])

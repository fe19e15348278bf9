"""Logs of Uniswap v2 as web3.py decodes them: the form in which some publish what pools did."""

import csv
import json
from pathlib import Path
from typing import Any

from simulation.chain.ledger import TRANSFER, topic

_DECODED = {
    TRANSFER: ("Transfer", ("from", "to"), ("value",)),
    topic("Sync(uint112,uint112)"): ("Sync", (), ("reserve0", "reserve1")),
    topic("Mint(address,uint256,uint256)"): ("Mint", ("sender",), ("amount0", "amount1")),
    topic("Burn(address,uint256,uint256,address)"): (
        "Burn", ("sender", "to"), ("amount0", "amount1"),
    ),
    topic("Swap(address,uint256,uint256,uint256,uint256,address)"): (
        "Swap", ("sender", "to"), ("amount0In", "amount1In", "amount0Out", "amount1Out"),
    ),
}  # fmt: skip


def decoded_events(tables: Path, folder: Path) -> None:
    """The logs of a folder of tables as web3.py decodes them, in a file for each contract."""
    folder.mkdir()
    events: dict[str, list[dict[str, Any]]] = {}
    with (tables / "logs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            first, *indexed = row["topics"].split(",")
            name, addresses, numbers = _DECODED[first]
            words = row["data"][2:]
            amounts = [int(words[64 * at :][:64], 16) for at in range(len(numbers))]
            told = dict(zip(addresses, ("0x" + one[26:] for one in indexed), strict=True))
            events.setdefault(row["address"], []).append(
                {
                    "args": told | dict(zip(numbers, amounts, strict=True)),
                    "event": name,
                    "logIndex": int(row["log_index"]),
                    "transactionIndex": int(row["transaction_index"]),
                    "transactionHash": row["transaction_hash"],
                    "address": row["address"],
                    "blockNumber": int(row["block_number"]),
                }
            )
    for address, some in events.items():
        (folder / f"{address}.json").write_text(json.dumps(some))

"""A chain's frames as tables, in the forms that archives export.

The forms are those of their documents: ethereum-etl's CSV (docs/schema.md), a query's result of
Dune over ``ethereum.logs``, cryo's columns as NDJSON, and a node's own answers. The chain is a
simulated one.
"""

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.frames import Frame
from simulation.chain.ledger import TRANSFER

Rows = list[dict[str, Any]]


def _number(text: str) -> int:
    return int(text, 16)


def _csv(path: Path, rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def ethereum_etl(frames: Iterable[Frame], folder: Path) -> None:
    """``blocks.csv``, ``transactions.csv``, ``logs.csv`` and ``receipts.csv``."""
    blocks: Rows = []
    transactions: Rows = []
    logs: Rows = []
    receipts: Rows = []
    for payload in (json.loads(frame.payload) for frame in frames):
        header = payload["block"]
        number, seconds = _number(header["number"]), _number(header["timestamp"])
        blocks.append(
            {
                "number": number,
                "hash": header["hash"],
                "parent_hash": header["parentHash"],
                "nonce": "0x0000000000000000",
                "timestamp": seconds,
                "transaction_count": len(payload["transactions"]),
            }
        )
        for one in payload["transactions"]:
            transactions.append(
                {
                    "hash": one["hash"],
                    "nonce": _number(one["nonce"]),
                    "block_hash": header["hash"],
                    "block_number": number,
                    "transaction_index": _number(one["transactionIndex"]),
                    "from_address": one["from"],
                    "to_address": one["to"],
                    "value": _number(one["value"]),
                    "gas": 300000,
                    "input": one["input"],
                    "block_timestamp": seconds,
                }
            )
            receipts.append(
                {
                    "transaction_hash": one["hash"],
                    "transaction_index": _number(one["transactionIndex"]),
                    "block_hash": header["hash"],
                    "block_number": number,
                    "gas_used": 21000,
                    "status": 1,
                }
            )
        for one in payload["logs"]:
            logs.append(
                {
                    "log_index": _number(one["logIndex"]),
                    "transaction_hash": one["transactionHash"],
                    "transaction_index": _number(one["transactionIndex"]),
                    "block_hash": header["hash"],
                    "block_number": number,
                    "address": one["address"],
                    "data": one["data"],
                    "topics": ",".join(one["topics"]),
                }
            )
    for name, rows in (
        ("blocks", blocks), ("transactions", transactions), ("logs", logs), ("receipts", receipts),
    ):  # fmt: skip
        _csv(folder / f"{name}.csv", rows)


def token_transfers(frames: Iterable[Frame], folder: Path) -> None:
    """ethereum-etl's ``token_transfers.csv``: of logs of ERC-20, without who called."""
    rows: Rows = []
    for payload in (json.loads(frame.payload) for frame in frames):
        for one in payload["logs"]:
            if one["topics"][0] == TRANSFER:
                rows.append(
                    {
                        "token_address": one["address"],
                        "from_address": "0x" + one["topics"][1][26:],
                        "to_address": "0x" + one["topics"][2][26:],
                        "value": str(_number(one["data"])),
                        "transaction_hash": one["transactionHash"],
                        "log_index": _number(one["logIndex"]),
                        "block_number": _number(payload["block"]["number"]),
                    }
                )
    _csv(folder / "token_transfers.csv", rows)


def dune(frames: Iterable[Frame], folder: Path) -> None:
    """One table, of logs, with the callers, in no order."""
    rows: Rows = []
    for payload in (json.loads(frame.payload) for frame in frames):
        header = payload["block"]
        when = datetime.fromtimestamp(_number(header["timestamp"]), UTC)
        callers = {one["hash"]: one for one in payload["transactions"]}
        for one in payload["logs"]:
            topics = [*one["topics"], "", "", ""]
            caller = callers[one["transactionHash"]]
            rows.append(
                {
                    "block_time": f"{when:%Y-%m-%d %H:%M:%S}.000 UTC",
                    "block_number": _number(header["number"]),
                    "block_hash": header["hash"],
                    "contract_address": one["address"],
                    **{f"topic{place}": topics[place] for place in range(4)},
                    "data": one["data"],
                    "tx_hash": one["transactionHash"],
                    "index": _number(one["logIndex"]),
                    "tx_index": _number(one["transactionIndex"]),
                    "tx_from": caller["from"],
                    "tx_to": caller["to"],
                }
            )
    _csv(folder / "query_result.csv", sorted(rows, key=lambda row: row["tx_hash"]))


def cryo(frames: Iterable[Frame], folder: Path) -> None:
    """NDJSON of logs, transactions and blocks; each line of the logs is there twice."""
    logs: Rows = []
    blocks: Rows = []
    transactions: Rows = []
    for payload in (json.loads(frame.payload) for frame in frames):
        header = payload["block"]
        number = _number(header["number"])
        blocks.append(
            {
                "block_hash": header["hash"],
                "block_number": number,
                "timestamp": _number(header["timestamp"]),
            }
        )
        for one in payload["transactions"]:
            transactions.append(
                {
                    "block_number": number,
                    "transaction_index": _number(one["transactionIndex"]),
                    "transaction_hash": one["hash"],
                    "nonce": _number(one["nonce"]),
                    "from_address": one["from"],
                    "to_address": one["to"],
                    "value_string": str(_number(one["value"])),
                    "input": one["input"],
                    "success": True,
                }
            )
        for one in payload["logs"]:
            topics = {f"topic{place}": text for place, text in enumerate(one["topics"])}
            logs.append(
                {
                    "block_number": number,
                    "transaction_index": _number(one["transactionIndex"]),
                    "log_index": _number(one["logIndex"]),
                    "transaction_hash": one["transactionHash"],
                    "address": one["address"],
                    **{**dict.fromkeys(("topic0", "topic1", "topic2", "topic3")), **topics},
                    "data": one["data"],
                }
            )
    for name, rows in (("logs", [*logs, *logs]), ("blocks", blocks), ("txs", transactions)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"ethereum__{name}__20000000_to_20000999.ndjson").write_text(lines)


def node_answers(frames: Iterable[Frame], folder: Path) -> None:
    """``eth_getBlockByNumber`` with transactions and ``eth_getBlockReceipts``, each in one file."""
    blocks: Rows = []
    receipts: Rows = []
    for payload in (json.loads(frame.payload) for frame in frames):
        blocks.append(_answer(payload["block"] | {"transactions": payload["transactions"]}))
        receipts.append(_answer(_receipts(payload)))
    (folder / "blocks.json").write_text(json.dumps(blocks, indent=1))
    (folder / "receipts.json").write_text(json.dumps(receipts))


def receipts_by_line(frames: Iterable[Frame], folder: Path) -> None:
    """Receipts, a line for each, and blocks that name the hashes of their transactions only."""
    payloads = [json.loads(frame.payload) for frame in frames]
    lines = [json.dumps(one) for payload in payloads for one in _receipts(payload)]
    (folder / "receipts.jsonl").write_text("\n".join(lines))
    blocks = [
        payload["block"] | {"transactions": [one["hash"] for one in payload["transactions"]]}
        for payload in payloads
    ]
    (folder / "blocks.jsonl").write_text("\n".join(map(json.dumps, blocks)))


def _answer(result: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def _receipts(payload: dict[str, Any]) -> Rows:
    """The logs inside don't tell again what their receipt tells, as some clients have them."""
    header = payload["block"]
    return [
        {
            "transactionHash": one["hash"],
            "transactionIndex": one["transactionIndex"],
            "blockHash": header["hash"],
            "blockNumber": header["number"],
            "from": one["from"],
            "to": one["to"],
            "gasUsed": "0x5208",
            "status": "0x1",
            "logs": [
                {name: log[name] for name in ("address", "topics", "data", "logIndex")}
                for log in payload["logs"]
                if log["transactionHash"] == one["hash"]
            ],
        }
        for one in payload["transactions"]
    ]

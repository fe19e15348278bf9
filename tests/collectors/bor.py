"""What a Polygon node (Bor) says otherwise than others, in front of a real node.

- Headers have the validators' seal in `extraData`, far longer than the 32 bytes elsewhere.
- Every 16th block, here each from `since` on, has logs of state that was synced from Ethereum. They
  are of a transaction which is none: nobody signed it, its hash is made of the block's, and it is
  not in the block, or is one of type 0x7f there.
- There is no `safe` block, and `finalized` is a milestone that trails the head.
Source: https://docs.polygon.technology/pos/architecture/bor/, "State Sync"; maticnetwork/bor.
"""

import json
from typing import Any

from eth_hash.auto import keccak

from demo.chain.anvil import Anvil
from tests.collectors.provider import Provider

SEAL = "0x" + "d7" * 32 + "00" * 20 + "5e" * 65
TRANSFER = "0x" + keccak(b"Transfer(address,address,uint256)").hex()


def state_sync_hash(number: int, block_hash: str) -> str:
    """The hash that Bor gives to the transaction that there isn't."""
    data = b"matic-bor-receipt-" + number.to_bytes(8, "big") + bytes.fromhex(block_hash[2:])
    return "0x" + keccak(data).hex()


class Bor(Provider):
    """`synced`: the contract whose logs are synced, from the block `since` on; `as_transaction`:
    whether their transaction is given as one of the block's.
    """

    def __init__(self, node: Anvil, *, synced: str, since: int, as_transaction: bool) -> None:
        super().__init__(node)
        self._contract = synced
        self._since = since
        self._as_transaction = as_transaction
        self._asked_for: dict[int, tuple[str, list[Any]]] = {}

    def _refusal(self, request: dict[str, Any]) -> dict[str, Any] | None:
        self._asked_for[request["id"]] = (request["method"], request["params"])
        if request["method"] == "eth_getBlockByNumber" and request["params"][0] == "safe":
            return {"error": {"code": -39001, "message": "safe block not found"}}
        return super()._refusal(request)

    def _limited(self, answer: dict[str, Any], message: str | bytes) -> str | bytes:
        method, params = self._asked_for.get(answer.get("id", 0), ("", []))
        result = answer.get("result")
        if method.startswith("eth_getBlockBy") and result is not None:
            result["extraData"] = SEAL
            number = int(result["number"], 16)
            if params[1] and self._as_transaction and number >= self._since:
                result["transactions"].append(self._transaction(number, result["hash"]))
        elif method == "eth_getLogs" and result is not None:
            for number, block_hash in self._blocks(params[0]):
                place = f"{len(result):#x}"
                result.append(self._log(number, block_hash, place))
        else:
            return super()._limited(answer, message)
        return json.dumps(answer)

    def _blocks(self, asked: dict[str, Any]) -> list[tuple[int, str]]:
        if self._contract not in asked["address"]:
            return []
        if "blockHash" in asked:
            found = [self.node.rpc("eth_getBlockByHash", asked["blockHash"], False)]
        else:
            first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
            found = [
                self.node.rpc("eth_getBlockByNumber", hex(number), False)
                for number in range(first, last + 1)
            ]
        places = [(int(one["number"], 16), one["hash"]) for one in found]
        return [(number, name) for number, name in places if number >= self._since]

    def _log(self, number: int, block_hash: str, place: str) -> dict[str, Any]:
        return {
            "address": self._contract,
            "topics": [TRANSFER, "0x" + "0" * 64, "0x" + "b1".rjust(64, "0")],
            "data": "0x" + f"{number:064x}",
            "blockNumber": hex(number),
            "blockHash": block_hash,
            "transactionHash": state_sync_hash(number, block_hash),
            "transactionIndex": "0x7",
            "logIndex": place,
            "removed": False,
        }

    def _transaction(self, number: int, block_hash: str) -> dict[str, Any]:
        nobody = "0x" + "0" * 40
        return {
            "blockHash": block_hash,
            "blockNumber": hex(number),
            "from": nobody,
            "to": nobody,
            "hash": state_sync_hash(number, block_hash),
            "gas": "0x0",
            "gasPrice": "0x0",
            "input": "0x",
            "nonce": "0x0",
            "transactionIndex": "0x7",
            "type": "0x7f",
            "value": "0x0",
            "stateSyncData": [{"ID": 1, "Contract": self._contract, "Data": "0x00"}],
        }

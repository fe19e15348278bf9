"""Blocks of a real node as frames, and the events that a call of a contract becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from web3.contract import Contract

from demo.chain.ledger import Ledger
from normalizer.events.chain import Block, ChainEvent, ContractEvent
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.evm_payload import BlockPayload, Refusal, encode_block
from pipeline.frames import Frame, FrameBatch

#: When recorded blocks are received: after any of them.
_LATER = 2_000_000_000 * 10**9


def block_frame(rpc: Any, number: int, refusals: dict[str, str]) -> Frame:
    """One block, as a collector that watches everything would write it."""
    block = rpc("eth_getBlockByNumber", hex(number), True)
    receipts = rpc("eth_getBlockReceipts", hex(number))

    def raw(items: Any) -> list[msgspec.Raw]:
        return [msgspec.Raw(msgspec.json.encode(item)) for item in items]

    transactions = block.pop("transactions")
    payload = BlockPayload(
        chain_id=31337,
        network="anvil",
        finality="latest",
        block=raw([block])[0],
        transactions=raw(transactions),
        logs=raw(log for receipt in receipts for log in receipt["logs"]),
        refusals=[
            Refusal(receipt["transactionHash"], refusals.get(receipt["transactionHash"]))
            for receipt in receipts
            if receipt["status"] == "0x0"
        ],
        receipts=raw(receipt for receipt in receipts if receipt["status"] == "0x0"),
    )
    received = int(block["timestamp"], 16) * 10**9
    return Frame(str(number), received, encode_block(payload))


def recorded_events(blocks: Path) -> list[ChainEvent]:
    """What recorded frames of blocks become, one a line: all of it, and every event of a contract
    decoded."""
    frames = [
        Frame(str(number), _LATER, line)
        for number, line in enumerate(blocks.read_bytes().splitlines())
    ]
    result = Normalizer(Reference()).normalize(1, FrameBatch("chain", "evm", frames))
    assert result.dead == []
    assert not [one for one in result.events if isinstance(one, ContractEvent) and not one.decoded]
    return [one for one in result.events if isinstance(one, ChainEvent)]


class Calls:
    """Calls contracts on a node, and reads what their blocks say."""

    def __init__(self, ledger: Ledger, reference: Reference) -> None:
        self.ledger = ledger
        self._normalizer = Normalizer(reference)

    def events(
        self, contract: Contract, function: str, *arguments: object, sender: str
    ) -> list[Any]:
        """What a call that succeeds becomes, in the order of its logs."""
        sent = self.ledger.send(contract, function, *arguments, sender=sender)
        (receipt,) = self.ledger.settle([sent])
        return self._of(receipt.height, sent, {})

    def refused(
        self, contract: Contract, function: str, *arguments: object, sender: str
    ) -> list[Any]:
        """What a call that the contract refuses becomes."""
        sent = self.ledger.send(contract, function, *arguments, sender=sender)
        (receipt,) = self.ledger.receipts([sent])
        assert not receipt.succeeded
        return self._of(receipt.height, sent, {sent: self.ledger.refusal(sent)})

    def of_deployment(self, contract: Contract) -> list[Any]:
        """What the transaction that made a contract became."""
        for number in range(int(self.ledger.node.rpc("eth_blockNumber"), 16), 0, -1):
            for receipt in self.ledger.node.rpc("eth_getBlockReceipts", hex(number)):
                made = receipt["contractAddress"]
                if made and made.lower() == str(contract.address).lower():
                    return self._of(number, receipt["transactionHash"], {})
        raise AssertionError(f"{contract.address} was made by no transaction")

    def _of(self, height: int, sent: str, refusals: dict[str, str]) -> list[Any]:
        frame = block_frame(self.ledger.node.rpc, height, refusals)
        result = self._normalizer.normalize(1, FrameBatch("chain", "evm", [frame]))
        assert result.dead == []
        assert result.undecoded == 0
        return [
            event
            for event in result.events
            if not isinstance(event, Block) and getattr(event, "transaction_hash", None) == sent
        ]


def reference_of(token: Contract, *, decimals: int, symbol: str, investor: str) -> Reference:
    """Reference data that knows a token, and who stands behind one wallet."""
    return msgspec.convert(
        {
            "tokens": [
                {
                    "id": symbol.lower(),
                    "symbol": symbol,
                    "decimals": decimals,
                    "contracts": [{"chain": 31337, "address": str(token.address)}],
                }
            ],
            "investors": [{"id": "INV-0001", "jurisdiction": "DE", "addresses": [investor]}],
        },
        Reference,
    )

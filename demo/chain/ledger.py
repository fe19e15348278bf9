"""Sends transactions from the node's own accounts, so that every run has the same hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import requests
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from demo.chain.anvil import Anvil
from demo.chain.artifacts import Artifact, Artifacts

ZERO_ADDRESS = "0x" + "00" * 20
CALL_GAS = 1_500_000
DEPLOY_GAS = 8_000_000
BATCH_GAS = 15_000_000
_MAX_FEE_WEI = 100 * 10**9
_TIP_WEI = 10**9
_BLOCKS_TO_WAIT = 40


class TransactionFailed(Exception):
    """A transaction was not mined, or was mined with another status than the caller expects."""


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """What the chain says about one transaction; hex as the node gives it."""

    transaction_hash: str
    block_number: str
    status: str
    logs: list[dict[str, Any]]
    contract_address: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.status == "0x1"

    @property
    def height(self) -> int:
        return int(self.block_number, 16)


class Ledger:
    """One node, its accounts, and the transactions we send.

    Gas and fees are fixed: an estimate depends on the state and would change the hashes, and a
    transaction that will be refused could not be estimated at all.
    """

    def __init__(self, node: Anvil, artifacts: Artifacts | None = None) -> None:
        self.node = node
        self.artifacts = artifacts or Artifacts()
        session = requests.Session()
        session.trust_env = False  # no proxy between us and the loopback
        self.web3 = Web3(HTTPProvider(node.http_url, session=session))
        self.accounts: tuple[str, ...] = tuple(
            Web3.to_checksum_address(account) for account in node.rpc("eth_accounts")
        )

    def deploy(self, artifact: Artifact, *arguments: object, sender: str) -> Contract:
        """Deploy a contract and wait until it is mined."""
        return self.deploy_all([(artifact, arguments)], sender=sender)[0]

    def deploy_all(
        self, plan: Sequence[tuple[Artifact, tuple[object, ...]]], *, sender: str
    ) -> list[Contract]:
        """Deploy several contracts that don't need each other's addresses, in one go."""
        hashes: list[str] = []
        for artifact, arguments in plan:
            factory = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
            data = factory.constructor(*arguments).data_in_transaction
            hashes.append(self._send(sender, None, str(data), DEPLOY_GAS))
        contracts: list[Contract] = []
        for (artifact, _), receipt in zip(plan, self.settle(hashes), strict=True):
            if receipt.contract_address is None:
                raise TransactionFailed(f"{artifact.name}: deployed without an address")
            contracts.append(self.contract(receipt.contract_address, artifact))
        return contracts

    def contract(self, address: str, artifact: Artifact) -> Contract:
        """A contract that is on the chain already."""
        return self.web3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact.abi)

    def send(
        self,
        contract: Contract,
        function: str,
        *arguments: object,
        sender: str,
        gas: int = CALL_GAS,
    ) -> str:
        """Send a call and return its transaction hash, without waiting for a block."""
        data = contract.encode_abi(function, args=list(arguments))
        return self._send(sender, str(contract.address), str(data), gas)

    def ask(self, contract: Contract, function: str, *arguments: object) -> Any:
        """Call a view function at the newest block."""
        return contract.get_function_by_name(function)(*arguments).call()

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The receipt, or None while the transaction is pending."""
        found = self.node.rpc("eth_getTransactionReceipt", transaction_hash)
        return None if found is None else msgspec.convert(found, Receipt)

    def receipts(self, hashes: Iterable[str]) -> list[Receipt]:
        """Seal blocks until all are mined, whatever their status."""
        found: dict[str, Receipt | None] = dict.fromkeys(hashes)
        for _ in range(_BLOCKS_TO_WAIT):
            for transaction_hash, known in found.items():
                found[transaction_hash] = known or self.receipt(transaction_hash)
            mined = [receipt for receipt in found.values() if receipt is not None]
            if len(mined) == len(found):
                return mined
            self.node.mine()
        pending = [transaction_hash for transaction_hash, known in found.items() if known is None]
        raise TransactionFailed(f"not mined after {_BLOCKS_TO_WAIT} blocks: {', '.join(pending)}")

    def settle(self, hashes: Iterable[str]) -> list[Receipt]:
        """Seal blocks until all are mined; raises TransactionFailed when the chain refused one."""
        receipts = self.receipts(hashes)
        for receipt in receipts:
            if not receipt.succeeded:
                reason = self.refusal(receipt.transaction_hash)
                raise TransactionFailed(
                    f"transaction {receipt.transaction_hash} in block {receipt.height} "
                    f"was refused: {reason}"
                )
        return receipts

    def refusal(self, transaction_hash: str) -> str:
        """Why a mined transaction failed, from its trace; empty when it didn't."""
        trace = self.node.rpc("debug_traceTransaction", transaction_hash, {"tracer": "callTracer"})
        return str(trace.get("revertReason") or trace.get("error") or "")

    def _send(self, sender: str, receiver: str | None, data: str, gas: int) -> str:
        transaction = {
            "from": sender,
            "data": data,
            "gas": hex(gas),
            "maxFeePerGas": hex(_MAX_FEE_WEI),
            "maxPriorityFeePerGas": hex(_TIP_WEI),
        }
        if receiver is not None:
            transaction["to"] = receiver
        return str(self.node.rpc("eth_sendTransaction", transaction))

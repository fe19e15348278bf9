"""Blocks with their transactions and logs, in the form of ``pipeline/evm_payload.py``.

Hashes and addresses are drawn from the seed: they tell nothing, but are the same in every run.
"""

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from eth_hash.auto import keccak

from pipeline.evm_payload import BlockPayload, FeedPlace, encode_block
from pipeline.frames import Frame
from pipeline.pending_payload import PendingBlock
from pipeline.units import SECOND
from simulation.chain.mempool import Mempool, Waiting

CHAIN_ID = 1
NETWORK = "ethereum"
BLOCK_SECONDS = 12
ZERO = "0x" + "0" * 40
_encode = msgspec.json.Encoder().encode


def topic(signature: str) -> str:
    """An event's topic 0."""
    return "0x" + keccak(signature.encode()).hex()


def selector(signature: str) -> str:
    """A function's first four bytes."""
    return "0x" + keccak(signature.encode()).hex()[:8]


def word(value: int) -> str:
    """32 bytes, two's complement, without 0x."""
    return f"{value % (1 << 256):064x}"


def address_word(address: str) -> str:
    """An address as 32 bytes, without 0x."""
    return address[2:].lower().rjust(64, "0")


TRANSFER = topic("Transfer(address,address,uint256)")
TRANSFER_CALL = selector("transfer(address,uint256)")
_MINT_CALL, _BURN_CALL = selector("mint(address,uint256)"), selector("burn(address,uint256)")
_FLASH_LOAN = topic("FlashLoan(address,address,address,uint256,uint8,uint256,uint16)")
TRANSFER_FROM_CALL = selector("transferFrom(address,address,uint256)")
BORROW_CALL = selector("borrow(address,uint256,uint256,uint16,address)")
"""Of Aave's lending pool."""


class LogEntry(msgspec.Struct, frozen=True):
    """A log before it has a place: contract, topics, and data without 0x."""

    contract: str
    topics: tuple[str, ...]
    data: str


def transfer_log(token: str, source: str, target: str, amount: int) -> LogEntry:
    """ERC-20's ``Transfer``."""
    topics = (TRANSFER, "0x" + address_word(source), "0x" + address_word(target))
    return LogEntry(token, topics, word(amount))


def item_log(collection: str, source: str, target: str, number: int) -> LogEntry:
    """ERC-721's ``Transfer``: the item is a fourth topic."""
    addresses = ("0x" + address_word(source), "0x" + address_word(target))
    return LogEntry(collection, (TRANSFER, *addresses, "0x" + word(number)), "")


def flash_loan_log(
    lender: str, borrower: str, token: str, wallet: str, amount: int, fee: int
) -> LogEntry:
    """Aave's ``FlashLoan``: lent to a contract, in a transaction of a wallet's."""
    topics = ("0x" + address_word(borrower), "0x" + address_word(token), "0x" + word(0))
    data = address_word(wallet) + word(amount) + word(0) + word(fee)
    return LogEntry(lender, (_FLASH_LOAN, *topics), data)


def transfer_call(target: str, amount: int) -> str:
    """What calls ERC-20's ``transfer``."""
    return TRANSFER_CALL + address_word(target) + word(amount)


def mint_call(target: str, amount: int) -> str:
    """What makes a token's contract mint for somebody."""
    return _MINT_CALL + address_word(target) + word(amount)


def burn_call(holder: str, amount: int) -> str:
    """What makes it burn somebody's tokens."""
    return _BURN_CALL + address_word(holder) + word(amount)


class Sent(msgspec.Struct, kw_only=True):
    """A transaction with its logs."""

    sender: str
    to: str
    data: str = "0x"
    value: int = 0
    logs: tuple[LogEntry, ...] = ()
    hash: str = ""
    before: float | None = None
    """Seconds before its block in which it was announced, where somebody wants it so."""
    private: bool = False


class Ledger:
    """The chain: transactions go into the open block, which is closed in time."""

    def __init__(self, seed: str, first_block: int = 20_000_000) -> None:
        self._seed = seed
        self._hashes = 0
        self._addresses = 0
        self._number = first_block
        self._parent = self._hash("genesis")
        self._open: list[Sent] = []
        self._nonces: dict[str, int] = {}
        self.feeds: list[FeedPlace] = []
        self.mempool: Mempool | None = None
        """Where a session tells of what is pending."""
        self.frames: list[Frame] = []

    def new_address(self) -> str:
        """An address nobody has."""
        self._addresses += 1
        digest = sha256(f"{self._seed}:address:{self._addresses}".encode()).hexdigest()
        return "0x" + digest[:40]

    def used(self, address: str, times: int) -> None:
        """Somebody has sent so many transactions before all this."""
        self._nonces[address] = times - 1

    @property
    def has_transactions(self) -> bool:
        """Whether the open block has any."""
        return bool(self._open)

    def send(
        self,
        sender: str,
        to: str,
        logs: Sequence[LogEntry],
        *,
        data: str = "0x",
        value: int = 0,
        before: float | None = None,
        private: bool = False,
    ) -> str:
        """Put a transaction into the open block; returns its hash.

        Where pending ones are told: it is seen `before` so many seconds, or is mostly `private`.
        """
        name = self._hash("transaction")
        sent = Sent(sender=sender, to=to, data=data, value=value, logs=tuple(logs), hash=name)
        sent.before, sent.private = before, private
        self._open.append(sent)
        return name

    def close_block(self, time: int) -> None:
        """Close the open block at a time in nanoseconds; its seconds are the block's."""
        block_hash, seconds = self._hash("block"), time // SECOND
        number = hex(self._number)
        transactions: list[msgspec.Raw] = []
        logs: list[msgspec.Raw] = []
        native: list[str] = []
        waiting: list[Waiting] = []
        fees = [] if self.mempool is None else self.mempool.fees(len(self._open))
        for index, sent in enumerate(self._open):
            nonce = self._nonces[sent.sender] = self._nonces.get(sent.sender, -1) + 1
            if self.mempool is not None:
                pending = _pending(sent, nonce, fees[index])
                waiting.append(Waiting(pending, sent.before, sent.private))
            transactions.append(
                msgspec.Raw(
                    _encode(
                        {
                            "hash": sent.hash,
                            "from": sent.sender,
                            "to": sent.to,
                            "input": sent.data,
                            "value": hex(sent.value),
                            "nonce": hex(nonce),
                            "transactionIndex": hex(index),
                            "blockHash": block_hash,
                            "blockNumber": number,
                        }
                    )
                )
            )
            if sent.value:
                native.append(sent.hash)
            for log in sent.logs:
                logs.append(
                    msgspec.Raw(
                        _encode(
                            {
                                "address": log.contract,
                                "topics": log.topics,
                                "data": "0x" + log.data,
                                "blockHash": block_hash,
                                "blockNumber": number,
                                "transactionHash": sent.hash,
                                "transactionIndex": hex(index),
                                "logIndex": hex(len(logs)),
                                "removed": False,
                            }
                        )
                    )
                )
        header = {
            "number": number,
            "hash": block_hash,
            "parentHash": self._parent,
            "timestamp": hex(seconds),
        }
        payload = BlockPayload(
            chain_id=CHAIN_ID,
            network=NETWORK,
            finality="latest",
            block=msgspec.Raw(_encode(header)),
            transactions=transactions,
            logs=logs,
            refusals=[],
            receipts=[],
            native_transfers=native,
            feeds=self.feeds,
        )
        position = f"{self._number}:{block_hash}"
        self.frames.append(Frame(position, seconds * SECOND + SECOND, encode_block(payload)))
        if self.mempool is not None:
            self.mempool.closed(PendingBlock(self._number, block_hash, seconds), waiting)
        self._parent = block_hash
        self._number += 1
        self._open = []

    def _hash(self, kind: str) -> str:
        self._hashes += 1
        return "0x" + sha256(f"{self._seed}:{kind}:{self._hashes}".encode()).hexdigest()


def _pending(sent: Sent, nonce: int, fee: int) -> dict[str, object]:
    """A transaction as a node announces it."""
    return {
        "hash": sent.hash,
        "from": sent.sender,
        "to": sent.to,
        "input": sent.data,
        "value": hex(sent.value),
        "nonce": hex(nonce),
        "type": "0x2",
        "gas": "0x493e0",
        "maxFeePerGas": hex(30 * 10**9 + fee),
        "maxPriorityFeePerGas": hex(fee),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }

"""A Solana cluster on one machine: transactions run on the real virtual machine, slots fork.

``solders.litesvm`` runs the real token programs and gives real logs and inner instructions. What a
node makes of them (token balances, blocks, commitment levels) is made here, in the form that
``getBlock`` documents; a test holds it to the node's own types in ``solders``.

The machine can't go back: a fork leaves blocks out, and puts their transactions into others, but
accounts stay what they had become.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from tests.servers.solana_tokens import TOKEN, TOKEN_2022

FIRST_SLOT = 1_000
_TOKEN_PROGRAMS = (TOKEN, TOKEN_2022)
_ACCOUNT_SIZE = 165
_IS_ACCOUNT = 2


class SlotBlock(msgspec.Struct):
    """A block; ``transactions`` as ``getBlock`` gives them, encoding ``json``."""

    slot: int
    hash: str
    parent: int
    parent_hash: str
    height: int
    time: int
    transactions: list[dict[str, Any]]

    def answer(self, details: str) -> dict[str, Any]:
        """As ``getBlock`` gives it."""
        block: dict[str, Any] = {
            "blockHeight": self.height,
            "blockTime": self.time,
            "blockhash": self.hash,
            "parentSlot": self.parent,
            "previousBlockhash": self.parent_hash,
        }
        if details == "full":
            block["transactions"] = self.transactions
        return block


class SolanaLedger:
    """Runs transactions and keeps blocks. ``finalized <= confirmed <= processed`` are slots."""

    def __init__(self, *, time: int = 1_790_000_000) -> None:
        self.svm = LiteSVM()
        self.payer = Keypair.from_seed(bytes([1]) * 32)
        self.svm.airdrop(self.payer.pubkey(), 10**13)
        self.genesis = str(Pubkey(hashlib.sha256(b"tapewatch tests").digest()))
        self.time = time
        self.blocks: dict[int, SlotBlock] = {}
        self.accounts: dict[str, dict[str, Any]] = {}
        self.confirmed = self.finalized = FIRST_SLOT
        self.processed = FIRST_SLOT
        self.lock = threading.RLock()
        #: Called after each change, with the slots that were processed, confirmed and finalized.
        self.watchers: list[Callable[[], None]] = []
        self._waiting: list[dict[str, Any]] = []
        self._branch = 0
        self._add(SlotBlock(FIRST_SLOT, self._hash(FIRST_SLOT), FIRST_SLOT - 1,
                            self._hash(FIRST_SLOT - 1), 900, time, []))  # fmt: skip

    @property
    def chain(self) -> str:
        """The cluster's CAIP-2 name."""
        return f"solana:{self.genesis[:32]}"

    def fund(self, *owners: Pubkey) -> None:
        """Give lamports to pay for accounts."""
        for owner in owners:
            self.svm.airdrop(owner, 10**10)

    def add_program(self, program: Pubkey, elf: bytes) -> None:
        """Deploy a program."""
        self.svm.add_program(program, elf)

    def send(self, *instructions: Instruction, signers: Sequence[Keypair] = ()) -> str | None:
        """Run a transaction for the next block; what failed, as text, or None."""
        self.svm.expire_blockhash()
        message = Message.new_with_blockhash(
            list(instructions), self.payer.pubkey(), self.svm.latest_blockhash()
        )
        transaction = VersionedTransaction(message, [self.payer, *signers])
        keys = list(message.account_keys)
        before = self._balances(keys)
        result = self.svm.send_transaction(transaction)
        told = _transaction(message, transaction, result, before, self._balances(keys))
        with self.lock:
            self._waiting.append(told)
            for key in keys:
                self._keep(key)
        err = told["meta"]["err"]
        return None if err is None else str(err)

    def produce(self, *, skip: int = 0, confirm: bool = True, finalize: bool = False) -> SlotBlock:
        """A block of what was sent, ``skip`` slots behind the next one."""
        with self.lock:
            block = self._next(skip, self._waiting)
            self._waiting = []
            self._add(block)
            if confirm:
                self.confirmed = block.slot
            if finalize:
                self.finalized = block.slot
        self._told()
        return block

    def finalize(self, slot: int | None = None) -> None:
        """Make a slot, or the newest that is confirmed, the newest that is finalized."""
        with self.lock:
            self.finalized = self.confirmed if slot is None else slot
        self._told()

    def confirm(self) -> None:
        """Confirm what is processed."""
        with self.lock:
            self.confirmed = self.processed
        self._told()

    def fork(self, depth: int, *, keep: bool = True, more: int = 1) -> list[SlotBlock]:
        """Leave the newest ``depth`` blocks and go on from the one before them.

        With ``keep`` their transactions come again, in the first of the ``depth + more`` new
        blocks. Returns the blocks that were left.
        """
        with self.lock:
            left = [self.blocks.pop(slot) for slot in sorted(self.blocks)[-depth:]]
            again = [told for block in left for told in block.transactions] if keep else []
            self._branch += 1
            for number in range(depth + more):
                self._add(self._next(1 if number == 0 else 0, again if number == 0 else []))
            self.confirmed = self.processed
        self._told()
        return left

    def _next(self, skip: int, transactions: list[dict[str, Any]]) -> SlotBlock:
        parent = self.blocks[max(self.blocks)]
        slot = parent.slot + 1 + skip
        time = self.time + (slot - FIRST_SLOT) * 2 // 5
        return SlotBlock(
            slot, self._hash(slot), parent.slot, parent.hash, parent.height + 1, time, transactions
        )

    def _add(self, block: SlotBlock) -> None:
        self.blocks[block.slot] = block
        self.processed = block.slot

    def _hash(self, slot: int) -> str:
        return str(Pubkey(hashlib.sha256(f"{self._branch}:{slot}".encode()).digest()))

    def _told(self) -> None:
        for watcher in list(self.watchers):
            watcher()

    def _keep(self, key: Pubkey) -> None:
        account = self.svm.get_account(key)
        if account is None or not account.lamports:
            self.accounts.pop(str(key), None)
            return
        self.accounts[str(key)] = {
            "data": [base64.b64encode(account.data).decode(), "base64"],
            "executable": account.executable,
            "lamports": account.lamports,
            "owner": str(account.owner),
            "rentEpoch": account.rent_epoch,
            "space": len(account.data),
        }

    def _balances(self, keys: Sequence[Pubkey]) -> list[dict[str, Any]]:
        """As a node collects them: of every token account among the transaction's accounts."""
        found: list[dict[str, Any]] = []
        for index, key in enumerate(keys):
            account = self.svm.get_account(key)
            if account is None or account.owner not in _TOKEN_PROGRAMS:
                continue
            data = account.data
            whole = len(data) == _ACCOUNT_SIZE or (
                len(data) > _ACCOUNT_SIZE and data[_ACCOUNT_SIZE] == _IS_ACCOUNT
            )
            if not whole:
                continue
            mint = Pubkey(data[:32])
            mint_account = self.svm.get_account(mint)
            if mint_account is None:
                continue
            decimals = mint_account.data[44]
            amount = int.from_bytes(data[64:72], "little")
            shown = amount / 10**decimals
            found.append(
                {
                    "accountIndex": index,
                    "mint": str(mint),
                    "owner": str(Pubkey(data[32:64])),
                    "programId": str(account.owner),
                    "uiTokenAmount": {
                        "amount": str(amount),
                        "decimals": decimals,
                        "uiAmount": shown if amount else None,
                        "uiAmountString": f"{shown:.{decimals}f}".rstrip("0").rstrip(".") or "0",
                    },
                }
            )
        return found


def _transaction(
    message: Message,
    transaction: VersionedTransaction,
    result: TransactionMetadata | FailedTransactionMetadata,
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
) -> dict[str, Any]:
    failed = isinstance(result, FailedTransactionMetadata)
    meta: TransactionMetadata = result.meta() if failed else result
    inner: list[list[dict[str, Any]]] = [
        [_compiled(one.instruction(), one.stack_height()) for one in called]
        for called in meta.inner_instructions()
    ]
    err = msgspec.json.decode(result.to_json())["err"] if failed else None
    header = message.header
    keys = message.account_keys
    return {
        "transaction": {
            "signatures": [str(signature) for signature in transaction.signatures],
            "message": {
                "header": {
                    "numRequiredSignatures": header.num_required_signatures,
                    "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
                    "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
                },
                "accountKeys": [str(key) for key in keys],
                "recentBlockhash": str(message.recent_blockhash),
                "instructions": [_compiled(one, 1) for one in message.instructions],
            },
        },
        "meta": {
            "err": err,
            "status": {"Ok": None} if err is None else {"Err": err},
            "fee": meta.fee() if callable(meta.fee) else meta.fee,
            "preBalances": [0] * len(keys),
            "postBalances": [0] * len(keys),
            "innerInstructions": [
                {"index": number, "instructions": called}
                for number, called in enumerate(inner)
                if called
            ],
            "logMessages": meta.logs(),
            "preTokenBalances": before,
            "postTokenBalances": after,
            "rewards": None,
            "loadedAddresses": {"writable": [], "readonly": []},
            "computeUnitsConsumed": meta.compute_units_consumed(),
        },
        "version": "legacy",
    }


def _compiled(instruction: Any, height: int | None) -> dict[str, Any]:
    return {
        "programIdIndex": instruction.program_id_index,
        "accounts": list(instruction.accounts),
        "data": _base58(bytes(instruction.data)),
        "stackHeight": height,
    }


def _base58(data: bytes) -> str:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text

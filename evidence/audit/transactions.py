"""Checkpoints in transactions of an EVM chain, whose data are the signed note, byte for byte.

A note is public: it holds the log's name, its size and a hash. So who looks at the chain alone
has a checkpoint to hold a log against. The transaction goes from an account to itself and moves
nothing; a node signs it (or what stands before it, such as Web3Signer), or a key of the command.
Source: the Ethereum JSON-RPC specification (execution-apis).
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Struct

from evidence.audit.anchors import AnchorFailed, Transaction, need
from pipeline.secrets import SecretText
from pipeline.units import MIB

_MOST_REPLY = MIB
_POLL = 0.5
#: The end of the year 9999, in seconds since the epoch.
_LATEST = 253_402_300_800
T = TypeVar("T")


class TransactionWrong(Exception):
    """A transaction that doesn't say what it should: why."""


class Mined(Struct, frozen=True):
    """Where on a chain a note is."""

    block: int
    block_hash: str
    #: Of the block, seconds since the epoch.
    time: int
    #: How many blocks there are from its own on.
    confirmations: int


class _Error(Struct):
    code: int
    message: str


class _Answer(Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


class _Sent(Struct, rename="camel"):
    input: str
    block_hash: str | None = None
    block_number: str | None = None


class _Receipt(Struct, rename="camel"):
    block_hash: str
    block_number: str
    status: str = "0x1"


class _Block(Struct):
    hash: str
    number: str
    timestamp: str
    base_fee: str | None = msgspec.field(name="baseFeePerGas", default=None)


class Node:
    """A node's JSON-RPC over HTTP."""

    def __init__(self, url: str, *, timeout: float, http: httpx.Client | None = None) -> None:
        """`timeout` in seconds, of each request."""
        self._url = url
        self._timeout = timeout
        self._http = http or httpx.Client()

    def ask(self, kind: type[T], method: str, *parameters: object) -> T:
        """Raises AnchorFailed, which never says more of the URL than its host: keys are in it."""
        found = self.ask_for(kind, method, *parameters)
        if found is None:
            raise AnchorFailed(f"{httpx.URL(self._url).host}: {method}: the node knows nothing")
        return found

    def ask_for(self, kind: type[T], method: str, *parameters: object) -> T | None:
        """The same, of what may not be there."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        host = httpx.URL(self._url).host
        until = time.monotonic() + self._timeout
        try:
            with self._http.stream("POST", self._url, json=body, timeout=self._timeout) as found:
                content = b""
                for part in found.iter_bytes():
                    content += part
                    if len(content) > _MOST_REPLY:
                        raise AnchorFailed(f"{host} answered {method} with more than 1 MiB")
                    if time.monotonic() > until:
                        raise AnchorFailed(f"{host}: {method}: no whole answer in time")
                if found.status_code != 200:
                    raise AnchorFailed(f"{host} answered {method} with HTTP {found.status_code}")
            answer = msgspec.json.decode(content, type=_Answer)
            if answer.error is not None:
                raise AnchorFailed(
                    f"{host}: {method}: error {answer.error.code}: {answer.error.message[:300]}"
                )
            if answer.result == msgspec.Raw(b"null"):
                return None
            return msgspec.json.decode(answer.result, type=kind)
        except httpx.HTTPError as error:
            raise AnchorFailed(f"{host}: {method}: {type(error).__name__}") from None
        except msgspec.MsgspecError as error:
            raise AnchorFailed(f"{host}: {method}: not an answer of a node: {error}") from None

    def chain_id(self) -> int:
        """Of EIP-155."""
        return _number(self.ask(str, "eth_chainId"))


def send(node: Node, note: str, *, sender: str | None, key: SecretText | None) -> Transaction:
    """Send a transaction that holds the note. Raises AnchorFailed.

    With a `key` (a private key of secp256k1, hexadecimal) it is signed here; else the node signs
    for `sender`, or for the first account that it has.
    """
    chain_id = node.chain_id()
    if key is not None:
        found = _signed_here(node, note, chain_id, key)
    else:
        if sender is None:
            accounts = node.ask(list[str], "eth_accounts")
            if not accounts:
                raise AnchorFailed("the node signs for no account: give a key, or name an account")
            sender = accounts[0]
        found = node.ask(str, "eth_sendTransaction", _request(note, sender))
    return Transaction(note=note, chain_id=chain_id, hash=found)


def wait(node: Node, sent: Transaction, *, most: float) -> Mined:
    """Until it is in a block, at most so many seconds. Raises AnchorFailed."""
    until = time.monotonic() + most
    while True:
        try:
            return find(node, sent)
        except TransactionWrong as error:
            if time.monotonic() >= until:
                raise AnchorFailed(f"{sent.hash}: {error}, after {most:g} s") from None
        time.sleep(_POLL)


def find(node: Node, anchor: Transaction) -> Mined:
    """Where the note is on the chain, as it is now. Raises TransactionWrong and AnchorFailed."""
    if (there := node.chain_id()) != anchor.chain_id:
        raise TransactionWrong(f"it is on chain {anchor.chain_id}, and the node's is {there}")
    sent = node.ask_for(_Sent, "eth_getTransactionByHash", anchor.hash)
    if sent is None:
        raise TransactionWrong("the chain doesn't have it")
    if sent.input.lower() != _data(anchor.note):
        raise TransactionWrong("its data are not the checkpoint")
    receipt = node.ask_for(_Receipt, "eth_getTransactionReceipt", anchor.hash)
    if receipt is None:
        raise TransactionWrong("it is in no block yet")
    block = node.ask(_Block, "eth_getBlockByHash", receipt.block_hash, False)
    newest = node.ask(str, "eth_blockNumber")
    number, when = _number(receipt.block_number), _number(block.timestamp)
    if not 0 <= when < _LATEST:
        raise AnchorFailed(f"the time of block {number} is {block.timestamp[:40]}: none of a chain")
    return Mined(number, block.hash, when, max(1, _number(newest) - number + 1))


def _request(note: str, sender: str) -> dict[str, str]:
    return {"from": sender, "to": sender, "value": "0x0", "data": _data(note)}


def _signed_here(node: Node, note: str, chain_id: int, key: SecretText) -> str:
    need("eth_account")
    # One of its libraries raises Python's limit of recursion so far that an answer of nothing but
    # brackets would end the process.
    limit = sys.getrecursionlimit()
    from eth_account import Account

    sys.setrecursionlimit(limit)
    try:
        account: Any = Account.from_key(key.reveal().strip())
    except Exception:  # what it says may hold the key
        raise AnchorFailed("the key is none of secp256k1: 64 hexadecimal digits are") from None
    request = _request(note, account.address)
    head = node.ask(_Block, "eth_getBlockByNumber", "latest", False)
    fields: Mapping[str, object] = {
        "chainId": chain_id,
        "nonce": _number(node.ask(str, "eth_getTransactionCount", account.address, "pending")),
        "to": account.address,
        "value": 0,
        "data": request["data"],
        "gas": _number(node.ask(str, "eth_estimateGas", request)),
        **_fees(node, head),
    }
    signed: Any = account.sign_transaction(fields)
    return node.ask(str, "eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())


def _fees(node: Node, head: _Block) -> dict[str, int]:
    """Twice the present base fee, so that it holds for six full blocks (EIP-1559)."""
    if head.base_fee is None:  # a chain from before London
        return {"gasPrice": _number(node.ask(str, "eth_gasPrice"))}
    tip = _number(node.ask(str, "eth_maxPriorityFeePerGas"))
    return {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * _number(head.base_fee) + tip}


def _data(note: str) -> str:
    return "0x" + note.encode().hex()


def _number(quantity: str) -> int:
    try:
        return int(quantity, 16)
    except ValueError:
        raise AnchorFailed(f"{quantity[:40]!r} is no quantity of the JSON-RPC") from None

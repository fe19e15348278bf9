"""A Solana node's JSON of blocks, transactions and mint accounts, as far as it is read.

Source: https://solana.com/docs/rpc/http/getblock, https://solana.com/docs/rpc/json-structures and
``pipeline/solana_payload.py``. Addresses are base58 and compared as they are written.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct, field

from normalizer.decoders.solana_base58 import address, signature
from normalizer.decoders.unreadable import Unreadable, unreadable
from pipeline.solana_payload import SlotPayload

_LARGEST = (1 << 63) - 1
Slot = Annotated[int, Meta(ge=0, le=_LARGEST)]
#: A transaction locks at most 128 accounts; its bytes address at most 256.
_Places = Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(max_length=256)]


class Header(Struct, rename="camel", gc=False):
    """A block without its transactions. ``block_time`` in seconds; null in old blocks."""

    blockhash: str
    previous_blockhash: str
    parent_slot: Slot
    block_time: int | None = None
    block_height: Slot | None = None


class Instruction(Struct, rename="camel", gc=False):
    """A compiled instruction: indexes into the accounts of the transaction."""

    program_id_index: Annotated[int, Meta(ge=0, le=255)]
    accounts: _Places
    data: Annotated[str, Meta(max_length=16_384)]
    stack_height: int | None = None


class InnerInstructions(Struct, gc=False):
    """What a top-level instruction called, in the order of the calls."""

    index: Annotated[int, Meta(ge=0, le=255)]
    instructions: list[Instruction]


class Message(Struct, rename="camel"):
    """The signed part of a transaction."""

    account_keys: Annotated[list[str], Meta(min_length=1, max_length=256)]
    instructions: list[Instruction]


class Signed(Struct):
    """A message with its signatures; the first is the transaction's name."""

    signatures: Annotated[list[str], Meta(min_length=1, max_length=256)]
    message: Message


class UiAmount(Struct):
    """An amount in the smallest unit, as decimal text."""

    amount: Annotated[str, Meta(pattern="^[0-9]{1,20}$")]
    decimals: Annotated[int, Meta(ge=0, le=255)]


class TokenBalance(Struct, rename="camel"):
    """A token account before or after a transaction, by its place among the accounts."""

    account_index: Annotated[int, Meta(ge=0, le=255)]
    mint: str
    ui_token_amount: UiAmount
    owner: str | None = None


class LoadedAddresses(Struct):
    """Accounts from address lookup tables, behind those of the message."""

    writable: list[str] = field(default_factory=list[str])
    readonly: list[str] = field(default_factory=list[str])


class Status(Struct, rename="camel"):
    """What became of a transaction. ``err`` is null where it succeeded."""

    err: Any = None
    inner_instructions: list[InnerInstructions] | None = None
    log_messages: list[str] | None = None
    pre_token_balances: list[TokenBalance] | None = None
    post_token_balances: list[TokenBalance] | None = None
    loaded_addresses: LoadedAddresses | None = None


class Transaction(Struct):
    """A transaction of ``getBlock``, encoding ``json``."""

    transaction: Signed
    meta: Status

    @property
    def signature(self) -> str:
        """Its name. Raises :class:`Unreadable`."""
        return signature(self.transaction.signatures[0], "transaction.signatures[0]")

    def accounts(self) -> list[str]:
        """All its accounts in their order. Raises :class:`Unreadable`."""
        loaded = self.meta.loaded_addresses or LoadedAddresses()
        keys = [*self.transaction.message.account_keys, *loaded.writable, *loaded.readonly]
        return [address(key, "transaction.message.accountKeys") for key in keys]


class _Account(Struct):
    owner: str
    data: tuple[Annotated[str, Meta(max_length=4 * 1024 * 1024)], str]


class MintData(Struct):
    """The account of a mint: which program it is of, and its bytes."""

    program: str
    data: bytes


_header = msgspec.json.Decoder(Header)
_payload = msgspec.json.Decoder(SlotPayload)
_transaction = msgspec.json.Decoder(Transaction)
_account = msgspec.json.Decoder(_Account | None)


def read_payload(data: bytes) -> tuple[SlotPayload, Header]:
    """The frame's envelope and the block's header. Raises :class:`Unreadable`."""
    try:
        payload = _payload.decode(data)
        header = _header.decode(payload.block)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    if not 0 <= payload.slot <= _LARGEST:
        raise Unreadable("is out of bounds", "slot")
    if len(payload.network) > 128 or len(payload.finality) > 32:
        raise Unreadable("network or finality is out of bounds", "network")
    return payload, header


def read_transaction(raw: Raw) -> Transaction:
    """A transaction. Raises :class:`Unreadable`."""
    try:
        return _transaction.decode(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None


def read_account(raw: Raw) -> MintData | None:
    """An account's program and bytes; None where there was no account. Raises Unreadable."""
    try:
        account = _account.decode(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    if account is None:
        return None
    text, encoding = account.data
    if encoding != "base64":
        raise Unreadable("is not base64", "account.data")
    try:
        return MintData(account.owner, base64.b64decode(text, validate=True))
    except ValueError as error:  # binascii.Error, or letters that are not ASCII
        raise Unreadable(str(error), "account.data") from None


def balances(found: Sequence[TokenBalance] | None) -> Sequence[TokenBalance]:
    """Token balances; none where the node gave null."""
    return found or ()

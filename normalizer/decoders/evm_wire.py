"""A node's JSON of blocks, transactions, logs and receipts, as far as it is read.

Source: https://ethereum.github.io/execution-apis/ and ``pipeline/evm_payload.py``. Quantities are
hexadecimal texts; hashes and addresses are checked and put into lower case here.
"""

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, field

from normalizer.decoders.unreadable import Unreadable, unreadable
from pipeline.evm_payload import BlockPayload, FeedPlace, Refusal, StateCall, TransferChecks
from pipeline.remembered import Remembered

Hexadecimal = Annotated[str, Meta(min_length=2)]
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_UINT256 = re.compile(r"0x[0-9a-fA-F]{1,64}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_MOST_KEPT = 1 << 16


class Header(Struct, gc=False):
    """A block's header."""

    number: str
    hash: str
    timestamp: str
    parent_hash: str | None = field(name="parentHash", default=None)


class Transaction(Struct, gc=False):
    """A transaction. ``to`` is None where it creates a contract."""

    hash: str
    sender: str = field(name="from")
    to: str | None = None
    input: str = "0x"
    index: str | None = field(name="transactionIndex", default=None)
    value: str = "0x0"
    nonce: str | None = None


class Log(Struct, gc=False):
    """A log of a contract."""

    address: str
    topics: Annotated[list[Annotated[str, Meta(max_length=66)]], Meta(max_length=4)]
    data: Hexadecimal
    block_hash: str = field(name="blockHash")
    transaction_hash: str = field(name="transactionHash")
    log_index: str = field(name="logIndex")
    transaction_index: str | None = field(name="transactionIndex", default=None)
    removed: bool = False


class Receipt(Struct, gc=False):
    """A receipt; status ``0x0`` is failure."""

    transaction_hash: str = field(name="transactionHash")
    status: str


class Payload(Struct):
    """:class:`~pipeline.evm_payload.BlockPayload`, read through."""

    chain_id: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
    network: Annotated[str, Meta(max_length=128)]
    finality: Annotated[str, Meta(max_length=32)]
    block: Header
    transactions: list[Transaction]
    logs: list[Log]
    refusals: list[Refusal]
    receipts: list[Receipt]
    native_transfers: list[str] = field(default_factory=list[str])
    feeds: list[FeedPlace] = field(default_factory=list[FeedPlace])
    calls: list[StateCall] = field(default_factory=list[StateCall])
    checks: list[TransferChecks] = field(default_factory=list[TransferChecks])


class Misfit(Struct):
    """A part of a block that can't be read, with its own JSON."""

    raw: bytes
    part: str
    place: int
    reason: str
    field: str


_payload_decoder = msgspec.json.Decoder(Payload)
_envelope_decoder = msgspec.json.Decoder(BlockPayload)
_header_decoder = msgspec.json.Decoder(Header)
_transaction_decoder = msgspec.json.Decoder(Transaction)
_log_decoder = msgspec.json.Decoder(Log)
_receipt_decoder = msgspec.json.Decoder(Receipt)
T = TypeVar("T")


def read_payload(data: bytes) -> tuple[Payload, list[int] | None, list[Misfit]]:
    """The block, the places of its logs in the frame (None: as they stand), and what didn't fit.

    One bad log does not spoil a block. Raises :class:`Unreadable` when the block itself is bad.
    """
    try:
        return _payload_decoder.decode(data), None, []
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        envelope = _envelope_decoder.decode(data)
        header = _header_decoder.decode(envelope.block)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    misfits: list[Misfit] = []
    logs, places = _each(envelope.logs, _log_decoder, "logs", misfits)
    payload = Payload(
        chain_id=envelope.chain_id,
        network=envelope.network,
        finality=envelope.finality,
        block=header,
        transactions=_each(envelope.transactions, _transaction_decoder, "transactions", misfits)[0],
        logs=logs,
        refusals=envelope.refusals,
        receipts=_each(envelope.receipts, _receipt_decoder, "receipts", misfits)[0],
        native_transfers=envelope.native_transfers,
        feeds=envelope.feeds,
        calls=envelope.calls,
        checks=envelope.checks,
    )
    if not misfits:
        # Every part is well on its own, so it is the envelope: out of its bounds.
        raise Unreadable("chain id, network or finality is out of bounds", "chain_id")
    return payload, places, misfits


def _each(
    items: list[Raw], decoder: msgspec.json.Decoder[T], part: str, misfits: list[Misfit]
) -> tuple[list[T], list[int]]:
    read: list[T] = []
    places: list[int] = []
    for place, raw in enumerate(items):
        try:
            read.append(decoder.decode(raw))
            places.append(place)
        except (msgspec.MsgspecError, RecursionError) as error:
            why = unreadable(error)
            where = f"{part}[{place}]" + (f".{why.field}" if why.field else "")
            misfits.append(Misfit(bytes(raw), part, place, why.reason, where))
    return read, places


def quantity(text: str, name: str) -> int:
    """The number in a JSON-RPC quantity. Raises :class:`Unreadable`."""
    try:
        return _quantities[text]
    except Unreadable as error:
        raise Unreadable(error.reason, name) from None


def uint256(text: str, name: str) -> int:
    """The number in a JSON-RPC quantity of up to 256 bits. Raises :class:`Unreadable`."""
    if _UINT256.fullmatch(text) is None:
        raise Unreadable(f"{text[:80]!r} is no quantity", name)
    return int(text, 16)


def _quantity(text: str) -> int:
    if _QUANTITY.fullmatch(text) is None:
        raise Unreadable(f"{text[:40]!r} is no quantity")
    return int(text, 16)


def _lower_address(text: str) -> str:
    if _ADDRESS.fullmatch(text) is None:
        raise Unreadable(f"{text[:80]!r} is no address")
    return text.lower()


#: Places in a block are the same few again and again, and so are those who hold a token.
_quantities = Remembered(_quantity, _MOST_KEPT)
_addresses = Remembered(_lower_address, _MOST_KEPT)


def address(text: str, name: str) -> str:
    """An address in lower case. Raises :class:`Unreadable`."""
    try:
        return _addresses[text]
    except Unreadable as error:
        raise Unreadable(error.reason, name) from None


def hash32(text: str, name: str) -> str:
    """A 32-byte hash in lower case. Raises :class:`Unreadable`."""
    if _HASH.fullmatch(text) is None:
        raise Unreadable(f"{text[:80]!r} is no 32-byte hash", name)
    return text.lower()

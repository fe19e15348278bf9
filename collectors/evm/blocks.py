"""What the collector reads of the node's JSON; the rest stays bytes.

Source: the execution API, https://ethereum.github.io/execution-apis. Quantities are hex with 0x.
"""

from typing import NewType

import msgspec
from msgspec import Raw, Struct, field

from collectors.connection import EndpointFault

BlockHash = NewType("BlockHash", str)


class Header(Struct, frozen=True):
    """What places a block in the chain. ``timestamp`` in seconds since the epoch."""

    number: int
    hash: BlockHash
    parent: BlockHash
    timestamp: int

    @property
    def position(self) -> str:
        """The text that stands for the block as a position of the source."""
        return position_of(self.number, self.hash)


class Transaction(Struct, frozen=True):
    """A transaction's own JSON and what is asked of it. Addresses and hash are lower-case.

    Nonce and value are as the node wrote them.
    """

    hash: str
    sender: str
    receiver: str | None
    data: str
    value: str
    nonce: str
    raw: Raw

    @property
    def gives(self) -> bool:
        """Whether it gives its receiver some of the chain's own currency, if it succeeds."""
        return self.receiver is not None and self.value.strip("0x") != ""


class Block(Struct, frozen=True):
    """A block with its transactions. ``header_json`` is the node's JSON without them."""

    header: Header
    header_json: Raw
    transactions: list[Transaction]


class Log(Struct, frozen=True):
    """A log's own JSON and where it belongs."""

    block_number: int
    block_hash: BlockHash
    transaction_hash: str
    index: int
    address: str
    topics: tuple[str, ...]
    raw: Raw


class _HeaderWire(Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str


class _TransactionWire(Struct):
    hash: str
    sender: str = field(name="from")
    receiver: str | None = field(name="to", default=None)
    data: str = field(name="input", default="0x")
    value: str = "0x0"
    nonce: str = "0x0"


class _LogWire(Struct, rename="camel"):
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    address: str = ""
    topics: tuple[str, ...] = ()
    removed: bool = False


_header = msgspec.json.Decoder(_HeaderWire)
_transaction = msgspec.json.Decoder(_TransactionWire)
_log = msgspec.json.Decoder(_LogWire)
_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_encoder = msgspec.json.Encoder()


def position_of(number: int, block_hash: str) -> str:
    """``<number>:<hash>``."""
    return f"{number}:{block_hash}"


def read_position(text: str) -> tuple[int, BlockHash]:
    """Number and hash of the block that a frame's position names; what follows them is ignored.

    Raises ValueError.
    """
    number, block_hash = text.split(":")[:2]
    return int(number), BlockHash(block_hash)


def is_null(raw: Raw) -> bool:
    """Whether the result is JSON's null: the node doesn't have it."""
    return bytes(raw) == b"null"


def read_header(raw: Raw) -> Header:
    """A header. Raises EndpointFault."""
    try:
        wire = _header.decode(raw)
        return Header(
            int(wire.number, 16),
            BlockHash(wire.hash.lower()),
            BlockHash(wire.parent_hash.lower()),
            int(wire.timestamp, 16),
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise EndpointFault(f"the node sent a header that isn't one: {error}") from None


def read_block(raw: Raw) -> Block:
    """A block that was asked for with full transactions. Raises EndpointFault."""
    try:
        members = _object.decode(raw)
        transactions = [_transaction_of(one) for one in _list.decode(members.pop("transactions"))]
    except (msgspec.MsgspecError, KeyError) as error:
        raise EndpointFault(f"the node sent a block that isn't one: {error}") from None
    return Block(read_header(raw), Raw(_encoder.encode(members)), transactions)


def read_logs(raw: Raw) -> list[Log]:
    """An answer of ``eth_getLogs``, in the chain's order. Raises EndpointFault."""
    try:
        logs = [log for one in _list.decode(raw) if (log := _read_log(one)) is not None]
    except (msgspec.MsgspecError, ValueError) as error:
        raise EndpointFault(f"the node sent logs that aren't any: {error}") from None
    logs.sort(key=_place)
    return logs


def read_list(raw: Raw) -> list[Raw]:
    """The items of an array. Raises EndpointFault."""
    try:
        return _list.decode(raw)
    except msgspec.MsgspecError as error:
        raise EndpointFault(f"the node sent something else than an array: {error}") from None


def read_transaction(raw: Raw) -> Transaction:
    """A transaction object. Raises EndpointFault."""
    try:
        return _transaction_of(raw)
    except msgspec.MsgspecError as error:
        raise EndpointFault(f"the node sent a transaction that isn't one: {error}") from None


def _transaction_of(raw: Raw) -> Transaction:
    wire = _transaction.decode(raw)
    receiver = None if wire.receiver is None else wire.receiver.lower()
    return Transaction(
        wire.hash.lower(), wire.sender.lower(), receiver, wire.data, wire.value, wire.nonce, raw
    )


def _read_log(raw: Raw) -> Log | None:
    wire = _log.decode(raw)
    if wire.removed:
        return None
    return Log(
        int(wire.block_number, 16),
        BlockHash(wire.block_hash.lower()),
        wire.transaction_hash.lower(),
        int(wire.log_index, 16),
        wire.address.lower(),
        wire.topics,
        raw,
    )


def _place(log: Log) -> tuple[int, int]:
    return log.block_number, log.index

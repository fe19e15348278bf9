"""What the collector asks of a node and reads of its JSON; the rest stays bytes.

Source: https://solana.com/docs/rpc/http/getblock, getblocks, getsignaturesforaddress and
getmultipleaccounts. A block is known by its slot; a slot without a block was skipped.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from collectors.connection import EndpointFault
from collectors.evm.blocks import BlockHash, Header, is_null
from collectors.evm.rpc import RpcError
from collectors.solana.node import ABSENT, SolanaNode
from pipeline.solana_payload import MintAccount, PlacedTransaction

Commitment = Literal["confirmed", "finalized"]
#: ``getSignaturesForAddress`` gives so many at most.
SIGNATURES_PER_PAGE = 1_000
#: ``getMultipleAccounts`` takes so many.
ACCOUNTS_PER_REQUEST = 100
#: Of versioned transactions, the only one that there is.
_TRANSACTION_VERSION = 0

#: Any text that can be an address: as many mints as one likes are found in one pass.
_ADDRESS = re.compile(rb'"([1-9A-HJ-NP-Za-km-z]{32,44})"')
Slot = Annotated[int, Meta(ge=0)]
T = TypeVar("T")


class _HeaderWire(Struct, rename="camel"):
    blockhash: str
    previous_blockhash: str
    parent_slot: Slot
    block_time: int | None = None


class _SignatureWire(Struct):
    signature: str
    slot: Slot


class _Context(Struct):
    slot: Slot


class _AccountsWire(Struct):
    context: _Context
    value: list[Raw]


class BlockPart(Struct, frozen=True):
    """A block's place, its JSON without transactions, and those that mention what is watched."""

    header: Header
    #: Of the block before it; slots between the two were skipped.
    parent_slot: int
    content: Raw
    transactions: Sequence[PlacedTransaction]
    #: The watched mints that they mention.
    mints: frozenset[str]


_slot = msgspec.json.Decoder(Slot)
_slots = msgspec.json.Decoder(list[Slot])
_text = msgspec.json.Decoder(str)
_header = msgspec.json.Decoder(_HeaderWire)
_members = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_signatures = msgspec.json.Decoder(list[_SignatureWire])
_accounts = msgspec.json.Decoder(_AccountsWire)
_encode = msgspec.json.Encoder().encode


class MentionFilter:
    """Finds what of a block mentions watched mints: their base58 anywhere in a transaction.

    That is every account that it names, also by lookup tables, and every token balance before or
    after it: so a transfer that doesn't name its mint is found as well.
    """

    def __init__(self, mints: Iterable[str]) -> None:
        self.mints = tuple(dict.fromkeys(mints))
        self._known = frozenset(mint.encode() for mint in self.mints)

    def read(self, slot: int, raw: Raw) -> BlockPart:
        """The part of a block that matters, from an answer of ``getBlock``.

        Raises EndpointFault.
        """
        kept: list[PlacedTransaction] = []
        mentioned: set[str] = set()
        try:
            members = _members.decode(raw)
            members.pop("rewards", None)
            members.pop("signatures", None)
            for index, one in enumerate(_list.decode(members.pop("transactions", Raw(b"[]")))):
                mints = self._mentioned(bytes(one))
                if mints:
                    # Copied, since it is a view of the whole block's bytes.
                    kept.append(PlacedTransaction(index, Raw(bytes(one))))
                    mentioned |= mints
            header, parent = _read_header(slot, raw)
            content = Raw(_encode(members))
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EndpointFault(f"the node sent a block that isn't one: {error}") from None
        return BlockPart(header, parent, content, kept, frozenset(mentioned))

    def _mentioned(self, transaction: bytes) -> set[str]:
        found = self._known.intersection(_ADDRESS.findall(transaction))
        return {mint.decode() for mint in found}


class SlotReader:
    """Asks a node about slots at one commitment level. Raises EndpointFault."""

    def __init__(self, node: SolanaNode, commitment: Commitment) -> None:
        self._node = node
        self._level: Commitment = commitment
        self._commitment = {"commitment": commitment}

    @property
    def endpoint(self) -> str:
        """The endpoint, fit to be shown."""
        return self._node.endpoint

    async def genesis(self) -> str:
        """The hash that names the cluster."""
        return _read(_text, await self._node.call("getGenesisHash"), "a genesis hash")

    async def newest(self, commitment: Commitment | None = None) -> int:
        """The newest slot that has the commitment."""
        asked = self._commitment if commitment is None else {"commitment": commitment}
        return _read(_slot, await self._node.call("getSlot", asked), "a slot")

    async def first_available(self) -> int:
        """The oldest slot whose block the node still has; 0 where it doesn't tell."""
        try:
            return _read(_slot, await self._node.call("getFirstAvailableBlock"), "a slot")
        except RpcError as error:
            if error.unsupported:
                return 0
            raise

    async def blocks(self, first: int, last: int) -> list[int]:
        """The slots with a block from ``first`` to ``last``, as far as the node has them."""
        answer = await self._node.call("getBlocks", first, last, self._commitment)
        return sorted(_read(_slots, answer, "slots"))

    async def header(self, slot: int, commitment: Commitment | None = None) -> Header | None:
        """The block of a slot; None where the node has none."""
        raw = await self._block(slot, "none", commitment or self._level)
        if raw is None:
            return None
        try:
            return _read_header(slot, raw)[0]
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EndpointFault(f"the node sent a block that isn't one: {error}") from None

    async def block(self, slot: int, mentions: MentionFilter) -> BlockPart | None:
        """What of a block mentions what is watched; None where the node doesn't have it, or not
        yet. Raises AnswerTooLarge as well.
        """
        raw = await self._block(slot, "full", self._level)
        return None if raw is None else mentions.read(slot, raw)

    async def accounts(self, mints: Sequence[str], slot: int) -> list[MintAccount] | None:
        """Accounts as they are at ``slot`` or later; None where the node is not so far."""
        found: list[MintAccount] = []
        for at in range(0, len(mints), ACCOUNTS_PER_REQUEST):
            some = mints[at : at + ACCOUNTS_PER_REQUEST]
            asked = {**self._commitment, "encoding": "base64", "minContextSlot": slot}
            try:
                answer = await self._node.call("getMultipleAccounts", some, asked)
            except RpcError as error:
                if error.code in ABSENT:
                    return None
                raise
            wire = _read(_accounts, answer, "accounts")
            if len(wire.value) != len(some):
                raise EndpointFault("getMultipleAccounts: not as many accounts as were asked for")
            found.extend(
                MintAccount(address, wire.context.slot, account)
                for address, account in zip(some, wire.value, strict=True)
            )
        return found

    async def mentioned(self, address: str, first: int, last: int) -> set[int] | None:
        """Slots from ``first`` to ``last`` with transactions that name an address; None where the
        node is not so far.
        """
        found: set[int] = set()
        before: str | None = None
        while True:
            asked: dict[str, object] = {
                **self._commitment,
                "limit": SIGNATURES_PER_PAGE,
                "minContextSlot": last,
            }
            if before is not None:
                asked["before"] = before
            try:
                answer = await self._node.call("getSignaturesForAddress", address, asked)
            except RpcError as error:
                if error.code in ABSENT:
                    return None
                raise
            page = _read(_signatures, answer, "signatures")
            found.update(one.slot for one in page if first <= one.slot <= last)
            if len(page) < SIGNATURES_PER_PAGE or page[-1].slot < first:
                return found
            before = page[-1].signature

    async def _block(self, slot: int, details: str, commitment: Commitment) -> Raw | None:
        asked = {
            "commitment": commitment,
            "encoding": "json",
            "transactionDetails": details,
            "maxSupportedTransactionVersion": _TRANSACTION_VERSION,
            "rewards": False,
        }
        try:
            answer = await self._node.call("getBlock", slot, asked)
        except RpcError as error:
            if error.code in ABSENT:
                return None
            raise
        return None if is_null(answer) else answer


def _read_header(slot: int, raw: Raw) -> tuple[Header, int]:
    wire = _header.decode(raw)
    header = Header(
        slot, BlockHash(wire.blockhash), BlockHash(wire.previous_blockhash), wire.block_time or 0
    )
    return header, wire.parent_slot


def _read(decoder: msgspec.json.Decoder[T], raw: Raw, what: str) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise EndpointFault(f"the node sent something else than {what}: {error}") from None

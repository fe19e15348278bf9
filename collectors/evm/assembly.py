"""One block of the chain to one payload: what of it touches the watched contracts."""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from collectors.connection import EndpointFault
from collectors.evm.blocks import (
    Block,
    Header,
    Log,
    Transaction,
    is_null,
    read_block,
    read_list,
    read_logs,
)
from collectors.evm.checks import RestrictionChecker
from collectors.evm.feeds import FeedBook
from collectors.evm.native_transfers import NativeTransfers
from collectors.evm.refusals import RefusalReader
from collectors.evm.rpc import RpcClient, RpcError
from collectors.evm.watched import Addresses, Watched
from pipeline.evm_payload import BlockPayload, Refusal, encode_block

#: Addresses in one ``eth_getLogs``; providers refuse filters with too many.
ADDRESSES_PER_REQUEST = 500
#: From so many on, all receipts of the block at once are less work than one by one.
_RECEIPTS_ONE_BY_ONE = 16
_UNKNOWN_BLOCK = ("unknown block", "not found", "header for hash", "block not available")


class Chain(Struct, frozen=True):
    """The chain as the payload names it."""

    id: int
    network: str


class AssembledBlock(Struct, frozen=True):
    """A block's place in the chain, its payload, encoded, and all of its transactions."""

    header: Header
    payload: bytes
    transactions: Sequence[Transaction]


class _Outcomes(Struct, frozen=True):
    """What receipts tell of a block's transactions."""

    failed: list[Transaction]
    """Those to watched contracts that failed, and their receipts."""
    receipts: list[Raw]
    given: list[str]
    """Hashes of those that gave the chain's own currency, as far as that matters."""


class _ReceiptWire(Struct, rename="camel"):
    transaction_hash: str
    status: str = ""


_receipt = msgspec.json.Decoder(_ReceiptWire)


class LogReader:
    """``eth_getLogs`` for a set of addresses of any size, and for topics of any contract."""

    def __init__(self, rpc: RpcClient, addresses: Addresses) -> None:
        self._rpc = rpc
        self._addresses = addresses
        self._version = -1
        self._chunks: list[list[str]] = []

    @property
    def version(self) -> int:
        """Which set of addresses is read now."""
        return self._addresses.version

    async def of_block(self, header: Header) -> list[Log] | None:
        """Logs of just this block; None when the node doesn't know it, or not any more."""
        try:
            return await self._read({"blockHash": header.hash})
        except RpcError as error:
            if any(words in error.message.lower() for words in _UNKNOWN_BLOCK):
                return None
            raise

    async def of_range(self, first: int, last: int) -> list[Log]:
        """Logs of the canonical blocks ``first`` to ``last``. Raises RpcError when too many."""
        return await self._read({"fromBlock": hex(first), "toBlock": hex(last)})

    async def _read(self, place: dict[str, str]) -> list[Log]:
        if self._version != self._addresses.version:
            self._version = self._addresses.version
            ordered, size = sorted(self._addresses.all), ADDRESSES_PER_REQUEST
            self._chunks = [ordered[at : at + size] for at in range(0, len(ordered), size)]
        # No chunk, no request: an empty list of addresses would mean all of them.
        filters: list[dict[str, object]] = [{"address": one} for one in self._chunks]
        if self._addresses.topics:
            filters.append({"topics": [list(self._addresses.topics)]})
        # Of every event of Uniswap v4 the pool's id is the second topic.
        for manager, ids in sorted(self._addresses.pools.items()):
            filters.append({"address": manager, "topics": [None, list(ids)]})
        answers = await asyncio.gather(
            *(self._rpc.call("eth_getLogs", {**place, **one}) for one in filters)
        )
        logs = [log for answer in answers for log in read_logs(answer)]
        if len(answers) < 2:
            return logs
        # A watched contract may have said what is asked for by its topic too.
        once = {(log.block_number, log.block_hash, log.index): log for log in logs}
        return [once[place] for place in sorted(once)]


class BlockAssembler:
    """Fetches a block and all that belongs to its payload, through one node."""

    def __init__(
        self,
        rpc: RpcClient,
        chain: Chain,
        watched: Watched,
        addresses: Addresses,
        feeds: FeedBook,
        native_transfers: NativeTransfers,
        checker: RestrictionChecker,
        *,
        explain_refusals: bool,
    ) -> None:
        self._rpc = rpc
        self._chain = chain
        self._addresses = addresses
        self._feeds = feeds
        self._logs = LogReader(rpc, addresses)
        self._native_transfers = native_transfers
        self._checker = checker
        refusals = RefusalReader(rpc, watched, ask_registries=not checker.asks_registries)
        self._refusals = refusals if explain_refusals else None
        self._block_receipts = True

    async def assemble(
        self,
        number: int,
        finality: str,
        *,
        known_logs: Sequence[Log] | None = None,
        announced: Header | None = None,
    ) -> AssembledBlock | None:
        """The block at this height, or None when the node doesn't have it, or not any more.

        ``known_logs`` are its logs from a range of settled blocks. ``announced`` is what the node
        said of this height: then block and logs are asked for in one round trip. Raises
        EndpointFault.
        """
        asking = self._rpc.call("eth_getBlockByNumber", hex(number), True)
        early: list[Log] | None = None
        if announced is not None and known_logs is None:
            answer, early = await asyncio.gather(asking, self._logs.of_block(announced))
        else:
            answer = await asking
        if is_null(answer):
            return None
        block = read_block(answer)
        header = block.header
        if header.number != number:
            raise EndpointFault(f"asked for block {number}, the node sent {header.number}")
        logs = known_logs
        if announced is not None and announced.hash == header.hash:
            logs = early
        if logs is None or any(log.block_hash != header.hash for log in logs):
            logs = await self._logs.of_block(header)
            if logs is None:
                return None
        if self._feeds.learn(logs):
            # The aggregator that takes over may have answered in this very block.
            logs = await self._logs.of_block(header)
            if logs is None:
                return None
        self._native_transfers.learn(log for log in logs if log.address in self._addresses.all)
        outcomes = await self._outcomes(block, logs)
        if outcomes is None:
            return None
        refusals, checked = await asyncio.gather(
            self._explain(outcomes.failed, header),
            self._checker.check(header, block.transactions, logs, outcomes.failed),
        )
        kept = {log.transaction_hash for log in logs}.union(outcomes.given)
        payload = BlockPayload(
            chain_id=self._chain.id,
            network=self._chain.network,
            finality=finality,
            block=block.header_json,
            transactions=[
                one.raw
                for one in block.transactions
                if one.hash in kept or one.receiver in self._addresses.all
            ],
            logs=[log.raw for log in logs],
            refusals=refusals,
            receipts=outcomes.receipts,
            native_transfers=outcomes.given,
            feeds=self._feeds.places(logs),
            calls=checked.calls,
            checks=checked.checks,
        )
        return AssembledBlock(header, encode_block(payload), block.transactions)

    async def _outcomes(self, block: Block, logs: Sequence[Log]) -> _Outcomes | None:
        """Which of the transactions failed; None when the node doesn't know the block any more.

        One with logs of watched contracts succeeded. Of the others that matter receipts are asked.
        """
        giving = [one.hash for one in self._native_transfers.chosen(block.transactions)]
        wanted = frozenset(giving)
        logged = {log.transaction_hash for log in logs}
        silent = {
            one.hash: one
            for one in block.transactions
            if (one.receiver in self._addresses.all or one.hash in wanted)
            and one.hash not in logged
        }
        if not silent:
            return _Outcomes([], [], giving)
        receipts = await self._receipts(block.header, list(silent))
        if receipts is None:
            return None
        failed: list[Transaction] = []
        kept: list[Raw] = []
        lost: set[str] = set()
        for raw in receipts:
            try:
                receipt = _receipt.decode(raw)
            except msgspec.MsgspecError as error:
                raise EndpointFault(f"the node sent a receipt that isn't one: {error}") from None
            transaction = silent.get(receipt.transaction_hash.lower())
            if transaction is None or receipt.status != "0x0":
                continue
            lost.add(transaction.hash)
            if transaction.receiver in self._addresses.all:
                failed.append(transaction)
                kept.append(raw)
        return _Outcomes(failed, kept, [one for one in giving if one not in lost])

    async def _receipts(self, header: Header, hashes: Sequence[str]) -> list[Raw] | None:
        if len(hashes) > _RECEIPTS_ONE_BY_ONE and self._block_receipts:
            try:
                answer = await self._rpc.call("eth_getBlockReceipts", header.hash)
                return None if is_null(answer) else read_list(answer)
            except RpcError as error:
                if not error.unsupported:
                    raise
                self._block_receipts = False
        receipts = await asyncio.gather(
            *(self._rpc.call("eth_getTransactionReceipt", one) for one in hashes)
        )
        return None if any(is_null(one) for one in receipts) else list(receipts)

    async def _explain(self, failed: Sequence[Transaction], header: Header) -> list[Refusal]:
        if self._refusals is None:
            return []
        return list(await asyncio.gather(*(self._refusals.explain(one, header) for one in failed)))

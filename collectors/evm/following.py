"""Every block from where the last run ended, once, in order, through reorganisations."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Literal, Protocol

from collectors.connection import EndpointFault, LinkLost
from collectors.evm.assembly import AssembledBlock, BlockAssembler, Chain, LogReader
from collectors.evm.backfill import (
    AdaptiveRange,
    FinalityTags,
    RangeLogs,
    read_finality,
    read_range,
)
from collectors.evm.blocks import BlockHash, Header, Transaction
from collectors.evm.branch import Branch
from collectors.evm.heads import HeadWatch
from collectors.evm.reorganisation import find_fork, header_at
from collectors.evm.rpc import RpcClient
from collectors.evm.sending import BlockSender
from pipeline.chain_notices import BlockPlace, FinalityNotice, ReorganisationNotice
from pipeline.source_state import SourceState

#: So many blocks behind the head it is a backfill; so many at least are worth a range of logs.
BACKFILL_FROM = 24
#: A range that ends nearer to the head may be answered by a node that is behind.
_RANGE_MARGIN = 8
_STRETCH = 64
#: Blocks that are fetched ahead of the one that is sent.
_WINDOW = 12
#: After a message that was too large, so many blocks are fetched one by one to find which it is.
_CAREFUL_BLOCKS = 2 * _WINDOW
_MOST_MISSES = 12


class Cursor:
    """Where the collector stands. It outlives connections."""

    def __init__(self, start: int | Literal["latest"], backfill_range: int, depth: int) -> None:
        self.start = start
        self.depth = depth
        self.branch = Branch(depth)
        #: Of the newest block that was sent, in seconds; None where that isn't known.
        self.timestamp: int | None = None
        #: What was last told of finality.
        self.finality = FinalityTags()
        self.range = AdaptiveRange(backfill_range)
        #: Blocks still to be fetched one by one.
        self.careful = 0
        #: The block whose data is too large for a message.
        self.too_large: int | None = None

    def next_number(self, head: Header) -> int:
        """The height of the next block to send."""
        if self.branch.last is not None:
            return self.branch.last[0] + 1
        if not isinstance(self.start, int):
            # Fixed now, so that a connection lost before the first block skips none.
            self.start = head.number
        return self.start

    @property
    def floor(self) -> int:
        """The lowest height that was asked for."""
        return self.start if isinstance(self.start, int) else 0

    def sent(self, header: Header) -> None:
        """The next block was sent."""
        self.branch.add(header.number, header.hash)
        self.timestamp = header.timestamp


class BlockListener(Protocol):
    """Hears of each block that was sent, and of those that left the chain."""

    def block(self, header: Header, transactions: Sequence[Transaction]) -> None:
        """A block was added to the chain."""
        ...

    def orphaned(self, blocks: Iterable[BlockHash]) -> None:
        """Blocks left the chain."""
        ...


class Follower:
    """Brings the outlet up to the node's head, through one connection."""

    def __init__(
        self,
        rpc: RpcClient,
        heads: HeadWatch,
        chain: Chain,
        assembler: BlockAssembler,
        logs: LogReader,
        sender: BlockSender,
        cursor: Cursor,
        state: SourceState,
        listener: BlockListener | None = None,
    ) -> None:
        self._rpc = rpc
        self._heads = heads
        self._chain = chain
        self._assembler = assembler
        self._logs = logs
        self._sender = sender
        self._cursor = cursor
        self._state = state
        self._listener = listener

    async def catch_up(self) -> None:
        """Send all blocks up to the newest head. Raises EndpointFault when the node can't tell."""
        cursor, misses = self._cursor, 0
        backfill: FinalityTags | None = None
        while True:
            head = self._heads.newest
            if cursor.branch.contradicted_by(head):
                done = await self._reorganise(head)
            else:
                first = cursor.next_number(head)
                if first > head.number:
                    break
                if head.number - first >= BACKFILL_FROM and backfill is None:
                    self._state.connection = "backfilling"
                    backfill = await read_finality(self._rpc)
                done = await self._advance(first, head, backfill or cursor.finality)
            misses = 0 if done else misses + 1
            if misses:
                await self._wait_for_node(misses, head)
        self._state.connection = "connected"

    async def tell_finality(self) -> None:
        """Ask which blocks are safe and finalized, and say so when these are more than before.

        Raises EndpointFault.
        """
        cursor = self._cursor
        newest, timestamp = cursor.branch.last, cursor.timestamp
        if newest is None or timestamp is None:
            return
        tags = await read_finality(self._rpc)
        if not tags.moved_from(cursor.finality):
            return
        await self._sender.finality(
            FinalityNotice(
                chain_id=self._chain.id,
                network=self._chain.network,
                safe=_place(tags.safe, tags.safe_hash),
                finalized=_place(tags.finalized, tags.finalized_hash),
                newest=BlockPlace(*newest),
                timestamp=timestamp,
            )
        )
        cursor.finality = tags

    async def _wait_for_node(self, misses: int, head: Header) -> None:
        """A balanced endpoint may announce a block by one node and ask another that lacks it."""
        if misses > _MOST_MISSES:
            raise EndpointFault(
                f"{self._rpc.endpoint}: its head is block {head.number}, but it can't give "
                f"block {self._cursor.next_number(head)}"
            )
        await asyncio.sleep(min(2.0, 0.05 * 2**misses))
        await self._heads.refresh()

    async def _advance(self, first: int, head: Header, finality: FinalityTags) -> bool:
        """Send a stretch of blocks from ``first``; false when not one could be sent."""
        cursor = self._cursor
        if cursor.too_large == first:
            return await self._skip(first, head)
        logs: RangeLogs | None = None
        last = min(head.number, first + _STRETCH - 1)
        end = self._settled(head, finality)
        if end - first >= BACKFILL_FROM and not cursor.careful:
            logs = await read_range(self._logs, cursor.range, first, end)
            last = logs.last if logs is not None else last
        sent = 0
        watched = self._logs.version
        blocks = self._fetch(first, last, head, finality, logs)
        try:
            async for block in blocks:
                if not cursor.branch.followed_by(block.header):
                    return await self._reorganise(head) or sent > 0
                await self._sender.send(block, head)
                cursor.sent(block.header)
                if self._listener is not None:
                    self._listener.block(block.header, block.transactions)
                cursor.careful = max(0, cursor.careful - 1)
                sent += 1
                if self._logs.version != watched:
                    break  # what was fetched ahead lacks the logs of what is watched since
        except LinkLost as lost:
            if lost.too_large:
                self._note_too_large(cursor.next_number(head))
            raise
        finally:
            await blocks.aclose()
        return sent > 0

    def _settled(self, head: Header, finality: FinalityTags) -> int:
        """The newest block whose logs may be read by range. Above it logs are read by the block's
        hash: if the chain reorganised between two requests, a range without logs of a block would
        not show that it was of another branch.
        """
        settled = max(finality.finalized, head.number - self._cursor.depth)
        return min(settled, head.number - _RANGE_MARGIN)

    async def _fetch(
        self,
        first: int,
        last: int,
        head: Header,
        finality: FinalityTags,
        logs: RangeLogs | None,
    ) -> AsyncGenerator[AssembledBlock, None]:
        """Blocks in order, fetched ahead; ends before one that the node doesn't have."""
        window = 1 if self._cursor.careful else _WINDOW
        ahead: deque[asyncio.Task[AssembledBlock | None]] = deque()
        following = first
        try:
            while ahead or following <= last:
                while following <= last and len(ahead) < window:
                    fetch = self._assembler.assemble(
                        following,
                        finality.of(following),
                        known_logs=None if logs is None else logs.by_block.get(following, ()),
                        announced=head if following == head.number else None,
                    )
                    ahead.append(asyncio.create_task(fetch))
                    following += 1
                block = await ahead[0]
                ahead.popleft()
                if block is None:
                    return
                yield block
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    def _note_too_large(self, number: int) -> None:
        """A message was too large. Fetched one by one, the block is known; else find it so."""
        if self._cursor.careful:
            self._cursor.too_large = number
        self._cursor.careful = _CAREFUL_BLOCKS

    async def _skip(self, number: int, head: Header) -> bool:
        """Pass over the block whose data fits no message."""
        header = await header_at(self._rpc, number)
        if header is None:
            return False
        self._cursor.too_large = None
        self._cursor.careful = 0
        if not self._cursor.branch.followed_by(header):
            return await self._reorganise(head)
        reason = "the node's answer about this block is larger than max_frame"
        await self._sender.skip(header, head, reason)
        self._cursor.sent(header)
        return True

    async def _reorganise(self, head: Header) -> bool:
        """Go back to where the chain parted; false when it turns out that it didn't."""
        branch, cursor = self._cursor.branch, self._cursor
        old = branch.last
        assert old is not None
        fork = await find_fork(self._rpc, branch, depth=cursor.depth, floor=cursor.floor)
        if fork is None or (fork.number, fork.hash) == old:
            return False
        notice = ReorganisationNotice(
            chain_id=self._chain.id,
            network=self._chain.network,
            common=BlockPlace(fork.number, fork.hash),
            depth_known=fork.known,
            orphaned=list(branch.above(fork.number)),
            old=BlockPlace(*old),
            new=BlockPlace(head.number, head.hash),
            timestamp=head.timestamp if fork.timestamp is None else fork.timestamp,
        )
        # Told first: a connection lost here must not leave the branch without a word.
        await self._sender.reorganised(notice, head)
        orphaned = branch.rewind(fork.number, fork.hash)
        if self._listener is not None:
            self._listener.orphaned(orphaned)
        cursor.timestamp = notice.timestamp
        return True


def _place(number: int, block_hash: BlockHash | None) -> BlockPlace | None:
    return None if block_hash is None else BlockPlace(number, block_hash)

"""Every block from where the last run ended, once, in order, through forks and skipped slots."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from collectors.connection import EndpointFault
from collectors.evm.blocks import BlockHash, Header
from collectors.evm.sending import BlockSender
from collectors.solana.assembly import Assembled, Cluster, Finality, SlotAssembler
from collectors.solana.blocks import Commitment, SlotReader
from collectors.solana.branch import SlotBranch
from collectors.solana.forks import Fork, find_fork
from collectors.solana.mentions import MARGIN, Mentions
from collectors.solana.node import AnswerTooLarge
from collectors.solana.slots import SlotWatch
from pipeline.chain_notices import BlockPlace, FinalityNotice, ReorganisationNotice
from pipeline.source_state import SourceState

#: So many slots behind the newest one it is a backfill.
BACKFILL_FROM = 32
#: Slots that one ``getBlocks`` asks for; more where few of their blocks are fetched.
_STRETCH = 128
_LONG_STRETCH = 4_096
_LONGEST_STRETCH = 1 << 17
#: Blocks that are fetched ahead of the one that is sent; each may have megabytes.
_WINDOW = 4
_MOST_MISSES = 8
#: Seconds of a slot, as it is meant to be.
_SLOT_SECONDS = 0.4


class Cursor:
    """Where the collector stands. It outlives connections."""

    def __init__(self, start: int | Literal["latest"], depth: int) -> None:
        self.start = start
        self.branch = SlotBranch(depth)
        #: All slots up to it are done; those behind the last block were skipped.
        self.scanned = -1
        #: Of the newest block that was sent, in seconds; None where that isn't known.
        self.timestamp: int | None = None
        #: The newest slot that is known to be finalized.
        self.finalized = -1
        #: What was last told of finality.
        self.told: tuple[int, BlockHash] | None = None
        #: By slot, the endpoints that could not give what follows it.
        self.failed: Counter[int] = Counter()
        #: The slot whose block is too large for a message.
        self.too_large: int | None = None

    def next_slot(self, newest: int) -> int:
        """The first slot that is still to be done."""
        last = self.branch.last
        if last is not None:
            return max(last[0], self.scanned) + 1
        if not isinstance(self.start, int):
            # Fixed now, so that a connection lost before the first block skips none.
            self.start = newest
        return max(self.start, self.scanned + 1)

    def sent(self, header: Header) -> None:
        """The next block was sent."""
        self.branch.add(header.number, header.hash)
        self.scanned = max(self.scanned, header.number)
        self.timestamp = header.timestamp
        self.failed.clear()

    def rewind(self, fork: Fork) -> None:
        """The chain left what is above a block."""
        self.branch.rewind(fork.slot, fork.hash)
        self.scanned = fork.slot
        self.timestamp = fork.timestamp


class Follower:
    """Brings the outlet up to the node's newest slot, through one connection."""

    def __init__(
        self,
        reader: SlotReader,
        slots: SlotWatch,
        cluster: Cluster,
        assembler: SlotAssembler,
        mentions: Mentions | None,
        sender: BlockSender,
        cursor: Cursor,
        state: SourceState,
        *,
        commitment: Commitment,
        endpoints: int,
    ) -> None:
        self._reader = reader
        self._slots = slots
        self._cluster = cluster
        self._assembler = assembler
        self._mentions = mentions
        self._sender = sender
        self._cursor = cursor
        self._state = state
        self._commitment = commitment
        self._endpoints = endpoints
        self._least_stretch = _STRETCH if mentions is None else _LONG_STRETCH
        self._stretch = self._least_stretch

    async def catch_up(self) -> None:
        """Send all blocks up to the newest slot. Raises EndpointFault when the node can't tell."""
        cursor, misses = self._cursor, 0
        while True:
            newest = self._newest()
            first = cursor.next_slot(newest)
            if first > newest:
                break
            if newest - first >= BACKFILL_FROM and self._state.connection != "backfilling":
                self._state.connection = "backfilling"
                cursor.finalized = max(cursor.finalized, await self._reader.newest("finalized"))
            if self._mentions is not None and not await self._know_mentions(first, newest):
                if not self._mentions.due:
                    break
                done = False
            else:
                done = await self._advance(first, newest)
            misses = 0 if done else misses + 1
            if misses:
                await self._wait_for_node(misses, first)
        self._state.connection = "connected"

    async def tell_finality(self) -> None:
        """Ask which slot is finalized, see that what was sent is part of that chain, and say so
        when more is final than before. Raises EndpointFault.
        """
        cursor = self._cursor
        newest, timestamp = cursor.branch.last, cursor.timestamp
        if newest is None or timestamp is None:
            return
        root = self._slots.root
        cursor.finalized = max(root, await self._reader.newest("finalized"))
        place = cursor.branch.newest_up_to(cursor.finalized)
        if place is None or place == cursor.told:
            return
        header = await self._reader.header(place[0], "finalized")
        if header is None or header.hash != place[1]:
            # A lagging node says so as well, and then nothing turns out to have parted.
            await self._parted(newest[0])
            return
        final = BlockPlace(*place)
        await self._sender.finality(
            FinalityNotice(
                chain_id=self._cluster.number,
                network=self._cluster.network,
                safe=BlockPlace(*newest) if self._commitment == "confirmed" else final,
                finalized=final,
                newest=BlockPlace(*newest),
                timestamp=timestamp,
            )
        )
        cursor.told = place

    def _newest(self) -> int:
        """Up to where blocks are to be sent."""
        newest = self._slots.newest
        return newest if self._mentions is None else max(0, newest - MARGIN)

    async def _know_mentions(self, first: int, newest: int) -> bool:
        """Whether it is known which of the next slots matter, asking where it is time to."""
        mentions = self._mentions
        assert mentions is not None
        if mentions.due:
            return await mentions.find(first, newest)
        return mentions.complete >= first

    async def _wait_for_node(self, misses: int, first: int) -> None:
        """Behind one address may be several nodes, of which one lacks what another told of."""
        if misses > _MOST_MISSES:
            self._cursor.failed[first] += 1
            raise EndpointFault(
                f"{self._reader.endpoint}: its newest slot is {self._slots.newest}, but it can't "
                f"give what follows slot {first - 1}"
            )
        await asyncio.sleep(min(1.0, 0.05 * 2**misses))
        await self._slots.refresh()

    async def _advance(self, first: int, newest: int) -> bool:
        """Send a stretch of blocks from ``first``; false when the next one can't be had."""
        cursor, last_sent, hole = self._cursor, self._cursor.branch.last, False
        last = min(newest, first + self._stretch - 1)
        if self._mentions is not None:
            last = min(last, self._mentions.complete)
            # Where few blocks are fetched, parents don't show that the chain parted.
            if last_sent is not None and not await self._still_there(last_sent):
                if await self._parted(newest):
                    return True
                if cursor.failed[last_sent[0] + 1] < self._endpoints:
                    return False
                hole = True
            there = await self._reader.blocks(first, last)
            wanted = self._mentions.among(there)
        else:
            wanted = await self._reader.blocks(first, last)
        # Where a node has lost its history, there may be days without a block.
        more = not wanted and last < newest
        self._stretch = min(2 * self._stretch, _LONGEST_STRETCH) if more else self._least_stretch
        sent = 0
        blocks = self._fetch(wanted, newest)
        try:
            async for slot, assembled in blocks:
                if assembled is None:
                    return sent > 0
                header = assembled.block.header
                if hole or not self._follows(assembled):
                    return await self._not_following(assembled, newest) or sent > 0
                await self._sender.send(assembled.block, self._head(header))
                cursor.sent(header)
                cursor.scanned = max(cursor.scanned, slot)
                sent += 1
        except AnswerTooLarge as fault:
            return await self._skip(cursor.next_slot(newest), wanted, str(fault)) or sent > 0
        finally:
            await blocks.aclose()
        cursor.scanned = max(cursor.scanned, last)
        return True

    async def _fetch(
        self, slots: Sequence[int], newest: int
    ) -> AsyncGenerator[tuple[int, Assembled | None], None]:
        """Blocks in order, fetched ahead; ends with one that the node doesn't have."""
        ahead: deque[tuple[int, asyncio.Task[Assembled | None]]] = deque()
        waiting = deque(slots)
        try:
            while ahead or waiting:
                while waiting and len(ahead) < _WINDOW:
                    slot = waiting.popleft()
                    fetch = self._assembler.assemble(slot, self._finality_of(slot), newest)
                    ahead.append((slot, asyncio.create_task(fetch)))
                slot, task = ahead[0]
                block = await task
                ahead.popleft()
                yield slot, block
                if block is None:
                    return
        finally:
            for _, task in ahead:
                task.cancel()
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)

    def _finality_of(self, slot: int) -> Finality:
        final = self._commitment == "finalized" or slot <= self._cursor.finalized
        return "finalized" if final else "safe"

    async def _skip(self, first: int, wanted: Sequence[int], reason: str) -> bool:
        """Pass over the block whose data fits no message."""
        slot = next((slot for slot in wanted if slot >= first), None)
        header = None if slot is None else await self._reader.header(slot)
        if header is None:
            return False
        await self._sender.skip(header, self._head(header), reason)
        self._cursor.sent(header)
        return True

    async def _still_there(self, block: tuple[int, BlockHash]) -> bool:
        """Whether a block is part of the chain."""
        header = await self._reader.header(block[0])
        return header is not None and header.hash == block[1]

    def _follows(self, assembled: Assembled) -> bool:
        """Whether a block can be the next one. With mentions others lie between, mostly."""
        branch, header = self._cursor.branch, assembled.block.header
        if self._mentions is None:
            return branch.followed_by(header, assembled.parent_slot)
        last = branch.last
        return last is None or last[0] != assembled.parent_slot or last[1] == header.parent

    async def _not_following(self, assembled: Assembled, newest: int) -> bool:
        """The next block's parent is not the last one that was sent: a fork, or a hole."""
        cursor, header = self._cursor, assembled.block.header
        last = cursor.branch.last
        assert last is not None
        if await self._parted(newest):
            return True
        # The node left blocks out: asked again, then another endpoint, and then it is a gap.
        cursor.scanned = last[0]
        if cursor.failed[last[0] + 1] < self._endpoints:
            return False
        reason = (
            f"no endpoint has the blocks between slot {last[0]} and slot {header.number} (its "
            f"parent is that of slot {assembled.parent_slot})"
        )
        await self._sender.missing(last, header, reason)
        cursor.branch.clear()
        cursor.told = None
        await self._sender.send(assembled.block, self._head(header))
        cursor.sent(header)
        return True

    async def _parted(self, newest: int) -> bool:
        """Go back to where the chain parted; false when it turns out that it didn't."""
        cursor = self._cursor
        old = cursor.branch.last
        assert old is not None
        fork = await find_fork(self._reader, cursor.branch)
        if (fork.slot, fork.hash) == old:
            return False
        head = await self._new_head(newest)
        if head is None:
            return False
        notice = ReorganisationNotice(
            chain_id=self._cluster.number,
            network=self._cluster.network,
            common=BlockPlace(fork.slot, fork.hash),
            depth_known=fork.known,
            orphaned=list(cursor.branch.above(fork.slot)),
            old=BlockPlace(*old),
            new=BlockPlace(head.number, head.hash),
            timestamp=fork.timestamp or head.timestamp,
        )
        # Told first: a connection lost here must not leave the branch without a word.
        await self._sender.reorganised(notice, head)
        cursor.rewind(fork)
        cursor.told = None
        if self._mentions is not None:
            self._mentions.forget()
        return True

    async def _new_head(self, newest: int) -> Header | None:
        """The newest block of the chain as it is now."""
        slots = await self._reader.blocks(max(0, newest - _STRETCH), newest)
        return await self._reader.header(slots[-1]) if slots else None

    def _head(self, block: Header) -> Header:
        """The newest slot that the node processed; of its block only the time can be guessed."""
        ahead = max(0, self._slots.processed - block.number)
        if not ahead:
            return block
        time = block.timestamp + round(ahead * _SLOT_SECONDS)
        return Header(self._slots.processed, BlockHash(""), block.hash, time)

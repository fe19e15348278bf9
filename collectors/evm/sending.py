"""From blocks to the outlet: positions, state, metrics, and what is too large to be sent.

Every position begins with the block behind which a run goes on.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

import msgspec
import structlog

from collectors.evm.assembly import AssembledBlock
from collectors.evm.blocks import BlockHash, Header, position_of
from collectors.evm.resuming import TOO_LARGE
from collectors.feed_lag import set_lag
from collectors.gaps import count_gap
from pipeline.chain_notices import FinalityNotice, ReorganisationNotice
from pipeline.frames import MAX_FRAME_BYTES, WHOLE_SOURCE, DeadLetter, Frame, GapNotice
from pipeline.metrics import SOURCE_REORGANISATIONS
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now

PROTOCOL = "evm"
_KEPT_OF_TOO_LARGE = 64 * 1024
_MOST_ORPHANS = 4_096

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class BlockSender:
    """Sends one frame per block, and in between what else is to say of the chain."""

    def __init__(self, outlet: FrameOutlet, *, max_frame: int, protocol: str = PROTOCOL) -> None:
        self._outlet = outlet
        self._protocol = protocol
        self._state = outlet.state
        self._max_frame = min(max_frame, MAX_FRAME_BYTES)
        self._orphans: OrderedDict[BlockHash, None] = OrderedDict()

    async def send(self, block: AssembledBlock, head: Header) -> None:
        """Send the block; waits while the outlet is full."""
        received = now()
        if len(block.payload) > self._max_frame:
            reason = f"the payload has {len(block.payload)} bytes; the limit is {self._max_frame}"
            await self.skip(block.header, head, reason, block.payload)
            return
        position = block.header.position
        if block.header.hash in self._orphans:
            # The chain went back to a branch that had been sent before. Under its old position the
            # bus would take the block for a second copy.
            position = f"{position}:{received}"
        await self._outlet.send(Frame(position, received, block.payload))
        self._follow(block.header, head)

    async def skip(self, header: Header, head: Header, reason: str, payload: bytes = b"") -> None:
        """Put a block that can't be sent into the dead letters, and a gap in its place."""
        received = now()
        self._state.trouble = f"block {header.number} was not taken: {reason}"
        letter = DeadLetter(
            stage="collectors",
            source=self._state.source,
            protocol=self._protocol,
            position=header.position,
            received=received,
            reason=reason,
            payload=payload[:_KEPT_OF_TOO_LARGE],
            truncated=True,
        )
        await self._outlet.dead(letter)
        await self._gap(f"{header.position}:{TOO_LARGE}", reason, header.number)
        self._follow(header, head)

    async def reorganised(self, notice: ReorganisationNotice, head: Header) -> None:
        """Say that what was sent behind the common block is no longer part of the chain."""
        self._state.head = head.position
        # The time makes it unique: the same reorganisation may happen again.
        place = position_of(notice.common.number, notice.common.hash)
        await self._note(f"{place}:reorganised:{now()}", "reorganisation", notice)
        SOURCE_REORGANISATIONS.labels(self._state.source).inc()
        _log.warning(
            "the chain was reorganised",
            source=self._state.source,
            common=place,
            depth_known=notice.depth_known,
            old=position_of(notice.old.number, notice.old.hash),
            new=position_of(notice.new.number, notice.new.hash),
        )
        self.orphaned(BlockHash(one) for one in notice.orphaned)

    async def missing(self, behind: tuple[int, BlockHash], following: Header, reason: str) -> None:
        """Say that blocks between two are not to be had from any endpoint."""
        self._state.trouble = reason
        notice = GapNotice(
            instrument=WHOLE_SOURCE,
            reason=reason,
            expected=behind[0] + 1,
            received=following.number,
        )
        await self._tell_gap(f"{position_of(*behind)}:missing:{now()}", notice)

    async def finality(self, notice: FinalityNotice) -> None:
        """Say which blocks are safe and finalized."""
        place = position_of(notice.newest.number, notice.newest.hash)
        await self._note(f"{place}:finality:{now()}", "finality", notice)

    async def _note(
        self,
        position: str,
        kind: Literal["reorganisation", "finality"],
        notice: ReorganisationNotice | FinalityNotice,
    ) -> None:
        at = now()
        await self._outlet.send(Frame(position, at, msgspec.json.encode(notice), kind=kind))

    def orphaned(self, hashes: Iterable[BlockHash]) -> None:
        """Remember blocks that left the chain, in case that it returns to them."""
        for block_hash in hashes:
            self._orphans[block_hash] = None
            self._orphans.move_to_end(block_hash)
        while len(self._orphans) > _MOST_ORPHANS:
            self._orphans.popitem(last=False)

    async def _gap(self, position: str, reason: str, number: int) -> None:
        notice = GapNotice(
            instrument=WHOLE_SOURCE, reason=reason, expected=number, received=number + 1
        )
        await self._tell_gap(position, notice)

    async def _tell_gap(self, position: str, notice: GapNotice) -> None:
        at = now()
        await self._outlet.send(Frame(position, at, msgspec.json.encode(notice), kind="gap"))
        count_gap(self._state)
        _log.warning("a gap in the chain", source=self._state.source, reason=notice.reason)

    def _follow(self, block: Header, head: Header) -> None:
        state = self._state
        state.position = block.position
        newest = max(head, block, key=lambda one: one.number)
        state.head = newest.position
        set_lag(state, newest.timestamp - block.timestamp)

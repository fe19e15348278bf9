"""From blocks to the outlet: positions, state, metrics, and what is too large to be sent."""

from collections import OrderedDict
from collections.abc import Iterable

import msgspec
import structlog

from collectors.evm.assembly import AssembledBlock
from collectors.evm.blocks import BlockHash, Header, position_of
from pipeline.frames import MAX_FRAME_BYTES, DeadLetter, Frame, GapNotice
from pipeline.metrics import SOURCE_GAPS, SOURCE_LAG
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now

PROTOCOL = "evm"
_KEPT_OF_TOO_LARGE = 64 * 1024
_MOST_ORPHANS = 4_096

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class BlockSender:
    """Sends one frame per block, and gap frames in the places where the chain breaks."""

    def __init__(self, outlet: FrameOutlet, *, max_frame: int) -> None:
        self._outlet = outlet
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
        self._follow(block.header, head, received)

    async def skip(self, header: Header, head: Header, reason: str, payload: bytes = b"") -> None:
        """Put a block that can't be sent into the dead letters, and a gap in its place."""
        received = now()
        self._state.trouble = f"block {header.number} was not taken: {reason}"
        letter = DeadLetter(
            stage="collectors",
            source=self._state.source,
            protocol=PROTOCOL,
            position=header.position,
            received=received,
            reason=reason,
            payload=payload[:_KEPT_OF_TOO_LARGE],
            truncated=True,
        )
        await self._outlet.dead(letter)
        await self._gap(f"{header.position}:too-large", reason, header.number, header.number + 1)
        self._follow(header, head, received)

    async def reorganised(
        self, fork: tuple[int, BlockHash], old: tuple[int, BlockHash], head: Header, reason: str
    ) -> None:
        """Say that what was sent behind ``fork`` is no longer part of the chain."""
        # The time makes it unique: the same reorganisation may happen again.
        position = f"{position_of(*fork)}:reorganised:{now()}"
        self._state.head = head.position
        await self._gap(position, reason, old[0] + 1, fork[0] + 1)

    def orphaned(self, hashes: Iterable[BlockHash]) -> None:
        """Remember blocks that left the chain, in case that it returns to them."""
        for block_hash in hashes:
            self._orphans[block_hash] = None
            self._orphans.move_to_end(block_hash)
        while len(self._orphans) > _MOST_ORPHANS:
            self._orphans.popitem(last=False)

    async def _gap(self, position: str, reason: str, expected: int, received: int) -> None:
        notice = GapNotice(instrument="*", reason=reason, expected=expected, received=received)
        at = now()
        await self._outlet.send(Frame(position, at, msgspec.json.encode(notice), kind="gap"))
        self._state.saw_frame(position, at)
        self._state.gaps += 1
        SOURCE_GAPS.labels(self._state.source).inc()
        _log.warning("a gap in the chain", source=self._state.source, reason=reason)

    def _follow(self, block: Header, head: Header, received: int) -> None:
        state = self._state
        state.saw_frame(block.position, received)
        newest = max(head, block, key=lambda one: one.number)
        state.head = newest.position
        state.lag_seconds = float(max(0, newest.timestamp - block.timestamp))
        SOURCE_LAG.labels(state.source).set(state.lag_seconds)

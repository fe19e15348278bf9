"""Where a run goes on: the newest frame of the last run, and the blocks that it had sent."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from collectors.evm.blocks import BlockHash, read_position
from collectors.solana.branch import SlotBranch
from pipeline.frames import Frame
from pipeline.outlet import SentFrame

#: In the position of what tells that blocks behind it are missing.
MISSING = "missing"


class _Block(Struct):
    block_time: int | None = msgspec.field(name="blockTime", default=None)


class _Payload(Struct):
    """What every payload of a Solana source's frames has of these."""

    chain: str | None = None
    block: _Block | None = None
    timestamp: int | None = None


class Newest(Struct, frozen=True):
    """What the newest frame tells besides its position; None where it doesn't."""

    chain: str | None = None
    timestamp: int | None = None
    """Of the newest block that was sent, in seconds."""


def read_newest(frame: Frame) -> Newest:
    """What a frame tells. One that tells nothing is no error: its position is enough to go on."""
    try:
        payload = msgspec.json.decode(frame.payload, type=_Payload)
    except msgspec.MsgspecError:
        return Newest()
    block = payload.block
    return Newest(payload.chain, payload.timestamp if block is None else block.block_time)


def resume_branch(branch: SlotBranch, sent: Iterable[SentFrame]) -> list[BlockHash]:
    """Put the blocks that were sent on an empty branch; returns those that were orphaned.

    Raises ValueError for a position that is none of this source.
    """
    orphaned: list[BlockHash] = []
    for frame in sent:
        slot, block_hash = read_position(frame.position)
        if frame.kind == "finality":
            continue
        if frame.kind == "reorganisation":
            orphaned += branch.rewind(slot, block_hash)
            continue
        if MISSING in frame.position.split(":")[2:]:
            branch.clear()
            continue
        last = branch.last
        if last is not None and slot <= last[0]:
            branch.clear()  # an earlier run began elsewhere
        branch.add(slot, block_hash)
    return orphaned

"""Where a run goes on: the newest frame of the last run, and the blocks that it had sent."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from collectors.evm.blocks import BlockHash, read_position
from collectors.evm.branch import Branch
from pipeline.frames import Frame
from pipeline.outlet import SentFrame

#: Ends the position of a block that was passed over.
TOO_LARGE = "too-large"
#: What earlier versions had in a reorganisation's position, which was a gap then.
_REORGANISED = "reorganised"


class _Block(Struct, rename="camel"):
    parent_hash: str
    timestamp: str


class _Payload(Struct):
    """What every payload of an EVM source's frames has of these."""

    chain_id: int | None = None
    block: _Block | None = None
    timestamp: int | None = None


class Newest(Struct, frozen=True):
    """What the newest frame tells besides its position; None where it doesn't."""

    chain_id: int | None = None
    parent: BlockHash | None = None
    timestamp: int | None = None
    """Of the newest block that was sent, in seconds."""


def read_newest(frame: Frame) -> Newest:
    """What a frame tells. One that tells nothing is no error: its position is enough to go on."""
    try:
        payload = msgspec.json.decode(frame.payload, type=_Payload)
        block = payload.block
        if block is None:
            return Newest(payload.chain_id, None, payload.timestamp)
        parent = BlockHash(block.parent_hash.lower())
        return Newest(payload.chain_id, parent, int(block.timestamp, 16))
    except (msgspec.MsgspecError, ValueError):
        return Newest()


def resume_branch(branch: Branch, sent: Iterable[SentFrame]) -> list[BlockHash]:
    """Put the blocks that were sent on an empty branch; returns those that were orphaned.

    Raises ValueError for a position that is none of an EVM chain.
    """
    orphaned: list[BlockHash] = []
    for frame in sent:
        number, block_hash = read_position(frame.position)
        if frame.kind == "finality":
            continue
        if frame.kind == "reorganisation" or _REORGANISED in frame.position.split(":")[2:]:
            orphaned += branch.rewind(number, block_hash)
            continue
        if branch.last is not None and branch.last[0] + 1 != number:
            branch.clear()  # an earlier run began elsewhere
        branch.add(number, block_hash)
    return orphaned

"""Finding where the chain parted from what was sent."""

from msgspec import Struct

from collectors.evm.blocks import BlockHash
from collectors.solana.blocks import Commitment, SlotReader
from collectors.solana.branch import BEFORE_GENESIS, SlotBranch

#: Slots below the oldest known block in which another one is looked for.
_BELOW = 1_000


class Fork(Struct, frozen=True):
    """The last block that both branches share. ``known`` is false where it lies deeper than could
    be seen: then it is the newest block below that. ``timestamp`` in seconds; 0 where it has none.
    """

    slot: int
    hash: BlockHash
    known: bool
    timestamp: int


async def find_fork(
    reader: SlotReader, branch: SlotBranch, commitment: Commitment | None = None
) -> Fork:
    """Walk back from the newest block that was sent. Raises EndpointFault.

    Where that one is still part of the chain, it is what is found. A node that has no history that
    old shows no fork: what it lost is taken for unchanged.
    """
    last, oldest = branch.last, branch.oldest
    assert last is not None
    assert oldest is not None
    lost = branch.newest_up_to(await reader.first_available() - 1)
    if lost == last:
        return Fork(*last, known=True, timestamp=0)
    canonical = set(await reader.blocks(oldest[0], last[0]))
    for slot, sent in branch.newest_first():
        if (slot, sent) == lost:
            return Fork(slot, sent, known=False, timestamp=0)
        if slot in canonical:
            header = await reader.header(slot, commitment)
            if header is not None and header.hash == sent:
                return Fork(slot, sent, True, header.timestamp)
    below = await reader.blocks(max(0, oldest[0] - _BELOW), max(0, oldest[0] - 1))
    header = await reader.header(below[-1], commitment) if below else None
    if header is None:
        return Fork(*BEFORE_GENESIS, known=False, timestamp=0)
    return Fork(header.number, header.hash, False, header.timestamp)

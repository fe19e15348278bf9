"""What an EVM collector found out about its chain: payloads of its own frames, as JSON.

A ``reorganisation`` frame stands between the blocks of the branch that was left and those of the
new one. A ``finality`` frame stands behind the newest block that was sent when the node was asked.
"""

from msgspec import Struct

#: Blocks that a reorganisation may have orphaned: how far back a collector may follow one.
MOST_ORPHANED = 100_000


class BlockPlace(Struct, frozen=True):
    """A block by its number and hash."""

    number: int
    hash: str


class ReorganisationNotice(Struct, kw_only=True):
    """The chain left a branch that had been sent.

    All that this source sent before about blocks above ``common`` is orphaned. Only what comes
    after this frame counts for them, also where it says the same as before.
    """

    chain_id: int
    network: str
    common: BlockPlace
    """The last block of both branches."""
    depth_known: bool
    """False where the branches part deeper than could be seen: then ``common`` is the new branch's
    block at the bound."""
    orphaned: list[str]
    """Hashes of the orphaned blocks, oldest first, as far as they are known."""
    old: BlockPlace
    """The newest block that had been sent."""
    new: BlockPlace
    """The head that showed it."""
    timestamp: int
    """Of ``common``, in seconds; of the new head where no block is common."""


class FinalityNotice(Struct, kw_only=True):
    """The node's ``safe`` and ``finalized`` blocks; None where it has no such block."""

    chain_id: int
    network: str
    safe: BlockPlace | None
    finalized: BlockPlace | None
    newest: BlockPlace
    """The newest block that had been sent."""
    timestamp: int
    """Of that block, in seconds."""

"""The newest blocks that were sent, so that a fork shows and where it began is found."""

from collections.abc import Iterable

from collectors.evm.blocks import BlockHash, Header

#: The parent of a cluster's first block.
BEFORE_GENESIS = (-1, BlockHash("1" * 32))


class SlotBranch:
    """Slot and hash of blocks that follow each other, the newest ``most`` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hashes: dict[int, BlockHash] = {}

    @property
    def last(self) -> tuple[int, BlockHash] | None:
        """The newest."""
        return next(reversed(self._hashes.items()), None)

    @property
    def oldest(self) -> tuple[int, BlockHash] | None:
        """The oldest that is still known."""
        return next(iter(self._hashes.items()), None)

    def newest_first(self) -> Iterable[tuple[int, BlockHash]]:
        """All that are known."""
        return reversed(list(self._hashes.items()))

    def add(self, slot: int, block_hash: BlockHash) -> None:
        """A block was sent; another of a lower slot can't follow."""
        last = self.last
        if last is not None and slot <= last[0]:
            raise AssertionError(f"slot {slot} doesn't follow slot {last[0]}")
        self._hashes[slot] = block_hash
        if len(self._hashes) > self._most:
            del self._hashes[next(iter(self._hashes))]

    def above(self, slot: int) -> list[BlockHash]:
        """The hashes above a slot, as far as known, oldest first."""
        return [known for at, known in self._hashes.items() if at > slot]

    def newest_up_to(self, slot: int) -> tuple[int, BlockHash] | None:
        """The newest block at this slot or below."""
        return next((block for block in self.newest_first() if block[0] <= slot), None)

    def rewind(self, slot: int, block_hash: BlockHash) -> list[BlockHash]:
        """Go back to this block; returns the hashes of those behind it, oldest first."""
        orphaned = self.above(slot)
        self._hashes = {at: known for at, known in self._hashes.items() if at < slot}
        self._hashes[slot] = block_hash
        return orphaned

    def clear(self) -> None:
        """Nothing was sent."""
        self._hashes = {}

    def followed_by(self, header: Header, parent_slot: int) -> bool:
        """Whether the block's parent is the last one that was sent."""
        return self.last is None or self.last == (parent_slot, header.parent)

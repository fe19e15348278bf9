"""The newest blocks that were sent, so that a reorganisation shows and its fork point is found."""

from collectors.evm.blocks import BlockHash, Header

#: The parent of a chain's first block, by number and hash.
BEFORE_GENESIS = (-1, BlockHash("0x" + "00" * 32))


class Branch:
    """Number and hash of consecutive blocks, the newest ``most`` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hashes: dict[int, BlockHash] = {}
        self.last: tuple[int, BlockHash] | None = None

    @property
    def oldest(self) -> tuple[int, BlockHash] | None:
        """The oldest block that is still known."""
        return next(iter(self._hashes.items()), None)

    def hash_at(self, number: int) -> BlockHash | None:
        """The hash that was sent for this height; None when it isn't known."""
        return self._hashes.get(number)

    def add(self, number: int, block_hash: BlockHash) -> None:
        """The next block was sent."""
        if self.last is not None and number != self.last[0] + 1:
            raise AssertionError(f"block {number} doesn't follow block {self.last[0]}")
        self._hashes[number] = block_hash
        self.last = (number, block_hash)
        if len(self._hashes) > self._most:
            del self._hashes[next(iter(self._hashes))]

    def add_older(self, block_hash: BlockHash) -> None:
        """The parent of the oldest block that is known."""
        assert self.oldest is not None
        self._hashes = {self.oldest[0] - 1: block_hash, **self._hashes}

    def above(self, number: int) -> list[BlockHash]:
        """The hashes above this height, as far as known, oldest first."""
        return [known for at, known in self._hashes.items() if at > number]

    def rewind(self, number: int, block_hash: BlockHash) -> list[BlockHash]:
        """Go back to this block; returns the hashes of those that were behind it, as far as known,
        oldest first.
        """
        orphaned = self.above(number)
        self._hashes = {at: known for at, known in self._hashes.items() if at < number}
        self._hashes[number] = block_hash
        self.last = (number, block_hash)
        return orphaned

    def clear(self) -> None:
        """Nothing was sent."""
        self._hashes = {}
        self.last = None

    def followed_by(self, header: Header) -> bool:
        """Whether the block's parent is the last one that was sent."""
        return self.last is None or (header.number, header.parent) == (
            self.last[0] + 1,
            self.last[1],
        )

    def contradicted_by(self, head: Header) -> bool:
        """Whether another block was sent for the head's height. A head that is merely behind,
        such as that of a slower node, contradicts nothing.
        """
        return self._hashes.get(head.number, head.hash) != head.hash

"""Where a subgraph's collector stands: blocks whose stretches were sent, newest last.

Each frame's position is ``<number>:<hash>:<seconds>`` of the block up to which it reads; a ``-``
stands for a hash or a time that was not told. A run goes on behind the newest.
"""

from collections.abc import Iterable

from pipeline.outlet import SentFrame
from pipeline.subgraph_payload import SubgraphBlock

_UNKNOWN = "-"


def position_of(block: SubgraphBlock, more: str = "") -> str:
    """The position of a frame that reads up to this block."""
    seconds = _UNKNOWN if block.timestamp is None else str(block.timestamp)
    return f"{block.number}:{block.hash or _UNKNOWN}:{seconds}{':' + more if more else ''}"


def read_position(text: str) -> SubgraphBlock:
    """The block that a position names. Raises ValueError."""
    number, block_hash, seconds, *_ = text.split(":")
    return SubgraphBlock(
        int(number),
        None if block_hash == _UNKNOWN else block_hash,
        None if seconds == _UNKNOWN else int(seconds),
    )


class Cursor:
    """The blocks that were read up to, as far back as a reorganisation is followed."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._blocks: list[SubgraphBlock] = []

    @property
    def last(self) -> SubgraphBlock | None:
        """The newest."""
        return self._blocks[-1] if self._blocks else None

    def add(self, block: SubgraphBlock) -> None:
        """What is up to this block was sent."""
        self._blocks.append(block)
        lowest = block.number - self._depth
        while len(self._blocks) > 1 and self._blocks[1].number <= lowest:
            del self._blocks[0]

    def resume(self, sent: Iterable[SentFrame]) -> None:
        """Take what an earlier run had sent. Raises ValueError for a position of something else."""
        for frame in sent:
            block = read_position(frame.position)
            if frame.kind == "reorganisation":
                self.rewind(block)
            elif frame.kind == "message":
                self.add(block)

    def rewind(self, block: SubgraphBlock) -> list[SubgraphBlock]:
        """Go back to this block; returns those behind it, oldest first."""
        behind = [one for one in self._blocks if one.number > block.number]
        self._blocks = [one for one in self._blocks if one.number < block.number]
        self._blocks.append(block)
        return behind

    def known(self) -> list[SubgraphBlock]:
        """Those of which the hash is known, newest first."""
        return [one for one in reversed(self._blocks) if one.hash is not None]

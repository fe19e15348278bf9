"""A chain on which something happens now and then, for months."""

import heapq
import random
from collections.abc import Iterator

from pipeline.reference_records import ReferenceRecord
from pipeline.units import HOUR, SECOND
from simulation.chain.ledger import BLOCK_SECONDS, Ledger
from simulation.truth import Truth
from simulation.venue.market import MONDAY

_BLOCK = BLOCK_SECONDS * SECOND
Play = Iterator[int]
"""What somebody does: each value is how many nanoseconds until the next act."""


class SparseChain:
    """Blocks at the times at which somebody acts, and none between."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.seed = seed
        self.ledger = Ledger(f"{name}:{seed}")
        self.truth = Truth()
        self.start = self.now = MONDAY + 9 * HOUR
        """Time of the block that is open, in nanoseconds."""
        self.told: list[tuple[int, ReferenceRecord]] = []
        """Reference data that comes in the course of the session, and when."""
        self._plays: list[tuple[int, int, Play]] = []
        self._count = 0

    def fork(self, name: str) -> random.Random:
        """A generator of one's own."""
        return random.Random(f"{self.name}:{self.seed}:{name}")

    def tell(self, record: ReferenceRecord) -> None:
        """Something comes to be known now."""
        self.told.append((self.now, record))

    def begin(self, play: Play, after: int = 0) -> None:
        """Let somebody act, after so many nanoseconds."""
        self._count += 1
        heapq.heappush(self._plays, (self.now + after, self._count, play))

    def run(self, until: int) -> None:
        """Go on until a time."""
        while self._plays and self._plays[0][0] <= until:
            self.now = -(-self._plays[0][0] // _BLOCK) * _BLOCK
            while self._plays and self._plays[0][0] <= self.now:
                _, number, play = heapq.heappop(self._plays)
                wait = next(play, None)
                if wait is not None:
                    heapq.heappush(self._plays, (self.now + max(_BLOCK, wait), number, play))
            if self.ledger.has_transactions:
                self.ledger.close_block(self.now)
        self.now = until

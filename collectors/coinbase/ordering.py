"""Whether a product's messages are complete, and which of them wait for a snapshot. Pure."""

from collections import deque
from typing import Literal, NamedTuple

from pipeline.frames import FrameKind

#: ``next``: the one that was due, or the first ever. ``again``: known already. ``gap``: some are
#: missing before it. ``restart``: the venue began to number anew.
Step = Literal["next", "again", "gap", "restart"]

#: After a reconnection a venue may repeat a little; one that numbers anew begins far below.
LARGEST_OVERLAP = 100_000


class Held(NamedTuple):
    """A frame that waits for the snapshot. A gap notice has the sequence of what is missing."""

    sequence: int
    received: int
    payload: bytes
    kind: FrameKind = "message"


class ProductFeed:
    """The sequence of one product's messages (or the ids of its trades)."""

    def __init__(self, product: str) -> None:
        self.product = product
        #: Newest sequence that was taken, None before the first.
        self.last: int | None = None
        #: Newest sequence that the venue is known to have sent to this connection.
        self.newest = 0
        #: Whether a sequenced message came on this connection.
        self.heard = False
        #: A usable snapshot has at least this sequence, so that nothing is missing behind it.
        self.needed = 0
        #: Sequence of the newest snapshot that was put into the feed, -1 for none.
        self.placed = -1
        #: Frames that wait; None while they go straight on.
        self.held: deque[Held] | None = None
        self.held_bytes = 0
        self._announced = 0

    def begin_connection(self) -> None:
        """A new connection: what the venue sends now may begin anywhere."""
        self.heard = False
        self.newest = 0
        self._announced = 0

    def take(self, sequence: int) -> Step:
        """Note the sequence of the next message and say how it follows the last."""
        last = self.last
        if sequence > self.newest:
            self.newest = sequence
        if last is None or sequence == last + 1:
            if not self.heard:
                self.heard = True
                self.needed = max(self.needed, sequence - 1) if last is not None else sequence - 1
            self.last = sequence
            return "next"
        if sequence <= last:
            if last - sequence < LARGEST_OVERLAP:
                return "again"
            step: Step = "restart"
        else:
            step = "gap"
        self.heard = True
        self.needed = sequence - 1
        self.last = sequence
        return step

    def announce(self, sequence: int) -> bool:
        """A heartbeat says that the venue is at ``sequence``; True when messages got lost.

        A message that a heartbeat knows may still be under way, but not until the next heartbeat.
        """
        last = self.last
        self.newest = max(self.newest, sequence)
        if last is None or sequence <= last:
            self._announced = 0
            return False
        lost = last < self._announced
        self._announced = sequence
        return lost

    def skip_to(self, sequence: int) -> None:
        """Give up on what is missing up to ``sequence``, with that one."""
        self.last = sequence
        self.needed = max(self.needed, sequence)
        self._announced = 0

    def hold(self) -> None:
        """Keep frames back from now on."""
        if self.held is None:
            self.held = deque()
            self.held_bytes = 0
            self.needed = max(self.needed, self.last or 0)

    def keep(self, held: Held) -> None:
        """Keep a frame back."""
        assert self.held is not None
        self.held.append(held)
        self.held_bytes += len(held.payload)

    def drop_first(self) -> None:
        """The first of the held frames was handed on."""
        assert self.held is not None
        self.held_bytes -= len(self.held.popleft().payload)

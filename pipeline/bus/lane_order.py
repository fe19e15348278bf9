"""The order of records that went to several lanes, and how far time came with each.

The normalizer writes a lane's records together, so the stream has no longer their order between
lanes. Behind each such group it therefore writes, for every record in order: which lane has it, and
the time of its source. So a lane takes its records between the same steps of time as a single lane
would, and who reads all lanes has the order of RAW.
"""

from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec import Struct, field

from pipeline.bus.reader import StreamMessage

#: The subject's token of orders.
ORDER = "order"
#: The subject's token of records that concern every lane; each is a message alone.
EVERYBODY = "all"


class Mark(Struct, frozen=True, array_like=True, gc=False):
    """The time that a record brings. Both in nanoseconds since the epoch."""

    source: str
    timestamp: int
    """Event time."""
    ingested: int
    """When a collector received it."""


class LaneOrder(Struct, array_like=True):
    """One entry for every record of a group, in order."""

    subjects: list[str] = field(default_factory=list[str])
    """Tokens of the subjects that entries name by their place here."""
    lanes: bytearray = field(default_factory=bytearray)
    marks: list[Mark] = field(default_factory=list[Mark])

    def add(self, subject: str, mark: Mark) -> None:
        """Note the next record."""
        if subject not in self.subjects:
            self.subjects.append(subject)
        self.lanes.append(self.subjects.index(subject))
        self.marks.append(mark)

    def encode(self) -> bytes:
        """As a message's payload."""
        return msgspec.msgpack.encode(self)


_decode = msgspec.msgpack.Decoder(LaneOrder).decode


class Group(Struct):
    """Messages of EVENTS that are taken together."""

    last: StreamMessage
    """The one that completed the group."""
    steps: list[bytes | Mark]
    """Records, as JSON, and what time other lanes' records bring between them."""
    apart: list[StreamMessage]
    """Messages from elsewhere that came in between, such as dead letters sent again."""


class LaneGroups:
    """Puts the messages that a lane reads back into groups, and each group into order.

    With one lane there are no orders, and every message is a group.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[bytes]] = {}
        self._apart: list[StreamMessage] = []

    @property
    def incomplete(self) -> bool:
        """Whether messages wait for the rest of their group."""
        return bool(self._apart) or any(self._lines.values())

    def take(self, message: StreamMessage) -> Group | None:
        """The group that the message completes, if it does.

        Raises msgspec.MsgspecError for an order that can't be read.
        """
        subject = message.subject
        token = subject.rpartition(".")[2]
        if token == ORDER:
            return self._complete(message)
        if token.isdecimal():
            self._lines.setdefault(token, deque()).extend(message.data.split(b"\n"))
            return None
        if self.incomplete:
            self._apart.append(message)
            return None
        return Group(message, list(message.data.split(b"\n")), [])

    def _complete(self, message: StreamMessage) -> Group:
        order = _decode(message.data)
        queues = [self._lines.get(subject) for subject in order.subjects]
        steps: list[bytes | Mark] = []
        for lane, mark in zip(order.lanes, order.marks, strict=True):
            queue = queues[lane]
            steps.append(queue.popleft() if queue else mark)
        for queue in self._lines.values():
            # None is left but after a start in the middle of a group.
            steps.extend(queue)
        apart, self._apart, self._lines = self._apart, [], {}
        return Group(message, steps, apart)


def in_order(messages: Iterator[StreamMessage]) -> Iterator[bytes]:
    """All records of messages of EVENTS, of one lane or of all that there are, in order."""
    groups = LaneGroups()
    for message in messages:
        group = groups.take(message)
        if group is not None:
            yield from (step for step in group.steps if isinstance(step, bytes))
            for apart in group.apart:
                yield from apart.data.split(b"\n")

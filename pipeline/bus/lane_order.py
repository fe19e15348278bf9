"""The order of records that went to several lanes, and how far time came with each.

The normalizer writes a lane's records together, so the stream has no longer their order between
lanes. Behind each such group it therefore writes, for every record in order: which lane has it, and
the time of its source. So a lane takes its records between the same steps of time as a single lane
would, and who reads all lanes has the order of RAW.
"""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct, field

from pipeline.bus.reader import StreamMessage

#: The subject's token of orders.
ORDER = "order"
#: The subject's token of records that concern every lane; each is a message alone.
EVERYBODY = "all"


def everybody(judge: str) -> str:
    """Where a record goes that concerns every lane, and that rules judge in one of them."""
    return f"{EVERYBODY}:{judge}"


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


T = TypeVar("T")


class Group(Struct, Generic[T]):
    """What is taken together, and at once."""

    message: StreamMessage
    """The one that completed it."""
    steps: list[T | Mark]
    """Records, and what time other lanes' records bring between them."""


class LaneGroups(Generic[T]):
    """Puts the messages that a lane reads back into groups, and each group into order.

    With one lane there are no orders, and every message is a group. Records may be in any form.
    """

    def __init__(self) -> None:
        self._records: dict[str, deque[T]] = {}
        self._apart: list[Group[T]] = []

    @property
    def incomplete(self) -> bool:
        """Whether messages wait for the rest of their group."""
        return bool(self._apart) or any(self._records.values())

    def take(self, message: StreamMessage, records: Sequence[T]) -> list[Group[T]]:
        """What the message completes; nothing where it waits for the rest of its group.

        ``records`` are those of the message; an order has none. What comes from elsewhere within a
        group, such as a dead letter that is sent again, is a group of its own behind it. Raises
        msgspec.MsgspecError for an order that can't be read.
        """
        token = message.subject.rpartition(".")[2]
        if token == ORDER:
            return self._complete(message)
        if token.isdecimal():
            self._records.setdefault(token, deque()).extend(records)
            return []
        group = Group[T](message, list(records))
        if not self.incomplete:
            return [group]
        self._apart.append(group)
        return []

    def rest(self) -> list[T]:
        """What waits for an order that doesn't come, where reading ends within a group."""
        waiting = [record for records in self._records.values() for record in records]
        apart = [step for group in self._apart for step in group.steps]
        self._records, self._apart = {}, []
        return waiting + [step for step in apart if not isinstance(step, Mark)]

    def _complete(self, message: StreamMessage) -> list[Group[T]]:
        order = _decode(message.data)
        queues = [self._records.get(subject) for subject in order.subjects]
        steps: list[T | Mark] = []
        for lane, mark in zip(order.lanes, order.marks, strict=True):
            queue = queues[lane]
            steps.append(queue.popleft() if queue else mark)
        for queue in self._records.values():
            # None is left but after a start in the middle of a group.
            steps.extend(queue)
        apart, self._apart, self._records = self._apart, [], {}
        return [Group(message, steps), *apart]


def is_order(message: StreamMessage) -> bool:
    """Whether a message of EVENTS holds an order, and so no records."""
    return message.subject.rpartition(".")[2] == ORDER

"""Events of social feeds among those of order logs and recordings, each at its time; no bus."""

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.cli.raw_events import RawEvents
from pipeline.event_sources import Batch


class _Time(msgspec.Struct):
    at: int = msgspec.field(name="@timestamp")


_time_of = msgspec.json.Decoder(_Time).decode


class WithSocial:
    """A source of events whose own come as they do, with what was said in public among them.

    What was said is small beside what was traded: it is read first, as a whole.
    """

    unit = "bytes"

    def __init__(self, traded: RawEvents, said: RawEvents) -> None:
        self._traded = traded
        self._said = said
        self.total: int | None = None

    @property
    def name(self) -> str:
        """The files, or how many."""
        return " with ".join(one for one in (self._traded.name, self._said.name) if one)

    @property
    def refused(self) -> int:
        """Lines that were no events; each is told."""
        return self._traded.refused + self._said.refused

    @property
    def notes(self) -> Sequence[str]:
        """What is to be known of what was traded, once it is read."""
        return self._traded.notes

    def batches(self) -> Iterator[Batch]:
        """All events. Raises Failure."""
        told = [(_time_of(line).at, line) for line in self._said.lines()]
        waiting = deque(sorted(told, key=lambda one: one[0]))
        count = done = 0
        for batch in self._traded.batches():
            lines: list[bytes] = []
            for line in batch.lines:
                time = _time_of(line).at
                while waiting and waiting[0][0] <= time:
                    lines.append(waiting.popleft()[1])
                lines.append(line)
            yield Batch(batch.place, count + 1, lines, batch.done)
            count, done = count + len(lines), batch.done
        yield Batch(self._said.name, count + 1, [line for _, line in waiting], done)

    def lines(self) -> Iterator[bytes]:
        """All events, one line each. Raises Failure."""
        for batch in self.batches():
            yield from batch.lines

"""What was alerted live: the alerts in ALERTS that hold, and how far of EVENTS they are."""

from collections.abc import Collection, Iterator
from typing import cast

import msgspec
from msgspec import Struct, field

from detections.replay.span import Span
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.positions import Position, created_at
from pipeline.bus.relay import ORIGIN
from pipeline.event_sources.stream import batches_until


class _Line(Struct):
    """What tells the kinds of records in ALERTS apart, and what an alert is judged by."""

    action: str = field(name="event.action")
    id: str = field(name="event.id")
    timestamp: int = field(name="@timestamp")
    rule: str = field(name="rule.id", default="")
    rule_hash: str = field(name="surveillance.rule.hash", default="")
    about: str = field(name="surveillance.alert.id", default="")
    status: str = field(name="surveillance.alert.status", default="")


_decode = msgspec.json.Decoder(_Line).decode


class LiveAlerts:
    """The live alerts of a span that hold: neither taken back, nor on events of another one; and
    what of the span amends alerts."""

    def __init__(self, span: Span, subjects: Collection[str]) -> None:
        """`subjects`: those of the lanes that are replayed."""
        self._span = span
        self._subjects = subjects
        self.lines: dict[str, bytes] = {}
        """By alert id, as they are on the bus."""
        self.doubtful: set[str] = set()
        """Alerts that were written together with those of messages outside the span: whether they
        are of the span, the replay tells."""
        self.retracted: set[str] = set()
        """Taken back by now; once settled, only those of the span."""
        self.amendments: dict[str, tuple[str, bytes]] = {}
        """By the update's id: the alert that it is about, and its bytes on the bus."""
        self.hashes: dict[str, set[str]] = {}
        """By rule id: the rule's hashes that alerted."""
        self._reached: dict[str, int] = {}

    def take(self, message: StreamMessage) -> None:
        """A message of ALERTS."""
        if message.subject not in self._subjects:
            return
        origin = _origin(message)
        after = self._reached.get(message.subject, 0)
        self._reached[message.subject] = max(after, origin.sequence)
        inside = self._span.covers(after + 1, origin.sequence)
        for line, found in _lines(message.data):
            if found.status == "amended":
                if self._span.may_hold(found.timestamp, inside):
                    self.amendments[found.id] = (found.about, line)
                    self.doubtful |= {found.id} if inside is None else set()
            elif found.action == "alert-update":
                self._update(found)
            elif found.action == "alert" and self._span.may_hold(found.timestamp, inside):
                self.lines[found.id] = line
                self.hashes.setdefault(found.rule, set()).add(found.rule_hash)
                if inside is None:
                    self.doubtful.add(found.id)

    def _update(self, found: _Line) -> None:
        if found.status == "retracted":
            self.retracted.add(found.about)
        else:
            self.retracted.discard(found.about)

    def settle(self, of_others: set[str]) -> None:
        """Leave out what was taken back, and what the replay gave on messages outside the span."""
        self.retracted &= self.lines.keys()
        for alert in self.retracted:
            self.lines.pop(alert)
        for alert in self.doubtful & of_others:
            self.lines.pop(alert, None)


def _lines(data: bytes) -> Iterator[tuple[bytes, _Line]]:
    for line in data.split(b"\n"):
        try:
            yield line, _decode(line)
        except msgspec.MsgspecError:
            continue


def _origin(message: StreamMessage) -> Position:
    headers = message.headers or {}
    return Position.parse(headers[ORIGIN]) if ORIGIN in headers else Position()


async def live_position(bus: Bus, lane: str) -> int:
    """The last message of EVENTS that a lane of the live detections has done with."""
    info = await bus.info(Stream.EVENTS)
    created = created_at(info)
    newest = await bus.writer(Stream.ALERTS, lane).newest()
    headers = cast("dict[str, str]", (newest.headers if newest is not None else None) or {})
    written = Position.parse(headers[ORIGIN]) if ORIGIN in headers else Position()
    saved = await bus.positions.load(lane)
    return max((place.done for place in (written, saved) if place.stream == created), default=0)


async def read_live(bus: Bus, live: LiveAlerts, *, start_time: str | None) -> None:
    """Read ALERTS from a time on, to the end that it has now. Raises Failure where it can't."""
    last = await bus.last_sequence(Stream.ALERTS)
    reader = bus.reader(Stream.ALERTS, after=0, start_time=start_time)
    try:
        async for messages in batches_until(reader, last, lambda expired: None):
            for message in messages:
                live.take(message)
    finally:
        await reader.close()

"""EVENTS as one lane takes them: its own records, in the time that all records bring."""

from collections.abc import Sequence
from types import NoneType
from typing import cast

from detections.engine.engine import Engine
from detections.lanes.event_messages import decode_lines
from detections.lanes.rules_in_force import RULES
from normalizer.events import Alert, Record
from pipeline.bus import Bus, Stream, StreamMessage
from pipeline.bus.lane_order import EVERYBODY, ORDER, LaneGroups, Mark, is_order
from pipeline.bus.relay_outlets import ALONE
from pipeline.frames import DeadLetter


class Taken:
    """What one message of EVENTS, or a group of them, brings to a lane. It doesn't change."""

    __slots__ = ("judged", "kinds", "records", "steps")

    def __init__(self, steps: Sequence[Record | Mark | None], judged: bool) -> None:
        """None among the steps stands for what can't be read."""
        kinds = {step.__class__ for step in steps}
        if NoneType in kinds:
            kinds.remove(NoneType)
            steps = [step for step in steps if step is not None]
        self.steps = cast("Sequence[Record | Mark]", steps)
        self.judged = judged
        """Whether rules judge the records here. What concerns everybody is judged by one lane, and
        only shown to the correlators of the others."""
        self.kinds: frozenset[type] = frozenset(kinds)
        """Classes of the steps: what isn't among them needs no look at each."""
        self.records: Sequence[Record] = (
            [step for step in self.steps if not isinstance(step, Mark)]
            if Mark in kinds
            else cast("Sequence[Record]", steps)
        )
        """The records alone."""

    def show(self, engine: Engine) -> list[Alert]:
        """Let an engine take it."""
        if not self.judged:
            return engine.watch(self.records)
        if Mark not in self.kinds:
            return engine.process(self.records)
        alerts: list[Alert] = []
        run: list[Record] = []
        for step in self.steps:
            if isinstance(step, Mark):
                if run:
                    alerts += engine.process(run)
                    run = []
                alerts += engine.see(step.source, step.timestamp, step.ingested)
            else:
                run.append(step)
        return alerts + engine.process(run)


class LaneEvents:
    """What a lane reads of EVENTS.

    ``lane`` is one of several: the number of its assets' lane, or None for the lane of detections
    that look at more than one asset, which reads all. Without lanes there is one that has all.
    """

    def __init__(
        self, bus: Bus, *, several: bool = False, lane: int | None = None, buries: bool = True
    ) -> None:
        """``buries``: whether it tells what can't be read. Else another lane that reads it does."""
        self._of = (bus, several, lane, buries)
        self._buries = buries
        self._everybody = bus.names.subject(Stream.EVENTS, EVERYBODY)
        self._lane = None if lane is None else str(lane)
        self._groups = LaneGroups[Record | None]()
        self._dead: list[DeadLetter] = []
        self.subjects: Sequence[str] = ()
        """Tokens of what is read; empty for all."""
        if several and lane is not None:
            self.subjects = (str(lane), f"{lane}.>", EVERYBODY, f"{EVERYBODY}.>", ORDER, RULES)

    def anew(self) -> "LaneEvents":
        """Another reading of the same, from a place between two groups."""
        bus, several, lane, buries = self._of
        return LaneEvents(bus, several=several, lane=lane, buries=buries)

    def begin(self) -> None:
        """Reading begins, at a place between two groups."""
        self._groups = LaneGroups[Record | None]()
        self._dead = []

    def take(self, message: StreamMessage) -> list[Taken] | None:
        """What a message brings, together with those that waited; None if it waits as well."""
        records: Sequence[Record | None] = ()
        if not is_order(message):
            records, dead = decode_lines(message)
            if self._buries and self._judges_of(message):
                self._dead += dead
        groups = self._groups.take(message, records)
        return [Taken(group.steps, self._judges_of(group.message)) for group in groups] or None

    def take_dead(self) -> list[DeadLetter]:
        """What could not be read since the last call."""
        dead, self._dead = self._dead, []
        return dead

    def _judges_of(self, message: StreamMessage) -> bool:
        if self._lane is None or not message.subject.startswith(self._everybody):
            return True
        return (message.headers or {}).get(ALONE, "0") == self._lane


def concerns_everybody(message: StreamMessage) -> bool:
    """Whether a message's one record concerns all lanes: reorganisations, finality, gaps of a whole
    source."""
    return message.headers is not None and ALONE in message.headers

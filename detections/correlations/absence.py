"""Absence, an extension of ours: what should have come, and didn't."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from detections.correlations.chains import Entry, Kept
from detections.correlations.closing import Closing, ClosingGroup, Schedule
from detections.correlations.conditions import Condition
from detections.correlations.hits import Hearing, Hit, Limits
from detections.correlations.measures import Measure
from detections.correlations.sources import Key
from detections.correlations.tallies import CountTally, Payload
from detections.correlations.windows import (
    Counts,
    Group,
    Outcome,
    Windows,
    time_of,
)
from detections.rules.model import CorrelationRule

_NOTHING = b""
_SECOND = 2  # the bit of the second rule


def _either(one: Payload, other: Payload) -> Payload:
    return one | other


class Unanswered(Closing):
    """The second rule's event does not follow the first's within a timespan.

    A window opens with an event of the first rule, and is gone with the second's.
    """

    def __init__(
        self,
        rule: CorrelationRule,
        limits: Limits,
        counts: Counts,
        tells: bool,
        schedule: Schedule,
    ) -> None:
        always = Condition(())
        measure = Measure(
            tally=lambda: CountTally(always),
            closing=True,
            merge=_either,
            condition=always,
            counts_events=True,
        )
        super().__init__(rule, measure, limits, counts, tells, schedule)

    def _place(
        self, key: Key, group: ClosingGroup, hit: Hit, payload: Payload, now: int
    ) -> list[Outcome] | None:
        time = hit.timestamp
        if payload & _SECOND:
            if group.windows:
                group.windows = [
                    window
                    for window in group.windows
                    if window.judged or not window.opened <= time <= window.opened + self.span
                ]
            if group.series:
                group.series = [s for s in group.series if not self._is_near(s, time, time)]
            self._forget(group, time, now)
        elif not self._note(group, hit) and not self._is_answered(group, time):
            self._open(key, group, hit, now)
        return None

    def _take(
        self, key: Key, hit: Hit, evidence: Kept, payload: Payload, now: int
    ) -> list[Outcome] | None:
        # Of an answer only the time matters, and there may be very many.
        kept = _NOTHING if payload & _SECOND else evidence
        return super()._take(key, hit, kept, payload, now)

    def _evidence(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if not entry[3] & _SECOND]

    def _is_answered(self, group: ClosingGroup, time: int) -> bool:
        """Whether the second's event has come before this one, though it is later (or the same)."""
        entries = group.entries
        for place in range(bisect_left(entries, time, group.front, key=time_of), len(entries)):
            moment, _, _, payload = entries[place]
            if moment > time + self.span:
                break
            if payload & _SECOND:
                return True
        return False


class SilentGroup(Group, kw_only=True):
    """What is kept of one group: its newest event."""

    last: Hit
    closes: int
    """The time that must be passed without another event."""
    timer: int
    """When the runtime asks next."""


class Heard:
    """The newest event of a group, where it is not a hit yet."""

    __slots__ = ("event", "group", "hearing")

    def __init__(self, group: SilentGroup, event: Any, hearing: Hearing) -> None:
        self.group, self.event, self.hearing = group, event, hearing


class Silence(Windows[SilentGroup]):
    """Nothing comes within a timespan after a group's last event; each event starts it anew."""

    def __init__(
        self,
        rule: CorrelationRule,
        limits: Limits,
        counts: Counts,
        tells: bool,
        schedule: Schedule,
    ) -> None:
        super().__init__(
            rule,
            limits,
            counts,
            keep=2 * rule.correlation.timespan,
            least=0,
            merge=_either,
            tells=tells,
        )
        self._schedule = schedule
        self._heard: dict[Key, Heard] = {}

    def hear(self, hearing: Hearing, event: Any, now: int) -> bool:
        """Take an event that only puts off the end of a group's silence. No hit is made of it: very
        many may come, and only the newest matters.

        False if it is more than that, and must be taken as a hit.
        """
        key = hearing.key(event)
        if key is None:
            return False
        time, before = event.timestamp, self._heard.get(key)
        group = self.groups.get(key) if before is None else before.group
        if group is None or time > group.closes:
            return False
        touched = now if now > time else time
        if touched > group.touched:
            group.touched = touched
        self.uses = group.used = self.uses + 1
        if before is None:
            if time >= group.entries[0][0]:
                group.closes = touched + self.span
                self._heard[key] = Heard(group, event, hearing)
        elif time >= before.event.timestamp:
            group.closes = touched + self.span
            before.event, before.hearing = event, hearing
        return True

    def catch_up(self) -> None:
        for key in list(self._heard):
            self._note(key)

    def _drop(self, key: Key) -> None:
        self._heard.pop(key, None)
        super()._drop(key)

    def _note(self, key: Key) -> None:
        """Make a hit of the newest event that was only heard."""
        heard = self._heard.pop(key, None)
        group = self.groups.get(key)
        if heard is None or group is None:
            return
        hit, payload = heard.hearing.hit(heard.event), group.entries[0][3]
        group.entries[0] = (hit.timestamp, hit.id, hit.evidence, payload)
        group.last = hit

    def _take(
        self, key: Key, hit: Hit, evidence: Kept, payload: Payload, now: int
    ) -> list[Outcome] | None:
        if self._heard:
            self._note(key)
        time = hit.timestamp
        entry: Entry = (time, hit.id, evidence, payload)
        touched = now if now > time else time
        closes = touched + self.span
        group = self.groups.get(key)
        if group is None:
            group = SilentGroup(
                entries=[entry], touched=touched, last=hit, closes=closes, timer=closes
            )
            self._add(key, group, now)
            self.held += 1
            self._schedule(closes, key)
            self._bound(now)
            return None
        if touched > group.touched:
            group.touched = touched
        self.uses = group.used = self.uses + 1
        if time < group.entries[0][0]:
            return None
        # Of a source that is ahead of others: it shows by itself that there was silence before.
        outcome = self._outcome(key, group) if time > group.closes else None
        group.entries[0] = entry
        group.last, group.closes = hit, closes
        return None if outcome is None else [outcome]

    def close(self, key: Key, deadline: int) -> list[Outcome]:
        self._note(key)
        group = self.groups.get(key)
        if group is None or group.timer != deadline:
            return []  # it had to be let go
        if group.closes > deadline:
            group.timer = group.closes
            self._schedule(group.closes, key)
            return []
        self._drop(key)
        return [self._outcome(key, group)]

    def _outcome(self, key: Key, group: SilentGroup) -> Outcome:
        return Outcome(
            key=key,
            timestamp=group.entries[0][0] + self.span,
            completing=group.last,
            entries=list(group.entries),
            count=1,
            value=None,
            events=1,
            alert=1,
        )

    def deadlines(self, group: SilentGroup) -> Iterable[int]:
        return (group.closes,)

    def restore(self, groups: Iterable[tuple[Key, SilentGroup]], uses: int) -> None:
        super().restore(groups, uses)
        self._heard = {}
        for group in self.groups.values():
            group.timer = group.closes  # timers are made anew

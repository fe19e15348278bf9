"""Windows that are judged when they close.

A window opens with a group's first event, and closes a timespan later; the next one opens with the
next event. A window that a late event opens stays open for as long as that event was late, so that
events of a source which is late as a whole find it open. A closed one is kept for a timespan: a
late event in it makes it judged again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field

from detections.correlations.chains import Entry, Kept
from detections.correlations.hits import Hit, Limits
from detections.correlations.measures import Measure
from detections.correlations.series import Series
from detections.correlations.sources import Key
from detections.correlations.tallies import CountTally, Payload, Tally
from detections.correlations.windows import (
    MOST_TOLD,
    Counts,
    Group,
    Outcome,
    Windows,
    time_of,
)
from detections.rules.model import CorrelationRule

#: Tells the runtime when a window will close.
Schedule = Callable[[int, Key], None]


class Window(Struct):
    """From the event that opened it to a timespan later, both included."""

    opened: int
    closes: int
    """The time that must be passed for it to be judged."""
    last: Hit
    """Of its hits, the one that was taken last."""
    judged: bool = False
    true: bool = False
    """What it was judged to be, the last time."""
    lost: int = 0
    """Its hits that had to be let go."""


class ClosingGroup(Group, kw_only=True):
    """What is kept of one group."""

    windows: list[Window] = field(default_factory=list[Window])
    """In the order in which they were opened."""
    series: list[Series] = field(default_factory=list[Series])


class Closing(Windows[ClosingGroup]):
    """A correlation that is judged when a window closes."""

    def __init__(
        self,
        rule: CorrelationRule,
        measure: Measure,
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
            least=measure.least,
            merge=measure.merge,
            tells=tells,
        )
        self._tally = measure.tally
        self._condition = measure.condition
        self._counts_events = measure.counts_events
        self._schedule = schedule

    def _take(
        self, key: Key, hit: Hit, evidence: Kept, payload: Payload, now: int
    ) -> list[Outcome] | None:
        time = hit.timestamp
        touched = now if now > time else time
        group = self.groups.get(key)
        if group is None or self.is_forgotten(group, now):
            group = self._add(key, ClosingGroup(entries=[], touched=touched), now)
        else:
            if touched > group.touched:
                group.touched = touched
            self.uses = group.used = self.uses + 1
        entries = group.entries
        entry = (time, hit.id, evidence, payload)
        if not entries or entries[-1][0] <= time:
            entries.append(entry)
        else:
            entries.insert(bisect_right(entries, time, group.front, key=time_of), entry)
        self.held += 1
        outcomes = self._place(key, group, hit, payload, now)
        if len(entries) > self._most_events or self.held > self._most_held:
            self._evict(group, now)
        return outcomes

    def close(self, key: Key, deadline: int) -> list[Outcome]:
        group = self.groups.get(key)
        if group is None:
            return []  # it had to be let go
        due = [w for w in group.windows if not w.judged and w.closes <= deadline]
        return self._judged(key, group, due, deadline)

    def deadlines(self, group: ClosingGroup) -> Iterable[int]:
        return [window.closes for window in group.windows if not window.judged]

    def _place(
        self, key: Key, group: ClosingGroup, hit: Hit, payload: Payload, now: int
    ) -> list[Outcome] | None:
        """Open a window with a new hit, or note it in those that contain it."""
        windows = self._note(group, hit)
        if not windows:
            self._open(key, group, hit, now)
            return None
        again = [window for window in windows if window.judged]
        return self._judged(key, group, again, now) if again else None

    def _note(self, group: ClosingGroup, hit: Hit) -> list[Window]:
        """The windows that contain the hit; they know it now."""
        time, span = hit.timestamp, self.span
        found = [one for one in group.windows if one.opened <= time <= one.opened + span]
        for window in found:
            window.last = hit
        return found

    def _open(self, key: Key, group: ClosingGroup, hit: Hit, now: int) -> None:
        self._forget(group, hit.timestamp, now)
        window = Window(hit.timestamp, max(now, hit.timestamp) + self.span, hit)
        group.windows.append(window)
        self._schedule(window.closes, key)

    def _judged(
        self, key: Key, group: ClosingGroup, windows: Iterable[Window], now: int
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for window in windows:
            outcomes += self._judge(key, group, window, now)
        return outcomes

    def _judge(self, key: Key, group: ClosingGroup, window: Window, now: int) -> Iterable[Outcome]:
        entries, end = group.entries, window.opened + self.span
        first = bisect_left(entries, window.opened, group.front, key=time_of)
        last = bisect_right(entries, end, group.front, key=time_of)
        window.judged, was_true = True, window.true
        tally = self._measured(entries[first:last], window.lost)
        window.true = last > first and tally.holds(window.opened)
        if last == first:
            return ()  # all of it had to be let go, as was counted
        oldest, newest = entries[first][0], entries[last - 1][0]
        near = [series for series in group.series if self._is_near(series, oldest, newest)]
        if not window.true:
            group.series = [series for series in group.series if series not in near]
            return ()
        series = self._extended(group, near, oldest, newest)
        series.touched = now
        if not was_true:
            series.lost += window.lost
        begin = bisect_left(entries, series.first, group.front, key=time_of)
        until = bisect_right(entries, series.last, group.front, key=time_of)
        rests_on = self._evidence(entries[begin:until])
        series.count = len(rests_on) + series.lost
        alert = series.alert()
        if not alert and not self._tells:
            return ()
        outcome = Outcome(
            key=key,
            timestamp=end,
            completing=window.last,
            entries=rests_on if alert else self._evidence(entries[first:last])[-MOST_TOLD:],
            count=tally.count(),
            value=tally.value(),
            events=series.count,
            alert=series.alerts if alert else 0,
        )
        return (outcome,)

    def _measured(self, entries: Sequence[Entry], lost: int) -> Tally:
        tally = CountTally(self._condition, lost) if self._counts_events else self._tally()
        for time, _, _, payload in entries:
            tally.add(time, payload)
        return tally

    def _evidence(self, entries: list[Entry]) -> list[Entry]:
        """Of a series' entries, those that it rests on."""
        return entries

    # -- series ------------------------------------------------------------------------------------

    def _is_near(self, series: Series, first: int, last: int) -> bool:
        """Whether less than a timespan lies between it and these times."""
        return first - series.last <= self.span and series.first - last <= self.span

    def _may_go_on(self, series: Series, group: ClosingGroup) -> bool:
        """Whether a window that isn't judged yet belongs to it, if it is true.

        Such a window waits for a slower source; what comes meanwhile doesn't end the series.
        """
        return any(
            not window.judged and self._is_near(series, window.opened, window.opened + self.span)
            for window in group.windows
        )

    def _extended(
        self, group: ClosingGroup, near: Sequence[Series], first: int, last: int
    ) -> Series:
        """The series that a true window belongs to."""
        if not near:
            series = Series(first, last, 0, due=0)
            group.series.append(series)
            return series
        series = near[-1]
        series.first, series.last = min(series.first, first), max(series.last, last)
        return series

    # -- letting go --------------------------------------------------------------------------------

    def _forget(self, group: ClosingGroup, time: int, now: int) -> None:
        """Let go of what neither windows nor series need once an event of this time has come."""
        floor = time - self.span
        if group.windows or group.series:
            group.windows = [
                w for w in group.windows if not w.judged or now - w.closes <= self.span
            ]
            newest = time >= group.entries[-1][0]
            group.series = [
                series
                for series in group.series
                if (
                    now - series.touched <= 2 * self.span
                    and not (newest and time - series.last > self.span)
                )
                or self._may_go_on(series, group)
            ]
            begins = [w.opened for w in group.windows] + [s.first for s in group.series]
            floor = min([floor, *begins])
        self._let_go(group, bisect_left(group.entries, floor, group.front, key=time_of))

    def _evict(self, group: ClosingGroup, now: int) -> None:
        """Let the oldest entries of the group go if there are too many; or else other groups."""
        while group.held() > self._most_events:
            time = group.entries[group.front][0]
            for window in group.windows:
                if window.opened <= time <= window.opened + self.span:
                    window.lost += 1
            for series in group.series:
                if series.first <= time <= series.last:
                    series.lost += 1
            self._counts.evict(self._id, "events")
            self._let_go(group, group.front + 1)
        self._bound(now)

"""Windows that slide: at each event, the condition is judged over the timespan that ends with it.

A late event is put at its place, and judged in the windows that contain it: those that end with it
and with each later event within a timespan. It is kept for a timespan from when it came, and as
long as it is, nothing else of its group is let go, so that a source which is late as a whole is
judged as if it were not.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from msgspec import Struct

from detections.correlations.chains import Entry, Kept
from detections.correlations.hits import Hit, Limits
from detections.correlations.measures import Measure
from detections.correlations.order import Ordered
from detections.correlations.series import Series
from detections.correlations.sources import Key
from detections.correlations.tallies import Payload, Tally
from detections.correlations.values import Measured
from detections.correlations.windows import (
    MANY,
    MOST_TOLD,
    Counts,
    Group,
    Outcome,
    Windows,
    time_of,
)
from detections.rules.model import CorrelationRule

_NEVER = -(2**63)
_MOST_PAST = 100


class SlidingGroup(Group, kw_only=True):
    """What is kept of one group. Its window is of the timespan before its newest event."""

    tally: Tally
    """Of the window; not kept up to date where just events are counted."""
    start: int = 0
    """The window's first entry."""
    late_until: int = _NEVER
    """Until this time is reached, nothing is let go for the sake of late events."""
    live: Series | None = None
    """The series that goes on."""
    past: tuple[Series, ...] = ()
    """Series that are over, which a late event may still belong to."""


class Sliding(Windows[SlidingGroup]):
    """A correlation that is judged at each event."""

    def __init__(
        self, rule: CorrelationRule, measure: Measure, limits: Limits, counts: Counts, tells: bool
    ) -> None:
        super().__init__(
            rule,
            limits,
            counts,
            keep=rule.correlation.timespan,
            least=measure.least,
            merge=measure.merge,
            tells=tells,
        )
        self._tally = measure.tally
        self._minimum = measure.condition.minimum if measure.counts_events else None
        self._unused = measure.tally()

    def _take(
        self, key: Key, hit: Hit, evidence: Kept, payload: Payload, now: int
    ) -> list[Outcome] | None:
        time = hit.timestamp
        span = self.span
        group = self.groups.get(key)
        if group is None or now - group.touched > span:
            group = self._add(key, self.new_group(now if now > time else time), now)
            entries = group.entries
        else:
            touched = now if now > time else time
            if touched > group.touched:
                group.touched = touched
            self.uses = group.used = self.uses + 1
            entries = group.entries
            if time < entries[-1][0]:
                return self._take_late(key, group, hit, evidence, payload, now)
        entries.append((time, hit.id, evidence, payload))
        self.held += 1

        floor = time - span
        start = group.start
        minimum = self._minimum
        if minimum is not None:
            while entries[start][0] < floor:
                start += 1
            holds = len(entries) - start >= minimum
        else:
            tally = group.tally
            tally.add(time, payload)
            while entries[start][0] < floor:
                tally.remove(entries[start][3])
                start += 1
            holds = tally.holds(floor)
        group.start = start

        live = group.live
        if live is not None and (not holds or live.last < floor):
            self._end_series(group, live, now)
            live = None
        if start != group.front and live is None and now > group.late_until:
            self.held -= start - group.front
            group.front = start
            if start >= MANY and 2 * start >= len(entries):
                del entries[:start]
                group.start = group.front = 0
        if not holds:
            if len(entries) > self._most_events or self.held > self._most_held:
                self._evict(group, now)
            return None
        return self._hold(key, group, hit, live, now)

    def _hold(
        self, key: Key, group: SlidingGroup, hit: Hit, live: Series | None, now: int
    ) -> list[Outcome] | None:
        """The condition is true at the newest event."""
        entries, time = group.entries, hit.timestamp
        if live is None:
            begin = self._begin(group.tally, entries, group.start, time)
            events = len(entries) - begin
            live = group.live = Series(entries[begin][0], time, events, due=events)
        else:
            live.last = time
            live.count += 1
        live.touched = now
        outcome = None
        alert = live.alert()
        if alert or self._tells:
            counted = self._minimum is not None
            if alert:
                kept = entries[bisect_left(entries, live.first, group.front, key=time_of) :]
            else:
                kept = self._newest(group, time)
            outcome = Outcome(
                key=key,
                timestamp=time,
                completing=hit,
                entries=kept,
                count=len(entries) - group.start if counted else group.tally.count(),
                value=None if counted else group.tally.value(),
                events=live.count,
                alert=live.alerts if alert else 0,
            )
        if len(entries) > self._most_events or self.held > self._most_held:
            self._evict(group, now)
        return None if outcome is None else [outcome]

    def _newest(self, group: SlidingGroup, time: int) -> Sequence[Entry]:
        """The newest entries of what makes the condition true now."""
        entries = group.entries
        first = max(group.start, len(entries) - MOST_TOLD)
        if self._minimum is None:
            since = group.tally.start(time - self.span)
            if since is not None and entries[first][0] < since:
                first = bisect_left(entries, since, first, key=time_of)
        return entries[first:]

    def _begin(self, tally: Tally, entries: Sequence[Entry], start: int, time: int) -> int:
        """The first entry of what makes the condition true, in the window from `start` on."""
        if self._minimum is None:
            since = tally.start(time - self.span)
            if since is not None:
                return bisect_left(entries, since, start, key=time_of)
        return start

    # -- late events -------------------------------------------------------------------------------

    def _take_late(
        self, key: Key, group: SlidingGroup, hit: Hit, evidence: Kept, payload: Payload, now: int
    ) -> list[Outcome] | None:
        """Take a hit that is older than the group's newest."""
        entries, time = group.entries, hit.timestamp
        group.late_until = now + self.span
        del entries[: group.front]
        group.start -= group.front
        group.front = 0
        entries.insert(bisect_right(entries, time, key=time_of), (time, hit.id, evidence, payload))
        self.held += 1
        if time < entries[-1][0] - self.span:
            group.start += 1
        elif self._minimum is None:
            if isinstance(group.tally, Ordered):
                self.measure(group)  # it can't take an event before others
            else:
                group.tally.add(time, payload)
        run = self._first_run(entries, time)
        outcome = None
        if run is not None:
            series = self._join(group, run, time, now)
            series.touched = now
            alert = series.alert()
            if alert or self._tells:
                if alert:
                    first = bisect_left(entries, series.first, key=time_of)
                    kept = entries[first : bisect_right(entries, series.last, key=time_of)]
                else:
                    kept = entries[max(run.begin, run.end - MOST_TOLD) : run.end]
                outcome = Outcome(
                    key=key,
                    timestamp=run.time,
                    completing=hit,
                    entries=kept,
                    count=run.count,
                    value=run.value,
                    events=series.count,
                    alert=series.alerts if alert else 0,
                )
        self._evict(group, now)
        return None if outcome is None else [outcome]

    def measure(self, group: SlidingGroup) -> None:
        """Find the group's window among its entries, and its tally."""
        entries = group.entries
        group.start = bisect_left(entries, entries[-1][0] - self.span, group.front, key=time_of)
        if self._minimum is None:
            group.tally = self._tally()
            for time, _, _, payload in entries[group.start :]:
                group.tally.add(time, payload)

    def new_group(self, touched: int) -> SlidingGroup:
        tally = self._tally() if self._minimum is None else self._unused
        return SlidingGroup(entries=[], touched=touched, tally=tally)

    def _first_run(self, entries: Sequence[Entry], time: int) -> "_Run | None":
        """Of the windows that contain `time`, the first ones in a row that are true."""
        span, tally = self.span, self._tally()
        first = start = bisect_left(entries, time - span, key=time_of)
        run: _Run | None = None
        for place in range(first, len(entries)):
            moment, _, _, payload = entries[place]
            if moment > time + span:
                break
            tally.add(moment, payload)
            following = entries[place + 1][0] if place + 1 < len(entries) else None
            if moment < time or moment == following:
                continue
            while entries[start][0] < moment - span:
                tally.remove(entries[start][3])
                start += 1
            if not tally.holds(moment - span):
                if run is not None:
                    break
            elif run is None:
                begin = self._begin(tally, entries, start, moment)
                run = _Run(moment, begin, place + 1, place + 1, tally.count(), tally.value())
            else:
                run.reach = place + 1
        return run

    def _join(self, group: SlidingGroup, run: "_Run", time: int, now: int) -> Series:
        """The series that the run belongs to, with the late event of this time counted in."""
        entries, live = group.entries, group.live
        first, last = entries[run.begin][0], entries[run.reach - 1][0]
        group.past = self.recent(group, now)
        for series in reversed(group.past if live is None else (*group.past, live)):
            if series.first <= last and first <= series.last:
                if series.first <= time <= series.last:
                    series.count += 1
                if first < series.first:
                    series.count += bisect_left(entries, series.first, key=time_of) - run.begin
                    series.first = first
                if last > series.last:
                    series.count += run.reach - bisect_right(entries, series.last, key=time_of)
                    series.last = last
                break
        else:
            events = run.reach - run.begin
            series = Series(first, last, events, due=events)
            group.past = (*group.past, series)[-_MOST_PAST:]
        if live is None and series.last == entries[-1][0]:
            group.past = tuple(one for one in group.past if one is not series)
            group.live = series
        return series

    # -- letting go --------------------------------------------------------------------------------

    def _end_series(self, group: SlidingGroup, live: Series, now: int) -> None:
        group.past = (*self.recent(group, now), live)[-_MOST_PAST:]
        group.live = None

    def recent(self, group: SlidingGroup, now: int) -> tuple[Series, ...]:
        """The series that are over but still count."""
        return tuple(series for series in group.past if now - series.touched <= self.span)

    def _evict(self, group: SlidingGroup, now: int) -> None:
        """Let the oldest entries of the group go if there are too many; or else other groups."""
        entries = group.entries
        while group.held() > self._most_events:
            if group.front == group.start:
                if self._minimum is None:
                    group.tally.remove(entries[group.start][3])
                group.start += 1
            self._counts.evict(self._id, "events")
            place = group.front + 1
            self._let_go(group, place)
            if not group.front:
                group.start -= place
        self._bound(now)


class _Run(Struct):
    """Windows in a row at which the condition is true."""

    time: int
    """The end of the first."""
    begin: int
    """The first's first entry."""
    end: int
    """The entry after the first's last."""
    reach: int
    """The entry after the last one's last."""
    count: int
    value: Measured | None
    """What was measured in the first."""

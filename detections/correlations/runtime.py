"""Runs the correlations: hits in, firings out, chains of correlations and closing windows between.

Nothing here depends on how hits come in batches, or on how often the time is told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from detections.correlations.absence import Silence, Unanswered
from detections.correlations.closing import Closing, Schedule
from detections.correlations.firings import Speaker
from detections.correlations.hits import Firing, Hearing, Hit, Limits
from detections.correlations.measures import measure_of
from detections.correlations.needs import needs_of
from detections.correlations.sliding import Sliding
from detections.correlations.sources import Key, Source
from detections.correlations.state import Known, known_of, parts_of
from detections.correlations.windows import Counts, Outcome, Windows
from detections.rules.model import CorrelationRule, CorrelationType

_NEVER = -(2**63)
_LIMITS = Limits()
#: Types that count firings of a correlation that they refer to. The others are told at each event
#: at which its condition holds, whether it alerts then or not.
_COUNTING: frozenset[CorrelationType] = frozenset(
    ("event_count", "value_sum", "value_avg", "value_percentile", "value_median")
)


class _Part:
    """One correlation, and what it leads to."""

    __slots__ = ("counting", "leads_to", "order", "rule", "speaker", "tells", "windows")

    def __init__(self, order: int, rule: CorrelationRule, speaker: Speaker) -> None:
        self.order = order
        """Its place among the rules; those that refer to it come later."""
        self.rule = rule
        self.speaker = speaker
        self.counting = rule.correlation.type in _COUNTING
        self.leads_to: list[_Part] = []
        """The correlations that refer to it."""
        self.tells: list[_Part] = []
        """Those of them that are told each time that it holds, not of alerts only."""
        self.windows: Windows[Any]


#: What takes the hits of an event: a part, how it reads its only hit, that hit's place, and those
#: of the others that it takes together with it.
_Plan = list[tuple[_Part, Source, int, tuple[int, ...]]]
#: Events match so many different sets of rules, at the most, that are remembered.
_MOST_PLANS = 10_000


class Correlations:
    """All correlations of a rule set, with their state.

    `titles` are those of the Sigma rules that correlations refer to, for sentences. Raises
    ValueError if a rule refers to a correlation that comes after it, or can't be run.
    """

    def __init__(
        self,
        rules: Sequence[CorrelationRule],
        limits: Limits = _LIMITS,
        *,
        titles: Mapping[str, str] | None = None,
    ) -> None:
        self.needs = needs_of(rules)
        """Sigma rule id to the ECS fields whose values a hit of it must carry."""
        self.late = 0
        """Hits behind the time that was already reached."""
        self.reached = _NEVER
        """The time that is reached: the newest event's, or later."""
        self._counts = Counts()
        self._timers: list[tuple[int, int, Key]] = []
        """Windows to close: when, of which part, of which group."""
        self._parts = self._parts_of(rules, limits, titles or {})
        self._by_id = {part.rule.rule.id: part for part in self._parts}
        self._routes: dict[str, list[tuple[_Part, Source]]] = {}
        for part in self._parts:
            for name, source in part.windows.sources.items():
                self._routes.setdefault(name, []).append((part, source))
        self._silences: dict[str, Silence] = {
            name: windows
            for name, route in self._routes.items()
            if isinstance(windows := route[0][0].windows, Silence)
        }
        self._plans: dict[tuple[str, ...], _Plan] = {}

    @property
    def evictions(self) -> dict[tuple[str, str], int]:
        """By rule id and "groups" or "events": what had to go because there was too much."""
        return self._counts.evictions

    @property
    def left_out(self) -> dict[tuple[str, str], int]:
        """By rule id and field: hits that lack a value for it, and so belong to no group."""
        return self._counts.left_out

    @property
    def judged_by_time(self) -> frozenset[str]:
        """Ids of the rules that hold for what did not come: they are judged when a window ends."""
        return frozenset(
            part.rule.rule.id
            for part in self._parts
            if isinstance(part.windows, (Closing, Silence))
        )

    @property
    def next_deadline(self) -> int | None:
        """`advance` beyond this time closes a window; None while there is none to close."""
        return self._timers[0][0] if self._timers else None

    # -- input -------------------------------------------------------------------------------------

    def observe(self, hits: Sequence[Hit], time: int) -> list[Firing]:
        """Take one event's hits. Returns what fired, in order.

        Event time has come as far as `time`: the event's own, or, where nothing waits for sources
        that are behind, theirs. First, windows are closed whose deadline is before it.
        """
        fired: list[Firing] = []
        timers = self._timers
        if timers and timers[0][0] < time:
            self._close(time, fired)
        if time > self.reached:
            self.reached = time
        if hits[0].timestamp < self.reached:
            self.late += len(hits)
        rules = tuple([hit.rule for hit in hits])
        plan = self._plans.get(rules)
        if plan is None:
            plan = self._plan(rules)
        reached = self.reached
        pending: dict[int, list[Hit]] = {}
        for part, source, first, others in plan:
            chained: list[Hit] | None = None
            if pending:
                self._run(pending, fired, before=part.order)
                chained = pending.pop(part.order, None)
            if chained is not None or others:
                together = [hits[first], *(hits[place] for place in others), *(chained or ())]
                outcomes = part.windows.take_together(together, reached)
            else:
                outcomes = part.windows.take(source, hits[first], reached)
            if outcomes:
                self._tell(part, outcomes, pending, fired)
        if pending:
            self._run(pending, fired)
        return fired

    def _plan(self, rules: tuple[str, ...]) -> _Plan:
        """What takes the hits of an event that matched these rules, in order."""
        places: dict[int, list[int]] = {}
        sources: dict[int, Source] = {}
        for place, rule in enumerate(rules):
            for part, source in self._routes.get(rule, ()):
                places.setdefault(part.order, []).append(place)
                sources[part.order] = source
        plan = [
            (self._parts[n], sources[n], places[n][0], tuple(places[n][1:])) for n in sorted(places)
        ]
        if len(self._plans) < _MOST_PLANS:
            self._plans[rules] = plan
        return plan

    @property
    def heard(self) -> Mapping[str, tuple[str, ...]]:
        """Sigma rules of whose matches only the newest matters, by id: they feed one correlation,
        on silence, whose groups are the values of these fields."""
        found: dict[str, tuple[str, ...]] = {}
        for name, route in self._routes.items():
            (part, source), *others = route
            if others or part.leads_to or not isinstance(part.windows, Silence):
                continue
            fields = [field for _, field in source.fields if field is not None]
            if fields and len(fields) == len(source.fields):
                found[name] = tuple(fields)
        return found

    def hear(self, hearing: Hearing, event: Any, time: int) -> bool:
        """Take an event that matches a rule of `heard`; the rest as in `observe`.

        False if it is more than another sign of life. Then nothing has been done: observe its hit.
        """
        timers, moment = self._timers, event.timestamp
        reached = time if time > self.reached else self.reached
        if (timers and timers[0][0] < time) or moment < reached:
            return False
        windows = self._silences.get(hearing.rule)
        if windows is None or not windows.hear(hearing, event, reached):
            return False
        self.reached = reached
        return True

    def advance(self, time: int) -> list[Firing]:
        """Event time has come this far. Closes windows whose deadline is before `time`."""
        fired: list[Firing] = []
        self._close(time, fired)
        self.reached = max(self.reached, time)
        return fired

    def _close(self, time: int, fired: list[Firing]) -> None:
        timers = self._timers
        while timers and timers[0][0] < time:
            deadline, order, key = heappop(timers)
            self.reached = max(self.reached, deadline)
            part = self._parts[order]
            pending: dict[int, list[Hit]] = {}
            self._tell(part, part.windows.close(key, deadline), pending, fired)
            self._run(pending, fired)

    def _run(
        self, pending: dict[int, list[Hit]], fired: list[Firing], *, before: int | None = None
    ) -> None:
        """Take firings as hits, by the order of the parts that they are for, and what follows.

        With `before`, only those for parts that come before that one.
        """
        while pending:
            order = min(pending)
            if before is not None and order >= before:
                return
            part, hits = self._parts[order], pending.pop(order)
            if len(hits) == 1:
                source = part.windows.sources[hits[0].rule]
                outcomes = part.windows.take(source, hits[0], self.reached)
            else:
                outcomes = part.windows.take_together(hits, self.reached)
            if outcomes:
                self._tell(part, outcomes, pending, fired)

    def _tell(
        self,
        part: _Part,
        outcomes: Iterable[Outcome],
        pending: dict[int, list[Hit]],
        fired: list[Firing],
    ) -> None:
        """Hand on what holds: as a firing, and as a hit to the correlations that refer to it."""
        for outcome in outcomes:
            if outcome.alert and not part.rule.silent:
                fired.append(part.speaker.firing(outcome))
            leads_to = part.leads_to if outcome.alert else part.tells
            if leads_to:
                hit = part.speaker.hit(outcome)
                for above in leads_to:
                    waiting = pending.get(above.order)
                    if waiting is None:
                        pending[above.order] = [hit]
                    else:
                        waiting.append(hit)

    # -- state -------------------------------------------------------------------------------------

    def parts_of(self, rule: str) -> Iterator[bytes]:
        """What a correlation knows (`rule` is its id): the same state gives the same bytes."""
        return parts_of(self._part_of(rule).windows, self._counts, self.reached)

    def read(self, rule: str, parts: Iterable[bytes]) -> Known:
        """What a correlation knew, from its parts. Raises SnapshotError if it can't be read."""
        return known_of(self._part_of(rule).windows, parts)

    def known(self, rule: str) -> Known:
        """What a correlation knows, for another engine's to go on with. It is that one's then."""
        windows = self._part_of(rule).windows
        windows.catch_up()
        return Known(
            groups=list(windows.groups.items()),
            uses=windows.uses,
            evictions={what: n for (id_, what), n in self.evictions.items() if id_ == rule},
            left_out={field: n for (id_, field), n in self.left_out.items() if id_ == rule},
        )

    def take(self, known: Mapping[str, Known]) -> None:
        """Let correlations, by id, go on with this instead of what they know."""
        if not known:
            return
        orders = {self._part_of(rule).order for rule in known}
        self._timers = [timer for timer in self._timers if timer[1] not in orders]
        for rule, one in known.items():
            part = self._part_of(rule)
            part.windows.restore(one.groups, one.uses)
            for key, group in one.groups:
                for deadline in part.windows.deadlines(group):
                    self._timers.append((deadline, part.order, key))
            self._counts.set(rule, one.evictions, one.left_out)
        heapify(self._timers)

    def _part_of(self, rule: str) -> _Part:
        return self._by_id[rule]

    # -- set-up ------------------------------------------------------------------------------------

    def _parts_of(
        self, rules: Sequence[CorrelationRule], limits: Limits, titles: Mapping[str, str]
    ) -> list[_Part]:
        titles = {**titles, **{one.rule.id: one.rule.title for one in rules}}
        correlations = {rule.rule.id for rule in rules}
        parts: list[_Part] = []
        for order, rule in enumerate(rules):
            chained = not correlations.isdisjoint(rule.correlation.rules)
            speaker = Speaker(rule, titles, limits.most_events, chained=chained)
            parts.append(_Part(order, rule, speaker))
        part_of = {part.rule.rule.id: part for part in parts}
        for part in parts:
            for name in dict.fromkeys(part.rule.correlation.rules):
                lower = part_of.get(name)
                if lower is not None:
                    if lower.order >= part.order:
                        raise ValueError(
                            f"correlation {part.rule.rule.id} comes before {name}, which it "
                            "refers to"
                        )
                    lower.leads_to.append(part)
                    if not part.counting:
                        lower.tells.append(part)
        for part in parts:
            part.windows = self._windows_of(part, limits)
        return parts

    def _windows_of(self, part: _Part, limits: Limits) -> Windows[Any]:
        rule, counts, schedule = part.rule, self._counts, self._schedule_of(part)
        tells = bool(part.tells)
        if rule.correlation.type == "absence":
            if len(rule.correlation.rules) > 2:
                raise ValueError(f"correlation {rule.rule.id}: absence is of one rule or two")
            kind = Silence if len(rule.correlation.rules) == 1 else Unanswered
            return kind(rule, limits, counts, tells, schedule)
        measure = measure_of(rule.correlation)
        if measure.closing:
            return Closing(rule, measure, limits, counts, tells, schedule)
        return Sliding(rule, measure, limits, counts, tells)

    def _schedule_of(self, part: _Part) -> Schedule:
        def schedule(deadline: int, key: Key) -> None:
            heappush(self._timers, (deadline, part.order, key))

        return schedule

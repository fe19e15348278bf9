"""What correlations mean, written so that it is plainly right: slow, and without any cleverness.

Everything is kept and everything is counted again at each event. Events come in the order of time.
"""

import math
import operator
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

import msgspec

from detections.correlations.hits import Firing
from detections.rules.model import Correlation, Expression, Junction, Negation, Reference
from detections.sigma.numbers import as_number

COMPARE = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


class Event(NamedTuple):
    """An event with the rules that it matched. It has one group, and values for all of them."""

    time: int
    id: str
    rules: frozenset[str]
    group: str
    value: Any = None


class Found(NamedTuple):
    """What is compared of a firing."""

    timestamp: int
    group: str
    completing: str
    evidence: tuple[str, ...]
    count: int
    value: float | None
    events: int
    alert: int


def found(firing: Firing) -> Found:
    return Found(
        firing.timestamp,
        firing.group["group"],
        firing.completing.id,
        tuple(str(id, "utf-8") for id in firing.evidence),
        int(firing.metrics["count"]),
        firing.metrics.get("value"),
        int(firing.metrics["events"]),
        int(firing.metrics["alert_of_series"]),
    )


class Judged(NamedTuple):
    """A window: whether its condition is true, its numbers, and what of it counts as evidence."""

    true: bool
    count: int
    value: float | None
    events: list[Event]


def judge(correlation: Correlation, window: list[Event]) -> Judged:
    """Whether the condition is true of a window, in which there is an event at least."""
    kind = correlation.type
    if kind == "event_count":
        return _counted(correlation, len(window), window)
    if kind == "value_count":
        return _counted(correlation, len({str(event.value) for event in window}), window)
    if kind == "temporal":
        rules = {rule for event in window for rule in event.rules}
        if correlation.expression is not None:
            return Judged(holds(correlation.expression, rules), len(rules), None, window)
        if correlation.comparisons:
            return _counted(correlation, len(rules), window)
        return Judged(rules >= set(correlation.rules), len(rules), None, window)
    if kind == "temporal_ordered":
        return _ordered(correlation, window)
    return _measured(correlation, window)


def _counted(correlation: Correlation, count: int, window: list[Event]) -> Judged:
    true = all(COMPARE[c.operator](count, c.number) for c in correlation.comparisons)
    return Judged(true, count, None, window)


def holds(expression: Expression, rules: set[str]) -> bool:
    match expression:
        case Reference(rule):
            return rule in rules
        case Negation(part):
            return not holds(part, rules)
        case Junction("and", parts):
            return all(holds(part, rules) for part in parts)
        case Junction(_, parts):
            return any(holds(part, rules) for part in parts)


def _measured(correlation: Correlation, window: list[Event]) -> Judged:
    numbers = [as_number(event.value) for event in window]
    rounded = any(isinstance(number, float) for number in numbers)
    exact = sorted(
        (Fraction(number), isinstance(number, float)) for number in numbers if number is not None
    )
    if correlation.type == "value_sum":
        value = sum((number for number, _ in exact), Fraction())
    elif correlation.type == "value_avg":
        value = sum((number for number, _ in exact), Fraction()) / len(exact)
    else:
        percentile = 50 if correlation.type == "value_median" else correlation.percentile
        place = Fraction(str(percentile)) / 100 * (len(exact) - 1)
        (low, low_rounded), (high, high_rounded) = exact[math.floor(place)], exact[math.ceil(place)]
        value = low + (high - low) * (place - math.floor(place))
        rounded = low_rounded or high_rounded
    measured = float(value) if rounded else value
    true = all(
        COMPARE[c.operator](measured, c.number if rounded else Fraction(repr(c.number)))
        for c in correlation.comparisons
    )
    return Judged(true, len(window), float(value), window)


def _ordered(correlation: Correlation, window: list[Event]) -> Judged:
    """Try all ways to put events of the window behind each other."""
    rules, expression = correlation.rules, correlation.expression
    choices: list[tuple[str, ...]] = [rules]
    if expression is not None or correlation.comparisons:
        choices = [choice for n in range(1, len(rules) + 1) for choice in combinations(rules, n)]
    if expression is not None:
        choices = [choice for choice in choices if holds(expression, set(choice))]
        choices = [c for c in choices if not any(set(other) < set(c) for other in choices)]
    began = {
        choice: max(starts) for choice in choices if (starts := list(_chains(choice, window, None)))
    }
    if expression is not None:
        start, count = max(((start, len(c)) for c, start in began.items()), default=(0, 0))
    else:
        count = max(map(len, began), default=0)
        start = max((start for c, start in began.items() if len(c) == count), default=0)
    true = bool(began)
    if correlation.comparisons:
        true = all(COMPARE[c.operator](count, c.number) for c in correlation.comparisons)
    return Judged(true, count, None, [event for event in window if event.time >= start])


def _chains(rules: Sequence[str], window: list[Event], after: Event | None) -> Iterator[int]:
    """When chains of events begin that match the rules in their order."""
    if not rules:
        return
    for event in window:
        if rules[0] in event.rules and (after is None or event.time >= after.time):
            others = [other for other in window if other is not event]
            if len(rules) == 1 or list(_chains(rules[1:], others, event)):
                yield event.time


class Series(msgspec.Struct):
    events: list[Event]
    due: int = 0
    alerts: int = 0

    def alert(self) -> bool:
        if len(self.events) < self.due:
            return False
        self.alerts += 1
        self.due = 2 * len(self.events)
        return True


def sliding(correlation: Correlation, events: Sequence[Event]) -> Iterator[Found]:
    """Judged at each event, over the timespan that ends with it."""
    for _, of_group in _by_group(events):
        series: Series | None = None
        for place, event in enumerate(of_group):
            so_far = of_group[: place + 1]
            window = [one for one in so_far if event.time - one.time <= correlation.timespan]
            judged = judge(correlation, window)
            if series and event.time - series.events[-1].time > correlation.timespan:
                series = None
            if not judged.true:
                series = None
                continue
            if series is None:
                series = Series(list(judged.events))
            else:
                series.events.append(event)
            if series.alert():
                yield _found(event.time, event, judged, series)


def closing(correlation: Correlation, events: Sequence[Event]) -> Iterator[Found]:
    """Judged when the window closes that a group's first event opened."""
    for _, of_group in _by_group(events):
        series: Series | None = None
        for window in _windows(correlation, of_group):
            judged = judge(correlation, window)
            if series and window[0].time - series.events[-1].time > correlation.timespan:
                series = None
            if not judged.true:
                series = None
                continue
            if series is None:
                series = Series([])
            series.events += window
            if series.alert():
                end = window[0].time + correlation.timespan
                yield _found(end, window[-1], judged, series)


def _windows(correlation: Correlation, events: Sequence[Event]) -> Iterator[list[Event]]:
    window: list[Event] = []
    for event in events:
        if window and event.time > window[0].time + correlation.timespan:
            yield window
            window = []
        window.append(event)
    if window:
        yield window


def unanswered(correlation: Correlation, events: Sequence[Event]) -> Iterator[Found]:
    """No event of the second rule comes within a timespan of one of the first."""
    _, second = correlation.rules
    for _, of_group in _by_group(events):
        series: Series | None = None
        place = 0
        while place < len(of_group):
            event = of_group[place]
            end = event.time + correlation.timespan
            within = [one for one in of_group if event.time <= one.time <= end]
            answers = [one.time for one in within if second in one.rules]
            if second in event.rules or answers:
                place += 1
                continue
            window = [one for one in of_group[place:] if one.time <= end]
            last = series.events[-1].time if series else 0
            answered = any(second in one.rules and one.time >= last for one in of_group[:place])
            if series and (answered or event.time - last > correlation.timespan):
                series = None
            series = series or Series([])
            series.events += window
            if series.alert():
                judged = Judged(True, len(window), None, window)
                yield _found(end, window[-1], judged, series)
            place += len(window)


def silence(correlation: Correlation, events: Sequence[Event]) -> Iterator[Found]:
    """Nothing within a timespan of a group's event."""
    for _, of_group in _by_group(events):
        for place, event in enumerate(of_group):
            following = of_group[place + 1] if place + 1 < len(of_group) else None
            if following is None or following.time - event.time > correlation.timespan:
                end = event.time + correlation.timespan
                yield Found(end, event.group, event.id, (event.id,), 1, None, 1, 1)


def _by_group(events: Sequence[Event]) -> Iterator[tuple[str, list[Event]]]:
    for name in sorted({event.group for event in events}):
        yield name, [event for event in events if event.group == name]


def _found(timestamp: int, completing: Event, judged: Judged, series: Series) -> Found:
    return Found(
        timestamp,
        completing.group,
        completing.id,
        tuple(event.id for event in series.events),
        judged.count,
        judged.value,
        len(series.events),
        series.alerts,
    )

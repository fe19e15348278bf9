"""The same events in other orders and batches, which must give the same alerts.

Within the allowed lateness the order of arrival makes no difference, nor does an event that comes
twice, nor how many come together: a rule that sees one is not fit for live streams.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, cast

import msgspec
from msgspec import Struct

from detections.engine.engine import Engine
from detections.rule_testing.model import Replay, ReplayDifference, RuleTest, Sample
from detections.rules.loading import RuleSet
from normalizer.events import Alert

#: Seeds that give different orders even of three events.
SHUFFLED = (
    Replay(way="reversed", batch=1),
    Replay(way="shuffled", batch=1, seed=1),
    Replay(way="shuffled", batch=7, seed=7),
    Replay(way="shuffled", batch=1_000, seed=13),
    Replay(way="twice", batch=3, seed=4),
)
BATCHES = (Replay(way="batches", batch=1), Replay(way="batches", batch=3))
_encode = msgspec.json.Encoder().encode


class Run(Struct, frozen=True, kw_only=True):
    """What one way of coming gave."""

    alerts: tuple[Alert, ...]
    failed: tuple[str, ...]
    covered: frozenset[str]
    """Ids of the exceptions that covered an alert."""


def first_run(test: RuleTest, rules: RuleSet) -> Run:
    """The events as the test has them, all at once."""
    return _run(test, rules, test.samples, test.allowed_lateness, max(1, len(test.samples)))


def replays(test: RuleTest) -> Iterator[Replay]:
    """The other ways that make sense for a test."""
    if len(test.samples) > 1:
        yield from (one for one in BATCHES if one.batch < len(test.samples))
    if not _some_are_late(test):
        few = len(test.samples) == 1
        yield from (one for one in SHUFFLED if not few or one.way == "twice")


def replay(test: RuleTest, rules: RuleSet, way: Replay, first: Run) -> ReplayDifference | None:
    """What is different when the events come this way."""
    samples = _order(test.samples, way)
    in_turn = way.way == "batches"
    lateness = test.allowed_lateness if in_turn else max(_span(test) + 1, test.allowed_lateness)
    run = _run(test, rules, samples, lateness, way.batch)
    if in_turn and _lines(run.alerts) == _lines(first.alerts) and run.failed == first.failed:
        return None
    missing, added = _less(first.alerts, run.alerts), _less(run.alerts, first.alerts)
    failed = tuple((Counter(run.failed) - Counter(first.failed)).elements())
    if not (missing or added or failed) and not in_turn:
        return None
    return ReplayDifference(
        replay=way,
        order=tuple(sample.id for sample in samples),
        missing=missing,
        added=added,
        failed=failed,
    )


def _run(
    test: RuleTest, rules: RuleSet, samples: Sequence[Sample], lateness: int, batch: int
) -> Run:
    engine = Engine(rules, allowed_lateness=lateness)
    alerts: list[Alert] = []
    for first in range(0, len(samples), batch):
        alerts += _deliver(engine, samples[first : first + batch])
    if test.until is not None:
        alerts += engine.advance(test.until)
    alerts += engine.finish()
    return Run(
        alerts=tuple(alert for alert in alerts if alert.rule_id in test.about),
        failed=tuple(engine.take_problems()),
        covered=frozenset(name for name, count in engine.exceptions.counts.items() if count),
    )


def _deliver(engine: Engine, samples: Sequence[Sample]) -> list[Alert]:
    alerts: list[Alert] = []
    for plain, group in groupby(samples, lambda sample: isinstance(sample.event, dict)):
        events = cast("list[Any]", [sample.event for sample in group])
        alerts += engine.process_documents(events) if plain else engine.process(events)
    return alerts


def _order(samples: Sequence[Sample], way: Replay) -> list[Sample]:
    order = [*samples, *samples] if way.way == "twice" else [*samples]
    if way.way == "reversed":
        order.reverse()
    if way.seed is not None:
        random.Random(way.seed).shuffle(order)  # noqa: S311 - the same for everybody
    return order


def _span(test: RuleTest) -> int:
    """From the first to the last event, in nanoseconds."""
    times = [sample.timestamp for sample in test.samples]
    return max(times) - min(times)


def _some_are_late(test: RuleTest) -> bool:
    """Whether the test is about events that come later than allowed: their order is the point."""
    newest = 0
    for sample in test.samples:
        if sample.timestamp < newest - test.allowed_lateness:
            return True
        newest = max(newest, sample.timestamp)
    return False


def _lines(alerts: Sequence[Alert]) -> list[bytes]:
    return [_encode(alert) for alert in alerts]


def _less(alerts: Sequence[Alert], others: Sequence[Alert]) -> tuple[Alert, ...]:
    """Alerts without those that are the same, byte by byte, among the others."""
    left = Counter(_lines(others))
    found: list[Alert] = []
    for alert in alerts:
        line = _encode(alert)
        if left[line]:
            left[line] -= 1
        else:
            found.append(alert)
    return tuple(found)

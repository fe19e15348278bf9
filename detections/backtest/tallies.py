"""Alerts as they come, counted: for one form of a rule, without keeping them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from detections.backtest.buckets import Histogram
from detections.backtest.labels import Labels
from detections.backtest.result import Count, Example, Score
from normalizer.events import Alert, AlertUpdate
from normalizer.events.ecs import rfc3339

EXAMPLES = 5
_EXAMPLE_EVENTS = 20
#: Names that are counted one by one, for each rule; alerts about others still count.
MOST_ENTITIES = 100_000
LATE = "late"


def example(alert: Alert, right: bool | None = None) -> Example:
    """What is shown of an alert."""
    return Example(
        time=time_text(alert.timestamp),
        level=alert.level,
        reason=alert.reason,
        entities=alert.entities,
        events=alert.evidence_events[-_EXAMPLE_EVENTS:],
        right=right,
    )


def time_text(nanoseconds: int) -> str:
    """RFC 3339; of a time that it can't write, the number."""
    try:
        return rfc3339(nanoseconds)
    except OverflowError:
        return str(nanoseconds)


class Tally:
    """What one form of a rule gave."""

    def __init__(self) -> None:
        self.alerts = 0
        self.late = 0
        self.first: int | None = None
        self.last: int | None = None
        self.histogram = Histogram()
        self.entities: Counter[str] = Counter()
        self.examples: list[Example] = []
        self._shown: dict[str, int] = {}
        """Places among the examples, by alert id."""
        self.right = 0
        self.wrong = 0
        self.amended: set[str] = set()
        """Ids of alerts that rest on trades which a venue took back or corrected."""
        self.labels: set[int] = set()
        """Places of labels that an alert belongs to."""

    def add(self, alert: Alert, matching: Sequence[int], labels: Labels | None) -> None:
        """Count an alert, which belongs to these labels."""
        time = alert.timestamp
        self.alerts += 1
        self.late += LATE in alert.tags
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)
        self.histogram.add(time)
        entities = self.entities
        for entity in alert.entities:
            if entity in entities or len(entities) < MOST_ENTITIES:
                entities[entity] += 1
        right: bool | None = None
        if labels is not None and matching:
            right = any(labels.used[at].right for at in matching)
            self.right += right
            self.wrong += not right
            self.labels.update(matching)
        if len(self.examples) < EXAMPLES:
            self._shown[alert.id] = len(self.examples)
            self.examples.append(example(alert, right))

    def amend(self, update: AlertUpdate) -> None:
        """A trade that an alert rests on was taken back or corrected."""
        self.amended.add(update.alert_id)
        place = self._shown.get(update.alert_id)
        if place is not None:
            self.examples[place] = replace(self.examples[place], amended=update.reason)


def top(entities: Counter[str], most: int) -> tuple[Count, ...]:
    """The most frequent ones; of equal counts by name."""
    ordered = sorted(entities.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Count(name, count) for name, count in ordered[:most])


def score_of(
    tallies: Iterable[Tally], labels: Labels, about: Iterable[int], *, closed: bool
) -> Score:
    """The score of some rules, held against the labels (by place) that are about them."""
    alerts = right = wrong = 0
    reached: set[int] = set()
    for tally in tallies:
        alerts += tally.alerts
        right += tally.right
        wrong += tally.wrong
        reached |= tally.labels
    expected = {at for at in about if labels.used[at].right}
    unlabelled = alerts - right - wrong
    if closed:
        wrong, unlabelled = wrong + unlabelled, 0
    found = len(expected & reached)
    precision = right / (right + wrong) if right + wrong else None
    recall = found / len(expected) if expected else None
    return Score(
        right=right,
        wrong=wrong,
        unlabelled=unlabelled,
        expected=len(expected),
        found=found,
        precision=precision,
        recall=recall,
        f1=_harmonic_mean(precision, recall),
    )


def _harmonic_mean(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0

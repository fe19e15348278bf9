"""What a correlation hands on: firings to the engine, hits to other correlations."""

from collections.abc import Mapping, Sequence
from typing import cast

from detections.correlations.hits import Firing, Hit
from detections.correlations.sentences import sentence_of
from detections.correlations.values import as_float
from detections.correlations.windows import ChainedHit, Entry, Happening, Outcome
from detections.rules.model import CorrelationRule

#: A firing hands on so many of its newest events to correlations that refer to its rule.
_MOST_HANDED_ON = 1_000


class Speaker:
    """Makes the firings of one correlation, and its hits for others."""

    def __init__(
        self,
        rule: CorrelationRule,
        titles: Mapping[str, str],
        most_events: int,
        *,
        may_be_chained: bool,
    ) -> None:
        """`may_be_chained`: whether the rule refers to correlations."""
        self._may_be_chained = may_be_chained
        self._id = rule.rule.id
        self._names = rule.correlation.group_by
        self._sentence = sentence_of(rule, titles)
        self._most_events = most_events

    def firing(self, outcome: Outcome) -> Firing:
        chained = self._may_be_chained and any(
            isinstance(entry[2], tuple) for entry in outcome.entries
        )
        found = happenings(outcome.entries, chained=chained)
        lasted = found[-1][0] - found[0][0]
        events = len(found) if chained else outcome.events
        metrics: dict[str, float] = {"count": outcome.count}
        if outcome.value is not None:
            metrics["value"] = as_float(outcome.value)
        metrics["events"] = events
        metrics["span_seconds"] = lasted / 1e9
        metrics["alert_of_series"] = outcome.alert
        return Firing(
            rule=self._id,
            timestamp=outcome.timestamp,
            group=dict(zip(self._names, outcome.key, strict=True)),
            completing=_origin(outcome.completing),
            evidence=tuple((one[1], one[2]) for one in found[-self._most_events :]),
            metrics=metrics,
            sentence=self._sentence(outcome, lasted),
        )

    def hit(self, outcome: Outcome) -> ChainedHit:
        """The firing as a hit, with the values of its completing event and its group."""
        completing = outcome.completing
        return ChainedHit(
            rule=self._id,
            id=completing.id,
            timestamp=outcome.timestamp,
            values={**completing.values, **dict(zip(self._names, outcome.key, strict=True))},
            evidence=completing.evidence,
            event=completing.event,
            origin=_origin(completing),
            happenings=tuple(
                happenings(outcome.entries[-_MOST_HANDED_ON:], chained=self._may_be_chained)[
                    -_MOST_HANDED_ON:
                ]
            ),
        )


def happenings(entries: Sequence[Entry], *, chained: bool) -> Sequence[Happening]:
    """The events that entries rest on, each once, by time.

    `chained`: whether firings are among them; else each is an event, which is there once.
    """
    if not chained:
        return cast("Sequence[Happening]", entries)
    found: dict[str, Happening] = {}
    for time, id_, kept, _ in entries:
        one: tuple[Happening, ...] = kept if isinstance(kept, tuple) else ((time, id_, kept),)
        for happening in one:
            found.setdefault(happening[1], happening)
    return sorted(found.values(), key=_time)


def _time(happening: Happening) -> int:
    return happening[0]


def _origin(hit: Hit) -> Hit:
    return hit.origin if isinstance(hit, ChainedHit) else hit

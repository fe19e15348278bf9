"""What a correlation hands on: firings to the engine, hits to other correlations."""

from collections.abc import Mapping, Sequence
from typing import cast

from detections.correlations.chains import MOST_HANDED_ON, Chain, Happening, happenings
from detections.correlations.hits import Firing, Hit
from detections.correlations.sentences import sentence_of
from detections.correlations.values import as_float
from detections.correlations.windows import ChainedHit, Outcome
from detections.rules.model import CorrelationRule


class Speaker:
    """Makes the firings of one correlation, and its hits for others."""

    def __init__(
        self, rule: CorrelationRule, titles: Mapping[str, str], most_events: int, *, chained: bool
    ) -> None:
        """`chained`: whether it refers to other correlations."""
        self._chained = chained
        self._id = rule.rule.id
        self._names = rule.correlation.group_by
        self._sentence = sentence_of(rule, titles)
        self._most_events = most_events

    def firing(self, outcome: Outcome) -> Firing:
        found, events = cast("Sequence[Happening]", outcome.entries), outcome.events
        if self._chained and any(isinstance(entry[2], Chain) for entry in outcome.entries):
            found = happenings(outcome.entries)
            events = len(found)
        lasted = found[-1][0] - found[0][0]
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
            evidence=[happening[2] for happening in found[-self._most_events :]],
            metrics=metrics,
            sentence=self._sentence(outcome, lasted),
        )

    def hit(self, outcome: Outcome) -> ChainedHit:
        """The firing as a hit, with the values of its completing event and its group."""
        completing, entries = outcome.completing, outcome.entries
        values, own = completing.values, None
        for name, value in zip(self._names, outcome.key, strict=True):
            if values.get(name) is not value:  # mostly the group is what the event says itself
                own = dict(values) if own is None else own
                own[name] = value
        return ChainedHit(
            rule=self._id,
            id=completing.id,
            timestamp=outcome.timestamp,
            values=values if own is None else own,
            evidence=completing.evidence,
            event=completing.event,
            origin=_origin(completing),
            rests_on=Chain(
                entries if len(entries) <= MOST_HANDED_ON else entries[-MOST_HANDED_ON:]
            ),
        )


def _origin(hit: Hit) -> Hit:
    return hit.origin if isinstance(hit, ChainedHit) else hit

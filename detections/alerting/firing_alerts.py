"""Firings of correlations, told as alerts."""

from collections.abc import Collection, Iterable
from typing import Any

from detections.alerting.alerts import firing_alert
from detections.alerting.correlation_reason import Fired, correlation_reason, parties_of
from detections.alerting.evidence_lines import witness_of_line
from detections.correlations.hits import Firing
from detections.engine.feed_gaps import FeedGaps
from detections.reading import read_event
from detections.rules.model import CorrelationRule, Rule
from normalizer.events import Alert


class FiringAlerts:
    """Makes the alerts of correlations; `by_time` are ids of those that hold by absence."""

    def __init__(
        self, rules: Iterable[CorrelationRule], by_time: Collection[str], gaps: FeedGaps
    ) -> None:
        self._by_time = by_time
        self._gaps = gaps
        self._of = {one.rule.id: (one, correlation_reason(one), parties_of(one)) for one in rules}

    def rule(self, firing: Firing) -> Rule:
        """The correlation that fired."""
        return self._of[firing.rule][0].rule

    def alert(self, firing: Firing) -> tuple[Alert, Any] | None:
        """The alert, and the event that completed it; None for a rule that is silent."""
        one, reason, parties = self._of[firing.rule]
        if one.silent:
            return None
        event = firing.completing.event
        if isinstance(event, bytes):  # a line that was read once already
            event = read_event(event).event
        alert = firing_alert(
            one.rule,
            firing,
            parties,
            reason(Fired(firing, event)),
            event,
            witness_of_line,
            self._gaps,
            by_absence=firing.rule in self._by_time,
        )
        return alert, event

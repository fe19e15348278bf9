"""Exceptions that remember which alerts they covered, for those who ask why one isn't there."""

from collections.abc import Mapping, Sequence

from detections.alerting.exceptions import Exceptions
from detections.engine.engine import Engine
from detections.lanes.rule_change import MakeEngine
from detections.rules.model import ExceptionRule
from detections.rules.rule_set import RuleSet
from detections.sigma.documents import Document
from normalizer.events import Alert, Record

_MOST = 100_000


class NotedExceptions(Exceptions):
    """As exceptions are, and they note whom they cover."""

    def __init__(self, rules: Sequence[ExceptionRule], covered: dict[str, str]) -> None:
        super().__init__(rules)
        self._covered = covered

    def covering(
        self, rule_id: str, alert: Alert, event: Record | Document
    ) -> ExceptionRule | None:
        """The first exception that covers an alert; it is counted and noted."""
        found = super().covering(rule_id, alert, event)
        if found is not None and len(self._covered) < _MOST:
            self._covered[alert.id] = found.id
        return found


def noting(make: MakeEngine) -> tuple[MakeEngine, Mapping[str, str]]:
    """Makes engines whose exceptions note in the mapping which alerts they covered: alert id to
    exception id.
    """
    covered: dict[str, str] = {}

    def make_noting(rules: RuleSet) -> Engine:
        engine = make(rules)
        engine.exceptions = NotedExceptions(rules.exceptions, covered)
        return engine

    return make_noting, covered

"""Why an alert is on one side only, as far as that can be known."""

from collections.abc import Iterable, Mapping

from detections.alerting.exceptions import Exceptions
from detections.rules.model import Rule
from detections.rules.readable import LeftOut
from detections.rules.rule_set import RuleSet
from normalizer.events import Alert, Record

_LATE = "late"


class Reasons:
    """Gathers during a replay what explains a difference afterwards."""

    def __init__(self, excepted: Mapping[str, str]) -> None:
        """`excepted`: alerts that the replay's exceptions covered, to the exception's id."""
        self._excepted = excepted
        self._then: dict[str, Rule] | None = None
        self._exceptions_then = Exceptions(())
        self._missing: dict[str, str] = {}
        self._ran: dict[str, set[str]] = {}
        self._left_out: set[str] = set()
        self._oldest: int | None = None

    def ran(self, rules: RuleSet) -> None:
        """Rules that the replay runs, or ran."""
        for rule in rules.alerting:
            self._ran.setdefault(rule.id, set()).add(rule.hash)

    def left_out(self, rule: LeftOut) -> None:
        """A rule that was in force, and can't be read by this version."""
        self._left_out.add(rule.id)

    def in_force(self, rules: RuleSet) -> None:
        """The rules that are in force at this place of the stream, where others are replayed."""
        self._then = {rule.id: rule for rule in rules.alerting}
        self._exceptions_then = Exceptions(rules.exceptions)

    def read(self, timestamp: int) -> None:
        """An event of this time is there to be replayed."""
        if self._oldest is None or timestamp < self._oldest:
            self._oldest = timestamp

    def note(self, alert: Alert, records: Iterable[Record]) -> None:
        """An alert that only the replay has; `records` are those of the message that caused it."""
        then = self._then
        if then is None:
            return
        rule = then.get(alert.rule_id)
        if rule is None:
            self._missing[alert.id] = "the rule is new"
        elif rule.hash != alert.rule_hash:
            self._missing[alert.id] = "the rule was changed"
        elif alert.evidence_events:
            last = alert.evidence_events[-1]
            event = next((record for record in records if record.id == last), None)
            if event is not None:
                found = self._exceptions_then.would_cover(alert.rule_id, alert, event)
                if found is not None:
                    self._missing[alert.id] = f"it was excepted then, by {found.id}"

    def missing_live(self, alert: Alert, live_hashes: Mapping[str, set[str]]) -> str | None:
        """Why the live run hasn't an alert of the replay. `live_hashes`: of rules, by rule id."""
        why = self._missing.get(alert.id)
        if why is not None:
            return why
        if alert.rule_hash not in live_hashes.get(alert.rule_id, (alert.rule_hash,)):
            return "the rule was changed"
        return "an event came late" if _LATE in alert.tags else None

    def only_live(self, alert: Alert) -> str | None:
        """Why the replay hasn't an alert of the live run."""
        ran = self._ran.get(alert.rule_id, ())
        if alert.rule_hash not in ran:
            if alert.rule_id in self._left_out:
                return "this version can't read the rule as it was"
            return "the rule was changed" if ran else "the rule is gone"
        if alert.id in self._excepted:
            return f"it is excepted, by {self._excepted[alert.id]}"
        if alert.created is not None and (self._oldest is None or alert.created < self._oldest):
            return "it rests on events that were not read"
        return "an event came late" if _LATE in alert.tags else None

"""Rules against events: the pure core of the detections."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from detections.alerts import document_alert, finding_alert, match_alert
from detections.correlators.base import correlators
from detections.fields import Shape, shapes, taxonomy
from detections.findings import Finding
from detections.rules.loading import RuleSet
from detections.rules.model import Rule
from detections.rules.reason import Fill, Reason, fill_reason, parse_reason
from detections.sigma.compiler import Match, compile_conditions
from detections.sigma.documents import Document
from detections.sigma.readers import DocumentReader, Reader, RecordReader
from normalizer.events import Alert, Record

_MOST_PROBLEMS = 1_000
#: Event ids that are remembered, at least; at most twice as many.
REMEMBERED_EVENTS = 100_000


class _Entry(msgspec.Struct):
    """One rule for one shape of event: a Sigma match, or a correlator's observe."""

    rule: Rule
    match: Match
    fill: Fill
    observe: Callable[[Any], Iterable[Finding]] | None = None


class Engine:
    """Runs a set of rules. It reads no clock and does no I/O; its output depends on its input only.

    An event that comes again within the last `remembered` ones (by `event.id`) counts once.
    """

    def __init__(self, ruleset: RuleSet, *, remembered: int = REMEMBERED_EVENTS) -> None:
        self.ruleset = ruleset
        self.duplicates = 0
        """Events that came again and were left out."""
        self.failures = 0
        """Times that a rule failed on an event."""
        self._problems: list[str] = []
        self._remembered = remembered
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._entries: dict[type[Any], tuple[_Entry, ...]] = {
            record: _entries(ruleset, shape) for record, shape in shapes().items()
        }
        self._add_correlators(ruleset)
        self._documents = _entries(ruleset, None)

    def process(self, events: Iterable[Record]) -> list[Alert]:
        """Take events in the order of the stream. Alerts are in that order, then by rule id."""
        alerts: list[Alert] = []
        entries_of = self._entries
        for event in events:
            event_id = event.id
            if event_id in self._young or event_id in self._old:
                self.duplicates += 1
                continue
            self._remember(event_id)
            for entry in entries_of[type(event)]:
                try:
                    observe = entry.observe
                    if observe is not None:
                        for finding in observe(event):
                            alerts.append(finding_alert(entry.rule, finding, event))  # noqa: PERF401
                    elif entry.match(event):
                        alerts.append(match_alert(entry.rule, entry.fill(event), event))
                except Exception as error:
                    self._fail(entry.rule, event_id, error)
        return alerts

    def process_documents(self, documents: Iterable[Document]) -> list[Alert]:
        """Take flat ECS documents that are no records. Correlators don't see them."""
        alerts: list[Alert] = []
        for document in documents:
            event_id = str(document["event.id"])
            if event_id in self._young or event_id in self._old:
                self.duplicates += 1
                continue
            self._remember(event_id)
            for entry in self._documents:
                try:
                    if entry.match(document):
                        alerts.append(document_alert(entry.rule, entry.fill(document), document))
                except Exception as error:
                    self._fail(entry.rule, event_id, error)
        return alerts

    def take_problems(self) -> list[str]:
        """What failed since the last call: a rule that couldn't deal with an event, and why.

        At most 1,000 are kept; `failures` counts all.
        """
        problems, self._problems = self._problems, []
        return problems

    def _remember(self, event_id: str) -> None:
        # Two generations: forgetting the older one whole costs nothing per event.
        self._young.add(event_id)
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, set()

    def _fail(self, rule: Rule, event_id: str, error: Exception) -> None:
        # One rule's mistake on one event must not silence the others; the event is named, so that
        # it can be replayed against a corrected rule.
        self.failures += 1
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(
                f"rule {rule.id} ({rule.title}) failed on event {event_id}: "
                f"{type(error).__name__}: {error}"
            )

    def _add_correlators(self, ruleset: RuleSet) -> None:
        known = correlators()
        for one in ruleset.correlators:
            instance = known[one.correlator](one.parameters)
            for record, shape in shapes().items():
                if shape.action in instance.actions:
                    entry = _Entry(one.rule, _never, _silent, instance.observe)
                    self._entries[record] = _in_order([*self._entries[record], entry])


def _entries(ruleset: RuleSet, shape: Shape | None) -> tuple[_Entry, ...]:
    """The Sigma rules that could match this class of records (or documents, if None)."""
    reader: Reader = DocumentReader() if shape is None else RecordReader(shape)
    found: list[_Entry] = []
    for rule in ruleset.sigma:
        compiled = compile_conditions(rule.conditions, reader)
        if compiled is False:
            continue
        match: Match = _always if isinstance(compiled, bool) else compiled
        reason = rule.reason or _default_reason()
        fill = fill_reason(reason, reader, taxonomy().get)
        found.append(_Entry(rule.rule, match, fill))
    return _in_order(found)


def _in_order(entries: Sequence[_Entry]) -> tuple[_Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.rule.id))


def _always(event: Any) -> bool:
    return True


def _never(event: Any) -> bool:
    return False


def _silent(event: Any) -> str:
    return ""


def _default_reason() -> Reason:
    return parse_reason("a {event.action} event matched[, about {related.user}]")

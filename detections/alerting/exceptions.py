"""Exceptions: alerts that somebody answers for, by rule, entity or event, until a date.

They are looked at for alerts only, so they cost nothing where nothing matched.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from detections.fields import shapes
from detections.rules.model import ExceptionRule
from detections.sigma.compiler import Compiled, compile_conditions
from detections.sigma.documents import Document
from detections.sigma.readers import DocumentReader, Reader, RecordReader
from normalizer.events import Alert, Record


class Exceptions:
    """A set of exceptions, with how often each one applied."""

    def __init__(self, rules: Sequence[ExceptionRule]) -> None:
        self.counts: dict[str, int] = {one.id: 0 for one in rules}
        """Alerts that each exception covered, by its id; those that never applied have 0."""
        self._by_rule: dict[str, list[ExceptionRule]] = {}
        for one in rules:
            for rule_id in dict.fromkeys(one.rules):
                self._by_rule.setdefault(rule_id, []).append(one)
        self._compiled: dict[tuple[str, type[Any]], Compiled] = {}

    def covering(
        self, rule_id: str, alert: Alert, event: Record | Document
    ) -> ExceptionRule | None:
        """The first exception, in the order of the files, that covers an alert; it is counted.

        `event` is what completed the alert. Raises what a condition raises on an event that it
        can't deal with.
        """
        found = self.would_cover(rule_id, alert, event)
        if found is not None:
            self.counts[found.id] += 1
        return found

    def would_cover(
        self, rule_id: str, alert: Alert, event: Record | Document
    ) -> ExceptionRule | None:
        """As `covering`, without counting: for explanations."""
        candidates = self._by_rule.get(rule_id)
        if candidates is None:
            return None
        about = _lower((*alert.entities, *alert.related_user))
        for one in candidates:
            if (
                alert.timestamp < one.expires
                and (not one.entities or not one.entities.isdisjoint(about))
                and (not one.conditions or self._holds(one, event))
            ):
                return one
        return None

    def _holds(self, one: ExceptionRule, event: Record | Document) -> bool:
        key = (one.id, type(event))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = compile_conditions(one.conditions, reader_of(event))
            self._compiled[key] = compiled
        return compiled if isinstance(compiled, bool) else compiled(event)


def reader_of(event: Record | Document) -> Reader:
    """How rules read an event's fields."""
    if isinstance(event, dict):
        return DocumentReader()
    return RecordReader(shapes()[type(event)])


def _lower(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text.lower() for text in texts)

"""Sigma rules against one event: which match, and what correlations get of them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from detections.correlations.hits import Hearing, Hit
from detections.engine.event_kinds import RECORD, EventKind, id_of, kind_of
from detections.engine.problems import Problems
from detections.engine.rule_book import Meeting, RuleBook, values_of


class Work(msgspec.Struct, frozen=True, gc=False):
    """What is left to do with an event when its time comes."""

    event: Any
    hits: tuple[Hit, ...]
    meeting: Meeting | None = None
    """What correlators and books it is shown to; None if to none."""
    judged: bool = True
    """Whether rules judge it here."""
    hearings: tuple[Hearing, ...] = ()
    """How correlations take it, where it has no hits for them."""
    claimed: int | None = None
    """When the event says that it happened, where that can't be and it has another time here."""

    @property
    def told(self) -> Any:
        """The event as it was told."""
        if self.claimed is None:
            return self.event
        return msgspec.structs.replace(self.event, timestamp=self.claimed)


class Judgement:
    """Judges events, one by one. What fails is a problem, and no match."""

    def __init__(self, book: RuleBook, problems: Problems) -> None:
        self._book = book
        self._problems = problems

    def matches(self, meeting: Meeting, event: Any) -> list[int] | None:
        """Numbers of the Sigma rules that match, in their order."""
        program = meeting.program
        if program is None:
            return None
        try:
            found = program(event)
        except Exception:
            return self._matches_one_by_one(meeting, event)
        if found is not None and len(found) > 1:
            found.sort()
        return found

    def _matches_one_by_one(self, meeting: Meeting, event: Any) -> list[int] | None:
        # One rule's mistake on one event must not silence the others; the event is named, so that
        # it can be replayed against a corrected rule.
        found: list[int] = []
        for number, (rule, match) in enumerate(meeting.one_by_one()):
            try:
                if match(event):
                    found.append(number)
            except Exception as error:
                self._problems.fail(rule, id_of(event), error)
        return found or None

    def hits(
        self, meeting: Meeting, found: Sequence[int], event: Any, time: int, kind: EventKind
    ) -> tuple[Hit, ...]:
        """What correlations get of the rules that match, of an event that happened at `time`."""
        matched = meeting.matched(found)
        if not matched.feeding:
            return ()
        try:
            seen = kind.witness(event)
            values = values_of(event, matched.needs)
        except Exception as error:
            for number in found:
                self._problems.fail(meeting.sigma[number].rule, id_of(event), error)
            return ()
        id_ = seen.id
        return tuple(
            [
                Hit(rule=rule, id=id_, timestamp=time, values=values, evidence=seen, event=event)
                for rule in matched.feeding
            ]
        )

    def again(self, event: Any, time: int, *, judged: bool) -> Work:
        """What these rules have left to do with an event that waited and has alerted already."""
        kind = kind_of(event)
        meeting = kind.meeting(self._book, event)
        found = (self.matches(meeting, event) or ()) if judged else ()
        hits = self.hits(meeting, found, event, time, kind) if found else ()
        claimed = None
        if kind is RECORD and event.timestamp != time:
            claimed, event = event.timestamp, msgspec.structs.replace(event, timestamp=time)
        return Work(event, hits, meeting, judged, claimed=claimed)

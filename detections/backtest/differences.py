"""The alerts of two forms of a rule, held against each other as they come.

Two alerts are the same alert if they are of the same rule, about the same entities, and completed
by the same event; what else differs makes it a changed one. Of those that are left at the end, two
that share an event are one alert that changed.
"""

from collections.abc import Callable, Sequence

import msgspec

from detections.backtest.result import Change, Example
from detections.backtest.tallies import example
from normalizer.events import Alert

EXAMPLES = 3
#: Alerts that wait for their counterpart, by side. Beyond it they count as new or gone at once.
MOST_WAITING = 200_000
#: Events that are kept of such an alert, the newest.
MOST_EVENTS = 100
_COMPARED = ("timestamp", "level", "reason", "confidence", "metrics", "staged", "tags")

_Key = tuple[str, tuple[str, ...]]


class _Seen(msgspec.Struct, frozen=True):
    shown: Example
    events: tuple[str, ...]
    event_count: int
    timestamp: int
    compared: tuple[object, ...]


class Differences:
    """Of one rule: before and after."""

    def __init__(
        self,
        *,
        on_new: Callable[[Example], None] = lambda alert: None,
        on_gone: Callable[[Example], None] = lambda alert: None,
    ) -> None:
        """`on_new` and `on_gone` are told of each alert that only one side has."""
        self._on_new = on_new
        self._on_gone = on_gone
        self.same = 0
        self.changed = 0
        self.new = 0
        self.gone = 0
        self.changes: list[Change] = []
        self.new_ones: list[Example] = []
        self.gone_ones: list[Example] = []
        self._before: dict[_Key, _Seen] = {}
        self._after: dict[_Key, _Seen] = {}

    def add_before(self, alert: Alert) -> None:
        """An alert of the first rule set."""
        self._add(alert, self._before, self._after, is_after=False)

    def add_after(self, alert: Alert) -> None:
        """An alert of the second one."""
        self._add(alert, self._after, self._before, is_after=True)

    def finish(self) -> None:
        """Pair what can be paired of the rest; what then is left is new or gone."""
        by_event: dict[str, list[_Key]] = {}
        before = self._ordered(self._before)
        for key, seen in before:
            for event in seen.events:
                by_event.setdefault(event, []).append(key)
        for _, seen in self._ordered(self._after):
            keys = (key for event in seen.events for key in by_event.get(event, ()))
            partner = next((key for key in keys if key in self._before), None)
            if partner is None:
                self._note_new(seen)
            else:
                self._note_pair(self._before.pop(partner), seen)
        for key, seen in before:
            if key in self._before:
                self._note_gone(seen)
        self._before.clear()
        self._after.clear()

    def _add(
        self, alert: Alert, mine: dict[_Key, _Seen], others: dict[_Key, _Seen], *, is_after: bool
    ) -> None:
        completing = alert.evidence_events[-1] if alert.evidence_events else ""
        key = (completing, alert.entities)
        seen = _seen(alert)
        partner = others.pop(key, None)
        if partner is not None:
            self._note_pair(*((partner, seen) if is_after else (seen, partner)))
        elif len(mine) < MOST_WAITING and key not in mine:
            mine[key] = seen
        elif is_after:
            self._note_new(seen)
        else:
            self._note_gone(seen)

    def _note_pair(self, before: _Seen, after: _Seen) -> None:
        fields = _differing(before, after)
        if not fields:
            self.same += 1
            return
        self.changed += 1
        if len(self.changes) < EXAMPLES:
            self.changes.append(Change(before=before.shown, after=after.shown, fields=fields))

    def _note_new(self, seen: _Seen) -> None:
        self.new += 1
        self._on_new(seen.shown)
        if len(self.new_ones) < EXAMPLES:
            self.new_ones.append(seen.shown)

    def _note_gone(self, seen: _Seen) -> None:
        self.gone += 1
        self._on_gone(seen.shown)
        if len(self.gone_ones) < EXAMPLES:
            self.gone_ones.append(seen.shown)

    @staticmethod
    def _ordered(waiting: dict[_Key, _Seen]) -> list[tuple[_Key, _Seen]]:
        return sorted(waiting.items(), key=lambda pair: (pair[1].timestamp, pair[0]))


def differing_fields(before: Alert, after: Alert) -> tuple[str, ...]:
    """What differs between two forms of an alert, of what people are told."""
    return _differing(_seen(before), _seen(after))


def _seen(alert: Alert) -> _Seen:
    return _Seen(
        example(alert),
        alert.evidence_events[-MOST_EVENTS:],
        len(alert.evidence_events),
        alert.timestamp,
        tuple(getattr(alert, name) for name in _COMPARED),
    )


def _differing(before: _Seen, after: _Seen) -> tuple[str, ...]:
    names: Sequence[str] = _COMPARED
    fields = [
        name
        for name, old, new in zip(names, before.compared, after.compared, strict=True)
        if old != new
    ]
    if before.shown.entities != after.shown.entities:
        fields.append("entities")
    if (before.event_count, before.events) != (after.event_count, after.events):
        fields.append("events")
    return tuple(fields)

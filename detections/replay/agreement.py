"""Alerts of a replay held against those of the live run, one by one.

What has the same id and the same bytes is the same. Of the rest, what belongs together is found as
a backtest finds it (:mod:`detections.backtest.differences`), rule by rule.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from detections.backtest.differences import EXAMPLES, Differences, differing_fields
from detections.backtest.result import Change, Count, Example
from detections.backtest.tallies import example
from detections.replay.result import RuleAgreement, Unmatched
from normalizer.events import Alert

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Alert).decode

#: Says why the other side hasn't an alert; None where that isn't known.
Explain = Callable[[Alert], str | None]


class _Counts:
    """Of one rule."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.live = self.replayed = self.same = self.changed = 0
        self.changes: list[Change] = []
        self.only_live: list[Alert] = []
        self.only_replayed: list[Alert] = []


class Agreement:
    """Takes the live alerts first, each as its bytes on the bus; then the replay's."""

    def __init__(self, live: Mapping[str, bytes]) -> None:
        """`live`: by alert id."""
        self._live = dict(live)
        self._rules: dict[str, _Counts] = {}
        self._seen: set[str] = set()

    def has(self, alert_id: str) -> bool:
        """Whether the live run gave it, and the replay hasn't given it until now."""
        return alert_id in self._live

    def add(self, alert: Alert) -> None:
        """An alert of the replay. One that comes twice counts once, as in a sink."""
        if alert.id in self._seen:
            return
        self._seen.add(alert.id)
        counts = self._of(alert)
        counts.replayed += 1
        line = self._live.pop(alert.id, None)
        if line is None:
            counts.only_replayed.append(alert)
            return
        counts.live += 1
        if line == _encode(alert):
            counts.same += 1
            return
        counts.changed += 1
        if len(counts.changes) < EXAMPLES:
            before = _decode(line)
            fields = differing_fields(before, alert) or _differing_names(line, _encode(alert))
            counts.changes.append(
                Change(before=example(before), after=example(alert), fields=fields)
            )

    def finish(self, missing_why: Explain, live_why: Explain) -> tuple[RuleAgreement, ...]:
        """All rules that alerted, those that differ most first."""
        for line in self._live.values():
            alert = _decode(line)
            counts = self._of(alert)
            counts.live += 1
            counts.only_live.append(alert)
        self._live.clear()
        found = [
            _finished(rule_id, counts, missing_why, live_why)
            for rule_id, counts in self._rules.items()
        ]
        return tuple(
            sorted(
                found,
                key=lambda one: (
                    -(one.changed + one.missing_live + one.only_live),
                    -one.replayed,
                    one.title,
                    one.id,
                ),
            )
        )

    def _of(self, alert: Alert) -> _Counts:
        counts = self._rules.get(alert.rule_id)
        if counts is None:
            counts = self._rules[alert.rule_id] = _Counts(alert.rule_name)
        return counts


def _differing_names(before: bytes, after: bytes) -> tuple[str, ...]:
    """ECS names of what differs between two alerts on the bus, for what few look at."""
    old, new = (msgspec.json.decode(line, type=dict[str, msgspec.Raw]) for line in (before, after))
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def _finished(
    rule_id: str, counts: _Counts, missing_why: Explain, live_why: Explain
) -> RuleAgreement:
    reasons: Counter[str] = Counter()
    missing: list[Unmatched] = []
    live: list[Unmatched] = []

    def note(shown: Example, why: Mapping[Example, str | None], into: list[Unmatched]) -> None:
        reason = why.get(shown)
        if reason is not None:
            reasons[reason] += 1
        if len(into) < EXAMPLES:
            into.append(Unmatched(alert=shown, why=reason))

    missing_reasons = {example(alert): missing_why(alert) for alert in counts.only_replayed}
    live_reasons = {example(alert): live_why(alert) for alert in counts.only_live}
    differences = Differences(
        on_new=partial(note, why=missing_reasons, into=missing),
        on_gone=partial(note, why=live_reasons, into=live),
    )
    for alert in counts.only_live:
        differences.add_before(alert)
    for alert in counts.only_replayed:
        differences.add_after(alert)
    differences.finish()
    return RuleAgreement(
        id=rule_id,
        title=counts.title,
        live=counts.live,
        replayed=counts.replayed,
        same=counts.same + differences.same,
        changed=counts.changed + differences.changed,
        missing_live=differences.new,
        only_live=differences.gone,
        reasons=tuple(
            Count(reason, count)
            for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
        ),
        changes=tuple((*counts.changes, *differences.changes)[:EXAMPLES]),
        missing_examples=tuple(missing),
        live_examples=tuple(live),
    )

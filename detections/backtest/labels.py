"""What people know of the past: alerts that should come, and alerts that should not.

A label says of an entity, a time or some events whether an alert about them is right. Of one alert
and one label it is told whether they belong together; an alert that belongs to a true label is
right, whatever false ones say.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from detections.backtest.rule_names import rule_names
from detections.rules.model import Rule
from normalizer.events import Alert
from pipeline.problems import Location


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. What isn't given (empty, None) may be anything; all that is given must fit."""

    location: Location
    right: bool = True
    """Whether an alert about it is right."""
    id: str = ""
    rule: str | None = None
    """What it is called, in lower case: by id, name, title or file."""
    typology: str | None = None
    entities: frozenset[str] = frozenset()
    """In lower case; the alert is about at least one: a party, or its token (by id or address),
    instrument or pool."""
    since: int | None = None
    """Nanoseconds: the alert's events don't all lie before it."""
    until: int | None = None
    """Nanoseconds, exclusive: they don't all lie at or after it."""
    events: frozenset[str] = frozenset()
    """The alert rests on at least one: by event.id, transaction hash, or a trade's id."""
    note: str = ""


class Labels:
    """Labels, ready to be looked up by alerts.

    `rules` are all that may alert: labels that are about none of them are left out.
    """

    def __init__(self, labels: Iterable[Label], rules: Iterable[Rule]) -> None:
        known = list(rules)
        self._names = rule_names(known)
        typologies = {rule.typology for rule in known}
        self.used: list[Label] = []
        self.left_out: list[Label] = []
        for one in labels:
            about = (one.rule is None or one.rule in self._names) and (
                one.typology is None or one.typology in typologies
            )
            (self.used if about else self.left_out).append(one)
        self._by_event: dict[str, list[int]] = {}
        self._by_entity: dict[str, list[int]] = {}
        self._by_time: list[int] = []
        for at, one in enumerate(self.used):
            for event in one.events:
                self._by_event.setdefault(event, []).append(at)
            for entity in () if one.events else one.entities:
                self._by_entity.setdefault(entity, []).append(at)
            if not one.events and not one.entities:
                self._by_time.append(at)

    @property
    def rule_names(self) -> Collection[str]:
        """All that the rules are called, in lower case."""
        return self._names.keys()

    def matching(self, alert: Alert, rule_id: str) -> list[int]:
        """The places in `used` of all labels that an alert of the rule belongs to, in order."""
        about = frozenset(
            text.lower()
            for text in (
                *alert.entities, *alert.related_user,
                alert.token_id, alert.token_address, alert.instrument,
            )
            if text
        )  # fmt: skip
        evidence = frozenset(_evidence(alert)) if self._by_event else frozenset[str]()
        return [
            at
            for at in sorted(set(self._candidates(evidence, about)))
            if self._fits(self.used[at], alert, rule_id, about, evidence)
        ]

    def concerns(self, label: Label, rules: Mapping[str, Rule]) -> bool:
        """Whether one of these rules (by id) could give an alert that the label is about."""
        if label.rule is not None and self._names[label.rule] not in rules:
            return False
        return label.typology is None or any(
            rule.typology == label.typology for rule in rules.values()
        )

    def _candidates(self, evidence: Iterable[str], about: Iterable[str]) -> Iterator[int]:
        yield from self._by_time
        for event in evidence:
            yield from self._by_event.get(event, ())
        for entity in about:
            yield from self._by_entity.get(entity, ())

    def _fits(
        self,
        label: Label,
        alert: Alert,
        rule_id: str,
        about: frozenset[str],
        evidence: frozenset[str],
    ) -> bool:
        first = alert.timestamp if alert.created is None else alert.created
        last = alert.timestamp if alert.ended is None else alert.ended
        return (
            (label.rule is None or self._names[label.rule] == rule_id)
            and (label.typology is None or label.typology == alert.typology)
            and (not label.entities or not label.entities.isdisjoint(about))
            and (label.since is None or max(last, alert.timestamp) >= label.since)
            and (label.until is None or first < label.until)
            and (not label.events or not label.events.isdisjoint(evidence))
        )


def as_named(event: str) -> str:
    """An event's id, transaction or trade: hexadecimal ones in lower case, as not all publish them,
    nor all venues name their trades."""
    return event.lower() if event.startswith(("0x", "0X")) else event


def _evidence(alert: Alert) -> tuple[str, ...]:
    """What it rests on, as labels name it."""
    rests_on = (*alert.evidence_events, *alert.evidence_transactions, *alert.evidence_trades)
    return tuple(map(as_named, rests_on))

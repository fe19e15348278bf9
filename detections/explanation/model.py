"""Why a rule did or didn't match an event, and why an alert came."""

from typing import Literal

from msgspec import Struct

from detections.rules.model import ExceptionRule, Rule
from normalizer.events import Alert

PartKind = Literal["all", "any", "not", "field", "keyword"]

Missing = Literal["no value", "never there"]
"""This event has no value; or events of its kind never have the field."""


class Part(Struct, frozen=True, kw_only=True):
    """A condition or a part of one, and whether it holds for the event."""

    kind: PartKind
    holds: bool
    name: str | None = None
    """The selection that it stands for."""
    parts: "tuple[Part, ...]" = ()
    """Of `all`, `any` and `not`."""
    field: str | None = None
    wanted: str | None = None
    """Of a field or keyword: what was asked for, in words."""
    came: str | None = None
    """What the event has there; None: nothing."""
    missing: Missing | None = None
    """Why the event has nothing there."""
    hint: str | None = None
    """A field of nearly that name that the event does have."""


Verdict = Literal["matched", "not matched", "ruled out", "watches"]


class Base(Struct, frozen=True):
    """A rule that a correlation refers to."""

    rule: Rule
    matched: bool | None
    """Whether it matches the event; None: it is a correlation that counts the event itself."""


class Group(Struct, frozen=True, kw_only=True):
    """Where a correlation counts an event."""

    values: tuple[tuple[str, str], ...] = ()
    """Names in `group-by`, with the event's values; empty: the correlation has one group."""
    lacking: tuple[str, ...] = ()
    """Names that the event has no value for, so that it belongs to no group."""


class HeldConfidence(Struct, frozen=True, kw_only=True):
    """How sure an alert is whose rule is held to what people found of its alerts."""

    says: float
    by_itself: float
    """What the rule would say without that, to four digits."""
    judged: int
    right: int

    @classmethod
    def of(cls, alert: Alert, rule: Rule) -> "HeldConfidence | None":
        """None where the rule has no calibration, or where it was changed after the alert."""
        held = rule.calibration
        if held is None or rule.hash != alert.rule_hash:
            return None
        return cls(
            says=alert.confidence,
            by_itself=round(held.uncalibrated(alert.confidence), 4),
            judged=held.judged,
            right=held.right,
        )


class RuleExplanation(Struct, frozen=True, kw_only=True):
    """What one rule makes of an event."""

    rule: Rule
    kind: Literal["sigma", "correlator", "correlation"]
    verdict: Verdict
    """Of a correlator or correlation, `watches`: it counts the event, others decide."""
    why: str = ""
    """Of `ruled out`: what no event of this kind can have; of the others, more in words."""
    condition: Part | None = None
    silent: bool = False
    """Whether it only feeds correlations."""
    exception: ExceptionRule | None = None
    """What would cover its alert."""
    reason: str | None = None
    """The sentence that its alert would have."""
    confidence: HeldConfidence | None = None
    """How sure its alert would be, where the rule has a calibration."""
    bases: tuple[Base, ...] = ()
    """Of a correlation."""
    group: Group | None = None
    """Of a correlation one of whose bases matched."""


class EventExplanation(Struct, frozen=True, kw_only=True):
    """What all rules make of an event."""

    event_id: str
    action: str | None
    timestamp: int
    ours: bool
    """Whether it is a record of ours; correlators see no others."""
    doubt: str | None = None
    """Why it isn't, although its action is one of ours."""
    rules: tuple[RuleExplanation, ...]


class Step(Struct, frozen=True, kw_only=True):
    """An event that an alert rests on."""

    event_id: str
    timestamp: int | None
    """None: the event isn't there."""
    rules: tuple[str, ...] = ()
    """Titles of the base rules that it matches."""
    completing: bool = False


class AlertExplanation(Struct, frozen=True, kw_only=True):
    """Why an alert came."""

    alert: Alert
    rule: Rule | None
    """The rule as it is now; None where it isn't among the rules."""
    changed: bool = False
    """Whether the rule was changed after the alert."""
    how: str
    """How the rule works, in a sentence with its numbers."""
    confidence: HeldConfidence | None = None
    """Of a rule that has a calibration and wasn't changed after the alert."""
    group: tuple[tuple[str, str], ...] = ()
    condition: Part | None = None
    """Of a Sigma rule: its condition on the event."""
    steps: tuple[Step, ...] = ()
    """By event time."""
    exception: ExceptionRule | None = None
    """What would cover it now."""

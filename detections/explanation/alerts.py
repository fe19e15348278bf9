"""Why an alert came: its rule, the numbers, and the events that it rests on."""

from collections.abc import Mapping, Sequence

import msgspec

from detections.alerting.exceptions import Exceptions
from detections.explanation.conditions import explain_condition
from detections.explanation.correlations import group_of, how_it_works
from detections.explanation.events import matches
from detections.explanation.model import AlertExplanation, HeldConfidence, Step
from detections.explanation.parameters import parameters_words
from detections.explanation.seen import Seen
from detections.rules.loading import RuleSet
from detections.rules.model import CorrelationRule, CorrelatorRule, SigmaRule
from detections.sigma.documents import Document
from normalizer.events import Alert, Record

Event = Record | Document


def explain_alert(ruleset: RuleSet, alert: Alert, events: Mapping[str, Event]) -> AlertExplanation:
    """Why an alert came, given its rules as they are now, and its events as far as they are there.

    Events are by id; those that are missing are said to be.
    """
    rules = {rule.id: rule for rule in ruleset.rules}
    rule = rules.get(alert.rule_id)
    last = alert.evidence_events[-1] if alert.evidence_events else ""
    completing = events.get(last)
    found = AlertExplanation(
        alert=alert,
        rule=rule,
        changed=rule is not None and rule.hash != alert.rule_hash,
        how="",
        confidence=None if rule is None else HeldConfidence.of(alert, rule),
        steps=_steps(alert, events, []),
    )
    if completing is not None:
        covering = Exceptions(ruleset.exceptions).would_cover(alert.rule_id, alert, completing)
        found = msgspec.structs.replace(found, exception=covering)
    one = _rule_of(ruleset, alert.rule_id)
    match one:
        case SigmaRule():
            condition = None
            if completing is not None:
                condition = explain_condition(one.conditions, Seen(completing))
            return msgspec.structs.replace(
                found, how="one event that fits the rule's condition", condition=condition
            )
        case CorrelatorRule():
            return msgspec.structs.replace(
                found,
                how=f"the correlator {one.correlator} with {parameters_words(one.parameters)}",
            )
        case CorrelationRule():
            return msgspec.structs.replace(
                found,
                how=how_it_works(one.correlation, rules),
                group=_group(one, ruleset, completing),
                steps=_steps(alert, events, _bases(one, ruleset)),
            )
        case None:
            return found


def _rule_of(ruleset: RuleSet, rule_id: str) -> SigmaRule | CorrelatorRule | CorrelationRule | None:
    every = (*ruleset.sigma, *ruleset.correlators, *ruleset.correlations)
    return next((one for one in every if one.rule.id == rule_id), None)


def _bases(one: CorrelationRule, ruleset: RuleSet) -> list[SigmaRule]:
    """The Sigma rules that a correlation rests on, through others where it refers to those."""
    needed = set(one.correlation.rules)
    for other in reversed(ruleset.correlations):
        if other.rule.id in needed:
            needed.update(other.correlation.rules)
    return [rule for rule in ruleset.sigma if rule.rule.id in needed]


def _group(
    one: CorrelationRule, ruleset: RuleSet, completing: Event | None
) -> tuple[tuple[str, str], ...]:
    if completing is None:
        return ()
    seen = Seen(completing)
    for base in ruleset.sigma:
        if base.rule.id in one.correlation.rules and matches(base, seen):
            return group_of(one.correlation, base.rule.id, seen).values
    return ()


def _steps(
    alert: Alert, events: Mapping[str, Event], bases: Sequence[SigmaRule]
) -> tuple[Step, ...]:
    wanted = list(dict.fromkeys(alert.evidence_events))
    steps = [_step(one, events.get(one), bases, one == wanted[-1]) for one in wanted]
    # Those that aren't there come last: their time isn't known.
    return tuple(sorted(steps, key=lambda step: (step.timestamp is None, step.timestamp or 0)))


def _step(event_id: str, event: Event | None, bases: Sequence[SigmaRule], completing: bool) -> Step:
    if event is None:
        return Step(event_id=event_id, timestamp=None, completing=completing)
    seen = Seen(event)
    return Step(
        event_id=event_id,
        timestamp=seen.value("@timestamp"),
        rules=tuple(base.rule.title for base in bases if matches(base, seen)),
        completing=completing,
    )

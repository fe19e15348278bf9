"""What every rule makes of one event."""

from collections.abc import Mapping

from detections.alerting.exceptions import Exceptions
from detections.correlators.base import correlators
from detections.engine.engine import Engine
from detections.explanation.conditions import explain_condition, ruled_out
from detections.explanation.correlations import group_of, how_it_works
from detections.explanation.model import (
    Base,
    EventExplanation,
    HeldConfidence,
    RuleExplanation,
)
from detections.explanation.parameters import parameters_words
from detections.explanation.seen import Seen
from detections.rules.loading import RuleSet
from detections.rules.model import CorrelationRule, CorrelatorRule, Rule, SigmaRule
from detections.sigma.compiler import compile_conditions
from detections.sigma.documents import Document
from normalizer.events import Alert, Record
from pipeline.problems import one_of


def explain_event(
    ruleset: RuleSet,
    event: Record | Document,
    *,
    document: Document | None = None,
    only: frozenset[str] | None = None,
    doubt: str | None = None,
) -> EventExplanation:
    """What the rules make of an event, or those of the ids `only`.

    `document` is all that was sent of a record of ours: there a misspelt field can be found.
    """
    seen = Seen(event, document)
    exceptions = Exceptions(ruleset.exceptions)
    found = [_sigma(one, seen, exceptions) for one in ruleset.sigma]
    found += [_correlator(one, seen) for one in ruleset.correlators]
    rules = {rule.id: rule for rule in ruleset.rules}
    counted: dict[str, bool | None] = {one.rule.id: one.verdict == "matched" for one in found}
    for one in ruleset.correlations:
        explained = _correlation(one, seen, counted, rules)
        counted[one.rule.id] = None if explained.verdict == "watches" else False
        found.append(explained)
    return EventExplanation(
        event_id=str(seen.value("event.id")),
        action=seen.action,
        timestamp=seen.value("@timestamp"),
        ours=seen.shape is not None,
        doubt=doubt,
        rules=tuple(one for one in found if only is None or one.rule.id in only),
    )


def matches(rule: SigmaRule, seen: Seen) -> bool:
    """Whether a Sigma rule matches the event."""
    compiled = compile_conditions(rule.conditions, seen.reader)
    return compiled if isinstance(compiled, bool) else compiled(seen.event)


def _sigma(one: SigmaRule, seen: Seen, exceptions: Exceptions) -> RuleExplanation:
    condition = explain_condition(one.conditions, seen)
    why = None if condition.holds else ruled_out(one.conditions, seen)
    alert = _alert(one, seen.event) if condition.holds and not one.silent else None
    covering = None
    if alert is not None:
        covering = exceptions.would_cover(one.rule.id, alert, seen.event)
    return RuleExplanation(
        rule=one.rule,
        kind="sigma",
        verdict="matched" if condition.holds else "not matched" if why is None else "ruled out",
        why=why or "",
        condition=condition,
        silent=one.silent,
        exception=covering,
        reason=None if alert is None else alert.reason,
        confidence=None if alert is None else HeldConfidence.of(alert, one.rule),
    )


def _alert(one: SigmaRule, event: Record | Document) -> Alert | None:
    """The alert that the rule gives, exceptions aside."""
    engine = Engine(RuleSet(sigma=(one,)))
    documents = isinstance(event, dict)
    found = engine.process_documents([event]) if documents else engine.process([event])
    return found[0] if found else None


def _correlator(one: CorrelatorRule, seen: Seen) -> RuleExplanation:
    instance = correlators()[one.correlator](one.parameters)
    sees = seen.shape is not None and seen.shape.action in instance.actions
    wanted = one_of(sorted(instance.actions))
    if sees:
        why = f"the correlator {one.correlator} with {parameters_words(one.parameters)}"
    elif seen.shape is None:
        why = "correlators see records of ours only"
    else:
        why = f"event.action is {seen.action}, it watches {wanted}"
    return RuleExplanation(
        rule=one.rule, kind="correlator", verdict="watches" if sees else "ruled out", why=why
    )


def _correlation(
    one: CorrelationRule,
    seen: Seen,
    counted: Mapping[str, bool | None],
    rules: Mapping[str, Rule],
) -> RuleExplanation:
    correlation = one.correlation
    bases = [Base(rules[r], counted.get(r, False)) for r in correlation.rules if r in rules]
    hit = next((base.rule.id for base in bases if base.matched), None)
    group = None if hit is None else group_of(correlation, hit, seen)
    counts = group is not None and not group.lacking
    perhaps = any(base.matched is None for base in bases)
    return RuleExplanation(
        rule=one.rule,
        kind="correlation",
        verdict="watches" if counts or perhaps else "not matched",
        why=how_it_works(correlation, rules),
        silent=one.silent,
        bases=tuple(bases),
        group=group,
    )

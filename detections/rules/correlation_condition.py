"""The `condition` of a correlation: numbers to compare with, or rules joined by words."""

from collections.abc import Mapping
from typing import get_args

from msgspec import Struct

from detections.correlations.hits import Limits
from detections.rules.boolean_grammar import ConditionError, words
from detections.rules.context import Context
from detections.rules.correlation_fields import check_event_field, one_name
from detections.rules.drafts import Draft
from detections.rules.model import MOST_ORDERED, Comparison, CorrelationType, Expression
from detections.rules.places import part
from detections.rules.references import references
from detections.rules.temporal_expression import parse_expression, rule_words
from detections.rules.thresholds import (
    OPERATORS,
    Scope,
    always_holds,
    can_hold,
    in_words,
    read_bounds,
)
from detections.rules.wording_slips import OTHER_MODIFIERS
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning

TEMPORAL: tuple[CorrelationType, ...] = ("temporal", "temporal_ordered")
_OF_NUMBERS: tuple[CorrelationType, ...] = (
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
)
OF_VALUES: tuple[CorrelationType, ...] = ("value_count", *_OF_NUMBERS)
_COUNTS: tuple[CorrelationType, ...] = ("event_count", "value_count")
_NUMERIC = ("exact", "integer", "number")
_KEYS = (*OPERATORS, "field", "percentile")
_CODE = "rule/correlation-condition"


class Condition(Struct, kw_only=True):
    """What of it goes into the model's `Correlation`."""

    comparisons: tuple[Comparison, ...] = ()
    fields: tuple[str, ...] = ()
    percentile: float | None = None
    expression: Expression | None = None


def read_condition(
    draft: Draft, correlation: MappingNode, type_: CorrelationType, context: Context
) -> Condition:
    """The condition of a correlation of this type. Reports what is wrong."""
    assert type_ in get_args(CorrelationType)
    reading, node = draft.reading, correlation.get("condition")
    if node is None:
        if type_ not in (*TEMPORAL, "absence"):
            also = ", and a field" if type_ in OF_VALUES else ""
            _missing(draft, correlation, "condition", f"a comparison, such as {{gte: 10}}{also}")
    elif type_ == "absence":
        reading.report(
            node,
            _CODE,
            "an absence has no condition: it is that nothing comes within the timespan",
            advice="remove it",
        )
    elif isinstance(node, ScalarNode) and node.is_missing and type_ not in TEMPORAL:
        reading.report(node, _CODE, "the value is missing", expected="such as {gte: 10}")
    elif isinstance(node, ScalarNode):
        return Condition(expression=_expression(draft, correlation, node, type_))
    elif isinstance(node, MappingNode):
        for key, _ in node.pairs:
            if key.text not in _KEYS:
                reading.report(
                    key,
                    _CODE,
                    f"the key {shown(key.text)} isn't known in a condition",
                    expected=one_of(_KEYS),
                    hint=OTHER_MODIFIERS.get(key.text) or did_you_mean(key.text, _KEYS),
                )
        return Condition(
            comparisons=_comparisons(draft, node, type_),
            fields=_fields(draft, node, type_, context),
            percentile=_percentile(draft, node, type_),
        )
    else:
        reading.report(node, _CODE, "this isn't a condition", expected="such as {gte: 10}")
    return Condition()


def _expression(
    draft: Draft, correlation: MappingNode, node: ScalarNode, type_: CorrelationType
) -> Expression | None:
    if type_ not in TEMPORAL:
        draft.reading.report(
            node,
            _CODE,
            "only temporal types have a condition in words",
            expected="a comparison, such as {gte: 10}",
        )
        return None
    ids = {name: base.id for _, base in draft.bases for name in (base.name, base.id)}

    def resolve(name: str) -> str:
        return ids.get(name) or ids.get(name.lower()) or ""

    try:
        found = parse_expression(node.text, resolve)
    except ConditionError as error:
        draft.reading.report(
            part(node, error.start, error.end),
            _CODE,
            str(error),
            expected="names of rules, joined by and, or, not and brackets",
            hint=error.hint,
        )
        return None
    if correlation.get("rules") is not None:
        _compare_with_rules(draft, node, ids)
    if type_ == "temporal_ordered":
        _check_ordered(draft, node)
    return found


def _check_ordered(draft: Draft, node: ScalarNode) -> None:
    for word in words(node.text):
        if word.text == "not":
            draft.reading.report(
                part(node, word.start, word.end),
                _CODE,
                "what doesn't happen has no place in an order",
                advice="use the type temporal, or absence for what doesn't follow",
            )
    if len(draft.bases) > MOST_ORDERED:
        message = f"an order with a condition takes at most {MOST_ORDERED} rules"
        draft.reading.report(node, _CODE, message)


def _compare_with_rules(draft: Draft, node: ScalarNode, ids: Mapping[str, str]) -> None:
    """Where there is a list of rules too, both name the same ones."""
    names = [base.name or base.id for _, base in draft.bases]
    listed = {place.text for place in references(draft.node)}  # also those that aren't there
    said = {
        word: ids.get(word.text) or ids.get(word.text.lower()) for word in rule_words(node.text)
    }
    for word, found in said.items():
        if found is None and word.text not in listed:
            draft.reading.report(
                part(node, word.start, word.end),
                _CODE,
                f"the rule {shown(word.text)} isn't in the list of rules",
                expected=one_of(names) if names else None,
                hint=did_you_mean(word.text, names),
            )
    for place, base in draft.bases:
        if base.id not in said.values() and None not in said.values():
            draft.reading.report(
                place,
                _CODE,
                f"the condition doesn't name the rule {shown(base.label)}",
                advice="name it there, or remove it from the list",
            )


def _comparisons(draft: Draft, node: MappingNode, type_: CorrelationType) -> tuple[Comparison, ...]:
    reading = draft.reading
    bounds = read_bounds(reading, node)
    if bounds is None:
        return ()
    if not bounds:
        if type_ not in TEMPORAL:
            message = "there is no number to compare with"
            expected = f"{one_of(OPERATORS)}, such as gte: 10"
            reading.report(node, _CODE, message, expected=expected)
        return ()
    most = Limits().most_events
    if type_ in _COUNTS:
        for bound in bounds:
            if bound.comparison.number > most:
                reading.report(
                    bound.node,
                    "rule/threshold",
                    f"a group keeps its newest {most:,} events, so no count goes beyond",
                    expected=f"a number up to {most:,}",
                    advice="add up a field with value_sum, or count within a shorter timespan",
                )
                return ()
    comparisons = tuple(bound.comparison for bound in bounds)
    scope = _scope(draft, type_)
    if not can_hold(comparisons, scope):
        _report_impossible(draft, node, comparisons, scope)
    elif always_holds(comparisons, scope):
        reading.report(
            node,
            "rule/threshold",
            f"the {scope.noun} is always {in_words(comparisons)}: any event will do",
            severity="warning",
        )
    return comparisons


def _scope(draft: Draft, type_: CorrelationType) -> Scope:
    most = Limits().most_events
    match type_:
        case "event_count":
            return Scope(noun="number of events", least=1, most=most)
        case "value_count":
            return Scope(noun="number of values", least=1, most=most)
        case "temporal" | "temporal_ordered":
            return Scope(noun="number of rules", least=1, most=max(1, len(draft.bases)))
        case _:
            return Scope(noun="value")


def _report_impossible(
    draft: Draft, node: MappingNode, comparisons: tuple[Comparison, ...], scope: Scope
) -> None:
    words, advice = in_words(comparisons), None
    message = f"this can't be: no {scope.noun} is {words}"
    if scope.most is not None:
        bounds = f"from {scope.least} to {scope.most:,}"
        message = f"this can't be: the {scope.noun}, {bounds}, is never {words}"
        if can_hold(comparisons, Scope(noun="", least=0, most=0)):
            advice = "that something doesn't happen is the type absence"
    draft.reading.report(node, "rule/threshold", message, advice=advice)


def _fields(
    draft: Draft, node: MappingNode, type_: CorrelationType, context: Context
) -> tuple[str, ...]:
    reading, place = draft.reading, node.get("field")
    if type_ not in OF_VALUES:
        if place is not None:
            _not_here(draft, node, "field", type_, one_of(OF_VALUES))
        return ()
    if place is None:
        _missing(draft, node, "field", "the field whose values count")
        return ()
    nodes = place.items if isinstance(place, SequenceNode) else [place]
    if not nodes or (len(nodes) > 1 and type_ in _OF_NUMBERS):
        reading.report(place, _CODE, "this must be one field", expected="a field's name")
        return ()
    names: list[str] = []
    for one in nodes:
        if not isinstance(one, ScalarNode) or not one.text:
            reading.report(one, _CODE, "this isn't a field", expected="a field's name")
        elif (name := one_name(draft, one, context)) is not None:
            names.append(name)
            _check_counted(draft, one, name, type_)
    return tuple(names)


def _check_counted(draft: Draft, node: ScalarNode, name: str, type_: CorrelationType) -> None:
    found = check_event_field(draft, node, name)
    if found is None or draft.reading.foreign or type_ not in _OF_NUMBERS:
        return
    if found.kind not in _NUMERIC or found.many:
        what = "a list" if found.many else "no number"
        draft.reading.report(
            node,
            "rule/type",
            f"{name} holds {what}, and {type_} needs numbers",
            advice="value_count counts different values of any kind",
        )


def _percentile(draft: Draft, node: MappingNode, type_: CorrelationType) -> float | None:
    place, expected = node.get("percentile"), "a number from 0 to 100, such as 95"
    if type_ != "value_percentile":
        if place is not None:
            _not_here(draft, node, "percentile", type_, "value_percentile")
        return None
    if place is None:
        _missing(draft, node, "percentile", expected)
        return None
    number = meaning(place) if isinstance(place, ScalarNode) else None
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        draft.reading.report(place, _CODE, "this isn't a number", expected=expected)
        return None
    if not 0 <= number <= 100:
        draft.reading.report(place, _CODE, f"{number} is out of range", expected=expected)
        return None
    if 0 < number < 1:
        draft.reading.report(
            place,
            _CODE,
            f"{number} is less than the first percentile: it counts from 0 to 100",
            severity="warning",
            hint=f"{round(number * 100, 9):g}",
        )
    return float(number)


def _missing(draft: Draft, node: Node, key: str, expected: str) -> None:
    message = f'the key "{key}" is missing'
    draft.reading.report(node, "rule/missing-key", message, expected=expected)


def _not_here(
    draft: Draft, node: MappingNode, name: str, type_: CorrelationType, belongs: str
) -> None:
    key = next(key for key, _ in node.pairs if key.text == name)
    message = f"a correlation of the type {type_} has no {name}"
    draft.reading.report(key, _CODE, message, expected=f"it for {belongs} only")

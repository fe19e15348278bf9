"""The `correlation` part of a rule: read, and checked against the rules that it refers to."""

from collections.abc import Mapping
from typing import Literal, cast, get_args

from msgspec import Struct, field

from detections.rules.context import Context
from detections.rules.correlation_condition import TEMPORAL, read_condition
from detections.rules.correlation_fields import check_event_field, has_field, one_name
from detections.rules.correlation_words import in_our_words
from detections.rules.document import Reading
from detections.rules.drafts import Draft
from detections.rules.field_check import check_field
from detections.rules.model import Correlation, CorrelationType
from detections.rules.timespan import (
    EXPECTED,
    clock_meant,
    minutes_for_months,
    parse_timespan,
)
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.units import UnitError
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: pySigma's names for temporal types with a boolean condition.
_OTHER_NAMES: Mapping[str, CorrelationType] = {
    "temporal_extended": "temporal",
    "temporal_ordered_extended": "temporal_ordered",
}
_ALIASES = "names, each with rules and their fields: wallet: {mint_seen: destination.address}"

Aliases = Mapping[str, Mapping[str, str]]


class CorrelationDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of Sigma's specification; `absence` is an extension of ours."""

    type: Literal[
        "event_count",
        "value_count",
        "value_sum",
        "value_avg",
        "value_percentile",
        "value_median",
        "temporal",
        "temporal_ordered",
        "temporal_extended",
        "temporal_ordered_extended",
        "absence",
    ]
    rules: Node | None = None
    group_by: Node | None = field(default=None, name="group-by")
    aliases: Node | None = None
    timespan: Node | None = None
    condition: Node | None = None
    generate: bool = False


def read_correlation(draft: Draft, context: Context) -> Correlation | None:
    """The correlation; None where it can't be used. Reports what is wrong."""
    reading, node = draft.reading, draft.node.get("correlation")
    assert node is not None
    if isinstance(node, MappingNode):
        node = in_our_words(reading, node)
    outcome = examine(node, CorrelationDocument)
    reading.problems += outcome.problems
    if not isinstance(node, MappingNode):
        return None
    timespan = _timespan(reading, node)
    aliases = _aliases(draft, node.get("aliases"), context)
    group_by = _group_by(draft, node, aliases, context)
    type_ = _type(node)
    if type_ is None:
        return None
    _check_rules(draft, node, type_)
    condition = read_condition(draft, node, type_, context)
    if timespan is None or not reading.usable:
        return None
    return Correlation(
        type=type_,
        rules=tuple(base.id for _, base in draft.bases),
        timespan=timespan,
        group_by=group_by,
        aliases=aliases,
        comparisons=condition.comparisons,
        fields=condition.fields,
        percentile=condition.percentile,
        expression=condition.expression,
    )


def _type(node: MappingNode) -> CorrelationType | None:
    given = node.get("type")
    name = given.text if isinstance(given, ScalarNode) else ""
    if name in _OTHER_NAMES:
        return _OTHER_NAMES[name]
    return cast("CorrelationType", name) if name in get_args(CorrelationType) else None


def _timespan(reading: Reading, correlation: MappingNode) -> int | None:
    node = correlation.get("timespan")
    if node is None:
        said = 'the key "timespan" is missing here'
        reading.report(correlation, "rule/timespan", said, expected=EXPECTED)
        return None
    if not isinstance(node, ScalarNode):
        reading.report(node, "rule/timespan", "this isn't a timespan", expected=EXPECTED)
        return None
    try:
        span = parse_timespan(node.text)
        if (minutes := minutes_for_months(node.text)) is not None:
            months = minutes.removesuffix("m")
            reading.report(
                node,
                "rule/timespan",
                f"{node.text} is {months} months, since M is a month",
                severity="warning",
                hint=minutes,
            )
        return span
    except UnitError as error:
        reading.report(
            node,
            "rule/timespan",
            f"{shown(node.text)}: {error.message}",
            expected=EXPECTED,
            hint=error.hint or clock_meant(node.text),
            advice=error.advice,
        )
        return None


def _check_rules(draft: Draft, node: MappingNode, type_: CorrelationType) -> None:
    reading, rules = draft.reading, node.get("rules")
    if rules is None:
        in_words = type_ in TEMPORAL and isinstance(node.get("condition"), ScalarNode)
        misspelt = any(problem.hint == "rules" for problem in reading.problems)
        if not in_words and not misspelt:
            expected = "a list of the ids or names of rules"
            message = 'the key "rules" is missing'
            reading.report(node, "rule/missing-key", message, expected=expected)
        return
    nodes = rules.items if isinstance(rules, SequenceNode) else [rules]
    for one in nodes:
        if not isinstance(one, ScalarNode) or not one.text.strip():
            expected = "the id or name of a rule"
            reading.report(one, "rule/reference", "this isn't a rule", expected=expected)
    if type_ == "absence" and len(nodes) > 2:
        reading.report(
            rules,
            "rule/reference",
            "absence is about one rule, or about a second one that doesn't follow the first",
            expected="one or two rules",
        )
    elif len(nodes) < (2 if type_ == "temporal_ordered" else 1):
        expected = "two rules or more" if type_ == "temporal_ordered" else "a rule"
        reading.report(rules, "rule/reference", "there are too few rules", expected=expected)


def _aliases(draft: Draft, node: Node | None, context: Context) -> Aliases:
    """Alias to rule id to field."""
    found: dict[str, dict[str, str]] = {}
    if node is None:
        return found
    if not isinstance(node, MappingNode):
        draft.reading.report(node, "rule/alias", "this isn't a group", expected=_ALIASES)
        return found
    for key, of in node.pairs:
        found[key.text] = {}
        if not isinstance(of, MappingNode) or not of.pairs:
            message = "an alias says which field it is for each rule"
            draft.reading.report(of, "rule/alias", message, expected=_ALIASES)
            continue
        for rule, name in of.pairs:
            base = _base_called(draft, rule)
            if not isinstance(name, ScalarNode) or not name.text:
                draft.reading.report(
                    name, "rule/alias", "this isn't a field", expected="a field's name"
                )
            elif base is not None and (mapped := one_name(draft, name, context)) is not None:
                found[key.text][base.id] = mapped
                _check_field_of(draft, base, name, mapped)
    return found


def _base_called(draft: Draft, node: ScalarNode) -> Draft | None:
    text = node.text.strip()
    for _, base in draft.bases:
        if base.name == text or base.id == text.lower():
            return base
    names = [base.name or base.id for _, base in draft.bases]
    draft.reading.report(
        node,
        "rule/alias",
        f"the correlation doesn't refer to a rule {shown(text)}",
        expected=one_of(names) if names else None,
        hint=did_you_mean(text, names),
    )
    return None


def _check_field_of(draft: Draft, base: Draft, node: ScalarNode, name: str) -> None:
    """Whether the events of one base rule can have a field."""
    if base.kind == "sigma" and check_field(draft.reading, node, name) is None:
        return
    if not has_field(base, name):
        message = f"no event that {base.label} matches has a field {shown(name)}"
        draft.reading.report(node, "rule/field", message)


def _group_by(
    draft: Draft, correlation: MappingNode, aliases: Aliases, context: Context
) -> tuple[str, ...]:
    reading, node = draft.reading, correlation.get("group-by")
    if node is None:
        nodes: list[Node] = []
    else:
        nodes = node.items if isinstance(node, SequenceNode) else [node]
    names: list[str] = []
    for one in nodes:
        if not isinstance(one, ScalarNode) or not one.text:
            reading.report(one, "rule/group-by", "this isn't a field", expected="fields or aliases")
        elif one.text in names:
            reading.report(one, "rule/group-by", f"{shown(one.text)} is named twice")
        elif one.text in aliases:
            names.append(one.text)
            _check_alias(draft, one, aliases[one.text])
        elif "," in one.text:
            listed = ", ".join(part.strip() for part in one.text.split(","))
            message = "several fields are a list"
            reading.report(one, "rule/group-by", message, hint=f"[{listed}]")
        else:
            for name in context.names_of(draft, one.text):
                names.append(name)
                check_event_field(draft, one, name, also=aliases)
    _check_used(reading, correlation.get("aliases"), names)
    return tuple(names)


def _check_alias(draft: Draft, node: ScalarNode, of: Mapping[str, str]) -> None:
    without = [base.label for _, base in draft.bases if base.id not in of]
    if of and without:
        draft.reading.report(
            node,
            "rule/ungrouped",
            f"the alias {shown(node.text)} says no field for {one_of(without)}: it doesn't count",
            severity="warning",
        )


def _check_used(reading: Reading, node: Node | None, names: list[str]) -> None:
    for key, _ in node.pairs if isinstance(node, MappingNode) else ():
        if key.text not in names:
            message = f"the alias {shown(key.text)} isn't used in group-by"
            reading.report(key, "rule/unused-alias", message, severity="warning")

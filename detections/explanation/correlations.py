"""How a correlation counts an event: by which rule, in which group; and what it waits for."""

from collections.abc import Iterable, Mapping

from detections.explanation.model import Group
from detections.explanation.seen import Seen, text_of
from detections.rules.model import (
    Comparison,
    Correlation,
    Expression,
    Junction,
    Reference,
    Rule,
)
from pipeline.problems import one_of
from pipeline.units import format_duration

_COMPARED = {
    "gt": "more than",
    "gte": "at least",
    "lt": "less than",
    "lte": "at most",
    "eq": "exactly",
    "neq": "not",
}
_VALUES = {
    "value_sum": "the sum",
    "value_avg": "the average",
    "value_median": "the median",
}


def group_of(correlation: Correlation, rule_id: str, seen: Seen) -> Group:
    """The group that a match of one of the correlation's rules falls in."""
    values: list[tuple[str, str]] = []
    lacking: list[str] = []
    for name in correlation.group_by:
        field = field_of(correlation, rule_id, name)
        found = [] if field is None else seen.values(field)
        if found:
            # A list puts the event into one group for each of its elements.
            values.append((name, one_of(dict.fromkeys(text_of(one) for one in found))))
        else:
            lacking.append(name)
    return Group(values=tuple(values), lacking=tuple(lacking))


def field_of(correlation: Correlation, rule_id: str, name: str) -> str | None:
    """The field that stands for a name in `group-by` in the events of a rule."""
    alias = correlation.aliases.get(name)
    return name if alias is None else alias.get(rule_id)


def how_it_works(correlation: Correlation, rules: Mapping[str, Rule]) -> str:
    """The correlation in a sentence: `at least 5 events of "Large transfer" within 10m, ...`."""
    titles = [_title(rules, one) for one in correlation.rules]
    span = format_duration(correlation.timespan)
    by = ", ".join(correlation.group_by)
    grouped = f", counted for each {by}" if by else ""
    return f"{_what(correlation, titles, rules, span)}{grouped}"


def _what(correlation: Correlation, titles: list[str], rules: Mapping[str, Rule], span: str) -> str:
    compared = _compared(correlation.comparisons)
    of_rules = f"of {one_of(titles)}"
    fields = " and ".join(correlation.fields)
    match correlation.type:
        case "event_count":
            return f"{compared} events {of_rules} within {span}"
        case "value_count":
            return f"{compared} different values of {fields} in events {of_rules} within {span}"
        case "value_sum" | "value_avg" | "value_median":
            said = f"{_VALUES[correlation.type]} of {fields} in events {of_rules} within {span}"
            return f"{said} is {compared}"
        case "value_percentile":
            said = f"percentile {correlation.percentile:g} of {fields} in events {of_rules}"
            return f"{said} within {span} is {compared}"
        case "temporal" | "temporal_ordered":
            order = " in this order" if correlation.type == "temporal_ordered" else ""
            if correlation.expression is not None:
                return f"{_expressed(correlation.expression, rules)} within {span}{order}"
            if correlation.comparisons:
                return f"{compared} of {', '.join(titles)} within {span}{order}"
            return f"all of {', '.join(titles)} within {span}{order}"
        case "absence":
            first, *others = titles
            if others:
                return f"no event of {one_of(others)} follows one of {first} within {span}"
            return f"nothing follows the last event of {first} for {span}"


def _compared(comparisons: Iterable[Comparison]) -> str:
    return " and ".join(f"{_COMPARED[one.operator]} {one.number}" for one in comparisons)


def _expressed(expression: Expression, rules: Mapping[str, Rule]) -> str:
    match expression:
        case Reference():
            return _title(rules, expression.rule)
        case Junction():
            parts = [_expressed(part, rules) for part in expression.parts]
            return f"({f' {expression.operator} '.join(parts)})"
        case _:
            return f"not {_expressed(expression.part, rules)}"


def _title(rules: Mapping[str, Rule], rule_id: str) -> str:
    rule = rules.get(rule_id)
    return f'"{rule.title}"' if rule is not None else rule_id

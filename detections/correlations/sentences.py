"""What a correlation found, in words with numbers."""

from collections.abc import Callable, Mapping, Sequence

from detections.alerting.wording import amount, lapse
from detections.correlations.conditions import Condition
from detections.correlations.values import readable
from detections.correlations.windows import Outcome
from detections.rules.model import (
    Correlation,
    CorrelationRule,
    Expression,
    Junction,
    Negation,
    Reference,
)

#: The sentence of an outcome whose alert rests on a series of so many nanoseconds.
Sentence = Callable[[Outcome, int], str]

_LONGEST_VALUE = 200


def sentence_of(rule: CorrelationRule, titles: Mapping[str, str]) -> Sentence:
    """The function that writes the sentence of a correlation's firings.

    `titles` are those of the rules that it refers to; one that isn't known goes by its id.
    """
    correlation = rule.correlation
    names = {one: f'"{titles.get(one, one)}"' for one in correlation.rules}
    found = _found(correlation, names)
    condition = _condition(correlation)
    span = lapse(correlation.timespan)

    def sentence(outcome: Outcome, lasted: int) -> str:
        parts = [found(outcome, span)]
        if outcome.key:
            parts.append(f" for {_group(correlation.group_by, outcome.key)}")
        parts.append(condition)
        if outcome.alert > 1:
            parts.append(f"; the series has {outcome.events:,} events over {lapse(lasted)} so far")
        return "".join(parts)

    return sentence


def _found(correlation: Correlation, names: Mapping[str, str]) -> Callable[[Outcome, str], str]:
    listed = list(names.values())
    any_of, fields = _listed(listed, "or"), _listed(correlation.fields, "and")
    match correlation.type:
        case "event_count":
            return lambda o, span: f"{_matches(o.count)} of {any_of} within {span}"
        case "value_count":
            what = "combinations" if len(correlation.fields) > 1 else "values"
            return lambda o, span: (
                f"{o.count:,} different {what if o.count != 1 else what[:-1]} of {fields} in "
                f"matches of {any_of} within {span}"
            )
        case "value_sum":
            verb = f"{fields} adds up to"
        case "value_avg":
            verb = f"{fields} averages"
        case "value_median":
            verb = f"the median of {fields} is"
        case "value_percentile":
            verb = f"percentile {amount(correlation.percentile or 0)} of {fields} is"
        case "temporal" | "temporal_ordered":
            return _temporal(correlation, names)
        case "absence":
            if len(correlation.rules) == 1:
                return lambda o, span: f"no match of {any_of} for {span} after the last one"
            first, second = (names[one] for one in correlation.rules[:2])
            return lambda o, span: (
                f"no match of {second} within {span} after {_matches(o.count)} of {first}"
            )
    return lambda o, span: f"{verb} {_value(o)} over {_matches(o.count)} of {any_of} within {span}"


def _temporal(correlation: Correlation, names: Mapping[str, str]) -> Callable[[Outcome, str], str]:
    ordered = correlation.type == "temporal_ordered"
    in_order = ", one after the other," if ordered else ""
    if correlation.expression is not None:
        wanted = _expression(correlation.expression, names)
        return lambda o, span: f"{wanted}{in_order} within {span}"
    listed = [names[one] for one in correlation.rules]
    if not correlation.comparisons:
        found = ", then ".join(listed) if ordered else _listed(list(dict.fromkeys(listed)), "and")
        return lambda o, span: f"{found} within {span}"
    all_of = _listed(list(dict.fromkeys(listed)), "and")
    return lambda o, span: f"{o.count} of the rules {all_of}{in_order} within {span}"


def _condition(correlation: Correlation) -> str:
    if correlation.type == "absence" or not correlation.comparisons:
        return ""
    return f" (alert {Condition(correlation.comparisons).words})"


def _expression(expression: Expression, names: Mapping[str, str], inner: bool = False) -> str:
    match expression:
        case Reference(rule):
            return names.get(rule, f'"{rule}"')
        case Negation(part):
            return f"not {_expression(part, names, inner=True)}"
        case Junction(operator, parts):
            text = f" {operator} ".join(_expression(part, names, inner=True) for part in parts)
            return f"({text})" if inner else text


def _matches(count: int) -> str:
    return f"{count:,} match" if count == 1 else f"{count:,} matches"


def _value(outcome: Outcome) -> str:
    return "unknown" if outcome.value is None else amount(readable(outcome.value))


def _group(names: Sequence[str], key: Sequence[str]) -> str:
    return " and ".join(f"{n} {_shown(v)}" for n, v in zip(names, key, strict=True))


def _shown(text: str) -> str:
    # Texts of contracts and venues must not break the sentence's line or turn its direction.
    text = text[:_LONGEST_VALUE]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _listed(texts: Sequence[str], last: str) -> str:
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"

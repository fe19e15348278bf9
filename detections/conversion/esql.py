"""Conditions as ES|QL, in the meaning of our index templates.

No ES|QL ran in our tests: the server that they have lacks it. The queries are checked against
Elastic's own grammar. What the language's documentation says that differs from our engine:

- A comparison with a missing field is null, and so is its negation: negations fall back on false.
- A comparison with a field of several values is null: lists are joined by line feeds, and a regular
  expression looks for the value between them; of numbers the largest and smallest are compared.
- `==` is exact about case: where a field's case isn't known, its lower case is compared.
- Strings have `\\n`, and no line feed as it is.
"""

from typing import Any

from sigma.backends.elasticsearch import ESQLBackend
from sigma.conditions import ConditionNOT
from sigma.conversion.state import ConversionState
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    TimestampPart,
)

from detections.conversion.known_fields import field_type, is_list, is_searchable
from detections.conversion.losses import Losses
from detections.conversion.lucene import OPERATORS, TARGET, translate_for
from detections.conversion.numbers import check_number, check_size, check_time
from detections.conversion.patterns import IN_LINE, IN_VALUE, LONGEST_PATTERN, of_text
from detections.conversion.texts import Text, read_text
from detections.conversion.trees import Keyword, Leaf, Tree, leaf, raw

_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PARTS = {
    TimestampPart.MINUTE: "minute_of_hour",
    TimestampPart.HOUR: "hour_of_day",
    TimestampPart.DAY: "day_of_month",
    TimestampPart.MONTH: "month_of_year",
    TimestampPart.YEAR: "year",
}


class Esql(ESQLBackend):
    """pySigma's backend, with negations that hold for events without the field."""

    def convert_value_str(self, s: SigmaString, state: ConversionState) -> str:
        return quoted("".join(str(part) for part in s.s))

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> Any:
        inner: Any = cond.args[0]
        if isinstance(inner, Leaf) and isinstance(inner.value, SigmaNull):
            return f"{self.escape_and_quote_field(inner.field)} is not null"
        return f"not coalesce({self.convert_condition(inner, state)}, false)"


_BACKEND = Esql()


def quoted(text: str) -> str:
    """A text as a string of ES|QL."""
    return f'"{"".join(_ESCAPED.get(char, char) for char in text)}"'


def condition_of(tree: Tree, backend: Esql) -> str:
    """The condition of a fitted tree, without `from` and `where`."""
    query: Any = backend.convert_condition(tree, ConversionState())
    return str(query)


def query_of(condition: str, backend: Esql, index: str) -> str:
    """The whole query."""
    state = ConversionState(processing_state={"index": index})
    return backend.finalize_query_default(None, condition, 0, state)  # pyright: ignore[reportArgumentType]


def fit(found: Leaf | Keyword, losses: Losses) -> Tree:
    """The leaf as ES|QL takes it in our meaning; as it is, where it was refused."""
    if isinstance(found, Keyword):
        losses.refuse(
            "keyword",
            "a keyword is looked for in every value of an event, which ES|QL can't do",
            found,
            "name the fields that it may stand in",
        )
        return found
    if not is_searchable(found.field):
        losses.refuse("not-indexed", f"{found.field} isn't indexed in Elasticsearch", found)
        return found
    match found.value:
        case SigmaExists():
            return leaf(
                found.field, SigmaExists(True) if found.value.exists else SigmaNull(), found
            )
        case SigmaNull() | SigmaBool():
            return found
        case SigmaString():
            return _text(found, read_text(found.field, found.value), losses)
        case SigmaRegularExpression():
            dot = IN_LINE if is_list(found.field) else IN_VALUE
            pattern = translate_for(found, found.value, losses, dot)
            return (
                found if pattern is None else _pattern(found, column(found.field), pattern, losses)
            )
        case SigmaTimestampPart():
            return _part(found, "==", found.value, losses)
        case SigmaNumber():
            return _number(found, found.value.number, losses)
        case SigmaCompareExpression():
            return _size(found, found.value, losses)
        case SigmaCIDRExpression():
            if is_list(found.field):
                losses.refuse(
                    "list", f"{found.field} is a list, whose networks ES|QL can't say", found
                )
                return found
            network = quoted(str(found.value.network))
            return raw(found.field, f"cidr_match(to_ip({column(found.field)}), {network})", found)
        case SigmaFieldReference():
            return _reference(found, found.value, losses)
        case _:
            kind = type(found.value).__name__
            losses.refuse("value", f"a value of the kind {kind} can't be converted", found)
    return found


def column(field: str) -> str:
    """A field as it stands in a query."""
    return _BACKEND.escape_and_quote_field(field)


def _text(found: Leaf, text: Text, losses: Losses) -> Tree:
    if text.value.contains_placeholder():
        losses.refuse("placeholder", "a placeholder has no value here", found)
        return found
    if text.anything:
        return leaf(found.field, SigmaExists(True), found)
    if not text.regular:
        losses.warn(
            "letter-case", "the case of some of its letters is compared in another way", found
        )
    folded = text.comparing == "any case"
    value = text.value.lower() if folded else text.value
    many = is_list(found.field)
    if text.plain is not None and not many and not folded:
        return leaf(found.field, SigmaString.from_str(text.plain), found)
    joined = f'mv_concat({column(found.field)}, "\\n")' if many else column(found.field)
    compared = f"to_lower({joined})" if folded else joined
    if text.plain is not None and not many:
        return raw(found.field, f"{compared} == {quoted(text.plain.lower())}", found)
    pattern = of_text(value, cased=True, dot=IN_LINE if many else IN_VALUE)
    return _pattern(found, compared, pattern, losses)


def _pattern(found: Leaf, compared: str, pattern: str, losses: Losses) -> Tree:
    if is_list(found.field):
        if not compared.startswith(("mv_concat(", "to_lower(mv_concat(")):
            compared = f'mv_concat({compared}, "\\n")'
        pattern = f"(.*\n)?({pattern})(\n.*)?"
    if len(pattern) > LONGEST_PATTERN:
        losses.refuse(
            "long-text",
            "as a regular expression, which its case or wildcards make of it, it is longer than "
            f"the {LONGEST_PATTERN:,} characters that Elasticsearch takes",
            found,
        )
        return found
    return raw(found.field, f"{compared} rlike {quoted(pattern)}", found)


def _number(found: Leaf, number: int | float, losses: Losses) -> Tree:
    kind = field_type(found.field)
    if kind is not None and kind.kind == "date":
        return _time(found, "==", number, losses)
    if is_list(found.field):
        losses.refuse(
            "list", f"{found.field} is a list, one of whose numbers ES|QL can't find", found
        )
        return found
    check_number(found, number, TARGET, losses)
    if kind is not None and kind.kind == "exact":
        return leaf(found.field, SigmaString.from_str(str(number)), found)
    return found


def _size(found: Leaf, value: SigmaCompareExpression, losses: Losses) -> Tree:
    operator = OPERATORS.get(value.op)
    if operator is None:
        losses.refuse("value", "a comparison of this kind can't be converted", found)
        return found
    if isinstance(value.number, SigmaTimestampPart):
        return _part(found, operator, value.number, losses)
    number = value.number.number
    kind = field_type(found.field)
    if kind is not None and kind.kind == "date":
        return _time(found, operator, number, losses)
    check_size(found, number, TARGET, losses)
    if not is_list(found.field):
        return found
    extreme = "mv_max" if operator.startswith(">") else "mv_min"
    return raw(found.field, f"{extreme}({column(found.field)}) {operator} {number}", found)


def _time(found: Leaf, operator: str, number: int | float, losses: Losses) -> Tree:
    moment = check_time(found, number, losses)
    return found if moment is None else before_or_after(found.field, operator, moment, found)


def before_or_after(field: str, operator: str, moment: str, like: object = None) -> Tree:
    """A comparison of a time field with an RFC 3339 time."""
    return raw(field, f"{column(field)} {operator} to_date_nanos({quoted(moment)})", like)


def _part(found: Leaf, operator: str, value: SigmaTimestampPart, losses: Losses) -> Tree:
    part = _PARTS.get(value.timestamp_part)
    if part is None:
        losses.refuse("time-part", "ES|QL has no week of the year as ISO 8601 counts it", found)
        return found
    extracted = f'date_extract("{part}", {column(found.field)})'
    return raw(found.field, f"{extracted} {operator} {value.number}", found)


def _reference(found: Leaf, value: SigmaFieldReference, losses: Losses) -> Tree:
    kinds = {
        kind.kind if kind else "keyword" for kind in map(field_type, (found.field, value.field))
    }
    if is_list(found.field) or is_list(value.field):
        losses.refuse("list", "ES|QL can't compare fields that are lists", found)
        return found
    ours, theirs = column(found.field), column(value.field)
    if kinds <= {"keyword", "exact"}:
        if kinds == {"keyword"}:
            ours, theirs = f"to_lower({ours})", f"to_lower({theirs})"
    elif len(kinds) > 1 and not kinds <= {"integer", "number"}:
        losses.refuse("two-fields", "ES|QL can't compare fields of different types", found)
        return found
    elif value.starts_with or value.ends_with:
        losses.refuse("two-fields", "ES|QL can't look for a number in a number", found)
        return found
    if value.starts_with and value.ends_with:
        return raw(found.field, f"locate({ours}, {theirs}) > 0", found)
    if value.starts_with or value.ends_with:
        function = "starts_with" if value.starts_with else "ends_with"
        return raw(found.field, f"{function}({ours}, {theirs})", found)
    return raw(found.field, f"{ours} == {theirs}", found)

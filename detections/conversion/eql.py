"""Conditions as EQL, in the meaning of our index templates.

No EQL ran in our tests either. What its documentation says that differs from our engine:

- A comparison with a missing field is null, and so is its negation. So negations go down to the
  leaves, where a missing field is asked for.
- `:` leaves case out of account, `==` doesn't; `regex` is exact about case, where the backend
  writes `regex~`, which isn't.
- Lists aren't supported.
"""

import re
from typing import Any, ClassVar

from sigma.backends.elasticsearch import EqlBackend
from sigma.conditions import ConditionAND, ConditionItem, ConditionNOT, ConditionOR
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
)

from detections.conversion.known_fields import field_type, is_list, is_searchable, is_split
from detections.conversion.losses import Losses
from detections.conversion.lucene import OPERATORS, translate_for
from detections.conversion.numbers import check_number, check_size, check_time
from detections.conversion.patterns import of_text
from detections.conversion.texts import Text, read_text
from detections.conversion.trees import (
    Keyword,
    Leaf,
    Tree,
    any_of,
    every,
    is_defined,
    negated,
    parts_of,
    raw,
)

TARGET = "EQL"
_WORDS = (
    *("and", "any", "by", "false", "in", "join", "like", "maxspan", "not", "null", "of", "or"),
    *("regex", "runs", "sample", "sequence", "true", "until", "where", "with"),
)
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Eql(EqlBackend):
    """pySigma's backend, with names in quotes that hold a word of the language."""

    field_quote_pattern: ClassVar = re.compile(
        rf"\d|.*[^\w.]|(?:.*\.)?(?:{'|'.join(_WORDS)})(?:\.|$)", re.IGNORECASE
    )


_BACKEND = Eql()


def condition_of(tree: Tree) -> str:
    """The condition of a fitted tree, without `any where`."""
    query: Any = _BACKEND.convert_condition(tree, ConversionState())
    return str(query)


def column(field: str) -> str:
    """A field as it stands in a query."""
    return _BACKEND.escape_and_quote_field(field)


def quoted(text: str) -> str:
    """A text as a string of EQL."""
    return f'"{"".join(_ESCAPED.get(char, char) for char in text)}"'


def with_missing_fields(tree: Tree, *, holds: bool = True) -> Tree:
    """The tree, or its opposite, with negations at the leaves, where a missing field counts."""
    match tree:
        case ConditionNOT():
            return with_missing_fields(parts_of(tree)[0], holds=not holds)
        case ConditionAND() | ConditionOR():
            parts = [with_missing_fields(part, holds=holds) for part in parts_of(tree)]
            return every(parts) if isinstance(tree, ConditionAND) is holds else any_of(parts)
        case _:
            if holds or isinstance(tree, (ConditionItem, Keyword)):
                return tree if holds else negated(tree)
            opposite = negated(tree)
            if is_defined(tree):
                return opposite
            return any_of([opposite, _presence(tree, present=False)])


def fit(found: Leaf | Keyword, losses: Losses) -> Tree:
    """The leaf as EQL takes it in our meaning; as it is, where it was refused."""
    if isinstance(found, Keyword):
        losses.refuse("keyword", "EQL has no search over all fields", found)
        return found
    if not is_searchable(found.field):
        losses.refuse("not-indexed", f"{found.field} isn't indexed in Elasticsearch", found)
        return found
    if is_split(found.field) and isinstance(found.value, SigmaString | SigmaRegularExpression):
        losses.refuse(
            "words", f"{found.field} is held as words, which EQL can't compare", found, "use ES|QL"
        )
        return found
    name = column(found.field)
    match found.value:
        case SigmaExists():
            return _presence(found, present=found.value.exists)
        case SigmaNull():
            return _presence(found, present=False)
        case _ if is_list(found.field):
            losses.refuse("list", f"{found.field} is a list, which EQL doesn't support", found)
        case SigmaBool():
            return raw(found.field, f"{name} == {str(found.value.boolean).lower()}", found)
        case SigmaString():
            return _text(found, read_text(found.field, found.value), losses)
        case SigmaRegularExpression():
            pattern = translate_for(found, found.value, losses)
            if pattern is not None:
                return raw(found.field, f"{name} regex {quoted(pattern)}", found)
        case SigmaTimestampPart():
            losses.refuse("time-part", "EQL can't take a part of a time", found)
        case SigmaNumber():
            return _number(found, "==", found.value.number, losses)
        case SigmaCompareExpression():
            operator = OPERATORS.get(found.value.op)
            if operator is None or isinstance(found.value.number, SigmaTimestampPart):
                losses.refuse("time-part", "EQL can't take a part of a time", found)
            else:
                return _number(found, operator, found.value.number.number, losses)
        case SigmaCIDRExpression():
            return raw(found.field, f"cidrMatch({name}, {quoted(str(found.value.network))})", found)
        case SigmaFieldReference():
            losses.refuse("two-fields", "EQL can't compare two fields", found, "use ES|QL")
        case _:
            kind = type(found.value).__name__
            losses.refuse("value", f"a value of the kind {kind} can't be converted", found)
    return found


def _presence(found: Leaf, *, present: bool) -> Leaf:
    operator = "!=" if present else "=="
    return raw(found.field, f"?{column(found.field)} {operator} null", found, defined=True)


def _text(found: Leaf, text: Text, losses: Losses) -> Tree:
    name = column(found.field)
    if text.value.contains_placeholder():
        losses.refuse("placeholder", "a placeholder has no value here", found)
        return found
    if text.anything:
        return _presence(found, present=True)
    if not text.regular:
        losses.warn(
            "letter-case", "the case of some of its letters is compared in another way", found
        )
    exact = text.comparing == "exact"
    if text.plain is not None and exact:
        return raw(found.field, f"{name} == {quoted(text.plain)}", found)
    if text.plain is not None and not set("*?") & set(text.plain):
        return raw(found.field, f"{name} : {quoted(text.plain)}", found)
    # Wildcards can't be escaped in EQL's own patterns.
    return raw(found.field, f"{name} regex {quoted(of_text(text.value, cased=exact))}", found)


def _number(found: Leaf, operator: str, number: int | float, losses: Losses) -> Tree:
    kind = field_type(found.field)
    written = str(number)
    if kind is not None and kind.kind == "date":
        moment = check_time(found, number, losses)
        if moment is None:
            return found
        written = quoted(moment)
    elif kind is not None and kind.kind == "exact" and operator == "==":
        written = quoted(str(number))
    elif operator == "==":
        check_number(found, number, TARGET, losses)
    else:
        check_size(found, number, TARGET, losses)
    return raw(found.field, f"{column(found.field)} {operator} {written}", found)


def before_or_after(field: str, operator: str, moment: str, like: object = None) -> Tree:
    """A comparison of a time field with an RFC 3339 time."""
    return raw(field, f"{column(field)} {operator} {quoted(moment)}", like)

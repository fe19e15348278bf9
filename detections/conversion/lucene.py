"""Conditions as Lucene queries of Elasticsearch, in the meaning of our index templates.

What pySigma's backend says with another meaning than ours is rewritten before it gets there, each
found by running the two against each other on a real server:

- Texts go in quotes or become regular expressions. In the backend's form a text that begins with
  `<` becomes a range, `AND` a syntax error, a tabulator ends the value.
- `keyword` fields are compared by exact case there. Where a field's case isn't known, the text
  becomes a regular expression of letters in both cases.
- Regular expressions match the whole value there, and are a smaller language.
- Negative numbers are quoted: `field:(-5 OR 5)` means "5, and not 5" there.
- `x OR NOT y` means "x and not y" there unless the second part stands in parentheses.
"""

import re
from typing import Any

from sigma.backends.elasticsearch import LuceneBackend
from sigma.conversion.state import ConversionState
from sigma.types import (
    CompareOperators,
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

from detections.conversion.expressions import Untranslatable, translate
from detections.conversion.known_fields import field_type, is_searchable, is_split
from detections.conversion.losses import Losses
from detections.conversion.numbers import check_number, check_size, check_time
from detections.conversion.patterns import IN_VALUE, LONGEST_PATTERN, Dot, of_text
from detections.conversion.texts import Text, read_text
from detections.conversion.trees import Keyword, Leaf, Tree, leaf, raw

TARGET = "Elasticsearch"
#: Longer texts are in the document, but not indexed (`ignore_above`).
LONGEST_TEXT = 1_024

OPERATORS = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
}


class Lucene(LuceneBackend):
    """pySigma's backend, with every text in quotes."""

    def convert_value_str(self, s: SigmaString, state: ConversionState) -> str:
        escaped = s.convert("\\", None, None, '"\\', "")
        return f'"{escaped}"'


def query_of(tree: Tree) -> str:
    """The query of a fitted tree."""
    backend = Lucene()
    state = ConversionState()
    query: Any = backend.finish_query(None, backend.convert_condition(tree, state), state)  # pyright: ignore[reportArgumentType]
    return str(query)


def fit(found: Leaf | Keyword, losses: Losses) -> Tree:
    """The leaf as Elasticsearch takes it in our meaning; as it is, where it was refused."""
    if isinstance(found, Keyword):
        losses.refuse(
            "keyword",
            "a keyword is looked for in every value of an event; Elasticsearch looks only in "
            "message, event.reason and rule.name",
            found,
            "name the fields that it may stand in",
        )
        return found
    if not is_searchable(found.field):
        losses.refuse("not-indexed", f"{found.field} isn't indexed in Elasticsearch", found)
        return found
    if is_split(found.field) and isinstance(found.value, SigmaString | SigmaRegularExpression):
        losses.refuse(
            "words",
            f"{found.field} is held as words in Elasticsearch, and is found by these only",
            found,
            "use ES|QL",
        )
        return found
    match found.value:
        case SigmaExists():
            # Not as the backend says it: `NOT _exists_` without parentheses, wrong after an OR.
            return leaf(
                found.field, SigmaExists(True) if found.value.exists else SigmaNull(), found
            )
        case SigmaNull() | SigmaBool():
            return found
        case SigmaString():
            return _text(found, read_text(found.field, found.value), losses)
        case SigmaRegularExpression():
            return _expression(found, found.value, losses)
        case SigmaTimestampPart():
            losses.refuse("time-part", "Elasticsearch's queries can't take a part of a time", found)
        case SigmaNumber():
            return _number(found, found.value.number, losses)
        case SigmaCompareExpression():
            return _size(found, found.value, losses)
        case SigmaCIDRExpression():
            losses.refuse(
                "network",
                f"{found.field} is text in Elasticsearch, which knows no networks in text",
                found,
            )
        case SigmaFieldReference():
            losses.refuse(
                "two-fields",
                "Elasticsearch's queries can't compare two fields",
                found,
                "use ES|QL",
            )
        case _:
            kind = type(found.value).__name__
            losses.refuse("value", f"a value of the kind {kind} can't be converted", found)
    return found


def _text(found: Leaf, text: Text, losses: Losses) -> Tree:
    if text.value.contains_placeholder():
        losses.refuse("placeholder", "a placeholder has no value here", found)
        return found
    if text.anything:
        return leaf(found.field, SigmaExists(True), found)
    if text.plain is not None and len(text.plain) > LONGEST_TEXT:
        losses.refuse(
            "long-text",
            f"Elasticsearch doesn't index texts beyond {LONGEST_TEXT:,} characters",
            found,
        )
        return found
    if not text.regular:
        losses.warn(
            "letter-case", "the case of some of its letters is compared in another way", found
        )
    if text.plain is not None and text.comparing == "exact":
        return leaf(found.field, SigmaString.from_str(text.plain), found)
    return _pattern(found, of_text(text.value, cased=text.comparing == "exact"), losses)


def _expression(found: Leaf, value: SigmaRegularExpression, losses: Losses) -> Tree:
    translated = translate_for(found, value, losses)
    return found if translated is None else _pattern(found, translated, losses)


def translate_for(
    found: Leaf, value: SigmaRegularExpression, losses: Losses, dot: Dot = IN_VALUE
) -> str | None:
    """A rule's expression in Lucene's language; None where it is refused."""
    flags = 0
    for flag in value.flags:
        flags |= SigmaRegularExpression.sigma_to_python_flags[flag]
    try:
        translated = translate(value.regexp.to_plain_regex(), flags, dot)
    except (Untranslatable, re.error, RecursionError) as error:
        reason = str(error) or "is nested too deeply"
        losses.refuse("expression", f"the expression {reason}", found)
        return None
    for loss in translated.losses:
        losses.warn("expression", f"Elasticsearch's form of the expression {loss}", found)
    return translated.pattern


def _pattern(found: Leaf, pattern: str, losses: Losses) -> Tree:
    if len(pattern) > LONGEST_PATTERN:
        losses.refuse(
            "long-text",
            "as a regular expression, which its case or wildcards make of it, it is longer than "
            f"the {LONGEST_PATTERN:,} characters that Elasticsearch takes",
            found,
        )
        return found
    return leaf(found.field, SigmaRegularExpression(pattern), found)


def _number(found: Leaf, number: int | float, losses: Losses) -> Tree:
    kind = field_type(found.field)
    if kind is not None and kind.kind == "date":
        return _time(found, "", number, losses)
    check_number(found, number, TARGET, losses)
    # In quotes, which a number's sign and exponent need; a number field takes it as a number.
    return leaf(found.field, SigmaString.from_str(str(number)), found)


def _size(found: Leaf, value: SigmaCompareExpression, losses: Losses) -> Tree:
    number = value.number
    if isinstance(number, SigmaTimestampPart) or value.op not in OPERATORS:
        losses.refuse("time-part", "Elasticsearch's queries can't take a part of a time", found)
        return found
    kind = field_type(found.field)
    if kind is not None and kind.kind == "date":
        return _time(found, OPERATORS[value.op], number.number, losses)
    check_size(found, number.number, TARGET, losses)
    return found


def _time(found: Leaf, operator: str, number: int | float, losses: Losses) -> Tree:
    moment = check_time(found, number, losses)
    return found if moment is None else before_or_after(found.field, operator, moment, found)


def before_or_after(field: str, operator: str, moment: str, like: object = None) -> Tree:
    """A comparison of a time field with an RFC 3339 time."""
    ranges = {
        "": f'"{moment}"',
        "<": f'{{* TO "{moment}"}}',
        "<=": f'{{* TO "{moment}"]',
        ">": f'{{"{moment}" TO *}}',
        ">=": f'["{moment}" TO *}}',
    }
    return raw(field, f"{field}:{ranges[operator]}", like)

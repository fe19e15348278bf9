"""Conditions as SPL, in the meaning of our app for Splunk.

Nothing here ran on a Splunk: none can be had for tests. What its documentation says that differs
from our engine:

- `search` leaves case out of account, as Sigma does, and `*` is a wildcard that can't be escaped:
  what must be exact about case, has an asterisk in it or a `?` becomes a regular expression.
- Regular expressions and comparisons of two fields are commands of their own after the search. The
  backend can put them there where all conditions go together, not under OR and NOT.
- The app reads nested JSON: the values of a list `a.b` are in the field `a.b{}`.
"""

from decimal import Decimal
from typing import Any

from sigma.backends.splunk import SplunkBackend
from sigma.backends.splunk.splunk import SplunkDeferredFieldRefExpression
from sigma.conversion.state import ConversionState
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from detections.conversion.known_fields import field_type, is_list
from detections.conversion.losses import Losses
from detections.conversion.lucene import OPERATORS
from detections.conversion.numbers import check_number, check_size
from detections.conversion.patterns import literal
from detections.conversion.texts import Text, read_text
from detections.conversion.trees import (
    Keyword,
    Leaf,
    Tree,
    every,
    leaf,
    linked,
    raw,
    raw_keyword,
)

TARGET = "Splunk"
#: What a query begins with: the app's macro of the index, the sink's source type, events.
EVENTS = '`tapewatch_index` sourcetype="tapewatch:ecs" event.kind=event'
ALERTS = '`tapewatch_index` sourcetype="tapewatch:ecs" event.kind=alert'
#: The HTTP Event Collector knows no ids: after a crash an event may be there twice.
DEDUPLICATED = "| dedup event.id"


class _InAnyCase(SplunkDeferredFieldRefExpression):
    template = "where {op}lower('{field}')=lower('{value}')"


class Splunk(SplunkBackend):
    """pySigma's backend, with fields of lists spelt out and field comparisons in any case."""

    def decide_convert_condition_as_in_expression(self, cond: Any, state: ConversionState) -> bool:
        quoted = any(isinstance(arg, Leaf) and arg.field.endswith("{}") for arg in cond.args)
        return not quoted and super().decide_convert_condition_as_in_expression(cond, state)

    def convert_condition_field_eq_field(self, cond: Any, state: ConversionState) -> Any:
        nothing: Any = None
        return _InAnyCase(state, cond.field, cond.value.field).postprocess(nothing, cond)


def field(name: str) -> str:
    """A field as the app's extraction calls it."""
    return f"{name}{{}}" if is_list(name) else name


def query_of(tree: Tree, backend: Splunk) -> str:
    """The search of a fitted tree, over events, each once."""
    return f"{condition_of(tree, backend)}\n{DEDUPLICATED}"


def condition_of(tree: Tree, backend: Splunk) -> str:
    """The search of a fitted tree, over events."""
    whole = linked(every([raw_keyword(EVENTS), tree]))
    state = ConversionState()
    query: Any = backend.finish_query(None, backend.convert_condition(whole, state), state)  # pyright: ignore[reportArgumentType]
    return str(query)


def fit(found: Leaf | Keyword, losses: Losses, *, conjunctive: bool) -> Tree:
    """The leaf as Splunk takes it in our meaning; as it is, where it was refused.

    `conjunctive`: it must hold by itself: it stands under no OR and no NOT.
    """
    if isinstance(found, Keyword):
        return _keyword(found, losses)
    name = field(found.field)
    match found.value:
        case SigmaExists():
            return leaf(name, SigmaExists(True) if found.value.exists else SigmaNull(), found)
        case SigmaNull() | SigmaBool():
            return leaf(name, found.value, found)
        case SigmaString():
            return _text(
                found, read_text(found.field, found.value), losses, conjunctive=conjunctive
            )
        case SigmaRegularExpression():
            return _expression(found, found.value, losses, conjunctive=conjunctive)
        case SigmaTimestampPart():
            losses.refuse("time-part", "Splunk's parts of times depend on the user's zone", found)
        case SigmaNumber():
            return _number(found, "=", found.value.number, losses)
        case SigmaCompareExpression():
            operator = OPERATORS.get(found.value.op)
            if operator is None or isinstance(found.value.number, SigmaTimestampPart):
                losses.refuse(
                    "time-part", "Splunk's parts of times depend on the user's zone", found
                )
            else:
                return _number(found, operator, found.value.number.number, losses)
        case SigmaCIDRExpression():
            return leaf(name, found.value, found)
        case SigmaFieldReference():
            return _reference(found, found.value, losses, conjunctive=conjunctive)
        case _:
            kind = type(found.value).__name__
            losses.refuse("value", f"a value of the kind {kind} can't be converted", found)
    return found


def _keyword(found: Keyword, losses: Losses) -> Tree:
    if not isinstance(found.value, SigmaString) or not _is_writable(found, found.value, losses):
        losses.refuse("keyword", "this kind of keyword can't be converted", found)
        return found
    losses.warn(
        "keyword",
        "Splunk looks for a keyword in the event's whole text, names of fields included",
        found,
    )
    wrapped = SigmaString()
    wrapped.s = [SpecialChars.WILDCARD_MULTI, *found.value.s, SpecialChars.WILDCARD_MULTI]
    return Keyword(wrapped)


def _text(found: Leaf, text: Text, losses: Losses, *, conjunctive: bool) -> Tree:
    name = field(found.field)
    if text.anything:
        return leaf(name, SigmaExists(True), found)
    if not _is_writable(found, text.value, losses):
        return found
    cased = isinstance(found.value, SigmaCasedString)
    wildcard = SpecialChars.WILDCARD_SINGLE in text.value.s
    starred = "*" in text.literal
    if not (cased or wildcard or starred):
        return leaf(name, _plain(text.value), found)
    if conjunctive:
        pattern = f"^{_perl(text.value)}$"
        flags = {SigmaRegularExpressionFlag.DOTALL}
        if not cased:
            flags.add(SigmaRegularExpressionFlag.IGNORECASE)
        _warn_of_list(found, losses)
        return leaf(name, SigmaRegularExpression(pattern, flags), found)
    if starred:
        losses.refuse(
            "wildcard", "an asterisk can't be looked for in Splunk under OR or NOT", found
        )
        return found
    if wildcard:
        losses.warn("wildcard", "Splunk's wildcard for one character matches any number", found)
    if cased:
        losses.warn("letter-case", "Splunk leaves case out of account here", found)
    return leaf(name, _plain(text.value), found)


def _plain(value: SigmaString) -> SigmaString:
    plain = SigmaString()
    plain.s = list(value.s)
    return plain


def _perl(value: SigmaString) -> str:
    written = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    return "".join(
        written[part] if isinstance(part, SpecialChars) else literal(str(part)) for part in value.s
    )


def _is_writable(found: object, value: SigmaString, losses: Losses) -> bool:
    if value.contains_placeholder():
        losses.refuse("placeholder", "a placeholder has no value here", found)
        return False
    text = "".join(part for part in value.s if isinstance(part, str))
    if "`" in text or not text.isprintable():
        losses.refuse(
            "text", "Splunk can't be given a text with a backtick or a control character", found
        )
        return False
    return True


def _warn_of_list(found: Leaf, losses: Losses) -> None:
    if is_list(found.field):
        losses.warn(
            "list", f"{found.field} is a list: Splunk's regex looks at it as one text", found
        )


def _expression(
    found: Leaf, value: SigmaRegularExpression, losses: Losses, *, conjunctive: bool
) -> Tree:
    if not conjunctive:
        losses.refuse(
            "expression", "pySigma can't put a regular expression under OR or NOT in Splunk", found
        )
        return found
    pattern = value.regexp.to_plain_regex()
    if "`" in pattern or not pattern.isprintable():
        losses.refuse(
            "text", "Splunk can't be given a text with a backtick or a control character", found
        )
        return found
    _warn_of_list(found, losses)
    return leaf(field(found.field), SigmaRegularExpression(pattern, set(value.flags)), found)


def _number(found: Leaf, operator: str, number: int | float, losses: Losses) -> Tree:
    kind = field_type(found.field)
    if kind is not None and kind.kind == "date":
        losses.refuse("time", f"{found.field} is text in Splunk, which keeps no nanoseconds", found)
        return found
    if kind is not None and kind.kind == "exact" and operator == "=":
        losses.warn("number", f"Splunk may compare {found.field} as a 64-bit float", found)
    elif operator == "=":
        check_number(found, number, TARGET, losses)
    else:
        check_size(found, number, TARGET, losses)
    name = Splunk().escape_and_quote_field(field(found.field))
    return raw(found.field, f"{name}{operator}{Decimal(str(number)):f}", found)


def _reference(
    found: Leaf, value: SigmaFieldReference, losses: Losses, *, conjunctive: bool
) -> Tree:
    if not conjunctive:
        losses.refuse(
            "two-fields", "pySigma can't compare two fields under OR or NOT in Splunk", found
        )
    elif value.starts_with or value.ends_with:
        losses.refuse("two-fields", "Splunk can't be asked for a part of a field here", found)
    elif is_list(found.field) or is_list(value.field):
        losses.refuse("list", "Splunk can't compare fields that are lists", found)
    return found


def before_or_after(operator: str, seconds: int) -> Tree:
    """A comparison of the event's time with seconds since 1970."""
    return raw("_time", f"_time{operator}{seconds}")

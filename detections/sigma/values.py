"""One value of a Sigma detection as a test of one value of an event."""

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    TimestampPart,
)

from detections.sigma.numbers import as_number
from detections.sigma.texts import TextTest, plain_text, text_test

#: A test of one value: text, number or boolean; never None, never a list.
ValueTest = Callable[[Any], bool]

_SECOND = 1_000_000_000
COMPARE: dict[CompareOperators, Callable[[Any, Any], bool]] = {
    CompareOperators.LT: operator.lt,
    CompareOperators.LTE: operator.le,
    CompareOperators.GT: operator.gt,
    CompareOperators.GTE: operator.ge,
    CompareOperators.NEQ: operator.ne,
}
_PART: dict[TimestampPart, Callable[[datetime], int]] = {
    TimestampPart.MINUTE: lambda t: t.minute,
    TimestampPart.HOUR: lambda t: t.hour,
    TimestampPart.DAY: lambda t: t.day,
    TimestampPart.WEEK: lambda t: t.isocalendar().week,
    TimestampPart.MONTH: lambda t: t.month,
    TimestampPart.YEAR: lambda t: t.year,
}


class Unsupported(Exception):
    """A kind of value that isn't supported; the text says which and what to do."""


def value_test(value: SigmaType) -> ValueTest:
    """The test that `value` stands for. Raises Unsupported."""
    match value:
        case SigmaString():
            _refuse_placeholder(value)
            return _text(value)
        case SigmaTimestampPart():
            return _timestamp_part(value)
        case SigmaNumber():
            return _equals(value.number)
        case SigmaBool():
            return _boolean(value.boolean)
        case SigmaCompareExpression():
            return _compare(value)
        case SigmaRegularExpression():
            _refuse_placeholder(value.regexp)
            return _expression(value)
        case SigmaCIDRExpression():
            return _network(value)
        case SigmaExpansion():
            return _any_of([value_test(one) for one in value.values])
        case _:
            raise Unsupported(f"a value of type {type(value).__name__} isn't supported here")


def text_set_test(texts: frozenset[str]) -> ValueTest:
    """Whether the value is one of `texts`, which are in lower case; case makes no difference."""

    def test(value: Any) -> bool:
        return (value if type(value) is str else as_text(value)).lower() in texts

    return test


def keyword_test(value: SigmaType) -> ValueTest:
    """A keyword's test: text that contains it anywhere, a number that equals it."""
    if isinstance(value, SigmaString):
        _refuse_placeholder(value)
        test = _contains(value)
        return lambda v: test(as_text(v))
    return value_test(value)


def as_text(value: Any) -> str:
    """A value as Sigma compares it with text: `true`, `42`, `0.5`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _refuse_placeholder(value: SigmaString) -> None:
    if value.contains_placeholder():
        raise Unsupported("placeholders (the modifier expand) are not supported yet")


def _text(pattern: SigmaString) -> ValueTest:
    plain = plain_text(pattern)
    if plain is not None and not isinstance(pattern, SigmaCasedString):
        folded = plain.lower()

        def equals(value: Any) -> bool:
            return (value if type(value) is str else as_text(value)).lower() == folded

        return equals
    test = text_test(pattern, cased=isinstance(pattern, SigmaCasedString))

    def matches(value: Any) -> bool:
        return test(value if type(value) is str else as_text(value))

    return matches


def _contains(pattern: SigmaString) -> TextTest:
    wrapped = type(pattern)()
    any_text = SpecialChars.WILDCARD_MULTI
    inner = list(pattern.s)
    if not inner or inner[0] is not any_text:
        inner.insert(0, any_text)
    if inner[-1] is not any_text:
        inner.append(any_text)
    wrapped.s = inner
    return text_test(wrapped, cased=isinstance(pattern, SigmaCasedString))


def _equals(number: int | float) -> ValueTest:
    return lambda value: as_number(value) == number


def _boolean(wanted: bool) -> ValueTest:
    text = "true" if wanted else "false"

    def test(value: Any) -> bool:
        return value is wanted or (type(value) is str and value.lower() == text)

    return test


def _compare(expression: SigmaCompareExpression) -> ValueTest:
    number, compare = expression.number.number, COMPARE[expression.op]

    def test(value: Any) -> bool:
        actual = as_number(value)
        return actual is not None and compare(actual, number)

    return test


def _expression(value: SigmaRegularExpression) -> ValueTest:
    flags = 0
    for flag in value.flags:
        flags |= SigmaRegularExpression.sigma_to_python_flags[flag]
    # `to_plain_regex`, because `str` would escape `*` and `?`.
    search = re.compile(value.regexp.to_plain_regex(), flags).search
    return lambda v: search(as_text(v)) is not None


def _network(value: SigmaCIDRExpression) -> ValueTest:
    network = value.network
    version, mask = network.version, int(network.netmask)
    wanted = int(network.network_address)

    def test(address: Any) -> bool:
        if address.__class__ is not str:
            return False
        found = address_of(address)
        return found is not None and found[0] == version and found[1] & mask == wanted

    return test


@lru_cache(65_536)
def address_of(text: str) -> tuple[int, int] | None:
    """Version and number of an IP address. Many rules ask for the same one, one after the other."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.version, int(found)


def _timestamp_part(value: SigmaTimestampPart) -> ValueTest:
    part, wanted = _PART[value.timestamp_part], value.number

    def test(moment: Any) -> bool:
        when = _moment(moment)
        return when is not None and part(when) == wanted

    return test


def _moment(value: Any) -> datetime | None:
    """A time in UTC: nanoseconds since the epoch, or ISO 8601 text (UTC where it has no zone)."""
    try:
        if type(value) is int:
            return datetime.fromtimestamp(value // _SECOND, UTC)
        if type(value) is str:
            when = datetime.fromisoformat(value)
            return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _any_of(tests: list[ValueTest]) -> ValueTest:
    return lambda value: any(test(value) for test in tests)

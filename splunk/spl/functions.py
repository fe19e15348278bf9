"""Functions of `eval` and `where` that the app's searches use.

Source: Splunk Search Reference, "Evaluation functions"; formats of time: "Date and time format
variables".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from splunk.spl.values import Value, every, number, text

Result = Value | bool | None
_ANY_NUMBER = 1_000
_FORMATS: Mapping[str, str] = {"F": "%Y-%m-%d", "T": "%H:%M:%S"}
_VARIABLE = re.compile(r"%(\d?)([A-Za-z])")
_PARSED: Mapping[str, str] = {
    "Y": r"(?P<Y>\d{4})",
    "m": r"(?P<m>\d{2})",
    "d": r"(?P<d>\d{2})",
    "H": r"(?P<H>\d{2})",
    "M": r"(?P<M>\d{2})",
    "S": r"(?P<S>\d{2})",
    "N": r"(?P<N>\d{1,9})",
    "Z": r"(?:Z|UTC)",
}


class Function(msgspec.Struct, frozen=True):
    """One function: how many arguments it takes, and what it gives."""

    least: int
    most: int
    call: Callable[[Sequence[Result], float], Result]


def _value(result: Result) -> Value | None:
    return None if isinstance(result, bool) else result


def _first(arguments: Sequence[Result], now: float) -> Result:
    return next((one for one in arguments if one is not None), None)


def _if(arguments: Sequence[Result], now: float) -> Result:
    return arguments[1] if arguments[0] is True else arguments[2]


def _case(arguments: Sequence[Result], now: float) -> Result:
    pairs = zip(arguments[::2], arguments[1::2], strict=False)
    return next((value for condition, value in pairs if condition is True), None)


def _in(arguments: Sequence[Result], now: float) -> Result:
    looked_for = {text(one) for one in arguments[1:] if one is not None and one is not True}
    value = _value(arguments[0])
    return None if value is None else any(text(one) in looked_for for one in every(value))


def _match(arguments: Sequence[Result], now: float) -> Result:
    value, pattern = _value(arguments[0]), _value(arguments[1])
    if value is None or pattern is None:
        return None
    return any(re.search(text(pattern), text(one)) is not None for one in every(value))


def _lower(arguments: Sequence[Result], now: float) -> Result:
    value = _value(arguments[0])
    return None if value is None else text(value).lower()


def _round(arguments: Sequence[Result], now: float) -> Result:
    value = number(arguments[0])
    digits = number(arguments[1]) if len(arguments) > 1 else 0
    return None if value is None else round(value, int(digits or 0))


def _substr(arguments: Sequence[Result], now: float) -> Result:
    value, start = _value(arguments[0]), number(arguments[1])
    if value is None or start is None:
        return None
    begin = int(start) - 1 if start > 0 else len(text(value)) + int(start)
    length = number(arguments[2]) if len(arguments) > 2 else None
    return text(value)[begin : begin + int(length)] if length else text(value)[begin:]


def _replace(arguments: Sequence[Result], now: float) -> Result:
    value, pattern, by = (_value(one) for one in arguments)
    if value is None or pattern is None or by is None:
        return None
    written = text(by)
    return re.sub(text(pattern), lambda _: written, text(value))


def _mvappend(arguments: Sequence[Result], now: float) -> Result:
    found = [one for argument in arguments for one in every(_value(argument))]
    return found or None


def _mvjoin(arguments: Sequence[Result], now: float) -> Result:
    value, between = _value(arguments[0]), _value(arguments[1])
    if value is None or between is None:
        return None
    return text(between).join(text(one) for one in every(value))


def _strftime(arguments: Sequence[Result], now: float) -> Result:
    time, pattern = number(arguments[0]), _value(arguments[1])
    if time is None or pattern is None:
        return None
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(time * 1e6))

    def written(found: "re.Match[str]") -> str:
        digits, letter = found.groups()
        if letter == "N":
            return f"{moment.microsecond * 1000:09}"[: int(digits or 9)]
        return moment.strftime(_FORMATS.get(letter, f"%{letter}"))

    return _VARIABLE.sub(written, text(pattern))


def _strptime(arguments: Sequence[Result], now: float) -> Result:
    value, pattern = _value(arguments[0]), _value(arguments[1])
    if value is None or pattern is None:
        return None
    parts, at, source = list[str](), 0, text(pattern)
    for found in _VARIABLE.finditer(source):
        parts += [re.escape(source[at : found.start()]), _PARSED[found[2]]]
        at = found.end()
    read = re.fullmatch("".join([*parts, re.escape(source[at:])]), text(value))
    if read is None:
        return None
    got = read.groupdict()
    year, month, day, hour, minute, second = (int(got[name]) for name in "YmdHMS")
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return moment.timestamp() + float(f"0.{got.get('N') or 0}")


FUNCTIONS: Mapping[str, Function] = {
    "case": Function(2, _ANY_NUMBER, _case),
    "coalesce": Function(1, _ANY_NUMBER, _first),
    "if": Function(3, 3, _if),
    "in": Function(2, _ANY_NUMBER, _in),
    "isnotnull": Function(1, 1, lambda arguments, now: arguments[0] is not None),
    "isnull": Function(1, 1, lambda arguments, now: arguments[0] is None),
    "lower": Function(1, 1, _lower),
    "match": Function(2, 2, _match),
    "mvappend": Function(1, _ANY_NUMBER, _mvappend),
    "mvjoin": Function(2, 2, _mvjoin),
    "now": Function(0, 0, lambda arguments, now: now),
    "null": Function(0, 0, lambda arguments, now: None),
    "replace": Function(3, 3, _replace),
    "round": Function(1, 2, _round),
    "strftime": Function(2, 2, _strftime),
    "strptime": Function(2, 2, _strptime),
    "substr": Function(2, 3, _substr),
}

"""What `stats`, `eventstats` and `timechart` count.

Source: Splunk Search Reference, "Statistical and charting functions". `perc95` is the value of the
nearest rank, which Splunk approximates.
"""

import math
import re
from collections.abc import Callable, Sequence

import msgspec

from splunk.spl.expressions import Expression, is_true
from splunk.spl.expressions import parse as parse_expression
from splunk.spl.tokens import closing, unescaped
from splunk.spl.values import Row, SplError, Value, every, number, order, text

_CALL = re.compile(r"(?P<function>[a-z]+)(?P<percent>\d+)?(?:\((?P<argument>.*)\))?", re.DOTALL)
_FUNCTION = re.compile(r"\s*([a-z]+\d*)")
_NAME = re.compile(r"""(?:\s+[Aa][Ss]\s+("[^"]+"|[\w.{}]+))?\s*,?""")
_BY = re.compile(r"\s+by\s+", re.IGNORECASE)


class Aggregate(msgspec.Struct, frozen=True):
    """One column."""

    name: str
    fields: frozenset[str]
    of: Callable[[Sequence[Row], float], Value | None]


class Grouped(msgspec.Struct, frozen=True):
    """Columns, and what they are counted by."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]


def parse(arguments: str) -> Grouped:
    """Raises SplError."""
    halves = _BY.split(_outside_quotes(arguments), maxsplit=1)
    columns, by = arguments[: len(halves[0])], ""
    if len(halves) == 2:
        by = arguments[len(arguments) - len(halves[1]) :]
    found: list[Aggregate] = []
    at, end = 0, len(columns.rstrip())
    while at < end:
        function = _FUNCTION.match(columns, at)
        if function is None:
            raise SplError(f"not understood: {columns[at:]!r}")
        called = function.end()
        if columns[called : called + 1] == "(":
            called = closing(columns, called) + 1
        name = _NAME.match(columns, called)
        assert name is not None  # all of it is optional
        found.append(_aggregate(columns[function.start(1) : called], name[1]))
        at = name.end()
    if not found:
        raise SplError(f"nothing is counted in {arguments!r}")
    return Grouped(tuple(found), tuple(re.findall(r"[^\s,]+", by)))


def _outside_quotes(arguments: str) -> str:
    """The text with what is quoted blotted out, of the same length."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: "_" * len(found[0]), arguments)


def _aggregate(call: str, name: str | None) -> Aggregate:
    found = _CALL.fullmatch(call)
    assert found is not None
    function, percent, argument = found["function"], found["percent"], found["argument"]
    shown = unescaped(name.strip('"')) if name else call
    expression: Expression | None = None
    if argument is not None and argument.startswith("eval("):
        expression = parse_expression(argument[len("eval(") : -1])
    field = None if expression is not None or argument is None else argument.strip().strip("'\"")
    if function == "count":
        return _count(shown, field, expression)
    if function == "perc" and percent is not None:
        share = int(percent) / 100
        return _of_values(shown, field, expression, lambda values: _percentile(values, share))
    if function not in _NUMBERS and function not in _VALUES and function != "latest":
        raise SplError(f"{function} isn't counted here: {call!r}")
    if field is None and expression is None:
        raise SplError(f"{function} of nothing: {call!r}")
    if function == "latest":
        return Aggregate(
            shown,
            frozenset((field or "", "_time")),
            lambda rows, now: _latest(rows, field or ""),
        )
    if function in _VALUES:
        return _of_values(shown, field, expression, _VALUES[function])
    compute = _NUMBERS[function]

    def of_numbers(values: list[str | float]) -> Value | None:
        figures = [figure for one in values if (figure := number(one)) is not None]
        return compute(figures) if figures else None

    return _of_values(shown, field, expression, of_numbers)


def _count(name: str, field: str | None, expression: Expression | None) -> Aggregate:
    if expression is not None:
        return Aggregate(
            name,
            expression.fields,
            lambda rows, now: float(
                sum(1 for row in rows if is_true(expression.evaluate(row, now)))
            ),
        )
    if field is not None:
        return Aggregate(
            name,
            frozenset((field,)),
            lambda rows, now: float(sum(len(every(row.get(field))) for row in rows)),
        )
    return Aggregate(name, frozenset(), lambda rows, now: float(len(rows)))


def _of_values(
    name: str,
    field: str | None,
    expression: Expression | None,
    compute: Callable[[list[str | float]], Value | None],
) -> Aggregate:
    def of(rows: Sequence[Row], now: float) -> Value | None:
        if expression is None:
            return compute([one for row in rows for one in every(row.get(field or ""))])
        results = [expression.evaluate(row, now) for row in rows]
        return compute([one for r in results if not isinstance(r, bool) for one in every(r)])

    fields = expression.fields if expression is not None else frozenset((field or "",))
    return Aggregate(name, fields, of)


def _latest(rows: Sequence[Row], field: str) -> Value | None:
    having = [row for row in rows if field in row]
    return max(having, key=lambda row: number(row["_time"]) or 0.0)[field] if having else None


def _percentile(values: list[str | float], share: float) -> Value | None:
    figures = sorted(figure for one in values if (figure := number(one)) is not None)
    return figures[max(0, math.ceil(share * len(figures)) - 1)] if figures else None


def _distinct(values: list[str | float]) -> Value | None:
    return float(len({text(one) for one in values}))


def _each_once(values: list[str | float]) -> Value | None:
    found: list[str | float] = sorted({text(one) for one in values})
    return found or None


_NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "avg": lambda figures: sum(figures) / len(figures),
    "sum": sum,
}
_VALUES: dict[str, Callable[[list[str | float]], Value | None]] = {
    "dc": _distinct,
    "max": lambda values: max(values, key=order) if values else None,
    "min": lambda values: min(values, key=order) if values else None,
    "values": _each_once,
}

"""What a panel counts and what it is split by, read from their sentences."""

import re
from typing import Literal, cast

from msgspec import Struct

Function = Literal[
    "count", "unique", "sum", "average", "minimum", "maximum", "median", "last", "percentile"
]

_VALUE = re.compile(
    r"(?:(?P<f>sum|average|minimum|maximum|median|unique|last)|percentile (?P<p>\d+(?:\.\d+)?))"
    r" of (?P<field>[A-Za-z@][\w.@]*)"
)
_TOP = re.compile(r"top (?P<size>\d+) of (?P<field>[A-Za-z@][\w.@]*)")


class DimensionError(ValueError):
    """A sentence can't be read."""


class Measure(Struct, frozen=True, kw_only=True):
    """A number for each group. `field` is empty for `count`."""

    label: str
    function: Function
    field: str = ""
    percentile: float = 0.0
    where: str = ""


class Terms(Struct, frozen=True, kw_only=True):
    """The `size` commonest values of a field."""

    label: str
    field: str
    size: int


class Time(Struct, frozen=True, kw_only=True):
    """Intervals of time."""

    label: str = "Time"
    field: str = "@timestamp"


class Kinds(Struct, frozen=True, kw_only=True):
    """Documents that queries find, by heading."""

    label: str
    queries: tuple[tuple[str, str], ...]


Bucket = Terms | Time | Kinds


def measure(label: str, text: str, where: str = "") -> Measure:
    """`count` or `FUNCTION of FIELD`. Raises DimensionError."""
    if text == "count":
        return Measure(label=label, function="count", where=where)
    found = _VALUE.fullmatch(text)
    if found is None:
        raise DimensionError(
            f"{text!r} is no value: expected count, or sum, average, minimum, maximum, median, "
            "unique, last or percentile N, and `of FIELD`"
        )
    if found["p"] is not None:
        return Measure(
            label=label,
            function="percentile",
            field=found["field"],
            percentile=float(found["p"]),
            where=where,
        )
    function = cast("Function", found["f"])  # the pattern knows no others
    return Measure(label=label, function=function, field=found["field"], where=where)


def bucket(label: str, text: str) -> Terms | Time:
    """`time` or `top N of FIELD`. Raises DimensionError."""
    if text == "time":
        return Time()
    found = _TOP.fullmatch(text)
    if found is None or not 1 <= int(found["size"]) <= 1000:
        raise DimensionError(f"{text!r} can't be split by: expected time, or top N of FIELD")
    return Terms(label=label or found["field"], field=found["field"], size=int(found["size"]))

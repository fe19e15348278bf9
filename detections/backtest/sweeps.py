"""What to vary, as a person writes it: `RULE:PARAMETER=FROM..TO:STEP` or `...=VALUE,VALUE`.

spoofing:maximum_lifetime=500ms..3s:500ms
large_transfer:selection.token.amount|gte=50000,100000,200000
"""

import itertools
import re
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from pipeline.problems import shown
from pipeline.units import NANOSECONDS, UnitError, parse_duration

#: Values of one sweep, and combinations of several.
MOST_POINTS = 256
_RANGE = re.compile(r"\s*(?P<low>\S+?)\.\.(?P<high>[^\s:]+)(?::(?P<step>\S+))?\s*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_FORM = "write it as RULE:PARAMETER=FROM..TO:STEP, or RULE:PARAMETER=VALUE,VALUE"


class SweepError(ValueError):
    """A sweep can't be understood or made; the text says why and what to write."""


class Sweep(msgspec.Struct, frozen=True):
    """A parameter of a rule and the values that it takes, as text for a YAML file."""

    rule: str
    """The rule's id, name or file, as it was written."""
    path: str
    """Where in the rule, such as `minimum_depth_share` or `selection.token.amount|gte`."""
    values: tuple[str, ...]


def parse_sweep(text: str) -> Sweep:
    """Raises SweepError."""
    place, equals, values = text.partition("=")
    rule, colon, path = place.partition(":")
    if not (equals and colon and rule.strip() and path.strip()):
        raise SweepError(f"{shown(text)} is no sweep: {_FORM}")
    found = _values(values)
    if len(found) > MOST_POINTS:
        raise SweepError(f"{shown(text)} has {len(found):,} values: at most {MOST_POINTS}")
    return Sweep(rule.strip(), path.strip(), found)


def grid(sweeps: Sequence[Sweep]) -> list[tuple[str, ...]]:
    """Every combination: a value for each sweep, in the order of the sweeps. Raises SweepError."""
    places = [(sweep.rule, sweep.path) for sweep in sweeps]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise swept_twice(*twice)
    count = 1
    for sweep in sweeps:
        count *= len(sweep.values)
    if count > MOST_POINTS:
        sizes = " × ".join(str(len(sweep.values)) for sweep in sweeps)
        raise SweepError(
            f"{sizes} are {count:,} combinations: at most {MOST_POINTS} are tried at once; take "
            "larger steps, or one sweep after the other"
        )
    return list(itertools.product(*(sweep.values for sweep in sweeps)))


def swept_twice(rule: str, path: str) -> SweepError:
    """What to raise where a parameter has two sweeps, by whatever its rule is called."""
    return SweepError(f"{shown(f'{rule}:{path}')} is swept twice: give all its values at once")


def _values(text: str) -> tuple[str, ...]:
    found = _RANGE.fullmatch(text)
    if found is not None:
        return _range(text, found["low"], found["high"], found["step"])
    values = [value.strip() for value in text.split(",")]
    if not all(values):
        raise SweepError(f"a value is missing in {shown(text)}: {_FORM}")
    return tuple(dict.fromkeys(values))


def _range(text: str, low: str, high: str, step: str | None) -> tuple[str, ...]:
    if step is None:
        raise SweepError(f"the step is missing in {shown(text)}: write {low}..{high}:STEP")
    for kind in (_numbers, _percentages, _durations):
        values = kind(text, low, high, step)
        if values is not None:
            return values
    raise SweepError(
        f"{shown(text)} is no range: from, to and step must be numbers (50..100:10), percentages "
        "(5%..20%:5%) or durations (1s..5s:500ms), all three of one kind"
    )


def _numbers(text: str, low: str, high: str, step: str) -> tuple[str, ...] | None:
    if not all(_NUMBER.fullmatch(part) for part in (low, high, step)):
        return None
    return tuple(_plain(v) for v in _steps(text, Decimal(low), Decimal(high), Decimal(step)))


def _percentages(text: str, low: str, high: str, step: str) -> tuple[str, ...] | None:
    if not all(part.endswith("%") for part in (low, high, step)):
        return None
    numbers = _numbers(text, low[:-1], high[:-1], step[:-1])
    return None if numbers is None else tuple(f"{number}%" for number in numbers)


def _durations(text: str, low: str, high: str, step: str) -> tuple[str, ...] | None:
    try:
        start, end, by = (Decimal(parse_duration(part)) for part in (low, high, step))
    except UnitError:
        return None
    return tuple(in_one_unit(int(value)) for value in _steps(text, start, end, by))


def _steps(text: str, low: Decimal, high: Decimal, step: Decimal) -> list[Decimal]:
    if step <= 0 or high < low:
        raise SweepError(f"{shown(text)} goes nowhere: it must rise from the first to the second")
    count = int((high - low) / step) + 1
    if count > MOST_POINTS:
        raise SweepError(f"{shown(text)} has {count:,} values: at most {MOST_POINTS}")
    return [low + step * at for at in range(count)]


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_one_unit(nanoseconds: int) -> str:
    """`90m` for an hour and a half: a Sigma timespan has one unit."""
    for unit, factor in NANOSECONDS.items():
        if unit != "w" and nanoseconds and nanoseconds % factor == 0:
            return f"{nanoseconds // factor}{unit}"
    return "0s"

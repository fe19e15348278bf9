"""What each type of correlation measures, and when it is judged."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from detections.correlations.conditions import Condition
from detections.correlations.order import AnyOrderTally, OrderTally, PartialOrderTally
from detections.correlations.tallies import (
    AverageTally,
    CountTally,
    DistinctTally,
    Payload,
    RankTally,
    SumTally,
    Tally,
)
from detections.correlations.together import (
    MaskTest,
    TogetherTally,
    expression_test,
    has_negation,
    least_choices,
)
from detections.rules.model import MOST_ORDERED, Correlation


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """How a correlation measures a window."""

    tally: Callable[[], Tally]
    """Makes a tally of no events."""
    closing: bool
    """Whether a window is judged when it closes; else the last timespan is, at each event."""
    merge: Callable[[Payload, Payload], Payload]
    """What an event contributes that matched two of the rules."""
    condition: Condition
    least: int = 0
    """So many events it takes, at least, to fulfil the condition."""
    counts_events: bool = False
    """Whether events are counted, and nothing else is asked of them."""


def measure_of(correlation: Correlation) -> Measure:
    """How `correlation` measures, of any type but absence.

    A condition that further events can only make truer is judged at each event, and so are averages
    and ranks, which are of the last timespan. What a further event could make false is judged when
    its window closes.
    """
    condition = Condition(correlation.comparisons)
    closing, least, merge = not condition.lasting, 0, _first
    match correlation.type:
        case "event_count":
            tally, least = (lambda: CountTally(condition)), condition.minimum
        case "value_count":
            tally, least, merge = (lambda: DistinctTally(condition)), condition.minimum, _union
        case "value_sum":
            tally = lambda: SumTally(condition)  # noqa: E731
        case "value_avg":
            tally, closing = (lambda: AverageTally(condition)), False
        case "value_percentile" | "value_median":
            over, under = _place(correlation)
            tally, closing = (lambda: RankTally(condition, over, under)), False
        case "temporal":
            return _temporal(correlation, condition)
        case "temporal_ordered":
            tally, merge = _ordered(correlation, condition), _bits
        case "absence":
            raise ValueError("absence is not measured")
    return Measure(
        tally=tally,
        closing=closing,
        merge=merge,
        condition=condition,
        least=least,
        counts_events=correlation.type == "event_count",
    )


def _temporal(correlation: Correlation, condition: Condition) -> Measure:
    place_of = {rule: place for place, rule in enumerate(dict.fromkeys(correlation.rules))}
    expression, everyone = correlation.expression, (1 << len(place_of)) - 1
    closing = False
    test: MaskTest = lambda mask: mask == everyone  # noqa: E731
    if expression is not None:
        test = expression_test(expression, place_of)
        closing = has_negation(expression)
    elif correlation.comparisons:
        test = lambda mask: condition.count(mask.bit_count())  # noqa: E731
        closing = not condition.lasting
    return Measure(
        tally=lambda: TogetherTally(test, len(place_of)),
        closing=closing,
        merge=_bits,
        condition=condition,
    )


def _ordered(correlation: Correlation, condition: Condition) -> Callable[[], Tally]:
    rules, expression = correlation.rules, correlation.expression
    if expression is not None:
        if has_negation(expression):
            raise ValueError("temporal_ordered can't be used with `not`")
        if len(rules) > MOST_ORDERED:
            raise ValueError(f"temporal_ordered takes at most {MOST_ORDERED} rules in a condition")
        test = expression_test(expression, {rule: place for place, rule in enumerate(rules)})
        choices = least_choices(test, len(rules))
        return lambda: AnyOrderTally(choices)
    if correlation.comparisons:
        return lambda: PartialOrderTally(condition, len(rules))
    return lambda: OrderTally(len(rules))


def _place(correlation: Correlation) -> tuple[int, int]:
    """How far from the least to the greatest value: 1 over 2 for the median."""
    if correlation.type == "value_median":
        return 1, 2
    return (Decimal(repr(correlation.percentile)) / 100).as_integer_ratio()


def _first(one: Payload, other: Payload) -> Payload:
    return one


def _union(one: Payload, other: Payload) -> Payload:
    both = [(payload,) if isinstance(payload, str) else payload for payload in (one, other)]
    return tuple(dict.fromkeys(value for values in both for value in values))


def _bits(one: Payload, other: Payload) -> Payload:
    return one | other

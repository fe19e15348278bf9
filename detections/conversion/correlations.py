"""Sigma correlations by pySigma's backends: counted in fixed buckets of time, not as ours are.

The backends' templates are used, and completed where they say something else or nothing: events
without a group are left out, a second copy of an event isn't counted, ranges have both their ends,
sums, averages and percentiles are there. Thresholds stay exact, since the rules are made here and
not read by pySigma, which rounds them.
"""

import keyword
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sigma.conversion.state import ConversionState
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationFieldAlias,
    SigmaCorrelationFieldAliases,
    SigmaCorrelationRule,
    SigmaCorrelationTimespan,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.rule import SigmaLogSource
from sigma.rule import SigmaRule as PySigmaRule
from sigma.rule.detection import EmptySigmaDetections

from detections.conversion import splunk
from detections.conversion.counting import CountingEql, CountingEsql, CountingSplunk
from detections.conversion.known_fields import field_type
from detections.conversion.losses import Losses
from detections.rules.model import (
    Comparison,
    Correlation,
    CorrelationRule,
    Expression,
    Junction,
    Reference,
    SigmaRule,
)
from detections.rules.reach import matching_actions
from pipeline.problems import Location

_SECOND = 10**9
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SUMS = ("value_sum", "value_avg", "value_median", "value_percentile")
_MOST_RUNS = 100
"""Of EQL's `with runs`."""


class Base(msgspec.Struct, frozen=True):
    """A rule that a correlation refers to, with its condition in the target's language."""

    rule: SigmaRule
    condition: str


class _Prepared(msgspec.Struct, frozen=True):
    """A correlation as pySigma takes it."""

    rule: SigmaCorrelationRule
    conditions: list[SigmaCorrelationCondition]
    aliases: dict[str, list[tuple[str, str]]]


def to_esql(
    found: CorrelationRule, bases: Sequence[Base], index: str, losses: Losses, place: Location
) -> str | None:
    """The query; None where it was refused. `place` is the correlation's in its file."""
    correlation = found.correlation
    _check_buckets(correlation, "ES|QL", losses, place)
    if correlation.type in ("value_count", "value_median", "value_percentile"):
        losses.warn("approximate", f"ES|QL's {correlation.type} is approximate", place)
    if correlation.type == "temporal" and _overlap(bases):
        losses.warn(
            "types", "an event that matches several of the rules counts for the first alone", place
        )
    if losses.refused:
        return None
    backend = CountingEsql()
    prepared = _prepare(found, bases, index, spelt=_as_it_is)
    backend.conditions, backend.aliases = prepared.conditions, prepared.aliases
    return _converted(backend, prepared.rule, losses, place)


def to_splunk(
    found: CorrelationRule, bases: Sequence[Base], losses: Losses, place: Location
) -> str | None:
    """The search; None where it was refused."""
    correlation = found.correlation
    _check_buckets(correlation, "Splunk", losses, place)
    if correlation.type == "value_percentile":
        losses.warn("approximate", "Splunk's percentile is approximate", place)
    if losses.refused:
        return None
    backend = CountingSplunk()
    prepared = _prepare(found, bases, "", spelt=splunk.field)
    backend.conditions = prepared.conditions
    if prepared.aliases:
        prepared.rule.aliases = _aliases(prepared, correlation)
    return _converted(backend, prepared.rule, losses, place)


def to_eql(
    found: CorrelationRule, bases: Sequence[Base], losses: Losses, place: Location
) -> str | None:
    """The query; None where it was refused."""
    correlation = found.correlation
    _check_common(correlation, losses, place)
    count = _runs(correlation)
    match correlation.type:
        case "event_count" if len(bases) > 1:
            losses.refuse("correlation", "EQL can't count events of several rules together", place)
        case "event_count" if count is None:
            losses.refuse(
                "comparison",
                f"EQL can only ask for at least 2 to {_MOST_RUNS} events; pySigma would write any "
                "other comparison as if it were that",
                place,
            )
        case "event_count":
            pass
        case "temporal_ordered" if correlation.comparisons or correlation.expression:
            losses.refuse("comparison", "EQL's sequences need all of the rules", place)
        case "temporal_ordered":
            pass
        case "temporal":
            losses.refuse("timespan", "EQL's sample has no timespan", place, "use ES|QL")
        case _:
            losses.refuse("correlation", f"EQL has no {correlation.type}", place)
    if losses.refused:
        return None
    losses.warn("series", "EQL reports each sequence once, and no longer series", place)
    prepared = _prepare(found, bases, "", spelt=_as_it_is)
    if prepared.aliases:
        losses.refuse("aliases", "pySigma can't give fields another name in EQL", place)
        return None
    if count is not None:
        operator = SigmaCorrelationConditionOperator.GTE
        prepared.rule.condition = SigmaCorrelationCondition(operator, count)
    return _converted(CountingEql(), prepared.rule, losses, place)


def _as_it_is(name: str) -> str:
    return name


def _runs(correlation: Correlation) -> int | None:
    """How many events in a row an event_count asks for, where that is all that it asks for."""
    match correlation.comparisons:
        case (Comparison("gte", int(number)),):
            count = number
        case (Comparison("gt", int(number)),):
            count = number + 1
        case _:
            return None
    return count if correlation.type == "event_count" and 2 <= count <= _MOST_RUNS else None


def _check_common(correlation: Correlation, losses: Losses, place: Location) -> None:
    if correlation.type == "absence":
        losses.refuse(
            "absence",
            "no target can be asked for what doesn't follow: it is an extension of ours",
            place,
        )
    if correlation.timespan % _SECOND:
        losses.refuse("timespan", "the timespan is no whole number of seconds", place)


def _check_buckets(correlation: Correlation, target: str, losses: Losses, place: Location) -> None:
    _check_common(correlation, losses, place)
    if correlation.type == "temporal_ordered":
        losses.refuse(
            "order",
            f"pySigma can't ask {target} for an order of events",
            place,
            "use EQL" if target == "ES|QL" else "",
        )
    if len(correlation.fields) > 1:
        losses.refuse("fields", "pySigma can't count the values of several fields together", place)
    for name in correlation.fields if correlation.type in _SUMS else ():
        kind = field_type(name)
        if kind is not None and kind.kind not in ("integer", "number"):
            losses.refuse("size-of-text", f"{name} is text in {target}", place)
    if correlation.timespan % _SECOND == 0:
        losses.warn(
            "buckets",
            f"{target} counts in fixed buckets of {spelt_timespan(correlation.timespan)}: what "
            "lies on both sides of an edge is missed, and each bucket alerts once",
            place,
        )


def spelt_timespan(nanoseconds: int) -> str:
    """A whole number of seconds as Sigma writes it."""
    seconds = nanoseconds // _SECOND
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _overlap(bases: Sequence[Base]) -> bool:
    """Whether an event may match more than one of the rules."""
    seen: set[str] = set()
    for base in bases:
        actions = matching_actions(base.rule.conditions)
        if seen & actions:
            return True
        seen |= actions
    return False


def _prepare(
    found: CorrelationRule, bases: Sequence[Base], index: str, spelt: Callable[[str], str]
) -> _Prepared:
    names = _names(bases)
    references: list[SigmaRuleReference] = []
    for base in bases:
        reference = SigmaRuleReference(names[base.rule.rule.id])
        reference.rule = _pysigma_rule(base, names[base.rule.rule.id], index)
        references.append(reference)
    correlation = found.correlation
    group_by, aliases = _groups(correlation, bases)
    conditions = _conditions(correlation, len(bases), spelt)
    expression = correlation.expression
    made = SigmaCorrelationRule(
        title=found.rule.title,
        type=SigmaCorrelationType[correlation.type.upper()],
        rules=references,
        timespan=SigmaCorrelationTimespan(spelt_timespan(correlation.timespan)),
        group_by=[name if name in aliases else spelt(name) for name in group_by] or None,
        condition=conditions[0]
        if expression is None
        else SigmaExtendedCorrelationCondition(_written(expression, names)),
    )
    made.referenced_rules = references
    return _Prepared(made, conditions if expression is None else [], aliases)


def _pysigma_rule(base: Base, name: str, index: str) -> PySigmaRule:
    made = PySigmaRule(
        title=base.rule.rule.title,
        id=UUID(base.rule.rule.id),
        name=name,
        logsource=SigmaLogSource(product="tapewatch"),
        detection=EmptySigmaDetections(),
    )
    made.set_conversion_result([base.condition])
    made.set_conversion_states([ConversionState(processing_state={"index": index})])
    return made


def _names(bases: Sequence[Base]) -> dict[str, str]:
    """What the rules are called in queries: by name where that can stand in a condition."""
    found: dict[str, str] = {}
    for number, base in enumerate(bases, 1):
        name = base.rule.rule.name or ""
        usable = name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
        taken = name in found.values()
        found[base.rule.rule.id] = name if usable and not taken else f"rule_{number}"
    return found


def _groups(
    correlation: Correlation, bases: Sequence[Base]
) -> tuple[list[str], dict[str, list[tuple[str, str]]]]:
    """What is grouped by, and the aliases in it that don't stand for one field in all rules."""
    names: list[str] = []
    aliases: dict[str, list[tuple[str, str]]] = {}
    for name in correlation.group_by:
        fields: Mapping[str, str] | None = correlation.aliases.get(name)
        if fields is None:
            names.append(name)
        elif len(fields) == len(bases) and len(set(fields.values())) == 1:
            names.append(next(iter(fields.values())))
        else:
            names.append(name)
            aliases[name] = [
                (base.condition, fields[base.rule.rule.id])
                for base in bases
                if base.rule.rule.id in fields
            ]
    return names, aliases


def _aliases(prepared: _Prepared, correlation: Correlation) -> SigmaCorrelationFieldAliases:
    references = {str(r.rule.id): r for r in prepared.rule.referenced_rules}
    return SigmaCorrelationFieldAliases(
        {
            name: SigmaCorrelationFieldAlias(
                name,
                {references[i]: splunk.field(f) for i, f in correlation.aliases[name].items()},
            )
            for name in prepared.aliases
        }
    )


def _conditions(
    correlation: Correlation, rules: int, spelt: Callable[[str], str]
) -> list[SigmaCorrelationCondition]:
    # An empty condition of a temporal correlation: all of the rules.
    comparisons = correlation.comparisons or (Comparison("gte", rules),)
    percentile: Any = correlation.percentile
    return [
        SigmaCorrelationCondition(
            SigmaCorrelationConditionOperator[one.operator.upper()],
            one.number,  # pyright: ignore[reportArgumentType] - only written, as it is
            spelt(correlation.fields[0]) if correlation.fields else None,
            percentile,
        )
        for one in comparisons
    ]


def _written(expression: Expression, names: Mapping[str, str]) -> str:
    match expression:
        case Reference():
            return names[expression.rule]
        case Junction():
            parts = [_written(part, names) for part in expression.parts]
            return f"({f' {expression.operator} '.join(parts)})"
        case _:
            return f"not ({_written(expression.part, names)})"


def _converted(
    backend: Any, rule: SigmaCorrelationRule, losses: Losses, place: Location
) -> str | None:
    backend.init_processing_pipeline()
    try:
        queries: list[Any] = backend.convert_correlation_rule(rule)
    except (NotImplementedError, ValueError) as error:
        losses.refuse("correlation", f"pySigma: {str(error).rstrip('.')}", place)
        return None
    return str(queries[0])
